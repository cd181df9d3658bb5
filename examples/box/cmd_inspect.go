package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
)

func (a *app) inspectCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "inspect [--json] [IN]",
		Short: "Show what anybody can see of a message",
		Long: `Show what can be read of a sealed or signed message without a key: its form, its
algorithms, and to which keys it was sealed. Nothing of it is verified: whoever
carried the message may have written it.`,
		Example: `  box inspect receipt.pdf.pgp
  box inspect --json receipt.p7m`,
		Args: most(1, "one file, or standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := a.open(first(args), "inspecting")
			if err != nil {
				return err
			}
			defer in.Close()
			body, isMail, err := unwrapMail(in.Reader)
			if err != nil {
				return failed("inspecting", in.name, err)
			}
			r, err := envelope.Inspect(body, formats()...)
			if err != nil {
				return failed("inspecting", in.name, err)
			}
			in.bar.stop()
			if asJSON {
				return writeJSON(a.stdout, r)
			}
			printReport(a.stdout, r, isMail)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON, for programs")
	return c
}

// printReport writes a report for people. Everything in it comes from the
// message.
func printReport(w io.Writer, r *envelope.Report, isMail bool) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-12s%s\n", name, oneLine(fmt.Sprintf(format, args...)))
	}
	form := "binary"
	if r.Armored {
		form = "text"
	}
	if isMail {
		form = "a mail"
	}
	line("format", "%s, %s", cut(r.Format), form)
	line("container", "%s", cut(r.Container))
	if r.Encrypted {
		line("content", "%s", cut(r.Content))
	} else {
		line("content", "not encrypted")
	}
	for i, rcpt := range r.Recipients {
		name := ""
		if i == 0 {
			name = "sealed to"
		}
		id := cut(rcpt.ID)
		if rcpt.Hidden {
			id = "a recipient that is not named"
		}
		line(name, "%s, %s", id, cut(rcpt.Algorithm))
	}
	for i, s := range r.Signatures {
		name := ""
		if i == 0 {
			name = "signed by"
		}
		line(name, "%s, %s (not verified)", cut(s.SignerID), cut(s.Algorithm))
		for _, c := range s.CounterSignatures {
			line("", "countersigned by %s, %s (not verified)", cut(c.SignerID), cut(c.Algorithm))
		}
	}
	for _, f := range r.Findings {
		line("note", "%s", cut(f))
	}
}
