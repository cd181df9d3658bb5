package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// ringAddFlags are what ring add was asked for.
type ringAddFlags struct {
	addresses              []string
	alias, beside, replace bool
	own                    bool
	reads                  string
	introduced             bool
	succeeds               string
	signer                 bool
	find                   findFlags
}

func (a *app) ringAddCommand() *cobra.Command {
	var f ringAddFlags
	c := &cobra.Command{
		Use:   "add FILE|ADDRESS FINGERPRINT",
		Short: "Remember a key whose fingerprint its owner told you",
		Long: `Remember a key for the addresses that it states, or for those of --address.

FILE may hold any number of keys of both formats: the one with the FINGERPRINT
is taken. With an ADDRESS in place of FILE the key is looked up in the Web Key
Directory of its domain. FINGERPRINT is what the owner told you by another way
than the key came: 40 or 64 digits, words, twelve groups of five figures, or
what a QR code holds.

In the place of FINGERPRINT other evidence may stand:
  --roots PEM         an authority that you believe says so (S/MIME)
  --introduced        introducers of the ring certified it (OpenPGP): FILE has
                      what they signed; see box ring introducer
  --succeeds MESSAGE  the key that the address has now signed MESSAGE, which
                      holds the new one
  --accept first-use  no evidence at all: nobody else was seen before
  --accept domain     with an ADDRESS in place of FILE: its domain says so

An address that has another key of this format already keeps it, and nothing is
added, until you say what is right: --beside where both are (several people read
claims@), --replace where its owner told you that the old one is gone.`,
		Example: `  box ring add bob.pub FINGERPRINT
  box ring add bob@example.org FINGERPRINT
  box ring add ann.pem --address ann@example.org --roots ca.pem
  box ring add gateway.pem FINGERPRINT --address @example.org --alias`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("box ring add needs FILE FINGERPRINT: the key, and what its owner told you of it")
			}
			return most(2, "FILE and FINGERPRINT; a fingerprint with spaces in it needs quotes around it")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.ringAdd(cmd.Context(), &f, args) },
	}
	fl := c.Flags()
	fl.StringArrayVar(&f.addresses, "address", nil, "whose it is, an `ADDRESS` or @domain; again for each further one (default: all that the key states)")
	fl.BoolVar(&f.alias, "alias", false, "it is for these addresses though it does not state them: you know it")
	fl.BoolVar(&f.beside, "beside", false, "the address keeps the key that it has, and gets this one too")
	fl.BoolVar(&f.replace, "replace", false, "the address loses the key of this format that it has")
	fl.BoolVar(&f.own, "own", false, "it is your own key (box identity list), and the addresses are yours")
	fl.StringVar(&f.reads, "reads", "", "what the owner's programs read, as they told you: `gcm` or cbc (S/MIME)")
	fl.BoolVar(&f.introduced, "introduced", false, "introducers of the ring certified it in FILE")
	fl.StringVar(&f.succeeds, "succeeds", "", "a `MESSAGE` signed by the key that the address has, with the new key in it")
	a.addAuthorityFlags(c, "FILE")
	f.find.servers(c)
	return c
}

// ringAdd adds the key of a file, or one that the network has, to the ring.
func (a *app) ringAdd(ctx context.Context, f *ringAddFlags, args []string) error {
	if f.beside && f.replace {
		return usagef("--beside and --replace exclude each other: the old key is right, or it is not")
	}
	if err := addArguments(args); err != nil {
		return err
	}
	if _, err := readsAlgorithm(f.reads); err != nil {
		return err
	}
	r, err := a.openRing()
	if err != nil {
		return err
	}
	found, err := a.candidatesFor(ctx, f, args[0])
	if err != nil {
		return err
	}
	v, err := a.believe(f, args, found)
	if err != nil {
		return a.learnRevoked(r, found, err)
	}
	change, err := r.Add(v, keyring.Addition{
		Addresses: f.addresses, Alias: f.alias, Beside: f.beside, Replace: f.replace, Signer: f.signer, Own: f.own,
	})
	if err != nil {
		return a.ringRefused(err)
	}
	a.sayChange(change)
	if f.reads != "" {
		return a.noteReads(r, v.Fingerprint(), f.reads)
	}
	return nil
}

