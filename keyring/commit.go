package keyring

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Change says what a change of a ring did.
type Change struct {
	Event       string // as the log calls it: "added", "renewed", "succeeded", "replaced", "updated", "revoked", …; "": there was nothing to change
	Addresses   []string
	Fingerprint Fingerprint
	Replaced    []Fingerprint // whose place it took
	Findings    []string      // what a person should know; it may repeat what certificates say, quoted
}

// draft is a change that is being made: new versions of records, of the state
// st alone. It is thrown away, and drawn up anew, where somebody else is faster.
type draft struct {
	st    *state
	now   time.Time
	event string             // "": nothing changes
	recs  map[string]*record // new versions, by number
	drops map[string]*slot   // records that are erased
	index bool               // the index has to be written anew, whatever its age
}

// edit returns a copy of a record to change: the next version.
func (d *draft) edit(s *slot) (*record, error) {
	if r := d.recs[s.id]; r != nil {
		return r, nil
	}
	octets, err := json.Marshal(s.rec)
	if err != nil {
		return nil, fmt.Errorf("keyring: internal error: %w", err)
	}
	r := new(record)
	if err := json.Unmarshal(octets, r); err != nil {
		return nil, fmt.Errorf("keyring: internal error: %w", err)
	}
	d.recs[s.id] = r
	return r, nil
}

// add returns a new record.
func (d *draft) add(kind string) *record {
	r := &record{Kind: kind, ID: randomHex(idLen)}
	d.recs[r.ID] = r
	return r
}

// note adds to the history of r what the change is about, with the number that
// its line will have.
func (d *draft) note(r *record, e recordEvent) {
	e.Sequence, e.Time = d.seq(), d.now.UTC().Truncate(time.Second)
	if e.Event == "" {
		e.Event = d.event
	}
	r.History = append(r.History, e)
	if n := len(r.History) - maxHistory; n > 0 {
		r.History = slices.Delete(r.History, 0, n)
	}
}

// seq is the number of the line that the change will be. The first line of a
// log is about the log.
func (d *draft) seq() int64 { return d.st.seq + 1 }

// change makes a change: f draws it up of the state as it is, as often as
// others are faster. An error of f, or a draft without an event, changes nothing.
func (r *Ring) change(f func(*draft) error) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	for try := range tries {
		err := r.try(f)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		// Somebody got through; a pause of a random length, so that those who
		// did not do not meet again.
		var wait [1]byte
		rand.Read(wait[:])
		time.Sleep(time.Duration(wait[0]) * time.Duration(min(try, 20)) * 5 * time.Microsecond)
	}
	return errBusy
}

func (r *Ring) try(f func(*draft) error) error {
	var size int64
	var c Commit
	var fresh map[string]*record
	err := r.view(func(st *state) error {
		size = st.size
		if st.seq == 0 {
			l := line{seq: 1, when: r.policy.now(), event: eventCreated, ring: randomHex(idLen)}
			c = Commit{Append: l.encode(st.chain)}
			return nil
		}
		d := &draft{st: st, now: r.policy.now(), recs: map[string]*record{}, drops: map[string]*slot{}}
		err := f(d)
		if err != nil || d.event == "" {
			c = Commit{}
			return err
		}
		c, fresh, err = d.commit()
		return err
	})
	if err != nil || c.Append == nil {
		return err
	}
	// Without r.mu: whoever looks something up does not wait for a disk.
	err = r.store.Commit(size, c)
	if err != nil && !errors.Is(err, ErrConflict) {
		err = fmt.Errorf("keyring: the ring could not be changed: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.st.fresh = fresh
		err = r.refresh()
	}
	if err == nil && size == 0 {
		return ErrConflict // the log was begun: now the change itself
	}
	return err
}

// commit is what the Store is asked to do: new versions under names of their
// own, the line, and then away with what they take the place of.
func (d *draft) commit() (c Commit, fresh map[string]*record, err error) {
	if len(d.recs)+len(d.drops) > maxLineRecords/2 {
		return c, nil, fmt.Errorf("keyring: the change is about more than %d records: make it in parts", maxLineRecords/2)
	}
	l := line{seq: d.seq(), when: d.now, event: d.event}
	c.Put, fresh = map[string][]byte{}, map[string]*record{}
	for _, id := range slices.Sorted(maps.Keys(d.recs)) {
		r := d.recs[id]
		octets, digest, err := r.encode()
		if err != nil {
			return c, nil, err
		}
		// What could not be read again must not be written.
		if _, err := parseRecord(octets, &digest); err != nil {
			return c, nil, fmt.Errorf("keyring: internal error: a record that would be written %w", err)
		}
		p := put{newName(id), digest}
		l.puts = append(l.puts, p)
		c.Put[p.name], fresh[p.name] = octets, r
		if old := d.st.slots[id]; old != nil {
			c.Drop = append(c.Drop, old.name)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.drops)) {
		l.drops = append(l.drops, d.drops[id].name)
		c.Drop = append(c.Drop, d.drops[id].name)
	}
	d.writeIndex(&l, &c, fresh)
	c.Append = l.encode(d.st.chain)
	return c, fresh, nil
}

// writeIndex adds the index to the change where the one that there is became
// too old, or has in it what is erased.
func (d *draft) writeIndex(l *line, c *Commit, fresh map[string]*record) {
	newer := l.seq - d.st.indexSeq
	if !d.index && d.st.index.name != "" && newer*indexLag <= int64(len(d.st.slots)) {
		return
	}
	var rows []row
	for id, s := range d.st.slots {
		if s.rows == nil && d.recs[id] == nil && d.drops[id] == nil {
			// A record that cannot be read is in no index; so that nobody
			// takes it for one that is not there, the index goes.
			if d.index {
				c.Drop = append(c.Drop, indexName)
			}
			return
		}
		if d.recs[id] == nil && d.drops[id] == nil {
			rows = append(rows, s.rows...)
		}
	}
	for name, r := range fresh {
		rows = append(rows, r.rows(name)...)
	}
	octets, digest := encodeIndex(rows, l.seq)
	l.puts = append(l.puts, put{indexName, digest})
	c.Put[indexName] = octets
}
