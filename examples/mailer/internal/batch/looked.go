package batch

import (
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"sync"
)

// looked is what a preflight saw of each row, in eight octets. Between it and the
// mail an hour may pass in which the list, a document or a key is put in the
// place of another: what nobody looked at is not sent. The zero value has seen
// nothing.
type looked struct {
	mu   sync.Mutex
	seed maphash.Seed
	sums []uint64 // by row; 0: not seen
}

// take notes w as it is.
func (l *looked) take(w *row) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seed == (maphash.Seed{}) {
		l.seed = maphash.MakeSeed()
	}
	for len(l.sums) <= w.Row {
		l.sums = append(l.sums, 0)
	}
	l.sums[w.Row] = w.sum(l.seed)
}

// same reports whether w is what was seen; true where there was no preflight.
func (l *looked) same(w *row) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sums == nil || w.Row < len(l.sums) && l.sums[w.Row] == w.sum(l.seed)
}

// sum is of all that the mail for w is made of, and never 0.
func (w *row) sum(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	// A text has its length before it: "ab", "c" is not "a", "bc". Maps are
	// written in the order of their keys.
	e := w.Entry
	fmt.Fprintf(&h, "%q %q %q %q %q %q %q %q", e.Name, e.Address, e.Delivery, e.Language, e.Knows, w.asked, w.instead, w.weak)
	fmt.Fprintf(&h, " %q", e.Fields)
	for _, k := range w.keys {
		fmt.Fprintf(&h, " %q", k.Fingerprint().URI())
	}
	for _, d := range w.documents {
		fmt.Fprintf(&h, " %q %q %d %d", d.path, d.name, d.size, d.modified.UnixNano())
	}
	return max(h.Sum64(), 1)
}

// changedError is that of a row which is not what was looked at: it is looked at
// again before it is sent.
type changedError struct{ what string }

func (e *changedError) Error() string {
	return e.what + ", since the list was looked through: run the same again, which looks again"
}

// changed is the error of a document that is another now.
func (d document) changed() error {
	return &changedError{fmt.Sprintf("document %.200q: it was changed", d.path)}
}

// same holds the file that was opened against what was looked at, which a name
// alone does not say.
func (d document) same(f *os.File) error {
	info, err := f.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("document %.200q: %w", d.path, err)
	case info.Mode().Type() != fs.FileMode(0) || info.Size() != d.size || !info.ModTime().Equal(d.modified):
		return d.changed()
	}
	return nil
}
