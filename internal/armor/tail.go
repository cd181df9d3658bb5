package armor

import (
	"bytes"
	"io"
	"strings"
)

// finish reads padding, checksum and tail.
func (d *Reader) finish(next byte) error {
	if next == pad && d.n > 0 {
		if err := d.padding(); err != nil {
			return err
		}
	}
	if d.n > 0 {
		return malformed("its armor ends within a group")
	}
	budget := maxTailOctets
	text, err := d.tailLine(&budget)
	if err != nil {
		return err
	}
	if sum, ok := strings.CutPrefix(text, "="); ok {
		d.differs = !d.again && !d.agrees(sum)
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
		if k := class[c]; k != space && k != end {
			return malformed("something follows its armor")
		}
	}
}

func (d *Reader) tail() string { return "-----END " + d.label + "-----" }

// padding reads the signs that fill the last group, and releases its octets.
func (d *Reader) padding() error {
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
	d.out = append(d.out, last...)
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
func (d *Reader) tailLine(budget *int) (string, error) {
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
				return "", noEOF(io.EOF, "before the end of its armor")
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

// agrees compares the checksum that the armor states with that of what is in it.
func (d *Reader) agrees(text string) bool {
	if len(text) != 4 {
		return false
	}
	var v uint32
	for i := range text {
		c := class[text[i]]
		if c >= 64 {
			return false
		}
		v = v<<6 | uint32(c)
	}
	return v == d.crc
}
