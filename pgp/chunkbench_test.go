//go:build !dkb_plain

package pgp

import (
	"bytes"
	"crypto/fips140"
	"fmt"
	"io"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"
)

// BenchmarkSEIPDv2 is the encrypted packet alone, against go-crypto's.
func BenchmarkSEIPDv2(b *testing.B) {
	if fips140.Enforced() {
		b.Skip("nonces of our own, which the standard library refuses")
	}
	for _, n := range []int{1 << 10, 16 << 20} {
		for _, mode := range []packet.AEADMode{packet.AEADModeGCM, packet.AEADModeOCB, packet.AEADModeEAX} {
			suite := packet.CipherSuite{Cipher: packet.CipherAES256, Mode: mode}
			key, data := make([]byte, 32), make([]byte, n)
			var msg bytes.Buffer
			w, err := newChunkWriter(&msg, suite, key)
			require.NoError(b, err)
			_, err = w.Write(data)
			require.NoError(b, err)
			require.NoError(b, w.Close())
			run := func(name string, once func() error) {
				b.Run(fmt.Sprintf("%s/%s/%dKiB", contentV2(suite.Cipher, suite.Mode), name, n>>10), func(b *testing.B) {
					b.SetBytes(int64(n))
					b.ReportAllocs()
					for b.Loop() {
						require.NoError(b, once())
					}
				})
			}
			seal := func(w io.WriteCloser, err error) error {
				if err == nil {
					_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{bytes.NewReader(data)}, make([]byte, slice))
				}
				if err != nil {
					return err
				}
				return w.Close()
			}
			run("Seal/ours", func() error { return seal(newChunkWriter(io.Discard, suite, key)) })
			run("Seal/go-crypto", func() error {
				return seal(packet.SerializeSymmetricallyEncrypted(io.Discard, suite.Cipher, true, suite, key, config()))
			})
			drain := func(r io.ReadCloser, err error) error {
				if err == nil {
					_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, make([]byte, slice))
				}
				if err != nil {
					return err
				}
				return r.Close()
			}
			run("Open/ours", func() error { return drain(openPacket(msg.Bytes(), key)) })
			run("Open/go-crypto", func() error {
				p, err := packet.Read(bytes.NewReader(msg.Bytes()))
				require.NoError(b, err)
				return drain(p.(*packet.SymmetricallyEncrypted).Decrypt(suite.Cipher, key))
			})
		}
	}
}

// openPacket decrypts a packet 18 or 20 that stands alone.
func openPacket(msg, key []byte) (io.ReadCloser, error) {
	in := newPackets(bytes.NewReader(msg))
	s := &sealed{in: in}
	tag, body, err := in.next()
	if err != nil {
		return nil, err
	}
	if tag == tagLibrePGP {
		err = s.libreHeader(body)
	} else {
		err = s.contentHeader(body)
	}
	if err != nil {
		return nil, err
	}
	if len(key) != s.cipher.KeySize() {
		return nil, io.ErrShortBuffer
	}
	return s.openChunks(&watched{r: s.body}, key)
}
