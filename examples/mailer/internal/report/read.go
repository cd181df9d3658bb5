package report

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/doublekeybox/doublekeybox/examples/internal/terminal"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
)

// Limits of what is kept.
const (
	maxRows    = 500    // of each kind of row that is listed: nobody reads more
	maxReplies = 50     // different ones that are kept, the others count as one
	maxText    = 300    // octets of what a server said
	maxDomains = 50_000 // that are counted, the others as one
	topDomains = 20
	maxMemory  = 256 // values of memory; even
)

// other stands for what is beyond a limit.
const other = "(others)"

// Read makes the summary of a journal. Errors are those of [journal.Read]: of a
// journal that is damaged nothing is told.
func Read(r io.Reader) (*Summary, error) {
	c := collector{
		rows: map[int]*[pageRows]cell{}, open: map[int]begun{}, failed: map[int]Row{},
		domainIDs: map[string]uint32{}, replies: map[Reply]int{}, weak: map[Reply]int{}, instead: map[Change]int{},
	}
	for rec, err := range journal.Read(r) {
		if err != nil {
			return nil, err
		}
		c.add(&rec)
	}
	c.finish()
	s := c.s // and not all that was counted with it
	return &s, nil
}

// The deliveries; the index is what a cell has.
var deliveries = []string{"", "openpgp", "smime", "zip", "link"}

// pageRows is how many rows a page has: what is kept follows the rows that were
// met, and not the numbers that stand there.
const pageRows = 4096

// cell is what is kept of a row.
type cell struct {
	status   journal.Status
	delivery uint8
	bounced  bool
	weak     bool   // counted
	asked    bool   // counted
	domain   uint32 // an index of collector.domains, from 1; 0: not known
}

// begun is what the record of a begin says, which that of the outcome need not
// repeat.
type begun struct {
	row          Row
	size         int64
	documents    int
	link, number bool
}

// collector makes a Summary.
type collector struct {
	s         Summary
	rows      map[int]*[pageRows]cell
	open      map[int]begun // begun or in doubt
	failed    map[int]Row   // those that are listed
	domains   []string
	domainIDs map[string]uint32
	replies   map[Reply]int
	weak      map[Reply]int
	instead   map[Change]int
	speed     buckets
	every     int // of how many values of memory one is kept
	skip      int
}

func (c *collector) cell(row int) *cell {
	p := c.rows[row/pageRows]
	if p == nil {
		p = new([pageRows]cell)
		c.rows[row/pageRows] = p
	}
	return &p[row%pageRows]
}

// add takes one record in. The journal saw to it that it follows from those
// before.
func (c *collector) add(r *journal.Record) {
	s := &c.s
	if s.Records == 0 {
		s.First = r.At
	}
	s.Records, s.Hash, s.Last, s.Ended = r.N, r.Hash, r.At, r.Kind == journal.Ended
	switch r.Kind {
	case journal.Run:
		if r.Head != nil {
			s.Run, s.List, s.Config, s.Rows = cut(r.Head.Run), cut(r.Head.List), cut(r.Head.Config), r.Head.Rows
		}
	case journal.Started, journal.Ended:
		if r.Kind == journal.Started {
			s.Starts++
			for row := range c.open { // whoever began them is gone
				c.cell(row).status = journal.IsDoubtful
			}
		}
	default:
		c.row(r)
	}
	if r.Memory > 0 {
		c.memory(Memory{At: r.At, Octets: r.Memory, Sent: s.Total.Sent})
	}
}

// memory keeps every value, or with too many every second one, and so on: of two
// that become one the higher.
func (c *collector) memory(m Memory) {
	s := &c.s
	if c.skip++; c.skip < c.every && len(s.Memory) > 0 {
		last := &s.Memory[len(s.Memory)-1]
		last.Octets = max(last.Octets, m.Octets)
		return
	}
	c.skip = 0
	if s.Memory = append(s.Memory, m); len(s.Memory) < maxMemory {
		return
	}
	half := s.Memory[:0]
	for i := 0; i < maxMemory; i += 2 {
		m := s.Memory[i]
		m.Octets = max(m.Octets, s.Memory[i+1].Octets)
		half = append(half, m)
	}
	s.Memory, c.every = half, max(2, c.every*2)
}

