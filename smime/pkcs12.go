package smime

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ber"
)

var errPKCS12 = errors.New("smime: neither PEM nor a PKCS#12 file with a private key, or damaged")

// parsePKCS12 reads a PKCS#12 file (RFC 7292). One without a MAC is refused:
// nothing else would tell that somebody replaced the key in it.
func parsePKCS12(b, passphrase []byte) (private any, certs []*certificate, err error) {
	der, err := ber.ToDER(b, maxKeyFile)
	if err != nil {
		return nil, nil, errPKCS12
	}
	defer clear(der)
	if err := scanPKCS12(der); err != nil {
		return nil, nil, err
	}
	if fipsOnly() {
		return nil, nil, errors.New("smime: PKCS#12 needs algorithms that FIPS 140-only mode forbids: convert the file to PEM")
	}
	if !utf8.Valid(passphrase) {
		return nil, nil, ErrPassphrase
	}
	private, leaf, others, err := pkcs12.DecodeChain(der, string(passphrase))
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, nil, ErrPassphrase
	case err != nil:
		return nil, nil, fmt.Errorf("smime: reading PKCS#12: %q", cut(strings.TrimPrefix(err.Error(), "pkcs12: ")))
	}
	for _, x := range append([]*x509.Certificate{leaf}, others...) {
		if len(certs) == maxKeyFileCertificates {
			return nil, nil, fmt.Errorf("smime: the file holds more than %d certificates", maxKeyFileCertificates)
		}
		c, err := parseCertificate(x.Raw)
		if err != nil {
			return nil, nil, err
		}
		certs = append(certs, c)
	}
	return private, certs, nil
}

// scanPKCS12 checks what the file will cost before anything is derived from
// the passphrase: it adds up the iterations of the MAC and of all encryption
// that can be seen. What is itself encrypted cannot be: only who knows the
// passphrase can have put it there. RFC 7292, Section 4:
//
//	PFX ::= SEQUENCE {
//	   version     INTEGER {v3(3)}(v3,...),
//	   authSafe    ContentInfo,
//	   macData     MacData OPTIONAL }
//	MacData ::= SEQUENCE {
//	   mac         DigestInfo,
//	   macSalt     OCTET STRING,
//	   iterations  INTEGER DEFAULT 1 }
func scanPKCS12(der []byte) error {
	s := cryptobyte.String(der)
	var pfx, safe, mac, digestInfo cryptobyte.String
	var version int
	var algo algorithm
	if !s.ReadASN1(&pfx, asn1.SEQUENCE) || !s.Empty() || !pfx.ReadASN1Integer(&version) || version != 3 ||
		!readContent(&pfx, oidData, &safe) {
		return errPKCS12
	}
	if pfx.Empty() {
		return errors.New("smime: the PKCS#12 file has no MAC: nothing shows that it was not changed, and it is not read")
	}
	if !pfx.ReadASN1(&mac, asn1.SEQUENCE) || !pfx.Empty() || !mac.ReadASN1(&digestInfo, asn1.SEQUENCE) ||
		!readAlgorithm(&digestInfo, &algo, asn1.SEQUENCE) || !mac.SkipASN1(asn1.OCTET_STRING) {
		return errPKCS12
	}
	iterations := int64(1)
	if !mac.Empty() && (!mac.ReadASN1Integer(&iterations) || iterations < 1) || !mac.Empty() {
		return errPKCS12
	}
	cost := &iterationBudget{}
	cost.add(iterations)
	if algo.oid == oidPBMAC1 && !cost.addPBES2(algo.params) { // PBMAC1-params begin as PBES2-params do
		return errPKCS12
	}
	if !safe.ReadASN1(&safe, asn1.OCTET_STRING) || !cost.addSafes(safe) {
		return errPKCS12
	}
	return cost.err
}

// readContent consumes a ContentInfo of the given type and returns what is
// under its [0].
func readContent(s *cryptobyte.String, want oid, content *cryptobyte.String) bool {
	var in cryptobyte.String
	var o oid
	return s.ReadASN1(&in, asn1.SEQUENCE) && readOID(&in, &o) && o == want &&
		in.ReadASN1(content, asn1.Tag(0).ContextSpecific().Constructed()) && in.Empty()
}

// iterationBudget adds up iterations.
type iterationBudget struct {
	sum int64
	err error
}

func (c *iterationBudget) add(n int64) {
	if n < 0 || n > maxIterations-c.sum {
		c.err = &envelope.LimitError{What: "iterations of key derivation in a PKCS#12 file", Max: maxIterations}
		return
	}
	c.sum += n
}

