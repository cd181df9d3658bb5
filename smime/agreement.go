package smime

import (
	"crypto"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/subtle"
	"fmt"

	"github.com/cloudflare/circl/dh/x448"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// agreement is what the readers of one KeyAgreeRecipientInfo share.
type agreement struct {
	curve curve  // by the parameters, else by the point's length; 0 if not known
	point []byte // originator's ephemeral key
	ukm   []byte // nil: absent
	kdf   crypto.Hash
	hkdf  bool   // HKDF with that digest, else the KDF of ANSI X9.63
	wrap  []byte // the key wrap's AlgorithmIdentifier, in DER
	size  int    // octets of the key-encryption key

	refuse, forbidden string // as in recipientInfo
}

// String names the algorithms as reports show them.
func (g *agreement) String() string {
	if g.refuse != "" {
		return "key agreement that is not supported"
	}
	return agreementName(g.curve, g.size)
}

// agreementName names ECDH on c with a key-encryption key of size octets.
func agreementName(c curve, size int) string {
	return fmt.Sprintf("ECDH %s, AES-%d wrap", c, 8*size)
}

// kek derives the key-encryption key from the shared secret z (RFC 5753,
// Section 3.1 and SEC 1, Section 3.6.1; RFC 8418, Section 2).
func (g *agreement) kek(z []byte) ([]byte, error) {
	info, err := sharedInfo(g.wrap, g.ukm, g.size)
	if err != nil {
		return nil, err
	}
	if g.hkdf {
		// RFC 8418, Section 2.2: the user keying material is the salt too.
		return hkdf.Key(g.kdf.New, z, g.ukm, string(info), g.size)
	}
	return x963KDF(g.kdf, z, info, g.size)
}

// agreesOn reports whether k agrees on keys on c.
func (k *privateKey) agreesOn(c curve) bool {
	switch {
	case c != k.cert.key.curve:
		return false
	case c == curveX448:
		return k.x448 != nil
	}
	return k.exchanger != nil
}

// unwrapAgreement derives the key-encryption key and unwraps with it.
func (k *privateKey) unwrapAgreement(ri *recipientInfo, cekLen int) ([]byte, bool) {
	g := ri.agree
	if !k.agreesOn(g.curve) || len(ri.encryptedKey) != cekLen+wrapBlock {
		return nil, false
	}
	z, ok := k.agree(g.curve, g.point)
	if !ok {
		return nil, false
	}
	defer clear(z)
	kek, err := g.kek(z)
	if err != nil {
		return nil, false
	}
	defer clear(kek)
	return unwrapKey(kek, ri.encryptedKey)
}

// agree returns the secret that k shares with the owner of a public key that
// comes from outside. crypto/ecdh refuses one that is not on the curve of our
// key, and the point at infinity, before the private key is used.
//
// X25519 and X448 take any octets. Of some the secret is zero whatever the
// private key is: anybody knows it, and RFC 8418, Section 5 has it refused. A
// hardware module may not do that itself.
func (k *privateKey) agree(c curve, point []byte) (z []byte, ok bool) {
	if c == curveX448 {
		z, ok = sharedX448(k.x448, point)
	} else {
		public, err := c.ecdh().NewPublicKey(point)
		if err != nil {
			return nil, false
		}
		z, err = k.exchanger.ECDH(public)
		ok = err == nil
	}
	if !ok || c.montgomery() && allZero(z) {
		clear(z)
		return nil, false
	}
	return z, true
}

// sharedX448 is X448 of RFC 7748, Section 6.2.
func sharedX448(secret *x448.Key, point []byte) ([]byte, bool) {
	if len(point) != x448.Size {
		return nil, false
	}
	var shared x448.Key
	ok := x448.Shared(&shared, secret, (*x448.Key)(point))
	return shared[:], ok
}

// allZero reports in constant time whether all octets of b are zero.
func allZero(b []byte) bool {
	return subtle.ConstantTimeCompare(b, make([]byte, len(b))) == 1
}

// newAgreement makes an ephemeral key on the curve of c, for nobody but c's
// owner, and returns what the RecipientInfo says of it beside the secret that
// is shared.
func newAgreement(c *certificate) (g *agreement, z []byte, err error) {
	g = &agreement{curve: c.key.curve, size: kekSize}
	// RFC 3565, Section 2.3.2: the parameters of AES key wrap are absent.
	g.wrap = derAlgorithm(oidAES256Wrap)
	g.kdf, g.hkdf = writtenScheme(g.curve).kdf, writtenScheme(g.curve).hkdf
	if g.curve == curveX448 {
		var secret, public x448.Key
		defer clear(secret[:])
		rand.Read(secret[:]) // never fails, as crypto/rand documents
		x448.KeyGen(&public, &secret)
		z, ok := sharedX448(&secret, c.key.x448[:])
		if !ok || allZero(z) {
			return nil, nil, c.unusable(lowOrder)
		}
		g.point = public[:]
		return g, z, nil
	}
	ephemeral, err := g.curve.ecdh().GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if z, err = ephemeral.ECDH(c.key.ecdh); err != nil {
		// Of a key that is on its curve, only X25519 refuses some.
		return nil, nil, c.unusable(lowOrder)
	}
	g.point = ephemeral.PublicKey().Bytes()
	return g, z, nil
}

// lowOrder is why nothing is sealed to a key.
const lowOrder = "has a public key of small order, with which every secret is zero"

// writtenScheme returns the scheme that is written for a curve. RFC 5753,
// Section 7.2 pairs SHA-256 with P-256 and SHA-384 with P-384. P-521 goes with
// SHA-384 too: 256 bits are derived, and readers that know SHA-512 there are
// fewer. X25519 and X448 have HKDF (RFC 8551, Section 2.3).
func writtenScheme(c curve) scheme {
	switch c {
	case curveP256:
		return scheme{kdf: crypto.SHA256}
	case curveX25519:
		return scheme{kdf: crypto.SHA256, hkdf: true}
	case curveX448:
		return scheme{kdf: crypto.SHA512, hkdf: true}
	}
	return scheme{kdf: crypto.SHA384}
}

// oids returns what names a key on c as the originator's and the scheme that is
// written with it.
func (c curve) oids() (key, scheme oid) {
	switch c {
	case curveP256:
		return oidECPublicKey, oidStdDHSHA256KDF
	case curveX25519:
		return oidX25519, oidStdDHHKDFSHA256
	case curveX448:
		return oidX448, oidStdDHHKDFSHA512
	}
	return oidECPublicKey, oidStdDHSHA384KDF
}

// wrapAgreement makes a KeyAgreeRecipientInfo with ephemeral-static ECDH (RFC
// 5753, Section 3.1; RFC 8418, Section 3). The ephemeral key is for this one
// reader: sharing it among the readers of a curve would be allowed and saves
// little.
func wrapAgreement(c *certificate, cek []byte) ([]byte, error) {
	g, z, err := newAgreement(c)
	if err != nil {
		return nil, err
	}
	defer clear(z)
	kek, err := g.kek(z)
	if err != nil {
		return nil, err
	}
	defer clear(kek)
	encrypted, err := wrapKey(kek, cek)
	if err != nil {
		return nil, err
	}
	key, scheme := g.curve.oids()
	var b cryptobyte.Builder
	b.AddASN1(asn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
		b.AddASN1Int64(versionKeyAgreement)
		b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				// Absent parameters mean the recipient's curve (RFC 5753,
				// Section 3.1.1), the form that the most readers know.
				addAlgorithm(b, key)
				b.AddASN1BitString(g.point)
			})
		})
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			scheme.add(b)
			b.AddBytes(g.wrap)
		})
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addIssuerAndSerial(b, c)
				b.AddASN1OctetString(encrypted)
			})
		})
	})
	return b.Bytes()
}
