package mail_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// vectors is where the test vectors of others are, which are no part of this
// project.
func vectors(t testing.TB, elements ...string) string {
	t.Helper()
	dir := os.Getenv("DKB_VECTORS")
	if dir == "" {
		t.Skip("DKB_VECTORS is not set: it names the directory with the vectors of others")
	}
	return filepath.Join(append([]string{dir}, elements...)...)
}

// sample is somebody of RFC 9216, with the keys that are printed there.
type sample struct{ signs, opens *smime.Key }

type samples struct {
	alice, bob sample
	root       *keyring.Certificate
}

func lamps(t testing.TB) *samples {
	file := func(pattern string) []byte {
		names, err := filepath.Glob(vectors(t, "rfc9216", "extracted", pattern))
		require.NoError(t, err)
		require.Len(t, names, 1, pattern)
		b, err := os.ReadFile(names[0])
		require.NoError(t, err)
		return b
	}
	key := func(cert, private string) *smime.Key {
		k, err := smime.ParseKey(bytes.NewReader(append(file(cert), file(private)...)), nil)
		require.NoError(t, err)
		return k
	}
	root, err := smime.ParseCertificate(file("00_*"))
	require.NoError(t, err)
	return &samples{
		alice: sample{key("03_*", "04_*"), key("05_*", "06_*")},
		bob:   sample{key("08_*", "09_*"), key("10_*", "11_*")},
		root:  root,
	}
}

// structureHP is one line of testdata/rfc9788.txt.
type structureHP struct {
	section, name, layers, body, hp string
	legacy, reply                   bool
}

func structures(t testing.TB) (all []structureHP) {
	file, err := os.ReadFile("testdata/rfc9788.txt")
	require.NoError(t, err)
	for _, line := range strings.Split(string(file), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, " | ")
		require.Len(t, f, 7, "%q", line)
		all = append(all, structureHP{f[0], f[1], f[2], f[3], f[4], f[5] == "legacy", f[6] == "reply"})
	}
	require.Len(t, all, 31)
	return all
}

// said is what the text of every message says.
const said = "This is the body of the message."

func (s structureHP) sealed() bool { return s.layers == "sealed" }

func (s structureHP) protected() bool { return s.hp != "none" }

// confidential reports whether fields are kept from whoever carries the message.
func (s structureHP) confidential() bool { return s.sealed() && s.protected() }

func (s structureHP) shy() bool { return s.hp == "shy" }

// fields are the header fields of the message: what its author means.
func (s structureHP) fields() string {
	f := "Subject: " + s.name + "\r\nMessage-ID: <" + s.name + "@example>\r\n" +
		"From: Alice <alice@smime.example>\r\nTo: Bob <bob@smime.example>\r\nDate: Sat, 20 Feb 2021 10:09:02 -0500\r\n"
	if s.reply {
		f += "In-Reply-To: <first@example>\r\nReferences: <first@example>\r\n"
	}
	return f
}

// outer is what of them is outside.
func (s structureHP) outer() string {
	f := s.fields()
	if s.confidential() {
		f = strings.Replace(f, "Subject: "+s.name, "Subject: [...]", 1)
	}
	if s.shy() {
		f = strings.NewReplacer("Alice <alice@smime.example>", "alice@smime.example", "Bob <bob@smime.example>", "bob@smime.example",
			"10:09:02 -0500", "15:09:02 +0000").Replace(f)
	}
	return f
}

// payload is the body as it stands in the innermost layer, with its header.
func (s structureHP) payload() string {
	words, web, hint := said, "<html><body><p>"+said+"</p></body></html>", ""
	if s.legacy { // RFC 9788, Sections 5.2.2 and 5.2.3
		shown := "Subject: " + s.name + "\r\n"
		if s.shy() {
			shown += "From: Alice <alice@smime.example>\r\nTo: Bob <bob@smime.example>\r\n"
		}
		words = shown + "\r\n" + words
		web = strings.Replace(web, "<body>", "<body><div class=\"header-protection-legacy-display\"><pre>"+shown+"</pre></div>", 1)
		hint = "; hp-legacy-display=\"1\""
	}
	b := strings.Replace(plain(words), "utf-8", "utf-8"+hint, 1)
	if s.body == "complex" {
		b = multipartOf("mixed", "mix", multipartOf("alternative", "alt", b, strings.Replace(page(web), "utf-8", "utf-8"+hint, 1)),
			"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: inline\r\n\r\niVBORw0KGgo=\r\n")
	}
	switch s.hp {
	case "none":
		return b
	case "clear":
		return protect(b, "clear", s.fields())
	case "rfc8551", "rfc8551-baseline":
		return embedded(s.fields() + "MIME-Version: 1.0\r\n" + b)
	}
	return protect(b, "cipher", s.fields(), strings.Split(strings.TrimSuffix(s.outer(), "\r\n"), "\r\n")...)
}

