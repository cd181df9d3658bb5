// Package pagetest makes boxes for the tests of the page.
package pagetest

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// File is what goes into a box.
type File struct {
	Name    string
	Content []byte
}

// ZIP locks files in an archive.
func ZIP(t testing.TB, p *envelope.Passphrase, files ...File) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := (&zipbox.Locker{Weak: true}).Lock(&b, p) // the tests' own passphrases protect nothing
	require.NoError(t, err)
	defer w.Abort()
	for _, f := range files {
		to, err := w.Create(f.Name, time.Unix(1700000000, 0))
		require.NoError(t, err)
		_, err = to.Write(f.Content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// Message seals content to a passphrase.
func Message(t testing.TB, format envelope.Format, p *envelope.Passphrase, content []byte) []byte {
	t.Helper()
	s := envelope.Sealer{Passphrases: []*envelope.Passphrase{p}, Format: format}
	if format == smime.Format() {
		s.Profile = envelope.Modern // which needs no signature
	}
	return seal(t, &s, content)
}

// Sealed seals content to a key.
func Sealed(t testing.TB, c *keyring.Certificate, content []byte) []byte {
	t.Helper()
	v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
	require.NoError(t, err)
	return seal(t, &envelope.Sealer{Profile: envelope.Modern}, content, v)
}

func seal(t testing.TB, s *envelope.Sealer, content []byte, to ...*keyring.Verified) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := s.Seal(&b, to...)
	require.NoError(t, err)
	defer w.Abort()
	_, err = io.Copy(w, bytes.NewReader(content))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}
