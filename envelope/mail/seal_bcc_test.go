package mail_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/stretchr/testify/require"
)

// x25519Person has an S/MIME certificate for X25519.
func x25519Person(t testing.TB, address string) person {
	return made(t, address, "x25519", func() (*keyring.Certificate, envelope.Identity, envelope.Signer, error) {
		ks, err := smime.GenerateKeys(smime.KeyOptions{Address: address, Algorithm: "ed25519+x25519", ReadsGCM: true})
		if err != nil {
			return nil, envelope.Identity{}, envelope.Signer{}, err
		}
		return ks[1].Certificate(), ks[1].Identity(), ks[0].Signer(), nil
	})
}

// traces are the octets by which somebody can be told: the address, the
// fingerprint and its parts, and for X.509 the serial number and the public key;
// for OpenPGP the key ID that a message to them has.
func traces(t testing.TB, p person, r *envelope.Receipt) (all [][]byte) {
	t.Helper()
	local, _, _ := strings.Cut(p.address, "@")
	fpr, err := hex.DecodeString(p.verified.Fingerprint().String())
	require.NoError(t, err)
	all = append(all, []byte(p.address), []byte(local), fpr, fpr[:8], fpr[len(fpr)-8:])
	if c, err := x509.ParseCertificate(p.verified.Certificate().Marshal()); err == nil {
		all = append(all, c.SerialNumber.Bytes(), c.RawSubjectPublicKeyInfo[len(c.RawSubjectPublicKeyInfo)-20:])
		if len(c.SubjectKeyId) > 0 {
			all = append(all, c.SubjectKeyId)
		}
	}
	require.Len(t, r.Recipients, 1)
	if id, ok := strings.CutPrefix(r.Recipients[0].ID, "key ID "); ok {
		raw, err := hex.DecodeString(id)
		require.NoError(t, err)
		all = append(all, raw)
	}
	for _, b := range slices.Clone(all) {
		all = append(all, []byte(hex.EncodeToString(b)), []byte(strings.ToUpper(hex.EncodeToString(b))))
	}
	return all
}

// requireNoTrace looks for octets as they are and as base64 has them, at each of
// its three offsets, with its line ends taken out.
func requireNoTrace(t testing.TB, layer []byte, what [][]byte, where string) {
	t.Helper()
	flat := bytes.ReplaceAll(bytes.ReplaceAll(layer, []byte("\r"), nil), []byte("\n"), nil)
	for _, w := range what {
		require.GreaterOrEqual(t, len(w), 8, "so short that it is found by chance")
		require.False(t, bytes.Contains(layer, w) || bytes.Contains(flat, w), "%s: %q", where, w)
		for offset := range 3 {
			text := base64.StdEncoding.EncodeToString(append(make([]byte, offset), w...))
			text = strings.TrimRight(text, "=")
			// What the octets before and behind have a part in is left out.
			text = text[(offset*4+2)/3:]
			if (offset+len(w))%3 != 0 {
				text = text[:len(text)-1]
			}
			if len(text) > 8 { // others are found by chance
				require.False(t, bytes.Contains(flat, []byte(text)), "%s: base64 of %q", where, w)
			}
		}
	}
}

