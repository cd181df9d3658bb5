package discover

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// ErrNotFound is what a source in a network returns if it was asked, answered,
// and has nothing. A source that could not be asked is another error: nobody
// knows then whether there is something.
var ErrNotFound = errors.New("discover: nothing was found")

// Result is a candidate that the domain of a mail address gave out for that
// address, or something in its place: see [Result.Attested].
type Result struct {
	Candidate
	evidence keyring.Evidence
}

// Attested is the evidence that the domain of the address gave out the
// certificate for that address: by HTTPS from its Web Key Directory, with a
// certificate for its name, or in a DNS record that a trusted resolver
// validated. The evidence is for exactly the octets that came, for exactly that
// address. It is the zero Evidence, which [keyring.Verify] refuses, where the
// domain did not do that: a DNS record that nobody validated, one that speaks of
// an authority.
//
// It proves that whoever was in control of the domain's server or zone at that
// moment wanted this certificate to be used. It does not prove that this is the
// person: the provider of somebody's mail can put its own key there, and so can
// who breaks into its server, takes over the domain, or gets a certificate for
// it from any one of the authorities. So keyring.Verify refuses it, and a
// [keyring.Policy] takes it with AcceptDomainAttested.
func (r *Result) Attested() keyring.Evidence {
	if r == nil {
		return keyring.Evidence{}
	}
	return r.evidence
}

// attest makes the evidence of a domain for cert as it came.
func attest(cert *keyring.Certificate, a mailbox.Address, why string) keyring.Evidence {
	octets := cert.Marshal()
	return keyring.Evidence(seam.Wrap(seam.Evidence{
		Basis:   seam.BasisDomain,
		Address: a.String(),
		Why:     why,
		Check: func(c seam.Certificate) error {
			if len(octets) > 0 && bytes.Equal(c.Encoding(), octets) {
				return nil
			}
			return refuse("%s gave out another certificate than this one for %s", a.Domain(), a)
		},
	}))
}

// refusal is an error that is [keyring.ErrRefused]: something was not done on
// purpose.
type refusal struct{ text string }

// refuse makes one line of it, after the package's name.
func refuse(format string, args ...any) error {
	return &refusal{"discover: " + fmt.Sprintf(format, args...)}
}

// Error implements error, on one line.
func (r *refusal) Error() string { return r.text }

// Is reports whether target is [keyring.ErrRefused].
func (r *refusal) Is(target error) bool { return target == keyring.ErrRefused }

// person reads the address of one person, which has a domain that can be asked.
func person(address string) (mailbox.Address, error) {
	a, err := mailbox.Parse(address)
	if err != nil {
		return mailbox.Address{}, refuse("%v", err)
	}
	if a.IsDomain() {
		return mailbox.Address{}, refuse("%.80q is a whole domain: ask for one address", address)
	}
	return a, nil
}
