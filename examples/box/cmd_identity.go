package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/identities"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// identityFlags are what the commands on identities were asked for.
type identityFlags struct {
	passphraseFile, newFile string
	replace, json, none     bool
}

func (a *app) identityCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "identity add|list|passphrase|export|remove",
		Short: "Keep your own private keys under a passphrase",
		Long: `Keep your own private keys, each under a passphrase, so that box open finds
them: all of them open, and the newest of an address signs (box seal --sign
ADDRESS). Old ones stay: they open old mail.

They are in $BOX_RING/identities, else in "box/identities" in your configuration,
one file each, which are worth nothing without the passphrase, and cannot be
changed without being noticed. Keep a copy of your key files elsewhere: a
passphrase that is forgotten is found by nobody.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q: box identity --help lists them", cut(args[0]))
			}
			return cmd.Help()
		},
	}
	c.AddCommand(a.identityAddCommand(), a.identityListCommand(), a.identityPassphraseCommand(), a.identityExportCommand(), a.identityRemoveCommand())
	return c
}

func (a *app) identityAddCommand() *cobra.Command {
	var f identityFlags
	c := &cobra.Command{
		Use:   "add KEYFILE",
		Short: "Add the private keys of a file",
		Long: `Add the private keys of a file: an OpenPGP secret key, PEM with private key and
certificate, or PKCS#12. KEYFILE stays as it is: put it away, or remove it.

The passphrase that opens KEYFILE, if there is one, is asked for, and a new one
for the identity. The fingerprints are printed on standard output.`,
		Example: `  box identity add bob.key
  box identity add bob.p12 --passphrase-file p12.txt --new-passphrase-file new.txt`,
		Args: most(1, "one key file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("no key file: box identity add KEYFILE")
			}
			return a.addIdentity(&f, args[0])
		},
	}
	c.Flags().StringVar(&f.passphraseFile, "passphrase-file", "", "the first line of this `FILE` opens KEYFILE")
	c.Flags().StringVar(&f.newFile, "new-passphrase-file", "", "the first line of this `FILE` protects the identity (with --replace it does so already)")
	c.Flags().BoolVar(&f.replace, "replace", false, "put a newer copy, such as one with more time, in the place of the same key; its passphrase stays")
	return c
}

func (a *app) addIdentity(f *identityFlags, name string) error {
	keys, err := a.keysAsking(name, f.passphraseFile)
	if err != nil {
		return err
	}
	d, err := a.identities()
	if err != nil {
		return err
	}
	var word []byte // for all keys of the file
	defer func() { clear(word) }()
	for _, k := range keys {
		if f.replace {
			_, err = d.Replace(k, func(i identities.Info) ([]byte, error) { return a.wordFor(f.newFile, i) })
		} else {
			_, err = d.Add(k, func() ([]byte, error) {
				if word == nil {
					word, err = a.newWord(f.newFile, "new passphrase for "+shown(name)+" as an identity")
				}
				return bytes.Clone(word), err
			})
		}
		switch {
		case errors.Is(err, fs.ErrExist):
			err = fmt.Errorf("the private key of %s is there already; --replace puts a newer copy in its place", k.Certificate().Fingerprint())
		case errors.Is(err, fs.ErrNotExist):
			err = fmt.Errorf("there is no older copy of %s: leave --replace away", k.Certificate().Fingerprint())
		}
		if err != nil {
			return failed("adding", name, err)
		}
		fmt.Fprintln(a.stdout, k.Certificate().Fingerprint().String())
	}
	a.say("added %s: it stays as it is; put it away, or remove it", shown(name))
	return nil
}

// keysAsking reads a key file, and asks for its passphrase where none was given.
func (a *app) keysAsking(name, passphraseFile string) ([]key, error) {
	passphrase, err := a.readPassphrase(passphraseFile)
	if err != nil {
		return nil, err
	}
	b, err := a.readSmall(name)
	if err != nil {
		return nil, err
	}
	keys, err := a.keysOf(name, b, passphrase)
	locked := errors.Is(err, pgp.ErrPassphrase) || errors.Is(err, smime.ErrPassphrase)
	if !locked || passphrase != nil || !isTerminal(a.stderr) {
		return keys, err
	}
	if passphrase, err = a.ask("passphrase of " + shown(name)); err != nil {
		return nil, err
	}
	defer clear(passphrase)
	return a.keysOf(name, b, passphrase)
}

// wordFor returns the passphrase of an identity.
func (a *app) wordFor(file string, i identities.Info) ([]byte, error) {
	if file != "" {
		return a.readPassphrase(file)
	}
	return a.ask("passphrase of your key " + whose(i))
}

// newWord returns a new passphrase.
func (a *app) newWord(file, prompt string) ([]byte, error) {
	if file != "" {
		return a.readPassphrase(file)
	}
	word, err := a.askNew(prompt)
	if errors.Is(err, errNoTerminal) {
		return nil, errors.New("there is no terminal to ask for a new passphrase on: give --new-passphrase-file FILE (the first line of FILE)")
	}
	return word, err
}

// identityLine is what list shows of one, for programs.
type identityLine struct {
	Fingerprint string     `json:"fingerprint"`
	Format      kind       `json:"format,omitempty"`
	Addresses   []string   `json:"addresses,omitempty"`
	Added       *time.Time `json:"added,omitempty"`
	File        string     `json:"file"`
	Problem     string     `json:"problem,omitempty"`
}

func (a *app) identityListCommand() *cobra.Command {
	var f identityFlags
	c := &cobra.Command{
		Use:   "list",
		Short: "List your private keys, the newest first; no passphrase is needed",
		Args:  most(0, "flags only"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.identities()
			if err != nil {
				return err
			}
			all, err := d.List()
			if err != nil {
				return err
			}
			lines := []identityLine{} // a list, where there is nothing too
			for _, i := range all {
				lines = append(lines, a.identityLine(i))
			}
			if f.json {
				return encodeJSON(a.stdout, lines)
			}
			for _, l := range lines {
				if l.Problem != "" {
					fmt.Fprintf(a.stdout, "%s\tcannot be used: %s\n", l.Fingerprint, oneLine(l.Problem))
					continue
				}
				fmt.Fprintf(a.stdout, "%s\t%s\t%s\t%s\n", l.Fingerprint, l.Format, l.Added.Format(time.DateOnly), oneLine(cut(strings.Join(l.Addresses, ", "))))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&f.json, "json", false, "write JSON, for programs")
	return c
}

func (a *app) identityLine(i identities.Info) identityLine {
	l := identityLine{Fingerprint: i.Fingerprint.String(), File: i.File}
	if i.Problem != nil {
		l.Problem = a.errorLine(failed("reading", i.File, i.Problem))
		return l
	}
	l.Format, l.Addresses, l.Added = kindIs(i.Certificate), i.Certificate.Addresses(), &i.Added
	return l
}

// oneIdentity returns the one that is meant.
func (a *app) oneIdentity(args []string, usage string) (*identityStore, identities.Info, error) {
	if len(args) == 0 {
		return nil, identities.Info{}, usagef("which one: %s", usage)
	}
	d, found, err := a.findIdentities(args[0])
	if err != nil {
		return nil, identities.Info{}, err
	}
	if len(found) > 1 {
		return nil, identities.Info{}, usagef("%d private keys of yours are for %q: give the fingerprint of the one that is meant (box identity list)", len(found), cut(args[0]))
	}
	return d, found[0], nil
}

func (a *app) identityPassphraseCommand() *cobra.Command {
	var f identityFlags
	const usage = "box identity passphrase ADDRESS|FINGERPRINT"
	c := &cobra.Command{
		Use:   "passphrase ADDRESS|FINGERPRINT",
		Short: "Put a private key under another passphrase",
		Long: `Put a private key under another passphrase. Copies of the old file, in backups for
