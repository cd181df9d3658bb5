package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
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
(box ring add), --from, and by --roots whoever an authority says has that address.`,
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
	fl.StringVar(&f.save, "save", "", "save what is in the mail into this `DIR`, under names that are safe")
	fl.StringArrayVar(&f.addresses, "mine", nil, "an `ADDRESS` of yours beside those in your keys: a mail that was meant for others is told by them")
	fl.BoolVar(&f.strict, "strict", false, "refuse a mail that two programs can read in two ways")
	fl.BoolVar(&f.nested, "insecure-nested", false, "decrypt also what stands in a tree that somebody else can have put around it (EFAIL)")
	fl.BoolVar(&f.valid, "verified", false, "end with status 5 unless the mail is verified")
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
	savedAs, err := a.saveParts(f.save, m)
	if err != nil {
		return err
	}
	if f.json {
		err = encodeJSON(a.stdout, messageJSON(m, savedAs))
	} else {
		err = a.printMessage(m, savedAs, f.text)
	}
	if err != nil {
		return &failure{doing: "writing", name: "standard output", err: err}
	}
	if err := m.Err(); err != nil {
		return failed("opening", in.name, err)
	}
	if f.valid && !m.Summary().Verified {
		return failed("reading", in.name, fmt.Errorf("%w: it is not verified, as the summary says", envelope.ErrSignature))
	}
	return nil
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
	var src io.Reader = in.Reader
	again := in.size >= 0 && in.name != "-"
	if again {
		src = in.file // which is read at any place: no copy is kept
	} else if err := a.unlockForMail(f, o); err != nil {
		return nil, err
	}
	m, err := o.Open(src)
	if err != nil {
		return nil, failed("reading", in.name, err)
	}
	if !again || !errors.Is(m.Err(), envelope.ErrNotForYou) || len(f.keys)+len(f.passphrases) > 0 {
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
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && a.ring.dir == "" {
		return nil, nil
	}
	return a.openRing()
}

// saveParts saves the leaves of the tree.
func (a *app) saveParts(dir string, m *mail.Message) (savedAs map[string]string, err error) {
	if dir == "" {
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
	var leaves []*mail.Part
	for _, p := range m.Parts() {
		if isContent(p) {
			leaves = append(leaves, p)
		}
	}
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

// printMessage prints summary and tree for people. What comes from the message
// is quoted: it could hold what a terminal obeys.
func (a *app) printMessage(m *mail.Message, savedAs map[string]string, texts bool) error {
	var b strings.Builder
	s := m.Summary()
	fmt.Fprintf(&b, "verified   %s\nencrypted  %s\nsigned     %s\n", yes(s.Verified), yes(s.Encrypted), yes(s.Signed))
	if s.Signer != "" {
		fmt.Fprintf(&b, "signer     %s\n", oneLine(cut(s.Signer)))
	}
	if s.DeliveredBy != "" {
		fmt.Fprintf(&b, "list       %s\n", oneLine(cut(s.DeliveredBy)))
	}
	for _, f := range s.Fields {
		note := fieldNote(f)
		if f.Name == "From" && s.Verified && !f.Signed {
			note = "   (bound to the signer)"
		}
		fmt.Fprintf(&b, "%-10s %s%s\n", strings.ToLower(f.Name), oneLine(cut(f.Value)), note)
	}
	b.WriteString("\n")
	for _, p := range m.Parts() {
		depth := strings.Count(p.Path, ".")
		fmt.Fprintf(&b, "%-10s %s%s%s  %s\n", p.Path, strings.Repeat("  ", depth), oneLine(cut(p.MediaType)), partNote(p, savedAs[p.Path]), partStatus(p))
	}
	printed := map[string]bool{"": true} // the summary repeats those of parts that matter
	for _, f := range findingsOf(m) {
		if len(printed) == 1 {
			b.WriteString("\n")
		}
		if line := oneLine(f); !printed[line] {
			printed[line] = true
			fmt.Fprintf(&b, "note: %s\n", line)
		}
	}
	if _, err := io.WriteString(a.stdout, b.String()); err != nil || !texts {
		return err
	}
	return a.printTexts(m)
}

// findingsOf are all findings of m as lines, those about the whole first.
func findingsOf(m *mail.Message) []string {
	all := findingTexts(m.Summary().Findings)
	for _, p := range m.Parts() {
		all = append(all, findingTexts(p.Findings)...)
	}
	return all
}

// mostShownText is how much of one text is printed: a terminal is no place for more.
const mostShownText = 1 << 20

// printTexts prints the texts of the mail, each under a line that says whose
// word it is.
func (a *app) printTexts(m *mail.Message) error {
	for _, p := range m.Parts() {
		if p.MediaType != "text/plain" || !isContent(p) || p.Name != "" {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(p.Open(), mostShownText))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(a.stdout, "\n--- part %s: %s\n", p.Path, partStatus(p)); err != nil {
			return err
		}
		for line := range strings.Lines(strings.ToValidUTF8(string(text), "\uFFFD")) {
			if _, err := fmt.Fprintln(a.stdout, oneLine(line)); err != nil {
				return err
			}
		}
	}
	return nil
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func fieldNote(f mail.Field) string {
	switch {
	case f.Differs:
		return fmt.Sprintf("   (outside: %q, which is not what the sender put there)", cut(f.Outer))
	case f.Signed && f.Encrypted:
		return "   (signed, hidden on the way)"
	case f.Signed:
		return "   (signed)"
	case f.Encrypted:
		return "   (hidden on the way, not signed)"
	}
	return "   (not protected)"
}

func partNote(p *mail.Part, savedAs string) string {
	var b strings.Builder
	if p.Name != "" {
		fmt.Fprintf(&b, "  %s", shown(p.Name))
	}
	if isContent(p) {
		fmt.Fprintf(&b, "  %d bytes", p.Size)
	}
	if savedAs != "" && savedAs != p.Name {
		fmt.Fprintf(&b, "  saved as %s", shown(savedAs))
	}
	return b.String()
}

// partStatus says what is known of one part.
func partStatus(p *mail.Part) string {
	if l := p.Layer(); l != nil {
		return layerStatus(l)
	}
	var words []string
	if p.Encrypted {
		words = append(words, "encrypted")
	}
	switch {
	case p.Verified:
		words = append(words, "signed and verified")
	case p.Signed:
		words = append(words, "signed, not verified")
	}
	if len(words) == 0 {
		return "not protected"
	}
	if !p.Protected {
		words = append(words, "but not as the mail: others can have put things around it")
	}
	return strings.Join(words, ", ")
}

// isContent reports whether a part is content for people, and neither holds
// other parts nor is a cryptographic layer that did not open.
func isContent(p *mail.Part) bool { return len(p.Children()) == 0 && p.Layer() == nil }

// layerStatus says what a cryptographic layer is.
func layerStatus(l *mail.Layer) string {
	text := "(" + l.Format + ", " + l.Kind
	switch {
	case l.Report != nil && l.Report.Content != "":
		text += ", " + l.Report.Container + ", " + l.Report.Content
	case l.Err != nil:
		text += ", not opened: " + oneLine(cut(l.Err.Error()))
	}
	return text + ")"
}
