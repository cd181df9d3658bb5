package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// sayChange says what the ring did, on standard output the part for programs:
// what happened, to whose key, and which.
func (a *app) sayChange(c *keyring.Change) {
	event := c.Event
	if event == "" {
		event = "unchanged"
	}
	fmt.Fprintln(a.stdout, clean(event+"\t"+c.Fingerprint.String()+"\t"+strings.Join(c.Addresses, "\t")))
	for _, f := range c.Replaced {
		a.say("in the place of %s", f.Grouped())
	}
	for _, s := range c.Findings {
		a.say("note: %s", s)
	}
}

// ringRefused says what to type where the ring, which knows no command line,
// cannot.
func (a *app) ringRefused(err error) error {
	if err == nil {
		return nil
	}
	var (
		changed *keyring.ChangedError
		weaker  *keyring.DowngradeError
		unbound *keyring.NotBoundError
		unknown *keyring.UnknownError
	)
	what := ""
	switch {
	case errors.As(err, &changed):
		what = "here: ask its owner by another way, then --replace, or --beside where both are right; box ring show has the old one"
	case errors.As(err, &weaker):
		what = "here: --replace, if its owner told you so"
	case errors.As(err, &unbound):
		what = "here: --address with what it states, or --alias where you know that it is theirs"
	case errors.As(err, &unknown) && unknown.Hint != "":
		// it says what there is not
	case errors.As(err, &unknown):
		what = "here: box ring add FILE FINGERPRINT, or box ring find ADDRESS"
	}
	if what == "" {
		return err
	}
	return fmt.Errorf("%w; %s", err, what)
}

func (a *app) ringVerifyCommand() *cobra.Command {
	var mine string
	c := &cobra.Command{
		Use:   "verify ADDRESS FINGERPRINT | verify --mine FILE|ADDRESS ADDRESS NUMBER",
		Short: "Compare a fingerprint that somebody tells you with the key in the ring",
		Long: `Compare the fingerprint that its owner tells you now with the key that the ring
has for the address. Where they are the same it is remembered as the better
evidence; where they are not the exit status is 2, and nothing changes.

With --mine it is the safety number of your key and theirs, which you both see
(box ring show --mine): comparing it once verifies both.`,
		Example: `  box ring verify bob@example.org "adroitness article …"`,
		Args:    exactly(2, "ADDRESS and FINGERPRINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.ring.accept == "" { // what was believed for less gets its fingerprint here
				a.ring.accept = "first-use,domain"
			}
			r, err := a.openRing()
			if err != nil {
				return err
			}
			ev, err := evidenceOf(args[1])
			if mine != "" {
				own, e := a.ownFingerprint(mine)
				if e != nil {
					return e
				}
				ev, err = own.Compared(args[1])
			}
			if err != nil {
				return err
			}
			all, err := r.Lookup(args[0])
			if err != nil {
				return a.ringRefused(err)
			}
			var first error
			for _, e := range all {
				v, err := keyring.Verify(e.Verified.Certificate(), ev)
				if err != nil {
					if first == nil {
						first = err
					}
					continue
				}
				change, err := r.Add(v, keyring.Addition{Addresses: []string{e.Address}, Alias: e.Alias, Signer: e.Signer})
				if err != nil {
					return a.ringRefused(err)
				}
				a.sayChange(change)
				return nil
			}
			return first
		},
	}
	c.Flags().StringVar(&mine, "mine", "", "compare a safety number: your own key, a `FILE` or an address of yours")
	return c
}

// ownFingerprint returns that of the user's key, by its file or as an identity.
func (a *app) ownFingerprint(name string) (keyring.Fingerprint, error) {
	if namesIdentity(name) {
		_, all, err := a.findIdentities(name)
		if err != nil {
			return keyring.Fingerprint{}, err
		}
		return all[0].Fingerprint, nil
	}
	c, _, err := a.certificate(name)
	if err != nil {
		return keyring.Fingerprint{}, err
	}
	return c.Fingerprint(), nil
}

