package keyring

import (
	"slices"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

// Of reports whether v may be taken for the certificate of address, by why it
// is believed. What the certificate states is another question: whoever makes
// one can write more addresses into it than the one that was verified.
//
// A fingerprint that was compared is about the key, and so for every address.
// The word of an authority, of an introducer or of a server is for the address
// that it was asked about alone; and what a ring returned for the one that the
// ring has it for, all of a domain where that is a domain's, and for whom it was
// looked up.
//
// It is false for a nil or zero Verified, and for what is no address.
func (v *Verified) Of(address string) bool {
	a, err := mailbox.Parse(address)
	if err != nil || v == nil || v.cert == nil {
		return false
	}
	is := func(whose string) bool { return whose == a.String() || whose == a.OfDomain().String() }
	if o := v.origin; o != nil {
		return is(o.address) || slices.ContainsFunc(o.asked, func(x asked) bool { return is(x.address) })
	}
	return v.evidence.address == "" || is(v.evidence.address)
}
