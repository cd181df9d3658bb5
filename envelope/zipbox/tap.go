package zipbox

import (
	"hash"
	"io"
	"slices"
	"sync"

	"github.com/doublekeybox/doublekeybox/internal/winzip"
)

// tap is a source that is read once from its begin to its end, while a goroutine
// computes the tags of what is encrypted in it, and another one decrypts behind
// it where somebody keeps that meanwhile.
type tap struct {
	src    io.ReaderAt
	early  *early // nil: nothing is decrypted
	full   chan piece
	tagged chan piece // on the way from one goroutine to the other
	empty  chan piece
	wait   sync.WaitGroup
	made   int
	most   int
	ended  bool

	spans []span // not yet seen to their end; the goroutine's until wait
	mac   hash.Hash
	ok    bool
}

// piece is what was read at a time.
type piece struct {
	b     []byte
	off   int64
	plain []byte // of b, what was decrypted
}

// span is where the encrypted octets of an entry are.
type span struct {
	from, to int64
	keys     *winzip.Keys
	tag      [winzip.TagSize]byte
}

// tapPieces is how many may wait, earlyPieces where they are decrypted too.
const (
	tapPieces   = 4
	earlyPieces = 8
)

func newTap(src io.ReaderAt, entries []entry, keys []*winzip.Keys, early *early) *tap {
	t := &tap{src: src, early: early, most: tapPieces, ok: true}
	if early != nil {
		t.most = earlyPieces
	}
	t.full, t.tagged, t.empty = make(chan piece, t.most), make(chan piece, t.most), make(chan piece, t.most)
	for i, e := range entries {
		if k := keys[i]; k != nil {
			from := e.data + int64(e.aes.strength.SaltSize()) + winzip.VerifierSize
			t.spans = append(t.spans, span{from, e.data + e.packed - winzip.TagSize, k, e.aes.tag})
		}
	}
	slices.SortFunc(t.spans, func(a, b span) int { return int(max(-1, min(1, a.from-b.from))) })
	t.wait.Go(func() {
		defer close(t.tagged)
		for p := range t.full {
			t.see(p.b, p.off)
			t.tagged <- p // all of them have room for all
		}
	})
	t.wait.Go(func() {
		for p := range t.tagged {
			p.plain = early.decrypt(p)
			t.empty <- p
		}
	})
	return t
}

// ReadAt reads from the source and, until stop, hands on a copy: then calls go
// forward. What pins the source reads through it later too.
func (t *tap) ReadAt(p []byte, off int64) (int, error) {
	n, err := t.src.ReadAt(p, off)
	if t.ended || n <= 0 || n > len(p) {
		return n, err
	}
	var free piece
	if t.made < t.most {
		t.made++
	} else {
		free = <-t.empty
		t.early.write(free)
		if err := t.early.failed(); err != nil {
			return 0, err
		}
	}
	t.full <- piece{b: append(free.b[:0], p[:n]...), off: off}
	return n, err
}

// see adds what is encrypted of b, which is at off, to the tags.
func (t *tap) see(b []byte, off int64) {
	end := off + int64(len(b))
	for len(t.spans) > 0 && t.ok {
		s := &t.spans[0]
		if s.from >= end && s.to >= end {
			return // also an empty one that begins where b ends
		}
		if t.mac == nil {
			t.mac = s.keys.MAC()
		}
		t.mac.Write(b[min(max(s.from-off, 0), int64(len(b))):min(s.to-off, int64(len(b)))])
		if s.to > end {
			return
		}
		t.ok = winzip.Equal(winzip.Tag(t.mac), s.tag)
		t.spans, t.mac = t.spans[1:], nil
	}
}

// stop waits until all was seen, and reports whether every tag was right.
func (t *tap) stop() bool {
	if !t.ended {
		t.ended = true
		close(t.full)
		t.wait.Wait()
		close(t.empty)
		for p := range t.empty {
			t.early.write(p)
		}
		t.full, t.tagged, t.empty = nil, nil, nil // what they hold is of no more use
	}
	return t.ok && len(t.spans) == 0
}
