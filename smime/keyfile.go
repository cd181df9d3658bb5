package smime

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
)

const (
	// maxPrivateKey is the size of an unencrypted private key in octets. That
	// of an RSA key of 8,192 bits has 4.7 KB, of ML-DSA-87 with all its parts
	// 5 KB; checking much larger RSA keys takes minutes.
	maxPrivateKey = 8 << 10

	// maxKeyFileKeys is how many private keys one file may hold: a person has
	// one to sign and one to open with, and those of some years past.
	maxKeyFileKeys = 16
)

// keyFile is what a file with private keys holds.
type keyFile struct {
	privates []any
	certs    []*certificate
	unread   error // of the first certificate that could not be read
}

// addPrivate adds a private key.
func (f *keyFile) addPrivate(private any) error {
	if len(f.privates) == maxKeyFileKeys {
		return fmt.Errorf("smime: the file holds more than %d private keys", maxKeyFileKeys)
	}
	f.privates = append(f.privates, private)
	return nil
}

// addCertificate adds a certificate in DER. One that cannot be read, as some of
// authorities cannot, matters only if the key's own is not among the others.
func (f *keyFile) addCertificate(der []byte) error {
	if len(f.certs) == maxKeyFileCertificates {
		return fmt.Errorf("smime: the file holds more than %d certificates", maxKeyFileCertificates)
	}
	c, err := parseCertificate(der)
	if err != nil {
		if f.unread == nil {
			f.unread = err
		}
		return nil
	}
	f.certs = append(f.certs, c)
	return nil
}

// ParseKey reads a private key and its certificate from r, to its end: PEM
// blocks in any order (PKCS#8, encrypted PKCS#8 with PBES2, or the older
// PKCS#1 and SEC 1), or a PKCS#12 file. Of several certificates the one whose
// key it is is taken. passphrase is used where the key is encrypted; it is not
// kept. A file with more than one private key is an error: [ParseKeys] reads it.
//
// errors.Is(err, [ErrPassphrase]) where the passphrase is wrong or missing,
// errors.Is(err, envelope.ErrLimit) for a file whose key derivation would take
// minutes or gigabytes, and an [*envelope.NotApprovedError] for one that needs
// what fips140=only forbids; else what r returned, or what is wrong with the
// file, which may have 1 MiB. r is not closed.
func ParseKey(r io.Reader, passphrase []byte) (*Key, error) {
	f, err := readKeyFile(r, passphrase)
	if err != nil {
		return nil, err
	}
	if n := len(f.privates); n > 1 {
		return nil, fmt.Errorf("smime: the file holds more than one private key, %d: ParseKeys reads them all", n)
	}
	keys, err := f.match(f.privates[0])
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

// ParseKeys is [ParseKey] for a file with one private key or more, such as the
// pair that authorities issue: one to sign with, one to open with. It returns a
// Key for each private key with each certificate that is for it, as there are
// two after a renewal, in the order of the file; there is at least one. That a
// private key has no certificate in the file is an error.
//
// Every Key opens what was sealed to its certificate: give all of them to an
// Opener. Which of them may sign, their certificates say.
func ParseKeys(r io.Reader, passphrase []byte) ([]*Key, error) {
	f, err := readKeyFile(r, passphrase)
	if err != nil {
		return nil, err
	}
	var keys []*Key
	for _, private := range f.privates {
		k, err := f.match(private)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k...)
	}
	return keys, nil
}

// readKeyFile reads all that there is, at least one private key.
func readKeyFile(r io.Reader, passphrase []byte) (*keyFile, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	defer clear(b)
	switch {
	case len(b) > maxKeyFile:
		return nil, fmt.Errorf("smime: a file of more than %d octets is no key", maxKeyFile)
	case len(bytes.TrimSpace(b)) == 0:
		return nil, errors.New("smime: the file is empty: no private key")
	case bytes.Contains(b, []byte(pemBlockBegin+pemPKCS12)):
		block, rest := pem.Decode(b)
		if block == nil || block.Type != pemPKCS12 || len(bytes.TrimSpace(rest)) > 0 {
			return nil, errors.New("smime: a PEM block with PKCS#12 must be alone in its file")
		}
		return parsePKCS12(block.Bytes, passphrase)
	case bytes.Contains(b, []byte(pemBlockBegin)):
		return parsePEMKeys(b, passphrase)
	}
	return parsePKCS12(b, passphrase)
}

// match joins a private key with the certificates of the same key.
func (f *keyFile) match(private any) ([]*Key, error) {
	var keys []*Key
	first := f.unread
	for _, c := range f.certs {
		k, err := newPrivateKey(c, private)
		if err == nil {
			keys = append(keys, &Key{k})
		} else if first == nil {
			first = err
		}
	}
	switch {
	case len(keys) > 0:
		return keys, nil
	case len(f.certs) == 0 && f.unread == nil:
		return nil, errors.New("smime: the file holds a private key and no certificate: put the certificate's PEM block beside it")
	case len(f.certs) <= 1:
		return nil, first
	}
	return nil, fmt.Errorf("smime: the private key is that of none of the file's %d certificates", len(f.certs))
}
