package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// profile is a named way to do something. The first of a list is the default.
type profile struct {
	name    string
	about   string
	aliases []string // names that the draft gives to what serves a purpose
	library envelope.Profile
}

// profiles are those of the subcommands that have some.
func profiles() map[string][]profile {
	return map[string][]profile{
		"generate-key": {
			{"default", "version 4, Curve25519: what every program imports", []string{"compatibility", "performance"}, envelope.Compatible},
			{"rfc9580", "version 6, Curve25519, reads SEIPDv2", []string{"security"}, envelope.Modern},
			{"rfc9980", "version 6, ML-DSA-65+Ed25519 and ML-KEM-768+X25519", []string{"pqc"}, envelope.PostQuantum},
		},
		"encrypt": {
			{"default", "what the recipients' certificates say that they read", []string{"performance"}, envelope.Auto},
			{"rfc9580", "SEIPDv2 wherever it is read, Argon2 for passwords", []string{"security"}, envelope.Modern},
			{"compatibility", "SEIPDv1 always", nil, envelope.Compatible},
		},
	}
}

// profileOption is --profile of a subcommand.
func profileOption(o *options, subcommand string) func() (envelope.Profile, error) {
	name := o.text("profile", "PROFILE", "one of those that sop list-profiles shows")
	return func() (envelope.Profile, error) {
		all := profiles()[subcommand]
		if !o.given("profile") {
			return all[0].library, nil
		}
		for _, p := range all {
			if p.name == *name || slices.Contains(p.aliases, *name) {
				return p.library, nil
			}
		}
		return 0, fail(unsupportedProfile, "%s has no profile %.80q: sop list-profiles %s", subcommand, *name, subcommand)
	}
}

func listProfilesCommand() command {
	return command{
		name: "list-profiles", args: "SUBCOMMAND", about: "lists the profiles of a subcommand, the default first", least: 1, most: 1,
		prepare: func(a *app, o *options) func([]string) error {
			return func(args []string) error {
				list := profiles()[args[0]]
				if list == nil {
					return fail(unsupportedProfile, "%.80q has no profiles", args[0])
				}
				for _, p := range list {
					line := p.name + ": " + p.about
					if p.aliases != nil {
						line += fmt.Sprintf(" (also: %s)", strings.Join(p.aliases, ", "))
					}
					if _, err := fmt.Fprintln(a.stdout, line); err != nil {
						return err
					}
				}
				return nil
			}
		},
	}
}
