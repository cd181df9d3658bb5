package pgp_test

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// cuts takes a binary SEIPDv2 message apart: what comes before the encrypted
// packet, its parameters, then its chunks with their tags and last the final tag.
func cuts(t *testing.T, msg []byte, chunk int) (head, params []byte, chunks [][]byte) {
	t.Helper()
	const paramOctets = 36 // version, cipher, mode, chunk size, salt
	head, body := outer(t, msg)
	params, body = body[:paramOctets], body[paramOctets:]
	for final := len(body) - 16; final > 0; final = len(body) - 16 {
		n := min(chunk, final)
		chunks = append(chunks, body[:n])
		body = body[n:]
	}
	return head, params, append(chunks, body)
}

// outer splits a message into what comes before the encrypted data packet,
// and the body of that.
func outer(t *testing.T, msg []byte) (head, body []byte) {
	t.Helper()
	for i := 0; ; {
		tag := msg[i] & 63
		start := i
		i++
		var b []byte
		for more := true; more; {
			var n int
			n, more, i = length(msg, i)
			b = append(b, msg[i:i+n]...)
			i += n
		}
		if tag == 18 {
			require.Equal(t, len(msg), i)
			return msg[:start], b
		}
	}
}

func length(msg []byte, i int) (n int, more bool, next int) {
	switch c := msg[i]; {
	case c < 192:
		return int(c), false, i + 1
	case c < 224:
		return int(c-192)<<8 + int(msg[i+1]) + 192, false, i + 2
	case c < 255:
		return 1 << (c & 31), true, i + 1
	}
	return int(binary.BigEndian.Uint32(msg[i+1:])), false, i + 5
}
