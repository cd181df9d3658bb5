package main

import (
	"fmt"
	"runtime/debug"
)

// specification is the revision of the draft that this program follows.
const specification = "draft-dkg-openpgp-stateless-cli-16"

// subset is the version of the sopv subset: version, verify, inline-verify.
const subset = "1.0"

func versionCommand() command {
	return command{
		name: "version", about: "says what program this is", most: 0,
		prepare: func(a *app, o *options) func([]string) error {
			backend := o.flag("backend", "the library below")
			extended := o.flag("extended", "everything that matters")
			spec := o.flag("sop-spec", "the revision of the draft")
			sopv := o.flag("sopv", "the version of the verification-only subset")
			return func([]string) error {
				given := 0
				for _, f := range []bool{*backend, *extended, *spec, *sopv} {
					if f {
						given++
					}
				}
				if given > 1 {
					return fail(incompatibleOptions, "--backend, --extended, --sop-spec and --sopv are one or the other")
				}
				var err error
				switch name, below := versions(); {
				case *backend:
					_, err = fmt.Fprintln(a.stdout, below)
				case *extended:
					_, err = fmt.Fprintf(a.stdout, "%s\n%s\n%s\n", name, below, specification)
				case *spec:
					_, err = fmt.Fprintln(a.stdout, specification)
				case *sopv:
					_, err = fmt.Fprintln(a.stdout, subset)
				default:
					_, err = fmt.Fprintln(a.stdout, name)
				}
				return err
			}
		},
	}
}

// versions are those of this program and of the library, as the build knows
// them: "NAME VERSION", the version beginning with a figure.
func versions() (name, below string) {
	name, below = "doublekeybox-sop 0.0.0", "doublekeybox 0.0.0"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return name, below
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/ProtonMail/go-crypto" {
			below += " (go-crypto " + m.Version + ")"
		}
	}
	return name, below
}
