package pgp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// maxSessionKeyPacket is the most octets of one PKESK or SKESK. The longest
// that keys in use need is one of Elgamal with 8192 bits, 2 KiB.
const maxSessionKeyPacket = 4 << 10

// maxIdlePackets is how many packets that carry nothing (markers, private ones) are skipped in one place: a message needs none or one.
const maxIdlePackets = 64

// maxPaddingPackets is how many Padding packets are skipped in one place. Large content has one for each mebibyte of padding, and
// this is 64 GiB of it; empty ones cost time and, where they are compressed, no room: a mail of 64 KiB has room for 30 million.
const maxPaddingPackets = 64 << 10

// start finds out whether src is armored and returns its packets.
func start(src io.Reader) (p *packets, armor *dearmor, err error) { return startAt(buffered(src)) }

// buffered is what start reads src through.
func buffered(src io.Reader) *bufio.Reader { return bufio.NewReaderSize(patient{src}, readBuffer) }

// startAt is start for who looked at the beginning.
func startAt(br *bufio.Reader) (p *packets, armor *dearmor, err error) {
	text, err := br.Peek(seam.SniffLen)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	if !armored(text) {
		return &packets{r: br}, nil, nil
	}
	if armor, err = newDearmor(br); err != nil {
		return nil, nil, err
	}
	return newPackets(armor), armor, nil
}

// startMessage is start where a detached signature does not serve.
func startMessage(src *bufio.Reader) (*packets, *dearmor, error) {
	p, armor, err := startAt(src)
	if err == nil && armor != nil {
		err = messageLabel(armor.label)
	}
	return p, armor, err
}

// messageLabel refuses armor of anything but a message.
func messageLabel(label string) error {
	switch label {
	case labelMessage:
		return nil
	case labelCleartext:
		return malformed("it is a cleartext signature, not sealed: anybody can read it; verify it as a signed message")
	}
	return malformed("it is a %.80q, not a message", label)
}

// sessionKey is a public-key encrypted session key packet, RFC 9580, Section 5.1.
type sessionKey struct {
	version     byte
	keyID       uint64 // version 3; 0: hidden
	fingerprint []byte // version 6; empty: hidden
	algorithm   byte
	raw         []byte // the whole body

	password *password // it is for a passphrase, and all else is unset
}

func (k *sessionKey) hidden() bool { return k.keyID == 0 && len(k.fingerprint) == 0 }

// parseSessionKey reads the part that is the same for all algorithms. ok is
// false for versions that are not known, which are to be ignored.
func parseSessionKey(raw []byte) (k sessionKey, ok bool, err error) {
	if len(raw) == 0 {
		return k, false, malformed("an empty session key packet")
	}
	k = sessionKey{version: raw[0], raw: raw}
	rest := raw[1:]
	switch k.version {
	case 3:
		if len(rest) < 9 {
			return k, false, malformed("a session key packet is too short")
		}
		k.keyID, rest = binary.BigEndian.Uint64(rest), rest[8:]
	case 6:
		if len(rest) < 1 || len(rest) < 2+int(rest[0]) {
			return k, false, malformed("a session key packet is too short")
		}
		id := rest[1 : 1+int(rest[0])] // int: 255 is a length too
		rest = rest[1+len(id):]
		if len(id) > 0 {
			if !(id[0] == 4 && len(id) == 21 || id[0] == 6 && len(id) == 33) {
				return k, false, malformed("a session key packet with a fingerprint of %d octets for version %d", len(id)-1, id[0])
			}
			k.fingerprint = id[1:]
		}
	default:
		return k, false, nil
	}
	k.algorithm = rest[0]
	return k, true, nil
}

func (k *sessionKey) recipient() seam.Recipient {
	r := seam.Recipient{Algorithm: keyAlgorithm(k.algorithm), Hidden: k.hidden()}
	if !r.Hidden {
		r.ID = keyName(k.fingerprint, k.keyID)
	}
	return r
}

// names reports whether k may be for this key: it is named, or nobody is.
func (k *sessionKey) names(key *packet.PublicKey) bool {
	if k.algorithm != byte(key.PubKeyAlgo) {
		return false
	}
	if k.version == 3 {
		return k.keyID == 0 || k.keyID == key.KeyId
	}
	return len(k.fingerprint) == 0 || bytes.Equal(k.fingerprint, key.Fingerprint)
}

// sealed is the outside of an encrypted message, read up to its ciphertext.
type sealed struct {
	in        *packets
	armor     *dearmor // nil: binary
	container string
	cipher    packet.CipherFunction // version 2; else 0: it comes with the session key
	mode      packet.AEADMode       // version 2
	chunk     byte                  // version 2
	salt      [32]byte              // version 2
	body      *body                 // the ciphertext
	beside    bool                  // packets that carry nothing stand around it
	last      io.Reader             // decrypted it in the pass before, and has buffers; or nil
}

