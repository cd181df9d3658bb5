package smime

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/cbc"
	"github.com/doublekeybox/doublekeybox/internal/ccm"
	"github.com/doublekeybox/doublekeybox/internal/chacha"
	"github.com/doublekeybox/doublekeybox/internal/gcm"
)

// contentMode is how a content algorithm uses its cipher.
type contentMode uint8

const (
	modeCBC    contentMode = iota // authenticates nothing
	modeGCM                       // RFC 5084
	modeCCM                       // RFC 5084
	modeChaCha                    // ChaCha20-Poly1305, RFC 8103
)

// contentAlgorithm is a content-encryption AlgorithmIdentifier, checked.
type contentAlgorithm struct {
	name   string
	mode   contentMode
	cipher blockCipher // of modeCBC
	keyLen int         // 0 until the parameters of RC2 say it
	nonce  []byte      // or CBC's initialisation vector
	tagLen int         // what the mac must have; 0 for CBC

	// The key is derived from the content key, with this as the info, where
	// it is not nil: RFC 9709.
	info []byte
}

// aead reports whether the algorithm authenticates what it encrypts.
func (a *contentAlgorithm) aead() bool {
	return a.mode == modeGCM || a.mode == modeCCM || a.mode == modeChaCha
}

// contentAlgorithmOf knows the content algorithms that are read. No identifier of
// a mode without padding or tag is among them (CTR, CFB, OFB, RC4):
// AuthEnvelopedData whose GCM is relabelled so would be an oracle for its key.
func contentAlgorithmOf(o oid) (a contentAlgorithm, ok bool) {
	switch o {
	case oidAES128GCM:
		return contentAlgorithm{name: "AES-128-GCM", mode: modeGCM, keyLen: 16}, true
	case oidAES192GCM:
		return contentAlgorithm{name: "AES-192-GCM", mode: modeGCM, keyLen: 24}, true
	case oidAES256GCM:
		return contentAlgorithm{name: nameGCM, mode: modeGCM, keyLen: 32}, true
	case oidAES128CCM:
		return contentAlgorithm{name: "AES-128-CCM", mode: modeCCM, keyLen: 16}, true
	case oidAES192CCM:
		return contentAlgorithm{name: "AES-192-CCM", mode: modeCCM, keyLen: 24}, true
	case oidAES256CCM:
		return contentAlgorithm{name: "AES-256-CCM", mode: modeCCM, keyLen: 32}, true
	case oidChaCha20Poly1305:
		return contentAlgorithm{name: nameChaCha, mode: modeChaCha, keyLen: chacha.KeySize}, true
	case oidAES128CBC:
		return contentAlgorithm{name: "AES-128-CBC", keyLen: 16}, true
	case oidAES192CBC:
		return contentAlgorithm{name: "AES-192-CBC", keyLen: 24}, true
	case oidAES256CBC:
		return contentAlgorithm{name: nameCBC, keyLen: 32}, true
	case oidDESEDE3CBC:
		return contentAlgorithm{name: "3DES-CBC", cipher: cipherTripleDES, keyLen: 24}, true
	case oidRC2CBC:
		return contentAlgorithm{name: "RC2-CBC", cipher: cipherRC2}, true
	}
	return contentAlgorithm{}, false
}

// neverRead names content algorithms that are refused whatever is allowed, to
// say so: what is old or of one country, and single DES, which any graphics
// card tries out.
func neverRead(o oid) string {
	switch o {
	case "\x2b\x0e\x03\x02\x07": // 1.3.14.3.2.7
		return "single DES"
	case "\x2a\x86\x48\x86\xf7\x0d\x03\x04": // 1.2.840.113549.3.4
		return "RC4"
	case "\x2a\x86\x48\x86\xf6\x7d\x07\x42\x0a": // 1.2.840.113533.7.66.10
		return "CAST5-CBC"
	case "\x2b\x06\x01\x04\x01\x81\x3c\x07\x01\x01\x02": // 1.3.6.1.4.1.188.7.1.1.2
		return "IDEA-CBC"
	case "\x2a\x83\x1a\x8c\x9a\x44\x01\x04": // 1.2.410.200004.1.4
		return "SEED-CBC"
	case camellia + "\x02", camellia + "\x03", camellia + "\x04":
		return "Camellia-CBC"
	}
	return ""
}

const camellia = "\x2a\x83\x08\x8c\x9a\x4b\x3d\x01\x01\x01" // 1.2.392.200011.61.1.1.1

// What is written.
const (
	nameGCM    = "AES-256-GCM"
	nameCBC    = "AES-256-CBC"
	nameChaCha = "ChaCha20-Poly1305"

	nameDerived = " with CEK-HKDF-SHA256"

	writtenKeyLen = 32
)

