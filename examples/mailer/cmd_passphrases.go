package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/channel"
	"github.com/doublekeybox/doublekeybox/internal/atomicfile"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// passphrasesFlags are what passphrases was asked for.
type passphrasesFlags struct {
	key, passphraseFile, numbers, out string
}

func (a *app) passphrasesCommand() *cobra.Command {
	var f passphrasesFlags
	c := &cobra.Command{
		Use:   "passphrases --key KEYFILE --run-numbers FILE -o FILE PART…",
		Short: "For the print shop: the passphrases that count, of all parts",
		Long: `Open the parts passphrases-0001.csv.pgp (or .p7m) and so on that a run wrote, with
the print shop's key, and write the rows that count as one table: those whose
number is in numbers.txt, which the run wrote at its end. The other rows are of
mails that never went out, as where a run was stopped in between. Nobody is to be
sent those.

What is written is readable: keep it where letters are printed, and nowhere else.`,
		Example: `  mailer passphrases --key printshop.key --run-numbers numbers.txt -o letters.csv passphrases-*.csv.pgp`,
		Args:    cobra.ArbitraryArgs,
		RunE:    func(_ *cobra.Command, args []string) error { return a.passphrases(&f, args) },
	}
	fl := c.Flags()
	fl.StringVar(&f.key, "key", "", "the private key of the print shop, a `FILE`")
	fl.StringVar(&f.passphraseFile, "passphrase-file", "", "the first line of this `FILE` opens the key")
	fl.StringVar(&f.numbers, "run-numbers", "", "the `FILE` numbers.txt of the run")
	fl.StringVarP(&f.out, "output", "o", "", "the `FILE` that the table is written to; it must not be there")
	return c
}

func (a *app) passphrases(f *passphrasesFlags, parts []string) error {
	switch {
	case f.key == "":
		return usagef("which key opens the parts? --key KEYFILE")
	case f.numbers == "":
		return usagef("which passphrases count? --run-numbers FILE, numbers.txt of the run")
	case f.out == "":
		return usagef("where to? -o FILE")
	case len(parts) == 0:
		return usagef("which parts? passphrases-0001.csv.pgp and so on, all of the run")
	}
	numbers, err := readNumbers(f.numbers)
	if err != nil {
		return err
	}
	keys, _, err := readKeys(f.key, f.passphraseFile)
	if err != nil {
		return err
	}
	o := &envelope.Opener{Formats: []envelope.Format{pgp.Format(), smime.Format()}}
	for _, k := range keys {
		o.Identities = append(o.Identities, k.Identity())
	}
	var readers []io.Reader
	for _, name := range parts {
		in, err := os.Open(name)
		if err != nil {
			return failed("opening the part", name, err)
		}
		defer in.Close()
		m, err := o.Open(in)
		if err != nil {
			return failed("opening the part", name, err)
		}
		defer m.Close()
		readers = append(readers, m)
	}
	out, err := atomicfile.Create(f.out, atomicfile.Options{Secret: true})
	if errors.Is(err, os.ErrExist) {
		return failed("writing", f.out, errors.New("it is there already: give another name"))
	}
	if err != nil {
		return failed("writing", f.out, err)
	}
	defer out.Discard()
	merged, err := channel.Merge(out, numbers, readers...)
	if err != nil {
		return err
	}
	if merged.Lacking > 0 {
		return fmt.Errorf("%d passphrases that count are in no part, %s first: give all parts of the run; nothing was written", merged.Lacking, merged.Missing[0])
	}
	if err := out.Commit(); err != nil {
		return failed("writing", f.out, err)
	}
	a.say("%d passphrases count; %d others were left out", merged.Rows, merged.Left)
	return nil
}

func readNumbers(name string) (channel.Numbers, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, failed("reading the numbers in", name, err)
	}
	defer f.Close()
	numbers, err := channel.ReadNumbers(f)
	return numbers, failed("reading the numbers in", name, err)
}
