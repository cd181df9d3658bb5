// Package publicnet connects to public addresses and to no others: who may say
// where a program connects to, by a mail address or by a name that it gave
// itself in DNS, must not reach what only that program can reach.
package publicnet

import (
	"fmt"
	"net/netip"
)

// AddressError says that something is not connected to since it is not public.
type AddressError struct {
	Addr netip.Addr
	Why  string // a clause: "is of a private network"
}

// Error implements error, on one line and without the package's name: whoever
// asks puts their own before it.
func (e *AddressError) Error() string { return fmt.Sprintf("%s %s", e.Addr, e.Why) }

// reserved is a block that no public service has its address in, of the
// registries of RFC 6890 (with RFC 8190) as IANA keeps them.
type reserved struct{ block, why string }

func reserved4() []reserved {
	return []reserved{
		{"0.0.0.0/8", "is of this host"},                       // RFC 791, Section 3.2
		{"10.0.0.0/8", "is of a private network"},              // RFC 1918
		{"100.64.0.0/10", "is shared behind a provider's NAT"}, // RFC 6598
		{"127.0.0.0/8", "is of this host"},                     // RFC 1122, Section 3.2.1.3
		{"169.254.0.0/16", "is of the local link"},             // RFC 3927; the metadata of clouds is here
		{"172.16.0.0/12", "is of a private network"},           // RFC 1918
		{"192.0.0.0/24", "is reserved"},                        // RFC 6890, Section 2.1
		{"192.0.2.0/24", "is for documentation"},               // RFC 5737
		{"192.88.99.0/24", "is reserved"},                      // RFC 7526
		{"192.168.0.0/16", "is of a private network"},          // RFC 1918
		{"198.18.0.0/15", "is for measurements"},               // RFC 2544
		{"198.51.100.0/24", "is for documentation"},            // RFC 5737
		{"203.0.113.0/24", "is for documentation"},             // RFC 5737
		{"224.0.0.0/4", "is of many hosts"},                    // RFC 5771
		{"240.0.0.0/4", "is reserved"},                         // RFC 1112, Section 4; the broadcast address is here
	}
}

// global6 is all that is given out for services on the Internet (RFC 4291,
// Section 2.4, as IANA does it): loopback, unique local, link-local and
// multicast addresses are outside, and so are the forms that contain one of
// IPv4, mapped or translated, which could be any of the above.
const global6 = "2000::/3"

// reserved6 are the blocks within global6.
func reserved6() []reserved {
	return []reserved{
		{"2001::/23", "is reserved"},              // RFC 2928; Teredo is here, which contains one of IPv4
		{"2001:db8::/32", "is for documentation"}, // RFC 3849
		{"2002::/16", "contains one of IPv4"},     // RFC 3056
		{"3fff::/20", "is for documentation"},     // RFC 9637
	}
}

// Check returns nil for an address that a public service can have, and else an
// [*AddressError].
func Check(a netip.Addr) error {
	refuse := func(why string) error { return &AddressError{a, why} }
	blocks := reserved4()
	switch {
	case !a.IsValid():
		return refuse("is no address")
	case a.Zone() != "":
		return refuse("is of the local link")
	case a.Is4In6():
		return refuse("contains one of IPv4")
	case a.Is6():
		if !netip.MustParsePrefix(global6).Contains(a) {
			return refuse("is not public")
		}
		blocks = reserved6()
	}
	for _, r := range blocks {
		if netip.MustParsePrefix(r.block).Contains(a) {
			return refuse(r.why)
		}
	}
	return nil
}
