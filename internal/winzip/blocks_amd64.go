//go:build !purego

package winzip

import (
	"crypto/fips140"
	"encoding/binary"
	"math/bits"

	"golang.org/x/sys/cpu"
)

// eights encrypts eight blocks at a time: AES takes a new one in each cycle, and
// fourteen rounds until it gives one back, for which cipher.Block, with one at a
// time, waits. It is AES-256 alone, by the instructions that the processor has
// for it: no table, no branch and no index depends on a key or on content.
type eights struct {
	w [60]uint32 // FIPS 197, Section 5.2: the key schedule, in little-endian words
}

// newEights returns nil where the processor, the length of the key or FIPS 140
// mode, in which the standard library's AES is the one that was validated, do
// not allow it.
func newEights(key []byte) *eights {
	if !cpu.X86.HasAES || len(key) != 32 || fips140.Enabled() {
		return nil
	}
	e := &eights{}
	for i := range 8 {
		e.w[i] = binary.LittleEndian.Uint32(key[4*i:])
	}
	for i := 8; i < len(e.w); i++ {
		t := e.w[i-1]
		switch i % 8 {
		case 0:
			t = bits.RotateLeft32(subWord(t), -8) ^ 1<<(i/8-1) // Rcon
		case 4:
			t = subWord(t)
		}
		e.w[i] = e.w[i-8] ^ t
	}
	return e
}

// xor adds the key stream from the block number on to the octets of p, as far as
// whole eights of blocks go, and returns how many octets that were.
func (e *eights) xor(p []byte, number uint64) int {
	n := len(p) / 128
	if n > 0 {
		xorEights(&e.w, &p[0], n, number)
	}
	return n * 128
}

//go:noescape
func xorEights(w *[60]uint32, p *byte, eights int, number uint64)

func subWord(x uint32) uint32
