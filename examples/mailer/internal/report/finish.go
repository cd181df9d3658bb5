package report

import (
	"cmp"
	"maps"
	"slices"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
)

// finish makes the totals.
func (c *collector) finish() {
	s := &c.s
	s.Total = Counts{}
	domains := make([]Domain, len(c.domains)+1)
	s.Deliveries = make([]Delivery, len(deliveries))
	known := 0
	for _, page := range c.rows {
		for i := range page {
			x := &page[i]
			if *x == (cell{}) {
				continue
			}
			known++
			for _, to := range []*Counts{&s.Total, &s.Deliveries[x.delivery].Counts, &domains[x.domain].Counts} {
				to.add(x.status)
			}
		}
	}
	untouched := max(0, s.Rows-known)
	s.Total.Rows += untouched
	s.Total.Waiting += untouched
	s.Deliveries[0].Counts.Rows += untouched
	s.Deliveries[0].Counts.Waiting += untouched
	c.finishDomains(domains)
	c.finishDeliveries()
	doubt := map[int]Row{}
	for n, o := range c.open {
		doubt[n] = o.row
	}
	s.InDoubt = firstRows(doubt)
	s.Failed = firstRows(c.failed)
	if s.Bounces == nil {
		s.Bounces = []Row{}
	}
	s.Replies, s.Weak, s.Instead = byCount(c.replies), byCount(c.weak), []Change{}
	for ch, n := range c.instead {
		ch.Count = n
		s.Instead = append(s.Instead, ch)
	}
	slices.SortFunc(s.Instead, func(a, b Change) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.From, b.From))
	})
	if s.Memory == nil {
		s.Memory = []Memory{}
	}
	s.Speed, s.Width = c.speed.result()
	for _, b := range s.Speed {
		s.PeakRate = max(s.PeakRate, float64(b.Sent)/s.Width)
	}
}

func (n *Counts) add(s journal.Status) {
	n.Rows++
	switch s {
	case journal.IsSent:
		n.Sent++
	case journal.IsDeferred:
		n.Deferred++
	case journal.IsFailed:
		n.Failed++
	case journal.IsBegun, journal.IsDoubtful:
		n.InDoubt++
	default:
		n.Waiting++
	}
}

func (c *collector) finishDeliveries() {
	all := c.s.Deliveries
	for i := range all {
		all[i].Name = deliveries[i]
	}
	c.s.Deliveries = slices.Clone(all[1:])
	if all[0].Counts.Rows > 0 {
		c.s.Deliveries = append(c.s.Deliveries, all[0])
	}
}

func (c *collector) finishDomains(all []Domain) {
	for i, name := range c.domains {
		all[i+1].Name = name
	}
	all = all[1:]
	slices.SortFunc(all, func(a, b Domain) int { return cmp.Or(b.Counts.Rows-a.Counts.Rows, cmp.Compare(a.Name, b.Name)) })
	n := min(len(all), topDomains)
	c.s.Domains, c.s.Others = slices.Clone(all[:n]), len(all)-n
	if c.s.Domains == nil {
		c.s.Domains = []Domain{}
	}
}

// firstRows returns the rows in order, and not more than are listed.
func firstRows(m map[int]Row) []Row {
	out := []Row{}
	for _, n := range slices.Sorted(maps.Keys(m)) {
		if len(out) < maxRows {
			out = append(out, m[n])
		}
	}
	return out
}

func byCount(m map[Reply]int) []Reply {
	out := []Reply{}
	for r, n := range m {
		r.Count = n
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Reply) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Text, b.Text))
	})
	return out
}
