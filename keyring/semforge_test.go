package keyring_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/ed25519"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/x25519"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// forge makes OpenPGP certificates of version 4 packet by packet: such as no
// program should make.
type forge struct {
	testing.TB
	born    time.Time
	primary *packet.PrivateKey
	out     bytes.Buffer
}

func newForge(t testing.TB, born time.Time, primary *packet.PrivateKey) *forge {
	f := &forge{TB: t, born: born, primary: primary}
	if primary == nil {
		f.primary = f.signingKey()
	}
	require.NoError(t, f.primary.PublicKey.Serialize(&f.out))
	return f
}

func (f *forge) signingKey() *packet.PrivateKey {
	k, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(f, err)
	return packet.NewEd25519PrivateKey(f.born, k)
}

func (f *forge) sealingKey() *packet.PrivateKey {
	k, err := x25519.GenerateKey(rand.Reader)
	require.NoError(f, err)
	return packet.NewX25519PrivateKey(f.born, k)
}

func rsaPGP(t testing.TB, bits int, born time.Time) *packet.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	require.NoError(t, err)
	return packet.NewRSAPrivateKey(born, k)
}

func signedKey(t testing.TB, k *packet.PublicKey) []byte {
	var b bytes.Buffer
	require.NoError(t, k.SerializeForHash(&b))
	return b.Bytes()
}

func signedID(id string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0xB4}, uint32(len(id))), id...)
}

// edit changes a signature before it is made.
type edit func(*packet.Signature)

func both(edits ...edit) edit {
	return func(s *packet.Signature) {
		for _, e := range edits {
			e(s)
		}
	}
}

func forSigning(s *packet.Signature) { s.FlagsValid, s.FlagCertify, s.FlagSign = true, true, true }
func forSealing(s *packet.Signature) { s.FlagsValid, s.FlagEncryptCommunications = true, true }
func bySHA1(s *packet.Signature)     { s.Hash = crypto.SHA1 }
func forDays(n int) edit {
	return func(s *packet.Signature) { secs := uint32(n * 24 * 3600); s.KeyLifetimeSecs = &secs }
}
func madeAt(t time.Time) edit { return func(s *packet.Signature) { s.CreationTime = t } }
func because(r packet.ReasonForRevocation) edit {
	return func(s *packet.Signature) { s.RevocationReason = &r }
}

func (f *forge) signature(by *packet.PrivateKey, kind packet.SignatureType, e edit, parts ...[]byte) *forge {
	c := &packet.Config{NonDeterministicSignaturesViaNotation: new(bool)}
	sig := &packet.Signature{
		Version: 4, SigType: kind, PubKeyAlgo: by.PubKeyAlgo, Hash: crypto.SHA256, CreationTime: f.born, IssuerKeyId: &by.KeyId,
	}
	if e != nil {
		e(sig)
	}
	h, err := sig.PrepareSign(c)
	require.NoError(f, err)
	for _, p := range parts {
		h.Write(p)
	}
	require.NoError(f, sig.Sign(h, by, c))
	require.NoError(f, sig.Serialize(&f.out))
	return f
}

func (f *forge) userID(id string, e edit) *forge {
	// A new-format packet of tag 13, RFC 9580, Section 4.2.
	f.out.Write(append([]byte{0xC0 | 13, byte(len(id))}, id...))
	return f.signature(f.primary, packet.SigTypePositiveCert, e, signedKey(f, &f.primary.PublicKey), signedID(id))
}

// takenBack follows a user ID that its owner revokes.
func (f *forge) takenBack(id string, e edit) *forge {
	return f.signature(f.primary, packet.SigTypeCertificationRevocation, e, signedKey(f, &f.primary.PublicKey), signedID(id))
}

func (f *forge) revoked(e edit) *forge {
	return f.signature(f.primary, packet.SigTypeKeyRevocation, e, signedKey(f, &f.primary.PublicKey))
}

// loose adds a subkey that nothing binds, and returns it.
func (f *forge) loose() *packet.PrivateKey {
	k := f.sealingKey()
	k.IsSubkey, k.PublicKey.IsSubkey = true, true
	require.NoError(f, k.PublicKey.Serialize(&f.out))
	return k
}

func (f *forge) binding(by *packet.PrivateKey, k *packet.PrivateKey, e edit) *forge {
	return f.signature(by, packet.SigTypeSubkeyBinding, e, signedKey(f, &f.primary.PublicKey), signedKey(f, &k.PublicKey))
}

func (f *forge) subkey(e edit) *forge { return f.binding(f.primary, f.loose(), e) }

