package main

import (
	"encoding/pem"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/atomicfile"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// keygenFlags are what keygen was asked for.
type keygenFlags struct {
	format, profile, algorithm, address, name, group, passphraseFile, out string
}

func (a *app) keygenCommand() *cobra.Command {
	var f keygenFlags
	c := &cobra.Command{
		Use:   "keygen --format pgp|smime --address MAIL --out PREFIX",
		Short: "Make a key",
		Long: `Make a key. PREFIX.key is the secret half: keep it, and give it to nobody.
PREFIX.pub is the public half: give it to everybody who is to send you things.
The fingerprint is printed on standard output: tell it to them by another way
than you send PREFIX.pub, for instance by telephone.

Neither file is ever overwritten.`,
		Example: `  box keygen --format pgp --address bob@example.org --name "Bob Baker" --out bob
  box keygen --format smime --address bob@example.org --out bob-smime
  box keygen --format pgp --profile modern --address bob@example.org --out bob-v6`,
		Args: most(0, "flags only"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.keygen(&f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.format, "format", "", "pgp or smime: what your correspondents' mail programs read")
	fl.StringVar(&f.address, "address", "", "the mail address that the key is for")
	fl.StringVar(&f.name, "name", "", "the name beside the address")
	fl.StringVar(&f.out, "out", "", "where to write: PREFIX.key and PREFIX.pub")
	fl.StringVar(&f.profile, "profile", "compatible", "compatible (what all programs import) or modern (OpenPGP version 6); post-quantum: not yet")
	fl.StringVar(&f.algorithm, "algorithm", "", "curve25519, rsa3072, p256, … (default: what the profile names)")
	fl.StringVar(&f.passphraseFile, "passphrase-file", "", "protect PREFIX.key with the first line of this file")
	fl.StringVar(&f.group, "group", "", "issue from a small authority of your own: not yet")
	return c
}

func (a *app) keygen(f *keygenFlags) error {
	if f.group != "" {
		return notYet("keygen --group")
	}
	profile, err := keyProfile(f.profile)
	if err != nil {
		return err
	}
	switch {
	case f.format != "pgp" && f.format != "smime":
		return usagef("--format %q: give pgp or smime", cut(f.format))
	case f.address == "":
		return usagef("--address is missing: the mail address that the key is for")
	case f.out == "":
		return usagef("--out is missing: --out bob writes bob.key and bob.pub")
	}
	passphrase, err := a.readPassphrase(f.passphraseFile)
	if err != nil {
		return err
	}
	// Both files are begun before the work, so that a name that is taken costs
	// nobody a key.
	files, err := a.keyFiles(f.out)
	if err != nil {
		return err
	}
	defer files.discard()

	k, public, err := generate(f, profile)
	if err != nil {
		return fmt.Errorf("making the key: %w", err)
	}
	b, err := k.Marshal(passphrase)
	if err != nil {
		return failed("writing", f.out+".key", err)
	}
	if err := files.write(b, public); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, k.Certificate().Fingerprint().String())
	a.sayImport(f, profile)
	return nil
}

func keyProfile(s string) (envelope.Profile, error) {
	switch s {
	case "compatible":
		return envelope.Compatible, nil
	case "modern":
		return envelope.Modern, nil
	case "post-quantum":
		return 0, notYet("keygen --profile post-quantum")
	}
	return 0, usagef("--profile %q: give compatible or modern", cut(s))
}

// generate makes the key and the public file.
func generate(f *keygenFlags, profile envelope.Profile) (key, []byte, error) {
	if f.format == "pgp" {
		k, err := pgp.GenerateKey(pgp.KeyOptions{Address: f.address, Name: f.name, Algorithm: f.algorithm, Profile: profile})
		if err != nil {
			return nil, nil, err
		}
		public, err := pgp.MarshalArmored(k.Certificate())
		return k, public, err
	}
	k, err := smime.GenerateKey(smime.KeyOptions{Address: f.address, Name: f.name, Algorithm: f.algorithm})
	if err != nil {
		return nil, nil, err
	}
	return k, certificatePEM(k.Certificate()), nil
}

func certificatePEM(c *keyring.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Marshal()})
}

// keyFiles are the two files of a key: both appear, or none.
type keyFiles struct {
	secret, public *atomicfile.File
	app            *app
}

func (a *app) keyFiles(prefix string) (*keyFiles, error) {
	k := &keyFiles{app: a}
	var err error
	if k.secret, err = atomicfile.Create(prefix+".key", atomicfile.Options{Secret: true}); err != nil {
		return nil, failed("writing", prefix+".key", err)
	}
	a.pending.add(k.secret)
	if k.public, err = atomicfile.Create(prefix+".pub", atomicfile.Options{}); err != nil {
		k.secret.Discard()
		return nil, failed("writing", prefix+".pub", err)
	}
	a.pending.add(k.public)
	return k, nil
}

func (k *keyFiles) write(secret, public []byte) error {
	if _, err := k.secret.Write(secret); err != nil {
		return failed("writing", k.secret.Name(), err)
	}
	if _, err := k.public.Write(public); err != nil {
		return failed("writing", k.public.Name(), err)
	}
	if err := atomicfile.CommitAll(k.secret, k.public); err != nil {
		return failed("writing", k.secret.Name()+" and .pub", err)
	}
	return nil
}

func (k *keyFiles) discard() {
	for _, f := range []*atomicfile.File{k.secret, k.public} {
		f.Discard()
		k.app.pending.remove(f)
	}
}

// sayImport says which programs read the key, and what a lone certificate is
// worth to them.
func (a *app) sayImport(f *keygenFlags, profile envelope.Profile) {
	a.say("wrote %s (secret: keep it) and %s (public: give it away)", shown(f.out+".key"), shown(f.out+".pub"))
	switch {
	case f.format == "pgp" && profile == envelope.Modern:
		a.say("OpenPGP version 6: imported by OpenPGP.js, gopenpgp and this program; not by GnuPG, and not by Thunderbird")
	case f.format == "pgp":
		a.say("OpenPGP version 4: imported by GnuPG, Thunderbird, Sequoia, OpenKeychain and this program")
	default:
		a.say("S/MIME: to import the key elsewhere make a PKCS#12 file: openssl pkcs12 -export -in %s -out FILE.p12", shown(f.out+".key"))
		a.say("warning: a lone self-signed certificate: OpenSSL and this program use it, but gpgsm, Thunderbird and Outlook refuse to seal to it until it is trusted by hand")
	}
}
