package pgp

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/binary"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/ed25519"
	"github.com/ProtonMail/go-crypto/openpgp/mlkem_ecdh"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/x25519"
	"github.com/stretchr/testify/require"
)

// smith makes certificates packet by packet, right ones and wrong ones.
type smith struct {
	testing.TB
	version int
	born    time.Time
	primary *packet.PrivateKey
	raw     []byte
}

const userIDText = "Bob <bob@example.org>"

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 12, 0, 0, 0, time.UTC) }

// newSmith begins a certificate with its primary key.
func newSmith(t testing.TB, version int, born time.Time) *smith {
	s := &smith{TB: t, version: version, born: born}
	s.primary = s.signingKey(born)
	s.raw = appendKeyPacket(nil, keyTagPublic, s.body(&s.primary.PublicKey))
	return s
}

func (s *smith) upgrade(k *packet.PrivateKey) *packet.PrivateKey {
	if s.version == 6 {
		require.NoError(s, k.UpgradeToV6())
	}
	return k
}

func (s *smith) signingKey(born time.Time) *packet.PrivateKey {
	k, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(s, err)
	return s.upgrade(packet.NewEd25519PrivateKey(born, k))
}

func (s *smith) sealingKey(born time.Time) *packet.PrivateKey {
	k, err := x25519.GenerateKey(rand.Reader)
	require.NoError(s, err)
	return s.upgrade(packet.NewX25519PrivateKey(born, k))
}

func (s *smith) quantumKey(born time.Time) *packet.PrivateKey {
	curve, err := packet.GetECDHCurveFromAlgID(packet.PubKeyAlgoMlkem768X25519)
	require.NoError(s, err)
	kem, err := packet.GetMlkemFromAlgID(packet.PubKeyAlgoMlkem768X25519)
	require.NoError(s, err)
	k, err := mlkem_ecdh.GenerateKey(rand.Reader, uint8(packet.PubKeyAlgoMlkem768X25519), curve, kem)
	require.NoError(s, err)
	return s.upgrade(packet.NewDecrypterPrivateKey(born, k))
}

func (s *smith) body(k *packet.PublicKey) []byte {
	var b bytes.Buffer
	require.NoError(s, k.SerializeForHash(&b))
	return b.Bytes()[hashedHead(k):]
}

// edit changes a signature before it is made.
type edit func(*packet.Signature)

func with(edits ...edit) edit {
	return func(sig *packet.Signature) {
		for _, e := range edits {
			e(sig)
		}
	}
}

func at(when time.Time) edit      { return func(sig *packet.Signature) { sig.CreationTime = when } }
func hashedBy(h crypto.Hash) edit { return func(sig *packet.Signature) { sig.Hash = h } }
func lives(d time.Duration) edit {
	return func(sig *packet.Signature) { sig.KeyLifetimeSecs = seconds(d) }
}
func lasts(d time.Duration) edit {
	return func(sig *packet.Signature) { sig.SigLifetimeSecs = seconds(d) }
}
func encrypts(sig *packet.Signature)  { sig.FlagsValid, sig.FlagEncryptCommunications = true, true }
func stores(sig *packet.Signature)    { sig.FlagsValid, sig.FlagEncryptStorage = true, true }
func signs(sig *packet.Signature)     { sig.FlagsValid, sig.FlagSign = true, true }
func certifies(sig *packet.Signature) { sig.FlagsValid, sig.FlagCertify = true, true }
func readsV2(sig *packet.Signature)   { sig.SEIPDv1, sig.SEIPDv2 = true, true }
func reason(r packet.ReasonForRevocation) edit {
	return func(sig *packet.Signature) { sig.RevocationReason = &r }
}
func critical(sig *packet.Signature) {
	sig.Notations = append(sig.Notations, &packet.Notation{Name: "unknown@example.org", IsCritical: true})
}

func seconds(d time.Duration) *uint32 {
	n := uint32(d / time.Second)
	return &n
}

var plainConfig = &packet.Config{NonDeterministicSignaturesViaNotation: new(bool)}

// made returns a signature of a type over parts by key, unwritten.
func (s *smith) made(key *packet.PrivateKey, kind packet.SignatureType, e edit, parts ...[]byte) *packet.Signature {
	sig := &packet.Signature{
		Version: s.version, SigType: kind, PubKeyAlgo: key.PubKeyAlgo, Hash: crypto.SHA256,
		CreationTime: s.born, IssuerKeyId: &key.KeyId,
	}
	if e != nil {
		e(sig)
	}
	h, err := sig.PrepareSign(plainConfig)
	require.NoError(s, err)
	for _, p := range parts {
		h.Write(p)
	}
	require.NoError(s, sig.Sign(h, key, plainConfig))
	return sig
}

