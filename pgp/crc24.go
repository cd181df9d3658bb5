package pgp

// CRC-24 of RFC 9580, Section 6.1.
const (
	crc24Init = 0xB704CE
	crc24Poly = 0x864CFB
)

// crc24Table holds what each value of the octet shifted out contributes.
var crc24Table = func() (t [256]uint32) {
	for i := range t {
		c := uint32(i) << 16
		for range 8 {
			c <<= 1
			if c&(1<<24) != 0 {
				c ^= 1<<24 | crc24Poly
			}
		}
		t[i] = c
	}
	return t
}()

// crc24 continues the checksum crc over p.
func crc24(crc uint32, p []byte) uint32 {
	for _, b := range p {
		crc = crc<<8&0xFFFFFF ^ crc24Table[byte(crc>>16)^b]
	}
	return crc
}
