package main

import (
	"github.com/spf13/cobra"
)

// laterCommands are in the help and end with status 1: a script that is
// written against them fails loudly.
func laterCommands() []*cobra.Command {
	var cs []*cobra.Command
	for _, c := range []struct{ use, short string }{
		{"lock", "Lock files with a passphrase: the single-key box"},
		{"unlock", "Open what lock made"},
	} {
		cs = append(cs, &cobra.Command{
			Use:                c.use,
			Short:              c.short,
			DisableFlagParsing: true,
			RunE: func(cmd *cobra.Command, args []string) error {
				for _, arg := range args {
					if arg == "-h" || arg == "--help" {
						return cmd.Help()
					}
				}
				return notYet("box " + c.use)
			},
		})
	}
	return cs
}

// notYet is the error for what is recognised and not built.
func notYet(what string) error {
	return usagef("%s is not yet built", what)
}
