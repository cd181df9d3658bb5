package pgp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Signature types over documents, RFC 9580, Section 5.2.1.
const (
	sigBinary = 0
	sigText   = 1
)

// pending is one signature over the content: what announced it, the digest
// while content passes, and in the end the signature packet.
type pending struct {
	judge   *judge // nil: nothing is hashed and nothing checked
	one     announced
	h       hash.Hash
	text    bool // line ends are hashed as CR LF
	raw     []byte
	problem string // why nothing was hashed
}

// announced is what a one-pass signature packet says of the signature to
// come, RFC 9580, Section 5.4; of a signature without one, what itself says.
type announced struct {
	alone     bool // there was no one-pass signature packet
	version   byte // of the signature: 4 or 6
	kind      byte
	hash, key byte
	salt      []byte // version 6
	issuer    []byte // version 6: fingerprint; else key ID
}

// parseOnePass parses a one-pass signature packet. One of another version is
// kept, so that its signature is found unsupported and the message opens.
func parseOnePass(raw []byte, j *judge) (*pending, error) {
	s := &pending{judge: j}
	if len(raw) == 0 {
		return nil, malformed("an empty one-pass signature packet")
	}
	if raw[0] != 3 && raw[0] != 6 {
		s.problem = "its version is not known"
		return s, nil
	}
	if len(raw) < 13 {
		return nil, malformed("a one-pass signature packet is too short")
	}
	s.one = announced{version: 4, kind: raw[1], hash: raw[2], key: raw[3]}
	rest := raw[4:]
	if raw[0] == 6 {
		s.one.version = 6
		n := int(rest[0])
		if len(rest) != 1+n+32+1 {
			return nil, malformed("a one-pass signature packet of %d octets with a salt of %d", len(raw), n)
		}
		s.one.salt, s.one.issuer = rest[1:1+n], rest[1+n:1+n+32]
	} else {
		if len(rest) != 9 {
			return nil, malformed("a one-pass signature packet of %d octets", len(raw))
		}
		s.one.issuer = rest[:8]
	}
	s.start()
	return s, nil
}

// newPending is the state for a signature packet without a one-pass signature:
// before the content, or detached from it.
func newPending(raw []byte, j *judge) *pending {
	s := &pending{judge: j, raw: raw}
	f, ok := parseFields(raw)
	if !ok {
		s.problem = unreadable(raw)
		return s
	}
	s.one = announced{alone: true, version: f.version, kind: f.kind, hash: f.hash, key: f.key, salt: f.salt}
	s.start()
	return s
}

// start begins the digest.
func (s *pending) start() {
	d := digestByID(s.one.hash)
	switch {
	case s.one.kind != sigBinary && s.one.kind != sigText:
		s.problem = "it is not one over a document"
	case s.judge == nil || d.weak:
	case d.new == nil:
		s.problem = "its hash algorithm is not known"
	case len(s.judge.senders) == 0: // a digest that nobody asks for: as much work as all the rest, and a message can have 16
	default:
		s.h = d.new()
		s.h.Write(s.one.salt) // RFC 9580, Section 5.2.4; empty for version 4
		s.text = s.one.kind == sigText
	}
}

// lineEnds turns content into what text signatures are over: lines that end in
// CR LF, RFC 9580, Section 5.2.1.2, whatever the content has; a CR that is
// there stays the one it is.
type lineEnds struct {
	cr  bool // the last octet was a CR
	buf []byte
}

func (l *lineEnds) convert(p []byte) []byte {
	l.buf = slices.Grow(l.buf[:0], 2*len(p))
	for _, c := range p {
		if c == '\n' && !l.cr {
			l.buf = append(l.buf, '\r')
		}
		l.buf = append(l.buf, c)
		l.cr = c == '\r'
	}
	return l.buf
}

// digests adds content to signatures, all of which began with its first octet.
// Line ends are converted once for all of them: lines can be short, and 16
// text signatures over a gigabyte of them must not take an hour.
type digests struct{ text lineEnds }

func (d *digests) write(p []byte, lists ...[]*pending) {
	var text []byte
	for _, list := range lists {
		for _, s := range list {
			switch {
			case s.h == nil:
			case s.text && text == nil && len(p) > 0:
				text = d.text.convert(p)
				fallthrough
			case s.text:
				s.h.Write(text)
			default:
				s.h.Write(p)
			}
		}
	}
}

// close brings the signature packet that was announced.
func (s *pending) close(raw []byte) { s.raw = raw }

// verdict checks the signature after all content was written.
func (s *pending) verdict() seam.Signature { return s.judge.verdict(s) }

// fields is what is read of a signature packet before go-crypto parses it.
type fields struct {
	version, kind, key, hash byte
	hashed, unhashed         []byte // subpackets
	salt                     []byte
	value                    []byte // what the algorithm has there
}

// parseFields reads the fixed part of a signature packet, RFC 9580, Section 5.2.3.
func parseFields(raw []byte) (f fields, ok bool) {
	if len(raw) < 4 || raw[0] != 4 && raw[0] != 6 {
		return f, false
	}
	f = fields{version: raw[0], kind: raw[1], key: raw[2], hash: raw[3]}
	rest := raw[4:]
	area := func() (a []byte, ok bool) {
		var n uint64
		switch {
		case f.version == 6 && len(rest) >= 4:
			n, rest = uint64(binary.BigEndian.Uint32(rest)), rest[4:]
		case f.version == 4 && len(rest) >= 2:
			n, rest = uint64(binary.BigEndian.Uint16(rest)), rest[2:]
		default:
			return nil, false
		}
		if n > uint64(len(rest)) {
			return nil, false
		}
		a, rest = rest[:n], rest[n:]
		return a, true
	}
	if f.hashed, ok = area(); !ok {
		return f, false
	}
	if f.unhashed, ok = area(); !ok {
		return f, false
	}
	if len(rest) < 2 {
		return f, false
	}
	if rest = rest[2:]; f.version == 6 {
		if len(rest) < 1 || len(rest) < 1+int(rest[0]) {
			return f, false
		}
		f.salt = rest[1 : 1+int(rest[0])] // int: 255 is a length too
		rest = rest[1+len(f.salt):]
	}
	f.value = rest
	return f, true
}

// unreadable says why parseFields takes nothing from a signature packet. Those
// of version 3 are by programs that are older than RFC 4880; their digests do
// not cover who made them for what.
func unreadable(raw []byte) string {
	if len(raw) > 0 && raw[0] != 4 && raw[0] != 6 {
		return fmt.Sprintf("it is of version %d", raw[0])
	}
	return "it is malformed"
}

// agrees reports whether the signature is the one that was announced.
func (a *announced) agrees(f fields) bool {
	return a.alone || a.version == f.version && a.kind == f.kind && a.hash == f.hash &&
		a.key == f.key && bytes.Equal(a.salt, f.salt)
}
