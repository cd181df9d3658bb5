package interop_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Programs that know cryptography and nothing of mails: what is around it is
// written and read with the standard library alone.

// entity is the MIME entity of l, with the header fields that are protected.
func (l *letter) entity() []byte {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	b.WriteString(l.fields(mime.QEncoding.Encode("utf-8", l.from.name)+" ", mime.BEncoding.Encode("utf-8", l.subject)))
	fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%q; hp=\"clear\"\r\n\r\n", w.Boundary())
	part, _ := w.CreatePart(map[string][]string{"Content-Type": {"text/plain; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"}})
	q := quotedprintable.NewWriter(part)
	io.WriteString(q, l.text+"\r\n")
	q.Close()
	part, _ = w.CreatePart(map[string][]string{"Content-Type": {"application/pdf"}, "Content-Transfer-Encoding": {"base64"},
		"Content-Disposition": {mime.FormatMediaType("attachment", map[string]string{"filename": attachment})}})
	io.WriteString(part, base64.StdEncoding.EncodeToString([]byte(l.content))+"\r\n")
	w.Close()
	return b.Bytes()
}

// fields are the header fields of l.
func (l *letter) fields(name, subject string) string {
	return fmt.Sprintf("From: %s<%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: Sun, 22 Nov 2026 11:33:34 +0000\r\nMessage-ID: <%x@example.org>\r\n",
		name, l.from.address, l.to.address, subject, sha1.Sum([]byte(l.content)))
}

// sealed is the entity of a mail that is encrypted: RFC 9788, Section 2.2.1.
func (l *letter) sealed() []byte {
	outer := "HP-Outer: " + strings.ReplaceAll(strings.TrimSpace(l.fields("", "[...]")), "\r\n", "\r\nHP-Outer: ")
	e := strings.Replace(string(l.entity()), `hp="clear"`, `hp="cipher"`, 1)
	return []byte(strings.Replace(e, "Content-Type", outer+"\r\nContent-Type", 1))
}

// header is what stands outside.
func (l *letter) header(c mailCell, rest string) string {
	if c.encrypted() {
		return l.fields("", "[...]") + "MIME-Version: 1.0\r\n" + rest
	}
	return l.fields(mime.QEncoding.Encode("utf-8", l.from.name)+" ", mime.BEncoding.Encode("utf-8", l.subject)) + "MIME-Version: 1.0\r\n" + rest
}

// show reads an entity.
func (l *letter) show(t *testing.T, c mailCell, entity []byte) *shown {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(entity))
	require.NoError(t, err)
	var words mime.WordDecoder
	got := &shown{files: map[string]string{}, encrypted: c.encrypted(), good: c.signed()}
	got.subject, err = words.DecodeHeader(m.Header.Get("Subject"))
	require.NoError(t, err)
	got.from, err = words.DecodeHeader(m.Header.Get("From"))
	require.NoError(t, err)
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, map[bool]string{true: "cipher", false: "clear"}[c.encrypted()], params["hp"])
	r := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := r.NextPart()
		if err == io.EOF {
			return got
		}
		require.NoError(t, err)
		var body io.Reader = p
		if p.Header.Get("Content-Transfer-Encoding") == "base64" {
			body = base64.NewDecoder(base64.StdEncoding, p)
		}
		b, err := io.ReadAll(body)
		require.NoError(t, err)
		if name := p.FileName(); name != "" {
			got.files[name] = string(b)
		} else {
			got.text += string(b)
		}
	}
}

// parts returns the parts of a multipart mail as they stand there, octet by
// octet, and the type with its parameters.
func parts(t *testing.T, eml []byte) (kind string, params map[string]string, parts [][]byte) {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(eml))
	require.NoError(t, err)
	kind, params, err = mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	all := bytes.Split(eml, []byte("\r\n--"+params["boundary"]))
	require.Greater(t, len(all), 2)
	require.Equal(t, "--", strings.TrimSpace(string(all[len(all)-1])))
	for _, p := range all[1 : len(all)-1] {
		parts = append(parts, bytes.TrimPrefix(p, []byte("\r\n")))
	}
	return kind, params, parts
}

// body returns what follows the header, without its transfer encoding.
func body(t *testing.T, entity []byte) []byte {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(entity))
	require.NoError(t, err)
	r := m.Body
	if strings.EqualFold(m.Header.Get("Content-Transfer-Encoding"), "base64") {
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return b
}

