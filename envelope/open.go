package envelope

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/internal/spool"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Opener opens sealed messages and checks signatures. It must not be changed
// while in use; used so it is safe for concurrent use.
type Opener struct {
	Identities  []Identity
	Passphrases []*Passphrase       // tried, in this order, where the message names none of the identities; at most 8
	Formats     []Format            // only where neither an identity nor a sender brings the format
	Senders     []*keyring.Verified // whose signatures are believed

	// RequireSignature makes everything but a valid signature of one of
	// Senders an [ErrSignature]. Nothing is released before that is known.
	RequireSignature bool

	Limits Limits
	Legacy Legacy
	Time   func() time.Time // the time that keys and signatures are checked at; nil: time.Now
}

// Open opens a sealed message, binary or armored.
//
// What is authenticated only at its end is verified before Open returns: a
// source that can seek is read twice, and checked to be the same both times;
// of any other a copy is kept, still sealed, in memory and then in a file
// that has no name (see [Limits]).
//
// Errors: [ErrFormat], [ErrNotForYou], [ErrDecrypt], [ErrSignature],
// [ErrLimit]; else what src returned, or what went wrong with the copy of it. A
// message that is only signed is ErrFormat: its content is secret to nobody;
// see [Opener.Verify]. src is never closed; it is the Message's until that is
// closed, and may have been read beyond the message.
func (o *Opener) Open(src io.Reader) (*Message, error) {
	if len(o.Identities)+len(o.Passphrases) == 0 {
		return nil, errNoIdentity
	}
	return o.open(src, seam.Format.Open, o.RequireSignature, false)
}

// Verify opens an opaque signed message that is not sealed. A valid signature
// of one of Senders is required, and nothing is released before it was found.
// Errors are those of Open, without ErrNotForYou and ErrDecrypt.
func (o *Opener) Verify(src io.Reader) (*Message, error) {
	return o.open(src, seam.Format.OpenSigned, true, false)
}

// VerifyDetached checks a detached signature, reading both to their ends and
// closing neither. The error is nil only if one of Senders signed exactly this
// content; a Report comes with [ErrSignature] too, to say what was found. Other
// errors: [ErrFormat], [ErrLimit]; else what sig or content returned.
func (o *Opener) VerifyDetached(sig, content io.Reader) (*Report, error) {
	r, judged, err := o.detached(sig, content, true)
	if err != nil {
		return nil, err
	}
	return r, judged()
}

var errNoIdentity = errors.New("envelope: no identity: set Opener.Identities, or Opener.Passphrases")

var errNoSource = errors.New("envelope: no Reader was given for the message")

func (o *Opener) plan(signed bool) (*seam.OpenPlan, error) {
	if signed && len(o.Senders) == 0 {
		return nil, errors.New("envelope: a signature is required, but by whom: set Opener.Senders")
	}
	for i, v := range o.Senders {
		if inside(v) == nil {
			return nil, fmt.Errorf("envelope: sender %d: %w: it was not made by keyring.Verify", i+1, keyring.ErrRefused)
		}
	}
	for i, x := range o.Identities {
		if seam.Opaque[seam.Identity](x).Unwrap() == nil {
			return nil, fmt.Errorf("envelope: identity %d is the zero value", i+1)
		}
	}
	if len(o.Passphrases) > writtenPassphrases {
		return nil, &LimitError{What: "passphrases for one message", Max: writtenPassphrases, Fixed: true}
	}
	passphrases, err := texts(o.Passphrases, false)
	if err != nil {
		return nil, err
	}
	return &seam.OpenPlan{
		Passphrases: passphrases, RequireSignature: signed, Now: clock(o.Time),
		AllowUnauthenticated: o.Legacy.UnauthenticatedCBC,
		Legacy:               seam.Legacy{TripleDES: o.Legacy.TripleDES, RC2: o.Legacy.RC2, RSA1024: o.Legacy.RSA1024, NoMDC: o.Legacy.NoMDC},
		Limits:               o.Limits.resolve(),
	}, nil
}

// sniffBuffer is small: beyond the first octets formats bring their own
// buffers, and a bufio.Reader whose buffer is empty passes large reads through.
const sniffBuffer = 4096

func (o *Opener) sniff(r *bufio.Reader) (seam.Format, error) {
	var fs []seam.Format
	for _, x := range o.Identities {
		fs = append(fs, seam.Opaque[seam.Identity](x).Unwrap().Format())
	}
	for _, v := range o.Senders {
		fs = append(fs, inside(v).Format())
	}
	for _, x := range o.Formats {
		if f := seam.Opaque[seam.Format](x).Unwrap(); f != nil {
			fs = append(fs, f)
		}
	}
	head, err := r.Peek(seam.SniffLen)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if len(head) == 0 {
		return nil, fmt.Errorf("%w: it is empty: %w", ErrFormat, io.ErrUnexpectedEOF)
	}
	names := map[string]bool{}
	for _, f := range fs {
		if f.Sniff(head) {
			return f, nil
		}
		names[f.Name()] = true
	}
	if len(fs) == 0 {
		return nil, errors.New("envelope: no format is known here: set Opener.Formats")
	}
	return nil, fmt.Errorf("%w: it does not begin like %s", ErrFormat, strings.Join(sortedKeys(names), " or "))
}

// narrow leaves in p what is of format f, and returns the senders that
// p.Senders stand for. OpenedBy is mapped back by identityAt.
func (o *Opener) narrow(p *seam.OpenPlan, f seam.Format) (senders []*keyring.Verified) {
	for _, x := range o.Identities {
		if id := seam.Opaque[seam.Identity](x).Unwrap(); id.Format() == f {
			p.Identities = append(p.Identities, id)
		}
	}
	for _, v := range o.Senders {
		if c := inside(v); c.Format() == f {
			p.Senders = append(p.Senders, c)
			senders = append(senders, v)
		}
	}
	return senders
}

