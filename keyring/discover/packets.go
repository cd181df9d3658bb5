package discover

import (
	"errors"
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/packethead"
)

// The packets that matter where certificates are told apart, RFC 9580, Sections
// 5 and 10.1.
const (
	tagSecret = 5
	tagPublic = 6
	tagMarker = 10
	tagTrust  = 12
	tagPad    = 21
)

var (
	errPacketCut    = fmt.Errorf("it is cut off within a packet: %w", io.ErrUnexpectedEOF)
	errNoPackets    = errors.New("these are no OpenPGP packets")
	errPacketLength = errors.New("a packet has a partial or indeterminate length, which only messages may have")
)

// packet reads the header of the packet that b begins with, RFC 9580, Section
// 4.2, and returns how many octets it has altogether. Partial lengths are
// refused: they are for data packets alone (Section 4.2.1.4).
func packet(b []byte) (tag, size int, err error) {
	tag, n, head, err := packethead.Read(b)
	switch {
	case len(b) < 2: // whatever it is
		return 0, 0, errPacketCut
	case err == packethead.ErrNone:
		return 0, 0, errNoPackets
	case err == packethead.ErrLength:
		return 0, 0, errPacketLength
	case err != nil || uint64(n) > uint64(len(b)-head):
		return 0, 0, errPacketCut
	}
	return tag, head + int(n), nil // fits: it is within b
}

// keyBlock is one certificate, or one secret key with its certificate.
type keyBlock struct {
	octets []byte // a part of the input
	secret bool
	at     int // where it begins
}

// splitKeys hands each certificate of b to visit, until visit returns false. A
// certificate begins at its primary key (RFC 9580, Section 10.1): joined files
// and key rings are told apart by that alone. The error is about what comes
// behind those that were handed over: where a length is wrong, nobody knows
// where the next packet begins.
func splitKeys(b []byte, visit func(keyBlock) bool) error {
	var current *keyBlock
	at := 0
	for at < len(b) {
		tag, size, err := packet(b[at:])
		if err != nil {
			// What is whole of the last one is not worth having: what is
			// missing may be its revocation.
			return fmt.Errorf("octet %d: %w", at, err)
		}
		switch {
		case tag == tagPublic || tag == tagSecret:
			if current != nil {
				current.octets = b[current.at:at:at]
				if !visit(*current) {
					return nil
				}
			}
			current = &keyBlock{secret: tag == tagSecret, at: at}
		case current == nil && tag != tagMarker && tag != tagPad && tag != tagTrust:
			return fmt.Errorf("octet %d: a packet with tag %d where a key has to begin: this is a message or a signature, or the beginning is missing", at, tag)
		}
		at += size
	}
	if current == nil {
		return errors.New("it holds no OpenPGP key")
	}
	current.octets = b[current.at:at:at]
	visit(*current)
	return nil
}
