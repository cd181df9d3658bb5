package mimeparse

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// seeds are messages with one of everything that the parser looks for.
var seeds = []string{
	"",
	"\n",
	"Subject: s\r\n\r\nbody\r\n",
	"From x\nContent-Type: multipart/mixed; boundary=\"a b\"\n\n--a b\n\n1\n--a b--\nend\n--a b\n",
	"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=ab\n\n--ab\n\n--abc\n--ab--\n--a--x\n--a--\n",
	"Content-Type: multipart/digest; boundary=a\r\n\r\n--a\r\n\r\nSubject: in\r\n\r\nbody\r\n--a\n\nx\r--a\n--a--\n",
	"Content-Type: message/rfc822\n\nContent-Type: message/global\n\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQUJD\n",
	"Content-Transfer-Encoding: base64\n\nQUJD\r\nQQ==\nQUJ=*QQ\n",
	"Content-Transfer-Encoding: quoted-printable\n\na=3D=\n b =  \r\nc=\r\n=zz=4\x00 \t",
	"Content-Type: application/x; name*0*=utf-8''%e2; name*1*=%82%ac; name=\"=?utf-8?q?a?= =?utf-8?b?Yg?=\"\nContent-Disposition: attachment; filename=a (1).txt\n\n",
	"a\nContent-Type : text\n bad name: x\n \n\n--",
}

// short reads one octet, or half of what is asked for, at a time.
type short struct{ io.ReaderAt }

func (s short) ReadAt(p []byte, off int64) (int, error) {
	n, err := io.ReadFull(iotest.OneByteReader(io.NewSectionReader(s.ReaderAt, off, int64(len(p)))), p)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}

// FuzzParse holds every tree to checkSpans, and to be the same however the
// source comes.
func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
		f.Add(crlf(s))
	}
	f.Fuzz(func(t *testing.T, message string) {
		n, err := Parse(strings.NewReader(message), int64(len(message)), testLimits)
		if err != nil {
			require.IsType(t, (*LimitError)(nil), err)
			return
		}
		checkSpans(t, message, n)
		again, err := parse(short{strings.NewReader(message)}, int64(len(message)), testLimits, longestLine+2)
		require.NoError(t, err)
		require.Equal(t, outline(message, n), outline(message, again))
		require.Equal(t, codes(n), codes(again))
		stream, err := ParseReader(iotest.OneByteReader(strings.NewReader(message)), testLimits)
		require.NoError(t, err)
		require.Equal(t, n, stream)
		for _, f := range n.Findings {
			require.NotContains(t, f.Text, "\n")
			require.NotContains(t, f.Text, "%!")
		}
	})
}

// FuzzDecoded holds a body to what was counted of it, and to be the same
// however it comes.
func FuzzDecoded(f *testing.F) {
	for _, s := range []string{"", "QUJD", "QQ==QQ", "Q", "QUJ\r\n=D*=", "a=3D=\r\n  \nx \t", "a =", "=4", "\r=\r\n", strings.Repeat(" ", maxBlanks+1) + "\n"} {
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, body string, cut uint8) {
		for _, encoding := range []string{"base64", "quoted-printable", "8bit"} {
			message := "Content-Transfer-Encoding: " + encoding + "\n\n" + body
			n := mustParse(t, message)
			if n.damaged {
				continue
			}
			whole, err := io.ReadAll(n.Decoded(strings.NewReader(message)))
			require.NoError(t, err)
			require.EqualValues(t, n.Size, len(whole))
			small, err := parse(strings.NewReader(message), int64(len(message)), testLimits, longestLine+2)
			require.NoError(t, err)
			require.Equal(t, n.Size, small.Size)
			require.Equal(t, codes(n), codes(small))

			b := new(parser).body.begin(&Node{Encoding: n.Encoding}, leaf, 0)
			for rest := []byte(body); len(rest) > 0; {
				k := min(len(rest), 1+int(cut)%7)
				b.feed(rest[:k])
				b.fed += int64(k)
				rest = rest[k:]
			}
			b.done()
			require.Equal(t, n.Size, b.node.Size)
			require.ElementsMatch(t, codes(n), append(codes(b.node), headerCodes(n)...))
		}
	})
}

// headerCodes are those findings of n that its body has no part in.
func headerCodes(n *Node) []string {
	m := &Node{Header: n.Header}
	new(parser).classify(m)
	return codes(m)
}

// FuzzCanonical: every line end is CRLF, what is canonical stays, and it does
// not matter where the source is split.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"", "\r", "\n", "\r\n", "\r\r\n", "a\rb\nc\r\n\r", "\n\r", "a"} {
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, s []byte, cut int) {
		once, err := io.ReadAll(Canonical(bytes.NewReader(s)))
		require.NoError(t, err)
		require.Equal(t, slowCanonical(s), once)
		twice, err := io.ReadAll(Canonical(bytes.NewReader(once)))
		require.NoError(t, err)
		require.Equal(t, once, twice)
		bytewise, err := io.ReadAll(Canonical(iotest.OneByteReader(bytes.NewReader(s))))
		require.NoError(t, err)
		require.Equal(t, once, bytewise)
		at := min(max(cut, 0), len(s))
		split, err := io.ReadAll(Canonical(io.MultiReader(bytes.NewReader(s[:at]), bytes.NewReader(s[at:]))))
		require.NoError(t, err)
		require.Equal(t, once, split)
	})
}

// slowCanonical is Canonical, one octet at a time.
func slowCanonical(s []byte) []byte {
	out := []byte{}
	for i, c := range s {
		switch {
		case c == '\n' && i > 0 && s[i-1] == '\r':
		case c == '\r', c == '\n':
			out = append(out, "\r\n"...)
		default:
			out = append(out, c)
		}
	}
	return out
}
