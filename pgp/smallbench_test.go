package pgp_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// BenchmarkSmall is a message of 1 KiB, receipt and all, against the packets
// alone of go-crypto.
func BenchmarkSmall(b *testing.B) {
	text := make([]byte, 1<<10)
	for _, kind := range []string{"curve25519", "v6"} {
		k := key(b, kind)
		to, sub := verified(b, k), subkey(b, k)
		v2 := kind == "v6"
		suite := packet.CipherSuite{Cipher: packet.CipherAES256, Mode: packet.AEADModeOCB}
		config := &packet.Config{DefaultCipher: packet.CipherAES256, AEADConfig: &packet.AEADConfig{DefaultMode: suite.Mode}}
		run := func(name string, once func(*testing.B)) {
			b.Run(kind+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					once(b)
				}
			})
		}
		run("Seal/ours", func(b *testing.B) {
			w, err := envelope.Seal(io.Discard, to)
			require.NoError(b, err)
			_, err = w.Write(text)
			require.NoError(b, err)
			require.NoError(b, w.Close())
		})
		run("Seal/go-crypto", func(b *testing.B) {
			secret := make([]byte, 32)
			require.NoError(b, packet.SerializeEncryptedKeyAEAD(io.Discard, sub, suite.Cipher, v2, secret, config))
			w, err := packet.SerializeSymmetricallyEncrypted(io.Discard, suite.Cipher, v2, suite, secret, config)
			require.NoError(b, err)
			lit, err := packet.SerializeLiteral(w, true, "", 0)
			require.NoError(b, err)
			_, err = lit.Write(text)
			require.NoError(b, err)
			require.NoError(b, lit.Close())
			require.NoError(b, w.Close())
		})
		msg, _ := seal(b, &envelope.Sealer{}, text, to)
		o := opener(k)
		run("Open/ours", func(b *testing.B) {
			m, err := o.Open(bytes.NewReader(msg))
			require.NoError(b, err)
			_, err = io.Copy(io.Discard, m)
			require.NoError(b, err)
			require.NoError(b, m.Close())
		})
	}
}
