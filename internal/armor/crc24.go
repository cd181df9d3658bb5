package armor

import "encoding/binary"

// CRC-24 of RFC 9580, Section 6.1.
const (
	crc24Init = 0xB704CE
	crc24Poly = 0x864CFB
)

// crc24Step is how many octets one step of crc24 takes. One at a time the
// checksum would cost twice what all of base64 does.
const crc24Step = 16

// crc24Tables holds what each value of an octet contributes, with 0 to 15
// octets behind it, in the upper 24 of 32 bits.
var crc24Tables = func() (t [crc24Step][256]uint32) {
	for i := range t[0] {
		c := uint32(i) << 24
		for range 8 {
			top := c >> 31
			c = c<<1 ^ top*(crc24Poly<<8)
		}
		t[0][i] = c
	}
	for k := 1; k < crc24Step; k++ {
		for i := range t[k] {
			c := t[k-1][i]
			t[k][i] = c<<8 ^ t[0][c>>24]
		}
	}
	return t
}()

// crc24 continues the checksum crc over p.
func crc24(crc uint32, p []byte) uint32 {
	c, t := crc<<8, &crc24Tables
	for ; len(p) >= crc24Step; p = p[crc24Step:] {
		w := binary.BigEndian.Uint32(p) ^ c
		x := binary.BigEndian.Uint32(p[4:])
		y := binary.BigEndian.Uint32(p[8:])
		z := binary.BigEndian.Uint32(p[12:])
		// What does not depend on the steps before comes first: the processor
		// works on it while it waits for them.
		rest := t[11][x>>24] ^ t[10][x>>16&0xFF] ^ t[9][x>>8&0xFF] ^ t[8][x&0xFF] ^
			t[7][y>>24] ^ t[6][y>>16&0xFF] ^ t[5][y>>8&0xFF] ^ t[4][y&0xFF] ^
			t[3][z>>24] ^ t[2][z>>16&0xFF] ^ t[1][z>>8&0xFF] ^ t[0][z&0xFF]
		c = (t[15][w>>24] ^ t[14][w>>16&0xFF]) ^ (t[13][w>>8&0xFF] ^ t[12][w&0xFF]) ^ rest
	}
	for _, b := range p {
		c = c<<8 ^ t[0][byte(c>>24)^b]
	}
	return c >> 8
}
