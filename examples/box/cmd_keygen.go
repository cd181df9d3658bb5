package main

import (
	"encoding/pem"
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/atomicfile"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// keygenFlags are what keygen was asked for.
type keygenFlags struct {
	format, profile, algorithm, address, name, group, crlURL, passphraseFile, out string
	csr                                                                           bool
	lifetime                                                                      lifetimeFlag
}

func (a *app) keygenCommand() *cobra.Command {
	f := keygenFlags{lifetime: newLifetimeFlag()}
	c := &cobra.Command{
		Use:   "keygen --format pgp|smime --address MAIL --out PREFIX",
		Short: "Make a key",
		Long: `Make a key. PREFIX.key is the secret half: keep it, and give it to nobody.
PREFIX.pub is the public half: give it to everybody who is to send you things.
The fingerprint is printed on standard output: tell it to them by another way
than you send PREFIX.pub, for instance by telephone.

For OpenPGP there is PREFIX.rev too, which revokes the key: keep it where you
find it on the day that PREFIX.key is lost or stolen, and give it to those who
have PREFIX.pub then, not before. The key ends after two years; box key extend
gives it more.

For S/MIME, --passphrase-file makes PREFIX.p12 too, which mail programs import;
without a passphrase it is not made, since it would be a private key for whoever
finds it. --csr makes PREFIX.csr.pem, a request for a public authority; box join
puts what comes back beside the key. --group issues from a small authority of
your own, which is made on first use: whoever trusts it trusts all its members
(see box group --help). --profile post-quantum makes two keys of S/MIME, to open
with (PREFIX.pub) and to sign with (PREFIX.sign.pub), both in PREFIX.key.

No file is ever overwritten.`,
		Example: `  box keygen --format pgp --address bob@example.org --name "Bob Baker" --out bob
  box keygen --format smime --address bob@example.org --passphrase-file secret.txt --out bob-smime
  box keygen --format smime --address bob@example.org --csr --out bob-smime
  box keygen --format smime --address bob@example.org --group rowing-club --out bob-smime
  box keygen --format pgp --profile modern --address bob@example.org --out bob-v6
  box keygen --format pgp --profile post-quantum --address bob@example.org --out bob-pq`,
		Args: most(0, "flags only"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.keygen(&f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.format, "format", "", "pgp or smime: what your correspondents' mail programs read")
	fl.StringVar(&f.address, "address", "", "the mail address that the key is for")
	fl.StringVar(&f.name, "name", "", "the name beside the address")
	fl.StringVar(&f.out, "out", "", "where to write: PREFIX.key, PREFIX.pub and what else there is")
	fl.StringVar(&f.profile, "profile", "compatible", "compatible (what all programs import), modern (OpenPGP version 6; S/MIME that says it reads AES-GCM) or post-quantum (ML-KEM and ML-DSA)")
	fl.StringVar(&f.algorithm, "algorithm", "", "curve25519, curve448, rsa3072, p256, mldsa65+mlkem768, mldsa87+mlkem1024, … (default: the profile's own)")
	fl.Var(&f.lifetime, "lifetime", "OpenPGP: how long the key is valid: 2y, 26w, 90d, or never (`TIME`)")
	fl.StringVar(&f.passphraseFile, "passphrase-file", "", "protect PREFIX.key and PREFIX.p12 with the first line of this file")
	fl.StringVar(&f.group, "group", "", "S/MIME: issue from the small authority of this name, or in this directory if it has a /")
	fl.StringVar(&f.crlURL, "crl-url", "", "with --group: where you will publish what box group crl writes; it stands in the certificates from now on, and mail programs look there")
	fl.BoolVar(&f.csr, "csr", false, "S/MIME: write PREFIX.csr.pem, a certificate request for an authority")
	return c
}

func (a *app) keygen(f *keygenFlags) error {
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
	case f.format == "pgp" && (f.group != "" || f.csr):
		return usagef("--group and --csr are for --format smime: OpenPGP keys are issued by nobody")
	case f.format == "smime" && f.lifetime != newLifetimeFlag():
		return usagef("--lifetime is for --format pgp: an authority says itself when its certificates end")
	case f.crlURL != "" && f.group == "":
		return usagef("--crl-url is for --group: another authority says itself where its lists are")
	case f.group != "" && f.csr:
		return usagef("--group and --csr: a certificate is issued by your own authority, or asked for from another one")
	}
	if f.crlURL != "" {
		if err := checkCRLURL(f.crlURL); err != nil {
			return err
		}
	}
	passphrase, err := a.readPassphrase(f.passphraseFile)
	if err != nil {
		return err
	}
	if f.format == "smime" {
		return a.keygenSMIME(f, profile, passphrase)
	}
	return a.keygenPGP(f, profile, passphrase)
}

func keyProfile(s string) (envelope.Profile, error) {
	switch s {
	case "compatible":
		return envelope.Compatible, nil
	case "modern":
		return envelope.Modern, nil
	case "post-quantum":
		return envelope.PostQuantum, nil
	}
	return 0, usagef("--profile %q: give compatible, modern or post-quantum", cut(s))
}

func certificatePEM(c *keyring.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Marshal()})
}

// newFiles are the files of a key: all appear, or none.
type newFiles struct {
	files []*atomicfile.File
	app   *app
}

// newFiles begins files with a common prefix. Names that end in .key, .p12
// or .rev are for their owner alone.
func (a *app) newFiles(prefix string, suffixes ...string) (*newFiles, error) {
	n := &newFiles{app: a}
	for _, s := range suffixes {
		f, err := atomicfile.Create(prefix+s, atomicfile.Options{Secret: s == ".key" || s == ".p12" || s == ".rev"})
		if err != nil {
			n.discard()
			return nil, failed("writing", prefix+s, neverReplaced(err))
		}
		n.files = append(n.files, f)
		a.pending.add(f)
	}
	return n, nil
}

// write writes the files in the order in which they were begun.
func (n *newFiles) write(contents ...[]byte) error {
	for i, f := range n.files {
		if _, err := f.Write(contents[i]); err != nil {
			return failed("writing", f.Name(), err)
		}
	}
	if err := atomicfile.CommitAll(n.files...); err != nil {
		return failed("writing", n.files[0].Name()+" and what belongs to it", neverReplaced(err))
	}
	return nil
}

// neverReplaced says what to do where a key would take the place of another
// file: there is no --force, since a key that is gone opens nothing any more.
func neverReplaced(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return errors.New("file already exists: keys are never replaced, choose another --out")
	}
	return err
}

func (n *newFiles) discard() {
	for _, f := range n.files {
		f.Discard()
		n.app.pending.remove(f)
	}
}

// sayWrote names the two files that every key has.
func (a *app) sayWrote(prefix string) {
	a.say("wrote %s (secret: keep it) and %s (public: give it away)", shown(prefix+".key"), shown(prefix+".pub"))
}
