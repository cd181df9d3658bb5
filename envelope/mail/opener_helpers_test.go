package mail_test

import (
	"bytes"
	"crypto/fips140"
	"encoding/base64"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// party is somebody with a key of each format.
type party struct {
	address string
	pgp     *pgp.Key
	smime   *smime.Key
}

var parties = map[string]func() *party{
	"alice": sync.OnceValue(func() *party { return newParty("alice@example.org") }),
	"bob":   sync.OnceValue(func() *party { return newParty("bob@example.org") }),
	"eve":   sync.OnceValue(func() *party { return newParty("eve@example.net") }),
}

// partyOf is one of parties. OpenPGP needs what FIPS 140 mode forbids.
func partyOf(t testing.TB, name string) *party {
	t.Helper()
	if fips140.Enforced() {
		t.Skip("skipped: needs OpenPGP, which GODEBUG=fips140=only does not allow")
	}
	return parties[name]()
}

func newParty(address string) *party {
	p, err := pgp.GenerateKey(pgp.KeyOptions{Address: address})
	if err != nil {
		panic(err)
	}
	s, err := smime.GenerateKey(smime.KeyOptions{Address: address, Algorithm: "p256"})
	if err != nil {
		panic(err)
	}
	return &party{address, p, s}
}

func (p *party) certificate(format string) *keyring.Certificate {
	if format == "OpenPGP" {
		return p.pgp.Certificate()
	}
	return p.smime.Certificate()
}

func (p *party) verified(t testing.TB, format string) *keyring.Verified {
	t.Helper()
	c := p.certificate(format)
	v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
	require.NoError(t, err)
	return v
}

func (p *party) signer(format string) envelope.Signer {
	if format == "OpenPGP" {
		return p.pgp.Signer()
	}
	return p.smime.Signer()
}

func (p *party) identities() []envelope.Identity {
	return []envelope.Identity{p.pgp.Identity(), p.smime.Identity()}
}

// reader is Bob, who believes Alice.
func reader(t testing.TB) *mail.Opener {
	t.Helper()
	alice := partyOf(t, "alice")
	return &mail.Opener{
		Identities: partyOf(t, "bob").identities(),
		Senders:    []*keyring.Verified{alice.verified(t, "OpenPGP"), alice.verified(t, "S/MIME")},
	}
}

// Mails are put together of functions from an entity to an entity, each of which
// is a layer.

// headers is the header of a mail, to which the fields of an entity are added.
const headers = "From: alice@example.org\r\nTo: bob@example.org\r\nSubject: lunch\r\nDate: Thu, 01 Oct 2026 12:00:00 +0000\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n"

const hello = "Content-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n"

func written(t testing.TB, w *envelope.Writer, err error, text string) {
	t.Helper()
	require.NoError(t, err)
	defer w.Abort()
	_, err = io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
}

func lines(b []byte) string {
	var out strings.Builder
	for s := base64.StdEncoding.EncodeToString(b); s != ""; {
		n := min(76, len(s))
		out.WriteString(s[:n] + "\r\n")
		s = s[n:]
	}
	return out.String()
}

func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// sealedTo is an entity that is encrypted, and signed inside if by says so.
func sealedTo(t testing.TB, format, entity string, by *party, to ...*party) string {
	t.Helper()
	s := envelope.Sealer{Profile: envelope.Compatible, Armor: format == "OpenPGP", Entity: format != "OpenPGP"}
	if by != nil {
		s.Signers = []envelope.Signer{by.signer(format)}
	} else {
		s.Profile = envelope.Modern
	}
	var certs []*keyring.Verified
	for _, p := range to {
		certs = append(certs, p.verified(t, format))
	}
	var out bytes.Buffer
	w, err := s.Seal(&out, certs...)
	written(t, w, err, entity)
	if format == "OpenPGP" {
		return pgpMIME(out.String())
	}
	return cms("enveloped-data", out.Bytes())
}

func pgpMIME(armor string) string {
	return "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=enc\r\n\r\n" +
		"--enc\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n" +
		"--enc\r\nContent-Type: application/octet-stream; name=encrypted.asc\r\n\r\n" + crlf(armor) + "\r\n--enc--\r\n"
}

func cms(kind string, b []byte) string {
	return "Content-Type: application/pkcs7-mime; smime-type=" + kind + "; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines(b)
}

func signature(t testing.TB, format, content string, by *party) []byte {
	t.Helper()
	s := envelope.Sealer{Armor: format == "OpenPGP", Signers: []envelope.Signer{by.signer(format)}}
	var out bytes.Buffer
	w, err := s.SignDetached(&out)
	written(t, w, err, content)
	return out.Bytes()
}

// signedBy is a multipart/signed.
func signedBy(t testing.TB, format, entity string, by *party) string {
	t.Helper()
	entity = strings.TrimSuffix(entity, "\r\n")
	sig := signature(t, format, entity, by)
	kind, text := "pgp", "Content-Type: application/pgp-signature\r\n\r\n"+crlf(string(sig))
	if format != "OpenPGP" {
		kind, text = "pkcs7", "Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n"+lines(sig)
	}
	boundary := "sig-" + kind
	for strings.Contains(entity, "--"+boundary) {
		boundary = "x" + boundary
	}
	return "Content-Type: multipart/signed; micalg=sha-256; protocol=\"application/" + kind + "-signature\"; boundary=" + boundary + "\r\n\r\n" +
		"--" + boundary + "\r\n" + entity + "\r\n--" + boundary + "\r\n" + text + "\r\n--" + boundary + "--\r\n"
}

// opaque is a CMS message that is signed with its content.
func opaque(t testing.TB, entity string, by *party) string {
	t.Helper()
	var out bytes.Buffer
	w, err := envelope.Sign(&out, by.signer("S/MIME"))
	written(t, w, err, entity)
	return cms("signed-data", out.Bytes())
}

// mixed puts entities beside each other.
func mixed(entities ...string) string {
	return container("multipart/mixed", "mix", entities...)
}

func container(kind, boundary string, entities ...string) string {
	var b strings.Builder
	b.WriteString("Content-Type: " + kind + "; boundary=" + boundary + "\r\n\r\n")
	for _, e := range entities {
		b.WriteString("--" + boundary + "\r\n" + e + "\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	return b.String()
}

func opened(t testing.TB, o *mail.Opener, text string) *mail.Message {
	t.Helper()
	m, err := o.Open(strings.NewReader(text))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// shape is the tree in a few words: path, type, what is around each part (e, s,
// p for protected), its island; and the layers with what went wrong.
func shape(m *mail.Message) string {
	var b strings.Builder
	for _, p := range m.Parts() {
		b.WriteString(p.Path + " " + p.MediaType)
		flags := ""
		for _, f := range []struct {
			on   bool
			flag string
		}{{p.Encrypted, "e"}, {p.Signed, "s"}, {p.Protected, "p"}} {
			if f.on {
				flags += f.flag
			}
		}
		if flags != "" {
			b.WriteString(" " + flags)
		}
		if l := p.Layer(); l != nil {
			b.WriteString(" [" + l.Kind)
			if l.Errant {
				b.WriteString(" errant")
			}
			if l.Err != nil {
				b.WriteString(" !")
			}
			b.WriteString("]")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func text(t testing.TB, m *mail.Message, path string) string {
	t.Helper()
	for _, p := range m.Parts() {
		if p.Path == path {
			b, err := io.ReadAll(p.Open())
			require.NoError(t, err)
			return string(b)
		}
	}
	require.Fail(t, "no part "+path+" in\n"+shape(m))
	return ""
}

func codes(m *mail.Message) (all []string) {
	for _, p := range m.Parts() {
		for _, f := range p.Findings {
			all = append(all, f.Code)
		}
	}
	return all
}
