package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/identities"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// identityStore are the user's own private keys.
type identityStore = identities.Identities[key]

// identityDir returns the directory of the user's own private keys: beside the
// ring, where it is said which that is.
func (a *app) identityDir() (string, error) {
	if dir := a.env("BOX_RING"); dir != "" {
		return filepath.Join(dir, "identities"), nil
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return "", usagef("where are your private keys? Set BOX_RING (%s)", err)
	}
	return filepath.Join(config, "box", "identities"), nil
}

// identities opens the directory, which it makes where it is not there.
func (a *app) identities() (*identityStore, error) {
	dir, err := a.identityDir()
	if err != nil {
		return nil, err
	}
	d, err := identities.Open(dir, parseIdentity, pgp.ParseCertificate, smime.ParseCertificate)
	return d, failed("opening your identities", dir, err)
}

// parseIdentity reads the one key that an identity holds.
func parseIdentity(secret []byte) (key, error) {
	k, err := kindOf(secret)
	if err != nil {
		return nil, err
	}
	keys, err := parseKeys(k, secret, nil)
	if err != nil {
		return nil, err
	}
	if len(keys) != 1 {
		return nil, fmt.Errorf("it holds %d keys instead of one", len(keys))
	}
	return keys[0], nil
}

// listIdentities returns those there are, the newest first, without making the
// directory. What cannot be used is said and left out.
func (a *app) listIdentities() (*identityStore, []identities.Info, error) {
	dir, err := a.identityDir()
	if err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	d, err := a.identities()
	if err != nil {
		return nil, nil, err
	}
	all, err := d.List()
	if err != nil {
		return nil, nil, failed("reading your identities", dir, err)
	}
	var good []identities.Info
	for _, i := range all {
		if i.Problem != nil {
			a.say("warning: an identity is left out: %s", a.errorLine(failed("reading", i.File, i.Problem)))
			continue
		}
		good = append(good, i)
	}
	return d, good, nil
}

// namesIdentity reports whether what stands in the place of a key file is the
// address or the fingerprint of an identity: a file of that name comes first.
func namesIdentity(s string) bool {
	if _, err := os.Lstat(s); err == nil {
		return false
	}
	if _, _, kept := elsewhere(s); kept {
		return false
	}
	_, err := keyring.ParseFingerprint(s)
	return err == nil || isAddress(s)
}

// findIdentities returns the identities of an address or a fingerprint, the
// newest first, at least one.
func (a *app) findIdentities(who string) (*identityStore, []identities.Info, error) {
	d, all, err := a.listIdentities()
	if err != nil {
		return nil, nil, err
	}
	want, err := keyring.ParseFingerprint(who)
	byAddress := err != nil
	var found []identities.Info
	for _, i := range all {
		switch {
		case !byAddress && want.Matches(i.Fingerprint), byAddress && hasAddress(i.Certificate, who):
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return nil, nil, usagef("no private key of yours is for %q: box identity list shows them, and box identity add KEYFILE adds one", cut(who))
	}
	return d, found, nil
}

// hasAddress reports whether a certificate states an address, compared as a ring
// compares them.
func hasAddress(c *keyring.Certificate, address string) bool {
	return slices.ContainsFunc(c.Addresses(), func(s string) bool { return mailbox.Same(s, address) })
}

// kindIs returns the format of a certificate.
func kindIs(c *keyring.Certificate) kind {
	if strings.HasPrefix(c.Fingerprint().URI(), "OPENPGP4FPR:") {
		return kindPGP
	}
	return kindSMIME
}

// kindTo returns the format of a message to these recipients, "" where it is
// not known yet.
func kindTo(to []*keyring.Verified, format string) kind {
	switch {
	case len(to) > 0:
		return kindIs(to[0].Certificate())
	case format == "pgp":
		return kindPGP
	case format == "smime":
		return kindSMIME
	}
	return ""
}

// openingKeys returns what a message is to be opened with: the keys that were
// named, and without any all identities.
func (a *app) openingKeys(f *openerFlags) ([]key, error) {
	if len(f.keys)+len(f.passphrases) > 0 {
		return a.privateKeys(f.keys, f.passphraseFile)
	}
	d, all, err := a.listIdentities()
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, usagef("no key to open it with: --key KEYFILE, or --with-passphrase FILE if it was sealed to a passphrase; box identity add KEYFILE keeps a key for good")
	}
	// Unlocking takes a moment for each, and perhaps a passphrase: those of the
	// other format open nothing of this one.
	if k := messageKind(f.in); k != "" {
		all = slices.DeleteFunc(all, func(i identities.Info) bool { return kindIs(i.Certificate) != k })
	}
	if len(all) == 0 {
		return nil, usagef("no private key of yours is of the message's format: box identity list shows them; --key KEYFILE names another one")
	}
	return a.unlockAll(d, all, f.passphraseFile)
}

