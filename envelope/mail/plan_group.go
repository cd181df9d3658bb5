package mail

import (
	"cmp"
	"math/bits"
	"slices"
)

// group makes the copies for all who are named in the header.
func (p *planner) group(rs []*recipient) []*plannedCopy {
	classes := classesOf(rs)
	taken := fewest(rs, classes)
	copies := make(map[string]*plannedCopy)
	for _, r := range rs {
		i := slices.IndexFunc(r.choices, func(c *choice) bool { return taken[c.class] })
		chosen := r.choices[max(i, 0)]
		c := copies[chosen.class]
		if c == nil {
			c = chosen.copy()
			copies[chosen.class] = c
		} else {
			c.add(chosen.keys)
		}
		c.Recipients = append(c.Recipients, r.address.String())
	}
	var out []*plannedCopy
	for _, k := range classes {
		if c := copies[k]; c != nil {
			out = append(out, c)
		}
	}
	return out
}

// classesOf returns every class that somebody can be written to in, sorted: the
// order of the messages does not tell the order of the addresses.
func classesOf(rs []*recipient) []string {
	var all []string
	for _, r := range rs {
		for _, c := range r.choices {
			all = append(all, c.class)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// fewest returns the smallest set of classes by which everybody is reached;
// of several the one by which most get what is preferred for them. There are
// five classes at most (two containers of OpenPGP; EnvelopedData and two
// AEADs of CMS), so that all sets can be looked at.
func fewest(rs []*recipient, classes []string) map[string]bool {
	at := func(c *choice) uint { return 1 << slices.Index(classes, c.class) }
	type need struct{ any, first uint }
	count := make(map[need]int) // many addresses, few kinds of them
	for _, r := range rs {
		n := need{first: at(r.choices[0])}
		for _, c := range r.choices {
			n.any |= at(c)
		}
		count[n]++
	}
	var best uint
	var score [2]int
	for set := range uint(1) << len(classes) {
		s := [2]int{-bits.OnesCount(set), 0}
		reached := true
		for n, people := range count {
			reached = reached && set&n.any != 0
			if set&n.first != 0 {
				s[1] += people
			}
		}
		if reached && (best == 0 || cmp.Or(cmp.Compare(s[0], score[0]), cmp.Compare(s[1], score[1])) > 0) {
			best, score = set, s
		}
	}
	taken := make(map[string]bool)
	for i, k := range classes {
		taken[k] = best&(1<<i) != 0
	}
	return taken
}
