package pkix

import (
	"bytes"
	"crypto"
	"crypto/fips140"
	"crypto/x509"
	"errors"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	_ "crypto/sha1"   // CertIDs name issuers by it
	_ "crypto/sha256" // or by it
	_ "crypto/sha512"
)

const (
	// maxResponder is how many certificates of a response are looked at: one
	// signs, and a second is sent along now and then.
	maxResponder = 4

	// maxSingle is how many answers one response may hold.
	maxSingle = 256

	// maxAge is how old a response may be that does not say when the next one
	// comes.
	maxAge = 24 * time.Hour
)

// Response is an OCSP response, read and not yet believed.
type Response struct {
	tbs, algorithm, signature []byte
	byName                    []byte // the responder: a Name,
	byKey                     []byte // or the SHA-1 of its key
	singles                   []single
	certs                     []*Certificate
	nonce                     []byte
	bad                       string
}

// single is the answer for one certificate.
type single struct {
	hash            crypto.Hash
	name, key       []byte // digests of the issuer's
	serial          *big.Int
	revoked, good   bool
	when, this, end time.Time
	reason          int
}

// errOCSP is returned for what is no OCSP response.
var errOCSP = errors.New("malformed OCSP response")

// ParseResponse reads an OCSP response in DER. newKey is as for [New]: it
// makes the Key of the certificates in it.
//
//	OCSPResponse ::= SEQUENCE {
//	   responseStatus ENUMERATED,
//	   responseBytes  [0] EXPLICIT SEQUENCE {
//	       responseType OBJECT IDENTIFIER, response OCTET STRING } OPTIONAL }
//	BasicOCSPResponse ::= SEQUENCE {
//	   tbsResponseData ResponseData, signatureAlgorithm AlgorithmIdentifier,
//	   signature BIT STRING, certs [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }
func ParseResponse(der []byte, newKey func(*x509.Certificate) any) (*Response, error) {
	const basic = "\x2b\x06\x01\x05\x05\x07\x30\x01\x01" // 1.3.6.1.5.5.7.48.1.1
	s := cryptobyte.String(bytes.Clone(der))
	var in, wrapped, kind, octets cryptobyte.String
	var status int
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !s.Empty() || !in.ReadASN1Enum(&status) {
		return nil, errOCSP
	}
	if status != 0 {
		return nil, errors.New("the OCSP responder refused to answer")
	}
	if !in.ReadASN1(&wrapped, context(0)) || !in.Empty() || !wrapped.ReadASN1(&wrapped, asn1.SEQUENCE) ||
		!wrapped.ReadASN1(&kind, asn1.OBJECT_IDENTIFIER) || string(kind) != basic ||
		!wrapped.ReadASN1(&octets, asn1.OCTET_STRING) || !wrapped.Empty() {
		return nil, errOCSP
	}
	var tbs, algorithm, certs cryptobyte.String
	var there bool
	r := &Response{}
	if !octets.ReadASN1(&in, asn1.SEQUENCE) || !octets.Empty() || !in.ReadASN1Element(&tbs, asn1.SEQUENCE) ||
		!in.ReadASN1Element(&algorithm, asn1.SEQUENCE) || !in.ReadASN1BitStringAsBytes(&r.signature) ||
		!in.ReadOptionalASN1(&certs, &there, context(0)) || !in.Empty() {
		return nil, errOCSP
	}
	r.tbs, r.algorithm = tbs, algorithm
	if there && !certs.ReadASN1(&certs, asn1.SEQUENCE) {
		return nil, errOCSP
	}
	for n := 0; !certs.Empty() && n < maxResponder; n++ {
		var one cryptobyte.String
		if !certs.ReadASN1Element(&one, asn1.SEQUENCE) {
			return nil, errOCSP
		}
		if x, err := x509.ParseCertificate(one); err == nil {
			r.certs = append(r.certs, New(x, newKey(x)))
		}
	}
	if !r.readData(tbs) {
		return nil, errOCSP
	}
	return r, nil
}

