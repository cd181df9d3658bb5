package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/internal/atomicfile"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// keyFlags are what the commands on a key file were asked for.
type keyFlags struct {
	key, passphraseFile, out string
	force                    bool
}

func (a *app) keyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "key public|passphrase|extend|renew|transition|revoke|merge|certify",
		Short: "Change a key that you have",
		Long: `Change a key that you have: your own (--key KEYFILE), or, with merge, the copy of
somebody's public key. What comes out is a new file; the old one stays as it is,
unless -o names it and --force is given.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q: box key --help lists them", cut(args[0]))
			}
			return cmd.Help()
		},
	}
	c.AddCommand(a.keyPublicCommand(), a.keyPassphraseCommand(), a.keyExtendCommand(), a.keyRenewCommand(), a.keyTransitionCommand(), a.keyRevokeCommand(), a.keyMergeCommand(), a.keyCertifyCommand())
	return c
}

// keyCommandFlags adds what all of them take.
func keyCommandFlags(c *cobra.Command, f *keyFlags) {
	c.Flags().StringVar(&f.key, "key", "", "the private `KEYFILE`")
	c.Flags().StringVar(&f.passphraseFile, "passphrase-file", "", "the first line of this `FILE` opens KEYFILE")
	outputFlags(c, &f.out, &f.force)
}

// read returns the keys of the file.
func (a *app) readKeys(f *keyFlags) ([]key, []byte, error) {
	if f.key == "" {
		return nil, nil, usagef("--key is missing: the file with the private key")
	}
	passphrase, err := a.readPassphrase(f.passphraseFile)
	if err != nil {
		return nil, nil, err
	}
	keys, err := a.keysIn(f.key, passphrase)
	return keys, passphrase, err
}

// readPGPKey returns the key of the file, which has to be one of OpenPGP.
func (a *app) readPGPKey(f *keyFlags, instead string) (*pgp.Key, []byte, error) {
	keys, passphrase, err := a.readKeys(f)
	if err != nil {
		return nil, nil, err
	}
	k, ok := keys[0].(*pgp.Key)
	if !ok {
		return nil, nil, failed("changing the key", f.key, errors.New("it is an S/MIME key: "+instead))
	}
	return k, passphrase, nil
}

// writeSecret writes a key file, whole or not at all.
func (a *app) writeSecret(f *keyFlags, content []byte) error {
	if f.out == "" || f.out == "-" {
		return usagef("-o is missing: where to write the new key file")
	}
	if err := atomicfile.WriteFile(f.out, content, atomicfile.Options{Replace: f.force, Secret: true}); err != nil {
		return failed("writing", f.out, err)
	}
	return nil
}

// writePublic writes certificates to a file or to standard output. It is never
// the key file, whatever --force says: there would be no key any more.
func (a *app) writePublic(f *keyFlags, content []byte) error {
	if key, err := os.Stat(f.key); err == nil {
		if out, err := os.Stat(f.out); err == nil && os.SameFile(key, out) {
			return usagef("-o is the key file, which the public half would take the place of: give another name")
		}
	}
	out, err := a.create(f.out, f.force, false)
	if err != nil {
		return err
	}
	defer out.discard()
	if _, err := out.Write(content); err != nil {
		return err
	}
	return out.commit()
}

func (a *app) keyPublicCommand() *cobra.Command {
	var f keyFlags
	c := &cobra.Command{
		Use:     "public --key KEYFILE [-o OUT]",
		Short:   "Write the public half of a key: what PREFIX.pub holds (of OpenPGP, without the passphrase)",
		Example: `  box key public --key bob.key -o bob.pub`,
		Args:    most(0, "flags only"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := a.publicHalf(&f)
			if err != nil {
				return err
			}
			return a.writePublic(&f, b)
		},
	}
	keyCommandFlags(c, &f)
	return c
}

// publicHalf returns what is public in a key file. Of an OpenPGP key it needs
// no passphrase.
func (a *app) publicHalf(f *keyFlags) ([]byte, error) {
	if f.key == "" {
		return nil, usagef("--key is missing: the file with the private key")
	}
	file, err := a.readSmall(f.key)
	if err != nil {
		return nil, err
	}
	k, err := kindOf(file)
	if err != nil {
		return nil, failed("reading the key", f.key, err)
	}
	if k == kindPGP {
		c, err := pgp.KeyCertificate(file)
		if err != nil {
			return nil, failed("reading the key", f.key, err)
		}
		return pgp.MarshalArmored(c)
	}
	passphrase, err := a.readPassphrase(f.passphraseFile)
	if err != nil {
		return nil, err
	}
	keys, err := a.keysOf(f.key, file, passphrase)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, k := range keys {
		b.Write(certificatePEM(k.Certificate()))
	}
	return b.Bytes(), nil
}

func (a *app) keyPassphraseCommand() *cobra.Command {
	var f keyFlags
	var file string
	var none bool
	c := &cobra.Command{
		Use:   "passphrase --key KEYFILE --new-passphrase-file FILE -o OUT",
		Short: "Protect a key by another passphrase",
		Long: `Protect a key by another passphrase, or with --none by none. Copies of the old
