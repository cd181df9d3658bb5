package armor

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/base64lines"
)

// Limits of armor. Lines of the body may have any length; nothing of them is held. Header lines are ignored: programs write a
// handful.
const (
	maxHeaderLines  = 64
	maxHeaderOctets = 16 << 10 // of all lines before the body
	maxTailOctets   = 128      // of the checksum line and of the last line
)

const (
	// overlapFrom is after how many characters of the body goroutines are used, blockText how many are decoded at once then.
	overlapFrom = 64 << 10
	blockText   = 64 << 10
)

// Reader reads ASCII armor, RFC 9580, Section 6.2, and returns what is in it. io.EOF comes only after the tail was found, and
// nothing but white space followed. What is wrong with the armor is a *FormatError or a *LimitError; errors of the source are
// returned as they are. Its methods must not be called concurrently, and the source is only read by them.
type Reader struct {
	r     *bufio.Reader
	label string
	err   error

	out  []byte // decoded, not returned so far
	bits uint32 // of the group that is not complete
	n    int    // sextets in bits
	crc  uint32
	line bool // at the start of a line

	differs bool // there is a checksum, and it is wrong; known after io.EOF
	again   bool // nobody asks

	seen    int64    // characters of the body
	blocks  [2]block // one being decoded, the other being returned
	at      int      // the one being decoded, or to be decoded next
	running bool
	done    chan struct{} // has room for one: a goroutine that nobody waits for ends too
	source  error         // that came after the block being decoded
}

// block is a piece of the body, and what it decodes to.
type block struct {
	text, out []byte
	used      int  // of text
	class     byte // of what text goes on with after used, where that is no part of the body
}

func malformed(reason string, args ...any) error {
	return &FormatError{Reason: fmt.Sprintf(reason, args...)}
}

// noEOF is for a source that must not end here.
func noEOF(err error, where string) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return &FormatError{Reason: where, Cut: true}
	}
	return err
}

// NewReader reads the lines before the body.
func NewReader(r *bufio.Reader) (*Reader, error) {
	d := &Reader{r: r, crc: crc24Init, line: true}
	budget := maxHeaderOctets
	for first := true; d.label == ""; first = false {
		text, err := d.readLine(&budget)
		if err != nil {
			return nil, noEOF(err, "before its armor header")
		}
		if first {
			text = strings.TrimPrefix(text, "\xEF\xBB\xBF")
		}
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		label, ok := strings.CutPrefix(text, "-----BEGIN ")
		if ok {
			label, ok = strings.CutSuffix(label, "-----")
		}
		if !ok || label == "" {
			return nil, malformed("%.80q is no armor header line", text)
		}
		d.label = label
	}
	for range maxHeaderLines {
		text, err := d.readLine(&budget)
		if err != nil {
			return nil, noEOF(err, "in its armor headers")
		}
		if strings.TrimSpace(text) == "" {
			return d, nil
		}
		if !strings.Contains(text, ":") {
			return nil, malformed("%.80q is no armor header", text)
		}
	}
	return nil, &LimitError{What: "lines of armor headers", Max: maxHeaderLines}
}

// Label returns what the first line says is in the armor, without "BEGIN".
func (d *Reader) Label() string { return d.label }

// SumDiffers reports, after io.EOF, whether the armor has a checksum that is wrong. That is no reason to refuse it, RFC 9580,
// Section 6.1: a checksum proves nothing against a person, and what is in armor is authenticated by itself.
func (d *Reader) SumDiffers() bool { return d.differs }

// Again says that this is not the first time that the armor is read, so that nobody will ask for SumDiffers: the checksum
// takes a third of all the time.
func (d *Reader) Again() { d.again = true }

// readLine reads a line of at most *budget octets, without its end.
func (d *Reader) readLine(budget *int) (string, error) {
	var line []byte
	for {
		c, err := d.r.ReadByte()
		if err != nil {
			return "", err
		}
		if *budget--; *budget < 0 {
			return "", &LimitError{What: "octets of armor headers", Max: maxHeaderOctets}
		}
		if c == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		line = append(line, c)
	}
}

// Read implements io.Reader.
func (d *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(d.out) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		d.err = d.next()
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

// next decodes what comes next of the body. io.EOF: the armor is complete.
func (d *Reader) next() error {
	if d.seen < overlapFrom {
		return d.buffered()
	}
	b := &d.blocks[d.at]
	if d.running {
		<-d.done
		d.running = false
	} else {
		if d.fill(b); len(b.text) == 0 {
			return noEOF(d.source, "in its armor")
		}
		d.decode(b)
	}
	d.out = b.out
	if b.class >= pad {
		rest := b.text[b.used:]
		d.r = bufio.NewReader(io.MultiReader(bytes.NewReader(rest), d.r))
		return d.after(b, rest)
	}
	d.at ^= 1
	d.overlap()
	return nil
}

// buffered decodes what the source has buffered: all of what is short.
func (d *Reader) buffered() error {
	if _, err := d.r.Peek(1); err != nil {
		return noEOF(err, "in its armor")
	}
	b := &d.blocks[d.at]
	text, _ := d.r.Peek(d.r.Buffered())
	b.text = text
	d.decode(b)
	b.text = nil // it is the source's
	d.seen += int64(b.used)
	d.out = b.out
	d.r.Discard(b.used)
	return d.after(b, text[b.used:])
}

// overlap reads the next block, and has a goroutine decode it while the caller goes on with the one before.
func (d *Reader) overlap() {
	b := &d.blocks[d.at]
	if d.fill(b); len(b.text) == 0 {
		return
	}
	if d.done == nil {
		d.done = make(chan struct{}, 1)
	}
	d.running = true
	go func() {
		d.decode(b)
		d.done <- struct{}{}
	}()
}

// fill reads a block, one that is empty where the source has failed.
func (d *Reader) fill(b *block) {
	b.text = slices.Grow(b.text[:0], blockText)
	for tries := 0; len(b.text) == 0 && d.source == nil; tries++ {
		var n int
		n, d.source = d.r.Read(b.text[:blockText])
		b.text = b.text[:n]
		if tries == 100 && n == 0 && d.source == nil {
			d.source = io.ErrNoProgress
		}
	}
}

// decode decodes b.text up to where something else than the body begins.
func (d *Reader) decode(b *block) {
	text := b.text
	out := slices.Grow(b.out[:0], len(text)/4*3+16) // DecodeGroups writes two octets beyond
	out = out[:cap(out)]
	n, used := 0, 0
	b.class = space
	for used < len(text) {
		if d.n == 0 {
			octets, taken := base64lines.DecodeGroups(out[n:], text[used:])
			if taken > 0 {
				d.line = false
			}
			if n, used = n+octets, used+taken; used == len(text) {
				break
			}
		}
		c := class[text[used]]
		if c >= pad {
			b.class = c
			break
		}
		switch {
		case c < 64:
			d.line = false
			d.bits = d.bits<<6 | uint32(c)
			if d.n++; d.n == 4 {
				out[n], out[n+1], out[n+2] = byte(d.bits>>16), byte(d.bits>>8), byte(d.bits)
				n += 3
				d.n, d.bits = 0, 0
			}
		case c == end:
			d.line = true
		}
		used++
	}
	b.out, b.used = out[:n], used
	if !d.again {
		d.crc = crc24(d.crc, b.out)
	}
}

// after goes on where the body ends, or has something in it that does not belong there: at rest, which d.r has next.
func (d *Reader) after(b *block, rest []byte) error {
	switch b.class {
	case pad, dash:
		return d.finish(b.class)
	case other:
		return malformed("%.8q in its armor", rest[:1])
	}
	return nil
}