func (f *forge) subkeyRevoked(k *packet.PrivateKey, e edit) *forge {
	return f.signature(f.primary, packet.SigTypeSubkeyRevocation, e, signedKey(f, &f.primary.PublicKey), signedKey(f, &k.PublicKey))
}

func (f *forge) cert() *keyring.Certificate {
	c, err := pgp.ParseCertificate(f.out.Bytes())
	require.NoError(f, err)
	return c
}

const bobsID = "Bob <bob@example.org>"

// bobPGP is a certificate of bob@example.org as it should be.
func bobPGP(t testing.TB, born time.Time) *forge {
	return newForge(t, born, nil).userID(bobsID, forSigning).subkey(forSealing)
}

// unprotected puts a subpacket into the area of the last signature of a
// certificate that nothing protects, RFC 9580, Section 5.2.3.
func unprotected(t testing.TB, file []byte, kind byte, value ...byte) []byte {
	t.Helper()
	var last, body, end int
	for at := 0; at < len(file); {
		last = at
		body, end = packetAt(t, file, at)
		at = end
	}
	require.Equal(t, byte(2), file[last]&0x3F, "a signature")
	sig := file[body:end]
	open := 6 + int(binary.BigEndian.Uint16(sig[4:]))
	n := int(binary.BigEndian.Uint16(sig[open:]))
	sub := append([]byte{byte(1 + len(value)), kind}, value...)
	out := append([]byte(nil), sig[:open]...)
	out = binary.BigEndian.AppendUint16(out, uint16(n+len(sub)))
	out = append(append(out, sub...), sig[open+2:]...)
	head := append([]byte(nil), file[:last]...)
	head = binary.BigEndian.AppendUint32(append(head, 0xC0|2, 0xFF), uint32(len(out)))
	return append(head, out...)
}

// packetAt returns where the body of a packet in new format begins and ends.
func packetAt(t testing.TB, b []byte, at int) (body, end int) {
	t.Helper()
	require.Equal(t, byte(0xC0), b[at]&0xC0)
	switch n := int(b[at+1]); {
	case n < 192:
		return at + 2, at + 2 + n
	case n < 224:
		return at + 3, at + 3 + (n-192)<<8 + int(b[at+2]) + 192
	default:
		require.Equal(t, 255, n)
		return at + 6, at + 6 + int(binary.BigEndian.Uint32(b[at+2:]))
	}
}

// entity is an X.509 certificate with its key.
type entity struct {
	x   *x509.Certificate
	key crypto.Signer
}

// forMail is a template of bob@example.org's certificate.
func forMail() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "Bob"}, EmailAddresses: []string{"bob@example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), BasicConstraintsValid: true,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 15}, Value: readsGCM}},
		KeyUsage:        x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	}
}

// readsGCM is SMIMECapabilities with AES-256-GCM alone, RFC 4262 and RFC 8551,
// Section 2.5.2.
var readsGCM = []byte{0x30, 0x0D, 0x30, 0x0B, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2E}

// authority is a template of one that issues.
func authority(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(2, 0, 0), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// issued signs a template that change changed; without an issuer with its own
// key, and with a new key where none is given.
func issued(t testing.TB, c *x509.Certificate, by *entity, key crypto.Signer, change func(*x509.Certificate)) *entity {
	t.Helper()
	if change != nil {
		change(c)
	}
	if key == nil {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		key = k
	}
	parent, signer := c, key
	if by != nil {
		parent, signer = by.x, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	require.NoError(t, err)
	x, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &entity{x, key}
}

func (e *entity) cert(t testing.TB) *keyring.Certificate {
	t.Helper()
	c, err := smime.ParseCertificate(e.x.Raw)
	require.NoError(t, err)
	return c
}

// bobX509 is a certificate of bob@example.org, self-signed, changed.
func bobX509(t testing.TB, change func(*x509.Certificate)) *keyring.Certificate {
	t.Helper()
	return issued(t, forMail(), nil, nil, change).cert(t)
}

// ringAt is a ring of which a test moves the clock.
func ringAt(t testing.TB, p keyring.Policy, now *time.Time) *keyring.Ring {
	t.Helper()
	if now != nil {
		p.Time = func() time.Time { return *now }
	}
	r, err := p.NewRing(newMem(), parsers()...)
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

func put(t testing.TB, r *keyring.Ring, c *keyring.Certificate, a keyring.Addition) {
	t.Helper()
	_, err := r.Add(expected(t, c), a)
	require.NoError(t, err)
}

// withoutSHA1 skips a test of OpenPGP keys of version 4 where they have no
// fingerprint.
func withoutSHA1(t testing.TB) {
	t.Helper()
	if fips() {
		t.Skip("GODEBUG=fips140=only: OpenPGP keys of version 4 have no fingerprint")
	}
}
