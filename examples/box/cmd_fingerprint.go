package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/keyring"
)

func (a *app) fingerprintCommand() *cobra.Command {
	var words, digits, uri bool
	c := &cobra.Command{
		Use:   "fingerprint [--words|--digits|--uri] FILE…",
		Short: "Show the fingerprints of certificates",
		Long: `Show one line for each certificate: its fingerprint, then the addresses that it
claims. Of a file with several X.509 certificates (.p7c, PEM) all are shown. To tell somebody your fingerprint by telephone, --words and --digits are
easier to say and to hear; every command that takes a fingerprint takes them too.

The fingerprint of a file that you received proves nothing by itself: compare it
with the one that the owner tells you.`,
		Example: `  box fingerprint bob.pub
  box fingerprint --words bob.pub`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("no file: box fingerprint FILE…")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			show := keyring.Fingerprint.String
			switch {
			case words && digits || words && uri || digits && uri:
				return usagef("--words, --digits and --uri exclude each other: give one")
			case words:
				show = keyring.Fingerprint.Words
			case digits:
				show = keyring.Fingerprint.Digits
			case uri:
				show = keyring.Fingerprint.URI
			}
			for _, name := range args {
				all, err := a.certificatesIn(name)
				if err != nil {
					return err
				}
				for _, c := range all {
					line := show(c.Fingerprint())
					for _, addr := range c.Addresses() {
						line += "\t" + cut(addr)
					}
					fmt.Fprintln(a.stdout, clean(line))
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&words, "words", false, "in words of the PGP word list")
	c.Flags().BoolVar(&digits, "digits", false, "in twelve groups of five digits")
	c.Flags().BoolVar(&uri, "uri", false, "as a QR code holds it")
	return c
}

// clean is oneLine that leaves tabs, which separate columns.
func clean(line string) string {
	parts := strings.Split(line, "\t")
	for i, p := range parts {
		parts[i] = oneLine(p)
	}
	return strings.Join(parts, "\t")
}