// sign is made, and returns the body of the packet.
func (s *smith) sign(key *packet.PrivateKey, kind packet.SignatureType, e edit, parts ...[]byte) []byte {
	var b, body = new(bytes.Buffer), []byte(nil)
	require.NoError(s, s.made(key, kind, e, parts...).Serialize(b))
	require.NoError(s, splitKeyPackets(b.Bytes(), func(_ int, p []byte) error { body = p; return nil }))
	return body
}

func (s *smith) hashed() []byte { return hashedKey(s.body(&s.primary.PublicKey)) }

func (s *smith) add(tag int, body []byte) *smith {
	s.raw = appendKeyPacket(s.raw, tag, body)
	return s
}

func (s *smith) revoke(e edit) *smith {
	return s.add(keyTagSignature, s.sign(s.primary, sigKeyRevocation, e, s.hashed()))
}

func (s *smith) direct(e edit) *smith {
	return s.add(keyTagSignature, s.sign(s.primary, sigDirectKey, e, s.hashed()))
}

func (s *smith) userID(id string, e edit) *smith {
	return s.add(keyTagUserID, []byte(id)).certify(s.primary, id, e)
}

func (s *smith) certify(by *packet.PrivateKey, id string, e edit) *smith {
	return s.add(keyTagSignature, s.sign(by, sigCertLast, e, s.hashed(), hashedUserID([]byte(id))))
}

func (s *smith) subkey(k *packet.PrivateKey, e edit) *smith {
	body := s.body(&k.PublicKey)
	return s.add(keyTagPublicSub, body).add(keyTagSignature, s.binding(k, e))
}

// binding is the body of a binding signature; for signing keys with the
// signature back.
func (s *smith) binding(k *packet.PrivateKey, e edit) []byte {
	what := hashedKey(s.body(&k.PublicKey))
	return s.sign(s.primary, sigSubkeyBinding, func(sig *packet.Signature) {
		if e != nil {
			e(sig)
		}
		if sig.FlagSign && sig.EmbeddedSignature == nil {
			sig.EmbeddedSignature = s.made(k, packet.SigTypePrimaryKeyBinding, at(sig.CreationTime), s.hashed(), what)
		}
	}, s.hashed(), what)
}

func (s *smith) certificate() *certificate {
	c, err := parseCertificate(s.raw)
	require.NoError(s, err)
	return c
}

// subpacket is one of a value of up to 190 octets.
func subpacket(kind byte, value ...byte) []byte {
	return append([]byte{byte(1 + len(value)), kind}, value...)
}

// sign4 is the body of a version 4 signature by an Ed25519 key with SHA-256,
// whose areas hold these subpackets besides the time and the issuer: any, also
// those that go-crypto does not write.
func (s *smith) sign4(key *packet.PrivateKey, kind packet.SignatureType, when time.Time, protected, open []byte, parts ...[]byte) []byte {
	area := subpacket(2, binary.BigEndian.AppendUint32(nil, uint32(when.Unix()))...)
	area = append(append(area, subpacket(33, append([]byte{4}, key.Fingerprint...)...)...), protected...)
	body := []byte{4, byte(kind), byte(packet.PubKeyAlgoEd25519), 8}
	body = append(binary.BigEndian.AppendUint16(body, uint16(len(area))), area...)
	h := crypto.SHA256.New()
	for _, p := range parts {
		h.Write(p)
	}
	h.Write(body)
	h.Write(binary.BigEndian.AppendUint32([]byte{4, 0xFF}, uint32(len(body))))
	digest := h.Sum(nil)
	sig, err := ed25519.Sign(key.PrivateKey.(*ed25519.PrivateKey), digest)
	require.NoError(s, err)
	body = append(binary.BigEndian.AppendUint16(body, uint16(len(open))), open...)
	return append(append(body, digest[:2]...), sig...)
}

// unhashed appends a subpacket to the area of a version 4 signature that
// nothing protects.
func unhashed(body []byte, kind byte, value ...byte) []byte {
	start := 6 + int(binary.BigEndian.Uint16(body[4:]))
	n := int(binary.BigEndian.Uint16(body[start:]))
	sub := append([]byte{byte(len(value) + 1), kind}, value...)
	out := append([]byte(nil), body[:start]...)
	out = binary.BigEndian.AppendUint16(out, uint16(n+len(sub)))
	out = append(out, sub...)
	return append(out, body[start+2:]...)
}

// simple is a certificate with a user ID and an encryption subkey.
func simple(t testing.TB, version int, born time.Time) *smith {
	s := newSmith(t, version, born)
	if version == 6 {
		s.direct(with(certifies, signs, readsV2))
	}
	return s.userID(userIDText, with(certifies, signs)).subkey(s.sealingKey(born), encrypts)
}
