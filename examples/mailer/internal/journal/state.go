package journal

import (
	"fmt"
	"maps"
	"slices"
)

// Status is how far a row of the list is.
type Status uint8

// The states of a row.
const (
	IsWaiting  Status = iota // nothing was tried, or a person said to send it again
	IsBegun                  // it is being sent, by the program that has the journal open
	IsSent                   //
	IsDeferred               // to be tried again
	IsFailed                 //
	IsDoubtful               // it may have been sent: only a person can tell, and settles it
)

// String returns the state as a word.
func (s Status) String() string {
	names := [...]string{"waiting", "begun", "sent", "deferred", "failed", "in doubt"}
	if int(s) >= len(names) {
		return "?"
	}
	return names[s]
}

// State is what a journal says of a row.
type State struct {
	Status   Status
	Attempts int  // how often it was begun; more than 255 are 255
	Bounced  bool // a bounce came that names it
}

// Open reports whether a mail for the row can be begun.
func (s State) Open() bool { return s.Status == IsWaiting || s.Status == IsDeferred }

// next returns what a record makes of a row's state. Whatever is not here cannot
// happen to a row.
func (s State) next(r *Record) (State, bool) {
	switch r.Kind {
	case Begun:
		if !s.Open() {
			return s, false
		}
		s.Status = IsBegun
		s.Attempts = min(s.Attempts+1, 255)
	case Sent, Unknown:
		if s.Status != IsBegun {
			return s, false
		}
		s.Status = map[Kind]Status{Sent: IsSent, Unknown: IsDoubtful}[r.Kind]
	case Deferred, Failed: // also what could not be begun
		if s.Status != IsBegun && !s.Open() {
			return s, false
		}
		s.Status = map[Kind]Status{Deferred: IsDeferred, Failed: IsFailed}[r.Kind]
	case Settled: // who settles has the journal for himself: what is begun has no outcome to come
		if s.Status != IsDoubtful && s.Status != IsBegun {
			return s, false
		}
		switch r.As {
		case Sent:
			s.Status = IsSent
		case Waiting:
			s.Status = IsWaiting
		default:
			return s, false
		}
	case Bounced: // it changes nothing: a bounce is a report, not an outcome
		if s.Status == IsWaiting && s.Attempts == 0 {
			return s, false
		}
		s.Bounced = true
	default:
		return s, false
	}
	return s, true
}

// pageRows is how many rows a page of a table has: what is allocated follows the
// rows that were touched, and not the numbers that somebody wrote.
const pageRows = 4096

// MaxRows is how many rows a run can have.
const MaxRows = 50_000_000

// cell is a State in two octets: a run of 100,000 rows has 200 KB of them.
type cell struct {
	status   uint8 // and bounced in its highest bit
	attempts uint8
}

const bouncedBit = 0x80

// table has the states of all rows.
type table struct {
	rows  int // how many there are
	pages map[int]*[pageRows]cell
	open  map[int]Record // those that are begun or in doubt: few
}

func newTable(rows int) *table {
	return &table{rows: rows, pages: map[int]*[pageRows]cell{}, open: map[int]Record{}}
}

func (t *table) get(row int) State {
	if row < 1 || t.pages[row/pageRows] == nil {
		return State{}
	}
	c := t.pages[row/pageRows][row%pageRows]
	return State{Status: Status(c.status &^ bouncedBit), Attempts: int(c.attempts), Bounced: c.status&bouncedBit != 0}
}

func (t *table) set(row int, s State) {
	p := t.pages[row/pageRows]
	if p == nil {
		p = new([pageRows]cell)
		t.pages[row/pageRows] = p
	}
	c := cell{status: uint8(s.Status), attempts: uint8(s.Attempts)}
	if s.Bounced {
		c.status |= bouncedBit
	}
	p[row%pageRows] = c
}

// doubt is for when whoever began what is begun is gone.
func (t *table) doubt() {
	for row := range t.open {
		s := t.get(row)
		s.Status = IsDoubtful
		t.set(row, s)
	}
}

// inDoubt returns the records by which rows were begun that have no outcome, by
// their rows.
func (t *table) inDoubt() []Record {
	return slices.SortedFunc(maps.Values(t.open), func(a, b Record) int { return a.Row - b.Row })
}

// save returns what puts a row back as it is now.
func (t *table) save(row int) (restore func()) {
	if row < 1 || row > t.rows {
		return func() {}
	}
	s := t.get(row)
	r, begun := t.open[row]
	return func() {
		t.set(row, s)
		delete(t.open, row)
		if begun {
			t.open[row] = r
		}
	}
}

// apply takes a record in, or refuses it.
func (t *table) apply(r *Record) error {
	switch r.Kind {
	case Run, Ended:
		return nil
	case Started:
		t.doubt()
		return nil
	case Begun, Sent, Deferred, Failed, Unknown, Settled, Bounced:
	default:
		return fmt.Errorf("journal: a record of the kind %.40q is not known: a newer program wrote it", r.Kind)
	}
	if r.Row < 1 || r.Row > t.rows {
		return fmt.Errorf("journal: there is no row %d in a list of %d", r.Row, t.rows)
	}
	have := t.get(r.Row)
	next, ok := have.next(r)
	if !ok {
		return &StateError{Row: r.Row, Have: have.Status, Kind: r.Kind}
	}
	t.set(r.Row, next)
	switch next.Status {
	case IsBegun:
		t.open[r.Row] = *r
	case IsDoubtful: // as it was begun, with what is known since
		o := t.open[r.Row]
		if r.Kind == Unknown {
			o.Reply = r.Reply
		}
		t.open[r.Row] = o
	default:
		delete(t.open, r.Row)
	}
	return nil
}
