package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// app is one run of the program.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    func(string) string
}

// say writes one line to standard error.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.stderr, "mailer: %s\n", oneLine(fmt.Sprintf(format, args...)))
}

// isTerminal reports whether v, one of the standard streams, is a terminal.
func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// plain reports whether nothing but plain lines may be written: no bars, no
// colours (https://no-color.org).
func (a *app) plain() bool {
	return a.env("TERM") == "dumb" || !isTerminal(a.stderr)
}

const rootHelp = `mailer sends each person of a list the documents that are theirs, sealed so that
nobody else can read them: by their key (OpenPGP, S/MIME), by a passphrase that
reaches them another way (zip), or by a link that dies (link).

The whole list is looked through before the first mail goes out. What was sent
is in a journal in the folder of the run: where a run was killed, the same
command goes on with it, and sends nobody a mail twice.`

const rootExamples = `  # See the whole thing work, with throwaway keys and people:
  mailer demo

  # 0. A configuration to begin with; mailer config --help explains all of it:
  mailer config > mailer.json

  # 1. What will happen? Nothing is sent, nothing is written:
  mailer send --config mailer.json --list people.csv --documents papers --run october --dry-run

  # 2. Send; the same line again where it was interrupted:
  mailer send --config mailer.json --list people.csv --documents papers --run october

  # 3. What became of it:
  mailer report october`

const rootStatus = `
Exit status:
  0    done: everybody was sent their mail
  1    usage, configuration, input or output
  2    rows of the list cannot be sent: nothing was sent to anybody
  3    some were not sent: refused, or put off until the next time
  4    of some nobody knows whether they were sent: somebody has to look
  130  interrupted; the same command goes on
`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "mailer",
		Short:         "Send people their documents, sealed",
		Long:          rootHelp,
		Example:       rootExamples,
		Args:          cobra.ArbitraryArgs, // what is no command is named as such below
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q: mailer --help lists them", cut(args[0]))
			}
			return cmd.Help()
		},
	}
	root.SetUsageTemplate(root.UsageTemplate() + "{{if not .HasParent}}" + rootStatus + "{{end}}")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddGroup(&cobra.Group{ID: "now", Title: "Commands:"})
	root.SetHelpCommandGroupID("now")
	for _, c := range []*cobra.Command{
		a.demoCommand(), a.configCommand(),
		a.sendCommand(), a.reportCommand(), a.passphrasesCommand(),
		a.settleCommand(),
		a.bouncesCommand(),
		a.verifyCommand(),
	} {
		c.GroupID = "now"
		root.AddCommand(c)
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%s: see %s --help", err.Error(), cmd.CommandPath())
	})
	return root
}

// noArguments is a cobra.PositionalArgs that says where a value belongs.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%q is one argument too many: %s takes flags alone, each with its value right after it", cut(args[0]), cmd.CommandPath())
	}
	return nil
}
