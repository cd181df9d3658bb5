package batch

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// maxCertificate is how many octets the file of a certificate has at most: the
// largest that people use have a few ten thousand.
const maxCertificate = 1 << 20

// ringKeys finds the key of w in the ring.
func (r *Run) ringKeys(w *row, formats ...string) ([]*keyring.Verified, error) {
	if len(formats) == 1 {
		return r.Composer.Ring.RecipientsIn(formats[0], w.Address)
	}
	return r.Composer.Ring.Recipients(w.Address)
}

// keysOf finds whom w is sealed to, in one of the formats. The ring goes before
// the list: where it knows the address, what it says holds, its refusals
// included, and a row that names another key is an error: one of the two is
// wrong, and only a person can say which.
func (r *Run) keysOf(w *row, formats ...string) ([]*keyring.Verified, error) {
	keys, err := r.ringKeys(w, formats...)
	switch {
	case w.Key.File == "":
		return keys, err
	case errors.As(err, new(*keyring.UnknownError)):
		v, err := r.named(w, formats)
		if err != nil {
			return nil, fmt.Errorf("key %.200q: %w", w.Key.File, err)
		}
		return []*keyring.Verified{v}, nil
	case err != nil:
		return nil, fmt.Errorf("the list names a key, and the ring refuses the one that it has: %w", err)
	}
	want, err := fingerprint(w)
	if err != nil {
		return nil, err
	}
	for _, v := range keys {
		if !want.Matches(v.Fingerprint()) {
			return nil, fmt.Errorf("the ring has another key for this address, %s: correct the list, or the ring with box ring add", v.Fingerprint())
		}
	}
	return keys, nil
}

// named reads the certificate that w names, and takes it for the recipient's
// where it is the one whose fingerprint the list has, and says itself that it is
// this address'. Whether it can be used now is asked when it is sealed to.
func (r *Run) named(w *row, formats []string) (*keyring.Verified, error) {
	if r.Keys == nil {
		return nil, errors.New("nothing says in which folder it is: --keys DIR")
	}
	want, err := fingerprint(w)
	if err != nil {
		return nil, err
	}
	b, err := readCertificate(r.Keys, w.Key.File)
	if err != nil {
		return nil, err
	}
	cert, err := r.parse(b, formats)
	if err != nil {
		return nil, err
	}
	v, err := keyring.Verify(cert, keyring.Expect(want))
	if err != nil {
		return nil, err
	}
	// A fingerprint is about the key and no address. Two cells of a list are
	// exchanged more easily than an address within a certificate.
	if !slices.ContainsFunc(cert.Addresses(), func(a string) bool { return mailbox.Same(a, w.Address) }) {
		return nil, fmt.Errorf("it is not for this address: it states %.200q", cert.Addresses())
	}
	return v, nil
}

// readCertificate reads a file whole, which is one: reading a pipe may never end.
func readCertificate(keys *os.Root, name string) ([]byte, error) {
	info, err := keys.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no file")
	}
	var f *os.File
	if err == nil {
		f, err = keys.Open(name)
	}
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxCertificate+1))
	if err == nil && len(b) > maxCertificate {
		err = fmt.Errorf("it has more than %d octets", maxCertificate)
	}
	return b, err
}

// fingerprint returns which certificate it has to be.
func fingerprint(w *row) (keyring.Fingerprint, error) {
	text := w.Key.Fingerprint
	if strings.HasPrefix(strings.ToLower(text), "sha1:") {
		// Two certificates can be made that share it.
		return keyring.Fingerprint{}, errors.New("a thumbprint by SHA-1 does not say which certificate it is: give the fingerprint by SHA-256")
	}
	return keyring.ParseFingerprint(text)
}

// parse parses a certificate of one of these formats.
func (r *Run) parse(b []byte, formats []string) (*keyring.Certificate, error) {
	var errs []error
	for _, f := range formats {
		cert, err := r.Parsers[f](b)
		if err == nil {
			return cert, nil
		}
		errs = append(errs, fmt.Errorf("not %s: %w", f, err))
	}
	return nil, errors.Join(errs...)
}