// multipartOf puts two parts behind each other.
func multipartOf(kind, params string, first, second []byte) string {
	const boundary = "=_the_boundary_of_this"
	return fmt.Sprintf("Content-Type: %[1]s; %[2]s;\r\n boundary=%[3]q\r\n\r\n--%[3]s\r\n%[4]s\r\n--%[3]s\r\n%[5]s\r\n--%[3]s--\r\n", kind, params, boundary, first, second)
}

// mailGPG is gpg: RFC 3156 is in the test.
type mailGPG struct{ w *mailWorld }

// meet makes the one's gpg know the other.
func (p mailGPG) meet(t *testing.T, me, friend *person) {
	p.w.once("gpg "+me.key.name+" "+friend.key.name, func() { gpg{p.w.world}.must(t, me.key, nil, "--import", friend.public) })
}

func (p mailGPG) send(t *testing.T, c mailCell, l *letter) []byte {
	t.Helper()
	p.meet(t, l.from, l.to)
	g := gpg{p.w.world}
	if !c.encrypted() {
		e := l.entity()
		sig := g.must(t, l.from.key, e, "--local-user", l.from.fingerprint, "--digest-algo", "SHA256", "--armor", "--detach-sign")
		return []byte(l.header(c, multipartOf("multipart/signed", `micalg=pgp-sha256; protocol="application/pgp-signature"`,
			e, crlf(append([]byte("Content-Type: application/pgp-signature\n\n"), sig...)))))
	}
	args := []string{"--armor", "--encrypt", "--recipient", l.to.fingerprint}
	if c.signed() {
		args = append(args, "--sign", "--local-user", l.from.fingerprint)
	}
	sealed := g.must(t, l.from.key, l.sealed(), args...)
	return []byte(l.header(c, multipartOf("multipart/encrypted", `protocol="application/pgp-encrypted"`,
		[]byte("Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"), crlf(append([]byte("Content-Type: application/octet-stream\n\n"), sealed...)))))
}

func (p mailGPG) read(t *testing.T, c mailCell, l *letter, eml []byte) *shown {
	t.Helper()
	p.meet(t, l.to, l.from)
	kind, params, in := parts(t, eml)
	require.Len(t, in, 2)
	g := gpg{p.w.world}
	args, stdin := g.args(l.to.key, "--status-fd", "2", "--decrypt"), body(t, in[1])
	if !c.encrypted() {
		require.Equal(t, "multipart/signed", kind)
		require.Equal(t, "application/pgp-signature", params["protocol"])
		args, stdin = g.args(l.to.key, "--status-fd", "2", "--verify", file(t, stdin), "-"), in[0]
	} else {
		require.Equal(t, "multipart/encrypted", kind)
		require.Equal(t, "application/pgp-encrypted", params["protocol"])
		require.Equal(t, "Version: 1", strings.TrimSpace(string(body(t, in[0]))))
	}
	out, status, err := runBoth(stdin, "gpg", args...)
	require.NoError(t, err)
	m := validSig.FindSubmatch(status)
	require.Equal(t, c.signed(), m != nil && string(m[1]) == plainHex(l.from.fingerprint), "%s", status)
	if !c.encrypted() {
		out = in[0]
	}
	return l.show(t, c, out)
}

// mailOpenSSL is openssl, which writes and reads S/MIME entities itself.
type mailOpenSSL struct{ w *mailWorld }

func (p mailOpenSSL) sign(t *testing.T, l *letter, e []byte) []byte {
	return must(t, e, "openssl", "cms", "-sign", "-binary", "-md", "sha256", "-signer", l.from.public, "-inkey", l.from.secret, "-outform", "SMIME", "-crlfeol")
}

func (p mailOpenSSL) send(t *testing.T, c mailCell, l *letter) []byte {
	t.Helper()
	if !c.encrypted() {
		signed := crlf(p.sign(t, l, l.entity()))
		return []byte(l.header(c, strings.TrimPrefix(string(signed), "MIME-Version: 1.0\r\n")))
	}
	e := l.sealed()
	if c.signed() {
		e = must(t, e, "openssl", "cms", "-sign", "-binary", "-nodetach", "-md", "sha256", "-signer", l.from.public, "-inkey", l.from.secret, "-outform", "SMIME")
	}
	sealed := must(t, e, "openssl", "cms", "-encrypt", "-binary", "-aes-256-gcm", "-outform", "SMIME", l.to.public)
	return []byte(l.header(c, strings.TrimPrefix(string(crlf(sealed)), "MIME-Version: 1.0\r\n")))
}

