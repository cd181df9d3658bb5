// Package packethead reads the headers of the OpenPGP packets that keys and
// certificates are made of.
package packethead

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Errors of [Read], which returns no others. Their texts are for those who
// do not put their own in their place.
var (
	ErrCut    = fmt.Errorf("cut off within a packet header: %w", io.ErrUnexpectedEOF)
	ErrNone   = errors.New("no OpenPGP packet")
	ErrLength = errors.New("a packet with a partial or indeterminate length, which only messages may have")
)

// Read reads the header of the packet that b begins with: its tag, how many
// octets its body says that it has, and how many the header has itself (RFC 9580,
// Section 4.2). Whether b has as many is for the caller to see. Partial and
// indeterminate lengths are refused: they are for data packets alone (Sections
// 4.2.1.4 and 4.2.2).
func Read(b []byte) (tag int, n uint32, head int, err error) {
	switch {
	case len(b) == 0:
		return 0, 0, 0, ErrCut
	case b[0]&0x80 == 0:
		return 0, 0, 0, ErrNone
	case b[0]&0x40 == 0: // legacy format
		tag = int(b[0]>>2) & 15
		size := 1 << (b[0] & 3)
		if size == 8 {
			return 0, 0, 0, ErrLength
		}
		if len(b) < 1+size {
			return 0, 0, 0, ErrCut
		}
		for _, o := range b[1 : 1+size] {
			n = n<<8 | uint32(o)
		}
		return tag, n, 1 + size, nil
	}
	tag = int(b[0] & 63)
	switch {
	case len(b) < 2:
		return 0, 0, 0, ErrCut
	case b[1] < 192:
		return tag, uint32(b[1]), 2, nil
	case b[1] < 224 && len(b) >= 3:
		return tag, (uint32(b[1])-192)<<8 + uint32(b[2]) + 192, 3, nil
	case b[1] >= 224 && b[1] < 255:
		return 0, 0, 0, ErrLength
	case b[1] == 255 && len(b) >= 6:
		return tag, binary.BigEndian.Uint32(b[2:]), 6, nil
	}
	return 0, 0, 0, ErrCut
}
