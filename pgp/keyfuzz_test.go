package pgp

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// keySeeds adds the fixtures, binary and armored, and fails if there are none.
func keySeeds(f *testing.F, pattern string) {
	files, err := filepath.Glob("testdata/keys/" + pattern)
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(b)
		raw, _, err := dearmorKey(b)
		require.NoError(f, err)
		f.Add(raw)
	}
}

// FuzzParseCertificate: what is kept of anything parses to the same
// certificate, is its own canonical form, and answers every question.
func FuzzParseCertificate(f *testing.F) {
	keySeeds(f, "*.pub.asc")
	f.Add(simple(f, 6, day(2024, 1, 1)).raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCertificate(b)
		if err != nil {
			require.Nil(t, c)
			return
		}
		again, err := parseCertificate(c.Encoding())
		require.NoError(t, err)
		require.Equal(t, c.fingerprint(), again.fingerprint())
		require.Equal(t, c.Encoding(), again.Encoding())
		require.Equal(t, c.Addresses(), again.Addresses())
		require.False(t, c.fingerprint().IsZero())
		for _, now := range []time.Time{{}, vectorTime, endOfTime} {
			require.Equal(t, c.CheckSeal(now, seam.Auto) == nil, again.CheckSeal(now, seam.Auto) == nil)
			if c.Refuse() != nil {
				require.Error(t, c.CheckSeal(now, seam.Auto))
			}
			c.readsSEIPDv2(now)
			c.readsGCM(now)
		}
	})
}

// FuzzParseKey: a key that opens without a passphrase holds the secret of its
// own certificate, and is the same after it was written and read, and longer.
func FuzzParseKey(f *testing.F) {
	keySeeds(f, "unprotected.sec.asc")
	k, err := GenerateKey(KeyOptions{Address: "bob@example.org", Profile: 1})
	require.NoError(f, err)
	six, err := k.Marshal(nil)
	require.NoError(f, err)
	f.Add(six)
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := ParseKey(bytes.NewReader(b), nil)
		if err != nil {
			require.Nil(t, k)
			return
		}
		require.NotEmpty(t, k.private.secrets)
		public, err := KeyCertificate(b)
		require.NoError(t, err)
		require.Equal(t, k.Certificate().Marshal(), public.Marshal())
		if more, err := k.Extend(0); err == nil {
			require.Equal(t, k.Certificate().Fingerprint(), more.Certificate().Fingerprint())
			require.Equal(t, k.Certificate().Addresses(), more.Certificate().Addresses())
			require.Len(t, more.private.secrets, len(k.private.secrets))
		}
		out, err := k.Marshal(nil)
		require.NoError(t, err)
		again, err := ParseKey(bytes.NewReader(out), nil)
		require.NoError(t, err)
		require.Equal(t, k.Certificate().Marshal(), again.Certificate().Marshal())
		require.Equal(t, len(k.private.secrets), len(again.private.secrets))
	})
}
