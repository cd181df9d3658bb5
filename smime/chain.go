package smime

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/pkix"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Authorities say whose word on whose certificate is whose is taken, for
// [ChainTo]. The zero value takes nobody's; the system's roots, which are there
// for the web, are never used.
//
// It must not be changed after it was first used, and is then safe for
// concurrent use. It is meant to be used for many certificates: what is in it
// is parsed once.
type Authorities struct {
	// Roots are the certificates that a path has to end at: those of the
	// authorities that you decided to believe. They are not checked for being
	// revoked.
	Roots []*keyring.Certificate

	// Intermediates are certificates that a path may lead through. They need
	// no trust.
	Intermediates []*keyring.Certificate

	// Revocation are CRLs and OCSP responses, each in DER, at most 64 MiB.
	Revocation [][]byte

	// Source is asked for what Revocation does not answer. nil: nobody is, and
	// this package opens no connection of its own.
	Source RevocationSource

	// AcceptUnknown accepts a certificate of which the above do not say
	// whether it is revoked. Without it such a certificate is refused. Where
	// neither Revocation nor Source is given revocation is not checked, which
	// Verified.Evidence says.
	AcceptUnknown bool

	// Policies are those of which every certificate of a path has to have
	// one, for instance 2.23.140.1.5.1.3. None: any, or none.
	Policies []x509.OID

	// Time is the time at which the certificates have to be valid; nil: time.Now.
	Time func() time.Time

	once     sync.Once
	err      error
	roots    *pkix.Pool
	others   *pkix.Pool
	known    pkix.Revocation
	policies map[string]bool
	weak     bool // tests only: SHA-1 and RSA-1024
}

// RevocationSource fetches what authorities say of revoked certificates.
type RevocationSource interface {
	// Fetch returns CRLs and OCSP responses in DER, in any order, of which
	// those that are of no use are passed over: what comes back needs no
	// trust, its signatures are checked. An error is as if nothing came back.
	//
	// It is called by the goroutine that verifies, and is what limits how
	// long that takes. The addresses in q are written by whoever made the
	// certificate: an implementation has to decide where it connects to.
	Fetch(q *RevocationQuery) ([][]byte, error)
}

// RevocationQuery is what is asked about one certificate.
type RevocationQuery struct {
	Certificate *keyring.Certificate // about which
	Issuer      *keyring.Certificate // who issued it
	CRLs        []string             // URLs of lists, as Certificate states them
	Responders  []string             // URLs of OCSP responders, as Certificate states them

	// Request is an OCSP request in DER with a fresh nonce, to be sent with
	// HTTP POST as application/ocsp-request (RFC 6960, Appendix A). nil where
	// GODEBUG=fips140=only does not allow the SHA-1 that responders know
	// issuers by. A response with another nonce is passed over.
	Request []byte
}

// ChainTo is the evidence that a certificate belongs to address because an
// authority says so: a path of certificates leads from it to one of a.Roots.
// intermediates are further certificates for the path, for instance those that
// came beside it; they need no trust.
//
// [keyring.Verify] with it checks RFC 5280, Section 6, for every certificate of
// the path: signatures (no SHA-1, no RSA below 2048 bits), time, that it may
// issue, path length, names (constraints on mail addresses, SmtpUTF8Mailbox,
// DNS names, URIs, IP addresses and directory names), policies, that no
// critical extension is unknown, that it is for mail protection as far as it
// states purposes, and revocation. The certificate itself has to state address
// in its subjectAltName: the domain in any case, the part before the @ exactly.
// An address in the subject, where older certificates have it, does not count.
// Domains that are not ASCII may be given as U-labels or A-labels ("xn--…").
//
// It proves what the authorities below the roots say, and no more: each of
// them can issue a certificate for any address that its constraints allow, by
// mistake or on demand, and for mail there is no public log (as the web has)
// in which the owner of the address would see it. A fingerprint from its owner
// proves more: [keyring.Expect]. And it proves it at that time: who keeps a
// [keyring.Verified] for long verifies again.
//
// Verify's error is a [*keyring.RevokedError] or a [*keyring.ExpiredError] where
// one of these is what is wrong with the certificate itself; one that is
// errors.Is(err, envelope.ErrLimit) where finding a path would take too much
// work; and else one that says what is wrong with which certificate of the
// path, or with a. All are [keyring.ErrRefused].
func ChainTo(address string, a *Authorities, intermediates ...*keyring.Certificate) keyring.Evidence {
	type found struct {
		c  seam.Certificate
		by [32]byte
	}
	var last atomic.Pointer[found] // so that nothing is fetched a second time for Authority
	e := seam.Evidence{
		Basis: seam.BasisChain,
		Check: func(c seam.Certificate) error {
			path, err := a.check(c, address, intermediates)
			if err == nil {
				last.Store(&found{c, issuerKey(path)})
			}
			return err
		},
		Authority: func(c seam.Certificate) [32]byte {
			if f := last.Load(); f != nil && f.c == c {
				return f.by
			}
			path, err := a.check(c, address, intermediates) // somebody else verified another in between
			if err != nil {
				return [32]byte{}
			}
			return issuerKey(path)
		},
	}
	if normal, err := mailbox.Parse(address); err == nil { // else Check says why not
		e.Address = normal.String()
	}
	if a != nil {
		e.Why = a.why(address)
	}
	return keyring.Evidence(seam.Wrap(e))
}

