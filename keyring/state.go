package keyring

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// state is what a ring holds in memory of what its Store has: where each record
// is, and which addresses it is for. Records themselves are read when they are
// first asked for. It is guarded by Ring.mu.
type state struct {
	size  int64 // octets of the log that were read
	seq   int64 // number of the last line
	chain [sha256.Size]byte
	ring  string

	slots     map[string]*slot // by the numbers of the records
	byAddress map[string][]*slot
	byKey     map[Fingerprint]*slot
	unknown   map[string]*slot // of which the rows are not known yet

	looks looks // nil: not asked for

	index    put // name "": none
	indexSeq int64

	// fresh are records that this ring wrote and has not read back: reading
	// them would be work for nothing.
	fresh map[string]*record
}

func newState() *state {
	return &state{
		slots: map[string]*slot{}, byAddress: map[string][]*slot{}, byKey: map[Fingerprint]*slot{}, unknown: map[string]*slot{},
		fresh: map[string]*record{},
	}
}

// slot is one record, as the log names it.
type slot struct {
	id string
	put
	seq  int64 // of the line that named this version
	rows []row // what it is for; nil: not known
	rec  *record
	cert seam.Certificate // of rec, with what its owner reads
	err  error            // why rec or cert cannot be had: it stays so

	desc      *seam.Description // of cert, for people
	described time.Time
}

// apply reads whole lines that follow what was read before. After an error the
// state is of no use any more: the log is not one that any ring wrote.
func (st *state) apply(log []byte) error {
	for {
		text, rest, whole := bytes.Cut(log, []byte("\n"))
		if !whole {
			// A line without an end is being written, or nobody lived to
			// write the rest: it did not happen.
			return nil
		}
		l, err := parseLine(text, st.seq+1, st.chain)
		if err != nil {
			return err
		}
		if err := st.take(l); err != nil {
			return fmt.Errorf("keyring: line %d of the ring's log %w", l.seq, err)
		}
		st.size += int64(len(text)) + 1
		st.seq, st.chain = l.seq, l.chain
		if l.event == eventCreated {
			st.ring = l.ring
		}
		log = rest
	}
}

func (st *state) take(l *line) error {
	for _, p := range l.puts {
		if p.name == indexName {
			st.index, st.indexSeq = p, l.seq
			continue
		}
		id := idOf(p.name)
		s := &slot{id: id, put: p, seq: l.seq}
		if old := st.slots[id]; old != nil {
			if old.seq == l.seq || old.name == p.name {
				return fmt.Errorf("names the record %s twice", p.name)
			}
			st.forget(old)
		}
		st.slots[id], st.unknown[id] = s, s
		if rec := st.fresh[p.name]; rec != nil {
			s.rec = rec
			st.know(s, rec.rows(s.name))
		}
	}
	for _, name := range l.drops {
		s := st.slots[idOf(name)]
		if s == nil || s.name != name {
			return fmt.Errorf("erases the record %s, which is none", name)
		}
		st.forget(s)
		delete(st.slots, s.id)
	}
	clear(st.fresh)
	return nil
}

// know notes what a record is for.
func (st *state) know(s *slot, rows []row) {
	s.rows = rows
	delete(st.unknown, s.id)
	for i := range rows {
		if a := rows[i].address; a != "" && !slices.Contains(st.byAddress[a], s) {
			st.byAddress[a] = append(st.byAddress[a], s)
			if st.looks != nil {
				st.looks.add(a)
			}
		}
		if f := rows[i].fingerprint; !f.IsZero() {
			st.byKey[f] = s
		}
	}
}

// forget is know undone.
func (st *state) forget(s *slot) {
	delete(st.unknown, s.id)
	for i := range s.rows {
		a, f := s.rows[i].address, s.rows[i].fingerprint
		if list := slices.DeleteFunc(st.byAddress[a], func(x *slot) bool { return x == s }); len(list) > 0 {
			st.byAddress[a] = list
		} else {
			delete(st.byAddress, a)
		}
		if st.byKey[f] == s {
			delete(st.byKey, f)
		}
	}
}

// group returns the slot of the group with this address, or nil.
func (st *state) group(address string) *slot {
	for _, s := range st.byAddress[address] {
		if s.rows[0].group {
			return s
		}
	}
	return nil
}

// find returns the slot of the key with this fingerprint, in whatever form it
// was typed, or nil.
func (st *state) find(f Fingerprint) *slot {
	if s := st.byKey[f]; s != nil {
		return s
	}
	if f.kind == pgp4 || f.kind == pgp6 || f.kind == x509 {
		return nil
	}
	for g, s := range st.byKey {
		if f.Matches(g) {
			return s
		}
	}
	return nil
}

// useIndex takes over what the index says of the records that it knows.
func (st *state) useIndex(rows []row) error {
	byName := map[string][]row{}
	for len(rows) > 0 {
		name, n := rows[0].name, 1
		for n < len(rows) && rows[n].name == name {
			n++
		}
		if list, twice := byName[name]; twice {
			byName[name] = append(slices.Clip(list), rows[:n]...)
		} else {
			byName[name] = rows[:n:n]
		}
		rows = rows[n:]
	}
	for _, s := range st.slots {
		if list := byName[s.name]; list != nil {
			st.know(s, list)
		} else if s.seq <= st.indexSeq {
			return errors.New("lacks a record that the log names")
		}
	}
	return nil
}
