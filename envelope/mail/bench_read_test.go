package mail_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	netmail "net/mail"
	"testing"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/stretchr/testify/require"
)

// BenchmarkOpen reads a mail with 25 MB attached, and what is attached.
func BenchmarkOpen(b *testing.B) {
	data := make([]byte, 25_000_000)
	rand.NewChaCha8([32]byte{}).Read(data)
	for name, to := range map[string]person{
		"SMIME": cmsPerson(b, "rsa@example.org", "rsa3072"), "OpenPGP": pgpPerson(b, "rsapgp@example.org", "rsa3072"),
	} {
		b.Run(name, func(b *testing.B) {
			p, err := (&mail.Composer{Keys: keysOf(to), Profile: envelope.Modern}).Plan(&mail.Draft{
				From: netmail.Address{Address: "alice@example.org"}, To: addresses(to), Subject: "s", Text: "see there\n",
				Attachments: []mail.Attachment{{Name: "a.bin", Body: bytes.NewReader(data)}},
			})
			require.NoError(b, err)
			f := &memory{}
			_, err = p.Seal(f)
			require.NoError(b, err)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				m, err := (&mail.Opener{Identities: []envelope.Identity{to.identity}}).Open(bytes.NewReader(f.b))
				require.NoError(b, err)
				parts := m.Parts()
				n, err := io.Copy(io.Discard, parts[len(parts)-1].Open())
				require.NoError(b, err)
				require.EqualValues(b, len(data), n)
				require.NoError(b, m.Close())
			}
		})
	}
}
