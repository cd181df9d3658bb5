//go:build !dkb_plain

package gcm

import "encoding/binary"

// elem is an element of GF(2^128) in GCM's bit order: the first bit of the block, the most significant one of hi, is the
// coefficient of x^0 (NIST SP 800-38D, Section 6.3).
type elem struct{ hi, lo uint64 }

func load(b *[16]byte) elem {
	return elem{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (a elem) bytes() (b [16]byte) {
	binary.BigEndian.PutUint64(b[:8], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	return b
}

func (a elem) xor(b elem) elem { return elem{a.hi ^ b.hi, a.lo ^ b.lo} }

// one is the neutral element of the multiplication.
func one() elem { return elem{hi: 1 << 63} }

// mul multiplies in GF(2^128) modulo x^128 + x^7 + x^2 + x + 1 (NIST SP 800-38D, Section 6.3, Algorithm 1).
//
// Both operands are secret, so it has neither branches nor table look-ups that depend on them. It takes half a microsecond, and
// there are at most two per segment of 256 KiB, which takes a hundred.
func (a elem) mul(b elem) (z elem) {
	const r = 0xe1 << 56
	for _, word := range [2]uint64{a.hi, a.lo} {
		for range 64 {
			take := -(word >> 63)
			word <<= 1
			z.hi ^= b.hi & take
			z.lo ^= b.lo & take
			reduce := -(b.lo & 1)
			b.lo = b.lo>>1 | b.hi<<63
			b.hi = b.hi>>1 ^ r&reduce
		}
	}
	return z
}

// pow returns a^n. The exponent is a length and not secret.
func (a elem) pow(n uint64) elem {
	z := one()
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			z = z.mul(a)
		}
		if n > 1 {
			a = a.mul(a)
		}
	}
	return z
}
