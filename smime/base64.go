package smime

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/base64lines"
)

// base64Reader decodes base64 with white space anywhere. It ends where src
// does; padding may only be there. A bit that decoding would ignore is an
// error, so that a text has one meaning and a meaning one text, but for white
// space.
type base64Reader struct {
	src io.Reader
	in  []byte // read and not yet decoded, without white space: less than four letters between calls
	buf []byte // what src is read into
	out []byte // decoded, not yet returned
	dec []byte
	pad bool // padding was seen: nothing may follow
	err error

	// late keeps an error back until src has ended, and yields octets without
	// a meaning until then: see readInner.
	late bool
	bad  error
}

const base64Buffer = 64 << 10

func newBase64Reader(src io.Reader) *base64Reader { return &base64Reader{src: src} }

// Read returns what was decoded.
func (r *base64Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.out) == 0 && r.err == nil {
		r.err = r.fill()
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	if n > 0 {
		return n, nil
	}
	return 0, r.err
}

// fill decodes what one Read of src returns.
func (r *base64Reader) fill() error {
	if r.buf == nil {
		r.buf = make([]byte, base64Buffer)
		r.in = make([]byte, 0, base64Buffer+4)
		r.dec = make([]byte, base64Buffer)
	}
	var n int
	var err error
	for tries := 0; n == 0 && err == nil; tries++ {
		if tries == maxEmptyReads {
			return io.ErrNoProgress
		}
		n, err = r.src.Read(r.buf)
	}
	if n < 0 || n > len(r.buf) {
		return errBadSource
	}
	r.in = appendLetters(r.in, r.buf[:n])
	whole := len(r.in) / 4 * 4
	if whole > 0 {
		m, bad := r.decode(r.in[:whole])
		if bad != nil && !r.late {
			return bad
		} else if bad != nil {
			r.bad, m = bad, whole/4*3
		}
		r.pad = r.in[whole-1] == '='
		r.out = r.dec[:m]
		r.in = append(r.in[:0], r.in[whole:]...)
	}
	switch {
	case err == io.EOF && r.bad != nil:
		return r.bad
	case err == io.EOF && len(r.in) > 0:
		return fmt.Errorf("%w: base64 is cut off: %w", envelope.ErrFormat, io.ErrUnexpectedEOF)
	}
	return err
}

// decode decodes whole groups of four letters into dec.
func (r *base64Reader) decode(letters []byte) (int, error) {
	m, used := base64lines.DecodeGroups(r.dec, letters) // stops at what is no letter: padding, or damage
	n, err := base64.StdEncoding.Strict().Decode(r.dec[m:], letters[used:])
	switch {
	case err != nil:
		return 0, fmt.Errorf("%w: base64 is damaged", envelope.ErrFormat)
	case r.pad:
		return 0, fmt.Errorf("%w: base64 goes on after its padding", envelope.ErrFormat)
	}
	return m + n, nil
}

// appendLetters appends src without its white space, a line at a time.
func appendLetters(dst, src []byte) []byte {
	blank := bytes.IndexByte(src, ' ') >= 0 || bytes.IndexByte(src, '\t') >= 0
	for len(src) > 0 {
		line, rest, found := bytes.Cut(src, []byte{'\n'})
		if found && len(line) > 0 && line[len(line)-1] == '\r' {
			line = line[:len(line)-1]
		}
		src = rest
		if !blank && bytes.IndexByte(line, '\r') < 0 {
			dst = append(dst, line...)
			continue
		}
		for _, c := range line {
			if c != ' ' && c != '\t' && c != '\r' {
				dst = append(dst, c)
			}
		}
	}
	return dst
}

// base64Begin is the letter that base64 of a message begins with: the tag of a
// SEQUENCE.
const base64Begin = 'M'

// leadingBase64 decodes as much of the beginning of text as tells a message from
// other text, nil if it is no base64.
func leadingBase64(text []byte) []byte {
	const most = 32
	letters := appendLetters(nil, text[:min(len(text), 2*most)])
	letters = letters[:min(len(letters), most)/4*4]
	out := make([]byte, most)
	n, err := base64.StdEncoding.Decode(out, letters)
	if err != nil {
		return nil
	}
	return out[:n]
}