// addArguments looks at what was typed before anything is read or asked for.
func addArguments(args []string) error {
	if _, err := os.Stat(args[0]); errors.Is(err, fs.ErrNotExist) {
		if _, err := keyring.ParseFingerprint(args[0]); err == nil {
			return usagef("%s is a fingerprint: the key comes first, then the fingerprint: box ring add FILE FINGERPRINT", shown(args[0]))
		}
		if n, err := splitNamed("", args[0]); len(args) == 1 && err == nil && n.file != "" && n.address == "" {
			return usagef("%s: with a space in the place of the =: box ring add %s %s", shown(args[0]), shown(n.file), n.want)
		}
	}
	if len(args) < 2 {
		return nil
	}
	if _, err := evidenceOf(args[1]); err != nil && isAddress(args[1]) {
		return usagef("%s is an address, and a fingerprint is what belongs here: box ring add FILE FINGERPRINT; for other addresses than the key states --address ADDRESS", shown(args[1]))
	} else if err != nil {
		return err
	}
	return nil
}

// learnRevoked brings the revocation, for which a key was refused, to the copy of
// the key that the ring has: nothing is to be sealed to that either.
func (a *app) learnRevoked(r *keyring.Ring, all []found, err error) error {
	if !errors.As(err, new(*keyring.RevokedError)) {
		return err
	}
	for _, c := range all {
		// A key that the ring does not have, or another format's, teaches nothing.
		if change, e := r.Update(c.Certificate); e == nil && change.Event == "revoked" {
			a.say("note: the ring has this key, and uses it no more: %s", change.Fingerprint.Grouped())
		}
	}
	return err
}

// candidatesFor reads the file, or asks the network for an address. An address
// is only asked for where no file has its name.
func (a *app) candidatesFor(ctx context.Context, f *ringAddFlags, name string) ([]found, error) {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) && isAddress(name) {
		all, err := a.find(ctx, name, &findFlags{wkd: true, ca: f.find.ca, private: f.find.private})
		switch {
		case err != nil:
			return nil, err
		case len(all) == 0:
			return nil, failed("looking up", name, &nobodyError{errors.New("the Web Key Directory of the domain has no key for it: ask the owner for the key, and give its file")})
		}
		return all, nil
	}
	return a.candidatesIn(name)
}

// found is a candidate, with what it proves where it came from the network.
type found struct {
	discover.Candidate
	attested keyring.Evidence // zero: nothing
}

// candidatesIn reads whatever certificates a file holds, or a folder: that of
// GnuPG, a certificate directory.
func (a *app) candidatesIn(name string) ([]found, error) {
	r := a.candidateReader()
	var all []discover.Candidate
	var problems []discover.Problem
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		all, problems = r.Dir(name, os.DirFS(name))
	} else {
		b, err := a.readAtMost(name, mostStoreBytes)
		if err != nil {
			return nil, err
		}
		all, problems = r.Read(name, b)
	}
	if len(all) == 0 {
		err := errors.New("there is no key in it")
		if len(problems) > 0 {
			err = problems[0].Err
		}
		return nil, failed("reading the key", name, err)
	}
	var out []found
	for _, c := range all {
		out = append(out, found{Candidate: c})
		a.files[c.Certificate.Fingerprint().String()] = name
	}
	for _, p := range problems {
		a.say("note: %s: %v", shown(p.Where), p.Err)
	}
	return out, nil
}

// mostStoreBytes is the size of the largest file of keys that is read: a
// GnuPG keyring of thousands.
const mostStoreBytes = 64 << 20

// candidateReader finds certificates in files of all kinds.
func (a *app) candidateReader() *discover.Reader {
	return &discover.Reader{
		Parsers: []func([]byte) (*keyring.Certificate, error){pgp.ParseCertificate, pgp.KeyCertificate, smime.ParseCertificate},
		PKCS12: func(_ string, b []byte) ([]*keyring.Certificate, error) {
			passphrase, err := a.readPassphrase(a.ring.passphraseFile)
			if err != nil {
				return nil, err
			}
			return smime.PKCS12Certificates(b, passphrase)
		},
	}
}

