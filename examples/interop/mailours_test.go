package interop_test

import (
	"bytes"
	"io"
	netmail "net/mail"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// compose writes l as our Composer does.
func (w *mailWorld) compose(t *testing.T, c mailCell, l *letter) []byte {
	t.Helper()
	d := &mail.Draft{
		From: netmail.Address{Name: l.from.name, Address: l.from.address}, To: []netmail.Address{{Name: l.to.name, Address: l.to.address}},
		Subject: l.subject, Text: l.text + "\n",
		Attachments: []mail.Attachment{{Name: attachment, Body: strings.NewReader(l.content)}},
	}
	composer := &mail.Composer{Keys: map[string][]*keyring.Verified{l.to.address: {l.to.cert}}}
	switch {
	case c.cbc(): // which only a signature inside protects
		composer.Profile, composer.Legacy.UnauthenticatedCBC = envelope.Compatible, !c.signed()
	case c.format == "smime" && c.encrypted():
		composer.Profile = envelope.Modern
	}
	if c.signed() {
		composer.Signers = []envelope.Signer{l.from.signer}
	}
	if !c.encrypted() {
		return signClear(t, composer, d)
	}
	plan, err := composer.Plan(d)
	require.NoError(t, err)
	sealed, err := plan.Seal()
	require.NoError(t, err)
	require.Len(t, sealed, 1)
	defer sealed[0].Close()
	require.Equal(t, []string{l.to.address}, sealed[0].Recipients())
	var b bytes.Buffer
	_, err = sealed[0].WriteTo(&b)
	require.NoError(t, err)
	return b.Bytes()
}

// signClear writes a mail that is signed alone.
func signClear(t *testing.T, c *mail.Composer, d *mail.Draft) []byte {
	t.Helper()
	signed, err := c.SignClear(d, nil)
	require.NoError(t, err)
	defer signed.Close()
	var b bytes.Buffer
	_, err = signed.WriteTo(&b)
	require.NoError(t, err)
	return b.Bytes()
}

// open reads a mail as our Opener does.
func (w *mailWorld) open(t *testing.T, c mailCell, l *letter, eml []byte) *shown {
	t.Helper()
	o := &mail.Opener{
		Identities: []envelope.Identity{l.to.identity}, Senders: []*keyring.Verified{l.from.cert},
		Formats: []envelope.Format{pgp.Format(), smime.Format()}, Strict: true,
	}
	if c.format == "smime" { // nobody is known: the authority's word is what counts
		ca, err := smime.ParseCertificate(read(t, w.ca(t)))
		require.NoError(t, err)
		o.Senders, o.Evidence = nil, func(address string, beside ...*keyring.Certificate) keyring.Evidence {
			return smime.ChainTo(address, &smime.Authorities{Roots: []*keyring.Certificate{ca}}, beside...)
		}
	}
	if c.unauthenticated() {
		m, err := o.Open(bytes.NewReader(eml))
		require.NoError(t, err)
		defer m.Close()
		require.ErrorIs(t, m.Err(), envelope.ErrDecrypt)
		o.Legacy.UnauthenticatedCBC = true
	}
	m, err := o.Open(bytes.NewReader(eml))
	require.NoError(t, err)
	defer m.Close()
	s := m.Summary()
	t.Logf("%+v", s)
	require.Equal(t, c.signed(), s.Signed)
	require.Equal(t, c.signed(), s.SignerMatchesFrom)
	if c.unauthenticated() { // never called encrypted; the content is there, and nothing is said for it
		require.False(t, s.Encrypted)
		s.Encrypted = true
	}
	got := &shown{subject: s.Subject, from: s.From, files: map[string]string{}, encrypted: s.Encrypted, good: s.Verified}
	for _, p := range m.Parts() {
		if p.MediaType != "text/plain" && p.Name != attachment {
			continue
		}
		b, err := io.ReadAll(p.Open())
		require.NoError(t, err, p.Path)
		if p.Name == "" {
			got.text += string(b)
		} else {
			got.files[p.Name] = string(b)
		}
		require.Equal(t, !c.unauthenticated(), p.Protected, p.Path)
		require.Equal(t, c.encrypted() && !c.unauthenticated(), p.Encrypted, p.Path)
		require.Equal(t, c.signed(), p.Verified, p.Path)
	}
	return got
}