// row takes in a record about a row.
func (c *collector) row(r *journal.Record) {
	x := c.cell(r.Row)
	c.describe(x, r)
	switch r.Kind {
	case journal.Begun:
		x.status = journal.IsBegun
		c.s.Attempts++
		c.open[r.Row] = begun{rowOf(r), r.Size, len(r.Documents), r.Link != "", r.Number != ""}
	case journal.Sent:
		x.status = journal.IsSent
		c.sent(r)
	case journal.Deferred:
		x.status = journal.IsDeferred
		c.outcome(r)
	case journal.Failed:
		x.status = journal.IsFailed
		c.outcome(r)
	case journal.Unknown:
		x.status = journal.IsDoubtful
		count(c.replies, Reply{Kind: string(r.Kind), Text: shape(r.Reply)})
		o := c.open[r.Row]
		o.row.Reply = cut(r.Reply)
		c.open[r.Row] = o
	case journal.Settled:
		c.s.Settled++
		x.status = journal.IsWaiting
		if r.As == journal.Sent {
			x.status = journal.IsSent
			c.sent(r)
		}
		delete(c.open, r.Row)
	case journal.Bounced:
		if !x.bounced {
			c.s.Bounced++
		}
		x.bounced = true
		if len(c.s.Bounces) < maxRows {
			c.s.Bounces = append(c.s.Bounces, rowOf(r))
		}
	}
	c.speed.add(r)
}

// describe keeps what says of a row where it goes.
func (c *collector) describe(x *cell, r *journal.Record) {
	if i := slices.Index(deliveries, r.Delivery); i > 0 {
		x.delivery = uint8(i)
	}
	_, domain, ok := strings.Cut(r.Address, "@")
	if domain = cut(strings.ToLower(domain)); ok && x.domain == 0 {
		x.domain = c.domain(domain)
	}
	if r.Weak != "" && !x.weak {
		x.weak = true
		count(c.weak, Reply{Text: cut(r.Weak)})
	}
	if r.Asked != "" && r.Asked != r.Delivery && !x.asked {
		x.asked = true
		count(c.instead, Change{Domain: domain, From: cut(r.Asked), To: cut(r.Delivery)})
	}
}

// domain returns the index of a domain, from 1.
func (c *collector) domain(domain string) uint32 {
	id, known := c.domainIDs[domain]
	if !known {
		if len(c.domains) >= maxDomains {
			domain = other
			id, known = c.domainIDs[other]
		}
		if !known {
			c.domains = append(c.domains, domain)
			id = uint32(len(c.domains))
			c.domainIDs[domain] = id
		}
	}
	return id
}

func (c *collector) sent(r *journal.Record) {
	o := c.open[r.Row]
	delete(c.open, r.Row)
	s := &c.s
	s.Total.Sent++ // so far; counted anew at the end
	s.Mail += cmp.Or(r.Size, o.size)
	s.Documents += cmp.Or(len(r.Documents), o.documents)
	if o.link || r.Link != "" {
		s.Links++
	}
	if o.number || r.Number != "" {
		s.Passphrases++
	}
}

// outcome takes in that a mail was refused, or put off.
func (c *collector) outcome(r *journal.Record) {
	o := c.open[r.Row]
	delete(c.open, r.Row)
	count(c.replies, Reply{Kind: string(r.Kind), Text: shape(r.Reply)})
	if r.Kind != journal.Failed || len(c.failed) >= maxRows {
		return
	}
	row := rowOf(r)
	row.Address, row.MessageID = cmp.Or(row.Address, o.row.Address), cmp.Or(row.MessageID, o.row.MessageID)
	c.failed[r.Row] = row
}

func rowOf(r *journal.Record) Row {
	return Row{Row: r.Row, Address: cut(r.Address), MessageID: cut(r.MessageID), At: r.At, Attempt: r.Attempt, Status: cut(r.Status), Reply: cut(r.Reply)}
}

// count counts k, or what stands for all others where there are too many.
func count[K comparable](m map[K]int, k K) {
	if _, ok := m[k]; !ok && len(m) >= maxReplies {
		var o K
		switch p := any(&o).(type) {
		case *Reply:
			p.Text = other
		case *Change:
			p.Domain = other
		}
		k = o
	}
	m[k]++
}

// cut shortens what came from outside, and makes it one line in which nothing is
// obeyed by a terminal or turns the direction of writing, on a page neither.
func cut(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return terminal.OneLine(s)
}

// shape is what a server said without what differs from mail to mail, so that
// the same reason is counted as one: queue numbers, addresses.
func shape(s string) string {
	words := strings.Fields(cut(s))
	for i, w := range words {
		digits := strings.IndexFunc(w, func(r rune) bool { return '0' <= r && r <= '9' }) >= 0
		bare := strings.Trim(w, "<>()[];:,.")
		switch {
		case strings.Contains(w, "@"):
			words[i] = "…"
		case digits && i > 1 && len(bare) > 5 && !strings.Contains(bare, "."):
			words[i] = "#"
		}
	}
	return strings.Join(words, " ")
}
