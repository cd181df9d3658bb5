package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// ringFlags are where the ring of verified keys is, and what it believes.
type ringFlags struct {
	dir    string
	accept string

	passphraseFile string // of PKCS#12 files that are looked through

	opened *keyring.Ring // once for one run of the program
}

// addRingFlags adds them to a command that looks into the ring.
func (a *app) addRingFlags(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&a.ring.dir, "ring", "", "the `DIR` with the ring of verified keys (default: $BOX_RING, or in your configuration)")
	fl.StringVar(&a.ring.accept, "accept", "", "believe more or less than a ring does, a `LIST` of first-use, domain, reissued, fingerprint-only: see box ring --help")
}

// ringDir returns the directory of the ring.
func (a *app) ringDir() (string, error) {
	if a.ring.dir != "" {
		return a.ring.dir, nil
	}
	if dir := a.env("BOX_RING"); dir != "" {
		return dir, nil
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return "", usagef("where is the ring? Give --ring DIR or set BOX_RING (%s)", err)
	}
	return filepath.Join(config, "box", "ring"), nil
}

// ringPolicy reads the value of --accept.
func ringPolicy(list string) (p keyring.Policy, err error) {
	if list == "" {
		return p, nil
	}
	for word := range strings.SplitSeq(list, ",") {
		switch strings.TrimSpace(word) {
		case "first-use":
			p.AcceptFirstUse = true
		case "domain":
			p.AcceptDomainAttested = true
		case "reissued":
			p.AcceptReissued = true
		case "fingerprint-only":
			p.FingerprintOnly = true
		default:
			return p, usagef("--accept %q: give one or several of first-use, domain, reissued and fingerprint-only, with commas between", cut(word))
		}
	}
	return p, nil
}

// openRing opens the ring, and makes it where there is none yet. The app closes it.
func (a *app) openRing() (*keyring.Ring, error) {
	if a.ring.opened != nil {
		return a.ring.opened, nil
	}
	p, err := ringPolicy(a.ring.accept)
	if err != nil {
		return nil, err
	}
	dir, err := a.ringDir()
	if err != nil {
		return nil, err
	}
	// What is the user's own is not sealed to in somebody else's place.
	_, own, err := a.listIdentities()
	if err != nil {
		return nil, err
	}
	for _, i := range own {
		p.Own = append(p.Own, i.Fingerprint)
	}
	if a.ring.dir == "" { // the directories of the configuration may be missing too
		if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
			return nil, failed("opening the ring", dir, err)
		}
	}
	r, err := p.OpenRing(dir, pgp.ParseCertificate, smime.ParseCertificate)
	if err != nil {
		return nil, failed("opening the ring", dir, err)
	}
	a.ring.opened = r
	return r, nil
}

// closeRing frees the ring, if it was opened.
func (a *app) closeRing() {
	if a.ring.opened != nil {
		a.ring.opened.Close() // every change was on the disk before its call returned
	}
}
