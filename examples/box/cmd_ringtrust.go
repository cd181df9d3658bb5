package main

import (
	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/keyring"
)

func (a *app) ringIntroducerCommand() *cobra.Command {
	var depth, amount int
	var domains []string
	var remove bool
	c := &cobra.Command{
		Use:   "introducer [--depth N] [--amount N] [--domain D]… FINGERPRINT",
		Short: "Take somebody's word for whose keys others have",
		Long: `Take the word of the owner of an OpenPGP key in the ring for whose keys other
people have: what they certified comes in with box ring add --introduced FILE.

--depth is how many introducers may stand between you and a key: 1 believes what
this key certified, 2 also introducers that it named (trust signatures), 3 those
that these named. --amount is how much its word is worth, of 120: with 60 two
such introducers have to agree. --domain bounds it to addresses of a domain.`,
		Example: `  box ring introducer --domain example.org FINGERPRINT
  box ring introducer --remove FINGERPRINT`,
		Args: exactly(1, "FINGERPRINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := keyring.ParseFingerprint(args[0])
			if err != nil {
				return err
			}
			r, err := a.openRing()
			if err != nil {
				return err
			}
			t := &keyring.Introducer{Depth: depth, Amount: amount, Domains: domains}
			if remove {
				t = nil
			}
			return a.ringRefused(r.Trust(f, t))
		},
	}
	fl := c.Flags()
	fl.IntVar(&depth, "depth", 1, "1 to 3: how `MANY` introducers may stand between you and a key, this one included")
	fl.IntVar(&amount, "amount", 120, "1 to 120: how `MUCH` its word is worth; 120 is enough alone")
	fl.StringArrayVar(&domains, "domain", nil, "only for addresses of this `DOMAIN`; again for each further one")
	fl.BoolVar(&remove, "remove", false, "take its word no more")
	return c
}