// believe holds the candidates against the evidence that was given, of which
// there must be exactly one kind.
func (a *app) believe(f *ringAddFlags, args []string, all []found) (*keyring.Verified, error) {
	p, err := ringPolicy(a.ring.accept)
	if err != nil {
		return nil, err
	}
	kinds := []string{}
	if len(args) > 1 {
		kinds = append(kinds, "FINGERPRINT")
	}
	if len(a.authority.roots) > 0 {
		kinds = append(kinds, "--roots")
	}
	if f.introduced {
		kinds = append(kinds, "--introduced")
	}
	if f.succeeds != "" {
		kinds = append(kinds, "--succeeds")
	}
	switch {
	case len(kinds) > 1:
		return nil, usagef("%s: give one kind of evidence", strings.Join(kinds, " and "))
	case len(kinds) == 0 && p.AcceptDomainAttested && slices.ContainsFunc(all, func(c found) bool { return c.Address != "" }):
		return firstVerified(p, all, func(c found) keyring.Evidence { return c.attested })
	case len(kinds) == 0 && p.AcceptFirstUse:
		return a.believeFirst(p, f, args[0], all)
	case len(kinds) == 0:
		return nil, a.askForEvidence(args[0], all)
	case f.introduced:
		return a.believeIntroducers(p, f, args[0], all)
	case f.succeeds != "":
		return a.believeSuccession(p, f, all)
	case len(a.authority.roots) > 0:
		return a.believeAuthority(p, f, args[0], all)
	}
	ev, err := evidenceOf(args[1])
	if err != nil {
		return nil, err
	}
	return a.ofFingerprint(p, args[0], all, ev)
}

// firstVerified returns the first candidate that the evidence holds for, or why
// the first one does not.
func firstVerified(p keyring.Policy, all []found, ev func(found) keyring.Evidence) (*keyring.Verified, error) {
	var first error
	for _, c := range all {
		v, err := p.Verify(c.Certificate, ev(c))
		if err == nil {
			return v, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// ofFingerprint returns the one candidate that has the fingerprint.
func (a *app) ofFingerprint(p keyring.Policy, name string, all []found, ev keyring.Evidence) (*keyring.Verified, error) {
	v, err := firstVerified(p, all, func(found) keyring.Evidence { return ev })
	var mismatch *keyring.MismatchError
	switch {
	case errors.As(err, &mismatch) && len(all) > 1:
		err = &nobodyError{fmt.Errorf("none of the %d keys in it has the fingerprint %s; box ring import %s shows them", len(all), mismatch.Want.Grouped(), shown(name))}
	case errors.As(err, &mismatch) && isX509(all[0].Certificate) && len(mismatch.Want.String()) == thumbprintDigits:
		err = &thumbprintError{mismatch.Want}
	}
	return v, failed("adding", name, err)
}

func isX509(c *keyring.Certificate) bool {
	return strings.HasPrefix(c.Fingerprint().URI(), "x-smimefpr:")
}

// askForEvidence says what is missing, and never shows a fingerprint to be
// copied: who copies it from the screen has compared it with itself.
func (a *app) askForEvidence(name string, all []found) error {
	whose := "the key"
	if list := all[0].Certificate.Addresses(); len(all) == 1 && len(list) > 0 {
		whose = "the key that says it is " + shown(list[0]) + "'s"
	}
	return usagef("%s: nothing says that this is %s: give the fingerprint that its owner told you by another way (box ring add FILE FINGERPRINT), or the authority that you believe with --roots FILE", shown(name), whose)
}

// noteReads notes what the caller says that the owner of a key reads.
func (a *app) noteReads(r *keyring.Ring, f keyring.Fingerprint, reads string) error {
	algorithm, err := readsAlgorithm(reads)
	if err != nil {
		return err
	}
	told, err := smime.Reads(time.Now(), algorithm)
	if err != nil {
		return err
	}
	change, err := r.Note(f, told.Note())
	if err != nil {
		return err
	}
	a.sayChange(change)
	return nil
}

// readsAlgorithm is what --reads stands for, "" for nothing.
func readsAlgorithm(reads string) (string, error) {
	switch strings.ToLower(reads) {
	case "":
		return "", nil
	case "gcm":
		return "AES-256-GCM", nil
	case "cbc":
		return "AES-256-CBC", nil
	}
	return "", usagef("--reads %q: give gcm (AES-GCM, which Outlook and Apple Mail do not read) or cbc", cut(reads))
}
