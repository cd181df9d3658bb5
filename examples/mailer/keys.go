package main

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// The formats, as packages keyring and batch call them.
const (
	openPGP = "OpenPGP"
	sMIME   = "S/MIME"
)

// mostKeyBytes is the longest file of a key, a password or authorities.
const mostKeyBytes = 16 << 20

// readSmall reads a file that the configuration names.
func readSmall(doing, name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, failed(doing, name, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, mostKeyBytes+1))
	switch {
	case err != nil:
		return nil, failed(doing, name, err)
	case len(b) > mostKeyBytes:
		return nil, failed(doing, name, fmt.Errorf("it has more than %d MiB", mostKeyBytes>>20))
	case len(b) == 0:
		return nil, failed(doing, name, errors.New("it is empty"))
	}
	return b, nil
}

// readLine reads a secret that is the first line of a file; nil for no file.
func readLine(doing, name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	b, err := readSmall(doing, name)
	if err != nil {
		return nil, err
	}
	line, _, err := bufio.ScanLines(b, true)
	if _, text, e := bufio.ScanLines(b, true); e == nil && line > 0 {
		return text, nil
	}
	return nil, failed(doing, name, errors.Join(errors.New("its first line is empty"), err))
}

// privateKey is a private key of either format.
type privateKey interface {
	Certificate() *keyring.Certificate
	Identity() envelope.Identity
	Signer() envelope.Signer
}

// readKeys reads the private keys of a file, and says of which format they are.
func readKeys(name, passphraseFile string) (keys []privateKey, format string, err error) {
	const doing = "reading the key"
	b, err := readSmall(doing, name)
	if err != nil {
		return nil, "", err
	}
	passphrase, err := readLine("reading the passphrase in", passphraseFile)
	if err != nil {
		return nil, "", err
	}
	defer clear(passphrase)
	if bytes.Contains(b, []byte("-----BEGIN PGP ")) || b[0]&0x80 != 0 { // RFC 9580, Section 4.2
		k, err := pgp.ParseKey(bytes.NewReader(b), passphrase)
		if err != nil {
			return nil, "", failed(doing, name, needsPassphrase(err, passphrase))
		}
		return []privateKey{k}, openPGP, nil
	}
	all, err := smime.ParseKeys(bytes.NewReader(b), passphrase)
	if err != nil {
		return nil, "", failed(doing, name, needsPassphrase(err, passphrase))
	}
	for _, k := range all {
		keys = append(keys, k)
	}
	return keys, sMIME, nil
}

// needsPassphrase says what to write into the configuration.
func needsPassphrase(err error, passphrase []byte) error {
	if passphrase == nil && (errors.Is(err, pgp.ErrPassphrase) || errors.Is(err, smime.ErrPassphrase)) {
		return fmt.Errorf(`%w: "passphrase_file" names a file whose first line is its passphrase`, err)
	}
	return err
}

// signers reads the keys that sign.
func (c *config) signers() (map[string][]envelope.Signer, error) {
	out := map[string][]envelope.Signer{}
	for _, s := range c.Sign {
		name := c.path(s.Key)
		keys, format, err := readKeys(name, c.path(s.PassphraseFile))
		if err != nil {
			return nil, err
		}
		k, err := whichSigns(keys)
		switch {
		case err != nil:
			return nil, failed("choosing the key to sign with from", name, err)
		case out[format] != nil:
			return nil, failed("reading the key", name, fmt.Errorf(`there is one of %s in "sign" already: one of each format is enough`, format))
		}
		out[format] = []envelope.Signer{k.Signer()}
	}
	return out, nil
}

// whichSigns returns the one of the keys that is for signatures: authorities
// issue pairs, one to sign with and one to open with.
func whichSigns(keys []privateKey) (privateKey, error) {
	var found []privateKey
	for _, k := range keys {
		x, err := x509.ParseCertificate(k.Certificate().Marshal())
		// RFC 8550, Section 4.4.2: without the extension any use is allowed.
		if err != nil || x.KeyUsage == 0 || x.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) != 0 {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%d of its %d keys are for signatures: put the one that is meant into a file of its own", len(found), len(keys))
	}
	return found[0], nil
}

// openRing opens the ring of verified keys. The caller closes it.
func (c *config) openRing() (*keyring.Ring, error) {
	dir := c.path(c.Ring)
	if c.Ring == "" {
		config, err := os.UserConfigDir()
		if err != nil {
			return nil, usagef(`where is the ring of verified keys? "ring" in the configuration names its folder`)
		}
		dir = filepath.Join(config, "box", "ring")
	}
	// Opening makes one where there is none, and an empty one explains nothing.
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, usagef(`there is no ring of verified keys in %s: "ring" in the configuration names its folder, and box ring add --ring DIR FILE FINGERPRINT makes one`, shown(dir))
	}
	r, err := keyring.OpenRing(dir, pgp.ParseCertificate, smime.ParseCertificate)
	return r, failed("opening the ring", dir, err)
}

// authorities reads certificates of authorities; nil, the system's, for no file.
func (c *config) authorities(name string) (*x509.CertPool, error) {
	if name == "" {
		return nil, nil
	}
	const doing = "reading the authorities"
	b, err := readSmall(doing, c.path(name))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, failed(doing, c.path(name), errors.New("there is no certificate in PEM in it"))
	}
	return pool, nil
}

// printShop finds whose keys the passphrases are sealed to.
func (c *config) printShop(ring *keyring.Ring) ([]*keyring.Verified, error) {
	to := strings.TrimSpace(c.Passphrases.File.To)
	keys, err := ring.Recipients(to)
	if err != nil {
		return nil, fmt.Errorf(`"passphrases.file.to": %w; box ring add FILE FINGERPRINT adds it`, err)
	}
	return keys, nil
}
