package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// kind is which format a key file is of.
type kind string

const (
	kindPGP   kind = "OpenPGP"
	kindSMIME kind = "S/MIME"
)

// formats are all that there are: for messages that come without a key.
func formats() []envelope.Format { return []envelope.Format{pgp.Format(), smime.Format()} }

// kindOf tells by the content which format a key or certificate file is of.
// Names of files say nothing: .key, .pem, .asc and .crt are used for all.
func kindOf(b []byte) (kind, error) {
	blocks := bytes.Count(b, []byte("-----BEGIN "))
	pgpBlocks := bytes.Count(b, []byte("-----BEGIN PGP "))
	switch {
	case pgpBlocks > 0 && blocks > pgpBlocks:
		return "", errors.New("it holds keys of both formats: give each a file of its own, so that it is clear which one is meant")
	case pgpBlocks > 0:
		return kindPGP, nil
	case blocks > 0: // CERTIFICATE, PRIVATE KEY, and what programs write around them
		return kindSMIME, nil
	case b[0]&0x80 != 0: // an OpenPGP packet: RFC 9580, Section 4.2, bit 7 is always set
		return kindPGP, nil
	case b[0] == 0x30: // SEQUENCE: a certificate, a PKCS#8 key or a PKCS#12 file in DER
		return kindSMIME, nil
	}
	return "", errors.New("this is neither an OpenPGP key nor an X.509 certificate: export the key once more")
}

// certificate reads a certificate of either format.
func (a *app) certificate(name string) (*keyring.Certificate, kind, error) {
	b, err := a.readSmall(name)
	if err != nil {
		return nil, "", err
	}
	k, err := kindOf(b)
	if err != nil {
		return nil, "", failed("reading", name, err)
	}
	var c *keyring.Certificate
	if k == kindPGP {
		c, err = pgp.ParseCertificate(b)
	} else {
		c, err = smime.ParseCertificate(b)
	}
	if err != nil {
		return nil, "", failed("reading the certificate", name, err)
	}
	a.files[c.Fingerprint().String()] = name
	return c, k, nil
}

// key is a private key of either format.
type key interface {
	Certificate() *keyring.Certificate
	Identity() envelope.Identity
	Signer() envelope.Signer
	Marshal(passphrase []byte) ([]byte, error)
}

var (
	_ key = (*pgp.Key)(nil)
	_ key = (*smime.Key)(nil)
)

// privateKey reads a private key with its certificate: an OpenPGP secret key,
// PEM with both, or PKCS#12.
func (a *app) privateKey(name string, passphrase []byte) (key, error) {
	b, err := a.readSmall(name)
	if err != nil {
		return nil, err
	}
	k, err := kindOf(b)
	if err != nil {
		return nil, failed("reading the key", name, err)
	}
	var out key
	if k == kindPGP {
		out, err = pgp.ParseKey(bytes.NewReader(b), passphrase)
	} else {
		out, err = smime.ParseKey(bytes.NewReader(b), passphrase)
	}
	wrong := errors.Is(err, pgp.ErrPassphrase) || errors.Is(err, smime.ErrPassphrase)
	switch {
	case wrong && passphrase == nil:
		err = fmt.Errorf("%w; give its passphrase with --passphrase-file FILE (the first line of FILE)", err)
	case wrong:
		err = fmt.Errorf("%w; the passphrase is the first line of the --passphrase-file, without its line end", err)
	}
	if err != nil {
		return nil, failed("reading the key", name, err)
	}
	a.files[out.Certificate().Fingerprint().String()] = name
	return out, nil
}
