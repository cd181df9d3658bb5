package pgp_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// TestPadding: of contents whose sizes PADMÉ does not tell apart the messages
// have one size, and what is inside ends in packets of padding to such a size.
func TestPadding(t *testing.T) {
	k := key(t, "v6")
	size := func(n int) (int, []byte) {
		msg, _ := seal(t, &envelope.Sealer{}, make([]byte, n), verified(t, k))
		return len(msg), msg
	}
	sizes := map[int]bool{}
	for n := 1 << 16; n < 1<<17; n += 509 {
		s, _ := size(n)
		sizes[s] = true
	}
	require.LessOrEqual(t, len(sizes), 33) // E = 16, S = 5: steps of 2^11
	require.Greater(t, len(sizes), 30)

	// go-crypto takes the encryption off: what is inside is as long as PADMÉ
	// says. A literal packet takes 8 octets more than its content up to 185
	// octets, 12 more up to 32 KiB, and 2 for padding of nothing.
	for n, want := range map[int]int{0: 10, 50: 60, 200: 224, 1000: 1024, 65536: 67584, 100_000: 100_352} {
		_, msg := size(n)
		md, inside := plaintext(t, k, msg)
		require.Equal(t, want, len(inside), n)
		require.Equal(t, byte(0xC0|11), md)
		require.Equal(t, 1, bytes.Count(tags(inside), []byte{11}))
		require.Equal(t, byte(21), tags(inside)[1])
	}
	// SEIPDv1 is not padded: who reads it need not know how to skip.
	msg, _ := seal(t, &envelope.Sealer{}, make([]byte, 1000), verified(t, key(t, "curve25519")))
	_, inside := plaintext(t, key(t, "curve25519"), msg)
	require.Equal(t, []byte{11}, tags(inside))
}

// plaintext is what is inside of the encryption, and its first octet.
func plaintext(t *testing.T, k *pgp.Key, msg []byte) (byte, []byte) {
	t.Helper()
	in := packet.NewReader(bytes.NewReader(msg))
	p, err := in.Next()
	require.NoError(t, err)
	ek := p.(*packet.EncryptedKey)
	e := entity(t, k)
	for _, s := range e.Subkeys {
		if s.PrivateKey != nil && ek.Decrypt(s.PrivateKey, lenient) == nil {
			break
		}
	}
	p, err = in.Next()
	require.NoError(t, err)
	r, err := p.(*packet.SymmetricallyEncrypted).Decrypt(ek.CipherFunc, ek.Key)
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return b[0], b
}

// tags lists the types of packets.
func tags(b []byte) (list []byte) {
	for i := 0; i < len(b); {
		list = append(list, b[i]&63)
		i++
		for more := true; more; {
			var n int
			n, more, i = length(b, i)
			i += n
		}
	}
	return list
}

// TestPaddingRead: padding is ignored wherever it stands, however much of it.
func TestPaddingRead(t *testing.T) {
	k := key(t, "v6")
	pad := func(n int) []byte { return pkt(21, make([]byte, n)) }
	lit := literal("text")
	ops, sig := signature{by: k}.make(t, "text")
	for name, inside := range map[string][]byte{
		"before":         cat(pad(3), lit),
		"after":          cat(lit, pad(0), pad(3)),
		"much":           cat(lit, pad(5<<20)),
		"many":           cat(bytes.Repeat(pad(0), 1000), lit, bytes.Repeat(pad(1), 1000)),
		"with signature": cat(pad(1), ops, pad(1), lit, pad(1), sig, pad(1)),
		"in a zip":       compressed(t, packet.CompressionZIP, cat(pad(1), lit, pad(1))),
	} {
		for _, v2 := range []bool{false, true} {
			msg := craft{v2: v2}.seal(t, k, inside)
			got, _, err := open(opener(k), bytes.NewReader(cat(pad(2), msg, pad(2))))
			require.NoError(t, err, name)
			require.Equal(t, "text", string(got))
		}
	}
}
