package smime

import (
	"crypto/x509"
	"strings"
)

const (
	maxLocalPart = 64  // octets before the @: RFC 5321, Section 4.5.3.1.1
	maxDomain    = 255 // octets after it: Section 4.5.3.1.2
)

// addressesOf returns the mail addresses that x claims: the rfc822Names of its
// subject alternative name, and only where that has none, the emailAddress
// attributes of the subject, which RFC 8550, Section 3 keeps for legacy.
// Octets that are no address are left out, not cleaned up: "a@b\x00.example"
// must not become somebody's address.
func addressesOf(x *x509.Certificate) []string {
	var out []string
	for _, a := range x.EmailAddresses {
		if validAddress(a) {
			out = append(out, a)
		}
	}
	if len(x.EmailAddresses) > 0 {
		return out
	}
	for _, n := range x.Subject.Names {
		a, ok := n.Value.(string)
		if ok && n.Type.String() == emailAddressText && validAddress(a) {
			out = append(out, a)
		}
	}
	return out
}

// emailAddressText is oidEmailAddress in the form that crypto/x509 gives.
const emailAddressText = "1.2.840.113549.1.9.1"

// validAddress reports whether s is an addr-spec in ASCII, local@domain, of
// characters that need no quoting (RFC 5322, Section 3.2.3).
func validAddress(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && len(local) <= maxLocalPart && len(domain) <= maxDomain &&
		dotAtom(local) && dotAtom(domain)
}

// dotAtom reports whether s is a dot-atom-text.
func dotAtom(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" {
			return false
		}
		for i := range len(part) {
			c := part[i]
			letter := 'a' <= c|0x20 && c|0x20 <= 'z'
			if !letter && !('0' <= c && c <= '9') && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", rune(c)) {
				return false
			}
		}
	}
	return true
}
