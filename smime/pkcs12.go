package smime

import (
	"errors"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/ber"
)

var errPKCS12 = errors.New("smime: neither PEM nor a PKCS#12 file with a private key, or damaged")

// parsePKCS12 reads a PKCS#12 file (RFC 7292). One without a MAC is refused:
// nothing else would tell that somebody replaced the key in it.
//
// Programs write these files in BER, inside of what the MAC covers too (NSS,
// and so Thunderbird and Firefox; Bouncy Castle), with several private keys,
// and with keys that crypto/x509 does not know. go-pkcs12, which writes ours,
// reads none of those.
func parsePKCS12(b, passphrase []byte) (*keyFile, error) {
	p := &pkcs12Reader{passphrase: passphrase}
	if err := p.read(b); err != nil {
		return nil, err
	}
	if len(p.file.privates) == 0 {
		return nil, errPKCS12
	}
	return &p.file, nil
}

// read reads all safes of a file.
func (p *pkcs12Reader) read(b []byte) error {
	file, err := readPFX(b)
	if err != nil {
		return err
	}
	if fipsOnly() {
		return notApproved("PKCS#12")
	}
	password, ok := file.verify(p.passphrase)
	if !ok {
		return ErrPassphrase
	}
	p.password = password
	for _, s := range file.safes {
		der := s.data
		if s.encrypted {
			if der, err = p.decrypt(&s.pbe, s.data); err != nil {
				return err
			}
		}
		if err := p.readBags(der); err != nil {
			return err
		}
	}
	return nil
}

// pfx is a PKCS#12 file of which nothing is decrypted yet.
type pfx struct {
	authSafe []byte // what the MAC covers
	safes    []safe

	mac        algorithm
	digest     []byte
	salt       []byte
	iterations int64
}

// safe is a SafeContents, encrypted or not.
type safe struct {
	encrypted bool
	pbe       algorithm
	data      []byte
}

// readPFX reads a file as far as it can be read without the passphrase, and
// checks what the passphrase will cost before anything is derived from it: it
// adds up the iterations of the MAC and of all encryption. RFC 7292, Section 4:
//
//	PFX ::= SEQUENCE {
//	   version     INTEGER {v3(3)}(v3,...),
//	   authSafe    ContentInfo,
//	   macData     MacData OPTIONAL }
//	MacData ::= SEQUENCE {
//	   mac         DigestInfo,
//	   macSalt     OCTET STRING,
//	   iterations  INTEGER DEFAULT 1 }
func readPFX(b []byte) (*pfx, error) {
	der, err := ber.ToDER(b, maxKeyFile)
	if err != nil {
		return nil, errPKCS12
	}
	s := cryptobyte.String(der)
	var in, safe, mac, digestInfo cryptobyte.String
	var version int
	f := &pfx{iterations: 1}
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !s.Empty() || !in.ReadASN1Integer(&version) || version != 3 ||
		!readContent(&in, oidData, &safe) || !safe.ReadASN1((*cryptobyte.String)(&f.authSafe), asn1.OCTET_STRING) || !safe.Empty() {
		return nil, errPKCS12
	}
	if in.Empty() {
		return nil, errors.New("smime: the PKCS#12 file has no MAC: nothing shows that it was not changed, and it is not read")
	}
	if !in.ReadASN1(&mac, asn1.SEQUENCE) || !in.Empty() || !mac.ReadASN1(&digestInfo, asn1.SEQUENCE) ||
		!readAlgorithm(&digestInfo, &f.mac, asn1.SEQUENCE) ||
		!digestInfo.ReadASN1((*cryptobyte.String)(&f.digest), asn1.OCTET_STRING) || !digestInfo.Empty() ||
		!mac.ReadASN1((*cryptobyte.String)(&f.salt), asn1.OCTET_STRING) || len(f.salt) > maxSalt {
		return nil, errPKCS12
	}
	if !mac.Empty() && !mac.ReadASN1Integer(&f.iterations) || !mac.Empty() {
		return nil, errPKCS12
	}
	cost := &iterationBudget{}
	if f.mac.oid == oidPBMAC1 {
		// PBMAC1-params begin as PBES2-params do. The count beside them means
		// nothing, and may be 0 (RFC 9879, Section 5).
		if !cost.addPBES2(f.mac.params) {
			return nil, errPKCS12
		}
	} else if f.iterations < 1 {
		return nil, errPKCS12
	} else {
		cost.add(f.iterations)
	}
	if !f.readSafes(cost) {
		return nil, errPKCS12
	}
	return f, cost.err
}

