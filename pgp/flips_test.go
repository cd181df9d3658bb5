package pgp_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// everyBit is whether all bits of large messages are flipped, which takes
// minutes: without it all of headers, tags and edges, and some of the rest.
var everyBit = os.Getenv("DKB_FULL") == "1"

// target is a binary message that one bit is flipped in, or that is cut.
type target struct {
	name  string
	key   *pgp.Key
	text  []byte
	msg   []byte
	other int // octets of another recipient's session key packet, which comes first
	own   int // where the packet of encrypted data begins
	body  int // where its body does
	chunk int // octets of plaintext in a chunk; 0: SEIPDv1
	mode  packet.AEADMode
}

// Offsets in the body of a session key packet, RFC 9580, Sections 5.1.1, 5.1.2,
// 5.1.6 and 11.5, of X25519 (version 6) and of Curve25519 (version 3).
const (
	v6Secret = 1 + 1 + 33 + 1 // version, length, key version and fingerprint, algorithm
	v6Size   = v6Secret + 32  // of the wrapped key, after the ephemeral key
	v3Point  = 1 + 8 + 1      // version, key ID, algorithm: here is the bit count
	v3Size   = v3Point + 2 + 33
)

// newTarget seals text in chunks (0: SEIPDv1) with go-crypto, which is the
// other implementation, and gives the encrypted data one definite length.
func newTarget(t *testing.T, mode packet.AEADMode, chunk, n int, two bool) *target {
	t.Helper()
	m := &target{name: fmt.Sprintf("%v-%d/%d", mode, chunk, n), text: content(t, n), chunk: chunk, mode: mode}
	kinds := []string{"other6", "v6"}
	if chunk == 0 {
		kinds = []string{"other", "curve25519"}
	}
	m.key = key(t, kinds[1])
	config := *lenient
	config.AEADConfig = &packet.AEADConfig{DefaultMode: mode, ChunkSize: uint64(chunk)}
	session := make([]byte, 32)
	rand.Read(session)
	var out bytes.Buffer
	if two {
		m.name += " to two"
		require.NoError(t, packet.SerializeEncryptedKeyAEADwithHiddenOption(&out, subkey(t, key(t, kinds[0])), packet.CipherAES256, chunk > 0, session, false, &config))
		m.other = out.Len()
	}
	require.NoError(t, packet.SerializeEncryptedKeyAEADwithHiddenOption(&out, subkey(t, m.key), packet.CipherAES256, chunk > 0, session, false, &config))
	m.own = out.Len()
	w, err := packet.SerializeSymmetricallyEncrypted(&out, packet.CipherAES256, chunk > 0, packet.CipherSuite{Cipher: packet.CipherAES256, Mode: mode}, session, &config)
	require.NoError(t, err)
	_, err = w.Write(literal(string(m.text)))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	head, body := outer(t, out.Bytes())
	require.Len(t, head, m.own)
	m.msg = cat(head, pkt(18, body))
	m.body = len(m.msg) - len(body)
	got, _, err := open(opener(m.key), bytes.NewReader(m.msg))
	require.NoError(t, err)
	require.True(t, bytes.Equal(m.text, got))
	return m
}

// sessionKeyBody returns where the body of our own session key packet begins.
func (m *target) sessionKeyBody() int {
	at := m.other + 1
	_, _, next := length(m.msg, at)
	if m.msg[m.other]&0x40 == 0 { // the old format, one octet of length
		next = at + 1
	}
	return next
}

// mayOpen is whether the message may open with its true content although this
// bit is flipped, and why.
func (m *target) mayOpen(bit int) (why string) {
	at := bit/8 - m.sessionKeyBody()
	switch {
	case bit/8 < m.other:
		return "it is another recipient's session key packet"
	case m.chunk > 0:
	case at == v3Point+1 && bit%8 < 3:
		return "the bit count of the point still says 33 octets"
	case at == v3Size-1 && bit%8 == 7:
		return "X25519 ignores the last bit of a point, RFC 7748, Section 5; version 3 does not bind the point"
	}
	return ""
}

// secret is whether what comes of flipping the bit depends on the session key,
// or on the private key.
func (m *target) secret(bit int) bool {
	at := bit / 8
	if at >= m.body {
		return m.chunk == 0 && at > m.body || at >= m.body+4 // version; cipher, mode, chunk size
	}
	at -= m.sessionKeyBody()
	if m.chunk == 0 {
		return at > v3Point+2 && at < v3Size || at > v3Size && bit/8 < m.own
	}
	return at >= v6Secret && at < v6Size || at > v6Size && bit/8 < m.own
}

