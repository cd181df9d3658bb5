package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

func (a *app) keyMergeCommand() *cobra.Command {
	var f keyFlags
	c := &cobra.Command{
		Use:   "merge FILE NEWER… [-o OUT]",
		Short: "Put what came later into an OpenPGP public key: a revocation, a new end",
		Long: `Put what came later into the copy of somebody's OpenPGP public key that you have:
a newer copy of it, or the PREFIX.rev that revokes it. What is known of a key
only grows: an old copy, which somebody sent again, takes no revocation back.

Each NEWER has to be of the key in FILE, so that its fingerprint stays. Who sent
it does not matter: nothing counts but what the key itself signed.`,
		Example: `  box key merge bob.pub bob-new.pub -o bob.pub --force
  box key merge bob.pub bob.rev -o bob.pub --force`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usagef("give the public key that you have, and what came later: box key merge FILE NEWER")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			merged, err := a.merge(args[0], args[1:])
			if err != nil {
				return err
			}
			b, err := pgp.MarshalArmored(merged)
			if err != nil {
				return failed("writing", f.out, err)
			}
			return a.writePublic(&f, b)
		},
	}
	outputFlags(c, &f.out, &f.force)
	return c
}

// merge puts what the other files hold into the certificate of the first.
func (a *app) merge(first string, others []string) (*keyring.Certificate, error) {
	c, k, err := a.certificate(first)
	if err != nil {
		return nil, err
	}
	if k != kindPGP {
		return nil, failed("merging", first, errors.New("it is an S/MIME certificate, which an authority replaces whole, and revokes in its own lists (--crl)"))
	}
	for _, name := range others {
		b, err := a.readSmall(name)
		if err != nil {
			return nil, err
		}
		if c, err = pgp.Update(c, b); err != nil {
			return nil, failed("merging", name, err)
		}
	}
	return c, nil
}
