package mail_test

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope/mail"
)

// One mail of each structure that mail programs write.
func TestStructures(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	plain := "Content-Type: text/plain\r\nSubject: lunch\r\n\r\nhello\r\n"
	for _, format := range []string{"OpenPGP", "S/MIME"} {
		sealed := "application/pkcs7-mime"
		if format == "OpenPGP" {
			sealed = "multipart/encrypted"
		}
		for _, c := range []struct{ name, entity, want, at string }{
			{"plain", hello, "1 text/plain\n", "1"},
			{"encrypted", sealedTo(t, format, hello, nil, bob), "1 " + sealed + " [encrypted]\n1.1 text/plain ep\n", "1.1"},
			{"signed in the encryption", sealedTo(t, format, hello, alice, bob), "1 " + sealed + " [encrypted]\n1.1 text/plain esp\n", "1.1"},
			{"signed", signedBy(t, format, hello, alice), "1 multipart/signed [signed]\n1.1 text/plain sp\n", "1.1"},
			{"encrypted and signed outside", signedBy(t, format, sealedTo(t, format, hello, nil, bob), alice),
				"1 multipart/signed [signed]\n1.1 " + sealed + " sp [encrypted]\n1.1.1 text/plain ep\n", "1.1.1"},
			{"multipart in the encryption", sealedTo(t, format, mixed(hello, plain), alice, bob),
				"1 " + sealed + " [encrypted]\n1.1 multipart/mixed esp\n1.1.1 text/plain esp\n1.1.2 text/plain esp\n", "1.1.2"},
			{"attached mail, signed", mixed(hello, "Content-Type: message/rfc822\r\n\r\n"+headers+signedBy(t, format, hello, alice)),
				"1 multipart/mixed\n1.1 text/plain\n1.2 message/rfc822\n1.2.1 multipart/signed [signed errant]\n1.2.1.1 text/plain s\n", "1.2.1.1"},
		} {
			t.Run(format+"/"+c.name, func(t *testing.T) {
				m := opened(t, reader(t), headers+c.entity)
				require.Equal(t, c.want, shape(m))
				require.NoError(t, m.Err())
				require.Equal(t, "hello", text(t, m, c.at)[:5])
			})
		}
	}
}

// A signature survives what carriers do to the ends of lines, and nothing else.
func TestLineEnds(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	for _, format := range []string{"OpenPGP", "S/MIME"} {
		signed := headers + signedBy(t, format, mixed(hello, hello), alice)
		for _, c := range []struct {
			name, msg string
			valid     bool
		}{
			{"as it was", signed, true},
			{"bare LF", strings.ReplaceAll(signed, "\r\n", "\n"), true},
			{"blanks behind boundaries", regexp.MustCompile(`(?m)^--sig-\w+\r$`).ReplaceAllStringFunc(signed, func(s string) string { return s[:len(s)-1] + " \t\r" }), true},
			{"text around", strings.Replace(signed, "\r\n\r\n--", "\r\n\r\nThis is signed.\r\n--", 1) + "footer\r\n", true},
			{"a blank at the end of a line", strings.Replace(signed, "hello\r\n", "hello \r\n", 1), false},
			{"an empty line", strings.Replace(signed, "hello\r\n", "hello\r\n\r\n", 1), false},
			{"a line wrapped", strings.Replace(signed, "hello\r\n", "he\r\nllo\r\n", 1), false},
			{"the header folded", strings.Replace(signed, "text/plain; charset", "text/plain;\r\n charset", 1), false},
		} {
			m := opened(t, reader(t), c.msg)
			require.Equal(t, c.valid, m.Layers()[0].Report.Signatures[0].Valid(), "%s: %s", format, c.name)
			require.Equal(t, c.valid, m.Layers()[0].Err == nil)
		}
		sealed := headers + sealedTo(t, format, mixed(hello, hello), alice, bob)
		for _, msg := range []string{sealed, strings.ReplaceAll(sealed, "\r\n", "\n")} {
			m := opened(t, reader(t), msg)
			require.NoError(t, m.Err())
			require.Equal(t, "hello\r\n", text(t, m, "1.1.1"))
		}
	}
}

// A part is its message's: the zero value has nothing in it, and a message that
// nobody opened nothing to close.
func TestZeroValues(t *testing.T) {
	var p mail.Part
	for _, r := range []io.Reader{p.Open(), p.Raw()} {
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Empty(t, b)
	}
	require.Empty(t, p.Header("Subject")+p.Param("charset")+p.Disposition())
	require.Nil(t, p.Layer())
	root, err := os.OpenRoot(t.TempDir())
	require.NoError(t, err)
	defer root.Close()
	names, err := mail.Save(root, &p)
	require.NoError(t, err)
	require.Len(t, names, 1)
	var m mail.Message
	require.NoError(t, m.Err())
	require.NoError(t, m.Close())
	require.False(t, m.Summary().Verified)
	for _, s := range []interface {
		Size() int64
		WriteTo(io.Writer) (int64, error)
		Close() error
	}{new(mail.Sealed), new(mail.Clear)} {
		n, err := s.WriteTo(io.Discard)
		require.NoError(t, err)
		require.Zero(t, n+s.Size())
		require.NoError(t, s.Close())
	}
}
