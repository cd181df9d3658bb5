package pgp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"io"
	"math/bits"
)

// padme returns the least size of at least n octets that the PADMÉ scheme
// allows (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and
// Communication with PURBs", 2019, Section 4.2): of a size with exponent E the
// low bits beyond as many as E itself takes are zero. The size of a message
// then tells O(log log n) bits of the content's, for 12 percent of octets at
// the most, and less than 4 percent from a megabyte on.
func padme(n uint64) uint64 {
	if n < 2 {
		return n
	}
	e := bits.Len64(n) - 1       // floor(log2 n)
	s := bits.Len64(uint64(e))   // floor(log2 e) + 1
	step := uint64(1) << (e - s) // e >= s for every e >= 1
	return (n + step - 1) &^ (step - 1)
}

const (
	minPadding = 2       // a header of two octets and nothing
	maxPadding = 1 << 20 // in one packet: Sequoia parses no larger ones that hold no content
)

// padding returns how many octets of Padding packets follow a content of n.
func padding(n uint64) uint64 { return padme(n+minPadding) - n }

// writePadding writes Padding packets, RFC 9580, Section 5.14, of n octets in
// all, their headers included. What is in them is random, as the section asks,
// so that it is nothing that could be compressed on the way to its length.
func writePadding(w io.Writer, n uint64) error {
	block, err := aes.NewCipher(random(32))
	if err != nil {
		return err
	}
	// One key for one message's padding, which nobody decrypts.
	stream := cipher.NewCTR(block, make([]byte, aes.BlockSize))
	buf := make([]byte, min(n, slice))
	for n > 0 {
		size := min(n, maxPadding)
		if n-size > 0 && n-size < minPadding {
			size -= minPadding // the rest is too little for a packet
		}
		head := paddingHeader(size)
		if _, err := w.Write(head); err != nil {
			return err
		}
		for left := size - uint64(len(head)); left > 0; {
			k := min(left, slice)
			stream.XORKeyStream(buf[:k], buf[:k])
			if _, err := w.Write(buf[:k]); err != nil {
				return err
			}
			left -= k
		}
		n -= size
	}
	return nil
}

// paddingHeader is the header of a packet of size octets, itself included. The
// length of five octets serves for every one that the length of one does not:
// with that of two there would be sizes that no packet has.
func paddingHeader(size uint64) []byte {
	if body := size - 2; body < 192 {
		return []byte{0xC0 | tagPadding, byte(body)}
	}
	return binary.BigEndian.AppendUint32([]byte{0xC0 | tagPadding, 255}, uint32(size-6))
}

// measured counts what is written to it.
type measured struct {
	w io.Writer
	n uint64
}

func (c *measured) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += uint64(n)
	return n, err
}
