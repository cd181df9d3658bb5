//go:build !dkb_plain

package pgp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"math/bits"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/internal/chunks"
	"github.com/doublekeybox/doublekeybox/internal/eax"
	"github.com/doublekeybox/doublekeybox/internal/ocb"
)

// newAEAD returns a mode of RFC 9580, Sections 5.13.3 to 5.13.5.
func newAEAD(block cipher.Block, mode packet.AEADMode) (cipher.AEAD, error) {
	switch mode {
	case packet.AEADModeEAX:
		return eax.New(block)
	case packet.AEADModeGCM:
		return cipher.NewGCM(block)
	}
	return ocb.New(block, ocb.MaxNonceSize)
}

// scheme describes chunks that are encrypted with key.
func scheme(data []byte, key, iv []byte) (*chunks.Scheme, error) {
	mode, size := packet.AEADMode(data[3]), data[4]
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if _, err := newAEAD(block, mode); err != nil {
		return nil, err
	}
	return &chunks.Scheme{
		AEAD: func() cipher.AEAD { a, _ := newAEAD(block, mode); return a },
		IV:   iv, Data: data, Size: 64 << size,
	}, nil
}

// schemeV2 derives a message key and a part of the nonce from the session key,
// RFC 9580, Section 5.13.2. The index of a chunk fills the rest of the nonce.
func schemeV2(suite packet.CipherSuite, chunk byte, session, salt []byte) (*chunks.Scheme, error) {
	data := []byte{0xC0 | tagSEIPD, 2, byte(suite.Cipher), byte(suite.Mode), chunk}
	nonce, n := suite.Mode.IvLength(), suite.Cipher.KeySize()
	derived, err := hkdf.Key(sha256.New, session, salt, string(data), n+nonce-8)
	if err != nil {
		return nil, err
	}
	defer clear(derived[:n])
	return scheme(data, derived[:n], append(derived[n:len(derived):len(derived)], make([]byte, 8)...))
}

// chunkWriter writes a version 2 Symmetrically Encrypted and Integrity
// Protected Data packet, RFC 9580, Section 5.13.2.
type chunkWriter struct {
	*chunks.Writer
	packet *partWriter
}

// newChunkWriter starts one with a fresh salt.
func newChunkWriter(w io.Writer, suite packet.CipherSuite, key []byte) (io.WriteCloser, error) {
	var salt [32]byte
	rand.Read(salt[:]) // never fails
	return newSaltedWriter(w, suite, byte(bits.TrailingZeros(writtenChunk/64)), key, salt[:])
}

func newSaltedWriter(w io.Writer, suite packet.CipherSuite, chunk byte, key, salt []byte) (*chunkWriter, error) {
	s, err := schemeV2(suite, chunk, key, salt)
	if err != nil {
		return nil, err
	}
	p := newPartWriter(w, tagSEIPD)
	if _, err := p.Write(append(s.Data[1:len(s.Data):len(s.Data)], salt...)); err != nil {
		return nil, err
	}
	return &chunkWriter{chunks.NewWriter(p, s), p}, nil
}

// Close writes the final tag and ends the packet.
func (c *chunkWriter) Close() error {
	if err := c.Writer.Close(); err != nil {
		return err
	}
	return c.packet.Close()
}

// chunkReader decrypts SEIPDv2 or packet 20.
type chunkReader struct {
	*chunks.Reader
	from *watched
}

// openChunks decrypts what r has. The workers read what is below r, which
// learns of an error only when it is passed on: what they read ahead must not
// decide what is said of what came before.
func (s *sealed) openChunks(r *watched, key []byte) (io.ReadCloser, error) {
	var sch *chunks.Scheme
	var err error
	if s.container == containerV2 {
		sch, err = schemeV2(packet.CipherSuite{Cipher: s.cipher, Mode: s.mode}, s.chunk, key, s.salt[:])
	} else {
		sch, err = s.libreScheme(r, key)
	}
	if err != nil {
		return nil, err
	}
	if last, ok := s.last.(*chunkReader); ok {
		return &chunkReader{last.Again(r.r, sch), r}, nil
	}
	return &chunkReader{chunks.NewReader(r.r, sch), r}, nil
}

// libreScheme is that of LibrePGP's packet 20, draft-koch-librepgp, Section
// 5.16: the session key is the message's, the nonce is in front of the chunks,
// and the index is authenticated and xored into it.
func (s *sealed) libreScheme(r io.Reader, key []byte) (*chunks.Scheme, error) {
	iv := make([]byte, s.mode.IvLength())
	if _, err := io.ReadFull(r, iv); err != nil {
		return nil, err
	}
	sch, err := scheme([]byte{0xC0 | tagLibrePGP, 1, byte(s.cipher), byte(s.mode), s.chunk}, key, iv)
	if err == nil {
		sch.Indexed = true
	}
	return sch, err
}

// Read implements io.Reader.
func (c *chunkReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	return n, c.pass(err)
}

// ReadByte implements io.ByteReader.
func (c *chunkReader) ReadByte() (byte, error) {
	b, err := c.Reader.ReadByte()
	return b, c.pass(err)
}

// Lend implements lender.
func (c *chunkReader) Lend(most int) ([]byte, error) {
	b, err := c.Reader.Lend(most)
	return b, c.pass(err)
}

// pass tells of an error of the source.
func (c *chunkReader) pass(err error) error {
	switch err {
	case nil, io.EOF, chunks.ErrAuth, chunks.ErrClosed:
	default:
		c.from.err = err
	}
	return err
}

// stop ends what reads ahead.
func (c *chunkReader) stop() { c.Reader.Close() }
