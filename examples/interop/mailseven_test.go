package interop_test

import (
	"bytes"
	"crypto/x509"
	"io"
	netmail "net/mail"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/examples/internal/marks"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// seven are people with seven kinds of keys, none of whom shares anything with
// another but the authority of those with X.509.
var seven = []cell{
	{peer: "gpg", format: "pgp", key: "rsa2048"},
	{peer: "openssl", format: "smime", key: "p256"},
	{peer: "gopenpgp", format: "pgp", key: "v6"},
	{peer: "bc", format: "smime", key: "x25519"},
	{peer: "gpg", format: "pgp", key: "curve25519"},
	{peer: "gpgsm", format: "smime", key: "rsa3072"},
	{peer: "openssl", format: "smime", key: "p521"},
}

// theirAuthor is the kind of key of who writes to them, in both formats.
const theirAuthor = "p384"

// member is one of them.
type member struct {
	*key
	peer, format string
	address      string
	marks        []marks.Mark
}

// TestSevenPeople: one mail to seven people, of whom two are in Bcc, each pair
// in turn. Each opens their copy with a program of their own, and no copy has
// anything of the other one's Bcc in it, inside or outside.
func TestSevenPeople(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the peers are programs that take their time to start")
	}
	w := newMailWorld(t)
	for _, program := range []string{"gpg", "gpgsm", "openssl", "java"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, program)
		}
	}
	p := &party{mailWorld: w, gpgsm: newGpgsm(t, w.world, "rsa3072"), bc: w.bouncyCastle(t)}
	for _, format := range []string{"pgp", "smime"} {
		k := w.key(t, cell{peer: "gpg", format: format, key: theirAuthor})
		p.signers = append(p.signers, k.signer)
		p.senders = append(p.senders, k.cert)
	}
	for _, c := range seven {
		k := w.key(t, c)
		m := &member{key: k, peer: c.peer, format: c.format, address: c.key + "@example.org"}
		m.marks = marksOf(t, m)
		if c.peer == "gpg" { // which says of a signature by somebody unknown that it failed
			gpg{w.world}.must(t, k, nil, "--import", w.key(t, cell{format: "pgp", key: theirAuthor}).public)
		}
		p.members = append(p.members, m)
	}
	for _, first := range []int{0, 2, 4, 6} {
		hidden := []*member{p.members[first], p.members[(first+1)%7]}
		t.Run(hidden[0].name+" and "+hidden[1].name, func(t *testing.T) { p.send(t, hidden) })
	}
}

// party is those seven and who writes to them.
type party struct {
	*mailWorld
	signers []envelope.Signer
	senders []*keyring.Verified
	members []*member
	gpgsm   gpgsm
	bc      *bouncyCastle
}

const (
	partySubject = "Eine Nachricht an sieben"
	partyText    = "Grüße an alle"
)

func (p *party) send(t *testing.T, hidden []*member) {
	d := &mail.Draft{
		From:    netmail.Address{Name: "Jürgen Groß", Address: theirAuthor + "@example.org"},
		Subject: partySubject, Text: partyText + "\n",
		Attachments: []mail.Attachment{{Name: attachment, Body: strings.NewReader("für alle")}},
	}
	c := &mail.Composer{Signers: p.signers, Keys: map[string][]*keyring.Verified{}}
	for i, m := range p.members {
		a := netmail.Address{Address: m.address}
		c.Keys[m.address] = []*keyring.Verified{m.cert}
		switch {
		case slices.Contains(hidden, m):
			d.Bcc = append(d.Bcc, netmail.Address{Name: "Geheim " + m.name, Address: m.address})
		case i%2 == 0:
			d.To = append(d.To, a)
		default:
			d.Cc = append(d.Cc, a)
		}
	}
	plan, err := c.Plan(d)
	require.NoError(t, err)
	sealed, err := plan.Seal()
	require.NoError(t, err)
	var to []string
	boundaries := map[string]bool{}
	for i, s := range sealed {
		defer s.Close()
		to = append(to, s.Recipients()...)
		var b bytes.Buffer
		_, err := s.WriteTo(&b)
		require.NoError(t, err)
		require.Equal(t, sealed[0].MessageID(), s.MessageID(), "a message of its own for whoever compares two copies")
		t.Log(s.Recipients(), plan.Copies()[i].Container)
		for _, m := range p.members {
			if slices.Contains(s.Recipients(), m.address) {
				p.check(t, m, b.Bytes(), hidden)
			}
		}
		for _, boundary := range boundary.FindAllString(b.String(), -1) {
			require.False(t, boundaries[boundary], "two copies with one boundary")
			boundaries[boundary] = true
		}
	}
	require.Len(t, to, len(p.members))
}

