package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/internal/filename"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// lockFlags are what lock was asked for.
type lockFlags struct {
	passphraseFile, format, out string
	generate, words, digits     bool
	weak, deflate, force        bool
}

func (a *app) lockCommand() *cobra.Command {
	var f lockFlags
	c := &cobra.Command{
		Use:   "lock (--passphrase-file FILE | --generate [--words | --digits]) [flags] FILE…",
		Short: "Lock files with a passphrase: the single-key box",
		Long: `Lock files with a passphrase, for people who have no key. What is written is an
archive that 7-Zip, Keka, WinZip and bsdtar open (AES-256); the file managers of
Windows and macOS do not. The files are in a second archive within, so that
nobody sees what they are called: who opens it unpacks twice, box unlock once.

Tell the passphrase by another way than the archive goes: never in the same
mail. --generate makes one that nobody can guess, and shows it on this terminal:
of letters and figures, of ten English --words, or of 30 --digits.
One that a person chose is refused where it can be guessed, as a date of birth
and the number of a policy can; --weak locks all the same.`,
		Example: `  box lock --generate -o papers.zip receipt.pdf letter.pdf
  box lock --generate --words -o papers.zip receipt.pdf
  box lock --passphrase-file secret.txt -o papers.zip receipt.pdf
  box lock --passphrase-file secret.txt --format pgp -o receipt.pdf.pgp receipt.pdf`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return a.lockBox(&f, args) },
	}
	fl := c.Flags()
	fl.StringVar(&f.passphraseFile, "passphrase-file", "", "the first line of this `FILE` is the passphrase")
	fl.BoolVar(&f.generate, "generate", false, "make a passphrase of 99 bits, and show it on the terminal")
	fl.BoolVar(&f.words, "words", false, "with --generate: of words, which are easy to read aloud")
	fl.BoolVar(&f.digits, "digits", false, "with --generate: of digits, for the keys of a telephone")
	fl.StringVar(&f.format, "format", "zip", "zip, or one file as a message of pgp or smime")
	fl.BoolVar(&f.weak, "weak", false, "take a passphrase that can be guessed: whoever gets hold of the archive tries ten million a second")
	fl.BoolVar(&f.deflate, "deflate", false, "compress the files (zip); how long the archive is then tells something of what is in it")
	outputFlags(c, &f.out, &f.force)
	return c
}

func (a *app) lockBox(f *lockFlags, names []string) error {
	switch {
	case len(names) == 0:
		return usagef("nothing to lock: give one or more files, - for standard input")
	case f.generate == (f.passphraseFile != ""):
		return usagef("one of --passphrase-file FILE and --generate is needed")
	case f.words && f.digits, (f.words || f.digits) && !f.generate:
		return usagef("--words and --digits say what --generate makes: give it, and one of them")
	case f.format != "zip" && f.format != "pgp" && f.format != "smime":
		return usagef("%q is no format that locks: zip, pgp or smime", cut(f.format))
	case f.format != "zip" && (len(names) > 1 || f.deflate):
		return usagef("--format %s takes one file, and no --deflate: leave it away for an archive", f.format)
	}
	p, err := a.lockPassphrase(f)
	if err != nil {
		return err
	}
	out, err := a.create(f.out, f.force, true)
	if err != nil {
		return err
	}
	defer out.discard()
	if f.format == "zip" {
		err = a.lockZip(f, out, p, names)
	} else {
		err = a.lockMessage(f, out, p, names[0])
	}
	if err != nil {
		return err
	}
	if f.generate {
		// First: a file whose passphrase nobody saw is lost.
		if _, err := fmt.Fprintf(a.stderr, "%s\n", p.Reveal()); err != nil {
			return failed("showing the passphrase on", "the terminal", err)
		}
	}
	if err := out.commit(); err != nil {
		return err
	}
	if f.generate {
		a.say("tell this passphrase by another way than the file goes, and keep it: there is no other copy")
	}
	return nil
}

// lockPassphrase returns what to lock with: before anything is written.
func (a *app) lockPassphrase(f *lockFlags) (*envelope.Passphrase, error) {
	if f.generate {
		if !isTerminal(a.stderr) {
			return nil, usagef("--generate shows the passphrase on a terminal alone, and standard error is none: make one elsewhere, and give --passphrase-file FILE")
		}
		return envelope.NewPassphraseOf(f.kind())
	}
	text, err := a.readPassphrase(f.passphraseFile)
	if err != nil {
		return nil, err
	}
	p, err := envelope.WeakPassphrase(filename.Composed(string(text)))
	if err != nil {
		return nil, failed("reading the passphrase in", f.passphraseFile, err)
	}
	switch s := zipbox.Estimate(p.Reveal()); {
	case s.Weak() && !f.weak:
		return nil, failed("reading the passphrase in", f.passphraseFile, &zipbox.WeakError{Strength: s})
	case s.Weak():
		for _, r := range s.Reasons {
			a.say("warning: the passphrase can be guessed: %s", r)
		}
	}
	return p, nil
}

// kind is what a generated passphrase is made of.
func (f *lockFlags) kind() string {
	switch {
	case f.words:
		return "words"
	case f.digits:
		return "digits"
	}
	return "letters"
}

func (a *app) lockZip(f *lockFlags, out io.Writer, p *envelope.Passphrase, names []string) error {
	l := zipbox.Locker{Weak: f.weak, Deflate: f.deflate}
	w, err := l.Lock(out, p)
	if err != nil {
		return failed("locking", names[0], err)
	}
	defer w.Abort()
	for _, name := range names {
		if err := a.lockFile(w, name); err != nil {
			return failed("locking", name, err)
		}
	}
	return failed("locking", names[0], w.Close())
}

// copySize is what is read at a time: a call costs little then.
const copySize = 128 << 10

func (a *app) lockFile(w *zipbox.Writer, name string) error {
	in, err := a.open(name, "locking")
	if err != nil {
		return err
	}
	defer in.Close()
	called, modified := "standard-input", time.Now()
	if in.name != "-" {
		called = filename.Safe(filepath.Base(name))
		if info, err := in.file.Stat(); err == nil {
			modified = info.ModTime()
		}
	}
	dst, err := w.Create(called, modified)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(onlyWriter{dst}, onlyReader{in}, make([]byte, copySize))
	return err
}

// onlyReader hides whatever else a reader can do, so that what is read at a time
// is what was asked for.
type onlyReader struct{ io.Reader }

func (a *app) lockMessage(f *lockFlags, out io.Writer, p *envelope.Passphrase, name string) error {
	s := envelope.Sealer{Passphrases: []*envelope.Passphrase{p}, Format: pgp.Format()}
	if f.format == "smime" {
		// Nothing is known of who reads it, and only what is authenticated by
		// itself needs no signature.
		s.Format, s.Profile = smime.Format(), envelope.Modern
	}
	in, err := a.open(name, "locking")
	if err != nil {
		return err
	}
	defer in.Close()
	receipt, err := sealRaw(out, in, func(w io.Writer) (*envelope.Writer, error) { return s.Seal(w) })
	if err != nil {
		return failed("locking", in.name, err)
	}
	in.bar.stop()
	a.sayReceipt(receipt, false)
	return nil
}

var errSeveral = errors.New("there are several files in it: name a folder to make for them with -o")