// mail builds the message with the keys of RFC 9216.
func (s structureHP) mail(t testing.TB, who *samples) string {
	signer := []envelope.Signer{who.alice.signs.Signer()}
	head, entity := s.outer()+"MIME-Version: 1.0\r\n", s.payload()
	switch s.layers {
	case "none":
		return head + entity
	case "opaque":
		w := &envelope.Sealer{Signers: signer}
		return head + cmsPart("signed-data", through(entity, w.Sign))
	case "detached":
		w := &envelope.Sealer{Signers: signer}
		return head + signedWith("smime", "sig", entity, through(entity, w.SignDetached))
	}
	w := &envelope.Sealer{Signers: signer, Profile: envelope.Compatible, Entity: true}
	to := sealTo(w, believe(who.alice.opens.Certificate()), believe(who.bob.opens.Certificate()))
	return head + cmsPart("enveloped-data", through(entity, to))
}

func (who *samples) reader() *mail.Opener {
	return &mail.Opener{
		Identities: []envelope.Identity{who.bob.opens.Identity(), who.bob.signs.Identity()},
		Formats:    bothFormats,
		Strict:     true,
		Evidence: func(address string, beside ...*keyring.Certificate) keyring.Evidence {
			return smime.ChainTo(address, &smime.Authorities{Roots: []*keyring.Certificate{who.root}}, beside...)
		},
	}
}

// TestRFC9788 reads each structure, built without the composer.
func TestRFC9788(t *testing.T) {
	skipInFIPS(t)
	who := lamps(t)
	for _, s := range structures(t) {
		t.Run(s.section+" "+s.name, func(t *testing.T) {
			t.Parallel()
			m, err := who.reader().Open(strings.NewReader(s.mail(t, who)))
			require.NoError(t, err)
			defer m.Close()
			s.check(t, m)
		})
	}
}

// check holds a message against what RFC 9788 says of its structure.
func (s structureHP) check(t testing.TB, m *mail.Message) {
	got := m.Summary()
	require.Equal(t, s.sealed(), got.Encrypted, "encrypted: %+v", got.Findings)
	require.Equal(t, s.layers != "none", got.Signed, "signed: %+v", got.Findings)
	require.Equal(t, s.layers != "none", got.Verified, "verified: %+v", got.Findings)
	require.Equal(t, "alice@smime.example", got.From)
	require.Equal(t, s.name, got.Subject, "the subject inside counts")
	for _, f := range got.Fields {
		require.False(t, f.Differs, "%s", f.Name)
		require.Equal(t, s.protected(), f.Signed, "%s", f.Name)
		// The same moment in another time zone is not kept from anybody.
		hidden := s.confidential() && f.Value != f.Outer && f.Name != "Date"
		require.Equal(t, hidden, f.Encrypted, "%s: %q and %q outside", f.Name, f.Value, f.Outer)
		if f.Name == "Subject" && s.confidential() {
			require.Equal(t, "[...]", f.Outer)
		}
	}
	texts := 0
	for _, p := range leaves(m) {
		require.Equal(t, s.layers != "none", p.Protected && p.Verified, "part %s", p.Path)
		require.Equal(t, s.sealed(), p.Encrypted, "part %s", p.Path)
		if !strings.HasPrefix(p.MediaType, "text/") {
			continue
		}
		texts++
		b, err := io.ReadAll(p.Open())
		require.NoError(t, err)
		require.Contains(t, string(b), said)
		require.NotContains(t, string(b), s.name, "the legacy display is for others (RFC 9788, Section 4.5.3)")
	}
	require.Equal(t, map[string]int{"simple": 1, "complex": 2}[s.body], texts)
}
