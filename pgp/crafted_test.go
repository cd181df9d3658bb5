package pgp_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"io"
	"testing"
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/pgp"
)

// Messages put together packet by packet with go-crypto, for what no Sealer writes.

var lenient = &packet.Config{
	DefaultCipher: packet.CipherAES256, DefaultHash: crypto.SHA512,
	AEADConfig: &packet.AEADConfig{DefaultMode: packet.AEADModeOCB},

	NonDeterministicSignaturesViaNotation: new(bool), // it has no salt for SHA-1
}

// entity is k as go-crypto reads it, private keys included.
func entity(t testing.TB, k *pgp.Key) *openpgp.Entity {
	t.Helper()
	b, err := k.Marshal(nil)
	require.NoError(t, err)
	es, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(b))
	require.NoError(t, err)
	require.Len(t, es, 1)
	return es[0]
}

// subkey is the key that messages to k are encrypted to.
func subkey(t testing.TB, k *pgp.Key) *packet.PublicKey {
	t.Helper()
	e, ok := entity(t, k).EncryptionKey(time.Now(), lenient)
	require.True(t, ok)
	return e.PublicKey
}

// craft is a message as somebody else might write it.
type craft struct {
	v2       bool // SEIPDv2 and PKESK version 6
	mixed    bool // PKESK of the other version
	hidden   bool
	cipher   packet.CipherFunction // 0: AES-256
	mode     packet.AEADMode       // 0: OCB
	decoys   int                   // hidden session key packets for somebody else before the right one
	decoyFor *pgp.Key
}

func (c craft) seal(t testing.TB, to *pgp.Key, inside []byte) []byte {
	t.Helper()
	if c.cipher == 0 {
		c.cipher = packet.CipherAES256
	}
	if c.mode == 0 {
		c.mode = packet.AEADModeOCB
	}
	key := make([]byte, c.cipher.KeySize())
	rand.Read(key)
	var out bytes.Buffer
	for range c.decoys {
		require.NoError(t, packet.SerializeEncryptedKeyAEADwithHiddenOption(&out, subkey(t, c.decoyFor), c.cipher, c.v2, key, true, lenient))
	}
	require.NoError(t, packet.SerializeEncryptedKeyAEADwithHiddenOption(&out, subkey(t, to), c.cipher, c.v2 != c.mixed, key, c.hidden, lenient))
	w, err := packet.SerializeSymmetricallyEncrypted(&out, c.cipher, c.v2, packet.CipherSuite{Cipher: c.cipher, Mode: c.mode}, key, lenient)
	require.NoError(t, err)
	_, err = w.Write(inside)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// pkt is one packet with a definite length.
func pkt(tag byte, body ...[]byte) []byte {
	b := bytes.Join(body, nil)
	n := len(b)
	return append([]byte{0xC0 | tag, 255, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, b...)
}

func literal(text string) []byte { return pkt(11, []byte{'b', 0, 0, 0, 0, 0}, []byte(text)) }

func cat(ps ...[]byte) []byte { return bytes.Join(ps, nil) }

// compressed is a compressed packet; 0: not compressed.
func compressed(t testing.TB, algo packet.CompressionAlgo, inside []byte) []byte {
	t.Helper()
	if algo == 0 {
		return pkt(8, []byte{0}, inside)
	}
	var out bytes.Buffer
	w, err := packet.SerializeCompressed(nop{&out}, algo, nil)
	require.NoError(t, err)
	_, err = w.Write(inside)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

type nop struct{ io.Writer }

func (nop) Close() error { return nil }

// signature is what makes one signature; change may change it before it is made.
type signature struct {
	by     *pgp.Key
	kind   packet.SignatureType
	hash   crypto.Hash // 0: SHA-512
	change func(*packet.Signature)
}

// make returns the one-pass signature packet and the signature over text.
func (s signature) make(t testing.TB, text string) (onePass, sig []byte) {
	t.Helper()
	e := entity(t, s.by)
	k, ok := e.SigningKey(time.Now(), lenient)
	require.True(t, ok)
	if s.hash == 0 {
		s.hash = crypto.SHA512
	}
	id := k.PrivateKey.KeyId
	p := &packet.Signature{
		Version: k.PrivateKey.Version, SigType: s.kind, PubKeyAlgo: k.PrivateKey.PubKeyAlgo,
		Hash: s.hash, CreationTime: time.Now(), IssuerKeyId: &id,
	}
	if s.change != nil {
		s.change(p)
	}
	h, err := p.PrepareSign(lenient)
	require.NoError(t, err)
	if s.kind == packet.SigTypeText {
		openpgp.NewCanonicalTextHash(h).Write([]byte(text))
	} else {
		h.Write([]byte(text))
	}
	require.NoError(t, p.Sign(h, k.PrivateKey, lenient))
	o := packet.OnePassSignature{Version: 3, SigType: s.kind, Hash: s.hash, PubKeyAlgo: p.PubKeyAlgo, KeyId: id, IsLast: true}
	if p.Version == 6 {
		o.Version, o.Salt, o.KeyFingerprint = 6, p.Salt(), k.PrivateKey.Fingerprint
	}
	var a, b bytes.Buffer
	require.NoError(t, o.Serialize(&a))
	require.NoError(t, p.Serialize(&b))
	return a.Bytes(), b.Bytes()
}
