package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/doublekeybox/doublekeybox/examples/gpgagent"
)

// app is one run of the program.
type app struct {
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	env     func(string) string
	pending pending           // files that are being written
	files   map[string]string // by fingerprint: where a key was read
	folders map[string]*folder
	hint    string // what to look at first where a message does not decrypt
	rewraps bool   // nothing is signed, and nothing unauthenticated is taken
	tokens  []openToken
	agents  []*gpgagent.Agent
	words   [][]byte // passphrases that were typed and were right

	authority authorityFlags
	ring      ringFlags
}

// say writes one line to standard error.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.stderr, "box: %s\n", oneLine(fmt.Sprintf(format, args...)))
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

const rootHelp = `box seals files so that only the people you mean can open them, in the two
formats that mail programs read: OpenPGP and S/MIME.

A random key locks the file; each recipient's PUBLIC key locks that random key,
and only the matching private key opens it. All of that is worth nothing if the
public key is somebody else's. So box asks for the key's fingerprint, which you
get from its owner by another way than the key itself: by telephone, on paper,
face to face.`

const rootExamples = `  # See the whole thing work, with throwaway keys:
  box demo

  # 1. Bob makes a key, and tells Alice the fingerprint by telephone:
  box keygen --format pgp --address bob@example.org --out bob

  # 2. Alice seals a file for Bob (bob.pub came by mail):
  box seal --to bob.pub=FINGERPRINT -o receipt.pdf.pgp receipt.pdf

  # 3. Bob opens it:
  box open --key bob.key -o receipt.pdf receipt.pdf.pgp`

const rootStatus = `
Exit status:
  0  done
  1  usage, input or output, wrong passphrase of a key file, mixed formats
  2  a key was refused: other fingerprint, expired, revoked, unusable, reader unknown
  3  the message is not sealed to any of these keys
  4  cannot be decrypted, damaged, cut off, or not a message at all
  5  a signature is missing, bad, or by somebody else
  6  a limit was reached
`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "box",
		Short:         "Seal files for people whose keys you verified",
		Long:          rootHelp,
		Example:       rootExamples,
		Args:          cobra.ArbitraryArgs, // what is no command is named as such below
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q: box --help lists them", cut(args[0]))
			}
			return cmd.Help()
		},
	}
	root.SetUsageTemplate(root.UsageTemplate() + "{{if not .HasParent}}" + rootStatus + "{{end}}")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddGroup(&cobra.Group{ID: "now", Title: "Commands:"})
	root.SetHelpCommandGroupID("now")
	for _, c := range []*cobra.Command{
		a.demoCommand(), a.keygenCommand(), a.keyCommand(), a.identityCommand(), a.joinCommand(), a.groupCommand(), a.fingerprintCommand(),
		a.sealCommand(), a.openCommand(), a.signCommand(), a.verifyCommand(), a.inspectCommand(),
		a.rewrapCommand(), a.resealCommand(), a.ringCommand(), a.mailCommand(),
		a.lockCommand(), a.unlockCommand(), a.fetchCommand(),
	} {
		c.GroupID = "now"
		root.AddCommand(c)
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%s: see %s --help", err.Error(), cmd.CommandPath())
	})
	return root
}

// most is a cobra.PositionalArgs that says what a surplus argument is.
func most(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usagef("%q is one argument too many: %s takes %s; flags that take a value need it right after them", cut(args[n]), cmd.CommandPath(), what)
		}
		return nil
	}
}
