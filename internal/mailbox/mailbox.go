// Package mailbox is how mail addresses are compared, everywhere in this
// module: two are one if they have the same [Address.String].
package mailbox

import (
	"fmt"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Address is a mail address, or all the addresses of a domain, in the form in
// which it is compared. It is a plain value, compared with ==. The zero value
// is nobody's.
type Address struct{ local, domain string }

// Limits, in octets.
const (
	maxLocal = 64   // RFC 5321, Section 4.5.3.1.1
	maxLabel = 63   // RFC 1035, Section 2.3.4
	maxName  = 253  // what the 255 octets of Section 2.3.4 are as text
	maxTotal = 254  // a path of 256 without its brackets: RFC 5321, Section 4.5.3.1.3
	maxInput = 1024 // before anything is decoded: more than any U-labels take that make 253 octets of A-labels
)

// Parse reads an address, "bob@example.org", or all of a domain,
// "@example.org", and nothing around them: no name, no brackets, no space.
//
// The local part stays as it is, since only the server of the domain knows
// whether the case matters in it (RFC 5321, Section 2.4). What is not ASCII in
// it is normalised to NFC (RFC 6532, Section 3.1). The domain may be in
// U-labels or A-labels, in any case; it becomes A-labels in lower case by
// UTS 46, without its transitional mappings.
//
// Refused is whatever one program would read as another address than the next
// one, or that a person would: quoted local parts ("bob"@example.org has
// several spellings, and no mail provider gives one out), comments, domain
// literals and numbers in place of a domain, dots where nothing is between
// them, characters that cannot be seen or that turn the line around, and
// those that Unicode has for compatibility with something in ASCII: fullwidth
// and mathematical letters, ligatures, the sign for kelvin.
//
// The error is one line without the package's name: whoever asks puts their own
// before it.
func Parse(s string) (Address, error) {
	refuse := func(why string) (Address, error) {
		const most = 80
		if len(s) > most {
			return Address{}, fmt.Errorf("%q… is no mail address: %s", s[:most], why)
		}
		return Address{}, fmt.Errorf("%q is no mail address: %s", s, why)
	}
	if len(s) > maxInput {
		return refuse("it is too long")
	}
	if why := strange(s); why != "" {
		return refuse(why)
	}
	local, domain, ok := strings.Cut(s, "@")
	switch {
	case !ok:
		return refuse("it has no @")
	case strings.Contains(domain, "@"):
		return refuse("it has more than one @")
	case domain == "":
		return refuse("nothing stands after the @")
	}
	a := Address{local: norm.NFC.String(local)}
	var why string
	if a.domain, why = aLabels(domain); why != "" {
		return refuse(why)
	}
	if local != "" {
		if why := oddLocal(a.local); why != "" {
			return refuse(why)
		}
	}
	if len(a.String()) > maxTotal {
		return refuse("it is too long")
	}
	return a, nil
}

// Same reports whether two texts are one address. What is no address is not the
// same as anything, itself included.
func Same(a, b string) bool {
	x, err := Parse(a)
	if err != nil {
		return false
	}
	y, err := Parse(b)
	return err == nil && x == y
}

// String returns a as it is compared and kept, "" for the zero value. Parse
// reads it, and returns a.
func (a Address) String() string {
	if a.domain == "" {
		return ""
	}
	return a.local + "@" + a.domain
}

// Local returns what stands before the @, "" for a domain.
func (a Address) Local() string { return a.local }

// Domain returns the domain in A-labels, in lower case.
func (a Address) Domain() string { return a.domain }

// IsDomain reports whether a stands for all addresses of a domain.
func (a Address) IsDomain() bool { return a.local == "" && a.domain != "" }

// OfDomain returns what stands for all addresses of a's domain.
func (a Address) OfDomain() Address { return Address{domain: a.domain} }

// Unicode returns a with its domain in U-labels, as it is shown to people. Not
// every person can tell it from another one: show String as well.
func (a Address) Unicode() string {
	if a.domain == "" {
		return ""
	}
	u, err := idna.Lookup.ToUnicode(a.domain)
	if err != nil {
		return a.String() // not met: Parse had it decoded
	}
	return a.local + "@" + u
}
