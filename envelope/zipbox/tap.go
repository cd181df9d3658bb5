package zipbox

import (
	"hash"
	"io"
	"slices"
	"sync"

	"github.com/doublekeybox/doublekeybox/internal/winzip"
)

// tap is a source that is read once from its begin to its end, while a goroutine
// computes the tags of what is encrypted in it.
type tap struct {
	src   io.ReaderAt
	full  chan piece
	empty chan []byte
	wait  sync.WaitGroup
	made  int
	ended bool

	spans []span // not yet seen to their end; the goroutine's until wait
	mac   hash.Hash
	ok    bool
}

// piece is what was read at a time.
type piece struct {
	b   []byte
	off int64
}

// span is where the encrypted octets of an entry are.
type span struct {
	from, to int64
	keys     *winzip.Keys
	tag      [winzip.TagSize]byte
}

// tapPieces is how many may wait.
const tapPieces = 4

func newTap(src io.ReaderAt, entries []entry, keys []*winzip.Keys) *tap {
	t := &tap{src: src, full: make(chan piece, tapPieces), empty: make(chan []byte, tapPieces), ok: true}
	for i, e := range entries {
		if k := keys[i]; k != nil {
			from := e.data + int64(e.aes.strength.SaltSize()) + winzip.VerifierSize
			t.spans = append(t.spans, span{from, e.data + e.packed - winzip.TagSize, k, e.aes.tag})
		}
	}
	slices.SortFunc(t.spans, func(a, b span) int { return int(max(-1, min(1, a.from-b.from))) })
	t.wait.Go(func() {
		for p := range t.full {
			t.see(p.b, p.off)
			t.empty <- p.b
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
	var b []byte
	if t.made < tapPieces {
		t.made++
	} else {
		b = <-t.empty
	}
	t.full <- piece{append(b[:0], p[:n]...), off}
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
		t.full, t.empty = nil, nil // what they hold is of no more use
	}
	return t.ok && len(t.spans) == 0
}
