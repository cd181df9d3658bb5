package main

import (
	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/keyring"
)

func (a *app) ringPreferCommand() *cobra.Command {
	var none bool
	c := &cobra.Command{
		Use:   "prefer ADDRESS FINGERPRINT | prefer --none ADDRESS",
		Short: "Say which of several keys of an address is sealed to",
		Long: `Say which of the keys of an address is sealed to where it has several of one format
(box ring add --beside). Without it that is the one that was added first.`,
		Example: `  box ring prefer bob@example.org FINGERPRINT`,
		Args: func(cmd *cobra.Command, args []string) error {
			if none {
				return exactly(1, "ADDRESS")(cmd, args)
			}
			return exactly(2, "ADDRESS and FINGERPRINT")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var f keyring.Fingerprint
			if !none {
				var err error
				if f, err = keyring.ParseFingerprint(args[1]); err != nil {
					return err
				}
			}
			r, err := a.openRing()
			if err != nil {
				return err
			}
			return a.ringRefused(r.Prefer(args[0], f))
		},
	}
	c.Flags().BoolVar(&none, "none", false, "take back what was said of this address")
	return c
}
