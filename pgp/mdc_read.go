//go:build !dkb_plain

package pgp

import (
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/internal/mdc"
)

// openMDC decrypts the content of SEIPDv1, read from r. Where it checks,
// io.EOF comes only if the code at the end is right; where it does not, that
// was done in an earlier pass over the same octets.
func openMDC(r io.Reader, cipher packet.CipherFunction, key []byte, check bool) (io.ReadCloser, error) {
	block, err := newBlock(cipher, key)
	if err != nil {
		return nil, err
	}
	if check {
		return mdcReader{mdc.NewReader(r, block)}, nil
	}
	return mdcReader{mdc.NewUnchecked(r, block)}, nil
}

// openSED decrypts packet 9, read from r.
func openSED(r io.Reader, cipher packet.CipherFunction, key []byte) (io.ReadCloser, error) {
	block, err := newBlock(cipher, key)
	if err != nil {
		return nil, err
	}
	return mdcReader{mdc.NewUnprotected(r, block)}, nil
}

type mdcReader struct{ *mdc.Reader }

// stop ends what reads ahead.
func (r mdcReader) stop() { r.Stop() }
