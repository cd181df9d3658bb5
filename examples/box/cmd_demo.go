package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/keyring"
)

func (a *app) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo [FILE]",
		Short: "Show the whole of it with throwaway keys",
		Long: `Make throwaway keys of both formats, seal a file for them, show that a wrong
fingerprint is refused, open what was sealed and compare, and send a mail with it
to two people. FILE is any file of yours; without one a PDF of some MB is made.
Everything happens in a temporary folder, which is removed.`,
		Example: `  box demo
  box demo holiday.jpg`,
		Args: most(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := os.MkdirTemp("", "box-demo-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			a.pending.removeAtEnd(dir)
			d := &demo{app: a, dir: dir}
			if len(args) > 0 {
				d.file = args[0]
			}
			return d.run()
		},
	}
}

// demo is one run of the demonstration.
type demo struct {
	app  *app
	dir  string
	file string // what is sealed
	size int64
}

func (d *demo) run() error {
	if err := d.checkFile(); err != nil {
		return err
	}
	d.print("%s  Everything happens in a temporary folder.\n", d.bold("The double-key box."))
	people, err := d.keys()
	if err != nil {
		return err
	}
	if err := d.prepareFile(); err != nil {
		return err
	}
	if err := d.wrongFingerprint(people[0]); err != nil {
		return err
	}
	d.heading(4, "Seal for Bob, signed by Alice; open as Bob; compare")
	var columns []column
	for _, p := range people {
		for _, profile := range p.profiles {
			c, err := d.roundTrip(p, profile)
			if err != nil {
				return err
			}
			columns = append(columns, c)
		}
	}
	d.print("\n%s", table(columns))
	if err := d.wholeMail(people); err != nil {
		return err
	}
	// Said last, and only where it is true: a demo that leaves private keys
	// behind would be a bad example.
	if err := os.RemoveAll(d.dir); err != nil {
		return err
	}
	d.print("\nThe keys and files of this demo were removed. Yours: %s\n", d.bold("box keygen --help"))
	return nil
}

func (d *demo) keys() ([]*pair, error) {
	d.heading(1, "Keys for Alice, who sends, and Bob, who receives, in both formats")
	people, err := makePairs()
	if err != nil {
		return nil, err
	}
	for _, p := range people {
		d.print("   %-8s Bob's fingerprint, which he tells Alice by telephone:\n", p.format)
		for _, line := range groups(p.bob.Certificate().Fingerprint(), 10) {
			d.print("            %s\n", line)
		}
	}
	return people, nil
}

func (d *demo) prepareFile() error {
	what := "yours"
	if d.file == "" {
		d.file = filepath.Join(d.dir, "receipt.pdf")
		pages, err := writePDF(d.file)
		if err != nil {
			return failed("making", d.file, err)
		}
		what = fmt.Sprintf("a PDF of %d pages, made for this demo", pages)
	}
	if err := d.checkFile(); err != nil {
		return err
	}
	d.heading(2, "A file")
	d.print("   %s, %s: %s\n", oneLine(cut(filepath.Base(d.file))), megabytes(d.size), what)
	return nil
}

// checkFile finds out how large the file is, if there is one yet.
func (d *demo) checkFile() error {
	if d.file == "" {
		return nil
	}
	info, err := os.Stat(d.file)
	switch {
	case err != nil:
		return failed("reading", d.file, err)
	case !info.Mode().IsRegular():
		return failed("reading", d.file, errors.New("it is no regular file"))
	}
	d.size = info.Size()
	return nil
}

// wrongFingerprint shows what happens to a key that somebody swapped.
func (d *demo) wrongFingerprint(p *pair) error {
	d.heading(3, "A fingerprint that differs in one digit")
	c := p.bob.Certificate()
	digits := []byte(c.Fingerprint().String())
	last := len(digits) - 1
	if digits[last] == '0' {
		digits[last] = '1'
	} else {
		digits[last] = '0'
	}
	wrong, err := keyring.ParseFingerprint(string(digits))
	if err != nil {
		return err
	}
	_, err = keyring.Verify(c, keyring.Expect(wrong))
	if err == nil {
		return fmt.Errorf("internal error: a wrong fingerprint was accepted")
	}
	d.print("%s", wrapped("   refused: ", strings.TrimPrefix(err.Error(), "keyring: "), 78))
	return nil
}

func (d *demo) print(format string, args ...any) { fmt.Fprintf(d.app.stdout, format, args...) }

func (d *demo) heading(n int, text string) { d.print("\n%s\n", d.bold(fmt.Sprintf("%d. %s", n, text))) }

// bold emphasises on a terminal that can, and for people who want that.
func (d *demo) bold(s string) string {
	if d.app.env("NO_COLOR") != "" || d.app.env("TERM") == "dumb" || !isTerminal(d.app.stdout) {
		return s
	}
	return "\x1b[1m" + s + "\x1b[0m"
}
