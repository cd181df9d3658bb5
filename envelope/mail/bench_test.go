package mail_test

import (
	"math/rand/v2"
	netmail "net/mail"
	"os"
	"path/filepath"
	"testing"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/stretchr/testify/require"
)

// BenchmarkSeal seals a mail with 25 MB attached, from file to file.
func BenchmarkSeal(b *testing.B) {
	in := filepath.Join(b.TempDir(), "in")
	data := make([]byte, 25_000_000)
	rand.NewChaCha8([32]byte{}).Read(data)
	require.NoError(b, os.WriteFile(in, data, 0o600))
	for _, c := range []struct {
		name   string
		to     person
		signer person
	}{
		{"SMIME", cmsPerson(b, "rsa@example.org", "rsa3072"), person{}},
		{"OpenPGP", pgpPerson(b, "rsapgp@example.org", "rsa3072"), person{}},
		{"SMIME signed", cmsPerson(b, "rsa@example.org", "rsa3072"), cmsPerson(b, "alice@example.org", "p256")},
		{"OpenPGP signed", pgpPerson(b, "rsapgp@example.org", "rsa3072"), pgpPerson(b, "alice@example.org", "curve25519")},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			comp := &mail.Composer{Keys: keysOf(c.to), Profile: envelope.Modern}
			if c.signer.address != "" {
				comp.Signers = []envelope.Signer{c.signer.signer}
			}
			out := filepath.Join(b.TempDir(), "out")
			for b.Loop() {
				src, err := os.Open(in)
				require.NoError(b, err)
				dst, err := os.Create(out)
				require.NoError(b, err)
				p, err := comp.Plan(&mail.Draft{
					From: netmail.Address{Address: "alice@example.org"}, To: addresses(c.to), Subject: "s", Text: "see there\n",
					Attachments: []mail.Attachment{{Name: "a.bin", Body: src}},
				})
				require.NoError(b, err)
				all, err := p.Seal(dst)
				require.NoError(b, err)
				require.NoError(b, all[0].Close())
				require.NoError(b, dst.Close())
				require.NoError(b, src.Close())
			}
		})
	}
}