func (a *app) ringRemoveCommand() *cobra.Command {
	var erase bool
	c := &cobra.Command{
		Use:   "remove ADDRESS [FINGERPRINT] | remove --erase FINGERPRINT",
		Short: "Forget a key, or with --erase all of a person's data",
		Long: `Forget the keys of an address, or the one with the FINGERPRINT. That it was here
stays known, and a revocation that was seen stays in force.

With --erase nothing of the key and its owner stays in any file of the ring, its
revocation neither: for people who ask for that. What remains in the log proves
the order of events and names nobody.`,
		Example: `  box ring remove bob@example.org
  box ring remove --erase FINGERPRINT`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("box ring remove needs an ADDRESS, or --erase FINGERPRINT")
			}
			return most(2, "ADDRESS and FINGERPRINT")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := keyring.ParseFingerprint(args[0]); err == nil && !erase {
				return usagef("whose? box ring remove ADDRESS %s; to forget all of a key and its owner: --erase", shown(args[0]))
			}
			r, err := a.openRing()
			if err != nil {
				return err
			}
			if erase {
				f, err := keyring.ParseFingerprint(args[len(args)-1])
				if err != nil {
					return usagef("--erase needs the whole fingerprint, which box ring list shows: %s", strings.TrimPrefix(err.Error(), "keyring: "))
				}
				return a.ringRefused(r.Erase(f))
			}
			var f keyring.Fingerprint
			if len(args) == 2 {
				if f, err = keyring.ParseFingerprint(args[1]); err != nil {
					return err
				}
			}
			return a.ringRefused(r.Remove(args[0], f))
		},
	}
	c.Flags().BoolVar(&erase, "erase", false, "nothing of it stays")
	return c
}

func (a *app) ringRevokeCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "revoke FINGERPRINT",
		Short: "Note for good that a key is revoked: its owner said so, or a list of its authority",
		Long: `Note that a key is revoked. Nothing is sealed to it again, and nothing takes that
back. (A revocation that the owner of an OpenPGP key published comes in with
box ring refresh, or box ring import FILE. To revoke your own key: box key revoke.)`,
		Example: `  box ring revoke --reason "said on the telephone: laptop stolen" FINGERPRINT`,
		Args:    exactly(1, "FINGERPRINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.openRing()
			if err != nil {
				return err
			}
			f, err := keyring.ParseFingerprint(args[0])
			if err != nil {
				return err
			}
			change, err := r.Revoke(f, &keyring.RevokedError{Fingerprint: f, When: time.Now(), Reason: reason})
			if err != nil {
				return a.ringRefused(err)
			}
			a.sayChange(change)
			return nil
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, in your `WORDS`")
	return c
}

func (a *app) ringGroupCommand() *cobra.Command {
	var remove bool
	c := &cobra.Command{
		Use:   "group ADDRESS MEMBER… | group --remove ADDRESS",
		Short: "Say who reads a shared address: what is sealed to it is sealed to all of them",
		Long: `Say who reads a shared address. Nothing is taken from mailing lists or servers:
only what is said here counts, and each receipt names the group. Saying it again
replaces it.`,
		Example: `  box ring group claims@example.org ann@example.org ben@example.org`,
		Args:    atLeast(1, "the ADDRESS of the group, and its members"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case remove && len(args) > 1:
				return usagef("--remove takes the address of the group alone")
			case !remove && len(args) == 1:
				return usagef("a group without members: name them, or remove it with --remove")
			}
			r, err := a.openRing()
			if err != nil {
				return err
			}
			if err := r.Group(args[0], args[1:]...); err != nil {
				return a.ringRefused(err)
			}
			for _, member := range args[1:] {
				if _, err := r.Lookup(member); errors.Is(err, keyring.ErrRefused) {
					a.say("note: nothing is sealed to the group before %s has a key in the ring that can be used", shown(member))
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&remove, "remove", false, "there is no such group any more")
	return c
}

func (a *app) ringAllowSignerCommand() *cobra.Command {
	f := ringAddFlags{signer: true, alias: true}
	c := &cobra.Command{
		Use:   "allow-signer FILE FINGERPRINT --for ADDRESS|@domain",
		Short: "Let somebody sign for an address: an assistant, a gateway",
		Long: `Let the owner of a key sign for an address, or with @domain for all of a domain.
What they sign counts as signed for that address, and names them. Nothing is
sealed to them for that.`,
		Example: `  box ring allow-signer assistant.pub FINGERPRINT --for director@example.org`,
		Args:    exactly(2, "FILE and FINGERPRINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(f.addresses) == 0 {
				return usagef("--for is missing: whose mail they may sign, an address or @domain")
			}
			return a.ringAdd(cmd.Context(), &f, args)
		},
	}
	c.Flags().StringArrayVar(&f.addresses, "for", nil, "for whom, an `ADDRESS` or @domain; again for each further one")
	return c
}
