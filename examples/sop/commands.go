package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// command is one subcommand. Each has a file of its own, cmd_NAME.go, or one
// with those that belong together.
type command struct {
	name  string
	args  string // what comes after the options, for the help
	about string // one line
	least int    // positional arguments without which nothing can be done
	most  int    // -1: any number

	// prepare declares the options and returns what runs the subcommand with
	// the positional arguments.
	prepare func(a *app, o *options) func(args []string) error
}

// commands are all, in the order of the draft.
func commands() []command {
	return slices.Concat(
		[]command{versionCommand(), listProfilesCommand()},
		keyCommands(),
		signatureCommands(),
		messageCommands(),
		armorCommands(),
	)
}

// dispatch runs the subcommand that args begin with. --debug may stand before
// it, and among its options.
func (a *app) dispatch(args []string) error {
	if len(args) > 0 && args[0] == "--debug" {
		a.debug, args = true, args[1:]
	}
	if len(args) == 0 {
		return fail(missingArg, "no subcommand: sop help lists them")
	}
	name, args := args[0], args[1:]
	if name == "help" || name == "--help" || name == "-h" {
		return help(a.stdout)
	}
	for _, c := range commands() {
		if c.name == name {
			return a.execute(c, args)
		}
	}
	return fail(unsupportedSubcommand, "there is no subcommand %.80q: sop help lists them", name)
}

// execute parses the options and runs c.
func (a *app) execute(c command, args []string) error {
	o := newOptions(c.name)
	do := c.prepare(a, o)
	o.set.BoolVar(&a.debug, "debug", a.debug, "say more about what goes wrong")
	err := o.set.Parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		_, err := fmt.Fprintf(a.stdout, "usage: sop %s [options] %s\n%s\n%s", c.name, c.args, c.about, o.set.FlagUsages())
		return err
	case err != nil:
		return as(parseCode(err), err)
	}
	switch rest := o.set.Args(); {
	case len(rest) < c.least:
		return fail(missingArg, "usage: sop %s [options] %s", c.name, c.args)
	case c.most >= 0 && len(rest) > c.most:
		return fail(incompatibleOptions, "%.80q is one argument too many: sop %s %s", rest[c.most], c.name, c.args)
	default:
		return do(rest)
	}
}

// parseCode is the exit code for what pflag says. A value that is not among
// those that an option takes is an option that is not supported.
func parseCode(err error) int {
	var noValue *pflag.ValueRequiredError
	var f *failure
	switch {
	case errors.As(err, &noValue):
		return missingArg
	case errors.As(err, &f):
		return f.code
	}
	return unsupportedOption
}

func help(w io.Writer) error {
	var b strings.Builder
	b.WriteString("sop is the Stateless OpenPGP command line. It believes every certificate\nthat it is given, whoever made it: see examples/box for what does not.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-20s %s\n", c.name, c.about)
	}
	b.WriteString("\nsop SUBCOMMAND --help shows the options of one.\n")
	_, err := io.WriteString(w, b.String())
	return err
}
