package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/examples/internal/terminal"
	"github.com/doublekeybox/doublekeybox/internal/reread"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// readFlags are what mail read was asked for.
type readFlags struct {
	openerFlags
	now, save                 string
	addresses                 []string
	strict, json, text, valid bool
	nested                    bool
}

func (a *app) mailReadCommand() *cobra.Command {
	var f readFlags
	c := &cobra.Command{
		Use:   "read [--key KEYFILE]… [flags] [MESSAGE.eml]",
		Short: "Read a whole mail: what it holds, and what of it is protected",
		Long: `Read a whole mail and print the tree of its parts, with what is encrypted and
signed of each, and one summary. "verified" stands there only if a valid signature
by a key that you believe, and that is bound to the address in From, covers the
whole mail. What somebody put around an encrypted or a signed part is shown as
what it is, and never together with it.

Whose signatures are believed: those that the ring has for the address in From
(box ring add), --from, and by --roots whoever an authority says has that address.

Exit status 0 says that the mail was read, and nothing of whether it is verified:
with --verified a mail that is not ends with status 5, and nothing of it is saved.`,
		Example: `  box mail read --key me.key message.eml
  box mail read --key me.p12 --roots ca.pem --save attachments message.eml
  box mail read --json message.eml`,
		Args: most(1, "one message, or standard input"),
		RunE: func(_ *cobra.Command, args []string) error { return a.mailRead(&f, first(args)) },
	}
	f.add(c, true)
	a.addAuthorityFlags(c, "the address in From")
	a.addRingFlags(c)
	fl := c.Flags()
	fl.StringVar(&f.now, "now", "", "check keys and signatures as of this time, `RFC3339` (default: now)")
	fl.StringVar(&f.save, "save", "", "save what is in the mail into this `DIR`, under names that are safe; what lies there is never replaced")
	fl.StringArrayVar(&f.addresses, "mine", nil, "an `ADDRESS` of yours beside those in your keys: a mail that was meant for others is told by them")
	fl.BoolVar(&f.strict, "strict", false, "refuse a mail that two programs can read in two ways")
	fl.BoolVar(&f.nested, "insecure-nested", false, "decrypt also what stands in a tree that somebody else can have put around it (EFAIL)")
	fl.BoolVar(&f.valid, "verified", false, "end with status 5, and save nothing, unless the mail is verified")
	fl.BoolVar(&f.text, "text", false, "print the texts too, each for itself")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	return c
}

func (a *app) mailRead(f *readFlags, name string) error {
	if f.json && f.text {
		return usagef("--json and --text exclude each other: --save DIR writes the texts beside the JSON")
	}
	o, err := a.mailOpener(f)
	if err != nil {
		return err
	}
	in, err := a.open(name, "reading")
	if err != nil {
		return err
	}
	defer in.Close()
	m, err := a.openMail(f, o, in)
	if err != nil {
		return err
	}
	defer m.Close()
	if a.hint == "" && !f.allowUnauthenticated && errors.Is(m.Err(), envelope.ErrDecrypt) && m.Layers()[0].Format == "S/MIME" {
		// It says what was not typed, and nothing of why it did not decrypt.
		a.hint = "ask the sender to send it again, signed too: what is only encrypted, by most programs, anybody on its way can change, and opens with --allow-unauthenticated alone"
	}
	var savedAs map[string]string
	if !f.valid || m.Summary().Verified {
		if savedAs, err = a.saveParts(f.save, m); err != nil {
			return err
		}
	}
	if f.json {
		err = encodeJSON(a.stdout, messageJSON(m, savedAs))
	} else {
		err = a.printMessage(m, savedAs, f.text)
	}
	if err != nil {
		return &terminal.FileError{Doing: "writing", Name: "standard output", Err: err}
	}
	switch err := m.Err(); {
	case errors.Is(err, envelope.ErrNotForYou) && len(o.Identities)+len(o.Passphrases) == 0:
		return failed("opening", in.name, &noKeyError{})
	case err != nil:
		return failed("opening", in.name, err)
	case !isMail(m):
		return failed("reading", in.name, &noMailError{})
	case f.valid && !m.Summary().Verified:
		return failed("reading", in.name, &notVerifiedError{})
	}
	return nil
}

// notVerifiedError is what --verified asked for. It is [envelope.ErrSignature].
type notVerifiedError struct{}

func (*notVerifiedError) Error() string   { return "the mail is not verified" }
func (*notVerifiedError) Is(e error) bool { return e == envelope.ErrSignature }

// noKeyError is about a sealed mail and nobody to open it. It is [envelope.ErrNotForYou].
type noKeyError struct{}

func (*noKeyError) Error() string   { return "it is sealed, and there is no key to open it with" }
func (*noKeyError) Is(e error) bool { return e == envelope.ErrNotForYou }

// noMailError is about a file that is something else. It is [envelope.ErrFormat].
type noMailError struct{}

func (*noMailError) Error() string   { return "this is no mail: it has no header" }
func (*noMailError) Is(e error) bool { return e == envelope.ErrFormat }

