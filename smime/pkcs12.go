package smime

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/doublekeybox/doublekeybox/internal/ber"
)

var errPKCS12 = errors.New("smime: neither PEM nor a PKCS#12 file with a private key, or damaged")

// parsePKCS12 reads a PKCS#12 file (RFC 7292). One without a MAC is refused:
// nothing else would tell that somebody replaced the key in it.
//
// Programs write these files in BER, inside of what the MAC covers too (NSS,
// and so Thunderbird and Firefox; Bouncy Castle). The decoder reads DER alone.
// So the MAC is checked here, over the octets as they are, and the decoder is
// given the same contents in DER with a MAC over that.
func parsePKCS12(b, passphrase []byte) (*keyFile, error) {
	file, err := readPFX(b)
	if err != nil {
		return nil, err
	}
	if fipsOnly() {
		return nil, notApproved("PKCS#12")
	}
	password, ok := file.verify(passphrase)
	if !ok {
		return nil, ErrPassphrase
	}
	der, err := file.encode(password)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	private, leaf, others, err := pkcs12.DecodeChain(der, string(passphrase))
	if err != nil {
		return nil, fmt.Errorf("smime: reading PKCS#12: %q", cut(strings.TrimPrefix(err.Error(), "pkcs12: ")))
	}
	f := &keyFile{privates: []any{private}}
	for _, x := range append([]*x509.Certificate{leaf}, others...) {
		if err := f.addCertificate(x.Raw); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// pfx is a PKCS#12 file of which nothing is decrypted yet.
type pfx struct {
	authSafe []byte   // what the MAC covers
	safes    [][]byte // the ContentInfos in it in DER; those with a private key first

	mac        algorithm
	digest     []byte
	salt       []byte
	iterations int64
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
// SafeContents or EncryptedData.
//
// There must be a private key that is encrypted once only, as every program
// writes it, and it goes first: the decoder refuses a second one before it
// does anything with it. So no iterations are spent that were not counted,
// though what is inside EncryptedData cannot be seen here.
func (f *pfx) readSafes(cost *iterationBudget) bool {
	der, err := ber.ToDER(f.authSafe, maxKeyFile)
	if err != nil {
		return false
	}
	s, list := cryptobyte.String(der), cryptobyte.String(nil)
	if !s.ReadASN1(&list, asn1.SEQUENCE) {
		return false
	}
	var keys, others [][]byte
	for !list.Empty() {
		var content cryptobyte.String
		info := list
		if readContent(&info, oidData, &content) {
			safe, hasKey, ok := readSafeContents(content, cost)
			if !ok {
				return false
			}
			if hasKey {
				keys = append(keys, safe)
			} else {
				others = append(others, safe)
			}
			list = info
			continue
		}
		if !readContent(&list, oidEncryptedData, &content) {
			return false
		}
		safe, ok := readEncryptedData(content, cost)
		if !ok {
			return false
		}
		others = append(others, safe)
	}
	f.safes = append(keys, others...)
	return len(keys) > 0
}

// readContent consumes a ContentInfo of the given type and returns what is
// under its [0].
func readContent(s *cryptobyte.String, want oid, content *cryptobyte.String) bool {
	var in cryptobyte.String
	var o oid
	return s.ReadASN1(&in, asn1.SEQUENCE) && readOID(&in, &o) && o == want &&
		in.ReadASN1(content, asn1.Tag(0).ContextSpecific().Constructed()) && in.Empty()
}

// readSafeContents reads a Data with SafeContents in whatever encoding, and
// returns it as a ContentInfo in DER, with whether it holds a private key.
func readSafeContents(s cryptobyte.String, cost *iterationBudget) (info []byte, hasKey, ok bool) {
	var octets, list cryptobyte.String
	if !s.ReadASN1(&octets, asn1.OCTET_STRING) || !s.Empty() {
		return nil, false, false
	}
	der, err := ber.ToDER(octets, maxKeyFile)
	if err != nil {
		return nil, false, false
	}
	bags := cryptobyte.String(der)
	if !bags.ReadASN1(&list, asn1.SEQUENCE) {
		return nil, false, false
	}
	for !list.Empty() {
		var bag, value, in cryptobyte.String
		var o oid
		var a algorithm
		if !list.ReadASN1(&bag, asn1.SEQUENCE) || !readOID(&bag, &o) ||
			!bag.ReadASN1(&value, asn1.Tag(0).ContextSpecific().Constructed()) {
			return nil, false, false
		}
		hasKey = hasKey || o == oidKeyBag || o == oidShroudedKeyBag
		if o == oidShroudedKeyBag && (!value.ReadASN1(&in, asn1.SEQUENCE) || !readAlgorithm(&in, &a, asn1.SEQUENCE) || !cost.addPBE(&a)) {
			return nil, false, false
		}
	}
	info, err = contentInfo(oidData, func(b *cryptobyte.Builder) { b.AddASN1OctetString(der) })
	return info, hasKey, err == nil
}

// readEncryptedData reads an EncryptedData (RFC 5652, Section 8) and returns it
// as a ContentInfo in DER:
//
//	EncryptedData ::= SEQUENCE {
//	   version CMSVersion,
//	   encryptedContentInfo EncryptedContentInfo }
//	EncryptedContentInfo ::= SEQUENCE {
//	   contentType ContentType,
//	   contentEncryptionAlgorithm ContentEncryptionAlgorithmIdentifier,
//	   encryptedContent [0] IMPLICIT EncryptedContent OPTIONAL }
func readEncryptedData(s cryptobyte.String, cost *iterationBudget) (info []byte, ok bool) {
	var in, eci, params, content cryptobyte.String
	var version int
	var a algorithm
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !in.ReadASN1Integer(&version) || version != 0 ||
		!in.ReadASN1(&eci, asn1.SEQUENCE) || !in.Empty() || !readContentType(&eci, oidData) {
		return nil, false
	}
	peek := eci
	if !eci.ReadASN1Element(&params, asn1.SEQUENCE) || !readAlgorithm(&peek, &a, asn1.SEQUENCE) || !cost.addPBE(&a) {
		return nil, false
	}
	tag := asn1.Tag(0).ContextSpecific()
	if !eci.PeekASN1Tag(tag.Constructed()) {
		if !eci.ReadASN1(&content, tag) || !eci.Empty() {
			return nil, false
		}
	} else {
		// Cut into segments: one level, as everybody writes it.
		var segments, segment cryptobyte.String
		if !eci.ReadASN1(&segments, tag.Constructed()) || !eci.Empty() {
			return nil, false
		}
		for !segments.Empty() {
			if !segments.ReadASN1(&segment, asn1.OCTET_STRING) {
				return nil, false
			}
			content = append(content, segment...)
		}
	}
	info, err := contentInfo(oidEncryptedData, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(0)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				oidData.add(b)
				b.AddBytes(params)
				b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes(content) })
			})
		})
	})
	return info, err == nil
}

// readContentType consumes the one object identifier that is expected.
func readContentType(s *cryptobyte.String, want oid) bool {
	var o oid
	return readOID(s, &o) && o == want
}

// contentInfo returns a ContentInfo (RFC 5652, Section 3).
func contentInfo(o oid, content func(*cryptobyte.Builder)) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		o.add(b)
		b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), content)
	})
	return b.Bytes()
}
