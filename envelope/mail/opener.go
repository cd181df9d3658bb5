package mail

import (
	"cmp"
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
	"github.com/doublekeybox/doublekeybox/internal/reread"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// The defaults of Limits, and the most that a caller can set. Genuine mail has
// a handful of parts, three or four deep; 32 and 10,000 leave room for digests
// and for mails that were forwarded for years. Eight layers are a triple wrapping
// (RFC 2634, Section 1.1) with two gateways around it.
const (
	defaultDepth       = 32
	mostDepth          = 100
	defaultParts       = 10_000
	mostParts          = 100_000
	defaultHeaderBytes = 256 << 10
	mostHeaderBytes    = 1 << 20
	defaultLayers      = 8
	mostLayers         = 16

	// maxChecked is how many layers are looked at in one message, beside each
	// other too: a digest of a mailing list has some dozen signed mails, and
	// each may cost sixteen signatures.
	maxChecked = 64
)

func pick[T int | int64](v, def, most T) T {
	if v <= 0 {
		return def
	}
	return min(v, most)
}

func (l Limits) resolve() Limits {
	return Limits{
		Depth:       pick(l.Depth, defaultDepth, mostDepth),
		Parts:       pick(l.Parts, defaultParts, mostParts),
		HeaderBytes: pick(l.HeaderBytes, defaultHeaderBytes, mostHeaderBytes),
		Layers:      pick(l.Layers, defaultLayers, mostLayers),
		Envelope:    l.Envelope,
	}
}

// Open reads a message: a whole mail with its header, lines that end in CRLF
// or in LF. A source that can be read at any place, an *os.File of a regular
// file or a *bytes.Reader, is read from where it stands, where it has to stay
// as it is until the Message is closed; of any other a copy is kept, encrypted.
// src is never closed.
//
// A layer that cannot be opened, or whose signature is bad, is no error here:
// it is a [Layer] with an Err, and [Message.Err] returns that of the message as
// a whole. Errors are *envelope.LimitError for a message that has more of
// something than Limits allows, *AmbiguousError where Strict is set, and what
// reading src, the Ring or the kept copy returned. The Message has to be closed.
func (o *Opener) Open(src io.Reader) (_ *Message, err error) {
	r := o.begin()
	opened := false
	defer func() {
		if !opened { // also should src panic
			r.m.Close()
		}
	}()
	s, err := r.keep(src)
	if err != nil {
		return nil, err
	}
	if err := r.tree(s); err != nil {
		return nil, err
	}
	r.m.finish()
	if r.m.summary, err = o.judge(r.m); err != nil {
		return nil, err
	}
	if o.Strict {
		if err := r.m.ambiguous(); err != nil {
			return nil, err
		}
	}
	opened = true
	return r.m, nil
}

// reading is a message while it is read. Everything in it is found in a loop
// over todo: what a part holds is put there, and never called.
type reading struct {
	o       *Opener
	m       *Message
	limits  Limits
	opener  envelope.Opener // of the layers
	formats []envelope.Format
	asked   map[string]bool // addresses whose keys are among the senders, or that have none

	todo    []*Part
	parts   int // in all layers
	islands int
	checked int   // layers looked at
	growth  int64 // octets that layers may still be larger than what they are in
	memory  int64 // octets of copies that may still be held in memory
}

func (o *Opener) begin() *reading {
	r := &reading{o: o, m: &Message{}, limits: o.Limits.resolve(), asked: map[string]bool{}}
	r.growth = r.mostGrowth()
	r.memory = cmp.Or(max(r.limits.Envelope.SpoolMemory, 0), reread.DefaultMemory)
	r.opener = envelope.Opener{
		Identities: o.Identities, Passphrases: o.Passphrases, Formats: o.Formats,
		Limits: o.Limits.Envelope, Legacy: o.Legacy, Time: o.Time,
	}
	for _, v := range o.Senders {
		if v != nil && v.Certificate() != nil {
			r.opener.Senders = append(r.opener.Senders, v)
		}
	}
	r.formats = append(r.formats, o.Formats...)
	for _, id := range o.Identities {
		if in := seam.Opaque[seam.Identity](id).Unwrap(); in != nil {
			r.formats = append(r.formats, envelope.Format(seam.Wrap(in.Format())))
		}
	}
	for _, v := range r.opener.Senders {
		r.formats = append(r.formats, envelope.Format(seam.Wrap(inside(v.Certificate()).Format())))
	}
	return r
}

// tree finds all parts of the message in s.
func (r *reading) tree(s *source) error {
	root, err := r.parsed(s, nil)
	if err != nil {
		return err
	}
	r.m.parts = []*Part{root}
	root.spine = true
	if err := r.believe(addressesIn(root.node.Header)); err != nil {
		return err
	}
	r.todo = append(r.todo, root)
	for len(r.todo) > 0 {
		p := r.todo[0]
		r.todo[0] = nil
		r.todo = r.todo[1:]
		if err := r.look(p); err != nil {
			return err
		}
		// A part that could not be read is not what it was taken for.
		if err := p.src.failed(); err != nil {
			return err
		}
	}
	return nil
}

// parseNext reads the parts in src, which is what is in the layer that around
// is, nil for the message itself. It may end before src does.
func (r *reading) parseNext(src io.Reader, around *Part) (*mimeparse.Node, error) {
	depth := 0
	if around != nil {
		depth = around.depth
	}
	if depth >= r.limits.Depth {
		return nil, limit("parts in each other", r.limits.Depth)
	}
	if r.parts >= r.limits.Parts {
		return nil, limit("parts in one message", r.limits.Parts)
	}
	n, err := mimeparse.ParseReader(src, mimeparse.Limits{
		Depth: r.limits.Depth - depth, Parts: r.limits.Parts - r.parts, HeaderBytes: r.limits.HeaderBytes,
	})
	if err != nil {
		return nil, r.parseError(err)
	}
	return n, nil
}

// parsed makes a part of what was found in s, which is what is in the layer
// that around is, nil for the message itself.
func (r *reading) parsed(s *source, around *Part) (*Part, error) {
	if s.rootErr != nil {
		return nil, s.rootErr
	}
	r.parts += countNodes(s.root)
	return r.part(s.root, s, around, 1), nil
}

func countNodes(root *mimeparse.Node) (n int) {
	for todo := []*mimeparse.Node{root}; len(todo) > 0; n++ {
		next := todo[len(todo)-1]
		todo = append(todo[:len(todo)-1], next.Children...)
	}
	return n
}

func limit(what string, most int) error {
	return &envelope.LimitError{What: what, Max: int64(most)}
}

// seen counts one layer more, and reports whether it may be looked at.
func (r *reading) seen(p *Part) bool {
	if r.checked++; r.checked <= maxChecked {
		return true
	}
	p.find("too-many-layers", fmt.Sprintf("the message has more than %d layers beside each other: this one was not looked at", maxChecked), false)
	return false
}