// messageKind tells by the first octets of a file which format a message is of;
// "" where that takes more than a look.
func messageKind(name string) kind {
	// Before it is opened: to look into a pipe takes from it.
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	b := make([]byte, len("-----BEGIN PGP "))
	n, _ := io.ReadFull(f, b)
	switch b = b[:n]; {
	case n == 0:
		return ""
	case string(b) == "-----BEGIN PGP ", b[0]&0x80 != 0: // RFC 9580, Section 4.2: of a packet bit 7 is always set
		return kindPGP
	case b[0] == 0x30: // SEQUENCE: ContentInfo, RFC 5652, Section 3
		return kindSMIME
	}
	return ""
}

// identitiesOf unlocks all identities of an address or a fingerprint.
func (a *app) identitiesOf(who, passphraseFile string) ([]key, error) {
	d, found, err := a.findIdentities(who)
	if err != nil {
		return nil, err
	}
	return a.unlockAll(d, found, passphraseFile)
}

// signingIdentity unlocks the newest identity that signs: of an address, or the
// one of a fingerprint.
func (a *app) signingIdentity(who, passphraseFile string, of kind) (key, error) {
	d, found, err := a.findIdentities(who)
	if err != nil {
		return nil, err
	}
	for _, i := range found {
		k := kindIs(i.Certificate)
		if of != "" && k != of || k == kindSMIME && !maySign(i.Certificate) {
			continue
		}
		return a.unlock(d, i, passphraseFile, false)
	}
	return nil, usagef("no private key of yours for %q signs %s now: box identity list shows them", cut(who), of)
}

// errSkipped is for an identity that stays locked because its owner wants that.
var errSkipped = errors.New("not unlocked")

// unlockAll unlocks those that the passphrase of the file or the person at the
// terminal unlocks, at least one.
func (a *app) unlockAll(d *identityStore, all []identities.Info, passphraseFile string) (keys []key, err error) {
	var locked []string
	for _, i := range all {
		k, e := a.unlock(d, i, passphraseFile, len(all) > 1)
		switch {
		case e == nil:
			keys = append(keys, k)
		case errors.Is(e, identities.ErrUnlock) || errors.Is(e, errSkipped):
			err = e
			locked = append(locked, whose(i))
		default:
			return nil, e
		}
	}
	if len(keys) == 0 {
		return nil, err
	}
	if len(locked) > 0 {
		a.say("note: still locked, and not tried: %s", strings.Join(locked, ", "))
	}
	return keys, nil
}

// whose names an identity in a few words.
func whose(i identities.Info) string {
	name := i.Fingerprint.Grouped()
	if list := i.Certificate.Addresses(); len(list) > 0 {
		name = shown(list[0]) + " (" + name + ")"
	}
	return name
}

// unlock unlocks one identity: by the file, by what was typed before, or by
// what is typed now. Where there are several, an empty line leaves this one
// locked.
func (a *app) unlock(d *identityStore, i identities.Info, passphraseFile string, several bool) (key, error) {
	with := func(word []byte) (key, error) {
		k, err := d.Unlock(i.Fingerprint, func(identities.Info) ([]byte, error) { return bytes.Clone(word), nil })
		if err == nil && a.files[i.Fingerprint.String()] == "" {
			a.files[i.Fingerprint.String()] = filepath.Base(i.File)
		}
		return k, failed("unlocking", i.File, err)
	}
	if passphraseFile != "" {
		word, err := a.readPassphrase(passphraseFile)
		if err != nil {
			return nil, err
		}
		defer clear(word)
		return with(word)
	}
	for _, word := range a.words {
		if k, err := with(word); !errors.Is(err, identities.ErrUnlock) {
			return k, err
		}
	}
	prompt := "passphrase of your key " + whose(i)
	if several {
		prompt += ", or nothing to go on without it"
	}
	for try := 1; ; try++ {
		word, err := a.ask(prompt)
		if err != nil {
			return nil, err
		}
		if len(word) == 0 {
			return nil, failed("unlocking", i.File, errSkipped)
		}
		k, err := with(word)
		if err == nil {
			a.words = append(a.words, word)
			return k, nil
		}
		clear(word)
		if !errors.Is(err, identities.ErrUnlock) || try == promptTries {
			return nil, err
		}
		a.say("wrong passphrase, or the file is damaged: once again")
	}
}

// forget overwrites what was typed.
func (a *app) forget() {
	for _, word := range a.words {
		clear(word)
	}
	a.words = nil
}
