package mimeparse

import (
	"bytes"
	"encoding/base64"
	"io"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func decoded(t *testing.T, message string) string {
	t.Helper()
	out, err := io.ReadAll(mustParse(t, message).Decoded(strings.NewReader(message)))
	require.NoError(t, err)
	return string(out)
}

// TestDecoded: RFC 2045, Section 6.7 and 6.8, and what is found in the wild.
func TestDecoded(t *testing.T) {
	blanks := strings.Repeat(" \t", maxBlanks/2)
	for _, c := range []struct{ encoding, body, want string }{
		{"7bit", "a=3D\n", "a=3D\n"},
		{"x-unknown", "a=3D\n", "a=3D\n"},
		{"quoted-printable", "", ""},
		{"quoted-printable", "a=3Db=3d\r\n", "a=b=\r\n"},
		{"quoted-printable", "a=\nb=\r\nc", "abc"},
		{"quoted-printable", "a= \t\nb=  ", "ab"},
		{"quoted-printable", "a \nb\t\r\nc ", "a\nb\r\nc"},
		{"quoted-printable", "a=20\nb", "a \nb"},
		{"quoted-printable", "a = b", "a = b"},
		{"quoted-printable", "=ZZ=4", "=ZZ=4"},
		{"quoted-printable", "=\n=\n=", ""},
		{"quoted-printable", "==41", "=A"},
		{"quoted-printable", "a\rb=0D\n", "a\rb\r\n"},
		{"quoted-printable", "ä=C3=A4", "ää"},
		{"quoted-printable", "a" + blanks + "\nb", "a\nb"},
		{"quoted-printable", "a" + blanks + " \nb", "a" + blanks + " \nb"},
		{"quoted-printable", "a" + blanks + blanks + "\nb", "a" + blanks + blanks + "\nb"},
		{"base64", "", ""},
		{"base64", "QUJD\r\nRA==\r\n", "ABCD"},
		{"base64", "Q U\tJ\nD", "ABC"},
		{"base64", "QUI=QUI=", "ABAB"},
		{"base64", "QUI", "AB"},
		{"base64", "QUJDQ", "ABC"},
		{"base64", "QUJDQUJDQUJD-", "ABCABCABC"},
		{"BASE64", "QUJD", "ABC"},
	} {
		message := "Content-Transfer-Encoding: " + c.encoding + "\n\n" + c.body
		require.Equal(t, c.want, decoded(t, message), "%s %q", c.encoding, c.body)
	}
}

// TestDecodedOfOthers: what the standard library writes is read as it was.
func TestDecodedOfOthers(t *testing.T) {
	random := rand.NewChaCha8([32]byte{6})
	for _, size := range []int{1, 2, 3, 56, 57, 58, 100_000} {
		content := make([]byte, size)
		_, _ = random.Read(content)
		require.Equal(t, string(content), decoded(t, based(base64.StdEncoding.EncodeToString(content))))
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		w.Binary = true
		_, err := w.Write(content)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.Equal(t, string(content), decoded(t, printable(b.String())))
	}
}

func TestDamaged(t *testing.T) {
	message := based("this is, in truth: a text.")
	n := mustParse(t, message)
	require.Zero(t, n.Size)
	_, err := io.ReadAll(n.Decoded(strings.NewReader(message)))
	require.ErrorIs(t, err, ErrEncoding)
	raw, err := io.ReadAll(n.RawBody(strings.NewReader(message)))
	require.NoError(t, err)
	require.Equal(t, "this is, in truth: a text.", string(raw))
}

// TestDecodedOfContainers: what has parts in it is never decoded as a whole,
// and a message that is encoded is a leaf.
func TestDecodedOfContainers(t *testing.T) {
	const head = "Content-Transfer-Encoding: base64\nContent-Type: "
	require.Equal(t, parts, decoded(t, head+"multipart/mixed; boundary=b\n\n"+parts))
	require.Equal(t, "Subject: s", decoded(t, head+"message/rfc822\n\nU3ViamVjdDogcw=="))
	require.Empty(t, mustParse(t, head+"message/rfc822\n\nU3ViamVjdDogcw==").Children)
}

// idle is a source that never returns anything.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestSourceErrorsOfBodies(t *testing.T) {
	for _, encoding := range []string{"7bit", "base64", "quoted-printable"} {
		message := "Content-Transfer-Encoding: " + encoding + "\n\nQUJD"
		n := mustParse(t, message)
		_, err := io.ReadAll(n.Decoded(broken{strings.NewReader(message), io.ErrClosedPipe}))
		require.ErrorIs(t, err, io.ErrClosedPipe)
	}
	_, err := io.ReadAll(Canonical(iotest.ErrReader(io.ErrClosedPipe)))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	_, err = io.ReadAll(Canonical(idle{}))
	require.ErrorIs(t, err, io.ErrNoProgress)
}

// TestCanonical: RFC 8551, Section 3.1.1.
func TestCanonical(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"a", "a"},
		{"a\nb\n", "a\r\nb\r\n"},
		{"a\r\nb\r\n", "a\r\nb\r\n"},
		{"a\rb", "a\r\nb"},
		{"\r", "\r\n"},
		{"\r\r\n\n", "\r\n\r\n\r\n"},
		{"\n\r", "\r\n\r\n"},
		{"a \t\n", "a \t\r\n"},
	} {
		for _, src := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in)), iotest.DataErrReader(strings.NewReader(c.in))} {
			out, err := io.ReadAll(Canonical(src))
			require.NoError(t, err)
			require.Equal(t, c.want, string(out), "%q", c.in)
		}
	}
	// A carriage return at the edge of what is read at once.
	for _, n := range []int{decodeChunk - 2, decodeChunk - 1, decodeChunk, decodeChunk + 1} {
		for _, end := range []string{"\r\n", "\n", "\r"} {
			out, err := io.ReadAll(Canonical(strings.NewReader(strings.Repeat("x", n) + end + "y")))
			require.NoError(t, err)
			require.Equal(t, strings.Repeat("x", n)+"\r\ny", string(out))
		}
	}
}
