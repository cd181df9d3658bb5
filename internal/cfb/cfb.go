// Package cfb is the CFB mode of NIST SP 800-38A, Section 6.3, with whole blocks, in place: the encryption of OpenPGP's SEIPDv1 and of what
// came before it (RFC 9580, Sections 5.13.1 and 5.7).
//
// Each block of ciphertext is the plaintext xored with the encryption of the ciphertext block before. Encrypting is therefore serial;
// decrypting is not, as all ciphertext is there: many blocks are encrypted one after the other, none of which waits for its neighbour, and
// then xored all at once. crypto/cipher's own decrypts as serially as it encrypts.
//
// CFB authenticates nothing: who changes a bit of the ciphertext changes that bit of the plaintext, at the price of the next block
// (EFAIL, CVE-2017-17688).
package cfb

import (
	"crypto/cipher"
	"crypto/subtle"
)

// MaxBlock is the largest block of a cipher that is served here, in bytes: that of AES.
const MaxBlock = 16

// batch is how much key stream is made at a time, in bytes: it stays in the nearest cache.
const batch = 512

// Encrypter encrypts one message. It may not be used concurrently.
type Encrypter struct {
	block cipher.Block
	size  int
	last  [MaxBlock]byte // ciphertext as far as used, then key stream: ciphertext of the block before where all of it is used
	used  int
	key   [MaxBlock]byte
}

// NewEncrypter returns an Encrypter whose initialisation vector is zeros, as OpenPGP has it. block has at most [MaxBlock] bytes.
func NewEncrypter(block cipher.Block) *Encrypter {
	size := sizeOf(block)
	return &Encrypter{block: block, size: size, used: size}
}

func sizeOf(block cipher.Block) int {
	size := block.BlockSize()
	if size > MaxBlock {
		panic("cfb: no cipher has such blocks") // a mistake in the program, and not in what it reads
	}
	return size
}

// Encrypt encrypts the next octets of the message in place.
func (e *Encrypter) Encrypt(b []byte) {
	if e.used < e.size {
		b = b[e.part(b):]
	}
	prev, key := e.last[:e.size], e.key[:e.size]
	for len(b) >= e.size {
		now := b[:e.size]
		e.block.Encrypt(key, prev)
		subtle.XORBytes(now, now, key)
		prev, b = now, b[e.size:]
	}
	copy(e.last[:], prev)
	if len(b) > 0 {
		e.block.Encrypt(e.last[:e.size], e.last[:e.size])
		e.used = 0
		e.part(b)
	}
}

// part encrypts with what is left of a block's key stream, and returns how much that was.
func (e *Encrypter) part(b []byte) int {
	n := subtle.XORBytes(b, b, e.last[e.used:e.size])
	copy(e.last[e.used:e.size], b[:n])
	e.used += n
	return n
}

// Decrypter decrypts one message, or from any block of it on. It may not be used concurrently.
type Decrypter struct {
	block cipher.Block
	size  int
	last  [MaxBlock]byte // as an Encrypter's
	used  int
	key   [batch]byte
}

// NewDecrypter returns a Decrypter whose initialisation vector is zeros, until Reset.
func NewDecrypter(block cipher.Block) *Decrypter {
	size := sizeOf(block)
	return &Decrypter{block: block, size: size, used: size}
}

// Reset makes the Decrypter go on behind the ciphertext block iv.
func (d *Decrypter) Reset(iv []byte) {
	copy(d.last[:d.size], iv)
	d.used = d.size
}

// Decrypt decrypts the next octets of the message in place.
func (d *Decrypter) Decrypt(b []byte) {
	if d.used < d.size {
		b = b[d.part(b):]
	}
	most := batch - batch%d.size
	for len(b) >= d.size {
		n := min(len(b), most)
		n -= n % d.size
		now := b[:n]
		d.block.Encrypt(d.key[:d.size], d.last[:d.size])
		for i := d.size; i < n; i += d.size {
			d.block.Encrypt(d.key[i:i+d.size], now[i-d.size:i])
		}
		copy(d.last[:], now[n-d.size:])
		subtle.XORBytes(now, now, d.key[:n])
		b = b[n:]
	}
	if len(b) > 0 {
		d.block.Encrypt(d.last[:d.size], d.last[:d.size])
		d.used = 0
		d.part(b)
	}
}

// part decrypts with what is left of a block's key stream, and returns how much that was.
func (d *Decrypter) part(b []byte) int {
	n := min(len(b), d.size-d.used)
	for i, c := range b[:n] {
		b[i] = c ^ d.last[d.used+i]
		d.last[d.used+i] = c
	}
	d.used += n
	return n
}
