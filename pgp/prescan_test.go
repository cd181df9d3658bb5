package pgp

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

func argon2Spec(passes, lanes, exponent byte) []byte {
	return append(append([]byte{s2kArgon2}, make([]byte, 16)...), passes, lanes, exponent)
}

func TestScanS2K(t *testing.T) {
	const limit, bad = "limit", "bad"
	for name, c := range map[string]struct {
		spec []byte
		want string // "": accepted
	}{
		"what we write":      {argon2Spec(3, 4, 16), ""},
		"most memory":        {argon2Spec(1, 1, 18), ""},
		"more memory":        {argon2Spec(1, 1, 19), limit},
		"2 TiB":              {argon2Spec(1, 1, 31), limit},
		"beyond the RFC":     {argon2Spec(1, 1, 32), bad},
		"255":                {argon2Spec(1, 1, 255), bad},
		"most passes":        {argon2Spec(10, 1, 10), ""},
		"more passes":        {argon2Spec(11, 1, 10), limit},
		"no passes":          {argon2Spec(0, 1, 10), bad},
		"most lanes":         {argon2Spec(1, 16, 10), ""},
		"more lanes":         {argon2Spec(1, 17, 10), limit},
		"no lanes":           {argon2Spec(1, 0, 10), bad},
		"least memory":       {argon2Spec(1, 4, 5), ""},
		"less than 8 a lane": {argon2Spec(1, 4, 4), bad},
		"cut off":            {argon2Spec(1, 4, 5)[:19], bad},
		"simple":             {[]byte{s2kSimple, 8}, ""},
		"salted":             {append([]byte{s2kSalted, 8}, make([]byte, 8)...), ""},
		"iterated, most":     {append([]byte{s2kIterated, 8}, 0, 0, 0, 0, 0, 0, 0, 0, 255), ""},
		"iterated, cut off":  {append([]byte{s2kIterated, 8}, make([]byte, 8)...), bad},
		"a stub":             {[]byte{s2kGnuPG, 0, 'G', 'N', 'U', 1}, ""},
		"reserved":           {[]byte{2, 8}, bad},
		"empty":              {nil, bad},
	} {
		s, err := scanS2K(c.spec, maxArgon2Memory)
		switch c.want {
		case "":
			require.NoError(t, err, name)
			require.Equal(t, len(c.spec), s.len, name)
			_, err = scanS2K(append(bytes.Clone(c.spec), 1, 2, 3), maxArgon2Memory)
			require.NoError(t, err, name)
		case limit:
			require.ErrorAs(t, err, new(*envelope.LimitError), name)
		default:
			require.Error(t, err, name)
			require.NotErrorIs(t, err, envelope.ErrLimit, name)
		}
	}
}

func TestScanSKESK(t *testing.T) {
	good := argon2Spec(1, 4, 16)
	six := func(count byte) []byte { return append([]byte{6, 23, 9, 2, count}, good...) }
	for name, c := range map[string]struct {
		body []byte
		ok   bool
	}{
		"version 4":        {append([]byte{4, 9}, good...), true},
		"version 5":        {append([]byte{5, 9, 2}, good...), true},
		"version 6":        {six(20), true},
		"its count is off": {six(19), false},
		"version 7":        {append([]byte{7, 9}, good...), false},
		"a stub":           {[]byte{4, 9, s2kGnuPG, 0, 'G', 'N', 'U', 1}, false},
		"no specifier":     {[]byte{4, 9}, false},
		"one octet":        {[]byte{4}, false},
		"empty":            {nil, false},
		"6, cut":           {[]byte{6, 23, 9, 2}, false},
	} {
		_, err := scanSKESK(c.body)
		require.Equal(t, c.ok, err == nil, "%s: %v", name, err)
	}
}

// TestCraftedSKESK: messages that would take terabytes of memory are refused
// by what they say.
func TestCraftedSKESK(t *testing.T) {
	root := os.Getenv("DKB_VECTORS")
	if root == "" {
		t.Skip("set DKB_VECTORS to the folder of test vectors")
	}
	files, err := filepath.Glob(filepath.Join(root, "crafted/pgp/skesk4_*"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 6)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		tag, n, head, err := keyPacketHeader(b)
		require.NoError(t, err)
		require.Equal(t, 3, tag)
		_, err = scanSKESK(b[head : head+int(n)])
		switch filepath.Base(f) {
		case "skesk4_argon2_m16.pgp", "skesk4_iterated_max.pgp":
			require.NoError(t, err, f)
		default:
			require.ErrorAs(t, err, new(*envelope.LimitError), f)
		}
	}
}
