package smime

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/ber"
)

// pkcs12Reader takes keys and certificates out of a file of which the MAC was
// found to be right.
type pkcs12Reader struct {
	passphrase []byte // as PBES2 derives from it
	password   []byte // as the older ciphers do
	cost       iterationBudget
	file       keyFile
	public     bool // private keys are passed over, and stay encrypted
}

// bag is a SafeBag (RFC 7292, Section 4.2), the attributes apart, which are
// names for people.
//
//	SafeBag ::= SEQUENCE {
//	   bagId         OBJECT IDENTIFIER,
//	   bagValue      [0] EXPLICIT ANY,
//	   bagAttributes SET OF PKCS12Attribute OPTIONAL }
type bag struct {
	id    oid
	value cryptobyte.String
}

// bagsOf returns the bags of SafeContents in whatever encoding.
func bagsOf(encoded []byte) (bags []bag, ok bool) {
	der, err := ber.ToDER(encoded, maxKeyFile)
	if err != nil {
		return nil, false
	}
	s, list := cryptobyte.String(der), cryptobyte.String(nil)
	if !s.ReadASN1(&list, asn1.SEQUENCE) || !s.Empty() {
		return nil, false
	}
	for !list.Empty() {
		var in cryptobyte.String
		var b bag
		if !list.ReadASN1(&in, asn1.SEQUENCE) || !readOID(&in, &b.id) ||
			!in.ReadASN1(&b.value, asn1.Tag(0).ContextSpecific().Constructed()) {
			return nil, false
		}
		bags = append(bags, b)
	}
	return bags, true
}

// costOfBags adds up the cost of private keys that are encrypted each by itself.
func costOfBags(encoded []byte, cost *iterationBudget) bool {
	bags, ok := bagsOf(encoded)
	for _, b := range bags {
		if b.id == oidShroudedKeyBag {
			pbe, _, encrypted := readShrouded(b.value)
			ok = ok && encrypted && cost.addPBE(&pbe)
		}
	}
	return ok
}

// readShrouded reads an EncryptedPrivateKeyInfo (RFC 5958, Section 3).
func readShrouded(s cryptobyte.String) (pbe algorithm, data cryptobyte.String, ok bool) {
	var in cryptobyte.String
	ok = s.ReadASN1(&in, asn1.SEQUENCE) && s.Empty() && readAlgorithm(&in, &pbe, asn1.SEQUENCE) &&
		in.ReadASN1(&data, asn1.OCTET_STRING) && in.Empty()
	return pbe, data, ok
}

// readBags takes what it knows out of SafeContents. Revocation lists, secrets
// and bags within bags are passed over.
func (p *pkcs12Reader) readBags(encoded []byte) error {
	bags, ok := bagsOf(encoded)
	if !ok {
		return errPKCS12
	}
	for _, b := range bags {
		var err error
		if p.public && b.id != oidCertBag {
			continue
		}
		switch b.id {
		case oidCertBag:
			err = p.readCertificate(b.value)
		case oidKeyBag:
			err = p.addKey(b.value)
		case oidShroudedKeyBag:
			pbe, data, ok := readShrouded(b.value)
			if !ok {
				return errPKCS12
			}
			var der []byte
			if der, err = p.decrypt(&pbe, data); err == nil {
				err = p.addKey(der)
				clear(der)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addKey adds a private key in PKCS#8.
func (p *pkcs12Reader) addKey(der []byte) error {
	if len(der) > maxPrivateKey {
		return errPrivateKeySize
	}
	private, err := parsePKCS8(der)
	if err != nil {
		return err
	}
	return p.file.addPrivate(private)
}

// readCertificate reads a CertBag (RFC 7292, Section 4.2.3); certificates that
// are not X.509 are passed over.
//
//	CertBag ::= SEQUENCE {
//	   certId    OBJECT IDENTIFIER,
//	   certValue [0] EXPLICIT OCTET STRING }
func (p *pkcs12Reader) readCertificate(s cryptobyte.String) error {
	var in, value, der cryptobyte.String
	var o oid
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !readOID(&in, &o) ||
		!in.ReadASN1(&value, asn1.Tag(0).ContextSpecific().Constructed()) {
		return errPKCS12
	}
	if o != oidX509Bag {
		return nil
	}
	if !value.ReadASN1(&der, asn1.OCTET_STRING) || !value.Empty() {
		return errPKCS12
	}
	return p.file.addCertificate(der)
}
