package smime

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/base64lines"
)

// PEM around a message is RFC 7468, Section 9: the label is CMS, or PKCS7 as
// OpenSSL and older programs write it. One message is one block; headers
// inside of it (RFC 1421) have no place there.
const (
	pemBegin = "-----BEGIN "
	pemEnd   = "-----END "
	pemDash  = "-----"

	// maxPEMLine bounds the two lines around the base64: the longest has 33 octets.
	maxPEMLine = 64
)

// pemLabels are the labels that are read; the first one is written.
//
// QUIRK: gpgsm 2.2 --armor writes the last two, whatever is inside.
func pemLabels() []string {
	return []string{"CMS", "PKCS7", "ENCRYPTED MESSAGE", "SIGNED MESSAGE"}
}

// pemWriter writes one message as PEM.
type pemWriter struct {
	dst     io.Writer
	body    *base64lines.Writer
	started bool
	err     error
}

func newPEMWriter(dst io.Writer) *pemWriter {
	return &pemWriter{dst: dst, body: base64lines.NewPEMWriter(dst)}
}

func (w *pemWriter) Write(p []byte) (int, error) {
	if !w.started && w.err == nil {
		w.started = true
		_, w.err = io.WriteString(w.dst, pemBegin+pemLabels()[0]+pemDash+"\n")
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.body.Write(p)
	w.err = err
	return n, err
}

// Close writes the last lines. It does not close dst.
func (w *pemWriter) Close() error {
	if w.err == nil {
		w.err = w.body.Close()
	}
	if w.err != nil {
		return w.err
	}
	w.err = envelope.ErrClosed
	_, err := io.WriteString(w.dst, pemEnd+pemLabels()[0]+pemDash+"\n")
	return err
}

// newPEMReader decodes one PEM block; src has already yielded head, which
// begins with it. At the end of the block it checks that nothing but white
// space follows in src.
func newPEMReader(src io.Reader) (io.Reader, error) {
	b := &pemBody{src: src, buf: make([]byte, base64Buffer)}
	line, err := b.line()
	if err != nil {
		return nil, err
	}
	for _, label := range pemLabels() {
		if line == pemBegin+label+pemDash {
			b.label = label
			return newBase64Reader(b), nil
		}
	}
	return nil, fmt.Errorf("%w: its PEM label is not CMS or PKCS7: %q", envelope.ErrFormat, cut(line))
}

// pemBody yields the base64 of a PEM block up to its END line.
type pemBody struct {
	src   io.Reader
	label string
	buf   []byte
	have  []byte // of buf: read and not yet returned
	ended error  // of src
	err   error
}

// more reads on behind have. The END line begins with a dash, which base64
// does not contain: nothing has to be held back to find it.
func (b *pemBody) more() error {
	if b.ended != nil {
		return b.ended
	}
	n := copy(b.buf, b.have)
	b.have = b.buf[:n]
	for range maxEmptyReads {
		m, err := b.src.Read(b.buf[n:])
		if m < 0 || m > len(b.buf)-n {
			return errBadSource
		}
		b.have, b.ended = b.buf[:n+m], err
		if m > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// line returns the next line, short as the lines around the base64 are.
func (b *pemBody) line() (string, error) {
	for {
		i := bytes.IndexByte(b.have, '\n')
		if i >= 0 && i <= maxPEMLine || b.ended == io.EOF && i < 0 && len(b.have) <= maxPEMLine && len(b.have) > 0 {
			line, rest, _ := bytes.Cut(b.have, []byte{'\n'})
			b.have = rest
			return strings.TrimRight(string(line), " \t\r"), nil
		}
		if len(b.have) > maxPEMLine {
			return "", fmt.Errorf("%w: the first or last line of its PEM is too long", envelope.ErrFormat)
		}
		if err := b.more(); err == io.EOF && len(b.have) == 0 {
			return "", fmt.Errorf("%w: its PEM is cut off: %w", envelope.ErrFormat, io.ErrUnexpectedEOF)
		} else if err != nil && err != io.EOF {
			return "", err
		}
	}
}

// Read returns the octets up to the END line, of any kind: what is no base64
// is for the decoder to refuse.
func (b *pemBody) Read(p []byte) (int, error) {
	for b.err == nil && len(b.have) == 0 {
		if err := b.more(); err == io.EOF {
			b.err = fmt.Errorf("%w: its PEM has no last line: %w", envelope.ErrFormat, io.ErrUnexpectedEOF)
		} else if err != nil {
			b.err = err
		}
	}
	if b.err != nil {
		return 0, b.err
	}
	part := b.have[:min(len(b.have), len(p))]
	if i := bytes.IndexByte(part, '-'); i >= 0 {
		part = part[:i]
	}
	if len(part) == 0 && len(p) > 0 {
		b.err = b.finish()
		return 0, b.err
	}
	n := copy(p, part)
	b.have = b.have[n:]
	return n, nil
}

// finish reads the END line and makes sure that nothing follows. It returns
// io.EOF if all is well.
func (b *pemBody) finish() error {
	line, err := b.line()
	if err != nil {
		return err
	}
	if line != pemEnd+b.label+pemDash {
		return fmt.Errorf("%w: the last line of its PEM does not fit the first: %q", envelope.ErrFormat, cut(line))
	}
	for {
		if len(bytes.Trim(b.have, " \t\r\n")) > 0 {
			return fmt.Errorf("%w: there is more after the end of its PEM", envelope.ErrFormat)
		}
		b.have = nil
		if err := b.more(); err != nil {
			return err
		}
	}
}