// readSealed reads the header of a sealed message. What is of no use here
// costs no memory: found is called for each session key packet.
func readSealed(src io.Reader, l seam.Limits, found func(sessionKey, seam.Recipient)) (*sealed, error) {
	in, armor, err := startMessage(buffered(src))
	if err != nil {
		return nil, err
	}
	s := &sealed{in: in, armor: armor}
	return s, s.header(l, found)
}

func (s *sealed) header(l seam.Limits, found func(sessionKey, seam.Recipient)) error {
	keys, idle := 0, idle{}
	for {
		tag, b, err := s.in.next()
		if err != nil {
			return noEOF(err, "before its content")
		}
		switch tag {
		case tagPKESK, tagSKESK:
			if keys++; keys > l.Recipients {
				return &envelope.LimitError{What: "recipients", Max: int64(l.Recipients)}
			}
			if err := readSessionKey(tag, b, found); err != nil {
				return err
			}
		case tagSEIPD:
			return s.contentHeader(b)
		case tagLibrePGP:
			return s.libreHeader(b)
		case tagSED:
			s.body, s.container = b, containerSED
			return nil
		case tagSignature, tagOnePass, tagCompressed, tagLiteral:
			return malformed("it is not sealed: anybody can read it")
		default:
			s.beside = true
			if err := idle.skip(tag); err != nil {
				return err
			}
		}
	}
}

// idle counts packets that carry nothing, in one place.
type idle struct{ others, padding int }

// skip decides whether a packet may be left unread, RFC 9580, Section 4.3.
func (n *idle) skip(tag int) error {
	switch {
	case tag == tagPadding:
		if n.padding++; n.padding > maxPaddingPackets {
			return &envelope.LimitError{What: "Padding packets", Max: maxPaddingPackets, Fixed: true}
		}
	case tag == tagMarker || tag >= firstUncritical:
		if n.others++; n.others > maxIdlePackets {
			return &envelope.LimitError{What: "packets that carry nothing", Max: maxIdlePackets, Fixed: true}
		}
	default:
		return malformed("packet type %d does not belong there", tag)
	}
	return nil
}

func readSessionKey(tag int, b *body, found func(sessionKey, seam.Recipient)) error {
	raw, err := b.bytes(maxSessionKeyPacket, "octets in one session key packet")
	if err != nil {
		return err
	}
	if tag == tagSKESK { // no key derivation is run for it here, whatever it asks for
		p := parsePassword(raw)
		found(sessionKey{password: p}, p.recipient())
		return nil
	}
	k, ok, err := parseSessionKey(raw)
	if err != nil {
		return err
	}
	if !ok {
		found(sessionKey{}, seam.Recipient{ID: "unknown", Algorithm: "unknown"})
		return nil
	}
	found(k, k.recipient())
	return nil
}

// contentHeader reads what comes before the ciphertext, RFC 9580, Section 5.13.
func (s *sealed) contentHeader(b *body) error {
	s.body = b
	version, err := b.octets(1)
	if err != nil {
		return err
	}
	switch version[0] {
	case 1:
		s.container = containerV1
		return nil
	case 2:
		s.container = containerV2
	default:
		return malformed("encrypted data of version %d: not supported", version[0])
	}
	h, err := b.octets(3 + len(s.salt))
	if err != nil {
		return err
	}
	copy(s.salt[:], h[3:])
	return s.suite(h[0], h[1], h[2])
}

// suite checks cipher, mode and chunk size here: go-crypto panics on modes
// that it does not know, and allocates a chunk at once.
func (s *sealed) suite(cipher, mode, chunk byte) error {
	s.cipher, s.mode, s.chunk = packet.CipherFunction(cipher), packet.AEADMode(mode), chunk
	if contentV2(s.cipher, s.mode) == "" {
		return malformed("encrypted with cipher %d in mode %d: not supported", cipher, mode)
	}
	if chunk > 16 { // RFC 9580, Section 5.13.2: 4 MiB
		return malformed("chunk size %d, 16 is the most", chunk)
	}
	return nil
}

// content names the encryption as far as anybody can see it.
func (s *sealed) content() string {
	switch s.container {
	case containerV1:
		return contentV1
	case containerSED:
		return contentSED
	}
	return contentV2(s.cipher, s.mode)
}

func (s *sealed) auth() seam.Auth {
	switch s.container {
	case containerV1:
		return seam.AuthAtEnd
	case containerSED:
		return seam.AuthNone
	}
	return seam.AuthChunk
}

// end checks that nothing follows the ciphertext, of which all was read, but
// what is to be ignored wherever it stands (RFC 9580, Section 10.3).
func (s *sealed) end() error {
	for idle := (idle{}); ; {
		tag, _, err := s.in.next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case tag != tagMarker && tag != tagPadding:
			return malformed("packet type %d follows the message", tag)
		}
		s.beside = true
		if err := idle.skip(tag); err != nil {
			return err
		}
	}
}
