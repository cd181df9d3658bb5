package smime

import (
	"crypto"
	"crypto/aes"
	"crypto/pbkdf2"
	"crypto/rand"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

const (
	// maxPasswords is how many PasswordRecipientInfos of one message are tried,
	// and written: each costs what it asks for.
	maxPasswords = 8

	// versionPassword is its CMSVersion (RFC 5652, Section 6.2.4).
	versionPassword = 0

	passphraseID = "passphrase" // names nobody
)

// passwordInfo is what a PasswordRecipientInfo says.
type passwordInfo struct {
	salt       []byte
	iterations int64
	hash       crypto.Hash // of PBKDF2's HMAC
	size       int         // octets of the key-encryption key
	iv         []byte
}

// String names the algorithms as reports show them.
func (p *passwordInfo) String() string { return passwordName(p.hash, p.size) }

func passwordName(h crypto.Hash, size int) string {
	return fmt.Sprintf("PBKDF2-HMAC-%s, PWRI-KEK with AES-%d", h, 8*size)
}

// cost is how many iterations one passphrase costs: those asked for, for each
// block that is derived, which all of HMAC's results are but one.
func (p *passwordInfo) cost() int64 {
	return p.iterations * int64((p.size+p.hash.Size()-1)/p.hash.Size())
}

// parsePassword reads the content of a PasswordRecipientInfo. RFC 5652, Section
// 6.2.4:
//
//	PasswordRecipientInfo ::= SEQUENCE {
//	  version CMSVersion,   -- Always set to 0
//	  keyDerivationAlgorithm [0] KeyDerivationAlgorithmIdentifier OPTIONAL,
//	  keyEncryptionAlgorithm KeyEncryptionAlgorithmIdentifier,
//	  encryptedKey EncryptedKey }
func parsePassword(s cryptobyte.String) (*recipientInfo, bool) {
	ri := &recipientInfo{kind: password, pw: &passwordInfo{}}
	var version int
	var kdf, wrap algorithm
	tag := asn1.Tag(0).ContextSpecific().Constructed()
	if !s.ReadASN1Integer(&version) || version != versionPassword ||
		s.PeekASN1Tag(tag) && !readAlgorithm(&s, &kdf, tag) ||
		!readAlgorithm(&s, &wrap, asn1.SEQUENCE) ||
		!s.ReadASN1((*cryptobyte.String)(&ri.encryptedKey), asn1.OCTET_STRING) || !s.Empty() ||
		len(ri.encryptedKey) > maxEncryptedKey {
		return nil, false
	}
	switch {
	case kdf.oid == "":
		ri.refuse = "a password from which the key is derived in a way that it does not say"
	case kdf.oid != oidPBKDF2:
		ri.refuse = "a password with a key derivation other than PBKDF2"
	case wrap.oid != oidPWRIKEK:
		ri.refuse = "a password with a key wrap other than PWRI-KEK"
	default:
		ok := ri.setPassword(&kdf, &wrap)
		return ri, ok
	}
	return ri, true
}

// setPassword reads the parameters of PBKDF2 (RFC 8018, Appendix A.2) and of
// id-alg-PWRI-KEK, which are a cipher (RFC 3211, Section 2.3). What it costs is
// asked when it is known whether there is a passphrase.
func (ri *recipientInfo) setPassword(kdf, wrap *algorithm) bool {
	p, ok := readPBKDF2(kdf.params)
	s, cipher := cryptobyte.String(wrap.params), algorithm{}
	if !ok || !readAlgorithm(&s, &cipher, asn1.SEQUENCE) || !s.Empty() {
		return false
	}
	switch cipher.oid {
	case oidAES128CBC:
		ri.pw.size = 16
	case oidAES192CBC:
		ri.pw.size = 24
	case oidAES256CBC:
		ri.pw.size = 32
	default:
		ri.refuse = "a password with a cipher other than AES-CBC"
		return true
	}
	ri.pw.salt, ri.pw.iterations = p.salt, p.iterations
	if ri.pw.hash, ok = hmacByOID(p.prf.oid); !ok {
		ri.refuse = "a password with a digest that is not supported"
		return true
	}
	// SP 800-132, as the standard library enforces it.
	switch {
	case !fipsOnly():
	case weakHash(ri.pw.hash):
		ri.refuse, ri.forbidden = "a password with HMAC-SHA-1", "a password with HMAC-SHA-1"
	case len(p.salt) < 16:
		ri.refuse, ri.forbidden = "a password with a short salt", "a password with a salt of fewer than 128 bits"
	}
	iv := cryptobyte.String(cipher.params)
	return iv.ReadASN1((*cryptobyte.String)(&ri.pw.iv), asn1.OCTET_STRING) && iv.Empty() && len(ri.pw.iv) == aes.BlockSize &&
		(p.size == 0 || p.size == int64(ri.pw.size)) && p.prf.plain() && validPWRI(ri.encryptedKey)
}

// unwrapPassword derives the key-encryption key from a passphrase and unwraps
// with it. The cost was checked.
func (ri *recipientInfo) unwrapPassword(passphrase []byte, cekLen int) ([]byte, bool) {
	p := ri.pw
	kek, err := pbkdf2.Key(p.hash.New, string(passphrase), p.salt, int(p.iterations), p.size)
	if err != nil {
		return nil, false
	}
	defer clear(kek)
	return unwrapPWRI(kek, p.iv, ri.encryptedKey, cekLen)
}

// wrapForPassphrase makes a PasswordRecipientInfo: PBKDF2 with SHA-256, AES-256.
func wrapForPassphrase(passphrase, cek []byte, iterations int) (der []byte, planned seam.Recipient, err error) {
	planned = seam.Recipient{ID: passphraseID, Algorithm: passwordName(crypto.SHA256, kekSize)}
	var salt, iv [16]byte
	rand.Read(salt[:]) // never fails, as crypto/rand documents
	rand.Read(iv[:])
	kek, err := pbkdf2.Key(crypto.SHA256.New, string(passphrase), salt[:], iterations, kekSize)
	if err != nil {
		return nil, planned, fmt.Errorf("smime: cannot derive a key from a passphrase: %w", err)
	}
	defer clear(kek)
	encrypted, err := wrapPWRI(kek, iv[:], cek)
	if err != nil {
		return nil, planned, err
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.Tag(3).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
		b.AddASN1Int64(versionPassword)
		b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			oidPBKDF2.add(b)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1OctetString(salt[:])
				b.AddASN1Int64(int64(iterations))
				addAlgorithmNULL(b, oidHMACSHA256)
			})
		})
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			oidPWRIKEK.add(b)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				oidAES256CBC.add(b)
				b.AddASN1OctetString(iv[:])
			})
		})
		b.AddASN1OctetString(encrypted)
	})
	der, err = b.Bytes()
	return der, planned, err
}
