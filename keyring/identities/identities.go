package identities

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/atomicfile"
	"github.com/doublekeybox/doublekeybox/keyring"
)

const (
	suffix = ".identity" // of every file, behind the fingerprint

	// maxIdentities is above what one person collects in a life of yearly
	// renewals; each costs reading a file.
	maxIdentities = 1000
)

// Key is what a private key has that can be kept. *pgp.Key and *smime.Key have
// it.
type Key interface {
	Certificate() *keyring.Certificate
	Marshal(passphrase []byte) ([]byte, error) // with nil: protected by nothing
}

// Identities are the private keys in a directory. It is safe for concurrent
// use, also by several processes: each file appears and changes whole.
type Identities[K Key] struct {
	dir          string
	key          func(secret []byte) (K, error)
	certificates []keyring.Parser
	cost         cost // of what is written
}

// Info is what can be known of a private key without its passphrase.
type Info struct {
	Fingerprint keyring.Fingerprint
	Certificate *keyring.Certificate // its public part; nil where Problem is not
	Added       time.Time            // to the directory
	File        string               // its name with the directory

	// Problem is why the key cannot be used: nil, a [*PermissionError], a
	// [*LimitError], an [ErrUnlock], or what reading the file returned.
	Problem error
}

// Open returns the private keys in a directory, which it makes if it is not
// there. key parses what Marshal(nil) of a key wrote, and the others public
// parts: pgp.ParseCertificate, smime.ParseCertificate. A certificate that none
// of them reads is a Problem of its Info, and nothing else is.
//
// The directory has to be its owner's alone, or the error is a
// [*PermissionError]; others are those of the file system.
func Open[K Key](dir string, key func(secret []byte) (K, error), certificates ...keyring.Parser) (*Identities[K], error) {
	if key == nil || len(certificates) == 0 {
		return nil, errors.New("identities: parsers for keys and for certificates are needed")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("identities: %w", err)
	}
	if err := checkDir(dir); err != nil {
		return nil, err
	}
	return &Identities[K]{dir: dir, key: key, certificates: slices.Clone(certificates), cost: standard()}, nil
}

// List returns what there is, what was added last first. A file that cannot be
// used is in it with its Problem, so that it hides no other one.
func (d *Identities[K]) List() ([]Info, error) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, fmt.Errorf("identities: %w", err)
	}
	var all []Info
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok || strings.HasPrefix(name, ".") {
			continue
		}
		if len(all) == maxIdentities {
			return nil, &LimitError{What: "identities in a directory", Max: maxIdentities}
		}
		info := Info{File: filepath.Join(d.dir, e.Name())}
		if info.Fingerprint, err = keyring.ParseFingerprint(name); err != nil || info.Fingerprint.String() != name {
			info.Problem = fmt.Errorf("%w: its name is no fingerprint", ErrUnlock)
		} else {
			info, _ = d.load(info.Fingerprint)
		}
		all = append(all, info)
	}
	slices.SortFunc(all, func(a, b Info) int {
		return cmp.Or(b.Added.Compare(a.Added), strings.Compare(a.File, b.File))
	})
	return all, nil
}

// path returns the file of a key. Fingerprints of 64 digits that were typed are
// of one of two kinds, and have the same digits.
func (d *Identities[K]) path(f keyring.Fingerprint) string {
	return filepath.Join(d.dir, f.String()+suffix)
}

// load reads a file, whose certificate is held against its name. Where the
// Info has a Problem the container is nil.
func (d *Identities[K]) load(f keyring.Fingerprint) (Info, *container) {
	info := Info{Fingerprint: f, File: d.path(f)}
	file, err := readOwn(info.File)
	if err != nil {
		info.Problem = err
		return info, nil
	}
	c, err := parseContainer(file)
	if err != nil {
		info.Problem = err
		return info, nil
	}
	info.Added = c.added
	cert, err := d.parse(c.certificate)
	if err != nil {
		info.Problem = fmt.Errorf("%w: its certificate cannot be read: %w", ErrUnlock, err)
		return info, nil
	}
	if got := cert.Fingerprint(); !f.Matches(got) || got.String() != c.fingerprint {
		info.Problem = fmt.Errorf("%w: its certificate is not that of its name", ErrUnlock)
		return info, nil
	}
	info.Fingerprint, info.Certificate = cert.Fingerprint(), cert
	return info, c
}

// parse reads a certificate with the first parser that can.
func (d *Identities[K]) parse(b []byte) (*keyring.Certificate, error) {
	var first error
	for _, p := range d.certificates {
		c, err := p(b)
		if err == nil {
			return c, nil
		}
		first = cmp.Or(first, err)
	}
	return nil, first
}

// known is load for what is to be used.
func (d *Identities[K]) known(f keyring.Fingerprint) (Info, *container, error) {
	if f.IsZero() {
		return Info{}, nil, errors.New("identities: no fingerprint was given")
	}
	info, c := d.load(f)
	if errors.Is(info.Problem, fs.ErrNotExist) {
		return info, nil, fmt.Errorf("identities: no private key of %s is here: %w", f, fs.ErrNotExist)
	}
	return info, c, info.Problem
}

