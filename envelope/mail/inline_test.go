package mail_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// cleartext is a text with a signature around it: RFC 9580, Section 7.
func cleartext(t testing.TB, text string, by *party) string {
	t.Helper()
	s := envelope.Sealer{Armor: true, Text: true, Signers: []envelope.Signer{by.pgp.Signer()}}
	var out bytes.Buffer
	w, err := s.SignDetached(&out)
	written(t, w, err, text)
	escaped := strings.ReplaceAll("\r\n"+text, "\r\n-", "\r\n- -")[2:]
	return "-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA512\r\n\r\n" + escaped + "\r\n" + crlf(out.String())
}

func block(t testing.TB, text string, by *party, to ...*party) string {
	t.Helper()
	s := envelope.Sealer{Profile: envelope.Compatible, Armor: true}
	if by != nil {
		s.Signers = []envelope.Signer{by.pgp.Signer()}
	}
	var certs []*keyring.Verified
	for _, p := range to {
		certs = append(certs, p.verified(t, "OpenPGP"))
	}
	var out bytes.Buffer
	w, err := s.Seal(&out, certs...)
	written(t, w, err, text)
	return crlf(out.String())
}

const plainText = "Content-Type: text/plain; charset=utf-8\r\n\r\n"

func TestInline(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	signed := cleartext(t, "one\r\n- two", alice)
	sealed := block(t, "secret\r\n", alice, bob)
	key := "-----BEGIN PGP PUBLIC KEY BLOCK-----\r\n\r\nabcd\r\n-----END PGP PUBLIC KEY BLOCK-----\r\n"
	for _, c := range []struct {
		name, body, want string
		nested           bool // InsecureNested
	}{
		{"nothing", "hello\r\n", "1 text/plain\n", false},
		{"empty", "", "1 text/plain\n", false},
		{"a key", key, "1 text/plain\n", false},
		{"signed", signed, "1 text/plain\n1.1 text/plain [signed errant]\n1.1.1 text/plain s\n", false},
		{"signed, blank lines around", "\r\n \r\n" + signed + "\r\n\r\n", "1 text/plain\n1.1 text/plain [signed errant]\n1.1.1 text/plain s\n", false},
		{"signed in a text", "before\r\n" + signed + "after\r\n",
			"1 text/plain\n1.1 text/plain\n1.2 text/plain [signed errant]\n1.2.1 text/plain s\n1.3 text/plain\n", false},
		{"signed twice", signed + "between\r\n" + signed,
			"1 text/plain\n1.1 text/plain [signed errant]\n1.1.1 text/plain s\n1.2 text/plain\n1.3 text/plain [signed errant]\n1.3.1 text/plain s\n", false},
		{"encrypted", sealed, "1 text/plain\n1.1 text/plain [encrypted errant]\n1.1.1 text/plain es\n", false},
		{"encrypted in a text", "before\r\n" + sealed, "1 text/plain\n1.1 text/plain\n1.2 text/plain [encrypted errant !]\n", false},
		{"encrypted beside signed", signed + sealed, "1 text/plain\n1.1 text/plain [signed errant]\n1.1.1 text/plain s\n1.2 text/plain [encrypted errant !]\n", false},
		{"encrypted in a text, allowed", "before\r\n" + sealed, "1 text/plain\n1.1 text/plain\n1.2 text/plain [encrypted errant]\n1.2.1 text/plain es\n", true},
		{"unended", strings.Replace(sealed, "-----END", "-----AND", 1), "1 text/plain\n", false},
		{"quoted", "> " + strings.ReplaceAll(signed, "\n", "\n> "), "1 text/plain\n", false},
		{"an unended one before", "-----BEGIN PGP MESSAGE-----\r\n\r\n" + signed,
			"1 text/plain\n1.1 text/plain\n1.2 text/plain [signed errant]\n1.2.1 text/plain s\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := reader(t)
			o.InsecureNested = c.nested
			m := opened(t, o, headers+plainText+c.body)
			require.Equal(t, c.want, shape(m))
			require.False(t, m.Summary().Verified || m.Summary().Signed || m.Summary().Encrypted)
			if c.want != "1 text/plain\n" {
				require.Contains(t, codes(m), "inline-pgp")
			}
			islands := map[int]bool{}
			for _, p := range m.Parts() {
				require.False(t, islands[p.Island()], "two parts share an island")
				islands[p.Island()] = true
				require.Equal(t, "utf-8", p.Param("charset"))
			}
		})
	}
	m := opened(t, reader(t), headers+plainText+"before\r\n"+signed+"after\r\n")
	require.Equal(t, "before\r\n", text(t, m, "1.1"))
	require.Equal(t, "one\n- two", text(t, m, "1.2.1"))
	require.Equal(t, signed, text(t, m, "1.2"))
	require.Equal(t, "after\r\n", text(t, m, "1.3"))
	require.NoError(t, m.Layers()[0].Err)

	bad := strings.Replace(signed, "one", "own", 1)
	m = opened(t, reader(t), headers+plainText+bad)
	require.ErrorIs(t, m.Layers()[0].Err, envelope.ErrSignature)
	require.Equal(t, "own\n- two", text(t, m, "1.1.1"))

	// An attachment is a file, whatever is in it.
	m = opened(t, reader(t), headers+"Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\n"+signed)
	require.Equal(t, "1 text/plain\n", shape(m))
}

// Of a text with many blocks the first are looked at, and the rest is one text.
func TestInlineMany(t *testing.T) {
	signed := cleartext(t, "text", partyOf(t, "alice"))
	for blocks, parts := range map[int]int{64: 1 + 2*64, 66: 1 + 2*64 + 1, 500: 1 + 2*64 + 1} {
		m := opened(t, reader(t), headers+plainText+strings.Repeat(signed, blocks))
		require.Len(t, m.Parts(), parts, blocks)
		require.Equal(t, blocks > 64, slices.Contains(codes(m), "too-many-layers"), blocks)
		if blocks > 64 {
			require.Equal(t, strings.Repeat(signed, blocks-64), text(t, m, "1.65"))
		}
	}
}