// readSafes reads an AuthenticatedSafe, SEQUENCE OF ContentInfo, each Data with
// SafeContents or EncryptedData. It adds up what it can see the cost of.
func (f *pfx) readSafes(cost *iterationBudget) bool {
	der, err := ber.ToDER(f.authSafe, maxKeyFile)
	if err != nil {
		return false
	}
	s, list := cryptobyte.String(der), cryptobyte.String(nil)
	if !s.ReadASN1(&list, asn1.SEQUENCE) || !s.Empty() {
		return false
	}
	for !list.Empty() {
		var content, octets cryptobyte.String
		info := list
		if readContent(&info, oidData, &content) {
			list = info
			if !content.ReadASN1(&octets, asn1.OCTET_STRING) || !content.Empty() || !costOfBags(octets, cost) {
				return false
			}
			f.safes = append(f.safes, safe{data: octets})
			continue
		}
		if !readContent(&list, oidEncryptedData, &content) {
			return false
		}
		e, ok := readEncryptedData(content)
		if !ok || !cost.addPBE(&e.pbe) {
			return false
		}
		f.safes = append(f.safes, e)
	}
	return true
}

// readContent consumes a ContentInfo of the given type and returns what is
// under its [0].
func readContent(s *cryptobyte.String, want oid, content *cryptobyte.String) bool {
	var in cryptobyte.String
	var o oid
	return s.ReadASN1(&in, asn1.SEQUENCE) && readOID(&in, &o) && o == want &&
		in.ReadASN1(content, asn1.Tag(0).ContextSpecific().Constructed()) && in.Empty()
}

// readEncryptedData reads an EncryptedData (RFC 5652, Section 8):
//
//	EncryptedData ::= SEQUENCE {
//	   version CMSVersion,
//	   encryptedContentInfo EncryptedContentInfo }
//	EncryptedContentInfo ::= SEQUENCE {
//	   contentType ContentType,
//	   contentEncryptionAlgorithm ContentEncryptionAlgorithmIdentifier,
//	   encryptedContent [0] IMPLICIT EncryptedContent OPTIONAL }
func readEncryptedData(s cryptobyte.String) (e safe, ok bool) {
	e.encrypted = true
	var in, eci cryptobyte.String
	var version int
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !in.ReadASN1Integer(&version) || version != 0 ||
		!in.ReadASN1(&eci, asn1.SEQUENCE) || !in.Empty() || !readContentType(&eci, oidData) ||
		!readAlgorithm(&eci, &e.pbe, asn1.SEQUENCE) {
		return e, false
	}
	tag := asn1.Tag(0).ContextSpecific()
	if !eci.PeekASN1Tag(tag.Constructed()) {
		return e, eci.ReadASN1((*cryptobyte.String)(&e.data), tag) && eci.Empty()
	}
	// Cut into segments: one level, as everybody writes it.
	var segments, segment cryptobyte.String
	if !eci.ReadASN1(&segments, tag.Constructed()) || !eci.Empty() {
		return e, false
	}
	for !segments.Empty() {
		if !segments.ReadASN1(&segment, asn1.OCTET_STRING) {
			return e, false
		}
		e.data = append(e.data, segment...)
	}
	return e, true
}

// readContentType consumes the one object identifier that is expected.
func readContentType(s *cryptobyte.String, want oid) bool {
	var o oid
	return readOID(s, &o) && o == want
}