file still open with the old passphrase: where somebody has both, only a new key
helps.`,
		Example: `  box key passphrase --key bob.key --passphrase-file old.txt --new-passphrase-file new.txt -o bob.key --force`,
		Args:    most(0, "flags only"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if none == (file != "") {
				return usagef("give either --new-passphrase-file FILE or --none")
			}
			keys, _, err := a.readKeys(&f)
			if err != nil {
				return err
			}
			passphrase, err := a.readPassphrase(file)
			if err != nil {
				return err
			}
			b, err := marshalKeys(keys, passphrase)
			if err != nil {
				return failed("writing", f.out, err)
			}
			return a.writeSecret(&f, b)
		},
	}
	keyCommandFlags(c, &f)
	c.Flags().StringVar(&file, "new-passphrase-file", "", "the first line of this `FILE` protects OUT")
	c.Flags().BoolVar(&none, "none", false, "protect OUT by nothing: whoever reads it has the key")
	return c
}

// marshalKeys writes the keys of one file.
func marshalKeys(keys []key, passphrase []byte) ([]byte, error) {
	var all []*smime.Key
	for _, k := range keys {
		if s, ok := k.(*smime.Key); ok {
			all = append(all, s)
		}
	}
	if len(all) > 1 {
		return smime.MarshalKeys(all, passphrase)
	}
	return keys[0].Marshal(passphrase)
}

func (a *app) keyExtendCommand() *cobra.Command {
	var f keyFlags
	lifetime := newLifetimeFlag()
	c := &cobra.Command{
		Use:   "extend --key KEYFILE [--lifetime 2y] -o OUT",
		Short: "Give an OpenPGP key more time",
		Long: `Give an OpenPGP key more time, also one that has expired: it is valid for the
lifetime from now on. Its fingerprint stays. OUT is the new key file, protected
by the same passphrase; those who have your public key need the new one, which
box key public writes.`,
		Example: `  box key extend --key bob.key -o bob.key --force
  box key public --key bob.key -o bob.pub --force`,
		Args: most(0, "flags only"),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, passphrase, err := a.readPGPKey(&f, "its certificate ends when the authority said, which issues the next one (box keygen --csr, box keygen --group)")
			if err != nil {
				return err
			}
			if k, err = k.Extend(time.Duration(lifetime)); err != nil {
				return failed("extending", f.key, err)
			}
			b, err := k.Marshal(passphrase)
			if err != nil {
				return failed("writing", f.out, err)
			}
			if err := a.writeSecret(&f, b); err != nil {
				return err
			}
			a.say("wrote %s (secret: keep it); give the new public key to those who have the old one: box key public --key %s", shown(f.out), shown(f.out))
			return nil
		},
	}
	keyCommandFlags(c, &f)
	c.Flags().Var(&lifetime, "lifetime", "from now on: 2y, 26w, 90d, or never (`TIME`)")
	return c
}

// pgpReasons are what a key can be revoked for.
func pgpReasons() map[string]pgp.Reason {
	return map[string]pgp.Reason{"none": pgp.NoReason, "superseded": pgp.Superseded, "compromised": pgp.Compromised, "retired": pgp.Retired}
}

func (a *app) keyRevokeCommand() *cobra.Command {
	var f keyFlags
	var reason, text string
	c := &cobra.Command{
		Use:   "revoke --key KEYFILE --reason REASON [-o OUT]",
		Short: "Revoke an OpenPGP key: write the public half that says so",
		Long: `Revoke an OpenPGP key: write the public half that says so. It counts where it
arrives: give it to all who have the old one (box key merge is what they do with
it). Without the key, PREFIX.rev does the same. KEYFILE still opens what was sealed to it.

After superseded and retired, what was signed before stays valid; after
compromised and none nothing does.`,
		Example: `  box key revoke --key bob.key --reason compromised --text "my laptop was stolen" -o bob-revoked.pub`,
		Args:    most(0, "flags only"),
		RunE: func(cmd *cobra.Command, args []string) error {
			why, ok := pgpReasons()[reason]
			if !ok {
				return usagef("--reason %q: give compromised, superseded, retired or none; it cannot be changed later", cut(reason))
			}
			k, _, err := a.readPGPKey(&f, "the authority that issued its certificate revokes it (box group revoke)")
			if err != nil {
				return err
			}
			if k, err = k.Revoke(why, text); err != nil {
				return failed("revoking", f.key, err)
			}
			public, err := pgp.MarshalArmored(k.Certificate())
			if err != nil {
				return failed("writing", f.out, err)
			}
			return a.writePublic(&f, public)
		},
	}
	keyCommandFlags(c, &f)
	c.Flags().StringVar(&reason, "reason", "", "compromised, superseded, retired or none")
	c.Flags().StringVar(&text, "text", "", "one line for people who wonder why")
	return c
}

// lifetimeFlag reads how long a key is to live.
type lifetimeFlag time.Duration

func newLifetimeFlag() lifetimeFlag { return lifetimeFlag(pgp.DefaultLifetime) }

func (l *lifetimeFlag) Type() string { return "TIME" }

func (l *lifetimeFlag) String() string {
	if *l == lifetimeFlag(pgp.Forever) {
		return "never"
	}
	return fmt.Sprintf("%dd", time.Duration(*l)/day)
}

const day = 24 * time.Hour

func (l *lifetimeFlag) Set(s string) error {
	if s == "never" {
		*l = lifetimeFlag(pgp.Forever)
		return nil
	}
	var n int
	var unit rune
	var rest string
	if got, _ := fmt.Sscanf(s, "%d%c%s", &n, &unit, &rest); got != 2 || n < 1 || n > 100*365 {
		return errors.New("give a number with y, w or d behind it, such as 2y, or never")
	}
	days, ok := map[rune]int{'y': 365, 'w': 7, 'd': 1}[unit]
	if !ok || n*days > 100*365 {
		return errors.New("give up to 100 years: a number with y, w or d behind it, such as 2y, or never")
	}
	*l = lifetimeFlag(time.Duration(n*days) * day)
	return nil
}
