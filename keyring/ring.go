package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

// Parser makes a Certificate of octets: pgp.ParseCertificate,
// smime.ParseCertificate. A ring parses what it reads back as if it came from
// outside.
type Parser = func([]byte) (*Certificate, error)

// Ring keeps whose keys are believed: for each address a set of certificates
// with the evidence for each, and which of them is preferred. [Ring.Add] is the
// only door in, and nothing comes in with a message: what is learned is learned
// by an explicit call.
//
// Whatever comes out was verified again: parsed anew, its fingerprint computed
// anew, held against the log of the ring and against the [Policy] with which
// the ring was opened. Nothing that was seen is forgotten but by [Ring.Erase]:
// a revocation above all.
//
// A Ring sees at once what others did to what its [Store] keeps, in whatever
// process and on whatever machine. Safe for concurrent use.
type Ring struct {
	policy Policy
	parse  []Parser

	changing sync.Mutex // held by the one change that is being made

	mu     sync.Mutex // guards what follows
	store  Store
	st     *state
	broken error // why nothing of the log can be believed any more
	closed bool
}

// errClosed is what every method returns after Close. A Verified of a closed
// ring is sealed to by nobody: whether it still is in it nobody could say.
var errClosed = fmt.Errorf("%w: the ring is closed: keep it open until everything is sealed", ErrRefused)

// OpenRing is [Policy.OpenRing] of the zero [Policy].
func OpenRing(dir string, parse ...Parser) (*Ring, error) { return Policy{}.OpenRing(dir, parse...) }

// OpenRing opens the ring in a directory, which it makes, for its owner alone,
// if it is not there. parse are the formats of the program: entries of others
// cannot be verified, and are not handed out.
//
// Refused is a directory that others can write, or with anything in it that is
// not a plain file of its owner.
//
// The whole log is read and every line of it held against the one before; the
// records are when they are asked for, [Ring.Check] reads them all. The caller
// closes the ring.
func (p Policy) OpenRing(dir string, parse ...Parser) (*Ring, error) {
	s, err := openDir(dir)
	if err != nil {
		return nil, err
	}
	r, err := p.NewRing(s, parse...)
	if err != nil {
		s.Close()
		return nil, err
	}
	return r, nil
}

// NewRing opens a ring of which the octets are in s, as [Policy.OpenRing] does
// with a directory. [Ring.Close] closes s; after an error it stays open.
func (p Policy) NewRing(s Store, parse ...Parser) (*Ring, error) {
	if s == nil || len(parse) == 0 {
		return nil, errors.New("keyring: a ring needs a store, and a parser for each format: pgp.ParseCertificate, smime.ParseCertificate")
	}
	r := &Ring{policy: p, parse: parse, store: s, st: newState()}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.readLog(); err != nil {
		return nil, err
	}
	if err := r.readIndex(); err != nil {
		return nil, err
	}
	return r, r.refresh()
}

// Close frees what the ring holds. Nothing is lost without it. A [Verified]
// that came from the ring is refused from then on.
func (r *Ring) Close() error {
	r.changing.Lock()
	defer r.changing.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	return r.store.Close()
}

// readLog takes in what was appended since. r.mu is held.
func (r *Ring) readLog() error {
	switch {
	case r.closed:
		return errClosed
	case r.broken != nil:
		return r.broken
	}
	log, err := r.store.Log(r.st.size)
	if err != nil {
		return fmt.Errorf("keyring: the ring's log cannot be read: %w", err)
	}
	if len(log) == 0 {
		return nil
	}
	r.broken = r.st.apply(log)
	return r.broken
}

// tries bounds how often what others change at the same time is read again:
// each time somebody was faster, and made their change.
const tries = 1000

// readIndex takes over the index, where there is one. What is wrong with it
// makes opening slower and is said by Check: the records say the same.
func (r *Ring) readIndex() error {
	for try := range indexTries {
		at := r.st.index
		if at.name == "" {
			return nil
		}
		octets, err := r.store.Record(indexName)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("keyring: the ring's index cannot be read: %w", err)
		}
		rows, err := parseIndex(octets, &at.digest)
		if err == nil {
			err = r.st.useIndex(rows)
		}
		if err == nil {
			return nil
		}
		// It is overwritten with the change that the log has a line of, and
		// not at the same instant.
		if err := r.readLog(); err != nil {
			return err
		}
		if r.st.index == at {
			time.Sleep(time.Duration(try) * time.Millisecond)
		}
	}
	return nil
}

// indexTries is how often an index that the log does not fit to is read.
const indexTries = 5

var errBusy = errors.New("keyring: the ring is changed by others all the time: try again")

// refresh brings the state up to date: which records there are, and what each
// is for. r.mu is held.
func (r *Ring) refresh() error {
	for range tries {
		if err := r.readLog(); err != nil {
			return err
		}
		again, err := r.learn()
		if !again {
			return err
		}
	}
	return errBusy
}

// learn reads the records of which the state does not know what they are for.
// again says that one was gone, and that somebody changed the ring since.
func (r *Ring) learn() (again bool, err error) {
	for _, s := range r.st.unknown {
		if s.err != nil {
			continue
		}
		if err := r.load(s); errors.Is(err, errGone) {
			return true, nil
		} else if s.rec == nil && s.err == nil {
			return false, err
		} else if s.rec != nil {
			r.st.know(s, s.rec.rows(s.name))
		}
	}
	return false, nil
}

// errGone says that a version of a record is not there any more, because there
// is a newer one.
var errGone = errors.New("keyring: the record was changed since")

// load reads the record of s. What is wrong with its octets stays in s.err;
// an error of the store does not.
func (r *Ring) load(s *slot) error {
	if s.rec != nil || s.err != nil {
		return s.err
	}
	octets, err := r.store.Record(s.name)
	if errors.Is(err, fs.ErrNotExist) {
		before := r.st.seq
		if err := r.readLog(); err != nil {
			return err
		}
		if r.st.seq != before {
			return errGone
		}
		s.err = fmt.Errorf("%w: the record %s of the ring is missing: restore it", ErrRefused, s.name)
		return s.err
	}
	if err != nil {
		return fmt.Errorf("keyring: the record %s of the ring cannot be read: %w", s.name, err)
	}
	rec, err := parseRecord(octets, &s.digest)
	if err == nil && rec.ID != s.id {
		err = errors.New("is another one: it has another number")
	}
	if err != nil {
		s.err = fmt.Errorf("%w: the record %s of the ring %w", ErrRefused, s.name, err)
		return s.err
	}
	s.rec = rec
	return nil
}

// view calls f with the state up to date, and once more where a record was
// changed while f looked at it.
func (r *Ring) view(f func(*state) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range tries {
		if err := r.refresh(); err != nil {
			return err
		}
		if err := f(r.st); !errors.Is(err, errGone) {
			return err
		}
	}
	return errBusy
}

// normal returns an address in the form in which addresses are compared.
func normal(address string) (string, error) {
	a, err := mailbox.Parse(address)
	if err != nil {
		return "", fmt.Errorf("keyring: %w", err)
	}
	return a.String(), nil
}
