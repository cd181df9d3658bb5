package pgp

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// The lines of the cleartext signature framework, RFC 9580, Section 7.1.
const (
	clearBegin = "-----BEGIN PGP SIGNED MESSAGE-----"
	clearEnd   = "-----BEGIN PGP SIGNATURE-----"
)

const (
	// maxTextLine is the most octets of one line of text, which is held until
	// its end shows where its trailing blanks begin. Lines of people have some
	// hundred, those of data in text some thousand.
	maxTextLine = 256 << 10

	// maxHashLines is how many header lines there may be; programs write one.
	maxHashLines = 16
)

// clearsigned reports whether src begins like a cleartext signature, white
// space and a byte order mark before it allowed, as for armor.
func clearsigned(src *bufio.Reader) (bool, error) {
	text, err := src.Peek(seam.SniffLen)
	if err != nil && err != io.EOF {
		return false, err
	}
	text = bytes.TrimLeft(bytes.TrimPrefix(text, utf8BOM), " \t\r\n")
	return bytes.HasPrefix(text, []byte(clearBegin)), nil
}

// cleartext reads the text of a cleartext signature, RFC 9580, Section 7, and
// releases exactly what is signed: without dash escapes, without blanks at the
// ends of lines, without the last line end, and all line ends alike.
//
// In the digest a line ends in CR LF, and eol is that. What is released has LF
// there, as text has it everywhere in Go: both say the same, since every LF of
// signed text follows a CR that belongs to it. The line ends of the message
// are not signed, so that they must not show: one signature, one text.
//
// The framework was an occasion for forgeries in most programs, by whatever
// their parser took and a reader's eye did not see. So there is exactly one way
// to write a text here, and everything else is refused: headers other than
// Hash, a line between headers and text that is not empty, a line that begins
// with a dash and is neither escaped nor the end, and NUL, where programs end
// lines. Everything else, form feeds and single CRs too, is text as it is.
type cleartext struct {
	r     *bufio.Reader
	eol   string
	held  []byte // a line that is longer than r's buffer
	buf   []byte // what is returned of one line
	out   []byte // not returned so far; a part of buf
	inner bool   // a line was read: the next has a line end before it
	bare  bool   // blanks were left out
	err   error
}

// newCleartext reads up to the first line of text.
func newCleartext(r *bufio.Reader, eol string) (*cleartext, error) {
	t := &cleartext{r: r, eol: eol}
	for first := true; ; first = false {
		text, err := t.line()
		if err != nil {
			return nil, err
		}
		if first {
			text = bytes.TrimPrefix(text, utf8BOM)
		}
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		if string(text) != clearBegin {
			return nil, malformed("%.80q stands before its cleartext signature", text)
		}
		break
	}
	for range maxHashLines {
		text, err := t.line()
		if err != nil {
			return nil, err
		}
		if len(text) == 0 {
			return t, nil
		}
		if !hashHeader(string(text)) {
			return nil, malformed("%.80q stands where a cleartext signature has nothing but Hash headers before an empty line", text)
		}
	}
	return nil, &envelope.LimitError{What: "header lines of a cleartext signature", Max: maxHashLines, Fixed: true}
}

// hashHeader reports whether line is a Hash header, which says nothing that is
// not in the signatures too and is only checked for having nothing else in it.
func hashHeader(line string) bool {
	names, ok := strings.CutPrefix(line, "Hash: ")
	if !ok {
		return false
	}
	for name := range strings.SplitSeq(names, ",") {
		switch strings.Trim(name, " ") {
		case "MD5", "SHA1", "RIPEMD160", "SHA224", "SHA256", "SHA384", "SHA512", "SHA3-256", "SHA3-512":
		default:
			return false
		}
	}
	return true
}

// blankless cuts the blanks that a signature does not cover, RFC 9580, Section 7.2.
func blankless(line []byte) []byte { return bytes.TrimRight(line, " \t") }

// line reads a line without its end. It is valid until the next call.
func (t *cleartext) line() ([]byte, error) {
	t.held = t.held[:0]
	for {
		part, err := t.r.ReadSlice('\n')
		if len(t.held)+len(part) > maxTextLine {
			return nil, &envelope.LimitError{What: "octets in one line of a cleartext signature", Max: maxTextLine, Fixed: true}
		}
		switch {
		case err == nil && len(t.held) == 0:
			return lineOf(part)
		case err == nil:
			return lineOf(append(t.held, part...))
		case err != bufio.ErrBufferFull:
			return nil, noEOF(err, "in its cleartext signature")
		}
		t.held = append(t.held, part...)
	}
}

func lineOf(text []byte) ([]byte, error) {
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, malformed("a NUL in the text of its cleartext signature")
	}
	return bytes.TrimSuffix(text[:len(text)-1], []byte("\r")), nil
}

// Read implements io.Reader. io.EOF: the signature follows.
func (t *cleartext) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(t.out) == 0 {
		if t.err == nil {
			t.err = t.next()
		}
		if t.err != nil {
			return 0, t.err
		}
	}
	n := copy(p, t.out)
	t.out = t.out[n:]
	return n, nil
}

// next reads a line of text.
func (t *cleartext) next() error {
	text, err := t.line()
	if err != nil {
		return err
	}
	if bytes.HasPrefix(text, []byte("-")) {
		if string(blankless(text)) == clearEnd {
			return io.EOF
		}
		var ok bool
		if text, ok = bytes.CutPrefix(text, []byte("- ")); !ok {
			return malformed("%.80q, a line of text that is not escaped", text)
		}
	}
	signed := blankless(text)
	t.bare = t.bare || len(signed) < len(text)
	t.buf = t.buf[:0]
	if t.inner {
		t.buf = append(t.buf, t.eol...)
	}
	t.inner = true
	t.buf = append(t.buf, signed...)
	t.out = t.buf
	return nil
}

// signatures reads what follows the text, to the end of the source.
func (t *cleartext) signatures(l seam.Limits, j *judge) (signs []*pending, findings []string, err error) {
	armor, err := newDearmor(bufio.NewReader(io.MultiReader(strings.NewReader(clearEnd+"\n"), t.r)))
	if err != nil {
		return nil, nil, err
	}
	if signs, err = detached(newPackets(armor), l, j); err != nil {
		return nil, nil, err
	}
	if findings = armor.finding(); t.bare {
		findings = append(findings, "blanks at the ends of lines are not signed, and were left out")
	}
	return signs, findings, nil
}
