package mail_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
)

// FuzzParseDifferential: where the standard library reads a message to its end
// and finds other parts in it, ours says that programs may.
func FuzzParseDifferential(f *testing.F) {
	for _, s := range []string{
		"Subject: s\n\nbody",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n--b--\n",
		"Content-Type: multipart/mixed; boundary=\"b c\"\r\n\r\n--b c\r\n\r\none\r\n--b c--\r\n",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/digest; boundary=c\n\n--c\n\nSubject: s\n\none\n--c--\n--b--\n",
		"Content-Type: message/rfc822\n\nSubject: s\n\nbody",
		"Content-Type: multipart/mixed; boundary*0=b; boundary*1=c\nContent-Transfer-Encoding: 8bit\n\n--bc\n\r\none\n--bc \n\n\r--bc--\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		src := bytes.NewReader(data)
		n, err := mimeparse.Parse(src, src.Size(), mimeparse.Limits{Depth: 20, Parts: 1000, HeaderBytes: 1 << 16})
		if err != nil {
			return
		}
		holdAgainst(t, src, n, stdRead(data))
	})
}

// holdAgainst fails where the other reader finds something else and nothing
// says that programs may: but for what is decided in parseDecisions.
func holdAgainst(t *testing.T, src io.ReaderAt, n *mimeparse.Node, o *other) {
	t.Helper()
	differs, node := compareTrees(src, n, o, "1")
	switch {
	case differs == "" || anyAmbiguous(nearFindings(node)):
	case node.MediaType == "text/plain" && strings.HasSuffix(differs, ", text"):
	case node.Parent != nil && node.Parent.MediaType == "multipart/digest" && strings.HasSuffix(differs, "message/rfc822, text/plain"):
	default:
		message, err := io.ReadAll(io.NewSectionReader(src, 0, 1<<20))
		t.Fatalf("%s: %q %v", differs, message, err)
	}
}

// TestParseGenerated does the same with messages that are made of what matters
// to a reader of MIME, in any order.
func TestParseGenerated(t *testing.T) {
	tokens := []string{
		"--b", "--b--", "--bc", "--bc--", "--c", "--c--", "\n--b\n\n", "\n--b--\n", "\n--c\n\n", "\n--c--\n",
		"\n", "\n\n", "\n\n", "\r\n", "\r", " ", "\t", "x", ":", "\x00", ";", "\"", "\\", "(", ")", "*", "=",
		"X: y\n", "\n y\n", "Content-Type:", "multipart/mixed", ";boundary=b",
		"Content-Type: multipart/mixed; boundary=c\n\n", "Content-Type: multipart/mixed; boundary=bc\n\n",
		"Content-Type: message/rfc822\n\n", "Content-Type: text/html\n\n", "Content-Type: multipart/digest; boundary=c\n",
		"Content-Transfer-Encoding: base64\n",
	}
	for seed := range uint64(10_000) {
		random := rand.New(rand.NewPCG(seed, 6))
		var b strings.Builder
		b.WriteString("Content-Type: multipart/mixed; boundary=b\n\n--b\n")
		for range 1 + random.IntN(14) {
			b.WriteString(tokens[random.IntN(len(tokens))])
		}
		if random.IntN(2) == 0 {
			b.WriteString("\n--b--\n")
		}
		message := b.String()
		if random.IntN(2) == 0 {
			message = strings.ReplaceAll(message, "\n", "\r\n")
		}
		src := strings.NewReader(message)
		n, err := mimeparse.Parse(src, src.Size(), mimeparse.Limits{Depth: 20, Parts: 1000, HeaderBytes: 1 << 16})
		require.NoError(t, err)
		holdAgainst(t, src, n, stdRead([]byte(message)))
		holdAgainst(t, src, n, goMessageRead(strings.NewReader(message), 0))
	}
}
