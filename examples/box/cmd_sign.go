package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// signFlags are what sign was asked for.
type signFlags struct {
	keys                 []string
	passphraseFile, out  string
	opaque, armor, force bool
	text                 bool
}

func (a *app) signCommand() *cobra.Command {
	var f signFlags
	c := &cobra.Command{
		Use:   "sign --key KEYFILE [flags] [IN]",
		Short: "Sign a file",
		Long: `Sign a file. The signature goes into a file of its own (detached), or with
--opaque around the content. Anybody can read what is only signed: seal it to
keep it secret.`,
		Example: `  box sign --key me.key -o contract.pdf.sig contract.pdf
  box sign --key me.key --opaque -o contract.p7m contract.pdf`,
		Args: most(1, "one file, or standard input"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.sign(&f, first(args)) },
	}
	fl := c.Flags()
	fl.StringArrayVar(&f.keys, "key", nil, "the private `KEYFILE` to sign with, or the address or fingerprint of an identity, or where it is kept: pkcs11:URI, gpg-agent:FINGERPRINT; again for each further one")
	fl.StringVar(&f.passphraseFile, "passphrase-file", "", "the first line of this `FILE` opens the key files")
	fl.BoolVar(&f.opaque, "opaque", false, "write the content with the signature around it")
	fl.BoolVar(&f.opaque, "embedded", false, "the same as --opaque")
	fl.BoolVar(&f.armor, "armor", false, "write text instead of binary")
	fl.BoolVar(&f.text, "text", false, "sign text: the signature holds whatever kind of line ends it has (OpenPGP)")
	outputFlags(c, &f.out, &f.force)
	return c
}

func (a *app) sign(f *signFlags, name string) error {
	if len(f.keys) == 0 {
		return usagef("no key to sign with: --key KEYFILE")
	}
	keys, err := a.signingKeys(f.keys, f.passphraseFile, "")
	if err != nil {
		return err
	}
	s := &envelope.Sealer{Armor: f.armor, Text: f.text}
	for _, k := range keys {
		s.Signers = append(s.Signers, k.Signer())
	}
	in, err := a.open(name, "signing")
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := a.create(f.out, f.force, !f.armor)
	if err != nil {
		return err
	}
	defer out.discard()
	begin := s.SignDetached
	if f.opaque {
		begin = s.Sign
	}
	if _, err := sealRaw(out, in, begin); err != nil {
		return failed("signing", in.name, err)
	}
	in.bar.stop()
	return out.commit()
}

// verifyFlags are what verify was asked for.
type verifyFlags struct {
	from          []string
	report, out   string
	opaque, force bool
}

func (a *app) verifyCommand() *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use:   "verify --from FILE=FINGERPRINT… [flags] SIGNATURE [CONTENT]",
		Short: "Verify a signature",
		Long: `Verify that one of these keys signed exactly this content. SIGNATURE is the
detached signature of CONTENT (default: standard input). With --opaque there is
one file, of which the content is written out.

FINGERPRINT is what the key's owner told you, by another way than FILE came.`,
		Example: `  box verify --from alice.pub=FINGERPRINT contract.pdf.sig contract.pdf
  box verify --from alice.pub=FINGERPRINT --opaque -o contract.pdf contract.p7m`,
		Args: most(2, "a signature and a file"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.verifySigned(&f, args) },
	}
	fl := c.Flags()
	fl.StringArrayVar(&f.from, "from", nil, "`FILE=FINGERPRINT`, FILE=ADDRESS, or an ADDRESS of the ring: it must be signed by this key, or by another --from")
	a.addAuthorityFlags(c, "--from")
	a.addRingFlags(c)
	fl.BoolVar(&f.opaque, "opaque", false, "the signature is around the content")
	fl.BoolVar(&f.opaque, "embedded", false, "the same as --opaque")
	fl.StringVar(&f.report, "report", "", "write what was found to this `FILE`, as JSON")
	outputFlags(c, &f.out, &f.force)
	return c
}

func (a *app) verifySigned(f *verifyFlags, args []string) error {
	if len(f.from) == 0 {
		return usagef("signed by whom: --from FILE=FINGERPRINT")
	}
	if f.opaque && len(args) > 1 {
		return usagef("with --opaque there is one file: %s is one too many", shown(args[1]))
	}
	if !f.opaque && len(args) == 0 {
		return usagef("no signature: box verify --from FILE=FINGERPRINT SIGNATURE [CONTENT]; with the content in the same file --opaque")
	}
	if !f.opaque && f.out != "" {
		return usagef("-o is for --opaque: a detached signature holds no content")
	}
	senders, err := a.verify("--from", "", f.from)
	if err != nil {
		return err
	}
	o := &envelope.Opener{Formats: formats(), Senders: senders}
	if f.opaque {
		return a.reading(first(args), "verifying", f.out, f.report, f.force, o.Verify)
	}
	return a.verifyDetached(f, o, args[0], first(args[1:]))
}

func (a *app) verifyDetached(f *verifyFlags, o *envelope.Opener, sigName, name string) error {
	if sigName == "-" && name == "-" {
		return usagef("signature and content cannot both be standard input")
	}
	sig, err := a.open(sigName, "reading the signature")
	if err != nil {
		return err
	}
	defer sig.Close()
	in, err := a.open(name, "verifying")
	if err != nil {
		return err
	}
	defer in.Close()
	report, err := o.VerifyDetached(sig, struct{ io.Reader }{in})
	in.bar.stop()
	if err != nil {
		return failed("verifying "+shown(in.name)+" with", sigName, err)
	}
	if f.report != "" {
		rep, err := a.create(f.report, f.force, false)
		if err != nil {
			return err
		}
		defer rep.discard()
		if err := writeJSON(rep, report); err != nil {
			return err
		}
		if err := rep.commit(); err != nil {
			return err
		}
	}
	for _, s := range report.Signatures {
		if s.Valid() && s.Sender != nil {
			a.saySigner(s.Sender)
		}
		for _, c := range s.CounterSignatures {
			if c.Valid() && c.Sender != nil {
				a.say("countersigned by %s", c.Sender.Fingerprint().Grouped())
			}
		}
	}
	return nil
}