// mayRelease is how many octets of the content at the most come out before the
// flipped bit is found: what the chunks before its own hold.
func (m *target) mayRelease(bit int) int {
	const params, tag, literalHead = 36, 16, 6 + 6
	switch at := bit / 8; {
	case m.chunk == 0 || at < m.body+params:
		return 0
	case at >= len(m.msg)-tag: // the final tag, which comes after all chunks
		return len(m.text)
	}
	before := (bit/8 - m.body - params) / (m.chunk + tag) * m.chunk
	return min(max(before-literalHead, 0), len(m.text))
}

// flip flips one bit and looks at what comes of it.
func (m *target) flip(t *testing.T, bit int, wrap func(io.Reader) io.Reader) (opened bool) {
	t.Helper()
	m.msg[bit/8] ^= 1 << (bit % 8)
	got, _, err := open(opener(m.key), wrap(bytes.NewReader(m.msg)))
	m.msg[bit/8] ^= 1 << (bit % 8)
	if err == nil {
		require.NotEmpty(t, m.mayOpen(bit), "bit %d of octet %d", bit%8, bit/8)
		require.True(t, bytes.Equal(m.text, got))
		return true
	}
	if m.secret(bit) {
		require.True(t, err == envelope.ErrDecrypt, "bit %d of octet %d: %v", bit%8, bit/8, err) //nolint:errorlint // bare, or it tells two causes apart
		require.LessOrEqual(t, len(got), m.mayRelease(bit), "octet %d", bit/8)
	}
	failure(t, err)
	require.NotErrorIs(t, err, envelope.ErrSignature)
	require.True(t, bytes.HasPrefix(m.text, got), "bit %d of octet %d", bit%8, bit/8)
	require.True(t, m.chunk > 0 || len(got) == 0, "SEIPDv1 released %d octets", len(got))
	return false
}

func seekable(r io.Reader) io.Reader { return r }

func piped(r io.Reader) io.Reader { return struct{ io.Reader }{r} }

var modes = []packet.AEADMode{packet.AEADModeOCB, packet.AEADModeGCM, packet.AEADModeEAX}

// sizes are contents so long that either they or the packet around them, which
// has 12 octets more, end at an edge of chunks.
func sizes(chunk int) []int {
	return []int{0, 1, chunk - 13, chunk - 12, chunk - 11, chunk - 1, chunk, chunk + 1, 3*chunk - 12, 3 * chunk}
}

// Every single bit of messages in the smallest chunks, and of SEIPDv1: an error,
// and not one wrong octet before it.
func TestFlipEveryBit(t *testing.T) {
	t.Parallel()
	var all []*target
	for _, mode := range modes {
		for _, n := range sizes(64) {
			all = append(all, newTarget(t, mode, 64, n, false))
		}
		all = append(all, newTarget(t, mode, 64, 65, true))
	}
	for _, n := range []int{0, 1, 15, 16, 17, 63, 64, 65, 192} {
		all = append(all, newTarget(t, 0, 0, n, false))
	}
	all = append(all, newTarget(t, 0, 0, 65, true))
	sample, factor := pgp.RaceFactor > 1 || !everyBit && os.Getenv("DKB_REQUIRE_PEERS") != "1", 1
	if sample {
		factor = 8
		t.Log("one bit of each octet: every bit with DKB_REQUIRE_PEERS=1 or DKB_FULL=1")
	}
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			opened := 0
			for bit := range len(m.msg) * 8 {
				if sample && bit%8 != bit/8%8 {
					continue // one bit of each octet
				}
				if m.flip(t, bit, seekable) {
					opened++
				}
				if m.chunk == 0 && bit%8 == bit/8%8 { // nothing either where it cannot be read twice
					m.flip(t, bit, piped)
				}
			}
			// Of somebody else's session key nothing matters but its frame.
			if m.other > 0 {
				require.Greater(t, opened*factor, m.other*7)
			} else {
				require.LessOrEqual(t, opened, 4)
			}
		})
	}
}

// The same with chunks of 64 KiB: all bits of what is not content and of the
// edges of chunks, and some of the content; with DKB_FULL=1 every bit.
func TestFlipLargeChunks(t *testing.T) {
	t.Parallel()
	const chunk, edge, some = 64 << 10, 2, 100
	for i, mode := range modes {
		for _, n := range []int{0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk} {
			if i > 0 && n < chunk && !everyBit {
				continue // nothing in them is not in the smallest chunks
			}
			m := newTarget(t, mode, chunk, n, false)
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				random := mathrand.New(mathrand.NewPCG(uint64(mode), uint64(n)))
				for at := range m.msg {
					in := max(at-m.body-36, 0) % (chunk + 16)
					plain := in >= edge && in < chunk-edge && at < len(m.msg)-32-edge
					if plain && !everyBit && random.IntN(len(m.msg)) >= some {
						continue
					}
					for bit := range 8 {
						if everyBit || i == 0 && !plain || bit == at%8 {
							m.flip(t, at*8+bit, seekable)
						}
					}
				}
			})
		}
	}
}
