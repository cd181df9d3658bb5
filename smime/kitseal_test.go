package smime_test

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"

	"github.com/cloudflare/circl/dh/x448"
	"golang.org/x/crypto/chacha20poly1305"
)

const (
	kitWrap128 = "2.16.840.1.101.3.4.1.5"
	kitWrap256 = "2.16.840.1.101.3.4.1.45"
	kitWrap3   = "1.2.840.113549.1.9.16.3.6" // triple DES
	kitCBC256  = "2.16.840.1.101.3.4.1.42"
	kitGCM256  = "2.16.840.1.101.3.4.1.46"
	kitCCM256  = "2.16.840.1.101.3.4.1.47"
	kitChaCha  = "1.2.840.113549.1.9.16.3.18"
	kitCTR256  = "2.16.840.1.101.3.4.1.44"
	kitDerived = "1.2.840.113549.1.9.16.3.31"
)

// kitSealed is a sealed message. The zero value with recipients is a good one
// with AES-256-GCM.
type kitSealed struct {
	infos    []*element
	cipher   string // identifier of the content algorithm
	nonce    []byte
	tagLen   int // what is announced and written; 0: 16
	plain    []byte
	padding  []byte // of CBC; nil: PKCS #7
	ctype    string
	attrs    []*element // as written
	covered  func(attrs []*element) []byte
	derive   bool // CEK-HKDF
	deriveBy []byte
}

// kitCEK is the content key of all messages.
var kitCEK = kitSecret("content", 32)

func (k kitSealed) message() *element {
	if k.cipher == "" {
		k.cipher = kitGCM256
	}
	if k.nonce == nil {
		k.nonce = kitSecret("nonce", map[string]int{kitCBC256: 16}[k.cipher]+12)[:map[bool]int{true: 16, false: 12}[k.cipher == kitCBC256]]
	}
	if k.tagLen == 0 {
		k.tagLen = 16
	}
	if k.plain == nil {
		k.plain = []byte(kitPayload)
	}
	if k.ctype == "" {
		k.ctype = kitData
	}
	var params *element
	switch k.cipher {
	case kitCBC256, kitChaCha:
		params = octetString(k.nonce)
	default:
		params = sequence(octetString(k.nonce), number(k.tagLen))
	}
	algorithm := algorithmOf(k.cipher, params)
	key := kitCEK
	if k.derive {
		info := algorithm.bytes()
		if k.deriveBy != nil {
			info = k.deriveBy
		}
		key = must(hkdf.Key(sha256.New, key, []byte("The Cryptographic Message Syntax"), string(info), 32))
		algorithm = algorithmOf(kitDerived, algorithm)
	}
	var aad []byte
	if k.attrs != nil {
		aad = setOf(derOrder(k.attrs)...).bytes()
		if k.covered != nil {
			aad = k.covered(k.attrs)
		}
	}
	ct, tag := k.encrypt(key, aad)
	content := sequence(object(k.ctype), algorithm, prim(0x80, ct...))
	if k.cipher == kitCBC256 {
		return sequence(object(kitEnveloped), explicit(0, sequence(number(2), setOf(k.infos...), content)))
	}
	in := sequence(number(0), setOf(k.infos...), content)
	if k.attrs != nil {
		in.add(explicit(1, k.attrs...))
	}
	in.add(octetString(tag))
	return sequence(object(kitAuth), explicit(0, in))
}

func (k kitSealed) encrypt(key, aad []byte) (ct, tag []byte) {
	block := must(aes.NewCipher(key))
	n := len(k.plain)
	switch k.cipher {
	case kitCBC256:
		if k.padding == nil {
			pad := 16 - n%16
			k.padding = bytes.Repeat([]byte{byte(pad)}, pad)
		}
		ct = append(bytes.Clone(k.plain), k.padding...)
		whole := len(ct) / 16 * 16
		cipher.NewCBCEncrypter(block, k.nonce).CryptBlocks(ct[:whole], ct[:whole])
		return ct, nil
	case kitChaCha:
		ct = must(chacha20poly1305.New(key)).Seal(nil, k.nonce, k.plain, aad)
	case kitCCM256:
		return kitCCM(block, k.nonce, k.plain, aad, k.tagLen)
	default:
		ct = must(cipher.NewGCMWithNonceSize(block, len(k.nonce))).Seal(nil, k.nonce, k.plain, aad)
	}
	return ct[:n], ct[n:][:k.tagLen]
}

