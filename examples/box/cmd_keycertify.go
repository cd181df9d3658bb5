package main

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

func (a *app) keyCertifyCommand() *cobra.Command {
	var f keyFlags
	c := &cobra.Command{
		Use:   "certify --key KEYFILE [-o OUT] ADDRESS|FILE=FINGERPRINT",
		Short: "Sign that a key that you verified is its owner's, for those who take your word (OpenPGP)",
		Long: `Sign that a key belongs to whom it names. Whoever made you an introducer (box ring
introducer) believes it then (box ring add --introduced OUT), as does GnuPG's
user who trusts you. The key is one of the ring, or FILE with the FINGERPRINT that
its owner told you: nobody signs what they did not verify.`,
		Example: `  box key certify --key me.key -o bob-certified.pub bob@example.org`,
		Args:    exactly(1, "ADDRESS or FILE=FINGERPRINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, _, err := a.readPGPKey(&f, "an authority certifies those of S/MIME (box keygen --group)")
			if err != nil {
				return err
			}
			all, err := a.verify("--to", kindPGP, args)
			if err != nil {
				return err
			}
			all = slices.DeleteFunc(all, func(v *keyring.Verified) bool { return isX509(v.Certificate()) })
			if len(all) != 1 {
				return failed("certifying", args[0], errors.New("one OpenPGP key is meant: give FILE=FINGERPRINT"))
			}
			return a.certify(&f, k, all[0])
		},
	}
	keyCommandFlags(c, &f)
	a.addRingFlags(c)
	return c
}

// certify writes the certificate with the certifications of every address that
// it states.
func (a *app) certify(f *keyFlags, k *pgp.Key, v *keyring.Verified) error {
	addresses := v.Certificate().Addresses()
	if len(addresses) == 0 {
		return errors.New("the key states no address, so that there is nothing to certify")
	}
	var out []byte
	for _, address := range addresses {
		b, err := k.Certify(v, address)
		if err != nil {
			return err
		}
		out = append(out, b...)
	}
	return a.writePublic(f, out)
}
