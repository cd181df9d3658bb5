package main

import (
	_ "embed"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// exampleConfig is a configuration to begin with. JSON has no comments: what the
// settings mean stands in the help.
//
//go:embed example.json
var exampleConfig []byte

func (a *app) configCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Write an example of mailer.json; --help explains every setting",
		Long: `Write a configuration to standard output, to begin with. What is not needed is
taken out of it; what is spelled wrongly is refused and named. Names of files are
relative to the folder that mailer.json is in. A time is "90s", "24h" or "7d".

` + settingsText() + `
Where a run is gone on with "from", "domains", "unsigned", "passphrases", "page",
"templates" and "s3.bucket" have to be what they were; all else may be different.

The columns of the list are name, address, documents (several with "|" between
them), delivery (openpgp, smime, zip, link) and language, in any order, and if
you like knows: a passphrase that this person knows already, or key and
fingerprint: their certificate (mailer send --help). All others are for the
letters ("templates"), where the column policy is {{.Entry.Fields.policy}}.`,
		Example: `  mailer config > mailer.json
  mailer config --help | less`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.stdout.Write(exampleConfig)
			return err
		},
	}
}

// settingsWidth is how wide what a setting means is written, beside its name.
const settingsWidth = 64

// settingsText is the table of all settings.
func settingsText() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, s := range settings() {
		name, line := s.name, ""
		for word := range strings.FieldsSeq(s.text) {
			if len(line)+len(word) > settingsWidth {
				fmt.Fprintf(w, "  %s\t%s\n", name, strings.TrimSpace(line))
				name, line = "", ""
			}
			line += " " + word
		}
		fmt.Fprintf(w, "  %s\t%s\n", name, strings.TrimSpace(line))
	}
	_ = w.Flush() // into memory
	return b.String()
}
