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
)

// go-crypto reads what mdcWriter writes, its MDC check included, at every
// boundary and however it is written.
func TestMDCWriterAgainstGoCrypto(t *testing.T) {
	if fips140.Enforced() {
		t.Skip("SHA-1 and CFB: sealing refuses them before it starts, which its own test holds")
	}
	key := make([]byte, 32)
	rand.Read(key)
	open := func(msg []byte) ([]byte, error) {
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
	for _, n := range []int{0, 1, 13, 14, 15, 16, 17, mdcBuffer - 19, mdcBuffer - 18, mdcBuffer - 17, mdcBuffer, 3*mdcBuffer + 5, 200_000} {
		for _, step := range []int{1, 7, 4096, 1 << 20} {
			if step == 1 && n > mdcBuffer {
				continue
			}
			data := make([]byte, n)
			rand.Read(data)
			block, err := aes.NewCipher(key)
			require.NoError(t, err)
			var out bytes.Buffer
			w, err := newMDCWriter(&out, block)
			require.NoError(t, err)
			for rest := data; len(rest) > 0; {
				k := min(step, len(rest))
				m, err := w.Write(rest[:k])
				require.NoError(t, err)
				require.Equal(t, k, m)
				rest = rest[k:]
			}
			require.NoError(t, w.Close())
			got, err := open(out.Bytes())
			require.NoError(t, err, "%d by %d", n, step)
			require.True(t, bytes.Equal(data, got), "%d by %d", n, step)
			// The twin: one bit, and go-crypto's check refuses.
			msg := out.Bytes()
			msg[len(msg)-1] ^= 1
			_, err = open(msg)
			require.Error(t, err)
		}
	}
}