// addSafes adds what an AuthenticatedSafe costs: SEQUENCE OF ContentInfo, each
// Data with SafeContents, or EncryptedData.
func (c *iterationBudget) addSafes(s cryptobyte.String) bool {
	var list cryptobyte.String
	if !s.ReadASN1(&list, asn1.SEQUENCE) || !s.Empty() {
		return false
	}
	for !list.Empty() {
		var content, in cryptobyte.String
		peek := list
		switch {
		case readContent(&peek, oidData, &content):
			if !content.ReadASN1(&in, asn1.OCTET_STRING) || !content.Empty() || !c.addBags(in) {
				return false
			}
		default:
			peek = list
			if !readContent(&peek, oidEncryptedData, &content) || !c.addEncrypted(content) {
				return false
			}
		}
		list = peek
	}
	return true
}

// addEncrypted adds what an EncryptedData costs (RFC 5652, Section 8).
func (c *iterationBudget) addEncrypted(s cryptobyte.String) bool {
	var in, info cryptobyte.String
	var version int
	var o oid
	var algo algorithm
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !in.ReadASN1Integer(&version) || !in.ReadASN1(&info, asn1.SEQUENCE) ||
		!readOID(&info, &o) || !readAlgorithm(&info, &algo, asn1.SEQUENCE) {
		return false
	}
	return c.addPBE(&algo)
}

// addBags adds what the bags of SafeContents cost: those with an encrypted
// private key. A bag of bags is not read by what decodes the file.
func (c *iterationBudget) addBags(s cryptobyte.String) bool {
	var list cryptobyte.String
	if !s.ReadASN1(&list, asn1.SEQUENCE) || !s.Empty() {
		return false
	}
	for !list.Empty() {
		var bag, value, info cryptobyte.String
		var o oid
		var algo algorithm
		if !list.ReadASN1(&bag, asn1.SEQUENCE) || !readOID(&bag, &o) ||
			!bag.ReadASN1(&value, asn1.Tag(0).ContextSpecific().Constructed()) {
			return false
		}
		if o != oidShroudedKeyBag {
			continue
		}
		if !value.ReadASN1(&info, asn1.SEQUENCE) || !readAlgorithm(&info, &algo, asn1.SEQUENCE) || !c.addPBE(&algo) {
			return false
		}
	}
	return true
}

// addPBE adds what password-based encryption costs: PBES2, or the ciphers of
// RFC 7292, Appendix C, whose parameters are a salt and a count.
func (c *iterationBudget) addPBE(a *algorithm) bool {
	if a.oid == oidPBES2 {
		return c.addPBES2(a.params)
	}
	s := cryptobyte.String(a.params)
	var n int64
	if !s.ReadASN1(&s, asn1.SEQUENCE) || !s.SkipASN1(asn1.OCTET_STRING) || !s.ReadASN1Integer(&n) || n < 1 {
		return false
	}
	c.add(n)
	return true
}

// addPBES2 adds what the key derivation in PBES2-params costs. Any other than
// PBKDF2 is refused by what decodes the file.
func (c *iterationBudget) addPBES2(params []byte) bool {
	s := cryptobyte.String(params)
	var kdf algorithm
	if !s.ReadASN1(&s, asn1.SEQUENCE) || !readAlgorithm(&s, &kdf, asn1.SEQUENCE) {
		return false
	}
	if kdf.oid != oidPBKDF2 {
		return true
	}
	p, ok := readPBKDF2(kdf.params)
	if ok {
		c.add(p.iterations)
	}
	return ok
}

// MarshalPKCS12 returns k as a PKCS#12 file, which mail programs import. The
// passphrase must not be empty; it protects both key and certificate, with
// PBES2 (PBKDF2 with SHA-256, AES-256) and a MAC.
func (k *Key) MarshalPKCS12(passphrase []byte) ([]byte, error) {
	switch {
	case k == nil || k.in == nil:
		return nil, errNoKey
	case len(bytes.TrimSpace(passphrase)) == 0 || !utf8.Valid(passphrase):
		return nil, errors.New("smime: a PKCS#12 file needs a passphrase, in UTF-8")
	case fipsOnly():
		return nil, errors.New("smime: PKCS#12 needs algorithms that FIPS 140-only mode forbids")
	}
	p12, err := pkcs12.Modern2023.WithIterations(writeIterations).Encode(k.in.private, k.in.cert.x, nil, string(passphrase))
	if err != nil {
		return nil, fmt.Errorf("smime: writing PKCS#12: %w", err)
	}
	return p12, nil
}