func (p mailOpenSSL) read(t *testing.T, c mailCell, l *letter, eml []byte) *shown {
	t.Helper()
	verify := func(in []byte) []byte {
		signer := filepath.Join(t.TempDir(), "signer")
		// openssl smime is what people call, and cms what knows newer algorithms.
		out := must(t, in, "openssl", "cms", "-verify", "-inform", "SMIME", "-CAfile", p.w.ca(t), "-signer", signer)
		if !c.encrypted() { // inside, as new programs do it
			same(t, out, must(t, in, "openssl", "smime", "-verify", "-inform", "SMIME", "-CAfile", p.w.ca(t)))
		}
		got := must(t, nil, "openssl", "x509", "-in", signer, "-noout", "-email")
		require.Equal(t, l.from.address, strings.TrimSpace(string(got)))
		return out
	}
	if !c.encrypted() {
		return l.show(t, c, verify(eml))
	}
	out := must(t, eml, "openssl", "cms", "-decrypt", "-inform", "SMIME", "-recip", l.to.public, "-inkey", l.to.secret)
	if c.signed() {
		out = verify(out)
	}
	return l.show(t, c, out)
}

// mailGpgsm is gpgsm: what is around its CMS is in the test.
type mailGpgsm struct {
	w *mailWorld
	g gpgsm
}

func (p mailGpgsm) meet(t *testing.T, friend *person) {
	p.w.once("gpgsm "+friend.key.name, func() { p.g.must(t, nil, "--import", friend.public) })
}

func smimeEntity(kind string, cms []byte) []byte {
	return fmt.Appendf(nil, "Content-Type: application/%s\r\nContent-Transfer-Encoding: base64\r\n\r\n%s", kind, wrap(cms))
}

// wrap is base64 in lines of 76.
func wrap(b []byte) string {
	var lines strings.Builder
	for b64 := base64.StdEncoding.EncodeToString(b); b64 != ""; {
		n := min(76, len(b64))
		lines.WriteString(b64[:n] + "\r\n")
		b64 = b64[n:]
	}
	return lines.String()
}

func (p mailGpgsm) send(t *testing.T, c mailCell, l *letter) []byte {
	t.Helper()
	p.meet(t, l.to)
	id := func(who *person) string { return fmt.Sprintf("0x%x", sha1.Sum(who.cert.Certificate().Marshal())) }
	if !c.encrypted() {
		e := l.entity()
		sig := p.g.must(t, e, "--include-certs", "1", "--local-user", id(l.from), "--detach-sign")
		return []byte(l.header(c, multipartOf("multipart/signed", `micalg=sha-256; protocol="application/pkcs7-signature"`,
			e, smimeEntity("pkcs7-signature; name=smime.p7s", sig))))
	}
	e := l.sealed()
	if c.signed() {
		sig := p.g.must(t, e, "--include-certs", "1", "--local-user", id(l.from), "--detach-sign") // it has no opaque signature of bytes in a pipe
		e = []byte(multipartOf("multipart/signed", `micalg=sha-256; protocol="application/pkcs7-signature"`,
			e, smimeEntity("pkcs7-signature; name=smime.p7s", sig)))
	}
	sealed := p.g.must(t, e, "--cipher-algo", "AES256", "--encrypt", "--recipient", id(l.to))
	return []byte(l.header(c, string(smimeEntity("pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", sealed))))
}

func (p mailGpgsm) read(t *testing.T, c mailCell, l *letter, eml []byte) *shown {
	t.Helper()
	p.meet(t, l.from)
	if !c.encrypted() {
		kind, params, in := parts(t, eml)
		require.Equal(t, "multipart/signed", kind)
		require.Contains(t, params["protocol"], "pkcs7-signature")
		p.g.must(t, nil, "--verify", file(t, body(t, in[1])), file(t, in[0]))
		return l.show(t, c, in[0])
	}
	out := p.g.must(t, body(t, eml), "--decrypt")
	if c.signed() {
		out = p.g.verify(t, body(t, out))
	}
	return l.show(t, c, out)
}
