//go:build dkb_plain

package pgp

import (
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// newBox starts the packet that encrypts with key: all of it is go-crypto's.
func newBox(w io.Writer, suite packet.CipherSuite, v2 bool, key []byte) (io.WriteCloser, error) {
	return packet.SerializeSymmetricallyEncrypted(w, suite.Cipher, v2, suite, key, config())
}

// openMDC has go-crypto decrypt the content of SEIPDv1, read from r. It always
// checks the code, in Close.
func openMDC(r io.Reader, cipher packet.CipherFunction, key []byte, _ bool) (io.ReadCloser, error) {
	se := &packet.SymmetricallyEncrypted{Version: 1, IntegrityProtected: true, Contents: r}
	return se.Decrypt(cipher, key)
}

// openSED has go-crypto decrypt packet 9, read from r.
func openSED(r io.Reader, cipher packet.CipherFunction, key []byte) (io.ReadCloser, error) {
	return (&packet.SymmetricallyEncrypted{Contents: r}).Decrypt(cipher, key)
}
