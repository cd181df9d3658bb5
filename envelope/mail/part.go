package mail

import (
	"io"
	"slices"
	"strings"
)

// Summary returns what can be said of the message as a whole.
func (m *Message) Summary() Summary { return m.summary }

// Parts returns all parts in the order of the message, each before those in it.
// The first is the message itself.
func (m *Message) Parts() []*Part { return slices.Clone(m.parts) }

// Layers returns the cryptographic layers in the order of the message, each
// before those in it.
func (m *Message) Layers() []*Layer { return slices.Clone(m.layers) }

// Err returns why the message as a whole could not be opened: the first error of
// a layer that has to be opened to see what the message is. Nil where there is
// something to see, whatever its signatures are worth.
func (m *Message) Err() error {
	for _, p := range m.parts {
		if l := p.layer; l != nil && !l.Errant && l.Err != nil && len(p.children) == 0 {
			return l.Err
		}
	}
	return nil
}

// Close gives up what the parts are read from; reading one is then
// envelope.ErrClosed. It does not close the source that Open was given. A second
// Close does nothing.
func (m *Message) Close() error {
	var first error
	for _, s := range m.sources {
		if err := s.Close(); first == nil {
			first = err
		}
	}
	return first
}

// ambiguous returns an *AmbiguousError if there is a finding that is.
func (m *Message) ambiguous() error {
	var all []Finding
	for _, f := range m.summary.Findings { // those of the parts are among them
		if f.Ambiguous {
			all = append(all, f)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &AmbiguousError{Findings: all}
}

// Open returns the content of the part, decoded: that of a file, or the text in
// its charset as it is, and of a message in the message all of that. A multipart
// has no content but its parts. Each call returns a reader of its own, which
// belongs to one goroutine.
//
// Errors of reading: envelope.ErrClosed after the Message was closed; what
// reading the source returned, or that it is not what it was when the message
// was opened; and that the content is not in the encoding that its header states.
func (p *Part) Open() io.Reader {
	if p.open == nil {
		return strings.NewReader("")
	}
	return p.open()
}

// Raw returns the part as it was received, header and content, octet by octet.
// Its errors are those of Open.
func (p *Part) Raw() io.Reader {
	if p.raw == nil {
		return strings.NewReader("")
	}
	return p.raw()
}

// Header returns the first header field of that name of the part, whatever case
// it is written in, unfolded and otherwise as it was received: not decoded, and
// untrusted. "" if there is none. What a message says as a whole is in Summary.
func (p *Part) Header(name string) string {
	if p.node == nil {
		return ""
	}
	return p.node.Header.Get(name)
}

// Param returns a parameter of the part's Content-Type, decoded: "charset", for
// one. "" if there is none.
func (p *Part) Param(name string) string {
	for q := p; q != nil; q = q.parent {
		if q.node != nil {
			return q.node.Params[name]
		}
	}
	return ""
}

// Disposition returns how the part wants to be shown, in small letters:
// "inline", "attachment" (RFC 2183); "" where it does not say.
func (p *Part) Disposition() string {
	if p.node == nil {
		return ""
	}
	return p.node.Disposition
}

// Children returns the parts in p. That of a Layer is its content, and where
// there is none the layer could not be opened.
func (p *Part) Children() []*Part { return slices.Clone(p.children) }

// Layer returns the layer that p is, nil for most parts.
func (p *Part) Layer() *Layer { return p.layer }

// Within returns the layers that p is in, from the outermost to the innermost.
func (p *Part) Within() []*Layer { return slices.Clone(p.within) }

// Island returns a number that p shares only with parts of the same origin:
// parts of one number can be shown as one document, an HTML text with its images,
// and others must never be. See EFAIL, CVE-2017-17688.
func (p *Part) Island() int { return p.island }