// check opens the copy of m in all ways.
func (p *party) check(t *testing.T, m *member, eml []byte, hidden []*member) {
	t.Helper()
	layers := append([][]byte{eml}, p.layers(t, m, eml)...)
	inner := string(layers[len(layers)-1])
	require.Contains(t, inner, partySubject, "%s with %s", m.name, m.peer)
	p.judged(t, m, eml)
	for _, other := range hidden {
		for _, mark := range other.marks {
			for i, layer := range layers {
				if other != m {
					require.False(t, mark.In(layer), "layer %d of the copy for %s shows %s of %s", i, m.name, mark.What, other.name)
				}
			}
		}
		if other == m { // the search finds what is there
			require.True(t, slices.ContainsFunc(layers, m.marks[0].In), "no address in their own copy")
			require.True(t, slices.ContainsFunc(m.marks[1:], func(k marks.Mark) bool { return slices.ContainsFunc(layers, k.In) }), "nothing of the key of %s in their own copy", m.name)
		}
	}
}

// layers opens a copy with a real program: what is in each layer, the content
// at last.
func (p *party) layers(t *testing.T, m *member, eml []byte) (layers [][]byte) {
	t.Helper()
	if m.format == "pgp" {
		_, _, in := parts(t, eml)
		msg := body(t, in[1])
		layers = [][]byte{dearmor(t, msg), unwrap(t, m, msg)}
		if m.peer != "gpg" {
			return append(layers, must(t, msg, p.driver(m.peer), "open-pgp", "--key", m.secret))
		}
		return append(layers, gpg{p.world}.must(t, m.key, msg, "--decrypt"))
	}
	cms := body(t, eml)
	layers = [][]byte{cms}
	switch m.peer {
	case "bc":
		layers = append(layers, p.bc.do(t, "open", cms, "key="+m.secret))
	case "gpgsm":
		layers = append(layers, p.gpgsm.must(t, cms, "--decrypt"))
	default:
		layers = append(layers, must(t, cms, "openssl", "cms", "-decrypt", "-inform", "DER", "-recip", m.public, "-inkey", m.secret))
	}
	signed := body(t, layers[len(layers)-1])
	return append(layers, signed, must(t, signed, "openssl", "cms", "-verify", "-inform", "DER", "-CAfile", p.ca(t)))
}

// judged reads a copy as our Opener does.
func (p *party) judged(t *testing.T, m *member, eml []byte) {
	t.Helper()
	o := &mail.Opener{Identities: []envelope.Identity{m.identity}, Senders: p.senders, Formats: []envelope.Format{pgp.Format(), smime.Format()}}
	msg, err := o.Open(bytes.NewReader(eml))
	require.NoError(t, err)
	defer msg.Close()
	s := msg.Summary()
	require.True(t, s.Encrypted && s.Verified, "%s: %+v", m.name, s)
	require.Equal(t, partySubject, s.Subject)
}

// unwrap returns the packets inside the encryption, signatures included.
func unwrap(t *testing.T, m *member, armored []byte) []byte {
	t.Helper()
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(read(t, m.secret)))
	require.NoError(t, err)
	packets := packet.NewReader(bytes.NewReader(dearmor(t, armored)))
	var opened *packet.EncryptedKey
	for {
		next, err := packets.Next()
		require.NoError(t, err)
		switch p := next.(type) {
		case *packet.EncryptedKey:
			for _, k := range ring.KeysById(p.KeyId) {
				if p.Decrypt(k.PrivateKey, nil) == nil {
					opened = p
				}
			}
		case *packet.SymmetricallyEncrypted:
			require.NotNil(t, opened, "no key of %s opens it", m.name)
			r, err := p.Decrypt(opened.CipherFunc, opened.Key)
			require.NoError(t, err)
			b, err := io.ReadAll(r)
			require.NoError(t, err)
			return b
		}
	}
}

// dearmor does what gpg --dearmor does not of armor without a checksum.
func dearmor(t *testing.T, armored []byte) []byte {
	t.Helper()
	block, err := armor.Decode(bytes.NewReader(armored))
	require.NoError(t, err)
	b, err := io.ReadAll(block.Body)
	require.NoError(t, err)
	return b
}

// certificateOf is the X.509 certificate of m.
func certificateOf(t *testing.T, m *member) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(m.cert.Certificate().Marshal())
	require.NoError(t, err)
	return c
}