// parseContentAlgorithm reads a DER AlgorithmIdentifier. The identifier of RFC
// 9709, which says that the key is derived, is taken off first: everything
// that is decided is decided about what is inside.
func parseContentAlgorithm(der []byte) (contentAlgorithm, error) {
	o, params, err := parseAlgorithm(der)
	if err != nil {
		return contentAlgorithm{}, err
	}
	if o != oidCEKHKDF {
		return parseContent(o, params)
	}
	// RFC 9709, Section 3: the parameters are the AlgorithmIdentifier of the
	// algorithm that the derived key is for, and its DER is HKDF's info.
	o, inner, err := parseAlgorithm(params)
	if err != nil {
		return contentAlgorithm{}, err
	}
	// No second derivation: parseContent does not know it.
	a, err := parseContent(o, inner)
	if err != nil {
		return contentAlgorithm{}, err
	}
	a.info = params
	a.name += nameDerived
	return a, nil
}

// parseAlgorithm reads a DER AlgorithmIdentifier and nothing after it; params
// are nil if absent, and a single element otherwise.
func parseAlgorithm(der []byte) (o oid, params []byte, err error) {
	in := cryptobyte.String(der)
	var a algorithm
	if !readAlgorithm(&in, &a, asn1.SEQUENCE) || !in.Empty() {
		return "", nil, malformed("an AlgorithmIdentifier is damaged")
	}
	return a.oid, a.params, nil
}

func parseContent(o oid, params []byte) (a contentAlgorithm, err error) {
	a, ok := contentAlgorithmOf(o)
	if !ok {
		if name := neverRead(o); name != "" {
			return a, malformed("its content is encrypted with %s, which is not supported", name)
		}
		return a, malformed("its content algorithm is not supported")
	}
	switch a.mode {
	case modeGCM:
		err = a.parseGCM(params)
	case modeCCM:
		err = a.parseCCM(params)
	case modeChaCha:
		err = a.parseChaCha(params)
	default:
		err = a.parseCBC(params)
	}
	return a, err
}

// parseCBC reads RFC 3565, Section 4.1, and RFC 3370, Section 5.1: an OCTET
// STRING of a block's length; and what RFC 3370, Section 5.2 has for RC2.
func (a *contentAlgorithm) parseCBC(params []byte) error {
	in, iv := cryptobyte.String(params), cryptobyte.String(nil)
	if a.cipher == cipherRC2 {
		var err error
		if in, err = a.parseRC2(params); err != nil {
			return err
		}
	}
	if size := a.cipher.blockSize(); !in.ReadASN1(&iv, asn1.OCTET_STRING) || !in.Empty() || len(iv) != size {
		return malformed("its initialisation vector is not %d octets", size)
	}
	a.nonce = iv
	return nil
}

// parseRC2 returns the initialisation vector in RFC 3370, Section 5.2:
//
//	RC2CBCParameter ::= SEQUENCE {
//	    rc2ParameterVersion INTEGER,
//	    iv OCTET STRING }
//
// The version stands for how many bits of the key count, by a table of its own
// (RFC 2268, Section 6). What senders had are keys of that length.
func (a *contentAlgorithm) parseRC2(params []byte) (iv cryptobyte.String, err error) {
	in := cryptobyte.String(params)
	var version int64
	if !in.ReadASN1(&iv, asn1.SEQUENCE) || !in.Empty() || !iv.ReadASN1Integer(&version) {
		return nil, malformed("its RC2 parameters are missing or damaged")
	}
	switch version {
	case 160:
		a.name, a.keyLen = "RC2-40-CBC", 40/8
	case 120:
		a.name, a.keyLen = "RC2-64-CBC", 64/8
	case 58:
		a.name, a.keyLen = "RC2-128-CBC", 128/8
	default:
		return nil, malformed("its content is encrypted with RC2 with a key of other than 40, 64 or 128 bits")
	}
	return iv, nil
}

// parseChaCha reads RFC 8103, Section 4: AEADChaCha20Poly1305Nonce ::= OCTET
// STRING (SIZE(12)). The tag is never cut.
func (a *contentAlgorithm) parseChaCha(params []byte) error {
	in, nonce := cryptobyte.String(params), cryptobyte.String(nil)
	if !in.ReadASN1(&nonce, asn1.OCTET_STRING) || !in.Empty() || len(nonce) != chacha.NonceSize {
		return malformed("its ChaCha20-Poly1305 nonce is not 12 octets")
	}
	a.nonce, a.tagLen = nonce, chacha.TagSize
	return nil
}

// parseCCM reads RFC 5084, Section 3.1:
//
//	CCMParameters ::= SEQUENCE {
//	    aes-nonce  OCTET STRING (SIZE(7..13)),
//	    aes-ICVlen AES-CCM-ICVlen DEFAULT 12 }
func (a *contentAlgorithm) parseCCM(params []byte) (err error) {
	if a.nonce, a.tagLen, err = parseICV(params, "AES-CCM"); err != nil {
		return err
	}
	if len(a.nonce) < ccm.MinNonceSize || len(a.nonce) > ccm.MaxNonceSize {
		return malformed("its AES-CCM nonce is not 7 to 13 octets")
	}
	if !ccm.ValidTagSize(a.tagLen) {
		return malformed("its AES-CCM tag length is not 12, 14 or 16")
	}
	return nil
}

