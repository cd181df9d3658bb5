package main

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

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
		if all, e := smime.ParseCertificates(b); k == kindSMIME && e == nil && len(all) != 1 {
			err = fmt.Errorf("it holds %d certificates, and one is meant: put that into a file of its own (openssl pkcs7 -print_certs shows those of a .p7c or .p7b)", len(all))
		}
		return nil, "", failed("reading the certificate", name, err)
	}
	a.files[c.Fingerprint().String()] = name
	return c, k, nil
}

// certificatesIn reads all certificates of a file: one of OpenPGP, or any number
// of S/MIME.
func (a *app) certificatesIn(name string) ([]*keyring.Certificate, error) {
	b, err := a.readSmall(name)
	if err != nil {
		return nil, err
	}
	k, err := kindOf(b)
	if err != nil {
		return nil, failed("reading", name, err)
	}
	if k == kindPGP {
		c, err := pgp.ParseCertificate(b)
		if err != nil {
			return nil, failed("reading the certificate", name, err)
		}
		return []*keyring.Certificate{c}, nil
	}
	all, err := smime.ParseCertificates(b)
	if err != nil {
		return nil, failed("reading the certificates", name, err)
	}
	return all, nil
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

// keysIn reads the private keys of one file with their certificates: an OpenPGP
// secret key, PEM, or PKCS#12; or finds them where they are kept (elsewhere). S/MIME files may hold several, such as the pair
// to sign and to open with that authorities issue.
func (a *app) keysIn(name string, passphrase []byte) ([]key, error) {
	if file, where, ok := elsewhere(name); ok {
		return a.keysElsewhere(file, where, passphrase)
	}
	b, err := a.readSmall(name)
	if err != nil {
		return nil, err
	}
	return a.keysOf(name, b, passphrase)
}

// keysOf is keysIn of a file that was read.
func (a *app) keysOf(name string, b, passphrase []byte) ([]key, error) {
	k, err := kindOf(b)
	if err != nil {
		return nil, failed("reading the key", name, err)
	}
	keys, err := parseKeys(k, b, passphrase)
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
	for _, k := range keys {
		// A certificate that has a file of its own is known by that.
		if f := k.Certificate().Fingerprint().String(); a.files[f] == "" {
			a.files[f] = name
		}
	}
	return keys, nil
}

func parseKeys(k kind, b, passphrase []byte) ([]key, error) {
	if k == kindPGP {
		one, err := pgp.ParseKey(bytes.NewReader(b), passphrase)
		return []key{one}, err
	}
	all, err := smime.ParseKeys(bytes.NewReader(b), passphrase)
	keys := make([]key, len(all))
	for i := range all {
		keys[i] = all[i]
	}
	return keys, err
}

// signingKeys reads the keys to sign with: of each file the one that may sign,
// and the newest identity of each address that is no file. of is the format
// that they have to be of, "" for either.
func (a *app) signingKeys(names []string, passphraseFile string, of kind) ([]key, error) {
	passphrase, err := a.readPassphrase(passphraseFile)
	if err != nil {
		return nil, err
	}
	var keys []key
	for _, name := range names {
		if namesIdentity(name) {
			k, err := a.signingIdentity(name, passphraseFile, of)
			if err != nil {
				return nil, err
			}
			keys = append(keys, k)
			continue
		}
		all, err := a.keysIn(name, passphrase)
		if err != nil {
			return nil, err
		}
		k, err := whichSigns(all)
		if err != nil {
			return nil, failed("choosing the key to sign with from", name, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// whichSigns returns the one of several keys whose certificate is for
// signatures. What is alone is taken: the library says why it cannot sign.
func whichSigns(keys []key) (key, error) {
	if len(keys) == 1 {
		return keys[0], nil
	}
	var found []key
	for _, k := range keys {
		if maySign(k.Certificate()) {
			found = append(found, k)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("none of its %d keys is for signatures, as their certificates say", len(keys))
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%d of its %d keys may sign, %s and %s: put the one that is meant into a file of its own", len(found), len(keys),
		found[0].Certificate().Fingerprint().Grouped(), found[1].Certificate().Fingerprint().Grouped())
}

// maySign reports whether an X.509 certificate is for signatures, and has not
// expired.
func maySign(c *keyring.Certificate) bool {
	x, err := x509.ParseCertificate(c.Marshal())
	if err != nil || x.NotAfter.Before(time.Now()) {
		return false
	}
	// RFC 8550, Section 4.4.2: without the extension any use is allowed.
	return x.KeyUsage == 0 || x.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) != 0
}
