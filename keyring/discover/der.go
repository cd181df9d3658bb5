package discover

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/ber"
)

// derSequence is what every structure in DER or BER that is read here begins
// with.
const derSequence = 0x30

var (
	errPrivateAlone  = errors.New("a private key without its certificate")
	errPFX           = errors.New("PKCS#12, which needs its passphrase: see Reader.PKCS12")
	errNoCertificate = errors.New("it holds no certificate")
)

// der takes apart what begins like DER: certificates one behind the other, a
// SignedData, PKCS#12, a private key.
func (c *collector) der(place string, b []byte) {
	s := cryptobyte.String(b)
	for n := 1; !s.Empty() && c.room(); n++ {
		here := place
		rest := s
		var one cryptobyte.String
		if !s.ReadASN1Element(&one, asn1.SEQUENCE) {
			// Not DER: NSS and Bouncy Castle write BER.
			one, s = nil, nil
			if der, err := ber.ToDER(rest, maxFile); err != nil {
				c.problem(here, fmt.Errorf("octet %d: neither DER nor BER: %w", len(b)-len(rest), err))
			} else {
				one = der
			}
		}
		if n > 1 || !s.Empty() {
			here = join(place, fmt.Sprintf("certificate %d", n))
		}
		if one != nil {
			c.element(here, one)
		}
	}
}

// element takes one SEQUENCE.
func (c *collector) element(place string, one cryptobyte.String) {
	s := one
	var in cryptobyte.String
	switch {
	case !s.ReadASN1(&in, asn1.SEQUENCE):
		c.problem(place, errNoCertificate)
	case in.PeekASN1Tag(asn1.SEQUENCE):
		// Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, … }, RFC 5280, Section 4.1.
		c.take("smime", place, "", one)
	case in.PeekASN1Tag(asn1.OBJECT_IDENTIFIER):
		c.signed(place, "", one)
	case isPFX(in):
		c.pkcs12(place, one)
	case in.PeekASN1Tag(asn1.INTEGER):
		c.problem(place, errPrivateAlone)
	default:
		c.problem(place, errNoCertificate)
	}
}

// isPFX reports whether in is the content of a PKCS#12 file, RFC 7292, Section
// 4: PFX ::= SEQUENCE { version INTEGER, authSafe ContentInfo, … }. Private keys
// begin with a version too, and go on with something else.
func isPFX(in cryptobyte.String) bool {
	var info cryptobyte.String
	return in.SkipASN1(asn1.INTEGER) && in.ReadASN1(&info, asn1.SEQUENCE) && info.SkipASN1(asn1.OBJECT_IDENTIFIER) &&
		info.PeekASN1Tag(asn1.Tag(0).ContextSpecific().Constructed())
}

// pkcs12 takes the certificates of a PKCS#12 file, as the caller reads them.
func (c *collector) pkcs12(place string, b []byte, notes ...string) {
	if c.open == nil {
		c.problem(place, errPFX)
		return
	}
	certs, err := c.open(c.where(place), b)
	if err != nil {
		c.problem(place, err) // of one of the certificates, maybe
	}
	for i, cert := range certs {
		if !c.room() {
			return
		}
		here := place
		if len(certs) > 1 {
			here = join(place, fmt.Sprintf("certificate %d", i+1))
		}
		if cert == nil {
			c.problem(here, errNoCertificate)
			continue
		}
		c.found = append(c.found, Candidate{Certificate: cert, Source: c.where(here), Notes: notes})
	}
}