// Add keeps a key under a passphrase, and returns what is then known of it. The
// error is an fs.ErrExist where the key is there already, [ErrNotApproved], a
// [*LimitError] where it is too large, or that of the file system.
//
// passphrase is asked once, and what it returns is overwritten.
func (d *Identities[K]) Add(k K, passphrase func() ([]byte, error)) (Info, error) {
	if err := approved(); err != nil {
		return Info{}, err
	}
	if any(k) == nil {
		return Info{}, errors.New("identities: no key was given")
	}
	cert := k.Certificate()
	f := cert.Fingerprint()
	if f.IsZero() {
		return Info{}, errors.New("identities: the key has no certificate with a fingerprint")
	}
	if _, err := os.Lstat(d.path(f)); err == nil {
		return Info{}, fmt.Errorf("identities: the private key of %s: %w", f, fs.ErrExist) // before anybody is asked
	}
	secret, err := k.Marshal(nil)
	if err != nil {
		return Info{}, err
	}
	defer clear(secret)
	c := &container{fingerprint: f.String(), added: now(), cost: d.cost, certificate: cert.Marshal()}
	if err := d.write(c, secret, passphrase, false); err != nil {
		return Info{}, err
	}
	info, _, err := d.known(f)
	return info, err
}

// write seals a secret and writes its file.
func (d *Identities[K]) write(c *container, secret []byte, passphrase func() ([]byte, error), replace bool) error {
	word, err := passphrase()
	defer clear(word)
	if err != nil {
		return err
	}
	if err := c.seal(secret, word); err != nil {
		return err
	}
	file := c.marshal()
	if len(file) > maxFile {
		return &LimitError{What: "octets in the file of an identity", Max: maxFile}
	}
	path := filepath.Join(d.dir, c.fingerprint+suffix)
	if err := atomicfile.WriteFile(path, file, atomicfile.Options{Replace: replace, Secret: true}); err != nil {
		return fmt.Errorf("identities: %w", err)
	}
	return nil
}

// Unlock returns a private key. ask is told which one and returns its
// passphrase, which is overwritten; it is asked once, after everything that can
// be checked without.
//
// Whether the key has expired or was revoked does not matter: it still opens
// old mail.
//
// Errors: [ErrUnlock]; [*LimitError], [*PermissionError] and [ErrNotApproved]
// before anything is asked; an fs.ErrNotExist where there is no such key; and
// what ask and the parser of keys return.
func (d *Identities[K]) Unlock(f keyring.Fingerprint, ask func(Info) ([]byte, error)) (K, error) {
	var none K
	info, c, err := d.known(f)
	if err != nil {
		return none, err
	}
	secret, err := unlock(info, c, ask)
	defer clear(secret) // the parser has made its copy by then
	if err != nil {
		return none, err
	}
	k, err := d.key(secret)
	if err != nil {
		return none, err
	}
	// The file is as its owner wrote it; this holds the parser to it.
	if got := k.Certificate().Fingerprint(); !got.Matches(info.Fingerprint) {
		return none, fmt.Errorf("identities: the private key in %.200q is that of %s", info.File, got)
	}
	return k, nil
}

// unlock asks for a passphrase and opens c with it.
func unlock(info Info, c *container, ask func(Info) ([]byte, error)) ([]byte, error) {
	if err := approved(); err != nil {
		return nil, err
	}
	word, err := ask(info)
	defer clear(word)
	if err != nil {
		return nil, err
	}
	return c.open(word)
}

// ChangePassphrase puts a key under another passphrase. Both are asked for once,
// the new one only after the old one was right. Copies of the old file still
// open with the old passphrase: where somebody may have both, only a new key
// helps. Errors are those of [Identities.Unlock] and [Identities.Add].
func (d *Identities[K]) ChangePassphrase(f keyring.Fingerprint, old func(Info) ([]byte, error), passphrase func() ([]byte, error)) error {
	info, c, err := d.known(f)
	if err != nil {
		return err
	}
	secret, err := unlock(info, c, old)
	defer clear(secret)
	if err != nil {
		return err
	}
	c.cost = d.cost
	return d.write(c, secret, passphrase, true)
}

// Replace puts a key in the place of an older copy of itself: one that was
// given more time, or further subkeys. What is there is unlocked first, and the
// new copy is under the same passphrase; it then counts as added now. Errors are
// those of [Identities.Unlock] and [Identities.Add].
func (d *Identities[K]) Replace(k K, ask func(Info) ([]byte, error)) (Info, error) {
	if any(k) == nil {
		return Info{}, errors.New("identities: no key was given")
	}
	cert := k.Certificate()
	info, c, err := d.known(cert.Fingerprint())
	if err != nil {
		return info, err
	}
	var word []byte
	defer func() { clear(word) }()
	old, err := unlock(info, c, func(i Info) ([]byte, error) {
		given, err := ask(i)
		word = slices.Clone(given)
		return given, err
	})
	clear(old)
	if err != nil {
		return info, err
	}
	secret, err := k.Marshal(nil)
	if err != nil {
		return info, err
	}
	defer clear(secret)
	c.added, c.cost, c.certificate = now(), d.cost, cert.Marshal()
	if err := d.write(c, secret, func() ([]byte, error) { return slices.Clone(word), nil }, true); err != nil {
		return info, err
	}
	info, _, err = d.known(info.Fingerprint)
	return info, err
}

// now is the time as a file states it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// Remove deletes the file of a private key, for good: what was sealed to it
// opens no more. Its octets may stay on the disk, under its passphrase. A file
// that cannot be used can be removed too. The error is an fs.ErrNotExist where
// there is none, or that of the file system.
func (d *Identities[K]) Remove(f keyring.Fingerprint) error {
	if f.IsZero() {
		return errors.New("identities: no fingerprint was given")
	}
	if err := os.Remove(d.path(f)); err != nil {
		return fmt.Errorf("identities: %w", err)
	}
	return nil
}