// TestSevenPeople writes one mail to people with keys of every kind, two of them
// in Bcc, and looks at every layer of every copy.
func TestSevenPeople(t *testing.T) {
	t.Parallel()
	alice, aliceCMS := pgpPerson(t, "alice@example.org", "curve25519"), cmsPerson(t, "alice@example.org", "p256")
	to := []person{
		pgpPerson(t, "four@example.org", "curve25519"), pgpPerson(t, "six@example.com", "v6 curve25519"),
		cmsPerson(t, "rsa@example.net", "rsa3072"), cmsPerson(t, "curve@example.org", "p256"), x25519Person(t, "twentyfive@example.org"),
	}
	bcc := []person{pgpPerson(t, "hiddenone@secret.example", "curve25519"), cmsPerson(t, "hiddentwo@quiet.example", "p256 GCM")}
	c := &mail.Composer{
		Keys: keysOf(append(slices.Clone(to), bcc...)...), Signers: []envelope.Signer{alice.signer, aliceCMS.signer},
		OwnCopy: []*keyring.Verified{alice.verified},
	}
	bccAddresses := addresses(bcc...)
	bccAddresses[0].Name = "Zachary Quill"
	p, err := c.Plan(&mail.Draft{
		From: netmail.Address{Address: alice.address}, To: addresses(to[:3]...), Cc: addresses(to[3:]...), Bcc: bccAddresses,
		Subject: "for seven", Text: "Hello all.\n", HTML: "<p>Hello all.",
		Attachments: []mail.Attachment{{Name: "a.bin", Body: strings.NewReader(strings.Repeat("content ", 20_000))}},
	})
	require.NoError(t, err)
	copies := p.Copies()
	sealed, err := p.Seal()
	require.NoError(t, err)
	require.Len(t, sealed, len(copies))
	byBcc := make(map[string]*mail.Sealed)
	delivered := make(map[string]int)
	ids, boundaries := make(map[string]bool), make(map[string]bool)
	for i, s := range sealed {
		ids[s.MessageID()] = true
		require.Equal(t, copies[i].Recipients, s.Recipients())
		for _, r := range s.Recipients() {
			delivered[r]++
		}
		if copies[i].Bcc {
			require.Len(t, s.Recipients(), 1)
			byBcc[s.Recipients()[0]] = s
		}
	}
	require.Len(t, delivered, 7)
	for a, n := range delivered {
		require.Equal(t, 1, n, a)
	}
	require.Len(t, ids, 1, "replies to all copies are one thread")

	hidden := [][][]byte{traces(t, bcc[0], byBcc[bcc[0].address].Receipt()), traces(t, bcc[1], byBcc[bcc[1].address].Receipt())}
	hidden[0] = append(hidden[0], []byte("Zachary Quill"), []byte("secret.example"))
	hidden[1] = append(hidden[1], []byte("quiet.example"))
	everybody := append(append(slices.Clone(to), bcc...), alice)
	for i, s := range sealed {
		raw, err := io.ReadAll(s.Open())
		require.NoError(t, err)
		m, err := netmail.ReadMessage(bytes.NewReader(raw))
		require.NoError(t, err)
		require.Empty(t, m.Header.Get("Bcc"))
		require.Equal(t, "[...]", m.Header.Get("Subject"))
		b := m.Header.Get("Content-Type")
		require.True(t, copies[i].Format != "OpenPGP" || !boundaries[b], "a boundary is used twice")
		boundaries[b] = true
		for _, who := range everybody {
			mine := slices.Contains(s.Recipients(), who.address) || s.Own() && who.address == alice.address
			layers := openWith(t, raw, who, mine, alice, aliceCMS)
			if !mine {
				continue
			}
			for j, h := range hidden {
				if who.address == bcc[j].address {
					continue
				}
				for depth, layer := range append([][]byte{raw}, layers...) {
					requireNoTrace(t, layer, h, fmt.Sprintf("copy %d, layer %d", i, depth))
				}
			}
			own := bytes.Contains(layers[len(layers)-1], []byte("\r\nBcc: "))
			require.Equal(t, copies[i].Bcc, own, "a person sees that they are the blind one")
		}
		require.NoError(t, s.Close())
	}
}

// openWith opens a copy with one key and returns what is inside: the payload, and
// every part of it decoded. With a key that it is not sealed to nothing comes out.
func openWith(t testing.TB, raw []byte, who person, mine bool, alice, aliceCMS person) (layers [][]byte) {
	t.Helper()
	o := &mail.Opener{Identities: []envelope.Identity{who.identity}, Senders: []*keyring.Verified{alice.verified, aliceCMS.verified}, Addresses: []string{who.address}}
	m, err := o.Open(bytes.NewReader(raw))
	require.NoError(t, err)
	defer m.Close()
	s := m.Summary()
	require.Equal(t, mine, s.Encrypted, who.address)
	require.Equal(t, mine, s.Verified, "%s: %v", who.address, s.Findings)
	if !mine {
		return nil
	}
	require.Equal(t, "for seven", s.Subject)
	var text strings.Builder
	for _, l := range m.Layers() {
		require.NoError(t, l.Err)
		fmt.Fprintf(&text, "%+v\n", l.Report)
	}
	layers = append(layers, []byte(text.String()))
	for _, part := range m.Parts() {
		for _, r := range []io.Reader{part.Open(), part.Raw()} {
			b, err := io.ReadAll(r)
			require.NoError(t, err)
			layers = append(layers, b)
		}
	}
	for _, part := range m.Parts() {
		if part.Header("Subject") == "for seven" {
			b, err := io.ReadAll(part.Raw())
			require.NoError(t, err)
			layers = append(layers, b)
		}
	}
	return layers
}

// TestRequireNoTrace finds what it looks for.
func TestRequireNoTrace(t *testing.T) {
	t.Parallel()
	for offset := range 3 {
		hidden := append([]byte(strings.Repeat("x", 60+offset)), "bcc@secret.example and more"...)
		lines := base64.StdEncoding.EncodeToString(hidden)
		lines = lines[:70] + "\r\n" + lines[70:]
		for _, layer := range []string{string(hidden), lines} {
			fake := &recording{TB: t}
			func() {
				defer func() { recover() }()
				requireNoTrace(fake, []byte(layer), [][]byte{[]byte("bcc@secret.example")}, "")
			}()
			require.True(t, fake.failed, "offset %d", offset)
		}
	}
	requireNoTrace(t, []byte("nothing"), [][]byte{[]byte("bcc@secret.example")}, "")
}

// recording notes a failure in place of a test.
type recording struct {
	testing.TB
	failed bool
}

func (r *recording) Errorf(string, ...any) { r.failed = true }
func (r *recording) FailNow()              { panic("failed") }
func (r *recording) Helper()               {}
