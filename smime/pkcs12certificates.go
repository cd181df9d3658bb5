package smime

import (
	"errors"
	"fmt"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// PKCS12Certificates returns the certificates of a PKCS#12 file (.p12, .pfx), in
// its order. Private keys in it are not decrypted. Nothing of the result is
// trusted: that the file opens with a passphrase says that whoever made it knows
// the passphrase.
//
// A certificate that cannot be parsed is an error beside those that can. Else
// errors are those of [ParseKey], errors.Is(err, [ErrPassphrase]) among them,
// and that there is no certificate. At most 64 are read of a file, which may
// have 1 MiB. b is not kept.
func PKCS12Certificates(b, passphrase []byte) ([]*keyring.Certificate, error) {
	if len(b) > maxKeyFile {
		return nil, fmt.Errorf("smime: %w", &envelope.LimitError{What: "octets in a PKCS#12 file", Max: maxKeyFile, Fixed: true})
	}
	p := &pkcs12Reader{passphrase: passphrase, public: true}
	if err := p.read(b); err != nil {
		return nil, err
	}
	var out []*keyring.Certificate
	for _, c := range p.file.certs {
		out = append(out, c.public())
	}
	if err := p.file.unread; err != nil {
		return out, err
	}
	if len(out) == 0 {
		return nil, errors.New("smime: the PKCS#12 file holds no certificate")
	}
	return out, nil
}
