//go:build !dkb_plain

package pgp

import (
	"bytes"
	"crypto/aes"
	"crypto/fips140"
	"crypto/rand"
	"io"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/mdc"
)

func notUnderFIPS(t testing.TB) {
	if fips140.Enforced() {
		t.Skip("SHA-1 and CFB: pgp refuses them before it starts, which its own test holds")
	}
}

// goCryptoBox is SEIPDv1 as go-crypto writes it, with the random block given.
func goCryptoBox(t testing.TB, key, prefix, content []byte) []byte {
	var out bytes.Buffer
	c := config()
	c.Rand = bytes.NewReader(prefix)
	w, err := packet.SerializeSymmetricallyEncrypted(&out, packet.CipherAES256, false, packet.CipherSuite{}, key, c)
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// goCryptoOpen is what go-crypto makes of one SEIPDv1 packet.
func goCryptoOpen(msg, key []byte) ([]byte, error) {
	p, err := packet.Read(bytes.NewReader(msg))
	if err != nil {
		return nil, err
	}
	r, err := p.(*packet.SymmetricallyEncrypted).Decrypt(packet.CipherAES256, key)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return b, r.Close()
}

// seipdBody is the body of one packet, whatever its parts.
func seipdBody(t testing.TB, msg []byte) []byte {
	tag, b, err := newPackets(bytes.NewReader(msg)).next()
	require.NoError(t, err)
	require.Equal(t, tagSEIPD, tag)
	body, err := io.ReadAll(b)
	require.NoError(t, err)
	return body
}

var mdcLengths = []int{
	0, 1, 13, 14, 15, 16, 17, 31, 32, 33, 34, 47, 48, 49, 4<<10 - 40, 4<<10 - 18, 4 << 10,
	64<<10 - 41, 64<<10 - 40, 64<<10 - 39, 64<<10 - 19, 64<<10 - 18, 64<<10 - 17, 3*64<<10 + 5, 400_000,
}

// What is written is what go-crypto writes, octet for octet, at every boundary.
func TestMDCWriterEqualsGoCrypto(t *testing.T) {
	notUnderFIPS(t)
	key, prefix := make([]byte, 32), make([]byte, 16)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	for _, n := range mdcLengths {
		rand.Read(prefix)
		content := make([]byte, n)
		rand.Read(content)
		out := bytes.NewBuffer([]byte{1}) // the version
		w := mdc.NewWriter(out, block, prefix)
		_, err = w.Write(content)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.True(t, bytes.Equal(seipdBody(t, goCryptoBox(t, key, prefix, content)), out.Bytes()), "%d", n)
	}
}

// go-crypto reads the packets, its MDC check included, however they are written.
func TestMDCWriterAgainstGoCrypto(t *testing.T) {
	notUnderFIPS(t)
	key := make([]byte, 32)
	rand.Read(key)
	for _, n := range mdcLengths {
		for _, step := range []int{1, 7, 4096, 1 << 20} {
			if step == 1 && n > 70_000 {
				continue
			}
			data := make([]byte, n)
			rand.Read(data)
			var out bytes.Buffer
			w, err := newMDCWriter(&out, key)
			require.NoError(t, err)
			for rest := data; len(rest) > 0; {
				k := min(step, len(rest))
				m, err := w.Write(rest[:k])
				require.NoError(t, err)
				require.Equal(t, k, m)
				rest = rest[k:]
			}
			require.NoError(t, w.Close())
			got, err := goCryptoOpen(out.Bytes(), key)
			require.NoError(t, err, "%d by %d", n, step)
			require.True(t, bytes.Equal(data, got), "%d by %d", n, step)
			// The twin: one bit, and go-crypto's check refuses.
			msg := out.Bytes()
			msg[len(msg)-1] ^= 1
			_, err = goCryptoOpen(msg, key)
			require.Error(t, err)
		}
	}
}