// kitCCM is AES-CCM (RFC 3610) for content of fewer than 2^16 octets.
func kitCCM(block cipher.Block, nonce, plain, aad []byte, tagLen int) (ct, tag []byte) {
	var x, b [16]byte
	mac := func(data []byte) {
		for ; len(data) > 0; data = data[min(16, len(data)):] {
			subtle.XORBytes(x[:], x[:], append(bytes.Clone(data[:min(16, len(data))]), make([]byte, 16)...)[:16])
			block.Encrypt(x[:], x[:])
		}
	}
	b[0] = byte((tagLen-2)/2<<3 | (14 - len(nonce)))
	copy(b[1:], nonce)
	binary.BigEndian.PutUint16(b[14:], uint16(len(plain)))
	if len(aad) > 0 {
		b[0] |= 0x40
	}
	mac(b[:])
	if len(aad) > 0 {
		mac(append(binary.BigEndian.AppendUint16(nil, uint16(len(aad))), aad...))
	}
	mac(plain)
	var counter [16]byte
	counter[0] = byte(14 - len(nonce))
	copy(counter[1:], nonce)
	stream := cipher.NewCTR(block, counter[:])
	tag = make([]byte, 16)
	stream.XORKeyStream(tag, x[:])
	ct = make([]byte, len(plain))
	stream.XORKeyStream(ct, plain)
	return ct, tag[:tagLen]
}

// kitWrap is AES key wrap (RFC 3394, Section 2.2.1) with any initial value.
func kitWrap(kek, key []byte, iv uint64) []byte {
	block := must(aes.NewCipher(kek))
	out := append(binary.BigEndian.AppendUint64(nil, iv), key...)
	var b [16]byte
	for t := uint64(1); t <= 6*uint64(len(key)/8); t++ {
		r := out[8+8*((t-1)%uint64(len(key)/8)):][:8]
		copy(b[:], out[:8])
		copy(b[8:], r)
		block.Encrypt(b[:], b[:])
		binary.BigEndian.PutUint64(out, binary.BigEndian.Uint64(b[:])^t)
		copy(r, b[8:])
	}
	return out
}

const kitIV = 0xa6a6a6a6a6a6a6a6

// kitAgree is a KeyAgreeRecipientInfo. The zero value with a key is a good one.
type kitAgree struct {
	key      *kitKey
	scheme   string // identifier; "": what goes with the key
	hash     crypto.Hash
	hkdf     bool
	ukm      []byte
	salt     []byte // of HKDF, nil: ukm
	wrap     *element
	point    []byte // sent instead of the ephemeral one
	secret   []byte // instead of the shared one
	bits     int    // in suppPubInfo; 0: 256
	iv       uint64
	named    bool // the curve is in the parameters
	bySKI    bool
	noKeying bool // ukm is sent and does not go into the key
}

func (a kitAgree) element() *element {
	algorithm := algorithmOf(kitECPublic)
	var point, z []byte
	name := a.key.name
	switch k := a.key.private.(type) {
	case *ecdsa.PrivateKey:
		e := must(kitEC("ephemeral", k.Curve).ECDH())
		point, z = e.PublicKey().Bytes(), must(e.ECDH(must(k.PublicKey.ECDH())))
		if a.named {
			algorithm = algorithmOf(kitECPublic, object(kitCurveOID[name]))
		}
	case *ecdh.PrivateKey:
		e := must(ecdh.X25519().NewPrivateKey(kitSecret("ephemeral", 32)))
		point, z = e.PublicKey().Bytes(), must(e.ECDH(k.PublicKey()))
		algorithm, a.hkdf = algorithmOf(kitX25519OID), a.scheme == ""
	case *x448.Key:
		e, public, shared, peer := (*x448.Key)(kitSecret("ephemeral", 56)), new(x448.Key), new(x448.Key), new(x448.Key)
		x448.KeyGen(public, e)
		x448.KeyGen(peer, k)
		x448.Shared(shared, e, peer)
		point, z = public[:], shared[:]
		algorithm, a.hkdf = algorithmOf(kitX448OID), a.scheme == ""
	}
	if a.point != nil {
		point = a.point
	}
	if a.secret != nil {
		z = a.secret
	}
	if a.scheme == "" {
		switch name {
		case "p256":
			a.scheme, a.hash = "1.3.132.1.11.1", crypto.SHA256
		case "p384":
			a.scheme, a.hash = "1.3.132.1.11.2", crypto.SHA384
		case "p521":
			a.scheme, a.hash = "1.3.132.1.11.3", crypto.SHA512
		case "x25519":
			a.scheme, a.hash = "1.2.840.113549.1.9.16.3.19", crypto.SHA256
		case "x448":
			a.scheme, a.hash = "1.2.840.113549.1.9.16.3.21", crypto.SHA512
		}
	}
	if a.wrap == nil {
		a.wrap = algorithmOf(kitWrap256)
	}
	if a.bits == 0 {
		a.bits = 256
	}
	if a.iv == 0 {
		a.iv = kitIV
	}
	info := sequence(a.wrap)
	if a.ukm != nil && !a.noKeying {
		info.add(explicit(0, octetString(a.ukm)))
	}
	info.add(explicit(2, octetString(binary.BigEndian.AppendUint32(nil, uint32(a.bits)))))
	var kek []byte
	if a.hkdf {
		salt := a.ukm
		if a.salt != nil {
			salt = a.salt
		}
		kek = must(hkdf.Key(a.hash.New, z, salt, string(info.bytes()), 32))
	} else {
		for i := uint32(1); len(kek) < 32; i++ {
			h := a.hash.New()
			h.Write(z)
			h.Write(binary.BigEndian.AppendUint32(nil, i))
			h.Write(info.bytes())
			kek = h.Sum(kek)
		}
	}
	rid := a.key.rid()
	if a.bySKI {
		rid = explicit(0, octetString(a.key.ski()))
	}
	ri := explicit(1, number(3), explicit(0, explicit(1, algorithm, bitString(point))))
	if a.ukm != nil {
		ri.add(explicit(1, octetString(a.ukm)))
	}
	ri.add(algorithmOf(a.scheme, a.wrap))
	ri.add(sequence(sequence(rid, octetString(kitWrap(kek[:32], kitCEK, a.iv)))))
	return ri
}

