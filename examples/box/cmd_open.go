package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// openFlags are what open was asked for.
type openFlags struct {
	openerFlags
	report, out string
	force       bool
}

func (a *app) openCommand() *cobra.Command {
	var f openFlags
	c := &cobra.Command{
		Use:   "open --key KEYFILE… [flags] [IN]",
		Short: "Open what was sealed to your key",
		Long: `Open a sealed file, or a mail that seal --mail wrote, of which the file in it is
written. Nothing is written before it is known to be what the sender sealed.

KEYFILE is an OpenPGP secret key, PEM with private key and certificate, or
PKCS#12. A key that is kept elsewhere is pkcs11:URI (RFC 7512; the PIN is asked,
or stands in --passphrase-file) or gpg-agent:FINGERPRINT. With --from it must also be signed by one of these; without, whoever
has your public key may have sealed it.`,
		Example: `  box open --key me.key -o receipt.pdf receipt.pdf.pgp
  box open --key me.key --from alice.pub=FINGERPRINT -o receipt.pdf receipt.eml
  box open --key me.p12 --passphrase-file secret.txt -o receipt.pdf receipt.p7m
  box open --key 'pkcs11:token=mine;object=mail' -o receipt.pdf receipt.p7m
  box open --key gpg-agent:FINGERPRINT -o receipt.pdf receipt.pdf.pgp
  box open --key old.p12 --legacy 3des,rsa1024 --allow-unauthenticated -o letter.txt letter.p7m`,
		Args: most(1, "one file, or standard input"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.openSealed(&f, first(args)) },
	}
	f.add(c, true)
	a.addAuthorityFlags(c, "--from")
	a.addRingFlags(c)
	c.Flags().StringVar(&f.report, "report", "", "write what was found to this `FILE`, as JSON")
	outputFlags(c, &f.out, &f.force)
	return c
}

func (a *app) openSealed(f *openFlags, name string) error {
	if f.report != "" && (f.report == f.out || f.report == "-") {
		return usagef("--report needs a file of its own")
	}
	f.in = name
	o, err := a.opener(&f.openerFlags)
	if err != nil {
		return err
	}
	return a.reading(name, "opening", f.out, f.report, f.force, o.Open)
}

// reading opens a sealed or an opaque signed message with read and writes what
// is in it to the output, and what was found to report.
func (a *app) reading(name, doing, outName, reportName string, force bool, read func(io.Reader) (*envelope.Message, error)) error {
	in, err := a.open(name, doing)
	if err != nil {
		return err
	}
	defer in.Close()
	return a.readingFrom(in, doing, outName, reportName, force, read)
}

// readingFrom is reading of what is open already.
func (a *app) readingFrom(in *input, doing, outName, reportName string, force bool, read func(io.Reader) (*envelope.Message, error)) error {
	out, err := a.create(outName, force, true)
	if err != nil {
		return err
	}
	defer out.discard()
	var rep *output
	if reportName != "" {
		if rep, err = a.create(reportName, force, false); err != nil {
			return err
		}
		defer rep.discard()
	}
	got, err := contents(in.Reader, out, read)
	in.bar.stop()
	if err != nil {
		return failed(doing, in.name, err)
	}
	outs := []*output{out}
	if rep != nil {
		if err := writeJSON(rep, got.report); err != nil {
			return err
		}
		outs = append(outs, rep)
	}
	if err := commitAll(outs...); err != nil {
		return err
	}
	a.sayOpened(got)
	return nil
}

// opened is what a person should know of a message that was opened.
type opened struct {
	report *envelope.Report
	entity *entityInfo // nil: it was not in a mail
}

// contents writes what is in the message src to out.
func contents(src io.Reader, out io.Writer, read func(io.Reader) (*envelope.Message, error)) (*opened, error) {
	body, isMail, err := unwrapMail(src)
	if err != nil {
		return nil, err
	}
	m, err := read(body)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	got := &opened{}
	var r io.Reader = m
	if isMail {
		if r, got.entity, err = fileInEntity(m); err != nil {
			return nil, err
		}
	}
	if _, err := io.Copy(onlyWriter{out}, r); err != nil {
		return nil, err
	}
	got.report = m.Report()
	return got, nil
}

// onlyWriter hides whatever else a writer can do: all writing goes through
// Write, which names the output in its errors.
type onlyWriter struct{ io.Writer }

func (a *app) sayOpened(o *opened) {
	if e := o.entity; e != nil {
		switch {
		case e.whole:
			a.say("note: the mail holds several parts (%s): written as they are; box mail read takes them apart", shown(e.mediaType))
		case e.name != "":
			a.say("the file was sent as %s (%s)", shown(e.name), shown(e.mediaType))
		}
	}
	r := o.report
	if r.Unauthenticated {
		a.say("warning: nothing protects this content: whoever carried it may have changed it")
	}
	valid := false
	for _, s := range r.Signatures {
		switch {
		case s.Valid() && s.Sender != nil:
			a.saySigner(s.Sender)
			valid = true
		case s.Valid():
			a.say("note: signed by a key that was not verified (%s): it says nothing about who sent this; name the sender with --from", shown(s.SignerID))
		default:
			a.say("note: a signature of %s %s", shown(s.SignerID), s.Problem())
		}
	}
	if !valid && len(r.Signatures) == 0 {
		a.say("note: not signed: whoever has your public key, or the passphrase, may have sealed this")
	}
	for _, s := range r.Findings {
		a.say("note: %s", s)
	}
}

// saySigner names who signed.
func (a *app) saySigner(v *keyring.Verified) {
	who := ""
	if list := v.Certificate().Addresses(); len(list) > 0 {
		who = " (" + shown(list[0]) + ")"
	}
	a.say("signed by %s%s", v.Fingerprint().Grouped(), who)
}
