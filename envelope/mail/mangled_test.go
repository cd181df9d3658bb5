package mail_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// What mail servers make of PGP/MIME is repaired where nothing else is beside
// it, and nowhere else.
func TestMangled(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	whole := sealedTo(t, "OpenPGP", hello, alice, bob)
	version := "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
	data := "Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n" + block(t, hello, alice, bob)
	blank := func(s string) string { return "Content-Type: text/plain\r\n\r\n" + s }
	for _, c := range []struct {
		name, entity string
		repaired     bool
	}{
		{"Exchange", mixed(blank(""), version, data), true},
		{"Exchange, white space", mixed(blank("\r\n \r\n"), version, data), true},
		{"without a text", mixed(version, data), true},
		{"ProtonMail", mixed(blank("Empty Message\r\n"), version, data), true},
		{"Google Workspace", mixed(blank("\r\n-- \r\n\r\n"), whole), true},
		{"a text", mixed(blank("hello"), version, data), false},
		{"a footer", mixed(whole, blank("_____\r\nlist@example.org\r\n")), false},
		{"a blank text behind", mixed(whole, blank("")), false},
		{"a text before the whole", mixed(blank("hello"), whole), false},
		{"HTML", mixed("Content-Type: text/html\r\n\r\n", version, data), false},
		{"a part more", mixed(blank(""), version, data, blank("")), false},
		{"another order", mixed(blank(""), data, version), false},
		{"no version", mixed(blank(""), blank(""), data), false},
		{"an alternative", strings.Replace(mixed(blank(""), version, data), "multipart/mixed", "multipart/alternative", 1), false},
		{"a long blank text", mixed(blank(strings.Repeat(" ", 1025)), version, data), false},
		{"in a tree", mixed(mixed(blank(""), version, data)), false},
		{"in a mail in the mail", "Content-Type: message/rfc822\r\n\r\n" + headers + mixed(blank(""), version, data), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := opened(t, reader(t), headers+c.entity)
			if c.repaired {
				require.Equal(t, "1 multipart/mixed [encrypted]\n1.1 text/plain esp\n", shape(m))
				require.Contains(t, codes(m), "pgp-mime-repaired")
				require.Equal(t, "hello\r\n", text(t, m, "1.1"))
				return
			}
			require.NotContains(t, codes(m), "pgp-mime-repaired")
			for _, p := range m.Parts() {
				require.False(t, p.Encrypted || p.Protected)
			}
			require.False(t, m.Summary().Encrypted)
		})
	}
}

// An encrypted part in a tree that anybody can have put around it is opened on
// demand alone, and is then an island that is not protected.
func TestNested(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	html := func(s string) string { return "Content-Type: text/html\r\n\r\n" + s + "\r\n" }
	for _, format := range []string{"OpenPGP", "S/MIME"} {
		entity := mixed(html("<img src=\"http://example.net/"), sealedTo(t, format, hello, alice, bob), html("\">"))
		o := reader(t)
		m := opened(t, o, headers+entity)
		require.Len(t, m.Parts(), 4)
		require.Error(t, m.Layers()[0].Err)
		require.True(t, m.Layers()[0].Errant)
		require.Nil(t, m.Layers()[0].Report)
		require.Contains(t, codes(m), "nested-encrypted")
		require.NoError(t, m.Err(), "there is something to show")

		o.InsecureNested = true
		m = opened(t, o, headers+entity)
		require.Len(t, m.Parts(), 5)
		require.NoError(t, m.Layers()[0].Err)
		inner := m.Parts()[3]
		require.Equal(t, "1.2.1", inner.Path)
		require.True(t, inner.Encrypted && inner.Signed)
		for _, p := range m.Parts() {
			require.False(t, p.Protected)
			require.Equal(t, p == inner, p.Island() == inner.Island())
			require.Equal(t, p == inner, p.Encrypted)
		}
		require.False(t, m.Summary().Encrypted || m.Summary().Verified)
	}
}

// What calls itself PGP/MIME and is built otherwise is shown as it is built:
// nothing in it is taken for the message.
func TestPGPMIMEStructure(t *testing.T) {
	whole := sealedTo(t, "OpenPGP", hello, partyOf(t, "alice"), partyOf(t, "bob"))
	for _, c := range []struct {
		name, old, new string
		opens          bool
	}{
		{"as it is", "", "", true},
		{"no protocol", " protocol=\"application/pgp-encrypted\";", "", true},
		{"another protocol", "protocol=\"application/pgp-encrypted\"", "protocol=\"application/x\"", false},
		{"another first part", "\r\nContent-Type: application/pgp-encrypted", "\r\nContent-Type: text/plain", false},
		{"a third part", "--enc--", "--enc\r\n\r\nmore\r\n--enc--", false},
		{"one part", "--enc\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n", "", false},
		{"a multipart for a message", "Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n", "Content-Type: message/rfc822\r\n\r\n", false},
	} {
		m := opened(t, reader(t), headers+strings.Replace(whole, c.old, c.new, 1))
		require.Equal(t, c.opens, len(m.Layers()) == 1 && m.Layers()[0].Err == nil, c.name)
		require.Equal(t, c.opens, m.Summary().Verified, c.name)
		if !c.opens {
			require.Empty(t, m.Layers())
			require.Contains(t, codes(m), "pgp-mime-structure")
			require.Greater(t, len(m.Parts()), 1)
		}
	}
	// The message in it is one of OpenPGP, and decrypts.
	for _, c := range []struct{ name, old, new string }{
		{"S/MIME inside", "-----BEGIN PGP MESSAGE-----", "MIAGCSqGSIb3DQEHA6CAMIAC"},
		{"no armor", "-----BEGIN PGP MESSAGE-----", "-----BEGIN PGP MASSAGE-----"},
	} {
		m := opened(t, reader(t), headers+strings.Replace(whole, c.old, c.new, 1))
		require.Equal(t, "1 multipart/encrypted [encrypted !]\n", shape(m), c.name)
		require.ErrorIs(t, m.Err(), envelope.ErrFormat)
	}
}
