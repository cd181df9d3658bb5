package mail

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
)

// part makes the Part of a node that is the nth in around, which is nil for the
// message itself.
func (r *reading) part(n *mimeparse.Node, s *source, around *Part, nth int) *Part {
	p := r.within(around, nth)
	p.MediaType, p.Name, p.SafeName = n.MediaType, n.Name, SafeName(n.Name)
	p.node, p.src = n, s
	p.note(n)
	p.raw = func() io.Reader { return n.Whole(s) }
	switch {
	case len(n.Children) == 0:
		p.Size = n.Size
		p.open, p.ahead = func() io.Reader { return n.Decoded(s) }, readAhead(n, s)
	case strings.HasPrefix(n.MediaType, "multipart/"):
		p.open = func() io.Reader { return strings.NewReader("") } // what it has is in its parts
	default: // a message, which people save as a file
		p.Size = n.End - n.Body
		p.open = func() io.Reader { return n.RawBody(s) }
	}
	return p
}

// within makes a Part with nothing in it. What is around it is around the new one.
func (r *reading) within(around *Part, nth int) *Part {
	p := &Part{Path: strconv.Itoa(nth), depth: 1, parent: around}
	if around != nil {
		p.Path = around.Path + "." + p.Path
		p.within, p.island, p.depth = slices.Clip(around.within), around.island, around.depth+1
	}
	return p
}

// island makes p the beginning of something that nothing outside is shown with.
func (r *reading) island(p *Part) {
	r.islands++
	p.island = r.islands
}

// content makes p the content of the layer around it: an island, whose place in
// the message is that of the layer.
func (r *reading) content(p *Part, l *Layer) {
	around := p.parent
	p.within = append(slices.Clip(around.within), l)
	p.spine = around.spine && !l.Errant
	r.island(p)
	around.children = append(around.children, p)
	if p.node != nil {
		r.todo = append(r.todo, p)
	}
}

// look finds out what p is, and puts what is in it on the list.
func (r *reading) look(p *Part) error {
	n := p.node
	if at := repaired(p); at != nil {
		return r.mangled(p, at)
	}
	switch {
	case n.MediaType == "multipart/encrypted":
		return r.pgpMIME(p)
	case n.MediaType == "multipart/signed":
		return r.multipartSigned(p)
	case mayBeCMS(n):
		return r.cms(p)
	case n.MediaType == "text/plain" && n.Disposition != "attachment" && len(n.Children) == 0:
		return r.inline(p)
	}
	r.open(p, 0)
	return nil
}

// open puts the children of p on the list, from the given one on.
func (r *reading) open(p *Part, from int) {
	for i, n := range p.node.Children {
		if i < from {
			continue
		}
		child := r.part(n, p.src, p, i+1)
		if strings.HasPrefix(p.MediaType, "message/") {
			r.island(child) // another mail, with an author of its own
		}
		p.children = append(p.children, child)
		r.todo = append(r.todo, child)
	}
}

// find adds a finding to a part.
func (p *Part) find(code, text string, ambiguous bool) {
	p.Findings = append(p.Findings, Finding{Code: code, Path: p.Path, Text: text, Ambiguous: ambiguous})
}

// note adds the findings of a node to those of p. MIME-Version belongs to a
// message (RFC 2045, Section 4): what a layer has in it is none.
func (p *Part) note(n *mimeparse.Node) {
	for _, f := range n.Findings {
		if f.Code != "mime-version-missing" || p.parent == nil {
			p.find(f.Code, f.Text, f.Ambiguous)
		}
	}
}

// noteBelow adds the findings of nodes that make no part of their own, and of
// all that is in them: another program may see other parts there. What it calls
// them does not matter; Thunderbird has two names for each of its signatures.
func (p *Part) noteBelow(nodes ...*mimeparse.Node) {
	for todo := slices.Clone(nodes); len(todo) > 0; {
		n := todo[len(todo)-1]
		todo = append(todo[:len(todo)-1], n.Children...)
		for _, f := range n.Findings {
			if !strings.HasPrefix(f.Code, "name-") {
				p.find(f.Code, f.Text, f.Ambiguous)
			}
		}
	}
}

// noteCarrier notes what carries a signature or an encrypted message, and is of
// a type that a program shows which knows nothing of either: an HTML text with a
// signature in it, say, and what the armor has for comments.
func (p *Part) noteCarrier(n *mimeparse.Node) {
	if !strings.HasPrefix(n.MediaType, "application/") {
		p.find("carrier-type", fmt.Sprintf("what should be a signature or encrypted is of the type %.40q, which programs show", n.MediaType), true)
	}
}

// finish puts all parts in order, and says of each what is around it.
func (m *Message) finish() {
	root := m.parts[0]
	m.parts = m.parts[:0]
	for todo := []*Part{root}; len(todo) > 0; {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		m.parts = append(m.parts, p)
		if p.layer != nil {
			m.layers = append(m.layers, p.layer)
		}
		p.covered()
		for _, child := range slices.Backward(p.children) {
			todo = append(todo, child)
		}
	}
}

// covered sets what the layers around p say of it. From the inside out: what is
// signed outside of an encryption was signed by somebody who need not have known
// what is in it, and so covers nothing in it. And what somebody sealed into a
// message of their own can be another's, and secret to them: not protected.
func (p *Part) covered() {
	sealed, nested := false, false
	for _, l := range slices.Backward(p.within) {
		p.Encrypted = p.Encrypted || l.encrypted()
		p.Signed = p.Signed || !sealed && l.signed()
		nested = nested || l.Errant && l.Kind == kindEncrypted
		p.Protected = p.Protected || !nested && !l.Errant && (l.encrypted() || l.intact())
		sealed = sealed || l.Kind == kindEncrypted
	}
}
