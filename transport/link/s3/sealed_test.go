package s3_test

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/doublekeybox/doublekeybox/transport/link/s3"
)

// written is what w got.
func written(t *testing.T, w *envelope.Writer, err error, got *bytes.Buffer) []byte {
	t.Helper()
	require.NoError(t, err)
	defer w.Abort()
	_, err = io.WriteString(w, "you owe us nothing")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return got.Bytes()
}

// withAttributes is an AuthEnvelopedData of indefinite length with unauthAttrs (RFC
// 5083, Section 2.1), which everybody reads and no reader looks at.
func withAttributes(t *testing.T, cms []byte) []byte {
	t.Helper()
	ends := make([]byte, 6)
	require.True(t, bytes.HasSuffix(cms, ends))
	const clear = "you owe us nothing"
	with := append([]byte{0xA2, byte(len(clear) + 2), 0x04, byte(len(clear))}, clear...)
	return append(append(bytes.Clone(cms[:len(cms)-len(ends)]), with...), ends...)
}

// What is stored is what nobody can read without a key or a passphrase, by what
// it is and not by what it is called.
func TestSealed(t *testing.T) {
	t.Parallel()
	skipInFIPS(t)
	pgpKey, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	require.NoError(t, err)
	smimeKey, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256", ReadsGCM: true})
	require.NoError(t, err)
	verified := func(c *keyring.Certificate) *keyring.Verified {
		v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
		require.NoError(t, err)
		return v
	}
	seal := func(s envelope.Sealer, c *keyring.Certificate) []byte {
		var got bytes.Buffer
		w, err := s.Seal(&got, verified(c))
		return written(t, w, err, &got)
	}
	sign := func(by envelope.Signer) []byte {
		var got bytes.Buffer
		w, err := envelope.Sign(&got, by)
		return written(t, w, err, &got)
	}
	openpgp, cms := seal(envelope.Sealer{}, pgpKey.Certificate()), seal(envelope.Sealer{}, smimeKey.Certificate())
	var plain bytes.Buffer
	z := zip.NewWriter(&plain)
	f, err := z.Create("statement.pdf")
	require.NoError(t, err)
	_, err = io.WriteString(f, "you owe us nothing")
	require.NoError(t, err)
	require.NoError(t, z.Close())
	named, err := os.ReadFile("../../../envelope/zipbox/testdata/7z-256.zip")
	require.NoError(t, err)

	const clear = "you owe us nothing"
	padding := append([]byte{0xC0 | 21, byte(len(clear))}, clear...) // RFC 9580, Section 5.14
	nobody := append([]byte{0xC0 | 18, byte(1 + len(clear)), 1}, clear...)

	all := []envelope.Format{pgp.Format(), smime.Format()}
	for name, c := range map[string]struct {
		octets  []byte
		formats []envelope.Format
		called  string // "" where it is refused
		says    string
	}{
		"a box":                        {locked(t, "you owe us nothing"), nil, "documents.zip", ""},
		"a box, and formats":           {locked(t, "you owe us nothing"), all, "documents.zip", ""},
		"OpenPGP":                      {openpgp, all, "documents.pgp", ""},
		"CMS":                          {cms, all, "documents.p7m", ""},
		"OpenPGP, where CMS is asked":  {openpgp, all[1:], "", "not a sealed message"},
		"CMS, where OpenPGP is asked":  {cms, all[:1], "", "not a sealed message"},
		"OpenPGP, where none is asked": {openpgp, nil, "", ""},
		"OpenPGP, signed":              {sign(pgpKey.Signer()), all, "", "it is signed only"},
		"CMS, signed":                  {sign(smimeKey.Signer()), all, "", "it is signed only"},
		"OpenPGP as text":              {seal(envelope.Sealer{Armor: true}, pgpKey.Certificate()), all, "", "it is text"},
		"CMS as text":                  {seal(envelope.Sealer{Armor: true}, smimeKey.Certificate()), all, "", "it is text"},
		"OpenPGP, and more":            {append(bytes.Clone(openpgp), "you owe us nothing"...), all, "", ""},
		"CMS, and more":                {append(bytes.Clone(cms), "you owe us nothing"...), all, "", ""},
		"OpenPGP, text in front of it": {append(bytes.Clone(padding), openpgp...), all, "", "beside what is encrypted"},
		"OpenPGP, text behind it":      {append(bytes.Clone(openpgp), padding...), all, "", "beside what is encrypted"},
		"OpenPGP for nobody":           {nobody, all, "", "nobody can open it"},
		"CMS, with attributes of text": {withAttributes(t, cms), all, "", "beside what is encrypted"},
		"OpenPGP, not all of it":       {openpgp[:len(openpgp)-1], all, "", ""},
		"CMS, not all of it":           {cms[:len(cms)-1], all, "", ""},
		"a plain archive":              {plain.Bytes(), all, "", ""},
		"a box with names":             {named, all, "", "names of its files are in the clear"},
		"a document":                   {[]byte("%PDF-1.7 you owe us nothing"), all, "", ""},
	} {
		s := &stub{}
		store, _ := s.serve(t, fixed())
		store.Formats = c.formats
		l, err := store.Put(t.Context(), bytes.NewReader(c.octets), int64(len(c.octets)), time.Hour)
		require.Equal(t, c.called, l.Name, name)
		if c.called != "" {
			require.NoError(t, err, name)
			require.Equal(t, [][]byte{c.octets}, s.bodies, name)
			continue
		}
		require.ErrorIs(t, err, s3.ErrNotSealed, name)
		require.ErrorContains(t, err, c.says, name)
		require.NotContains(t, err.Error(), "you owe us", name)
		require.Empty(t, s.puts, name)
	}
}
