package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/internal/atomicfile"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// mostTextBytes is the longest text that compose takes from a file; what is
// longer is an attachment.
const mostTextBytes = 16 << 20

// composeFlags are what mail compose was asked for.
type composeFlags struct {
	from                 string
	to, cc, bcc, replyTo []string
	subject, text, html  string
	attach, sign         []string
	passphraseFile       string
	profile, headers     string
	date                 string
	inReplyTo            []string
	out                  string
	ownCopy, unsigned    bool
	lowering, clear      bool
	legacyDisplay        bool
	autocrypt            bool
}

func (a *app) mailComposeCommand() *cobra.Command {
	var f composeFlags
	c := &cobra.Command{
		Use:   "compose --from ADDR --sign KEYFILE… --subject S --text FILE --to ADDR… --out DIR",
		Short: "Compose a mail and seal it for everybody whom it is for",
		Long: `Compose a mail and seal it for everybody in --to, --cc and --bcc, by the keys that
the ring has for them (box ring add FILE FINGERPRINT), all of them or none. People
who read OpenPGP and people who read S/MIME get one message for each of the two,
and each in --bcc one of their own, from which nobody else learns of them.

Into DIR come 1.eml, 2.eml, … and beside each the addresses that it is delivered
to, 1.rcpt, one on a line: hand each message to a mail server for exactly these,
for instance

  for r in DIR/*.rcpt; do sendmail -i -f ME -- $(cat "$r") <"${r%.rcpt}.eml"; done

or with any other program that takes recipients beside the message: never take
them from its header, which names people who get another message. report.json says
what was done. DIR is made where there is none; what lies in it is not replaced.

The subject is inside the encryption; outside stands "[...]". Without --sign
nobody can know who wrote it. --clear signs only: everybody can read it.`,
		Example: `  box mail compose --from me@example.org --sign me.key --subject 'Your receipt' \
      --text letter.txt --attach receipt.pdf --to bob@example.org --out sealed
  box mail compose --from 'Ann Lee <ann@example.org>' --sign ann.key --sign ann.pem --subject Payslip \
      --text t.txt --html t.html --to bob@example.org --cc eve@example.com --bcc boss@example.org --out sealed`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("%s: what goes into the mail is named by flags: --text FILE, --attach FILE", shown(args[0]))
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error { return a.mailCompose(&f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.from, "from", "", "who writes, `ADDR` or 'Name <ADDR>': the address that the signing keys state")
	fl.StringArrayVar(&f.to, "to", nil, "who it is for, `ADDR` or 'Name <ADDR>'; again for each further one")
	fl.StringArrayVar(&f.cc, "cc", nil, "who else it is for (`ADDR`)")
	fl.StringArrayVar(&f.bcc, "bcc", nil, "who gets it without the others knowing (`ADDR`)")
	fl.StringArrayVar(&f.replyTo, "reply-to", nil, "where answers go (`ADDR`)")
	fl.StringVar(&f.subject, "subject", "", "what it is about, `TEXT`")
	fl.StringVar(&f.text, "text", "", "the text, a `FILE` in UTF-8 (- for standard input)")
	fl.StringVar(&f.html, "html", "", "the same as HTML, a `FILE` in UTF-8")
	fl.StringArrayVar(&f.attach, "attach", nil, "a `FILE` that goes with it; again for each further one")
	fl.StringArrayVar(&f.sign, "sign", nil, "sign with this private `KEYFILE`, or the address or fingerprint of an identity; one for each format in use")
	fl.StringVar(&f.passphraseFile, "passphrase-file", "", "the first line of this `FILE` opens the signing keys")
	fl.StringVar(&f.profile, "profile", "auto", "auto, modern, compatible or post-quantum")
	fl.StringVar(&f.headers, "headers", "baseline", "what the header keeps to itself: baseline (the subject), shy (names and time zone too), none")
	fl.BoolVar(&f.legacyDisplay, "legacy-display", false, "repeat the hidden subject in the text, for programs that do not know RFC 9788")
	fl.BoolVar(&f.autocrypt, "autocrypt", false, "put the OpenPGP certificate of the signer into the header, for programs that learn keys from it")
	fl.StringVar(&f.date, "date", "", "when it was written, `RFC3339` (default: now)")
	fl.StringArrayVar(&f.inReplyTo, "in-reply-to", nil, "the Message-`ID` of what it answers")
	fl.BoolVar(&f.ownCopy, "own-copy", false, "seal one more for yourself, own.eml, for the folder of sent mail")
	fl.BoolVar(&f.unsigned, "allow-unsigned", false, "with signing keys of one format alone: leave the messages of the other unsigned")
	fl.BoolVar(&f.lowering, "refuse-lowering", false, "refuse rather than write something weaker because of what one recipient reads")
	fl.BoolVar(&f.clear, "clear", false, "sign only, do not seal: everybody who carries it can read it")
	fl.StringVar(&f.out, "out", "", "the `DIR` that the messages are written to")
	a.addRingFlags(c)
	return c
}

func (a *app) mailCompose(f *composeFlags) error {
	switch {
	case f.from == "":
		return usagef("who writes? --from ADDR")
	case len(f.to)+len(f.cc)+len(f.bcc) == 0:
		return usagef("who is it for? --to ADDR")
	case f.out == "":
		return usagef("where to? --out DIR")
	case f.text == "" && f.html == "" && len(f.attach) == 0:
		return usagef("nothing is in it: --text FILE, --attach FILE")
	}
	draft, closeAll, err := a.draft(f)
	if err != nil {
		return err
	}
	defer closeAll()
	composer, err := a.composer(f)
	if err != nil {
		return err
	}
	if f.clear {
		return a.composeClear(f, composer, draft)
	}
	plan, err := composer.Plan(draft)
	if err != nil {
		return a.ringRefused(err)
	}
	return a.composeSealed(f, plan)
}

// draft reads the flags; what it opened closeAll closes.
func (a *app) draft(f *composeFlags) (d *mail.Draft, closeAll func(), err error) {
	d = &mail.Draft{Subject: f.subject}
	for _, id := range f.inReplyTo {
		// As a header shows it, or as the library takes it.
		d.InReplyTo = append(d.InReplyTo, strings.TrimSuffix(strings.TrimPrefix(id, "<"), ">"))
	}
	d.References = d.InReplyTo
	var open []*input
	end := func() {
		for _, in := range open {
			in.Close()
		}
	}
	defer func() {
		if err != nil {
			end()
		}
	}()
	from, err := mailboxes("--from", f.from)
	if err != nil {
		return nil, nil, err
	}
	d.From = from[0]
	for _, l := range []struct {
		flag   string
		values []string
		to     *[]netmail.Address
	}{{"--to", f.to, &d.To}, {"--cc", f.cc, &d.Cc}, {"--bcc", f.bcc, &d.Bcc}, {"--reply-to", f.replyTo, &d.ReplyTo}} {
		if *l.to, err = mailboxes(l.flag, l.values...); err != nil {
			return nil, nil, err
		}
	}
	if f.date != "" {
		if d.Date, err = time.Parse(time.RFC3339, f.date); err != nil {
			return nil, nil, usagef("--date %q: give it as 2026-01-31T12:00:00Z", cut(f.date))
		}
	}
	if d.Text, err = a.readText(f.text); err != nil {
		return nil, nil, err
	}
	if d.HTML, err = a.readText(f.html); err != nil {
		return nil, nil, err
	}
	for _, name := range f.attach {
		in, err := a.open(name, "sealing")
		if err != nil {
			return nil, nil, err
		}
		open = append(open, in)
		base := filepath.Base(name)
		if name == "-" {
			base = "content.bin"
		}
		d.Attachments = append(d.Attachments, mail.Attachment{Name: base, Body: in})
	}
	return d, end, nil
}

// mailboxes reads addresses, each alone or with a name before it.
func mailboxes(flag string, values ...string) (out []netmail.Address, err error) {
	for _, v := range values {
		m, err := netmail.ParseAddress(v)
		if err != nil {
			if list, err := netmail.ParseAddressList(v); err == nil && len(list) > 1 {
				return nil, usagef("%s %s: one address for each flag: %s %s %s …", flag, shown(v), flag, shown(list[0].Address), flag)
			}
			return nil, usagef("%s %s: not a mail address: give bob@example.org, or 'Bob <bob@example.org>'", flag, shown(v))
		}
		out = append(out, *m)
	}
	return out, nil
}

// readText reads a text in UTF-8.
func (a *app) readText(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	b, err := a.readAtMost(name, mostTextBytes)
	if errors.Is(err, envelope.ErrLimit) {
		return "", usagef("reading the text %s: it has more than %d MiB: send it with --attach", shown(name), mostTextBytes>>20)
	}
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", failed("reading the text", name, errors.New("it is not UTF-8: convert it (iconv -f LATIN1 -t UTF-8), or send it with --attach"))
	}
	return string(b), nil
}

// composer returns what composes as the flags say.
func (a *app) composer(f *composeFlags) (*mail.Composer, error) {
	c := &mail.Composer{AllowUnsigned: f.unsigned, RefuseLowering: f.lowering, LegacyDisplay: f.legacyDisplay}
	var err error
	if c.Profile, err = sealProfile(f.profile); err != nil {
		return nil, err
	}
	switch f.headers {
	case "baseline":
	case "shy":
		c.Headers = mail.Shy
	case "none":
		c.Headers = mail.NoConfidentiality
	default:
		return nil, usagef("--headers %q: give baseline, shy or none", cut(f.headers))
	}
	if c.Ring, err = a.openRing(); err != nil {
		return nil, err
	}
	c.Limits.SpoolDir = filepath.Dir(filepath.Clean(f.out)) // beside the output: it is there that there is room
	signers, err := a.signingKeys(f.sign, f.passphraseFile, "")
	if err != nil {
		return nil, err
	}
	for _, k := range signers {
		c.Signers = append(c.Signers, k.Signer())
		isPGP := kindIs(k.Certificate()) == kindPGP
		if f.autocrypt && isPGP && c.Autocrypt == nil {
			c.Autocrypt = k.Certificate()
		}
		if f.ownCopy {
			// Whoever can sign with a key knows whose it is.
			v, err := keyring.Verify(k.Certificate(), keyring.Expect(k.Certificate().Fingerprint()))
			if err != nil {
				return nil, err
			}
			c.OwnCopy = append(c.OwnCopy, v)
		}
	}
	switch {
	case f.ownCopy && len(signers) == 0:
		return nil, usagef("--own-copy is sealed to the signing keys: there are none, give --sign KEYFILE")
	case f.autocrypt && c.Autocrypt == nil:
		return nil, usagef("--autocrypt needs an OpenPGP key: --sign KEYFILE")
	case f.clear && len(signers) == 0:
		return nil, usagef("--clear signs only, and there is nothing to sign with: --sign KEYFILE")
	}
	if c.OwnCopy = oneFormat(c.OwnCopy); !f.ownCopy {
		c.OwnCopy = nil
	}
	return c, nil
}

// oneFormat returns those that are of the format of the first: one copy is
// enough, whoever has both keys opens either.
func oneFormat(all []*keyring.Verified) []*keyring.Verified {
	return slices.DeleteFunc(all, func(v *keyring.Verified) bool {
		return kindIs(v.Certificate()) != kindIs(all[0].Certificate())
	})
}

// composeSealed writes all messages, or none.
func (a *app) composeSealed(f *composeFlags, plan *mail.Plan) error {
	outs := &mailFiles{app: a, dir: f.out}
	defer outs.discard()
	var files []mail.File
	number := 0
	copies := plan.Copies()
	names := make([]string, len(copies))
	for i, c := range copies {
		names[i] = "own"
		if !c.Own {
			number++
			names[i] = fmt.Sprint(number)
		}
		file, err := outs.create(names[i] + ".eml")
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	sealed, err := plan.Seal(files...)
	if err != nil {
		return failed("sealing for", f.out, a.ringRefused(err))
	}
	for _, s := range sealed {
		defer s.Close()
	}
	report := composeJSON{From: sealed[0].From(), MessageID: sealed[0].MessageID(), Copies: []copyJSON{}}
	for i, s := range sealed {
		if !copies[i].Own {
			if err := outs.lines(names[i]+".rcpt", s.Recipients()); err != nil {
				return err
			}
		}
		report.Copies = append(report.Copies, a.copyReport(names[i]+".eml", &copies[i], s))
	}
	if err := outs.report(report); err != nil {
		return err
	}
	if err := outs.commit(); err != nil {
		return err
	}
	a.sayComposed(f, copies)
	return nil
}

// composeClear writes one message that is signed and not sealed.
func (a *app) composeClear(f *composeFlags, c *mail.Composer, d *mail.Draft) error {
	if len(d.Bcc) > 0 {
		return usagef("--clear and --bcc exclude each other: one message that everybody can read goes to all; send those in Bcc a copy of their own")
	}
	outs := &mailFiles{app: a, dir: f.out}
	defer outs.discard()
	file, err := outs.create("1.eml")
	if err != nil {
		return err
	}
	signed, err := c.SignClear(d, file)
	if err != nil {
		return failed("signing for", f.out, err)
	}
	defer signed.Close()
	if err := outs.lines("1.rcpt", signed.Recipients()); err != nil {
		return err
	}
	report := composeJSON{From: signed.From(), MessageID: signed.MessageID(), Copies: []copyJSON{{
		File: "1.eml", Recipients: signed.Recipients(), Signed: true, SealedTo: []sealedToJSON{},
	}}}
	if err := outs.report(report); err != nil {
		return err
	}
	if err := outs.commit(); err != nil {
		return err
	}
	a.say("signed and not sealed: everybody who carries it can read it")
	return nil
}

// mailFiles are the files of one mail: they appear all, or none does.
type mailFiles struct {
	app   *app
	dir   string
	made  []string // directories that were not there, the innermost first
	files []*atomicfile.File
}

// create starts a file in the directory, which is made where there is none.
func (m *mailFiles) create(name string) (*atomicfile.File, error) {
	if len(m.files) == 0 {
		m.made = missing(m.dir)
	}
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return nil, failed("writing", m.dir, err)
	}
	path := filepath.Join(m.dir, name)
	f, err := atomicfile.Create(path, atomicfile.Options{Secret: true})
	if errors.Is(err, fs.ErrExist) {
		return nil, usagef("writing %s: there is a mail in this directory: give another --out DIR", shown(path))
	}
	if err != nil {
		return nil, failed("writing", path, err)
	}
	m.app.pending.add(f)
	m.files = append(m.files, f)
	return f, nil
}

func (m *mailFiles) lines(name string, lines []string) error {
	f, err := m.create(name)
	if err != nil {
		return err
	}
	for _, line := range lines {
		if _, err := io.WriteString(f, line+"\n"); err != nil {
			return failed("writing", f.Name(), err)
		}
	}
	return nil
}

func (m *mailFiles) report(r composeJSON) error {
	f, err := m.create("report.json")
	if err != nil {
		return err
	}
	return failed("writing", f.Name(), encodeJSON(f, r))
}

func (m *mailFiles) commit() error {
	if err := atomicfile.CommitAll(m.files...); err != nil {
		return failed("writing", m.dir, err)
	}
	m.made = nil
	return nil
}

func (m *mailFiles) discard() {
	for _, f := range m.files {
		f.Discard()
		m.app.pending.remove(f)
	}
	for _, dir := range m.made {
		os.Remove(dir) // which does nothing to one that somebody put something into
	}
}

// missing returns those of dir and the directories above it that are not there.
func missing(dir string) (all []string) {
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := os.Lstat(d); !errors.Is(err, fs.ErrNotExist) {
			return all
		}
		all = append(all, d)
	}
}
