package smime

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// multipartReader takes a multipart body apart (RFC 2046, Section 5.1.1) where
// all readers would take it apart in the same place: what one could take for a
// delimiter and another for content is an error.
type multipartReader struct {
	br     *bufio.Reader
	delim  []byte // LF, two dashes and the boundary
	bareLF bool   // the first delimiter ended so: the lines have lost their CR
	last   bool   // the delimiter that was read last was the closing one
}

const (
	// multipartBuffer is how much of the signed part is searched at a time.
	multipartBuffer = 64 << 10

	// maxPreamble is how much text may stand before the first part: mail
	// programs say there, in one line, that the mail is signed.
	maxPreamble = 4 << 10
)

// newMultipartReader reads the preamble, which nobody is shown, and the first
// delimiter.
func newMultipartReader(br *bufio.Reader, boundary string) (*multipartReader, error) {
	m := &multipartReader{br: br, delim: []byte("\n--" + boundary)}
	for read := 0; ; {
		line, err := br.ReadSlice('\n')
		if read += len(line); err == bufio.ErrBufferFull || read > maxPreamble {
			return nil, malformed("a multipart entity does not begin")
		} else if err != nil {
			return nil, cutOff(err)
		}
		if !bytes.HasPrefix(line, m.delim[1:]) {
			if !isText(line) {
				return nil, malformed("a multipart entity begins with something that is no text")
			}
			continue
		}
		m.bareLF = !bytes.HasSuffix(line, []byte("\r\n"))
		if err := m.delimiter(line); err != nil {
			return nil, err
		}
		if m.last {
			return nil, malformed("a multipart entity has no part")
		}
		return m, nil
	}
}

// cutOff is the error for an end where none may be.
func cutOff(err error) error {
	if err == io.EOF {
		return fmt.Errorf("%w: a multipart entity is cut off: %w", envelope.ErrFormat, io.ErrUnexpectedEOF)
	}
	return err
}

// delimiter checks a line that begins as delimiters do. Behind the boundary
// there may be white space, which mail systems add; a longer boundary, as one
// of an entity inside may have, would be a delimiter for some.
func (m *multipartReader) delimiter(line []byte) error {
	rest, ended := bytes.CutSuffix(line[len(m.delim)-1:], []byte{'\n'})
	rest, crlf := bytes.CutSuffix(rest, []byte{'\r'})
	if ended && crlf == m.bareLF || !ended && crlf {
		return malformed("a multipart entity has line ends of two kinds")
	}
	switch string(bytes.TrimRight(rest, " \t")) {
	case "":
	case "--":
		m.last = true
	default:
		return malformed("a multipart entity has a line that may be its boundary or not")
	}
	return nil
}

// part returns the reader of the next part, up to the line break before the
// next delimiter, which belongs to that. It ends with the delimiter consumed.
func (m *multipartReader) part() io.Reader { return &mimePart{m: m} }

type mimePart struct {
	m     *multipartReader
	begun bool
	clear int // octets in the buffer that are of this part for sure
	err   error
}

// Read implements io.Reader.
func (p *mimePart) Read(dst []byte) (int, error) {
	for p.err == nil && p.clear == 0 {
		p.err = p.search()
	}
	if p.clear == 0 {
		return 0, p.err
	}
	buf, _ := p.m.br.Peek(p.clear) // is buffered
	n := copy(dst, buf)
	p.m.br.Discard(n)
	p.clear -= n
	return n, nil
}

// search sets clear, or consumes the delimiter and returns io.EOF.
func (p *mimePart) search() error {
	m := p.m
	// Enough that neither a delimiter nor the CR before it is ever cut.
	_, err := m.br.Peek(len(m.delim) + 2)
	buf, _ := m.br.Peek(m.br.Buffered())
	if !p.begun {
		p.begun = true
		// Without a line break of its own, this is no delimiter for some.
		if bytes.HasPrefix(buf, m.delim[1:]) {
			return malformed("a multipart entity has a part of nothing")
		}
	}
	i := bytes.Index(buf, m.delim)
	switch {
	case i < 0 && err != nil:
		return cutOff(err)
	case i < 0:
		p.clear = len(buf) - len(m.delim)
		return nil
	case i > 0 && buf[i-1] == '\r' && m.bareLF:
		return malformed("a multipart entity has line ends of two kinds")
	case i > 0 && buf[i-1] == '\r':
		p.clear = i - 1
	case !m.bareLF:
		return malformed("a multipart entity has a line that may be its boundary or not")
	default:
		p.clear = i
	}
	if p.clear > 0 {
		return nil
	}
	m.br.Discard(i + 1)
	line, err := m.br.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		return malformed("a multipart entity has a line that may be its boundary or not")
	}
	if err != nil && err != io.EOF {
		return err
	}
	if derr := m.delimiter(line); derr != nil {
		return derr
	}
	if err == io.EOF && !m.last {
		return cutOff(err)
	}
	return io.EOF
}

// epilogue reads on to the end, up to which there may only be white space:
// RFC 2046 lets text follow, and lets nobody see it.
func (m *multipartReader) epilogue() error {
	for {
		if _, err := m.br.Peek(1); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		buf, _ := m.br.Peek(m.br.Buffered())
		if len(bytes.Trim(buf, " \t\r\n")) > 0 {
			return malformed("a multipart entity goes on after its end")
		}
		m.br.Discard(len(buf))
	}
}
