package identities

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sample is a file with every field in it.
func sample() *container {
	return &container{
		fingerprint: strings.Repeat("AB", 32), added: time.Date(2026, 11, 22, 8, 15, 0, 123e6, time.UTC), cost: cost{memory: 8, passes: 1, lanes: 1},
		salt: [saltSize]byte{1}, nonce: [nonceSize]byte{2}, certificate: bytes.Repeat([]byte{3}, 100), sealed: bytes.Repeat([]byte{4}, 60),
	}
}

func TestParseContainer(t *testing.T) {
	t.Parallel()
	want := sample()
	file := string(want.marshal())
	got, err := parseContainer([]byte(file))
	require.NoError(t, err)
	require.Equal(t, want, got)

	for name, change := range map[string][2]string{
		"another version":             {"identity 1\n", "identity 2\n"},
		"no fingerprint":              {"fingerprint " + want.fingerprint, "fingerprint "},
		"a line less":                 {"added 2026-11-22T08:15:00.123Z\n", ""},
		"a line more":                 {"certificate\n", "certificate\n\n"},
		"a line beside":               {"certificate\n", "note x\ncertificate\n"},
		"another time zone":           {"123Z", "123+01:00"},
		"a time without milliseconds": {".123Z", "Z"},
		"a time that is none":         {"2026-11-22", "2026-13-22"},
		"a plus sign":                 {"memory=8", "memory=+8"},
		"a zero before":               {"memory=8", "memory=08"},
		"memory below zero":           {"memory=8", "memory=-8"},
		"memory beyond 32 bits":       {"memory=8", "memory=4294967304"},
		"two blanks":                  {"passes=1 lanes", "passes=1  lanes"},
		"something behind the salt":   {"==\naes", "== x\naes"},
		"a short salt":                {"salt=AQAAAAAAAAAAAAAAAAAAAA==", "salt=AQAAAAAAAAAAAAAAAAAA"},
		"a long nonce":                {"nonce=AgAAAAAAAAAAAAAA", "nonce=AgAAAAAAAAAAAAAAAAAA"},
		"bits behind the end":         {"AQAAAAAAAAAAAAAAAAAAAA==", "AQAAAAAAAAAAAAAAAAAAAB=="},
		"another function":            {"argon2id", "argon2i "},
		"another cipher":              {"aes-256-gcm", "aes-128-gcm"},
		"no certificate":              {file[strings.Index(file, "certificate\n")+12 : strings.Index(file, "secret\n")], ""},
		"no secret":                   {file[strings.Index(file, "secret\n")+7 : strings.Index(file, "end\n")], ""},
		"a line that is broken":       {"AwMDAwMD", "AwMD\nAwMD"},
		"lines that end as in DOS":    {"secret\n", "secret\r\n"},
		"no end":                      {"end\n", ""},
		"an end without a line end":   {"end\n", "end"},
		"something behind the end":    {"end\n", "end\n\n"},
		"two ends":                    {"end\n", "end\nend\n"},
	} {
		require.Equal(t, 1, min(1, strings.Count(file, change[0])), "%s: %q is not in the file", name, change[0])
		_, err := parseContainer([]byte(strings.Replace(file, change[0], change[1], 1)))
		require.ErrorIs(t, err, ErrUnlock, name)
	}
	_, err = parseContainer(nil)
	require.ErrorIs(t, err, ErrUnlock)
}

// A tag alone is no secret, and one octet beside it is.
func TestParseContainerShortest(t *testing.T) {
	t.Parallel()
	for n, good := range map[int]bool{tagSize + 1: false, zeros + tagSize: false, zeros + tagSize + 1: true} {
		c := sample()
		c.sealed = make([]byte, n)
		_, err := parseContainer(c.marshal())
		require.Equal(t, good, err == nil, "%d octets", n)
	}
}

// The limits hold before any work is done: nothing here is unlocked.
func TestParseContainerLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cost cost
		what string // "": within the limits
	}{
		{cost{maxMemory, maxPasses, maxLanes}, ""},
		{cost{maxMemory + 1, maxPasses, maxLanes}, "KiB of Argon2 memory"},
		{cost{maxMemory, maxPasses + 1, maxLanes}, "passes of Argon2"},
		{cost{maxMemory, maxPasses, maxLanes + 1}, "lanes of Argon2"},
		{cost{1<<32 - 1, 1<<32 - 1, 1<<32 - 1}, "KiB of Argon2 memory"},
		{cost{128, 1, 16}, ""},
		{cost{127, 1, 16}, "malformed"}, // golang.org/x/crypto/argon2 would take more in silence
		{cost{8, 1, 1}, ""},
		{cost{7, 1, 1}, "malformed"},
		{cost{8, 0, 1}, "malformed"}, // and would panic
		{cost{8, 1, 0}, "malformed"},
	} {
		s := sample()
		s.cost = c.cost
		_, err := parseContainer(s.marshal())
		var limit *LimitError
		switch c.what {
		case "":
			require.NoError(t, err, fmt.Sprint(c.cost))
		case "malformed":
			require.ErrorIs(t, err, ErrUnlock, fmt.Sprint(c.cost))
		default:
			require.ErrorAs(t, err, &limit, fmt.Sprint(c.cost))
			require.Equal(t, c.what, limit.What)
			require.NotErrorIs(t, err, ErrUnlock)
		}
	}
	s := sample()
	s.sealed = make([]byte, maxFile*3/4)
	_, err := parseContainer(s.marshal())
	var limit *LimitError
	require.ErrorAs(t, err, &limit)
	require.Equal(t, int64(maxFile), limit.Max)
}

// What is written is the second choice of RFC 9106, Section 4: t=3, p=4, m=2^16.
func TestStandardCost(t *testing.T) {
	t.Parallel()
	require.Equal(t, cost{memory: 65536, passes: 3, lanes: 4}, standard())
	require.NoError(t, standard().check())
}

// What is accepted is written with the same octets, and costs no more than the
// limits.
func FuzzParseContainer(f *testing.F) {
	file := sample().marshal()
	f.Add(file)
	f.Add(bytes.Replace(file, []byte("memory=8"), []byte("memory=262145"), 1))
	f.Add(bytes.Replace(file, []byte("\n"), []byte("\r\n"), -1))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseContainer(b)
		if err != nil {
			if !errors.As(err, new(*LimitError)) && !errors.Is(err, ErrUnlock) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		if !bytes.Equal(c.marshal(), b) {
			t.Fatalf("%q was read, and %q is written", b, c.marshal())
		}
		if c.cost.memory > maxMemory || c.cost.passes > maxPasses || c.cost.lanes > maxLanes {
			t.Fatalf("%v is beyond the limits", c.cost)
		}
	})
}
