// Package pkix finds and judges paths of X.509 certificates: RFC 5280, Section
// 6, with policies as RFC 9618 has them, and revocation by CRLs (also indirect
// ones and deltas) and OCSP (RFC 6960).
//
// crypto/x509 does that for servers. Here are what it leaves out: names of
// people, constraints on directory names, names that are written in two ways,
// signatures by algorithms that it does not know, and revocation.
//
// Whoever sends a certificate chooses most of what is looked at, so that all
// work is counted: see [Options].
package pkix

import (
	"errors"
	"fmt"
	"time"
)

const (
	// maxPath is how many certificates a path may have. The longest that
	// authorities in public programs make have five.
	maxPath = 10

	// maxSignatures is how many signatures are verified for one certificate,
	// of certificates, CRLs and OCSP responses; it is crypto/x509's number too.
	maxSignatures = 100

	// MaxSteps is how many issuers are looked at. Certificates that all issue
	// each other have more paths than can be walked.
	MaxSteps = 1000

	// maxJudged is how many whole paths are judged. Cross-certificates between
	// programs of authorities make a few; with the most policies that
	// certificates may have, each costs 20 ms.
	maxJudged = 50

	// maxComparisons is how many names are compared with constraints.
	maxComparisons = 250_000

	// maxNested is how deep the revocation of a CRL's signer, whose CRL has
	// another signer, and so on, is asked for.
	maxNested = 3
)

// Options are what a path is judged by. They are only read.
type Options struct {
	Roots  *Pool   // a path has to end at one of them
	Others []*Pool // certificates that paths may lead through

	Time time.Time

	// RFC 5280, Section 6.1.1 (c), (e) to (g). Policies are OBJECT IDENTIFIERs
	// (DER, without tag and length); none means any.
	Policies                                   map[string]bool
	ExplicitPolicy, InhibitMapping, InhibitAny bool

	// Verify reports whether signature is issuer's over message. The algorithm
	// is an AlgorithmIdentifier in DER.
	Verify func(issuer *Certificate, algorithm, message, signature []byte) error

	// Revocation is what is known; nil: revocation is not asked for.
	Revocation *Revocation
}

// Pool is a set of certificates. It is immutable.
type Pool struct {
	bySubject map[string][]*Certificate
	raw       map[string]bool
}

// NewPool makes a Pool of them.
func NewPool(certs []*Certificate) *Pool {
	p := &Pool{bySubject: map[string][]*Certificate{}, raw: map[string]bool{}}
	for _, c := range certs {
		if raw := string(c.X.Raw); !p.raw[raw] {
			p.raw[raw] = true
			p.bySubject[c.subject.key] = append(p.bySubject[c.subject.key], c)
		}
	}
	return p
}

func (p *Pool) has(c *Certificate) bool { return p != nil && p.raw[string(c.X.Raw)] }

// Problem says what is wrong with a path.
type Problem struct {
	Certificate *Certificate
	Reason      string // one clause, ours: "may not issue certificates"
	Expired     bool   // it is only its time
}

// Error implements error, on one line.
func (p *Problem) Error() string {
	return fmt.Sprintf("the certificate of %q %s", p.Certificate.Subject(), p.Reason)
}

// Revoked says that a certificate of a path was withdrawn.
type Revoked struct {
	Certificate *Certificate
	When        time.Time
	Reason      int // CRLReason
}

// Error implements error, on one line.
func (r *Revoked) Error() string {
	return fmt.Sprintf("the certificate of %q is revoked since %s", r.Certificate.Subject(), r.When.UTC().Format(time.DateOnly))
}

var (
	// ErrNoPath is returned where the certificates lead to no root.
	ErrNoPath = errors.New("no path of certificates leads to one of the roots")

	// ErrWork is returned where it would take more work to find one than
	// honest certificates need.
	ErrWork = errors.New("it would take too much work to find a path to one of the roots")
)

// Subject names the certificate for people, cut to a length that fits a line.
func (c *Certificate) Subject() string {
	const most = 100
	if s := c.X.Subject.String(); len(s) <= most {
		return s
	}
	return c.X.Subject.String()[:most] + "…"
}

// fail makes a Problem of c.
func (c *Certificate) fail(reason string) error { return &Problem{Certificate: c, Reason: reason} }
