//go:build !dkb_plain

package gcm

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"runtime"
)

const (
	// segmentSize is how much is encrypted and hashed at a time. Larger gains nothing measurable, smaller pays for goroutines' turns.
	segmentSize = 256 << 10

	// maxWorkers is how many goroutines take turns. A sequential reader and writer keep no more than two busy.
	maxWorkers = 2

	blockSize = 16

	// Longest is the most plaintext that one message may have in this build.
	Longest = MaxBytes
)

// config is what tests vary.
type config struct {
	segment int    // bytes, a multiple of 16
	workers int    // goroutines that take turns
	start   uint64 // bytes that count as processed already, a multiple of 16: brings the counter near its end
}

func standard() config {
	return config{segment: segmentSize, workers: min(maxWorkers, runtime.GOMAXPROCS(0))}
}

// engine is the key, the nonce and the running hash of one message.
//
// With H = E_K(0) and E0 = E_K(nonce || 1), the tag of a message of ciphertext C and additional data A is
// (Y xor L)·H xor E0, where Y = GHASH(A || 0* || C || 0*) and L holds the two lengths in bits
// (NIST SP 800-38D, Sections 6.4 and 7.1).
//
// GHASH is a polynomial in H, hence linear: for a segment of k blocks whose own hash, begun at zero, is S, the running
// hash goes from Y to Y·H^k xor S. The S of each segment may therefore be computed anywhere, in any order.
//
// S itself is not to be had from crypto/cipher, but GCM of an empty plaintext with the segment as additional data is
// T = (S xor l)·H xor E0 with l the segment's length; so T xor E0 xor l·H = S·H. The engine keeps Z = Y·H, for which
// Z becomes Z·H^k xor S·H, and the tag is Z xor L·H xor E0. Nothing ever has to be divided by H.
//
// The T of a segment must never leave this package: it is a valid tag, under the message's own nonce, of another message.
type engine struct {
	block  cipher.Block
	aead   cipher.AEAD
	nonce  [NonceSize]byte
	config config

	h, e0    elem
	hk       elem // H^k for a whole segment, once prepared
	lh       elem // l·H for a whole segment, once prepared
	prepared bool
	z        elem
	begun    bool   // z has absorbed something
	aadBits  uint64 // length of A
	total    uint64 // bytes of C
}

func newEngine(key, nonce, aad []byte, c config) (*engine, error) {
	if err := checkParams(key, nonce); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("gcm: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		// With an AES block of the standard library this is how fips140=only refuses.
		return nil, fmt.Errorf("%w (%v)", ErrFIPS, err)
	}
	e := &engine{block: block, aead: aead, nonce: [NonceSize]byte(nonce), config: c, total: c.start}
	var b [16]byte
	block.Encrypt(b[:], b[:])
	e.h = load(&b)
	b = e.counter(1)
	block.Encrypt(b[:], b[:])
	e.e0 = load(&b)
	clear(b[:])
	if len(aad) > 0 {
		var scratch [16]byte
		e.aadBits = uint64(len(aad)) * 8
		e.absorb(e.hash(aad, &scratch), len(aad))
	}
	return e, nil
}

// counter returns the counter block with the given value (NIST SP 800-38D, Section 7.1, with a nonce of 96 bits).
func (e *engine) counter(i uint32) (b [16]byte) {
	copy(b[:], e.nonce[:])
	binary.BigEndian.PutUint32(b[NonceSize:], i)
	return b
}

// xor encrypts or decrypts b in place, which starts at byte off of the message.
//
// GCM counts in 32 bits and crypto/cipher's CTR in 128. They agree as long as the low 32 bits don't wrap: the caller has made
// sure that off+len(b) <= MaxBytes, and the last block below that has the counter 2^32 - 1.
func (e *engine) xor(b []byte, off uint64) { e.stream(off).XORKeyStream(b, b) }

// stream is the keystream from byte off of the message on, for which the same holds.
func (e *engine) stream(off uint64) cipher.Stream {
	iv := e.counter(uint32(2 + off/blockSize))
	stream := cipher.NewCTR(e.block, iv[:])
	if skip := off % blockSize; skip > 0 {
		var discard [blockSize]byte
		stream.XORKeyStream(discard[:skip], discard[:skip])
		clear(discard[:])
	}
	return stream
}

// hash returns S·H for the segment b. It only reads the engine: several goroutines may hash at the same time.
func (e *engine) hash(b []byte, scratch *[16]byte) elem {
	e.aead.Seal(scratch[:0], e.nonce[:], nil, b)
	x := load(scratch).xor(e.e0)
	clear(scratch[:])
	if e.prepared && len(b) == e.config.segment {
		return x.xor(e.lh)
	}
	return x.xor(lengths(uint64(len(b))*8, 0).mul(e.h))
}

// lengths is the block that ends GHASH's input (NIST SP 800-38D, Section 7.1, step 5).
func lengths(aadBits, bits uint64) elem { return elem{aadBits, bits} }

// prepare computes what all whole segments share. A message of a single segment does without.
func (e *engine) prepare() {
	if !e.prepared {
		e.lh = lengths(uint64(e.config.segment)*8, 0).mul(e.h)
		e.hk = e.h.pow(uint64(e.config.segment / blockSize))
		e.prepared = true
	}
}

// absorb appends a segment of n bytes with the hash x to the running hash. Only the last one before
// the additional data's or the message's end may be other than whole blocks: zeros complete it.
func (e *engine) absorb(x elem, n int) {
	if !e.begun {
		e.z, e.begun = x, true
		return
	}
	hk := e.hk
	if !e.prepared || n != e.config.segment {
		hk = e.h.pow((uint64(n) + blockSize - 1) / blockSize)
	}
	e.z = e.z.mul(hk).xor(x)
}

// sum returns the message's tag. It wipes the engine's secrets.
func (e *engine) sum() [TagSize]byte {
	tag := e.z.xor(lengths(e.aadBits, e.total*8).mul(e.h)).xor(e.e0).bytes()
	e.wipe()
	return tag
}

// room reports how many bytes the message may still take.
func (e *engine) room() uint64 { return MaxBytes - e.total }

// wipe clears what it can reach. The key schedules inside crypto/aes are out of reach and left to the garbage collector.
func (e *engine) wipe() {
	e.prepared = false
	e.h, e.e0, e.hk, e.lh, e.z = elem{}, elem{}, elem{}, elem{}, elem{}
	e.nonce = [NonceSize]byte{}
	e.block, e.aead = nil, nil
}
