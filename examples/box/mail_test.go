package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/internal/terminal"
)

const smimeMail = "From: a@example.org\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"

const pgpMail = "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\nhello\r\n--b--\r\n"

func TestUnwrapMail(t *testing.T) {
	change := func(s, old, new string) string {
		require.Contains(t, s, old)
		return strings.Replace(s, old, new, 1)
	}
	for _, c := range []struct {
		name, in, want string
		isMail         bool
		err            string // what refuses it
	}{
		{name: "S/MIME", in: smimeMail, want: "hello", isMail: true},
		{name: "old type", in: change(smimeMail, "pkcs7", "x-pkcs7"), want: "hello", isMail: true},
		{name: "PGP/MIME", in: pgpMail, want: "hello", isMail: true},
		{name: "bare line ends", in: strings.ReplaceAll(pgpMail, "\r\n", "\n"), want: "hello", isMail: true},
		{name: "no mail", in: "-----BEGIN PGP MESSAGE-----\n", want: "-----BEGIN PGP MESSAGE-----\n"},
		{name: "binary", in: "\x30\x80: x", want: "\x30\x80: x"},
		{name: "empty", in: "", want: ""},
		{name: "type renamed by a gateway", in: change(smimeMail, "application/pkcs7-mime; smime-type=enveloped-data", "application/octet-stream\r\nContent-Disposition: attachment; filename=smime.p7m"), want: "hello", isMail: true},
		{name: "text", in: change(smimeMail, "application/pkcs7-mime", "text/plain"), err: "not sealed"},
		{name: "no type", in: "From: a@example.org\r\n\r\nhello", err: "as a mail"},
		{name: "no end of header", in: "From: a@example.org\r\n", err: "as a mail"},
		{name: "base64 cut", in: change(smimeMail, "aGVsbG8=", "aGVsb"), err: "unexpected EOF"},
		{name: "base64 damaged", in: change(smimeMail, "aGVsbG8=", "aGV*bG8="), err: "illegal base64"},
		{name: "another protocol", in: change(pgpMail, "application/pgp-encrypted\"", "application/x\""), err: "protocol"},
		{name: "no control part", in: change(pgpMail, "Content-Type: application/pgp-encrypted", "Content-Type: text/plain"), err: "first part"},
		{name: "another version", in: change(pgpMail, "Version: 1", "Version: 2"), err: "version"},
		{name: "one part", in: change(pgpMail, "--b\r\nContent-Type: application/octet-stream\r\n\r\nhello\r\n", ""), err: "as a mail"},
		{name: "cut in the second part", in: pgpMail[:len(pgpMail)-8], err: "unexpected EOF"},
		{name: "header without end", in: "X: " + strings.Repeat("y", maxHeaderBytes), err: "as a mail"},
		{name: "only signed", in: change(pgpMail, "multipart/encrypted", "multipart/signed"), err: "signed and not sealed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, src := range []io.Reader{strings.NewReader(c.in), struct{ io.Reader }{strings.NewReader(c.in)}} {
				body, isMail, err := unwrapMail(src)
				var got []byte
				if err == nil {
					got, err = io.ReadAll(body)
				}
				if c.err != "" {
					require.ErrorIs(t, err, envelope.ErrFormat)
					require.ErrorContains(t, err, c.err)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, c.isMail, isMail)
				require.Equal(t, c.want, string(got))
			}
		})
	}
}

// What can seek can be read a second time, and is the same then.
func TestMailFileTwice(t *testing.T) {
	body, _, err := unwrapMail(strings.NewReader(pgpMail))
	require.NoError(t, err)
	s, ok := body.(io.ReadSeeker)
	require.True(t, ok)
	for range 2 {
		at, err := s.Seek(0, io.SeekStart)
		require.NoError(t, err)
		require.Zero(t, at)
		got, err := io.ReadAll(s)
		require.NoError(t, err)
		require.Equal(t, "hello", string(got))
	}
	at, err := s.Seek(0, io.SeekCurrent)
	require.NoError(t, err)
	require.EqualValues(t, 5, at)
	_, err = s.Seek(1, io.SeekStart)
	require.Error(t, err)
	_, err = s.Seek(0, io.SeekEnd)
	require.Error(t, err)
}

func TestFileInEntity(t *testing.T) {
	for _, c := range []struct {
		name, in, want, file string
		whole                bool
		err                  error
	}{
		{name: "base64", in: "Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n", want: "hello", file: "a.pdf"},
		{name: "disposition wins", in: "Content-Type: a/b; name=x\r\nContent-Disposition: attachment; filename=\"y z\"\r\n\r\nhello", want: "hello", file: "y z"},
		{name: "text stays as it is", in: "Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\xe4\r\n", want: "\xe4\r\n"},
		{name: "unknown charset", in: "Content-Type: text/plain; charset=x-none\r\n\r\n\xe4", want: "\xe4"},
		{name: "quoted-printable", in: "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nh=65llo", want: "hello"},
		{name: "several parts", in: "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n", want: "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n", whole: true},
		{name: "no header", in: "\r\nhello", want: "hello"},
		{name: "not a mail", in: "hello, world\n", err: envelope.ErrFormat},
		{name: "unknown encoding", in: "Content-Transfer-Encoding: x\r\n\r\nhello", err: envelope.ErrFormat},
		{name: "damaged base64", in: "Content-Transfer-Encoding: base64\r\n\r\n***", err: envelope.ErrFormat},
		{name: "endless header", in: "A: " + strings.Repeat("b", maxHeaderBytes+1), err: envelope.ErrLimit},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, info, err := fileInEntity(strings.NewReader(c.in))
			var got []byte
			if err == nil {
				got, err = io.ReadAll(r)
			}
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, string(got))
			require.Equal(t, c.file, info.name)
			require.Equal(t, c.whole, info.whole)
		})
	}
}

// The error of an input is the input's, not a damaged mail.
func TestMailKeepsReadErrors(t *testing.T) {
	broken := &terminal.FileError{Doing: "reading", Name: "x", Err: io.ErrClosedPipe}
	_, _, err := unwrapMail(io.MultiReader(strings.NewReader(smimeMail[:250-120]), errReader{broken}))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.NotErrorIs(t, err, envelope.ErrFormat)
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

// Whatever is in a mail: no panic, an error of a class or the same body twice.
func FuzzUnwrapMail(f *testing.F) {
	seeds := []string{smimeMail, pgpMail, "", "A: b\n\n", "-----BEGIN", strings.ReplaceAll(pgpMail, "\r\n", "\n")}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		read := func() ([]byte, error) {
			body, _, err := unwrapMail(bytes.NewReader(in))
			if err != nil {
				return nil, err
			}
			return io.ReadAll(body)
		}
		first, err := read()
		if err != nil && exitCode(err) == exitOther {
			t.Fatalf("the error has no class: %v", err)
		}
		second, again := read()
		if (err == nil) != (again == nil) || !bytes.Equal(first, second) {
			t.Fatalf("a second reading differs: %v, %v", err, again)
		}
	})
}
