package marks

import (
	"bytes"
	"hash/maphash"
)

// Found is a mark that stands somewhere.
type Found struct {
	What string // of the mark
	How  string // what was decoded to find it, outermost first: "gzip, base64, as it is"
}

// The limits of what is decoded: what a test wrote is far below them, and what
// only looks like an archive is given up early.
const (
	mostDepth   = 4       // codings within one another
	mostDecoded = 8 << 20 // octets of one stream
	mostTotal   = 1 << 30 // octets of all that is looked at for one Find
)

// Find looks for marks in b, and in what b decodes to: lines joined, quoted
// printable, percent signs, backslashes, character references, and every run of
// base64 or hexadecimal digits, every gzip and zlib stream and every entry of a
// ZIP archive that begins anywhere in b, and all of these in each other. Of each
// mark the first place is returned.
func Find(b []byte, marks ...Mark) []Found {
	s := search{marks: marks, found: make([]bool, len(marks)), seen: map[uint64]bool{}, seed: maphash.MakeSeed()}
	s.look(b, "", mostDepth)
	return s.all
}

type search struct {
	marks []Mark
	found []bool
	all   []Found
	seed  maphash.Seed
	seen  map[uint64]bool // what was looked at: two ways often lead to the same octets
	total int
}

func (s *search) look(b []byte, how string, depth int) {
	sum := maphash.Bytes(s.seed, b)
	if len(b) == 0 || s.seen[sum] || s.total > mostTotal {
		return
	}
	s.seen[sum] = true
	s.total += len(b)
	for i, m := range s.marks {
		if s.found[i] {
			continue
		}
		if name, ok := m.in(b); ok {
			s.found[i] = true
			s.all = append(s.all, Found{m.What, how + name})
		}
	}
	if depth == 0 {
		return
	}
	// In noise, which what was compressed or encrypted is, every code of text stands
	// by chance: decoding them again and again finds nothing, and takes long.
	for _, d := range texts {
		if depth < mostDepth && !isText(b) {
			break
		}
		if got := d.decode(b); !bytes.Equal(got, b) {
			s.look(got, how+d.name+", ", depth-1)
		}
	}
	for _, d := range streams {
		d.each(b, func(got []byte) { s.look(got, how+d.name+", ", depth-1) })
	}
}

// isText reports whether hardly anything in b is no text.
func isText(b []byte) bool {
	strange := 0
	for _, c := range b {
		if c >= 0x7f || c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			strange++
		}
	}
	return strange <= len(b)/4
}