// isMail reports whether a message has any field of those that mails, and parts
// that were cut out of mails, begin with.
func isMail(m *mail.Message) bool {
	root := m.Parts()[0]
	return slices.ContainsFunc([]string{"From", "To", "Subject", "Date", "Message-ID", "Received", "Return-Path", "MIME-Version", "Content-Type"},
		func(name string) bool { return root.Header(name) != "" })
}

// mailOpener returns what reads mail as the flags say.
func (a *app) mailOpener(f *readFlags) (*mail.Opener, error) {
	o := &mail.Opener{
		Formats: formats(), Strict: f.strict, InsecureNested: f.nested, Addresses: f.addresses,
	}
	var err error
	if o.Legacy, err = legacyList(f.legacy); err != nil {
		return nil, err
	}
	o.Legacy.UnauthenticatedCBC = f.allowUnauthenticated
	if f.now != "" {
		at, err := time.Parse(time.RFC3339, f.now)
		if err != nil {
			return nil, usagef("--now %q: give it as 2026-01-31T12:00:00Z", cut(f.now))
		}
		o.Time = func() time.Time { return at }
	}
	keys, err := a.privateKeys(f.keys, f.passphraseFile)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		o.Identities = append(o.Identities, k.Identity())
	}
	if o.Passphrases, err = a.passphrases(f.passphrases, envelope.OpenPassphrase); err != nil {
		return nil, err
	}
	if err := a.authoritiesForMail(o); err != nil { // before they are used
		return nil, err
	}
	if o.Senders, err = a.verify("--from", "", f.from); err != nil {
		return nil, err
	}
	if o.Ring, err = a.mailRing(); err != nil {
		return nil, err
	}
	if f.save != "" {
		o.Limits.Envelope.SpoolDir = filepath.Dir(filepath.Clean(f.save)) // beside the output: there is room for what is in the mail
	}
	return o, nil
}

// authoritiesForMail takes the word of the authorities on whose address is
// whose.
func (a *app) authoritiesForMail(o *mail.Opener) error {
	f := &a.authority
	if len(f.roots) == 0 {
		if len(f.intermediates)+len(f.revocation) > 0 {
			return usagef("--intermediates and --crl need --roots FILE, which says which authorities you believe")
		}
		return nil
	}
	f.always = true
	authorities, err := a.authorities("--roots")
	if err != nil {
		return err
	}
	authorities.Time = o.Time
	o.Evidence = func(address string, beside ...*keyring.Certificate) keyring.Evidence {
		return smime.ChainTo(address, authorities, beside...)
	}
	return nil
}

// openMail opens the mail in. Without --key the identities are unlocked only for
// a mail that needs one: that takes a moment for each, and perhaps a passphrase.
func (a *app) openMail(f *readFlags, o *mail.Opener, in *input) (*mail.Message, error) {
	defer in.bar.stop()
	var src io.Reader = in.file // which is read at any place: no copy is kept
	if in.size < 0 {
		kept, err := reread.Hold(in.Reader, reread.Options{Dir: o.Limits.Envelope.SpoolDir})
		if err != nil {
			return nil, failed("reading", in.name, err)
		}
		in.kept = kept
		src = io.NewSectionReader(kept, 0, kept.Size())
	}
	m, err := o.Open(src)
	if err != nil {
		return nil, failed("reading", in.name, err)
	}
	if !errors.Is(m.Err(), envelope.ErrNotForYou) || len(f.keys)+len(f.passphrases) > 0 {
		return m, nil
	}
	m.Close()
	if err := a.unlockForMail(f, o); err != nil {
		return nil, err
	}
	m, err = o.Open(src)
	return m, failed("reading", in.name, err)
}

// unlockForMail unlocks all identities, unless keys were named. None at all is
// no mistake: much mail is not encrypted.
func (a *app) unlockForMail(f *readFlags, o *mail.Opener) error {
	if len(f.keys)+len(f.passphrases) > 0 {
		return nil
	}
	d, all, err := a.listIdentities()
	if err != nil || len(all) == 0 {
		return err
	}
	keys, err := a.unlockAll(d, all, f.passphraseFile)
	for _, k := range keys {
		o.Identities = append(o.Identities, k.Identity())
	}
	return err
}

// mailRing returns the ring, nil where there is none: to read mail makes none.
func (a *app) mailRing() (*keyring.Ring, error) {
	dir, err := a.ringDir()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if a.ring.dir != "" {
			return nil, usagef("--ring %s: there is no ring: check the name; box ring add makes one", shown(a.ring.dir))
		}
		return nil, nil
	}
	return a.openRing()
}

// saveParts saves the leaves of the tree.
func (a *app) saveParts(dir string, m *mail.Message) (savedAs map[string]string, err error) {
	var leaves []*mail.Part
	for _, p := range m.Parts() {
		if isContent(p) {
			leaves = append(leaves, p)
		}
	}
	if dir == "" || len(leaves) == 0 {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, failed("saving into", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, failed("saving into", dir, err)
	}
	defer root.Close()
	names, err := mail.Save(root, leaves...)
	if err != nil {
		return nil, failed("saving into", dir, err)
	}
	savedAs = map[string]string{}
	for i, p := range leaves {
		savedAs[p.Path] = names[i]
	}
	return savedAs, nil
}
