package base64lines

import (
	"errors"
	"io"
)

const (
	// blockOctets is how much is read at a time: 32 KiB stay in the cache.
	blockOctets = 32 << 10

	// outOctets is room for what that decodes to, with what was left over
	// before, and for what DecodeGroups writes behind it.
	outOctets = blockOctets/4*3 + 16
)

// Odd is what was odd about base64 that was read all the same. Programs differ in what they make of it.
type Odd struct {
	Stray    int64 // characters that are no digit, padding, blank or line end: dropped, as RFC 2045, Section 6.8, has it
	Resumed  bool  // there were digits behind the padding, which ends the content: they were decoded too
	Padding  bool  // it was missing at the end, or stood where none is: what was whole before it was decoded
	Cut      bool  // a digit was alone at the end, or before padding: it makes no octet
	Trailing bool  // bits that are none of the content were set: other digits would make the same octets
}

// Reader decodes base64 in lines of any length.
type Reader struct {
	src  io.Reader
	in   []byte // where it is read to; with next, what was not decoded of what that returned
	next func() ([]byte, error)
	out  []byte // decoded, from at on
	own  []byte // where that is, if it is not where the caller wants it
	at   int
	acc  uint32 // digits of a group that is not whole
	n    int    // how many
	pad  int    // padding that may follow
	end  bool   // there was padding
	odd  Odd
	idle int // reads in a row that returned nothing
	err  error
}

// NewReader returns a Reader of src, which may lend what it reads, as
// ahead.Reader does. It fails only where src does: Odd says what was not as it should be.
func NewReader(src io.Reader) *Reader {
	r := &Reader{src: src}
	if lender, ok := src.(interface{ Next() ([]byte, error) }); ok {
		r.next = lender.Next
	}
	return r
}

// Odd returns what was found so far. At io.EOF it is complete.
func (r *Reader) Odd() Odd { return r.odd }

// maxIdle is how often in a row src may return neither octets nor an error, as in bufio.
const maxIdle = 100

var errCount = errors.New("base64lines: source's Read returned an impossible count")

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.at == len(r.out) {
		if r.err != nil {
			return 0, r.err
		}
		if len(p) < outOctets {
			r.fill(nil)
			continue
		}
		// All of p may be written to: io.Reader.
		r.fill(p[:0:len(p)])
		n := len(r.out)
		if r.out = r.out[:0:0]; n > 0 {
			return n, nil
		}
	}
	n := copy(p, r.out[r.at:])
	r.at += n
	return n, nil
}

// fill reads and decodes a block to out, which has room for it, or to where
// nobody else reads.
func (r *Reader) fill(out []byte) {
	if out == nil {
		if r.own == nil {
			r.own = make([]byte, 0, outOctets)
		}
		out = r.own
	}
	if r.next != nil {
		r.lent(out)
		return
	}
	if r.in == nil {
		r.in = make([]byte, blockOctets)
	}
	n, err := r.src.Read(r.in)
	if n < 0 || n > len(r.in) {
		n, err = 0, errCount
	}
	if r.idle++; n > 0 {
		r.idle = 0
	} else if err == nil && r.idle >= maxIdle {
		err = io.ErrNoProgress
	}
	r.out, r.at = r.decode(out, r.in[:n]), 0
	if err == io.EOF {
		r.finish()
	}
	r.err = err
}

// lent decodes what the source lends, a block at a time.
func (r *Reader) lent(out []byte) {
	if len(r.in) == 0 {
		r.in, r.err = r.next()
	}
	n := min(len(r.in), blockOctets)
	r.out, r.at = r.decode(out, r.in[:n]), 0
	if r.in = r.in[n:]; r.err == io.EOF {
		r.finish()
	}
}

// decode appends what text decodes to. Of four characters it makes three octets at most, those that were left over included.
func (r *Reader) decode(out, text []byte) []byte {
	for used := 0; used < len(text); {
		if r.n == 0 && !r.end {
			n, taken := DecodeGroups(out[len(out):cap(out)], text[used:])
			out, used = out[:len(out)+n], used+taken
			if len(text)-used >= 4 {
				in := text[used:]
				if x := sextets[0][in[0]] | sextets[1][in[1]] | sextets[2][in[2]] | sextets[3][in[3]]; x&noDigit == 0 {
					out, used = append(out, byte(x>>16), byte(x>>8), byte(x)), used+4
				}
			}
			if used == len(text) {
				break
			}
			if text[used] == '\r' && len(text)-used >= 2 && text[used+1] == '\n' {
				used += 2
				continue
			}
		}
		c := text[used]
		used++
		switch x := sextets[3][c]; {
		case x&noDigit == 0:
			r.acc = r.acc<<6 | x
			if r.pad > 0 {
				r.odd.Padding, r.pad = true, 0
			}
			r.odd.Resumed = r.odd.Resumed || r.end
			if r.n++; r.n == 4 {
				out = append(out, byte(r.acc>>16), byte(r.acc>>8), byte(r.acc))
				r.acc, r.n = 0, 0
			}
		case c == '=':
			out = r.padding(out)
		case c != '\r' && c != '\n' && c != ' ' && c != '\t':
			r.odd.Stray++
		}
	}
	return out
}

// padding ends a group.
func (r *Reader) padding(out []byte) []byte {
	switch {
	case r.n >= 2:
		r.pad = 3 - r.n // beside this one
		r.end = true
		return r.part(out)
	case r.n == 0 && r.pad > 0:
		r.pad--
	case r.n == 0:
		r.odd.Padding = true
	default:
		r.odd.Cut, r.end = true, true
		r.acc, r.n = 0, 0
	}
	return out
}

// part appends the octets of two or three digits.
func (r *Reader) part(out []byte) []byte {
	v, n := r.acc<<(24-6*r.n), r.n-1
	r.acc, r.n = 0, 0
	out = append(out, byte(v>>16))
	if n == 2 {
		out = append(out, byte(v>>8))
	}
	if v<<(8+8*n) != 0 {
		r.odd.Trailing = true
	}
	return out
}

// finish takes what is left at the end of src.
func (r *Reader) finish() {
	switch {
	case r.n == 1:
		r.odd.Cut = true
	case r.n > 1:
		r.odd.Padding = true
		r.out = r.part(r.out)
	case r.pad > 0:
		r.odd.Padding = true
	}
	r.n, r.pad = 0, 0
}
