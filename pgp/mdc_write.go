//go:build !dkb_plain

package pgp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"hash"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// newBox starts the packet that encrypts with key.
//
// SEIPDv2 is go-crypto's. Its SEIPDv1 allocates what it encrypts once more for
// every write, of which the garbage collector is not always in time to hold
// the promise of constant memory; so that one is written here, in place.
func newBox(w io.Writer, suite packet.CipherSuite, v2 bool, key []byte) (io.WriteCloser, error) {
	if v2 {
		return packet.SerializeSymmetricallyEncrypted(w, suite.Cipher, v2, suite, key, config())
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return newMDCWriter(w, block)
}

// mdcWriter writes a version 1 Symmetrically Encrypted and Integrity Protected
// Data packet (RFC 9580, Section 5.13.1): in CFB mode with an IV of zeros, a
// random block with its last two octets repeated, the content, and a
// Modification Detection Code packet with SHA-1 of all that came before,
// its own two octets of header included.
type mdcWriter struct {
	packet *partWriter
	block  cipher.Block
	last   [aes.BlockSize]byte // ciphertext of the block before
	sum    hash.Hash
	buf    []byte // plaintext that was not encrypted so far
}

// tagMDC is a packet that RFC 9580, Section 5.13.1 knows only inside this one.
const tagMDC = 19

// mdcBuffer is a multiple of the block, so that only the end is a part of one.
const mdcBuffer = slice

func newMDCWriter(w io.Writer, block cipher.Block) (*mdcWriter, error) {
	m := &mdcWriter{packet: newPartWriter(w, tagSEIPD), block: block, sum: sha1.New(), buf: make([]byte, 0, mdcBuffer)}
	if _, err := m.packet.Write([]byte{1}); err != nil {
		return nil, err
	}
	var prefix [aes.BlockSize + 2]byte
	rand.Read(prefix[:aes.BlockSize]) // never fails
	copy(prefix[aes.BlockSize:], prefix[aes.BlockSize-2:])
	_, err := m.Write(prefix[:])
	return m, err
}

func (m *mdcWriter) Write(p []byte) (n int, err error) {
	m.sum.Write(p)
	for len(p) > 0 {
		k := min(len(p), mdcBuffer-len(m.buf))
		m.buf = append(m.buf, p[:k]...)
		n, p = n+k, p[k:]
		if len(m.buf) == mdcBuffer {
			if err := m.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// flush encrypts the buffer in place and writes it.
//
// CFB with whole blocks (NIST SP 800-38A, Section 6.3): each block of
// ciphertext is the plaintext xored with the encryption of the one before. At
// the end a part of a block is xored with a part of that.
func (m *mdcWriter) flush() error {
	for b := m.buf; len(b) > 0; {
		m.block.Encrypt(m.last[:], m.last[:])
		k := subtle.XORBytes(b, b, m.last[:])
		copy(m.last[:], b[:k])
		b = b[k:]
	}
	_, err := m.packet.Write(m.buf)
	m.buf = m.buf[:0]
	return err
}

// Close writes the code and ends the packet.
func (m *mdcWriter) Close() error {
	// RFC 9580, Section 5.13.1: the packet's header is part of what is hashed.
	if _, err := m.Write([]byte{0xC0 | tagMDC, sha1.Size}); err != nil {
		return err
	}
	if _, err := m.Write(m.sum.Sum(nil)); err != nil {
		return err
	}
	if err := m.flush(); err != nil {
		return err
	}
	return m.packet.Close()
}