// parseGCM reads RFC 5084, Section 3.2:
//
//	GCMParameters ::= SEQUENCE {
//	    aes-nonce  OCTET STRING,
//	    aes-ICVlen AES-GCM-ICVlen DEFAULT 12 }
//
// A nonce of any other length than 12 is hashed by GCM, where collisions are
// possible, and no mail program writes one. A tag of fewer than 12 octets can
// be guessed, and who chooses its length can guess it octet by octet.
func (a *contentAlgorithm) parseGCM(params []byte) (err error) {
	if a.nonce, a.tagLen, err = parseICV(params, "AES-GCM"); err != nil {
		return err
	}
	if len(a.nonce) != gcm.NonceSize {
		return malformed("its AES-GCM nonce is not 12 octets")
	}
	if a.tagLen < gcm.MinTagSize || a.tagLen > gcm.TagSize {
		return malformed("its AES-GCM tag length is not 12 to 16")
	}
	return nil
}

// parseICV reads what the parameters of the two modes of RFC 5084 have in
// common: a nonce, and the length of the tag, which is 12 if absent. A length
// that no tag can have is 0.
func parseICV(params []byte, mode string) (nonce []byte, tagLen int, err error) {
	in, seq, n := cryptobyte.String(params), cryptobyte.String(nil), cryptobyte.String(nil)
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1(&n, asn1.OCTET_STRING) {
		return nil, 0, malformed("its %s parameters are missing or damaged", mode)
	}
	if seq.Empty() {
		return n, defaultTagLen, nil
	}
	// An int64 refuses what does not fit, rather than to cut it.
	var length int64
	if !seq.ReadASN1Integer(&length) || !seq.Empty() || length < 0 || length > maxMAC {
		return n, 0, nil
	}
	return n, int(length), nil
}

// defaultTagLen is the DEFAULT of both modes.
const defaultTagLen = 12

// key returns the key of the cipher for the content key. RFC 9709, Section 2:
// HKDF with SHA-256, and a salt that keeps the result apart from all others.
func (a *contentAlgorithm) key(cek []byte) ([]byte, error) {
	if a.info == nil {
		return cek, nil
	}
	key, err := hkdf.Key(sha256.New, cek, []byte("The Cryptographic Message Syntax"), string(a.info), a.keyLen)
	if err != nil {
		return nil, fmt.Errorf("smime: cannot derive the content key: %w", err)
	}
	return key, nil
}

// written is what is written of the content algorithm: always of 256 bits.
type written struct {
	mode   contentMode
	derive bool // RFC 9709: the key is derived, so that no other algorithm can be made to take it
}

func (w written) name() string {
	name := nameCBC
	switch w.mode {
	case modeGCM:
		name = nameGCM
	case modeChaCha:
		name = nameChaCha
	}
	if w.derive {
		name += nameDerived
	}
	return name
}

// algorithm returns the algorithm with a fresh nonce, and its DER. crypto/rand
// does not fail.
func (w written) algorithm() (contentAlgorithm, []byte) {
	a := contentAlgorithm{name: w.name(), mode: w.mode, keyLen: writtenKeyLen}
	o, size := oidAES256CBC, cbc.BlockSize
	switch w.mode {
	case modeGCM:
		o, size, a.tagLen = oidAES256GCM, gcm.NonceSize, gcm.TagSize
	case modeChaCha:
		o, size, a.tagLen = oidChaCha20Poly1305, chacha.NonceSize, chacha.TagSize
	}
	a.nonce = make([]byte, size)
	rand.Read(a.nonce)
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		o.add(b)
		if w.mode != modeGCM {
			b.AddASN1OctetString(a.nonce)
			return
		}
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(a.nonce)
			// Written out: without it readers take the default, 12.
			b.AddASN1Int64(int64(a.tagLen))
		})
	})
	der := b.BytesOrPanic()
	if w.derive {
		a.info = der
		var outer cryptobyte.Builder
		outer.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			oidCEKHKDF.add(b)
			b.AddBytes(a.info)
		})
		der = outer.BytesOrPanic()
	}
	return a, der
}

// containers, as reports name them.
const (
	containerEnveloped     = "EnvelopedData"
	containerAuthEnveloped = "AuthEnvelopedData"
	containerSigned        = "SignedData"
)

// fits refuses a content algorithm that has no place in the container. A
// message is rewritten from one to the other by a few octets that nothing
// authenticates, and each would then be an oracle for the other's key.
func (a *contentAlgorithm) fits(container string) error {
	switch {
	case a.aead() && container == containerEnveloped:
		return malformed("EnvelopedData with %s, whose tag it has no place for", a.name)
	case !a.aead() && container == containerAuthEnveloped:
		return malformed("AuthEnvelopedData with %s, which authenticates nothing", a.name)
	}
	return nil
}
