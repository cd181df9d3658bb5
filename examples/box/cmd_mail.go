package main

import "github.com/spf13/cobra"

func (a *app) mailCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "mail compose|read",
		Short: "Compose sealed mails, and read mail without being fooled by it",
		Long: `Compose whole e-mails, sealed for everybody in To, Cc and Bcc in the format that
each of them reads, and read whole e-mails: what is encrypted of them, what is
signed, by whom, and what whoever carried them may have written.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q: box mail --help lists them", cut(args[0]))
			}
			return cmd.Help()
		},
	}
	c.AddCommand(a.mailComposeCommand(), a.mailReadCommand())
	return c
}
