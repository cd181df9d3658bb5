//go:build !dkb_plain

package pgp

import (
	"crypto/aes"
	"crypto/rand"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/internal/mdc"
)

// newBox starts the packet that encrypts with key.
//
// go-crypto's SEIPDv1 allocates what it encrypts once more for every write, of
// which the garbage collector is not always in time to hold the promise of
// constant memory, and both of its versions work octet by octet on one core.
func newBox(w io.Writer, suite packet.CipherSuite, v2 bool, key []byte) (io.WriteCloser, error) {
	if v2 {
		return newChunkWriter(w, suite, key)
	}
	return newMDCWriter(w, key)
}

// mdcWriter writes a version 1 Symmetrically Encrypted and Integrity Protected
// Data packet, RFC 9580, Section 5.13.1.
type mdcWriter struct {
	*mdc.Writer
	packet *partWriter
}

func newMDCWriter(w io.Writer, key []byte) (*mdcWriter, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	p := newPartWriter(w, tagSEIPD)
	if _, err := p.Write([]byte{1}); err != nil {
		return nil, err
	}
	var prefix [aes.BlockSize]byte
	rand.Read(prefix[:]) // never fails
	return &mdcWriter{mdc.NewWriter(p, block, prefix[:]), p}, nil
}

// Close writes the code and ends the packet.
func (m *mdcWriter) Close() error {
	if err := m.Writer.Close(); err != nil {
		return err
	}
	return m.packet.Close()
}
