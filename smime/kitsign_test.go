package smime_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"slices"
)

const (
	kitContentType   = "1.2.840.113549.1.9.3"
	kitMessageDigest = "1.2.840.113549.1.9.4"
	kitSigningTime   = "1.2.840.113549.1.9.5"
	kitCounter       = "1.2.840.113549.1.9.6"
	kitCapabilities  = "1.2.840.113549.1.9.15"
	kitCertificateV1 = "1.2.840.113549.1.9.16.2.12"
	kitCertificateV2 = "1.2.840.113549.1.9.16.2.47"
	kitProtection    = "1.2.840.113549.1.9.52"
	kitRSA256        = "1.2.840.113549.1.1.11"
)

// kitAttribute is an Attribute.
func kitAttribute(o string, values ...*element) *element {
	return sequence(object(o), setOf(values...))
}

// kitTime is a UTCTime.
func kitTime(s string) *element { return prim(23, []byte(s)...) }

// kitSigned is a SignedData. The zero value is a good one by the key "signer".
type kitSigned struct {
	by        string
	brings    string // whose certificate is in it; "": none, as the senders' are at hand
	plain     []byte
	ctype     string
	digest    string // "": SHA-256
	signature *element
	attrs     func(attrs []*element) []*element // changes what is signed
	sent      func(attrs []*element) []*element // and what is only sent
	covered   func(attrs []*element) []byte     // what is signed instead of the SET OF in DER
	info      func(si *element)                 // changes the SignerInfo
	detached  bool
}

func (k *kitSigned) defaults() {
	if k.by == "" {
		k.by = "signer"
	}
	if k.plain == nil {
		k.plain = []byte(kitPayload)
	}
	if k.ctype == "" {
		k.ctype = kitData
	}
	if k.digest == "" {
		k.digest = kitSHA256
	}
	if k.signature == nil {
		k.signature = algorithmOf(kitECDSA256)
		if k.by != "signer" {
			k.signature = algorithmOf(kitRSA256, nothing())
		}
	}
}

func (k kitSigned) hash(b []byte) ([]byte, crypto.Hash) {
	if k.digest == kitSHA1 {
		sum := sha1.Sum(b)
		return sum[:], crypto.SHA1
	}
	sum := sha256.Sum256(b)
	return sum[:], crypto.SHA256
}

// goodAttributes are those that RFC 8551 and RFC 5035 want.
func (k kitSigned) goodAttributes() []*element {
	sum, _ := k.hash(k.plain)
	id := sha256.Sum256(kitKeys()[k.by].cert.bytes())
	protected := k.signature.clone()
	protected.tag = 0xa1
	return derOrder([]*element{
		kitAttribute(kitContentType, object(k.ctype)),
		kitAttribute(kitMessageDigest, octetString(sum)),
		kitAttribute(kitSigningTime, kitTime("260102030405Z")),
		kitAttribute(kitCertificateV2, sequence(sequence(sequence(octetString(id[:]))))),
		kitAttribute(kitProtection, sequence(algorithmOf(k.digest), protected)),
	})
}

func (k kitSigned) signerInfo() *element {
	k.defaults()
	key := kitKeys()[k.by]
	attrs := k.goodAttributes()
	if k.attrs != nil {
		attrs = k.attrs(attrs)
	}
	covered := k.plain // without attributes
	if attrs != nil {
		covered = setOf(derOrder(attrs)...).bytes()
	}
	if k.covered != nil {
		covered = k.covered(attrs)
	}
	sum, h := k.hash(covered)
	var value []byte
	switch p := key.private.(type) {
	case *rsa.PrivateKey:
		value = must(rsa.SignPKCS1v15(nil, p, h, sum))
	case crypto.Signer:
		value = must(p.Sign(nil, sum, h))
	}
	if k.sent != nil {
		attrs = k.sent(attrs)
	}
	si := sequence(number(1), key.rid(), algorithmOf(k.digest))
	if attrs != nil {
		si.add(explicit(0, attrs...))
	}
	si.add(k.signature.clone())
	si.add(octetString(value))
	if k.info != nil {
		k.info(si)
	}
	return si
}

// signedData is the SignedData without a ContentInfo.
func (k kitSigned) signedData() *element {
	info := k.signerInfo()
	k.defaults()
	content := sequence(object(k.ctype))
	if !k.detached {
		content.add(explicit(0, octetString(k.plain)))
	}
	version := 1
	if k.ctype != kitData {
		version = 3 // RFC 5652, Section 5.1
	}
	sd := sequence(number(version), setOf(algorithmOf(k.digest)), content)
	if k.brings != "" {
		sd.add(explicit(0, kitKeys()[k.brings].cert.clone()))
	}
	sd.add(setOf(info))
	return sd
}

func (k kitSigned) message() *element {
	return sequence(object(kitSignedType), explicit(0, k.signedData()))
}

// without returns the attributes but one.
func without(o string) func([]*element) []*element {
	return func(attrs []*element) []*element {
		return slices.DeleteFunc(attrs, func(a *element) bool { return isAttribute(a, o) })
	}
}

func isAttribute(a *element, o string) bool { return string(a.at(0).body) == string(object(o).body) }

// changed changes one attribute.
func changed(o string, how func(a *element)) func([]*element) []*element {
	return func(attrs []*element) []*element {
		for _, a := range attrs {
			if isAttribute(a, o) {
				how(a)
			}
		}
		return attrs
	}
}

// twice repeats an attribute.
func twice(o string) func([]*element) []*element {
	return func(attrs []*element) []*element {
		for _, a := range attrs {
			if isAttribute(a, o) {
				return append(attrs, a.clone())
			}
		}
		panic("not there")
	}
}

// also adds an attribute.
func also(a *element) func([]*element) []*element {
	return func(attrs []*element) []*element { return append(attrs, a) }
}

// repeated adds the first value of an attribute once more.
func repeated(o string) func([]*element) []*element {
	return changed(o, func(a *element) { a.at(1).add(a.at(1, 0).clone()) })
}
