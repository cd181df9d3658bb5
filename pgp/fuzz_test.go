package pgp_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

const fuzzText = "The content of every message that the fuzzed ones are made from.\n"

// fuzzKeys are the keys in testdata that the seeds of FuzzOpen are sealed to.
func fuzzKeys(t testing.TB) (keys []*pgp.Key) {
	t.Helper()
	files, err := filepath.Glob("testdata/messages/*.key")
	require.NoError(t, err)
	require.NotEmpty(t, files, "no keys")
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		k, err := pgp.ParseKey(bytes.NewReader(b), nil)
		require.NoError(t, err)
		keys = append(keys, k)
	}
	return keys
}

// fuzzSeeds are messages of every form.
func fuzzSeeds(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/messages/*.pgp")
	require.NoError(t, err)
	require.NotEmpty(t, files, "no seeds")
	var seeds [][]byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		seeds = append(seeds, b)
	}
	return seeds
}

// FuzzOpen: what opens and is signed by the sender is the content that the
// sender signed; no error is of an unknown kind; SEIPDv1 releases nothing
// before an error.
func FuzzOpen(f *testing.F) {
	keys := fuzzKeys(f)
	o := &envelope.Opener{}
	for _, k := range keys {
		o.Identities = append(o.Identities, k.Identity())
		o.Senders = append(o.Senders, verified(f, k))
	}
	for _, s := range fuzzSeeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		m, err := o.Open(bytes.NewReader(msg))
		if err != nil {
			failure(t, err)
			return
		}
		defer m.Close()
		v1 := m.Report().Container == "SEIPDv1"
		got, err := io.ReadAll(m)
		if err != nil {
			require.False(t, v1, "an error after Open")
			failure(t, err)
			return
		}
		for _, s := range m.Report().Signatures {
			if s.Valid() && s.Sender != nil {
				require.Equal(t, fuzzText, string(got))
			}
		}
	})
}

// FuzzInspect: what can be inspected whole twice says the same; what can not
// has an error of a known kind. What opens can be inspected.
func FuzzInspect(f *testing.F) {
	for _, s := range fuzzSeeds(f) {
		f.Add(s)
	}
	for _, tag := range []byte{1, 2, 4} { // version 6 of each, with room for the largest lengths
		f.Add(cat(pkt(tag, bytes.Repeat([]byte{6}, 600)), literal(fuzzText)))
	}
	keys := fuzzKeys(f)
	o := &envelope.Opener{Senders: []*keyring.Verified{verified(f, keys[0])}}
	f.Fuzz(func(t *testing.T, msg []byte) {
		a, err := envelope.Inspect(bytes.NewReader(msg), pgp.Format())
		b, err2 := envelope.Inspect(struct{ io.Reader }{bytes.NewReader(msg)}, pgp.Format())
		require.Equal(t, err == nil, err2 == nil)
		m, verr := o.Verify(bytes.NewReader(msg))
		if verr == nil {
			got, err := io.ReadAll(m)
			require.NoError(t, err)
			require.Equal(t, fuzzText, string(got))
			require.NoError(t, m.Close())
		}
		if err != nil {
			failure(t, err)
			require.Error(t, verr)
			return
		}
		require.Equal(t, a, b)
	})
}

// FuzzVerifyDetached: whatever is taken for a signature of the sender is one
// over the text, and no error is of an unknown kind.
func FuzzVerifyDetached(f *testing.F) {
	o := &envelope.Opener{}
	for _, k := range fuzzKeys(f) {
		o.Senders = append(o.Senders, verified(f, k))
		for _, armor := range []bool{false, true} {
			f.Add(detached(f, armor, []byte(fuzzText), k), []byte(fuzzText))
		}
		_, text := signature{by: k, kind: packet.SigTypeText}.make(f, fuzzText)
		f.Add(text, []byte(fuzzText))
	}
	f.Fuzz(func(t *testing.T, sig, text []byte) {
		r, err := o.VerifyDetached(bytes.NewReader(sig), bytes.NewReader(text))
		if err != nil {
			failure(t, err)
			return
		}
		require.Equal(t, fuzzText, string(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))))
		require.NotEmpty(t, r.Signatures)
	})
}

// TestSeeds opens every seed: a fuzzer whose seeds are stale finds nothing.
func TestSeeds(t *testing.T) {
	o := &envelope.Opener{}
	for _, k := range fuzzKeys(t) {
		o.Identities = append(o.Identities, k.Identity())
		o.Senders = append(o.Senders, verified(t, k))
	}
	signedOnly := 0
	for _, s := range fuzzSeeds(t) {
		got, _, err := open(o, bytes.NewReader(s))
		if err != nil {
			m, err := o.Verify(bytes.NewReader(s))
			require.NoError(t, err)
			got, err = io.ReadAll(m)
			require.NoError(t, err)
			signedOnly++
			require.Equal(t, fuzzText, string(got))
			continue
		}
		require.Equal(t, fuzzText, string(got))
	}
	require.Equal(t, 3, signedOnly)
}
