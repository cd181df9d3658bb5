package keyring

import (
	"fmt"
	"slices"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/confusable"
)

// domainOf returns the address that stands for all of an address' domain.
func domainOf(address string) string { return address[strings.LastIndexByte(address, '@'):] }

// looks are the addresses of a ring by what they look like, worked out when it
// is asked for first and kept up to date from then on.
type looks map[string][]string

// look returns the other addresses of the ring that look like address.
func (st *state) look(address string) (like []string) {
	if st.looks == nil {
		st.looks = looks{}
		for a := range st.byAddress {
			st.looks.add(a)
		}
	}
	for _, a := range st.looks[confusable.Skeleton(address)] {
		if a != address && len(st.byAddress[a]) > 0 {
			like = append(like, a)
		}
	}
	slices.Sort(like)
	return like
}

func (l looks) add(address string) {
	k := confusable.Skeleton(address)
	if !slices.Contains(l[k], address) {
		l[k] = append(l[k], address)
	}
}

// foundLooks returns what a person should know of how a new address looks.
func (st *state) foundLooks(address string) (findings []string) {
	if len(st.byAddress[address]) > 0 {
		return nil
	}
	if odd := confusable.Odd(address); odd != "" {
		findings = append(findings, fmt.Sprintf("%q %s", cut(address), odd))
	}
	for i, a := range st.look(address) {
		if i == mostSimilar {
			break
		}
		findings = append(findings, fmt.Sprintf("%q looks like %q, which is in the ring: make sure that both are meant", cut(address), cut(a)))
	}
	return findings
}

// similar returns addresses of the ring that somebody may have meant who wrote
// this one, or was led to write it.
func (st *state) similar(address string) []string {
	like := st.look(address)
	local, domain := address[:strings.LastIndexByte(address, '@')], domainOf(address)
	for a := range st.byAddress {
		// A typing error is in one of the parts: the other one is cheap to compare.
		if other := domainOf(a); other != domain && a[:len(a)-len(other)] != local {
			continue
		}
		if !slices.Contains(like, a) && confusable.Near(a, address) {
			like = append(like, a)
		}
	}
	slices.Sort(like)
	return like[:min(len(like), mostSimilar)]
}

// mostSimilar is what a person reads.
const mostSimilar = 5