// identityAt maps an index into the identities of format f to Opener.Identities.
func (o *Opener) identityAt(i int, f seam.Format) int {
	for at, x := range o.Identities {
		if seam.Opaque[seam.Identity](x).Unwrap().Format() != f {
			continue
		}
		if i == 0 {
			return at
		}
		i--
	}
	return -1
}

type opening func(seam.Format, io.Reader, *seam.OpenPlan) (seam.Session, error)

func (o *Opener) open(src io.Reader, begin opening, signed, examined bool) (_ *Message, err error) {
	m, p, err := o.start(src, begin, signed, examined)
	if err != nil {
		return nil, err
	}
	opened := false
	defer func() {
		if !opened { // also should src panic
			m.Close()
			err = limited(err)
		}
	}()
	if m.sess.Facts().Auth == seam.AuthChunk && !signed {
		m.spool.Once() // each chunk is authenticated before it is released: no second pass
		m.r, m.judging, opened = m.sess.Plain(), true, true
		return m, nil
	}
	again, err := m.settle(p)
	if err != nil {
		return nil, err
	}
	m.r, opened = m.sess.Again(again), true
	return m, nil
}

// start reads the header of a message.
func (o *Opener) start(src io.Reader, begin opening, signed, examined bool) (_ *Message, _ *seam.OpenPlan, err error) {
	p, err := o.plan(signed)
	if err != nil {
		return nil, nil, err
	}
	p.Certificates = examined
	if src == nil {
		return nil, nil, errNoSource
	}
	two := spool.New(src, spool.Options{Memory: o.Limits.SpoolMemory, Dir: o.Limits.SpoolDir, Max: o.Limits.SourceBytes})
	m := &Message{spool: two, signed: signed, examined: examined}
	started := false
	defer func() {
		if !started { // also should src panic
			m.Close()
			err = limited(err)
		}
	}()
	br := bufio.NewReaderSize(&source{r: two}, sniffBuffer)
	if m.format, err = o.sniff(br); err != nil {
		return nil, nil, err
	}
	m.senders = o.narrow(p, m.format)
	if m.sess, err = begin(m.format, br, p); err != nil {
		return nil, nil, err
	}
	m.openedBy = o.identityAt(m.sess.Facts().OpenedBy, m.format)
	started = true
	return m, p, nil
}

// settle reads on to the end of the message, as often as it takes to know that
// it is authentic and what its signatures are worth, and returns the source
// for one pass more.
func (m *Message) settle(p *seam.OpenPlan) (again io.Reader, err error) {
	if err := m.sess.Verify(); err != nil {
		return nil, err
	}
	if err := reread(m.sess, m.spool); err != nil {
		return nil, err
	}
	if facts := m.sess.Facts(); facts.Encrypted && facts.Auth == seam.AuthNone && !p.AllowUnauthenticated && !p.Legacy.NoMDC {
		return nil, ErrDecrypt // a format that forgot to ask is stopped here
	}
	if !m.examined {
		if err := judge(m.sess.Facts(), len(m.senders), m.signed); err != nil {
			return nil, err
		}
	}
	return m.spool.Again()
}

// reread makes the passes over the source that a format needs beside the one
// that Verify makes and the one that releases.
func reread(s seam.Session, two *spool.Source) error {
	x, ok := s.(seam.Rereader)
	for ok && x.Rereads() {
		src, err := two.Again()
		if err != nil {
			return err
		}
		if err := x.Reread(src); err != nil {
			return err
		}
	}
	return nil
}

// limited turns the spool's limit into the one that callers know.
func limited(err error) error {
	var l *spool.LimitError
	if errors.As(err, &l) {
		return &LimitError{What: "octets in one message", Max: l.Max}
	}
	return err
}

// judge decides what the signatures mean for whether a message is released: a
// bad one is an error always, a missing one or a stranger's only if required.
// Sender has to be one of so many senders: an index out of range is nobody's.
func judge(f *seam.Facts, senders int, required bool) error {
	good, why := false, "there is none"
	for _, s := range f.Signatures {
		switch {
		case s.Status == seam.SignatureBad:
			return fmt.Errorf("%w: %s", ErrSignature, Signature{status: s.Status, detail: s.Detail}.Problem())
		case s.Status == seam.SignatureValid && s.Sender >= 0 && s.Sender < senders:
			good = true
		case s.Status == seam.SignatureValid:
			why = "it is by somebody else"
		default:
			why = Signature{status: s.Status, detail: s.Detail}.Problem()
		}
	}
	if required && !good {
		return fmt.Errorf("%w: %s", ErrSignature, why)
	}
	return nil
}

// Inspect says what a message is without opening it: no key is needed, so the
// formats are arguments. It reads src to its end, in constant memory and with
// the default [Limits], and does not close it. Errors: [ErrFormat],
// [ErrLimit]; else what src returned.
func Inspect(src io.Reader, formats ...Format) (*Report, error) {
	if src == nil {
		return nil, errNoSource
	}
	br := bufio.NewReaderSize(bounded(src, 0), sniffBuffer)
	f, err := (&Opener{Formats: formats}).sniff(br)
	if err != nil {
		return nil, err
	}
	facts, err := f.Inspect(br, Limits{}.resolve())
	if err != nil {
		return nil, err
	}
	return report(facts, nil), nil
}