// readData reads
//
//	ResponseData ::= SEQUENCE {
//	   version            [0] EXPLICIT INTEGER DEFAULT v1,
//	   responderID        CHOICE { byName [1] Name, byKey [2] OCTET STRING },
//	   producedAt         GeneralizedTime,
//	   responses          SEQUENCE OF SingleResponse,
//	   responseExtensions [1] EXPLICIT Extensions OPTIONAL }
func (r *Response) readData(s cryptobyte.String) bool {
	var in, id, all cryptobyte.String
	var tag asn1.Tag
	var version int
	var produced time.Time
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !in.ReadOptionalASN1Integer(&version, context(0), 0) || version != 0 ||
		!in.ReadAnyASN1(&id, &tag) {
		return false
	}
	switch tag {
	case context(1):
		r.byName = id
	case context(2):
		var key cryptobyte.String
		if !id.ReadASN1(&key, asn1.OCTET_STRING) {
			return false
		}
		r.byKey = key
	default:
		return false
	}
	if !in.ReadASN1GeneralizedTime(&produced) || !in.ReadASN1(&all, asn1.SEQUENCE) {
		return false
	}
	for !all.Empty() {
		var one single
		if len(r.singles) == maxSingle || !one.read(&all, r) {
			return false
		}
		r.singles = append(r.singles, one)
	}
	return r.readExtensions(&in, func(id string, value []byte) {
		const nonce = "\x2b\x06\x01\x05\x05\x07\x30\x01\x02" // 1.3.6.1.5.5.7.48.1.2
		v := cryptobyte.String(value)
		if id == nonce {
			var n cryptobyte.String
			if v.ReadASN1(&n, asn1.OCTET_STRING) && v.Empty() {
				r.nonce = n
			}
		}
	}) && in.Empty()
}

// readExtensions reads optional Extensions with the tag [1]. Critical ones
// make the response say nothing: none are known that change an answer.
func (r *Response) readExtensions(s *cryptobyte.String, each func(id string, value []byte)) bool {
	var list cryptobyte.String
	var there bool
	if !s.ReadOptionalASN1(&list, &there, context(1)) {
		return false
	}
	if !there {
		return true
	}
	if !list.ReadASN1(&list, asn1.SEQUENCE) {
		return false
	}
	for !list.Empty() {
		var e, id, value cryptobyte.String
		critical := false
		if !list.ReadASN1(&e, asn1.SEQUENCE) || !e.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) ||
			e.PeekASN1Tag(asn1.BOOLEAN) && !e.ReadASN1Boolean(&critical) || !e.ReadASN1(&value, asn1.OCTET_STRING) {
			return false
		}
		if critical {
			r.bad = "has a critical extension"
		}
		each(string(id), value)
	}
	return true
}

// read reads
//
//	SingleResponse ::= SEQUENCE {
//	   certID           SEQUENCE { hashAlgorithm AlgorithmIdentifier,
//	       issuerNameHash OCTET STRING, issuerKeyHash OCTET STRING, serialNumber INTEGER },
//	   certStatus       CHOICE { good [0] NULL, revoked [1] SEQUENCE {
//	       revocationTime GeneralizedTime, revocationReason [0] EXPLICIT ENUMERATED OPTIONAL }, unknown [2] NULL },
//	   thisUpdate       GeneralizedTime,
//	   nextUpdate       [0] EXPLICIT GeneralizedTime OPTIONAL,
//	   singleExtensions [1] EXPLICIT Extensions OPTIONAL }
func (o *single) read(all *cryptobyte.String, r *Response) bool {
	var s, id, algorithm, hash, name, key, status, next cryptobyte.String
	var tag asn1.Tag
	var there bool
	o.serial = new(big.Int)
	if !all.ReadASN1(&s, asn1.SEQUENCE) || !s.ReadASN1(&id, asn1.SEQUENCE) || !id.ReadASN1(&algorithm, asn1.SEQUENCE) ||
		!algorithm.ReadASN1(&hash, asn1.OBJECT_IDENTIFIER) || !id.ReadASN1(&name, asn1.OCTET_STRING) ||
		!id.ReadASN1(&key, asn1.OCTET_STRING) || !id.ReadASN1Integer(o.serial) || !id.Empty() ||
		!s.ReadAnyASN1(&status, &tag) {
		return false
	}
	o.name, o.key = name, key
	switch string(hash) {
	case "\x2b\x0e\x03\x02\x1a":
		o.hash = crypto.SHA1
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x01":
		o.hash = crypto.SHA256
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x02":
		o.hash = crypto.SHA384
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x03":
		o.hash = crypto.SHA512
	}
	switch tag {
	case asn1.Tag(0).ContextSpecific():
		o.good = true
	case context(1):
		var reason cryptobyte.String
		o.revoked = true
		if !status.ReadASN1GeneralizedTime(&o.when) || !status.ReadOptionalASN1(&reason, &there, context(0)) ||
			there && !reason.ReadASN1Enum(&o.reason) {
			return false
		}
	case asn1.Tag(2).ContextSpecific():
	default:
		return false
	}
	if !s.ReadASN1GeneralizedTime(&o.this) || !s.ReadOptionalASN1(&next, &there, context(0)) ||
		there && !next.ReadASN1GeneralizedTime(&o.end) {
		return false
	}
	return r.readExtensions(&s, func(string, []byte) {}) && s.Empty()
}