// why says what ChainTo proved.
func (a *Authorities) why(address string) string {
	what := "not revoked"
	switch {
	case !a.asks():
		what = "revocation not checked"
	case a.AcceptUnknown:
		what = "not known to be revoked"
	}
	return fmt.Sprintf("an authority's certificate for %q, %s", cut(address), what)
}

// asks reports whether revocation is checked.
func (a *Authorities) asks() bool { return len(a.Revocation) > 0 || a.Source != nil }

// check is ChainTo. It returns the path.
func (a *Authorities) check(in seam.Certificate, address string, intermediates []*keyring.Certificate) ([]*pkix.Certificate, error) {
	if a == nil || len(a.Roots) == 0 {
		return nil, errors.New("smime: no roots were given whose word would be taken")
	}
	c, ok := in.(*certificate)
	if !ok || c == nil {
		return nil, errNotOurs
	}
	want, err := mailbox.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("smime: %w", err)
	}
	if a.once.Do(a.prepare); a.err != nil {
		return nil, a.err
	}
	// The address first: it is what people get wrong, and it costs nothing.
	mailboxes := mailboxesOf(c.x)
	if !isFor(mailboxes, want) {
		return nil, wrongAddress(address, c, mailboxes)
	}
	own, err := pkixAll(intermediates)
	if err != nil {
		return nil, err
	}
	return a.path(c, pkix.NewPool(own))
}

// path finds the path, the address apart.
func (a *Authorities) path(c *certificate, own *pkix.Pool) ([]*pkix.Certificate, error) {
	leaf := pkixOf(c)
	o := a.options(own)
	path, err := pkix.Check(leaf, o)
	return path, chainError(c, leaf, o.Time, err)
}

// options are what pkix judges by.
func (a *Authorities) options(own *pkix.Pool) *pkix.Options {
	o := &pkix.Options{
		Roots: a.roots, Others: []*pkix.Pool{own, a.others},
		Time:     time.Now(),
		Policies: a.policies, ExplicitPolicy: len(a.policies) > 0,
		Verify: func(issuer *pkix.Certificate, algorithm, message, signature []byte) error {
			return verifyIssued(issuer.Key, algorithm, message, signature, a.weak)
		},
	}
	if a.Time != nil {
		o.Time = a.Time()
	}
	if a.asks() {
		known := a.known
		if a.Source != nil {
			known.Fetch = a.fetch
		}
		known.AcceptUnknown = a.AcceptUnknown
		o.Revocation = &known
	}
	return o
}

// wrongAddress says which address is in c, which is what a person needs to see
// that it is another one.
func wrongAddress(want string, c *certificate, have []string) error {
	switch {
	case len(have) > 0:
		quoted := make([]string, 0, 3)
		for _, h := range have[:min(len(have), cap(quoted))] {
			quoted = append(quoted, fmt.Sprintf("%q", cut(h)))
		}
		if len(have) > cap(quoted) {
			quoted = append(quoted, "…")
		}
		return fmt.Errorf("smime: the certificate is not for %q, but for %s", cut(want), strings.Join(quoted, ", "))
	case len(c.addresses) > 0:
		return fmt.Errorf("smime: the certificate states its address %q in its subject alone, which proves nothing: its authority has to put it into the subjectAltName", cut(c.addresses[0]))
	}
	return fmt.Errorf("smime: the certificate is not for %q, and states no mail address at all", cut(want))
}

// chainError makes pkix's error one of keyring's where there is one.
func chainError(c *certificate, leaf *pkix.Certificate, now time.Time, err error) error {
	var (
		revoked *pkix.Revoked
		problem *pkix.Problem
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &revoked):
		e := &keyring.RevokedError{Fingerprint: c.fingerprint(), When: revoked.When, Reason: revocationReason(revoked.Reason)}
		if revoked.Certificate != leaf {
			e.Reason = "the certificate of its authority " + revoked.Certificate.Subject()
		}
		return e
	case errors.Is(err, pkix.ErrWork):
		return fmt.Errorf("smime: %w", &envelope.LimitError{What: "steps to find a path of certificates", Max: pkix.MaxSteps, Fixed: true})
	case errors.As(err, &problem) && problem.Certificate == leaf && problem.Expired:
		return &keyring.ExpiredError{Fingerprint: c.fingerprint(), NotBefore: c.x.NotBefore, NotAfter: c.x.NotAfter, At: now}
	case errors.As(err, &problem) && problem.Certificate == leaf:
		return c.unusable(problem.Reason)
	case errors.As(err, &problem):
		return fmt.Errorf("smime: on the path to a root %w", err)
	}
	if bytes.Equal(c.x.RawIssuer, c.x.RawSubject) {
		return fmt.Errorf("smime: %w: it is signed with its own key, and no authority speaks for it; verify its fingerprint instead", err)
	}
	return fmt.Errorf("smime: %w: its issuer is %q; give the missing certificates, or the root, if that is an authority you believe", err, issuerText(c.x.RawIssuer))
}

// revocationReason names a CRLReason (RFC 5280, Section 5.3.1).
func revocationReason(n int) string {
	switch n {
	case 1:
		return "key compromise"
	case 2:
		return "compromise of its authority"
	case 3:
		return "affiliation changed"
	case 4:
		return "superseded"
	case 5:
		return "cessation of operation"
	case 6:
		return "on hold"
	case 9:
		return "privilege withdrawn"
	case 10:
		return "compromise of an attribute authority"
	}
	return ""
}