// kitKEM is a KEMRecipientInfo with ML-KEM-768.
type kitKEM struct {
	key   *kitKey
	hash  crypto.Hash // 0: SHA-256
	kdf   string
	ukm   []byte
	salt  []byte
	info  func(info *element)
	iv    uint64
	bySKI bool
}

func (k kitKEM) element() *element {
	if k.hash == 0 {
		k.hash, k.kdf = crypto.SHA256, "1.2.840.113549.1.9.16.3.28"
	}
	if k.iv == 0 {
		k.iv = kitIV
	}
	public := k.key.private.(*mlkem.DecapsulationKey768).EncapsulationKey()
	secret, ct, err := mlkemtest.Encapsulate768(public, kitSecret("encapsulation", 32))
	if err != nil {
		panic(err)
	}
	wrap := algorithmOf(kitWrap256)
	info := sequence(wrap, number(32))
	if k.ukm != nil {
		info.add(explicit(0, octetString(k.ukm)))
	}
	if k.info != nil {
		k.info(info)
	}
	kek := must(hkdf.Key(k.hash.New, secret, k.salt, string(info.bytes()), 32))
	rid := k.key.rid()
	if k.bySKI {
		rid = prim(0x80, k.key.ski()...)
	}
	in := sequence(number(0), rid, algorithmOf(kitMLKEM768), octetString(ct), algorithmOf(k.kdf), number(32))
	if k.ukm != nil {
		in.add(explicit(0, octetString(k.ukm)))
	}
	in.add(wrap)
	in.add(octetString(kitWrap(kek, kitCEK, k.iv)))
	return explicit(4, object("1.2.840.113549.1.9.16.13.3"), in)
}

const kitPassphrase = "correct horse battery staple"

// kitPassword is a PasswordRecipientInfo.
type kitPassword struct {
	prf    string // "": HMAC-SHA-256
	hash   crypto.Hash
	keyLen int
	change func(block []byte) // of the key before it is wrapped
}

func (p kitPassword) element() *element {
	if p.prf == "" {
		p.prf, p.hash = "1.2.840.113549.2.9", crypto.SHA256
	}
	salt, iv := kitSecret("salt", 16), kitSecret("iv", 16)
	kek := must(pbkdf2.Key(p.hash.New, kitPassphrase, salt, 1000, 32))
	b := make([]byte, 48)
	b[0], b[1], b[2], b[3] = 32, ^kitCEK[0], ^kitCEK[1], ^kitCEK[2]
	copy(b[4:], kitCEK)
	copy(b[36:], kitSecret("padding", 12))
	if p.change != nil {
		p.change(b)
	}
	block := must(aes.NewCipher(kek))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(b, b)
	cipher.NewCBCEncrypter(block, bytes.Clone(b[32:])).CryptBlocks(b, b)
	params := sequence(octetString(salt), number(1000))
	if p.keyLen > 0 {
		params.add(number(p.keyLen))
	}
	params.add(algorithmOf(p.prf, nothing()))
	kdf := algorithmOf("1.2.840.113549.1.5.12", params)
	kdf.tag = 0xa0
	return explicit(3, number(0), kdf,
		algorithmOf("1.2.840.113549.1.9.16.3.9", algorithmOf(kitCBC256, octetString(iv))), octetString(b))
}

// kitShared is a KEKRecipientInfo.
func kitShared(iv uint64) *element {
	return explicit(2, number(4), sequence(octetString([]byte(kitSharedID))), algorithmOf(kitWrap256),
		octetString(kitWrap(kitSharedKey, kitCEK, iv)))
}

const kitSharedID = "kit"

var kitSharedKey = kitSecret("shared", 32)
