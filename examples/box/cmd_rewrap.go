package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// againFlags are what rewrap and reseal were asked for.
type againFlags struct {
	open openerFlags
	seal sealerFlags
	sign []string
}

func (a *app) rewrapCommand() *cobra.Command {
	var f againFlags
	c := &cobra.Command{
		Use:   "rewrap --key KEYFILE --to FILE=FINGERPRINT… [flags] [IN]",
		Short: "Add readers to a sealed message without sealing it anew",
		Long: `Add readers to a sealed message. Nobody loses access: who could open
the message before can open the new one too, and knows its content key. To take
access away, or to change the form, use box reseal.

The message is opened and its whole content authenticated before anything is
written. The content and its signatures are copied as they are.`,
		Example: `  box rewrap --key me.pem --to colleague.pem=FINGERPRINT -o both.p7m receipt.p7m`,
		Args:    most(1, "one file, or standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.rewraps = true
			return a.again(&f, first(args), "rewrapping", func(out io.Writer, in io.Reader, s *envelope.Sealer, o *envelope.Opener, to verifieds) (*envelope.Receipt, error) {
				return envelope.Rewrap(out, in, o, s, to...)
			})
		},
	}
	f.open.add(c, false)
	f.seal.add(a, c)
	return c
}

func (a *app) resealCommand() *cobra.Command {
	var f againFlags
	c := &cobra.Command{
		Use:   "reseal --key KEYFILE --to FILE=FINGERPRINT… [flags] [IN]",
		Short: "Open, verify and seal anew for others",
		Long: `Open a sealed message and seal its content anew, with a fresh content key, in
today's form, for these recipients and nobody else. Signatures that it had stay
behind: name who must have signed with --from, and sign with --sign.

Whoever has a copy of the old message, and its key, can still open that.`,
		Example: `  box reseal --key me.pem --from alice.pem=FINGERPRINT --sign me.pem --to bob.pem=FINGERPRINT -o new.p7m old.p7m
  box reseal --key old.p12 --legacy 3des,rsa1024 --allow-unauthenticated --to me.pem=FINGERPRINT --profile modern -o new.p7m archive.p7m`,
		Args: most(1, "one file, or standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.again(&f, first(args), "resealing", func(out io.Writer, in io.Reader, s *envelope.Sealer, o *envelope.Opener, to verifieds) (*envelope.Receipt, error) {
				return s.Reseal(out, in, o, to...)
			})
		},
	}
	f.open.add(c, true)
	f.seal.add(a, c)
	c.Flags().StringArrayVar(&f.sign, "sign", nil, "sign with this private `KEYFILE`, inside the encryption")
	return c
}

// verifieds are recipients.
type verifieds = []*keyring.Verified

// again makes a new message of a sealed one.
func (a *app) again(f *againFlags, name, doing string, do func(io.Writer, io.Reader, *envelope.Sealer, *envelope.Opener, verifieds) (*envelope.Receipt, error)) error {
	s, to, err := a.sealer(&f.seal)
	if err != nil {
		return err
	}
	f.open.in = name
	o, err := a.opener(&f.open)
	if err != nil {
		return err
	}
	signers, err := a.signingKeys(f.sign, f.open.passphraseFile, kindTo(to, f.seal.format))
	if err != nil {
		return err
	}
	for _, k := range signers {
		s.Signers = append(s.Signers, k.Signer())
	}
	in, err := a.open(name, doing)
	if err != nil {
		return err
	}
	defer in.Close()
	body, isMail, err := unwrapMail(in.Reader)
	switch {
	case err != nil:
		return failed(doing, in.name, err)
	case isMail:
		return failed(doing, in.name, errors.New("it is a whole mail: take the sealed file out of it (smime.p7m), or open it and seal the file anew"))
	}
	out, err := a.create(f.seal.out, f.seal.force, !f.seal.armor)
	if err != nil {
		return err
	}
	defer out.discard()
	r, err := do(out, body, s, o, to)
	if err != nil {
		return failed(doing, in.name, err)
	}
	in.bar.stop()
	if err := out.commit(); err != nil {
		return err
	}
	a.sayOpened(&opened{report: r.Opened})
	if r.ContentKeyReused {
		added := len(r.Sealed) + r.Passphrases
		a.say("added %d to the %d who can open it", added, len(r.Recipients)-added)
	}
	a.sayReceipt(r, len(s.Signers) > 0 || r.ContentKeyReused)
	return nil
}
