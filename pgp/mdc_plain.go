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
