package mail_test

import (
	"bytes"
	netmail "net/mail"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
)

// BenchmarkSignClear signs a mail with 25 MB attached, to a file and to memory.
func BenchmarkSignClear(b *testing.B) {
	keys, err := clearKeys()
	require.NoError(b, err)
	data := make([]byte, 25_000_000)
	for _, format := range []string{"p256", "OpenPGP"} {
		for _, to := range []string{"file", "memory"} {
			b.Run(format+" "+to, func(b *testing.B) {
				c := &mail.Composer{Signers: []envelope.Signer{keys[format].signer}}
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					d := &mail.Draft{
						From: netmail.Address{Address: "alice@example.org"}, To: []netmail.Address{{Address: "bob@example.org"}},
						Attachments: []mail.Attachment{{Name: "a.bin", Body: bytes.NewReader(data)}},
					}
					var f mail.File
					if to == "file" {
						out, err := os.Create(filepath.Join(b.TempDir(), "out"))
						require.NoError(b, err)
						defer out.Close()
						f = out
					}
					m, err := c.SignClear(d, f)
					require.NoError(b, err)
					require.NoError(b, m.Close())
				}
			})
		}
	}
}
