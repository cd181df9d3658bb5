package pgp_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// The two octets of SEIPDv1 that repeat the random block are compared with
// nothing (RFC 9580, Section 13.4): whatever they are changed to is the one
// error that any other change is.
func TestEveryRepetition(t *testing.T) {
	t.Parallel()
	k := key(t, "curve25519")
	msg := craft{}.seal(t, k, literal("text"))
	head, body := outer(t, msg)
	at := len(head) + len(msg) - len(head) - len(body) + 1 + 16
	o := opener(k)
	got, _, err := open(o, bytes.NewReader(msg))
	require.NoError(t, err)
	require.Equal(t, "text", string(got))
	const step = 61 // package mdc's test goes through all of them
	first, second := msg[at], msg[at+1]
	for v := 0; v < 1<<16; v += step {
		msg[at], msg[at+1] = byte(v>>8), byte(v)
		if msg[at] == first && msg[at+1] == second {
			continue
		}
		_, err := o.Open(bytes.NewReader(msg))
		require.Equal(t, envelope.ErrDecrypt, err)
	}
}

// Compressed SEIPDv1 is read three times: nothing is inflated that is not
// authentic, and nothing released that is not judged.
func TestCompressedMDC(t *testing.T) {
	t.Parallel()
	alice, bob := key(t, "v6"), key(t, "curve25519")
	text := content(t, 300_000)
	ops, sig := signature{by: alice}.make(t, string(text))
	_, wrong := signature{by: alice}.make(t, "another text")
	o := opener(bob)
	o.Senders, o.RequireSignature = []*keyring.Verified{verified(t, alice)}, true
	lit := literal(string(text))
	for name, c := range map[string]struct {
		inside []byte
		want   error
	}{
		"all compressed":     {compressed(t, 1, cat(ops, lit, sig)), nil},
		"compressed, inside": {cat(ops, compressed(t, 2, lit), sig), nil},
		"not compressed":     {cat(ops, lit, sig), nil},
		"a wrong signature":  {compressed(t, 1, cat(ops, lit, wrong)), envelope.ErrSignature},
		"no signature":       {compressed(t, 1, lit), envelope.ErrSignature},
		"damaged inside":     {pkt(8, []byte{1}, []byte("no deflate")), envelope.ErrDecrypt},
		"something behind":   {cat(compressed(t, 1, cat(ops, lit, sig)), lit), envelope.ErrDecrypt},
	} {
		msg := craft{}.seal(t, bob, c.inside)
		seeks := &readCounter{ReadSeeker: bytes.NewReader(msg)}
		for _, src := range []io.Reader{seeks, iotest.DataErrReader(bytes.NewBuffer(msg))} {
			got, r, err := open(o, src)
			if c.want != nil {
				require.ErrorIs(t, err, c.want, name)
				require.Empty(t, got)
				continue
			}
			require.NoError(t, err, name)
			require.True(t, bytes.Equal(text, got))
			require.Len(t, r.Signatures, 1)
			passes := 3
			if name == "not compressed" {
				passes = 2
			}
			require.Equal(t, passes, (seeks.n+len(msg)/2)/len(msg))
			require.Equal(t, name != "not compressed", strings.Contains(join(r.Findings), "the content is compressed"))
		}
		for at := len(msg) - 1; at > len(msg)-60; at -= 7 {
			msg[at] ^= 1
			_, err := o.Open(bytes.NewReader(msg))
			require.Equal(t, envelope.ErrDecrypt, err, name)
			msg[at] ^= 1
		}
	}
}

// readCounter counts the octets that are read.
type readCounter struct {
	io.ReadSeeker
	n int
}

func (c *readCounter) Read(p []byte) (int, error) {
	n, err := c.ReadSeeker.Read(p)
	c.n += n
	return n, err
}