// Answers reports whether the response may be the answer to a request with
// this nonce: it has the same one or, since most responders sign beforehand,
// none (RFC 9654, Section 2.1).
func (r *Response) Answers(nonce []byte) bool { return r.nonce == nil || bytes.Equal(r.nonce, nonce) }

// about reports whether the answer is for c, issued by issuer: RFC 6960,
// Section 4.1.1. The serial alone says nothing, all authorities count from one.
func (o *single) about(c, issuer *Certificate) bool {
	if o.serial.Cmp(c.X.SerialNumber) != 0 || o.hash == 0 || o.hash == crypto.SHA1 && fips140.Enforced() {
		return false
	}
	return bytes.Equal(o.name, digest(o.hash, c.X.RawIssuer)) && bytes.Equal(o.key, digest(o.hash, issuer.keyBits()))
}

func digest(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

// keyBits returns the inside of the subjectPublicKey.
func (c *Certificate) keyBits() []byte {
	s := cryptobyte.String(c.X.RawSubjectPublicKeyInfo)
	var bits []byte
	if !s.ReadASN1(&s, asn1.SEQUENCE) || !s.SkipASN1(asn1.SEQUENCE) || !s.ReadASN1BitStringAsBytes(&bits) {
		return nil
	}
	return bits
}

// fresh reports whether the answer is of now: RFC 6960, Section 4.2.2.1.
func (o *single) fresh(now time.Time) bool {
	if o.this.After(now.Add(skew)) {
		return false
	}
	if o.end.IsZero() {
		return !o.this.Before(now.Add(-maxAge))
	}
	return !o.end.Before(now)
}

// byOCSP asks the responses.
func (s *search) byOCSP(c, issuer, root *Certificate, all []*Response) error {
	out := errUnknown
	for _, r := range all {
		for i := range r.singles {
			o := &r.singles[i]
			if r.bad != "" || !(o.good || o.revoked) || !o.about(c, issuer) || !o.fresh(s.o.Time) {
				continue
			}
			ok, err := s.responds(r, issuer, root)
			switch {
			case err != nil:
				return err
			case ok && o.revoked:
				return &Revoked{Certificate: c, When: o.when, Reason: o.reason}
			case ok:
				out = nil
			}
		}
	}
	return out
}

// responds reports whether the response is signed by who may answer for
// issuer: itself, or whom it gave a certificate for that purpose directly (RFC
// 6960, Section 4.2.2.2).
func (s *search) responds(r *Response, issuer, root *Certificate) (bool, error) {
	if r.names(issuer) {
		if ok, err := s.verify(issuer, r.algorithm, r.tbs, r.signature); ok || err != nil {
			return ok, err
		}
	}
	for _, by := range r.certs {
		if !r.names(by) || by.issuer.key != issuer.subject.key || !by.answers() || s.single(by, false) != nil {
			continue
		}
		ok, err := s.issued(by, issuer)
		if ok && err == nil {
			ok, err = s.verify(by, r.algorithm, r.tbs, r.signature)
		}
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		if by.noCheck {
			return true, nil
		}
		// Its authority promised nothing; what is known of it counts, and
		// nothing being known does not hinder (RFC 6960, Section 4.2.2.2.1).
		if err := s.status(by, issuer, root); err == nil || errors.Is(err, errUnknown) {
			return true, nil
		}
	}
	return false, nil
}

// answers reports whether the certificate is one of an OCSP responder: it has
// to say so, "any purpose" is not enough.
func (c *Certificate) answers() bool {
	for _, u := range c.X.ExtKeyUsage {
		if u == x509.ExtKeyUsageOCSPSigning {
			return c.may(x509.KeyUsageDigitalSignature)
		}
	}
	return false
}

// names reports whether the response says that c signed it.
func (r *Response) names(c *Certificate) bool {
	if r.byName != nil {
		n, ok := parseName(r.byName)
		return ok && n.key == c.subject.key
	}
	return !fips140.Enforced() && bytes.Equal(r.byKey, digest(crypto.SHA1, c.keyBits()))
}
