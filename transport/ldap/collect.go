package ldap

import (
	"fmt"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
)

// collector takes what is found.
type collector struct {
	host    string
	address mailbox.Address
	parse   []func([]byte) (*keyring.Certificate, error)

	found    []discover.Candidate
	problems []discover.Problem
}

// entry takes the certificates of one entry.
func (c *collector) entry(e *goldap.Entry) {
	seen := map[string]bool{} // by one name and by the other
	for _, attribute := range e.Attributes {
		// A server may leave the option out, or write both in its own way.
		name, _, _ := strings.Cut(attribute.Name, ";")
		if !strings.EqualFold(name, userCertificate) && !strings.EqualFold(name, userSMIMECertificate) {
			continue
		}
		for i, value := range attribute.ByteValues {
			if seen[string(value)] {
				continue
			}
			seen[string(value)] = true
			where := fmt.Sprintf("LDAP directory %s, %.200q, %s %d", c.host, e.DN, name, i+1)
			found, problems := discover.Read(where, value, c.parse...)
			for _, f := range found {
				c.candidate(f)
			}
			c.problems = append(c.problems, problems...)
		}
	}
}

// candidate notes for whom the directory says that it is.
func (c *collector) candidate(f discover.Candidate) {
	f.Address = c.address.String()
	states := false
	for _, s := range f.Certificate.Addresses() {
		states = states || mailbox.Same(s, f.Address)
	}
	if !states {
		f.Notes = append(f.Notes, "the certificate does not state "+f.Address)
	}
	c.found = append(c.found, f)
}

// refusal is an error that is [keyring.ErrRefused]: something was not done on
// purpose.
type refusal struct{ text string }

// refuse makes one line of it, after the package's name.
func refuse(format string, args ...any) error {
	return &refusal{"ldap: " + fmt.Sprintf(format, args...)}
}

// Error implements error, on one line.
func (r *refusal) Error() string { return r.text }

// Is reports whether target is [keyring.ErrRefused].
func (r *refusal) Is(target error) bool { return target == keyring.ErrRefused }
