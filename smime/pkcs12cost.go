package smime

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// iterationBudget adds up what the key derivations of one file cost.
type iterationBudget struct {
	sum    int64 // iterations
	scrypt int64 // octets that scrypt goes through
	err    error
}

func (c *iterationBudget) add(n int64) {
	if n < 0 || n > maxIterations-c.sum {
		c.err = &envelope.LimitError{What: "iterations of key derivation in a key file", Max: maxIterations, Fixed: true}
		return
	}
	c.sum += n
}

// addScrypt adds the octets that one scrypt goes through; each one alone is
// within its own limits.
func (c *iterationBudget) addScrypt(n int64) {
	if n > maxScrypt*maxScryptLanes-c.scrypt {
		c.err = &envelope.LimitError{What: "octets that scrypt goes through in a key file", Max: maxScrypt * maxScryptLanes, Fixed: true}
		return
	}
	c.scrypt += n
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
	if !ok || p.size > maxMACKey {
		return false
	}
	// A key longer than the digest costs the iterations once for each digest
	// that it takes.
	blocks := int64(1)
	if h, ok := hmacByOID(p.prf.oid); ok {
		blocks = max(1, (p.size+int64(h.Size())-1)/int64(h.Size()))
	}
	c.add(min(p.iterations, maxIterations+1) * blocks)
	return true
}
