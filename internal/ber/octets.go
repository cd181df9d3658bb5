package ber

import (
	"io"

	"golang.org/x/crypto/cryptobyte/asn1"
)

// directRead is from how many octets on a read goes straight into the caller's
// memory instead of through the Reader's buffer: where the copy saved outweighs
// the shorter read.
const directRead = 16 << 10

// Octets reads the content of an OCTET STRING. See [Reader.Octets].
type Octets struct {
	r     *Reader
	left  int64 // of the current segment
	outer int   // depth of the Reader around the string
	err   error // sticky; io.EOF after the end
}

var _ io.Reader = (*Octets)(nil)

// Octets returns a reader of the content of the next element, which must be an
// OCTET STRING with the class and number of tag: the universal one, or one
// under an IMPLICIT tag. The constructed bit of tag is ignored: the string may
// be primitive, or be cut into segments (X.690, Section 8.7.3), themselves
// universal OCTET STRINGs, nested up to [MaxDepth].
//
// The Reader is usable again after Read has returned io.EOF, which it does
// only at the true end of the string.
func (r *Reader) Octets(tag asn1.Tag) (*Octets, error) {
	h, n, err := r.expect()
	if err != nil {
		return nil, err
	}
	if h.Tag|constructed != tag|constructed {
		return nil, r.unexpected(h, tag)
	}
	o := &Octets{r: r, outer: r.depth}
	if h.Constructed() {
		if err := r.push(h, n); err != nil {
			return nil, err
		}
	} else {
		r.consume(n)
		o.left = h.Length
	}
	r.octets = true
	return o, nil
}

// Read fills p as far as the content goes. It returns fewer octets, or none,
// only with or before the end or an error. Large buffers are served best: from
// 16 KiB on, long segments are read into p without a copy.
func (o *Octets) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if o.left == 0 && o.err == nil {
			o.err = o.next()
		}
		if o.err != nil {
			break
		}
		k, err := o.some(p[n:])
		n += k
		o.left -= int64(k)
		o.err = err
	}
	if n > 0 || len(p) == 0 {
		return n, nil
	}
	return 0, o.err
}

// some reads octets of the current segment, of which some are left: at least
// one, or an error and none.
func (o *Octets) some(p []byte) (int, error) {
	r := o.r
	if int64(len(p)) > o.left {
		p = p[:o.left]
	}
	if r.start == r.end && len(p) >= directRead {
		n, err := r.read(p)
		r.off += int64(n)
		if err != nil {
			return 0, r.fail(err)
		}
		return n, nil
	}
	b, err := r.some(int64(len(p)))
	if err != nil {
		return 0, err
	}
	n := copy(p, b)
	r.consume(n)
	return n, nil
}

// next goes on to the next segment that is not empty, and returns io.EOF where
// there is none. Empty segments cost their header and nothing else.
func (o *Octets) next() error {
	r := o.r
	for r.depth > o.outer {
		h, n, end, err := r.nextHeader()
		switch {
		case err != nil:
			return err
		case end:
			r.pop(n)
		case h.Tag == asn1.OCTET_STRING:
			r.consume(n)
			if h.Length > 0 {
				o.left = h.Length
				return nil
			}
		case h.Tag == asn1.OCTET_STRING|constructed:
			if err := r.push(h, n); err != nil {
				return err
			}
		default:
			return r.unexpected(h, asn1.OCTET_STRING)
		}
	}
	r.octets = false
	return io.EOF
}
