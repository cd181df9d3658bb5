package pgp_test

import (
	"bytes"
	"crypto/aes"
	"crypto/rand"
	"encoding/binary"
	"testing"

	"github.com/ProtonMail/go-crypto/ocb"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// libre seals as GnuPG 2.3 does for keys that ask for it.
func libre(t *testing.T, to *pgp.Key, inside []byte) []byte {
	t.Helper()
	key := make([]byte, 32)
	rand.Read(key)
	var pkesk bytes.Buffer
	require.NoError(t, packet.SerializeEncryptedKeyAEAD(&pkesk, subkey(t, to), packet.CipherAES256, false, key, lenient))
	return cat(pkesk.Bytes(), librePacket(t, key, inside))
}

// librePacket is packet 20, draft-koch-librepgp, Section 5.16, with chunks of
// 64 octets.
func librePacket(t *testing.T, key, inside []byte) []byte {
	t.Helper()
	const chunk = 64
	nonce := make([]byte, 15)
	rand.Read(nonce)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	mode, err := ocb.NewOCBWithNonceAndTagSize(block, 15, 16)
	require.NoError(t, err)
	head := []byte{0xD4, 1, 9, 2, 0}
	out := append(bytes.Clone(head[1:]), nonce...)
	seal := func(index int, plain, extra []byte) {
		n := bytes.Clone(nonce)
		binary.BigEndian.PutUint64(n[7:], binary.BigEndian.Uint64(n[7:])^uint64(index))
		ad := append(binary.BigEndian.AppendUint64(bytes.Clone(head), uint64(index)), extra...)
		out = mode.Seal(out, n, plain, ad)
	}
	i := 0
	for rest := inside; len(rest) > 0; i++ {
		n := min(chunk, len(rest))
		seal(i, rest[:n], nil)
		rest = rest[n:]
	}
	seal(i, nil, binary.BigEndian.AppendUint64(nil, uint64(len(inside))))
	return pkt(20, out)
}

func TestLibrePGP(t *testing.T) {
	k := key(t, "curve25519")
	for _, n := range []int{0, 1, 51, 52, 53, 1000, 32 << 10, 100_000} {
		text := content(t, n)
		msg := libre(t, k, literal(string(text)))
		for _, src := range sources {
			got, report, err := open(opener(k), src(msg))
			require.NoError(t, err, n)
			require.True(t, bytes.Equal(text, got))
			require.Equal(t, "LibrePGP", report.Container)
			require.Equal(t, "AES-256-OCB", report.Content)
		}
	}
	text := []byte("text")
	msg := libre(t, k, literal("text"))
	for bit := range len(msg) * 8 {
		other := bytes.Clone(msg)
		other[bit/8] ^= 1 << (bit % 8)
		got, _, err := open(opener(k), bytes.NewReader(other))
		if err == nil {
			require.Equal(t, text, got)
			continue
		}
		failure(t, err)
		require.True(t, bytes.HasPrefix(text, got))
	}
	for n := range msg {
		_, _, err := open(opener(k), bytes.NewReader(msg[:n]))
		require.ErrorIs(t, err, envelope.ErrFormat)
	}
}
