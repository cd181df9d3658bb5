//go:build dkb_plain

package pgp

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"

	"github.com/ProtonMail/go-crypto/eax"
	"github.com/ProtonMail/go-crypto/ocb"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// newAEAD returns a mode of RFC 9580, Sections 5.13.3 to 5.13.5.
func newAEAD(block cipher.Block, mode packet.AEADMode) (cipher.AEAD, error) {
	switch mode {
	case packet.AEADModeEAX:
		return eax.NewEAX(block)
	case packet.AEADModeGCM:
		return cipher.NewGCM(block)
	}
	return ocb.NewOCB(block)
}

// openChunks has go-crypto decrypt SEIPDv2 or packet 20. Of the latter its type
// has no fields to set, so that it gets the packet whole again, in parts.
func (s *sealed) openChunks(r *watched, key []byte) (io.ReadCloser, error) {
	if s.container == containerV2 {
		se := &packet.SymmetricallyEncrypted{
			Version: 2, IntegrityProtected: true, Contents: r,
			Cipher: s.cipher, Mode: s.mode, ChunkSizeByte: s.chunk, Salt: s.salt,
		}
		return se.Decrypt(s.cipher, key)
	}
	p, err := packet.Read(&parts{
		r:   r,
		out: []byte{0xC0 | tagLibrePGP},
		in:  []byte{1, byte(s.cipher), byte(s.mode), s.chunk},
	})
	if err != nil {
		return nil, err
	}
	e, ok := p.(*packet.AEADEncrypted)
	if !ok {
		return nil, errors.New("pgp: another packet than was given")
	}
	return e.Decrypt(s.cipher, key)
}

// parts returns a packet body again as parts with lengths in front.
type parts struct {
	r    io.Reader
	in   []byte // comes before what r has
	out  []byte
	last bool
}

func (p *parts) Read(b []byte) (int, error) {
	for len(p.out) == 0 {
		if p.last {
			return 0, io.EOF
		}
		buf := make([]byte, 5+writtenPart)
		n := copy(buf[5:], p.in)
		p.in = nil
		k, err := io.ReadFull(p.r, buf[5+n:])
		n += k
		switch {
		case err == nil:
			buf[4] = 224 + writtenPartBits
			p.out = buf[4:]
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			p.last = true
			buf[0] = 255
			binary.BigEndian.PutUint32(buf[1:], uint32(n))
			p.out = buf[:5+n]
		default:
			return 0, err
		}
	}
	n := copy(b, p.out)
	p.out = p.out[n:]
	return n, nil
}
