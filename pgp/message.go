package pgp

import (
	"errors"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// message reads what is inside the encryption, or a message that is only
// signed, RFC 9580, Section 10.3: one-pass signatures, one literal packet,
// signatures; all of it, or the literal packet, in at most one compressed
// packet. It releases the octets of the literal packet and nothing else of it:
// name and date are not signed.
//
// io.EOF means that the grammar was kept to the end of the source. Everything
// that is wrong is ErrFormat; who reads inside of an encryption makes ErrDecrypt of it.
type message struct {
	in     *packets
	around *packets // those around the compressed packet that in reads; nil: not in one
	press  *inflated
	limits seam.Limits
	armor  *dearmor // around in, of a message that is only signed
	judge  *judge   // nil: signatures are not checked, only the grammar
	signed bool     // one without a signature is refused
	later  bool     // compressed packets are left to another pass: errLater

	budget   budget // for packets that are not content
	idle     idle
	open     []*pending       // one-pass signatures, the last one is the first to be closed
	before   []*pending       // signatures that came before the literal packet
	closed   []*pending       // one-pass signatures whose signature came
	results  []seam.Signature // in the order of the message
	digests  digests
	findings []string
	onePass  bool
	empty    bool // it ended without content: signatures alone are detached ones
	lit      *body
	own      []byte // what lend copies to where it has to
	err      error
}

func newMessage(in *packets, l seam.Limits, j *judge, signed bool) *message {
	return &message{in: in, limits: l, judge: j, signed: signed, budget: budget{l.HeaderBytes, l.HeaderBytes}}
}

// Read implements io.Reader.
func (m *message) Read(p []byte) (int, error) {
	if err := m.ready(); err != nil {
		return 0, err
	}
	n, err := m.lit.Read(p)
	return n, m.took(p[:n], err)
}

// lend is Read without a copy, if it can be done: what it returns is the
// caller's until the next call.
func (m *message) lend() ([]byte, error) {
	if err := m.ready(); err != nil {
		return nil, err
	}
	p, err := m.lit.lend(&m.own)
	return p, m.took(p, err)
}

// ready makes sure that the content was begun.
func (m *message) ready() error {
	if m.err == nil && m.lit == nil {
		m.err = m.begin()
	}
	return m.err
}

// took adds content to the digests, and looks behind its end.
func (m *message) took(p []byte, err error) error {
	m.digests.write(p, m.before, m.open)
	if err == io.EOF {
		err = m.end()
	}
	m.err = err
	return err
}

// container names a message that is only signed, after begin.
func (m *message) container() string {
	if m.onePass {
		return containerOnePass
	}
	return containerPrefixed
}

// begin reads up to the content.
func (m *message) begin() error {
	for {
		tag, b, err := m.in.next()
		if err == io.EOF {
			m.empty = true
			return malformed("there is no content in it")
		}
		if err != nil {
			return err
		}
		switch tag {
		case tagOnePass:
			err = m.onePassSignature(b)
		case tagSignature:
			err = m.signature(b, nil)
		case tagCompressed:
			err = m.compressed(b)
		case tagLiteral:
			return m.literal(b)
		default:
			if err = m.idle.skip(tag); sealing(tag) {
				err = errSealed
			}
		}
		if err != nil {
			return err
		}
	}
}

// end reads from the end of the content to that of the source. io.EOF: it is well.
func (m *message) end() error {
	for {
		tag, b, err := m.in.next()
		switch {
		case err == io.EOF && m.around != nil:
			if err := m.press.end(); err != nil {
				return err
			}
			m.in, m.around = m.around, nil
			continue
		case err == io.EOF:
			return m.complete()
		case err != nil:
			return err
		case tag == tagSignature:
			err = m.closing(b)
		case tag == tagLiteral || tag == tagCompressed || tag == tagOnePass:
			err = malformed("a second message follows the first")
		default:
			err = m.idle.skip(tag)
		}
		if err != nil {
			return err
		}
	}
}

// complete has what there is at the end of a message whose grammar was kept.
func (m *message) complete() error {
	if len(m.open) > 0 {
		return malformed("%d signatures are announced that do not follow", len(m.open))
	}
	// Not before the end, which is where the encryption around it is known to
	// be authentic: only then are signatures parsed, and keys used.
	for _, s := range append(m.closed, m.before...) {
		m.results = append(m.results, s.verdict())
	}
	m.findings = append(m.findings, m.armor.finding()...)
	return io.EOF
}

// maxOnePass is more than the octets of any one-pass signature packet.
const maxOnePass = 512

func (m *message) onePassSignature(b *body) error {
	raw, err := m.budget.spend(b, maxOnePass, "octets in one one-pass signature packet")
	if err != nil {
		return err
	}
	if err := m.count(); err != nil {
		return err
	}
	s, err := parseOnePass(raw, m.judge)
	if err != nil {
		return err
	}
	m.onePass = true
	m.open = append(m.open, s)
	return nil
}

// count holds the number of signatures against the limit.
func (m *message) count() error {
	if len(m.open)+len(m.before)+len(m.closed) >= m.limits.Signatures {
		return &envelope.LimitError{What: "signatures", Max: int64(m.limits.Signatures)}
	}
	return nil
}

// maxSignature is the most octets of one signature packet: one of SLH-DSA has
// 50 KiB, and one that names 10,000 intended recipients has 350 KiB.
const maxSignature = 512 << 10

// signature reads a signature packet. one is what announced it, nil if it comes
// before the content, as PGP 2 wrote it.
func (m *message) signature(b *body, one *pending) error {
	raw, err := m.budget.spend(b, maxSignature, "octets in one signature packet")
	if err != nil {
		return err
	}
	if one == nil {
		if err := m.count(); err != nil {
			return err
		}
		m.before = append(m.before, newPending(raw, m.judge))
		return nil
	}
	one.close(raw)
	m.closed = append(m.closed, one)
	return nil
}

// closing reads a signature after the content: it belongs to the last one-pass
// signature that is open, RFC 9580, Section 5.4.
func (m *message) closing(b *body) error {
	if len(m.open) == 0 {
		return malformed("a signature that is not announced")
	}
	one := m.open[len(m.open)-1]
	m.open = m.open[:len(m.open)-1]
	return m.signature(b, one)
}

// literal reads the header of the literal packet, RFC 9580, Section 5.9. What
// it says of the content is not signed, and goes no further than here.
func (m *message) literal(b *body) error {
	if m.signed && len(m.open)+len(m.before) == 0 {
		return malformed("it is neither sealed nor signed")
	}
	h, err := b.octets(2)
	if err != nil {
		return err
	}
	switch h[0] {
	case 'b', 't', 'u', 'l', '1', 'm':
	default:
		return malformed("a literal packet of type %q", h[:1])
	}
	if _, err := b.octets(int(h[1]) + 4); err != nil {
		return err
	}
	m.lit = b
	return nil
}

// errLater is a message that was read up to a compressed packet.
var errLater = errors.New("pgp: what is compressed is read later")

// compressed goes into a compressed packet.
func (m *message) compressed(b *body) (err error) {
	if m.around != nil {
		return malformed("compressed twice")
	}
	if m.later {
		return errLater
	}
	if m.press, err = inflate(b, m.limits.Decompressed); err != nil {
		return err
	}
	m.findings = append(m.findings, "the content is compressed: its size tells something about it")
	m.around, m.in = m.in, newPackets(m.press)
	return nil
}
