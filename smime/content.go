package smime

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/cbc"
	"github.com/doublekeybox/doublekeybox/internal/gcm"
)

// contentAlgorithm is a content-encryption AlgorithmIdentifier, checked.
type contentAlgorithm struct {
	name   string
	keyLen int
	aead   bool
	nonce  []byte // of GCM, or CBC's initialisation vector
	tagLen int    // what the mac must have; 0 for CBC

	// The key is derived from the content key, with this as the info, where
	// it is not nil: RFC 9709.
	info []byte
}

// aesAlgorithm knows the content algorithms that are read. In particular no
// identifier of a mode without padding is among them (CTR, CFB, OFB, RC4), nor
// one of a block of 64 bits: AuthEnvelopedData whose GCM is relabelled so would
// be an oracle for its key.
func aesAlgorithm(o oid) (a contentAlgorithm, ok bool) {
	switch o {
	case oidAES128GCM:
		return contentAlgorithm{name: "AES-128-GCM", keyLen: 16, aead: true}, true
	case oidAES192GCM:
		return contentAlgorithm{name: "AES-192-GCM", keyLen: 24, aead: true}, true
	case oidAES256GCM:
		return contentAlgorithm{name: nameGCM, keyLen: 32, aead: true}, true
	case oidAES128CBC:
		return contentAlgorithm{name: "AES-128-CBC", keyLen: 16}, true
	case oidAES192CBC:
		return contentAlgorithm{name: "AES-192-CBC", keyLen: 24}, true
	case oidAES256CBC:
		return contentAlgorithm{name: nameCBC, keyLen: 32}, true
	}
	return contentAlgorithm{}, false
}

// What is written.
const (
	nameGCM = "AES-256-GCM"
	nameCBC = "AES-256-CBC"

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
		return parseAES(o, params)
	}
	// RFC 9709, Section 3: the parameters are the AlgorithmIdentifier of the
	// algorithm that the derived key is for, and its DER is HKDF's info.
	o, inner, err := parseAlgorithm(params)
	if err != nil {
		return contentAlgorithm{}, err
	}
	// No second derivation: parseAES does not know it.
	a, err := parseAES(o, inner)
	if err != nil {
		return contentAlgorithm{}, err
	}
	a.info = params
	a.name += " with CEK-HKDF-SHA256"
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

func parseAES(o oid, params []byte) (contentAlgorithm, error) {
	a, ok := aesAlgorithm(o)
	switch {
	case !ok:
		return a, malformed("its content algorithm is not supported")
	case a.aead:
		return a, a.parseGCM(params)
	}
	// RFC 3565, Section 4.1: AES-IV ::= OCTET STRING (SIZE(16)).
	in, iv := cryptobyte.String(params), cryptobyte.String(nil)
	if !in.ReadASN1(&iv, asn1.OCTET_STRING) || !in.Empty() || len(iv) != cbc.BlockSize {
		return a, malformed("its initialisation vector is not 16 octets")
	}
	a.nonce = iv
	return a, nil
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
func (a *contentAlgorithm) parseGCM(params []byte) error {
	in, seq, nonce := cryptobyte.String(params), cryptobyte.String(nil), cryptobyte.String(nil)
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1(&nonce, asn1.OCTET_STRING) {
		return malformed("its AES-GCM parameters are missing or damaged")
	}
	if len(nonce) != gcm.NonceSize {
		return malformed("its AES-GCM nonce is not 12 octets")
	}
	a.nonce, a.tagLen = nonce, gcm.MinTagSize
	if !seq.Empty() {
		// An int64 refuses what does not fit, rather than to cut it.
		var n int64
		if !seq.ReadASN1Integer(&n) || !seq.Empty() || n < gcm.MinTagSize || n > gcm.TagSize {
			return malformed("its AES-GCM tag length is not 12 to 16")
		}
		a.tagLen = int(n)
	}
	return nil
}

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

// decrypter returns a reader that decrypts src and checks nothing but, in CBC,
// the padding.
func (a *contentAlgorithm) decrypter(src io.Reader, key []byte) (io.ReadCloser, error) {
	if a.aead {
		return gcm.NewDecrypter(src, key, a.nonce)
	}
	return cbc.NewDecrypter(src, key, a.nonce)
}

// newContentAlgorithm returns AES-256 in the mode asked for with a fresh
// nonce, and its DER. crypto/rand does not fail.
func newContentAlgorithm(aead bool) (contentAlgorithm, []byte) {
	a := contentAlgorithm{name: nameCBC, keyLen: writtenKeyLen, nonce: make([]byte, cbc.BlockSize)}
	o := oidAES256CBC
	if aead {
		a = contentAlgorithm{name: nameGCM, keyLen: writtenKeyLen, aead: true, nonce: make([]byte, gcm.NonceSize), tagLen: gcm.TagSize}
		o = oidAES256GCM
	}
	rand.Read(a.nonce)
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		o.add(b)
		if !aead {
			b.AddASN1OctetString(a.nonce)
			return
		}
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(a.nonce)
			// Written out: without it readers take the default, 12.
			b.AddASN1Int64(int64(a.tagLen))
		})
	})
	return a, b.BytesOrPanic()
}

// checkFIPS is asked before anything is written or decrypted that needs what
// GODEBUG=fips140=only forbids.
func checkFIPS(a *contentAlgorithm) error {
	if a.aead && fipsOnly() {
		return notApproved(forbiddenNonce)
	}
	return nil
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
	case a.aead && container == containerEnveloped:
		return malformed("EnvelopedData with %s, whose tag it has no place for", a.name)
	case !a.aead && container == containerAuthEnveloped:
		return malformed("AuthEnvelopedData with %s, which authenticates nothing", a.name)
	}
	return nil
}
