package smime

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/pkix"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

const (
	// maxRevocation is the size of a CRL or OCSP response in octets. The
	// largest CRLs of public authorities have some 30 MB.
	maxRevocation = 64 << 20

	// maxFetched is how many CRLs and responses one answer of a source may
	// have.
	maxFetched = 16

	// nonceSize is that of an OCSP nonce: RFC 9654, Section 2.1 wants 32 octets.
	nonceSize = 32
)

// prepare parses what is in a, once.
func (a *Authorities) prepare() {
	a.err = func() error {
		roots, err := pkixAll(a.Roots)
		if err != nil {
			return err
		}
		others, err := pkixAll(a.Intermediates)
		if err != nil {
			return err
		}
		a.roots, a.others = pkix.NewPool(roots), pkix.NewPool(others)
		for _, o := range a.Policies {
			der, err := o.MarshalBinary()
			if err != nil {
				return fmt.Errorf("smime: a policy that is asked for: %w", err)
			}
			if a.policies == nil {
				a.policies = map[string]bool{}
			}
			a.policies[string(der)] = true
		}
		for i, der := range a.Revocation {
			if err := addRevocation(&a.known.CRLs, &a.known.Responses, der, nil); err != nil {
				return fmt.Errorf("smime: CRL or OCSP response number %d: %w", i+1, err)
			}
		}
		return nil
	}()
}

// pkixOf takes c apart for path validation.
func pkixOf(c *certificate) *pkix.Certificate { return pkix.New(c.x, &c.key) }

// pkixAll does that for many, all of which have to be certificates of ours.
func pkixAll(certs []*keyring.Certificate) ([]*pkix.Certificate, error) {
	out := make([]*pkix.Certificate, 0, len(certs))
	for _, p := range certs {
		if p == nil {
			return nil, errors.New("smime: a root or intermediate certificate is missing (nil)")
		}
		c, ok := seam.Opaque[seam.Certificate](*p).Unwrap().(*certificate)
		if !ok || c == nil {
			return nil, errNotOurs
		}
		out = append(out, pkixOf(c))
	}
	return out, nil
}

// keyForPKIX makes the key of a certificate in an OCSP response.
func keyForPKIX(x *x509.Certificate) any {
	k := publicKeyOf(x)
	return &k
}

// addRevocation parses der, a CRL or an OCSP response. nonce is that of the
// request, nil: there was none.
func addRevocation(crls *[]*pkix.CRL, responses *[]*pkix.Response, der, nonce []byte) error {
	if len(der) > maxRevocation {
		return &envelope.LimitError{What: "octets of a CRL or OCSP response", Max: maxRevocation, Fixed: true}
	}
	s := cryptobyte.String(der)
	if !s.ReadASN1(&s, asn1.SEQUENCE) {
		return errors.New("this is neither a CRL nor an OCSP response in DER")
	}
	if s.PeekASN1Tag(asn1.ENUM) {
		r, err := pkix.ParseResponse(der, keyForPKIX)
		if err != nil {
			return err
		}
		if nonce == nil || r.Answers(nonce) {
			*responses = append(*responses, r)
		}
		return nil
	}
	l, err := pkix.ParseCRL(der)
	if err != nil {
		return fmt.Errorf("not a CRL, or damaged: %q", cut(err.Error()))
	}
	*crls = append(*crls, l)
	return nil
}

// fetch asks the caller's source. Whatever goes wrong leaves the certificate's
// revocation unknown, of which the policy is the caller's.
func (a *Authorities) fetch(c, issuer *pkix.Certificate) (crls []*pkix.CRL, responses []*pkix.Response) {
	q := &RevocationQuery{
		Certificate: publicOf(c), Issuer: publicOf(issuer),
		CRLs: c.X.CRLDistributionPoints, Responders: c.X.OCSPServer,
	}
	var nonce []byte
	if !fipsOnly() {
		nonce = make([]byte, nonceSize)
		rand.Read(nonce)
		q.Request = ocspRequest(c.X, issuer.X, nonce)
	}
	answers, err := a.Source.Fetch(q)
	if err != nil {
		return nil, nil
	}
	for _, der := range answers[:min(len(answers), maxFetched)] {
		// What cannot be read says nothing.
		_ = addRevocation(&crls, &responses, der, nonce)
	}
	return crls, responses
}

// publicOf returns c as the type that callers see.
func publicOf(c *pkix.Certificate) *keyring.Certificate {
	own, err := parseCertificate(c.X.Raw)
	if err != nil {
		return nil
	}
	return own.public()
}

// ocspRequest writes RFC 6960, Section 4.1.1, with the nonce of RFC 9654:
//
//	OCSPRequest ::= SEQUENCE { tbsRequest TBSRequest }
//	TBSRequest ::= SEQUENCE {
//	   requestList       SEQUENCE OF SEQUENCE { reqCert CertID },
//	   requestExtensions [2] EXPLICIT Extensions }
//
// The digest is SHA-1, the only one that every responder knows; it names the
// issuer and proves nothing.
func ocspRequest(x, issuer *x509.Certificate, nonce []byte) []byte {
	const oidNonce oid = "\x2b\x06\x01\x05\x05\x07\x30\x01\x02" // 1.3.6.1.5.5.7.48.1.2
	digest := func(b []byte) []byte {
		h := crypto.SHA1.New()
		h.Write(b)
		return h.Sum(nil)
	}
	key, ok := subjectPublicKey(issuer.RawSubjectPublicKeyInfo)
	if !ok {
		return nil
	}
	var b cryptobyte.Builder
	sequence := func(b *cryptobyte.Builder, f func(*cryptobyte.Builder)) { b.AddASN1(asn1.SEQUENCE, f) }
	sequence(&b, func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) {
			sequence(b, func(b *cryptobyte.Builder) {
				sequence(b, func(b *cryptobyte.Builder) {
					sequence(b, func(b *cryptobyte.Builder) {
						addAlgorithmNULL(b, oidSHA1)
						b.AddASN1OctetString(digest(x.RawIssuer))
						b.AddASN1OctetString(digest(key))
						b.AddASN1BigInt(x.SerialNumber)
					})
				})
			})
			b.AddASN1(context(2).Constructed(), func(b *cryptobyte.Builder) {
				sequence(b, func(b *cryptobyte.Builder) {
					sequence(b, func(b *cryptobyte.Builder) {
						oidNonce.add(b)
						b.AddASN1(asn1.OCTET_STRING, func(b *cryptobyte.Builder) { b.AddASN1OctetString(nonce) })
					})
				})
			})
		})
	})
	return b.BytesOrPanic() // cannot fail: the lengths are those of one certificate
}
