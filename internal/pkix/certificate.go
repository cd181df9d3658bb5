package pkix

import (
	"crypto/x509"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Certificate is an X.509 certificate with what path validation needs of it,
// taken apart once. It is immutable, and trusted in nothing.
type Certificate struct {
	X   *x509.Certificate
	Key any // the public key in the caller's form: for Options.Verify

	tbs, algorithm, signature []byte
	subject, issuer           distinguished
	selfIssued                bool
	names                     []generalName // of the subjectAltName
	constraints               *constraints
	policies                  []string
	mappings                  []mapping
	points                    []point
	noRevocation              bool // says that nothing will ever be said of its revocation
	noCheck                   bool // an OCSP responder's that need not be checked

	// How many more certificates are allowed until the policies take effect,
	// -1: not stated.
	requireExplicit, inhibitMapping, inhibitAny int

	bad string // why it can be in no path
}

type mapping struct{ from, to string }

// Extensions by identifier, as crypto/x509 writes it.
const (
	extSubjectAltName  = "2.5.29.17"
	extConstraints     = "2.5.29.30"
	extPoints          = "2.5.29.31"
	extNoRevocation    = "2.5.29.56"            // noRevAvail, RFC 9608
	extNoCheck         = "1.3.6.1.5.5.7.48.1.5" // id-pkix-ocsp-nocheck, RFC 6960
	extCRLNumber       = "2.5.29.20"
	extReason          = "2.5.29.21"
	extDelta           = "2.5.29.27"
	extIssuingPoint    = "2.5.29.28"
	extCertIssuer      = "2.5.29.29"
	extAuthorityKey    = "2.5.29.35"
	extFreshest        = "2.5.29.46"
	extAuthorityAccess = "1.3.6.1.5.5.7.1.1"
)

// New takes x apart. What in it cannot be read makes every path with it fail,
// with a reason, and is no error here: nobody wants to lose a store of
// certificates to one.
func New(x *x509.Certificate, key any) *Certificate {
	c := &Certificate{X: x, Key: key, requireExplicit: -1, inhibitMapping: -1, inhibitAny: -1}
	if !c.takeApart() {
		c.bad = "is damaged"
		return c
	}
	c.readPolicies()
	c.readExtensions()
	return c
}

// takeApart reads the outer parts:
//
//	Certificate ::= SEQUENCE {
//	     tbsCertificate     TBSCertificate,
//	     signatureAlgorithm AlgorithmIdentifier,
//	     signature          BIT STRING }
func (c *Certificate) takeApart() (ok bool) {
	if c.tbs, c.algorithm, c.signature, ok = signed(c.X.Raw); !ok {
		return false
	}
	if c.subject, ok = parseName(c.X.RawSubject); !ok {
		return false
	}
	if c.issuer, ok = parseName(c.X.RawIssuer); !ok {
		return false
	}
	c.selfIssued = c.subject.key == c.issuer.key
	return true
}

// signed takes apart what certificates and CRLs are in common.
func signed(der []byte) (tbs, algorithm, signature []byte, ok bool) {
	s := cryptobyte.String(der)
	var in, t, a cryptobyte.String
	ok = s.ReadASN1(&in, asn1.SEQUENCE) && s.Empty() && in.ReadASN1Element(&t, asn1.SEQUENCE) &&
		in.ReadASN1Element(&a, asn1.SEQUENCE) && in.ReadASN1BitStringAsBytes(&signature) && in.Empty()
	return t, a, signature, ok
}

// readPolicies takes what crypto/x509 read of the policy extensions.
func (c *Certificate) readPolicies() {
	der := func(o x509.OID) string {
		b, err := o.MarshalBinary()
		if err != nil {
			c.bad = "has a policy that cannot be read"
		}
		return string(b)
	}
	x := c.X
	if len(x.Policies) > maxPolicies || len(x.PolicyMappings) > maxPolicies {
		c.bad = "has more policies than are looked at"
		return
	}
	for _, o := range x.Policies {
		c.policies = append(c.policies, der(o))
	}
	for _, m := range x.PolicyMappings {
		c.mappings = append(c.mappings, mapping{der(m.IssuerDomainPolicy), der(m.SubjectDomainPolicy)})
	}
	stated := func(n int, zero bool) int {
		if n > 0 || zero {
			return n
		}
		return -1
	}
	c.requireExplicit = stated(x.RequireExplicitPolicy, x.RequireExplicitPolicyZero)
	c.inhibitMapping = stated(x.InhibitPolicyMapping, x.InhibitPolicyMappingZero)
	c.inhibitAny = stated(x.InhibitAnyPolicy, x.InhibitAnyPolicyZero)
}

// readExtensions reads those that crypto/x509 does not, or not all of, and
// refuses critical ones that nobody read (RFC 5280, Section 4.2).
func (c *Certificate) readExtensions() {
	mine := map[string]bool{}
	for _, e := range c.X.Extensions {
		ok, id := true, e.Id.String()
		switch id {
		case extSubjectAltName:
			c.names, ok = parseGeneralNames(e.Value)
		case extConstraints:
			c.constraints, ok = parseConstraints(e.Value)
		case extPoints:
			c.points, ok = c.parsePoints(e.Value)
		case extNoRevocation:
			c.noRevocation = !c.X.IsCA // RFC 9608, Section 3: of end entities only
		case extNoCheck:
			c.noCheck = true
		default:
			continue
		}
		mine[id] = true
		if !ok && c.bad == "" {
			c.bad = "has an extension " + id + " that cannot be read"
		}
	}
	for _, id := range c.X.UnhandledCriticalExtensions {
		if !mine[id.String()] && c.bad == "" {
			c.bad = "has a critical extension that is not known: " + id.String()
		}
	}
}

// allNames returns every name that constraints concern: the subject's, those
// of the subjectAltName and, where that has no mail address, the ones in the
// subject (RFC 5280, Section 4.2.1.10).
func (c *Certificate) allNames() []generalName {
	names := c.names
	if len(c.subject.rdns) > 0 {
		names = append(names[:len(names):len(names)], generalName{
			form: formDirectory, tag: asn1.Tag(4).ContextSpecific().Constructed(), name: c.subject})
	}
	for i := range c.names {
		if c.names[i].form == formMail {
			return names
		}
	}
	for _, n := range c.X.Subject.Names {
		if s, ok := n.Value.(string); ok && n.Type.String() == "1.2.840.113549.1.9.1" {
			names = append(names, generalName{form: formMail, tag: asn1.Tag(1).ContextSpecific(), text: s})
		}
	}
	return names
}

// issues reports whether the certificate may sign others: it says so, or is of
// a version that cannot (RFC 5280, Section 6.1.4 (k): only roots may be).
func (c *Certificate) issues() bool { return c.X.BasicConstraintsValid && c.X.IsCA }

// may reports whether the key usage allows u. One that is not stated allows
// everything (RFC 5280, Section 6.1.4 (n)).
func (c *Certificate) may(u x509.KeyUsage) bool { return c.X.KeyUsage == 0 || c.X.KeyUsage&u != 0 }

// forMail reports whether the extended key usage, if there is one, allows mail
// protection. What an authority's does not allow, those below it cannot either:
// RFC 5280 is silent on that, and all programs do it.
func (c *Certificate) forMail() bool {
	if len(c.X.ExtKeyUsage) == 0 && len(c.X.UnknownExtKeyUsage) == 0 {
		return true
	}
	for _, e := range c.X.ExtKeyUsage {
		if e == x509.ExtKeyUsageEmailProtection || e == x509.ExtKeyUsageAny {
			return true
		}
	}
	return false
}
