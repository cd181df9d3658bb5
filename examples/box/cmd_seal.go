package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

// sealFlags are what seal was asked for.
type sealFlags struct {
	sealerFlags
	sign                       []string
	passphraseFile             string
	allowUnauthenticated, mail bool
}

func (a *app) sealCommand() *cobra.Command {
	var f sealFlags
	c := &cobra.Command{
		Use:   "seal --to FILE=FINGERPRINT|FILE=ADDRESS|ADDRESS… [flags] [IN]",
		Short: "Seal a file for the owners of verified keys",
		Long: `Seal a file so that only the owners of these keys can open it, all of them or
none: if one key cannot be used, nothing is written.

FILE is the recipient's public key (OpenPGP) or certificate (S/MIME).
FINGERPRINT is what its owner told you, by another way than FILE came: 40 or 64
hexadecimal digits in any grouping, words, or twelve groups of five figures.
--to ADDRESS takes the key that the ring has for it (box ring add FILE FINGERPRINT).

Where an authority issues the certificates of many people, --to FILE=ADDRESS
takes its word instead: --roots says which authorities you believe, and FILE is
the certificate, alone or with those that lead to the root (PEM or .p7c), or a
folder of them. Any authority below the roots can issue a certificate for any
address, by mistake or on demand: a fingerprint from its owner proves more.

Without --sign the recipient cannot know who sealed it. For S/MIME a signature
is also what lets every mail program open it; without one choose
--profile modern, which OpenSSL 3 and Bouncy Castle read.`,
		Example: `  box seal --to bob.pub=FINGERPRINT -o receipt.pdf.pgp receipt.pdf
  box seal --to bob@example.org -o receipt.pdf.pgp receipt.pdf
  box seal --to bob.pem=FINGERPRINT --sign me.key -o receipt.p7m receipt.pdf
  box seal --to bob.pub=FINGERPRINT --mail -o receipt.eml receipt.pdf
  box seal --to-list customers --roots ca.pem --crl ca.crl --sign me.key -o news.p7m news.pdf
  tar c papers | box seal --to bob.pub=FINGERPRINT --to eve.pub=FINGERPRINT -o papers.pgp`,
		Args: most(1, "one file, or standard input"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.seal(&f, first(args)) },
	}
	fl := c.Flags()
	f.add(a, c)
	fl.StringArrayVar(&f.sign, "sign", nil, "sign with this private `KEYFILE`, or the address or fingerprint of an identity, or where it is kept (pkcs11:URI, gpg-agent:FINGERPRINT), inside the encryption")
	fl.StringVar(&f.passphraseFile, "passphrase-file", "", "the first line of this `FILE` opens the signing key")
	fl.BoolVar(&f.allowUnauthenticated, "allow-unauthenticated", false, "S/MIME without a signature in the old form: whoever carries it can change it, and perhaps read it (EFAIL)")
	fl.BoolVar(&f.mail, "mail", false, "write a whole mail, which a mail program opens")
	return c
}

// outputFlags are the same for every command that writes a file.
func outputFlags(c *cobra.Command, out *string, force *bool) {
	c.Flags().StringVarP(out, "output", "o", "", "where to write: `FILE` appears whole or not at all (default: standard output)")
	c.Flags().BoolVar(force, "force", false, "replace a file that exists")
}

func first(args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	return "-"
}

func (a *app) seal(f *sealFlags, name string) error {
	if f.armor && f.mail {
		return usagef("--armor and --mail exclude each other: a mail is text already")
	}
	if f.mail && f.hide {
		return usagef("--hide and --mail exclude each other: the header of a mail names who it is for")
	}
	s, to, err := a.sealer(&f.sealerFlags)
	if err != nil {
		return err
	}
	if len(to) == 0 && f.mail {
		return usagef("--mail needs somebody whom it is for: --to FILE=FINGERPRINT; without, leave --mail away and attach what is written")
	}
	if len(to) == 0 && f.format == "" {
		s.Format = smime.Format()
	}
	s.Legacy.UnauthenticatedCBC = f.allowUnauthenticated
	signers, err := a.signingKeys(f.sign, f.passphraseFile, kindTo(to, f.format))
	if err != nil {
		return err
	}
	for _, k := range signers {
		s.Signers = append(s.Signers, k.Signer())
	}
	in, err := a.open(name, "sealing")
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := a.create(f.out, f.force, !f.armor && !f.mail)
	if err != nil {
		return err
	}
	defer out.discard()
	var receipt *envelope.Receipt
	if f.mail {
		receipt, err = sealMail(s, out, in, to, signers)
	} else {
		receipt, err = sealRaw(out, in, func(w io.Writer) (*envelope.Writer, error) { return s.Seal(w, to...) })
	}
	if err != nil {
		return failed("sealing", in.name, err)
	}
	in.bar.stop()
	if err := out.commit(); err != nil {
		return err
	}
	a.sayReceipt(receipt, len(s.Signers) > 0)
	return nil
}

// sealRaw copies in into the message that begin starts.
func sealRaw(out io.Writer, in io.Reader, begin func(io.Writer) (*envelope.Writer, error)) (*envelope.Receipt, error) {
	w, err := begin(out)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	if _, err := io.Copy(w, in); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return w.Receipt(), nil
}

// privateKeys reads the keys to open with, all that the files hold.
func (a *app) privateKeys(names []string, passphraseFile string) ([]key, error) {
	passphrase, err := a.readPassphrase(passphraseFile)
	if err != nil {
		return nil, err
	}
	var keys []key
	for _, name := range names {
		if namesIdentity(name) {
			k, err := a.identitiesOf(name, passphraseFile)
			if err != nil {
				return nil, err
			}
			keys = append(keys, k...)
			continue
		}
		k, err := a.keysIn(name, passphrase)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k...)
	}
	return keys, nil
}

// sayReceipt says what the sender should know of what was written. Where all
// is as good as it gets that is nothing.
func (a *app) sayReceipt(r *envelope.Receipt, signed bool) {
	// The receipt is what a reader without keys sees, who cannot know of a
	// signature inside.
	if r.Unauthenticated && !signed {
		a.say("warning: %s without a signature is not authenticated: whoever carries it can change it", r.Container)
	}
	// Where all recipients read the older form alone there is nothing to decide.
	if len(r.LoweredBy) < len(r.Sealed) {
		for _, c := range r.LoweredBy {
			a.say("note: written in the older form %s for all, since the key %s reads no newer one", r.Container, c.Fingerprint().Grouped())
		}
	}
	for _, s := range r.Findings {
		a.say("note: %s", s)
	}
	// Who named addresses sees whose keys the ring has for them.
	if a.ring.opened != nil {
		for i, f := range r.Sealed {
			a.say("sealed to %s: %s", f.Grouped(), r.Evidence[i])
		}
	}
}
