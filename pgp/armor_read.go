package pgp

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// Limits of armor. Lines of the body may have any length; nothing of them is
// held. Header lines are ignored: programs write a handful.
const (
	armorHeaderLines  = 64
	armorHeaderOctets = 16 << 10 // of all lines before the body
	armorTailOctets   = 128      // of the checksum line and of the last line
)

// dearmor reads ASCII armor, RFC 9580, Section 6.2, and returns what is in it.
// io.EOF comes only after the tail was found, and nothing but white space
// followed.
type dearmor struct {
	r     *bufio.Reader
	label string
	err   error

	out  []byte // decoded, not returned so far; a part of buf
	buf  []byte
	bits uint32 // of the group that is not complete
	n    int    // sextets in bits
	crc  uint32
	line bool // at the start of a line

	differs bool // there is a checksum, and it is wrong; known after io.EOF
}

// armored reports whether text begins like armor, white space and a byte order
// mark before it allowed.
func armored(text []byte) bool {
	text = bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))
	return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("-----BEGIN PGP "))
}

// newDearmor reads the lines before the body.
func newDearmor(r *bufio.Reader) (*dearmor, error) {
	d := &dearmor{r: r, crc: crc24Init, line: true}
	budget := armorHeaderOctets
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
	for range armorHeaderLines {
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
	return nil, &envelope.LimitError{What: "lines of armor headers", Max: armorHeaderLines, Fixed: true}
}

// readLine reads a line of at most *budget octets, without its end.
func (d *dearmor) readLine(budget *int) (string, error) {
	var line []byte
	for {
		c, err := d.r.ReadByte()
		if err != nil {
			return "", err
		}
		if *budget--; *budget < 0 {
			return "", &envelope.LimitError{What: "octets of armor headers", Max: armorHeaderOctets, Fixed: true}
		}
		if c == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		line = append(line, c)
	}
}

// Classes of characters in the body; below 64: a base64 digit.
const (
	armorSpace = 64 + iota
	armorEnd   // of a line
	armorPad
	armorDash
	armorOther
)

var armorClass = func() (t [256]byte) {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range t {
		t[i] = armorOther
	}
	for i := range digits {
		t[digits[i]] = byte(i)
	}
	t[' '], t['\t'], t['\r'] = armorSpace, armorSpace, armorSpace
	t['\n'], t['='], t['-'] = armorEnd, armorPad, armorDash
	return t
}()

// Read implements io.Reader.
func (d *dearmor) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(d.out) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		d.err = d.decode()
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

// decode decodes what is buffered of the body. io.EOF: the armor is complete.
func (d *dearmor) decode() error {
	if _, err := d.r.Peek(1); err != nil {
		return noEOF(err, "in its armor")
	}
	text, _ := d.r.Peek(d.r.Buffered())
	out, used, class := slices.Grow(d.buf[:0], len(text)), 0, byte(armorSpace)
	for used < len(text) && class < armorPad {
		if d.n == 0 {
			out, used = d.groups(out, text, used)
			if used == len(text) {
				break
			}
		}
		class = armorClass[text[used]]
		switch {
		case class < 64:
			d.line = false
			d.bits = d.bits<<6 | uint32(class)
			if d.n++; d.n == 4 {
				out = append(out, byte(d.bits>>16), byte(d.bits>>8), byte(d.bits))
				d.n, d.bits = 0, 0
			}
		case class == armorEnd:
			d.line = true
		}
		if class < armorPad {
			used++
		}
	}
	d.r.Discard(used)
	d.buf, d.out = out, out
	d.crc = crc24(d.crc, out)
	switch class {
	case armorPad, armorDash:
		return d.finish(class)
	case armorOther:
		return malformed("%.8q in its armor", text[used:used+1])
	}
	return nil
}

// groups decodes whole groups of four digits, which is nearly all that there
// is, up to the first that has anything else in it. out has room for all of text.
func (d *dearmor) groups(out, text []byte, used int) ([]byte, int) {
	begin, n := used, len(out)
	out = out[:cap(out)]
	for used+4 <= len(text) && n+3 <= len(out) {
		in := text[used : used+4 : used+4]
		a, b, c, e := armorClass[in[0]], armorClass[in[1]], armorClass[in[2]], armorClass[in[3]]
		if a|b|c|e >= 64 { // the classes of what is no digit have this bit
			break
		}
		to := out[n : n+3 : n+3]
		to[0], to[1], to[2] = a<<2|b>>4, b<<4|c>>2, c<<6|e
		used, n = used+4, n+3
	}
	if used > begin {
		d.line = false
	}
	return out[:n], used
}

// finish reads padding, checksum and tail.
func (d *dearmor) finish(class byte) error {
	if class == armorPad && d.n > 0 {
		if err := d.padding(); err != nil {
			return err
		}
	}
	if d.n > 0 {
		return malformed("its armor ends within a group")
	}
	budget := armorTailOctets
	text, err := d.tailLine(&budget)
	if err != nil {
		return err
	}
	if sum, ok := strings.CutPrefix(text, "="); ok {
		d.differs = !d.agrees(sum)
		if text, err = d.tailLine(&budget); err != nil {
			return err
		}
	}
	if text != d.tail() {
		return malformed("%.80q is no armor tail", text)
	}
	for {
		c, err := d.r.ReadByte()
		if err != nil {
			return err // io.EOF: all is well
		}
		if class := armorClass[c]; class != armorSpace && class != armorEnd {
			return malformed("something follows its armor")
		}
	}
}

func (d *dearmor) tail() string { return "-----END " + d.label + "-----" }

// padding reads the signs that fill the last group, and releases its octets.
func (d *dearmor) padding() error {
	pads := 4 - d.n
	for range pads {
		if c, err := d.r.ReadByte(); err != nil || c != '=' {
			return noEOF(orMalformed(err, "its armor is padded wrongly"), "in its armor")
		}
	}
	d.bits <<= 6 * pads
	last := []byte{byte(d.bits >> 16), byte(d.bits >> 8), byte(d.bits)}
	if pads > 2 || bytes.Count(last[3-pads:], []byte{0}) != pads {
		return malformed("its armor is padded wrongly")
	}
	last = last[:3-pads]
	d.crc = crc24(d.crc, last)
	d.buf = append(d.buf, last...)
	d.out = d.buf
	d.n, d.line = 0, false
	return nil
}

func orMalformed(err error, reason string) error {
	if err != nil {
		return err
	}
	return malformed("%s", reason)
}

// tailLine reads the next line that is not empty, without white space around it.
// The very last line may lack its end.
func (d *dearmor) tailLine(budget *int) (string, error) {
	var line []byte
	for {
		c, err := d.r.ReadByte()
		if err != nil && (err != io.EOF || len(line) == 0) {
			return "", noEOF(err, "before the end of its armor")
		}
		if *budget--; *budget < 0 {
			return "", malformed("its armor has no tail")
		}
		if c == '\n' || err != nil {
			d.line = true
			text := strings.TrimSpace(string(line))
			if err != nil && text != d.tail() {
				return "", cut("before the end of its armor")
			}
			if text != "" {
				return text, nil
			}
			line = line[:0]
			continue
		}
		if !d.line && len(line) == 0 && c != ' ' && c != '\t' && c != '\r' {
			return "", malformed("%.8q in its armor", []byte{c})
		}
		line = append(line, c)
	}
}

// agrees compares the checksum that the armor states with that of what is in
// it. One that is wrong or none at all is no reason to refuse the armor, RFC
// 9580, Section 6.1: it proves nothing against a person, and what is in armor
// is authenticated by itself.
func (d *dearmor) agrees(text string) bool {
	if len(text) != 4 {
		return false
	}
	var v uint32
	for i := range text {
		c := armorClass[text[i]]
		if c >= 64 {
			return false
		}
		v = v<<6 | uint32(c)
	}
	return v == d.crc
}

// finding is what there is to say of the armor after its end.
func (d *dearmor) finding() (list []string) {
	if d != nil && d.differs {
		list = append(list, "the armor's checksum is wrong")
	}
	return list
}