instance, still open with the old passphrase: where somebody may have both, only
a new key helps.`,
		Args: most(1, "one private key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, i, err := a.oneIdentity(args, usage)
			if err != nil {
				return err
			}
			err = d.ChangePassphrase(i.Fingerprint,
				func(i identities.Info) ([]byte, error) { return a.wordFor(f.passphraseFile, i) },
				func() ([]byte, error) { return a.newWord(f.newFile, "new passphrase") })
			return failed("changing the passphrase of", i.File, err)
		},
	}
	c.Flags().StringVar(&f.passphraseFile, "passphrase-file", "", "the first line of this `FILE` is the passphrase as it is")
	c.Flags().StringVar(&f.newFile, "new-passphrase-file", "", "the first line of this `FILE` is the new one")
	return c
}

func (a *app) identityExportCommand() *cobra.Command {
	var f identityFlags
	var out keyFlags
	const usage = "box identity export ADDRESS|FINGERPRINT -o FILE"
	c := &cobra.Command{
		Use:   "export ADDRESS|FINGERPRINT -o FILE",
		Short: "Write a private key as a key file, which other programs import",
		Example: `  box identity export bob@example.org -o bob.key
  box identity export bob@example.org --none -o bob.key`,
		Args: most(1, "one private key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.none && f.newFile != "" {
				return usagef("give either --new-passphrase-file FILE or --none")
			}
			d, i, err := a.oneIdentity(args, usage)
			if err != nil {
				return err
			}
			if out.out == "" || out.out == "-" {
				return usagef("-o is missing: where to write the key file")
			}
			k, err := a.unlock(d, i, f.passphraseFile, false)
			if err != nil {
				return err
			}
			var word []byte
			if !f.none {
				if word, err = a.newWord(f.newFile, "new passphrase for "+shown(out.out)); err != nil {
					return err
				}
				defer clear(word)
			}
			b, err := k.Marshal(word)
			if err != nil {
				return failed("writing", out.out, err)
			}
			defer clear(b)
			return a.writeSecret(&out, b)
		},
	}
	c.Flags().StringVar(&f.passphraseFile, "passphrase-file", "", "the first line of this `FILE` unlocks the private key")
	c.Flags().StringVar(&f.newFile, "new-passphrase-file", "", "the first line of this `FILE` protects what is written")
	c.Flags().BoolVar(&f.none, "none", false, "protect what is written by nothing: whoever reads it has the key")
	outputFlags(c, &out.out, &out.force)
	return c
}

func (a *app) identityRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove FINGERPRINT",
		Short: "Remove a private key for good: what was sealed to it opens no more",
		Args:  most(1, "one fingerprint"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("which one: box identity remove FINGERPRINT")
			}
			f, err := keyring.ParseFingerprint(args[0])
			if err != nil {
				return usagef("%s; a private key is removed by its whole fingerprint only (box identity list)", err)
			}
			d, err := a.identities()
			if err != nil {
				return err
			}
			if err = d.Remove(f); errors.Is(err, fs.ErrNotExist) {
				return usagef("no private key of yours has the fingerprint %s: box identity list shows them", f.Grouped())
			}
			return err
		},
	}
}
