package opening

import (
	"bytes"
	"errors"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// maxKeyFile is how long a file of keys may be: a hundred times what the largest
// one with its chain of certificates has.
const maxKeyFile = 4 << 20

// identities reads the private keys of one file. Its name says nothing (.key,
// .pem and .asc are used for all), so that its content decides.
func identities(file []byte, passphrase string) ([]envelope.Identity, error) {
	if len(file) > maxKeyFile {
		return nil, failed(BadKey, errors.New("too long for a key"))
	}
	var secret []byte
	if passphrase != "" {
		secret = []byte(passphrase)
		defer clear(secret)
	}
	var found []envelope.Identity
	var err error
	if isOpenPGP(file) {
		var k *pgp.Key
		if k, err = pgp.ParseKey(bytes.NewReader(file), secret); err == nil {
			found = append(found, k.Identity())
		}
	} else {
		var all []*smime.Key
		all, err = smime.ParseKeys(bytes.NewReader(file), secret)
		for _, k := range all {
			found = append(found, k.Identity())
		}
	}
	switch {
	case errors.Is(err, pgp.ErrPassphrase), errors.Is(err, smime.ErrPassphrase):
		return nil, failed(KeyLocked, err)
	case err != nil:
		return nil, failed(BadKey, err)
	case len(found) == 0:
		return nil, failed(BadKey, errors.New("no private key is in the file"))
	}
	return found, nil
}

// isOpenPGP reports whether the file holds keys of OpenPGP, armored or not
// (RFC 9580, Section 4.2: bit 7 of a packet is always set).
func isOpenPGP(file []byte) bool {
	return bytes.Contains(file, []byte("-----BEGIN PGP ")) || len(file) > 0 && file[0]&0x80 != 0
}
