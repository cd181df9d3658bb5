package pgp_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// small are sealed messages, one for each form, of a text in them.
func small(t testing.TB, text []byte) map[string]struct {
	key *pgp.Key
	msg []byte
} {
	out := map[string]struct {
		key *pgp.Key
		msg []byte
	}{}
	for _, kind := range []string{"curve25519", "v6"} {
		for _, signed := range []bool{false, true} {
			for _, armor := range []bool{false, true} {
				k := key(t, kind)
				s := &envelope.Sealer{Armor: armor}
				name := kind
				if signed {
					name += " signed"
					s.Signers = []envelope.Signer{k.Signer()}
				}
				if armor {
					name += " armored"
				}
				e := out[name]
				e.key = k
				e.msg, _ = seal(t, s, text, verified(t, k))
				out[name] = e
			}
		}
	}
	return out
}

// failure holds err against what an opener may return.
func failure(t *testing.T, err error) {
	t.Helper()
	for _, known := range []error{envelope.ErrDecrypt, envelope.ErrFormat, envelope.ErrNotForYou, envelope.ErrLimit, envelope.ErrSignature} {
		if errors.Is(err, known) {
			return
		}
	}
	require.NoError(t, err, "an error of no kind")
}

// Whichever bit of a message is flipped: an error, or the same content. Never
// another octet, and where all is authenticated at the end not one octet. Of
// the binary unsigned message of each container it is every bit; of the others,
// which hold the same packets and more, one bit in each octet.
func TestEveryBit(t *testing.T) {
	text := []byte("attachment")
	for name, m := range small(t, text) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := opener(m.key)
			o.Senders = []*keyring.Verified{verified(t, m.key)}
			refused, tried := 0, 0
			for bit := range len(m.msg) * 8 {
				if bit%8 != bit/8%8 && name != "curve25519" && name != "v6" {
					continue
				}
				tried++
				msg := bytes.Clone(m.msg)
				msg[bit/8] ^= 1 << (bit % 8)
				got, _, err := open(o, bytes.NewReader(msg))
				if err == nil {
					require.Equal(t, text, got, "bit %d", bit)
					continue
				}
				refused++
				failure(t, err)
				require.True(t, bytes.HasPrefix(text, got), "bit %d", bit)
			}
			// What may differ: nothing of a binary message, line ends of armor.
			require.GreaterOrEqual(t, tried, len(m.msg))
			require.GreaterOrEqual(t, refused, tried*9/10)
		})
	}
}

// A message that is cut anywhere is an error that says so, and nothing of what
// is not authenticated comes out.
func TestEveryPrefix(t *testing.T) {
	text := []byte("attachment")
	for name, m := range small(t, text) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := opener(m.key)
			last := len(m.msg)
			if m.msg[0] == '-' { // the last line may lack its end
				last--
			}
			for n := range last {
				got, _, err := open(o, bytes.NewReader(m.msg[:n]))
				require.ErrorIs(t, err, envelope.ErrFormat, "%d octets", n)
				require.True(t, bytes.HasPrefix(text, got))
				if m.msg[0] == '-' && n < len("-----BEGIN PGP ") {
					continue // too little to know that it would be armor
				}
				require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d octets", n)
				_, err = envelope.Inspect(bytes.NewReader(m.msg[:n]), formatOf())
				require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d octets", n)
			}
			got, _, err := open(o, bytes.NewReader(m.msg[:last]))
			require.NoError(t, err)
			require.Equal(t, text, got)
		})
	}
}

// Messages cut where chunks end, and chunks left out, doubled or exchanged:
// what comes out is the beginning of the content, and then an error.
func TestChunks(t *testing.T) {
	t.Parallel()
	const chunk, tag = 64 << 10, 16
	k := key(t, "v6")
	for _, n := range []int{chunk - 13, chunk - 12, 2*chunk + 7, 3*chunk - 20} {
		text := content(t, n)
		msg := craft{v2: true}.seal(t, k, literal(string(text)))
		got, _, err := open(opener(k), bytes.NewReader(msg))
		require.NoError(t, err)
		require.Equal(t, text, got)
	}
	text := content(t, 5*chunk)
	msg, _ := seal(t, &envelope.Sealer{}, text, verified(t, k))
	for cut := len(msg) - 1; cut > 0; cut -= 8191 {
		got, _, err := open(opener(k), bytes.NewReader(msg[:cut]))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.True(t, bytes.HasPrefix(text, got))
	}
	head, params, chunks := cuts(t, msg, chunk+tag)
	require.Len(t, chunks, 7)
	last := len(chunks) - 1
	for name, order := range map[string][]int{
		"as it was": {0, 1, 2, 3, 4, 5, 6}, "first two exchanged": {1, 0, 2, 3, 4, 5, 6}, "first doubled": {0, 0, 1, 2, 3, 4, 5, 6},
		"first left out": {1, 2, 3, 4, 5, 6}, "one left out": {0, 1, 3, 4, 5, 6}, "last left out": {0, 1, 2, 3, 4, 6},
		"final tag left out": {0, 1, 2, 3, 4, 5}, "final tag doubled": {0, 1, 2, 3, 4, 5, 6, 6}, "only the final tag": {6},
	} {
		body := [][]byte{params}
		for _, i := range order {
			body = append(body, chunks[i])
		}
		got, _, err := open(opener(k), bytes.NewReader(cat(head, pkt(18, body...))))
		if len(order) == last+1 && order[0] == 0 {
			require.NoError(t, err)
			require.Equal(t, text, got)
			continue
		}
		require.Equal(t, envelope.ErrDecrypt, err, name)
		require.True(t, bytes.HasPrefix(text, got), name)
	}
}
