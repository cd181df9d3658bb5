//go:build !dkb_plain

package pgp

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"
)

// BenchmarkMDC is SEIPDv1 without the keys around it, beside go-crypto's, which
// releases content before its code was compared, and so reads it once.
func BenchmarkMDC(b *testing.B) {
	notUnderFIPS(b)
	key, prefix := make([]byte, 32), make([]byte, 16)
	rand.Read(key)
	for _, n := range []int{1 << 10, 64 << 20} {
		content := make([]byte, n)
		msg := goCryptoBox(b, key, prefix, content)
		body := seipdBody(b, msg)[1:]
		run := func(name string, f func() error) {
			b.Run(fmt.Sprintf("%s/%dKiB", name, n>>10), func(b *testing.B) {
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					require.NoError(b, f())
				}
			})
		}
		write := func(w io.WriteCloser) error {
			for rest := content; len(rest) > 0; {
				k := min(slice, len(rest))
				if _, err := w.Write(rest[:k]); err != nil {
					return err
				}
				rest = rest[k:]
			}
			return w.Close()
		}
		run("seal", func() error {
			w, err := newMDCWriter(io.Discard, key)
			require.NoError(b, err)
			return write(w)
		})
		run("seal go-crypto", func() error {
			w, err := packet.SerializeSymmetricallyEncrypted(io.Discard, packet.CipherAES256, false, packet.CipherSuite{}, key, config())
			require.NoError(b, err)
			return write(w)
		})
		read := func(r io.ReadCloser) error {
			if _, err := io.Copy(io.Discard, struct{ io.Reader }{r}); err != nil {
				return err
			}
			return r.Close()
		}
		run("open", func() error {
			for _, check := range []bool{true, false} {
				r, err := openMDC(bytes.NewReader(body), packet.CipherAES256, key, check)
				require.NoError(b, err)
				if err := read(r); err != nil {
					return err
				}
			}
			return nil
		})
		run("open go-crypto", func() error {
			p, err := packet.Read(bytes.NewReader(msg))
			require.NoError(b, err)
			r, err := p.(*packet.SymmetricallyEncrypted).Decrypt(packet.CipherAES256, key)
			require.NoError(b, err)
			return read(r)
		})
	}
}
