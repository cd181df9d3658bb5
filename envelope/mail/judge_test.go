package mail

import (
	"io"
	"mime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// stage is a format without cryptography: what is tested here is what is made
// of what a format says. Its reports are what a test wants them to be.
type stage struct {
	seam.Format
	facts *seam.Facts
}

func (s *stage) Name() string      { return "S/MIME" }
func (s *stage) Sniff([]byte) bool { return true }
func (s *stage) VerifyDetached(_, _ io.Reader, _ *seam.OpenPlan) (*seam.Facts, error) {
	return s.facts, nil
}

// actor is a certificate, and whoever has it.
type actor struct {
	seam.Certificate
	stage     *stage
	name      string
	kind      seam.Kind
	addresses []string
}

func (a *actor) Kind() seam.Kind                         { return a.kind }
func (a *actor) Hashed() []byte                          { return []byte(a.name) }
func (a *actor) Addresses() []string                     { return a.addresses }
func (a *actor) Format() seam.Format                     { return a.stage }
func (a *actor) Refuse() error                           { return nil }
func (a *actor) certificate() *keyring.Certificate       { return opaque(a) }
func (a *actor) CheckSeal(time.Time, seam.Profile) error { return nil }
func (a *actor) Binds(address string, _ time.Time) error {
	if slices.Contains(a.addresses, address) {
		return nil
	}
	return &keyring.NotBoundError{Address: address}
}

func opaque(a *actor) *keyring.Certificate {
	c := keyring.Certificate(seam.Wrap[seam.Certificate](a))
	return &c
}

func (a *actor) verified() *keyring.Verified {
	v, err := keyring.Verify(a.certificate(), keyring.Expect(a.certificate().Fingerprint()))
	if err != nil {
		panic(err)
	}
	return v
}

// reader is an identity that has a certificate.
type reader struct{ cert *actor }

func (r reader) Format() seam.Format           { return r.cert.stage }
func (r reader) Certificate() seam.Certificate { return r.cert }

// play is a message for bob by alice with everything right, until a test
// changes one thing of it.
type play struct {
	t               *testing.T
	stage           *stage
	alice, bob, eve *actor
	opener          *Opener
	outer, inner    string // headers, without Content-Type
	layers          []*playLayer
	content         string // Content-Type of the payload
	change          func(*Message)
}

type playLayer struct {
	kind, media string
	parts       int // in a multipart/signed; 0: as it should be
	facts       seam.Facts
	intended    intended
	err         error
	errant      bool
}

var playTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const playDate = "Date: Sun, 01 Mar 2026 12:00:00 +0000\r\n"

const (
	playOuter = "From: Alice <alice@example.org>\r\nTo: bob@example.org\r\nSubject: [...]\r\n" + playDate
	playInner = "From: Alice <alice@example.org>\r\nTo: bob@example.org\r\nSubject: a secret\r\n" + playDate +
		"HP-Outer: From: Alice <alice@example.org>\r\nHP-Outer: To: bob@example.org\r\nHP-Outer: Subject: [...]\r\nHP-Outer: " + playDate
)

// newPlay is an encrypted message, signed inside, with header protection.
func newPlay(t *testing.T) *play {
	p := &play{t: t, stage: &stage{}, outer: playOuter, inner: playInner, content: `text/plain; hp="cipher"`}
	p.alice = &actor{stage: p.stage, name: "alice", kind: seam.X509, addresses: []string{"alice@example.org"}}
	p.bob = &actor{stage: p.stage, name: "bob", kind: seam.X509, addresses: []string{"bob@example.org"}}
	p.eve = &actor{stage: p.stage, name: "eve", kind: seam.X509, addresses: []string{"eve@example.net"}}
	p.layers = []*playLayer{{kind: "encrypted", media: "application/pkcs7-mime", facts: seam.Facts{
		Format: "S/MIME", Encrypted: true, Auth: seam.AuthAtEnd, Signatures: []seam.Signature{p.by(0, p.alice)},
	}}}
	p.opener = &Opener{
		Senders:    []*keyring.Verified{p.alice.verified(), p.eve.verified()},
		Identities: []envelope.Identity{envelope.Identity(seam.Wrap[seam.Identity](reader{p.bob}))},
		Time:       func() time.Time { return playTime },
	}
	return p
}

// newSigned is a message that is signed and not encrypted.
func newSigned(t *testing.T) *play {
	p := newPlay(t)
	p.outer = strings.Replace(p.outer, "[...]", "a secret", 1)
	p.inner, _, _ = strings.Cut(p.inner, "HP-Outer")
	p.content = `text/plain; hp="clear"`
	p.layers[0].kind, p.layers[0].media, p.layers[0].facts.Encrypted = "signed", "multipart/signed", false
	return p
}

// by is a valid signature by who is at this place of the senders, -1 for none.
func (p *play) by(sender int, a *actor) seam.Signature {
	s := seam.Signature{Status: seam.SignatureValid, Sender: sender, SignerID: a.name, When: playTime}
	if a.kind == seam.X509 {
		s.Signer = a
	}
	return s
}

func (p *play) facts() *seam.Facts { return &p.layers[0].facts }

func (p *play) sign(s ...seam.Signature) { p.facts().Signatures = s }

func (p *play) replaceInner(old, new string) {
	require.Contains(p.t, p.inner, old)
	p.inner = strings.Replace(p.inner, old, new, 1)
}

func (p *play) replaceOuter(old, new string) {
	require.Contains(p.t, p.outer, old)
	p.outer = strings.Replace(p.outer, old, new, 1)
}

// node makes a part of a header.
func node(t *testing.T, header, contentType string) *mimeparse.Node {
	n := &mimeparse.Node{Header: headerOf(header)}
	var err error
	n.MediaType, n.Params, err = mime.ParseMediaType(contentType)
	require.NoError(t, err)
	return n
}

func headerOf(text string) (h mimeparse.Header) {
	for _, line := range strings.SplitAfter(text, "\n") {
		switch name, _, ok := strings.Cut(line, ":"); {
		case line == "":
		case line[0] == ' ' || line[0] == '\t':
			h[len(h)-1].Raw = append(h[len(h)-1].Raw, line...)
		case ok:
			h = append(h, mimeparse.Field{Name: name, Raw: []byte(line)})
		}
	}
	return h
}

// message puts it together as Opener.Open does.
func (p *play) message() *Message {
	m := &Message{}
	var last *Part
	var within []*Layer
	add := func(n *mimeparse.Node) *Part {
		x := &Part{Path: "1" + strings.Repeat(".1", len(m.parts)), node: n, MediaType: n.MediaType, parent: last, within: slices.Clone(within)}
		if last != nil {
			last.children = append(last.children, x)
		}
		m.parts = append(m.parts, x)
		last = x
		return x
	}
	header := p.outer
	for _, l := range p.layers {
		n := node(p.t, header, l.media)
		header = ""
		if n.MediaType == "multipart/signed" {
			n.Children = make([]*mimeparse.Node, 2+l.parts)
		}
		x := add(n)
		x.layer = &Layer{Path: x.Path, Kind: l.kind, Format: "S/MIME", Err: l.err, Errant: l.errant, intended: l.intended}
		p.stage.facts = &l.facts
		o := &envelope.Opener{Senders: p.opener.Senders, Formats: []envelope.Format{envelope.Format(seam.Wrap[seam.Format](p.stage))}}
		r, err := o.ExamineDetached(strings.NewReader("x"), strings.NewReader("x"))
		require.NoError(p.t, err)
		x.layer.Report = r
		m.layers = append(m.layers, x.layer)
		within = append(within, x.layer)
	}
	add(node(p.t, header+p.inner, p.content))
	if p.change != nil {
		p.change(m)
	}
	return m
}

func (p *play) judge() Summary {
	s, err := p.opener.judge(p.message())
	require.NoError(p.t, err)
	return s
}

func codes(s Summary) (all []string) {
	for _, f := range s.Findings {
		all = append(all, f.Code)
	}
	return all
}

// TestGenuine: what is right is verified, and nothing is found.
func TestGenuine(t *testing.T) {
	t.Parallel()
	s := newPlay(t).judge()
	require.Empty(t, s.Findings)
	require.Equal(t, Summary{
		Encrypted: true, Signed: true, Verified: true,
		Signer: "alice@example.org", From: "alice@example.org", SignerMatchesFrom: true, Subject: "a secret",
		Fields: []Field{
			{Name: "From", Value: "Alice <alice@example.org>", Outer: "Alice <alice@example.org>", Signed: true},
			{Name: "To", Value: "bob@example.org", Outer: "bob@example.org", Signed: true},
			{Name: "Subject", Value: "a secret", Outer: "[...]", Encrypted: true, Signed: true},
			{Name: "Date", Value: "Sun, 01 Mar 2026 12:00:00 +0000", Outer: "Sun, 01 Mar 2026 12:00:00 +0000", Signed: true},
		},
	}, s)
	s = newSigned(t).judge()
	require.Empty(t, s.Findings)
	require.True(t, s.Verified)
	require.False(t, s.Encrypted)
}
