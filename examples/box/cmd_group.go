package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/internal/atomicfile"
)

func (a *app) groupCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "group show|revoke|crl GROUP",
		Short: "Keep the small authority of a closed group (S/MIME)",
		Long: `Keep the small authority of a closed group, which box keygen --group makes and
issues from. GROUP is its name, or its directory with a / in it.

Every member imports the group's ca.crt once, and trusts it for mail: then their
mail programs accept each other's certificates. Compare its fingerprint (box
fingerprint) by another way than it came. Whoever has ca.key can make a
certificate for any address that all members trust.

Who is revoked stands in the list that box group crl writes. Programs fetch it
themselves from where box keygen --group --crl-url says that it is published;
without that each member imports it by hand, and gpgsm looks at it only with
--enable-issuer-based-crl-check.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q: box group --help lists them", cut(args[0]))
			}
			return cmd.Help()
		},
	}
	c.AddCommand(a.groupShowCommand(), a.groupRevokeCommand(), a.groupCRLCommand())
	return c
}

func (a *app) groupShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show GROUP",
		Short: "List what the group issued: serial number, end, state, address",
		Args:  most(1, "one group"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withGroup(args, 1, "box group show GROUP", func(g *group) error {
				for _, m := range g.index.Issued {
					state := "good"
					if m.Revoked != nil {
						state = "revoked " + m.Revoked.Format(time.DateOnly)
					}
					fmt.Fprintf(a.stdout, "%s\t%s\t%s\t%s\n", m.Serial, m.NotAfter.Format(time.DateOnly), state, m.Address)
				}
				return nil
			})
		},
	}
}

// reasons are the reasons that fit a person's certificate (RFC 5280, Section
// 5.3.1).
func reasons() map[string]int {
	return map[string]int{"unspecified": 0, "key-compromise": 1, "affiliation-changed": 3, "superseded": 4, "cessation": 5}
}

func (a *app) groupRevokeCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "revoke GROUP SERIAL|FINGERPRINT|ADDRESS|FILE",
		Short: "Revoke a certificate; box group crl tells the members",
		Args:  most(2, "a group and a certificate"),
		RunE: func(cmd *cobra.Command, args []string) error {
			code, ok := reasons()[reason]
			if !ok {
				return usagef("--reason %q: give unspecified, key-compromise, affiliation-changed, superseded or cessation", cut(reason))
			}
			return a.withGroup(args, 2, "box group revoke GROUP SERIAL|FINGERPRINT|ADDRESS|FILE", func(g *group) error {
				what := args[1]
				if info, err := os.Stat(what); err == nil && info.Mode().IsRegular() {
					cert, _, err := a.certificate(what)
					if err != nil {
						return err
					}
					what = cert.Fingerprint().String()
				}
				m, err := g.find(what)
				if err != nil {
					return err
				}
				if m.Revoked != nil {
					return failed("revoking in the group", g.dir, fmt.Errorf("%s was revoked on %s", m.Serial, m.Revoked.Format(time.DateOnly)))
				}
				now := time.Now().UTC().Truncate(time.Second)
				m.Revoked, m.Reason = &now, code
				if err := g.save(); err != nil {
					return err
				}
				a.say("revoked %s of %s: nobody knows before they have the list that box group crl makes", m.Serial, shown(m.Address))
				return nil
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "unspecified", "unspecified, key-compromise, affiliation-changed, superseded or cessation")
	return c
}

// mostCRLDays is how many days ahead a list may promise the next one: who
// believes an old list longer than that does not check at all.
const mostCRLDays = 366

func (a *app) groupCRLCommand() *cobra.Command {
	var out string
	var days int
	var force bool
	c := &cobra.Command{
		Use:   "crl GROUP",
		Short: "Write the list of revoked certificates (CRL), for all members to import",
		Args:  most(1, "one group"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if days < 1 || days > mostCRLDays {
				return usagef("--days %d: give 1 to %d", days, mostCRLDays)
			}
			return a.withGroup(args, 1, "box group crl GROUP", func(g *group) error {
				now := time.Now().UTC().Truncate(time.Second)
				list, err := g.crl(now, now.AddDate(0, 0, days))
				if err != nil {
					return err
				}
				path := out
				if path == "" {
					path = g.path(groupCRL)
				}
				// The group's own list is the one before: it is replaced in one step.
				if err := atomicfile.WriteFile(path, list, atomicfile.Options{Replace: force || out == ""}); err != nil {
					return failed("writing", path, err)
				}
				a.say("wrote %s, number %d: make the next one within %d days", shown(path), g.index.CRLNumber, days)
				if g.index.CRLURL != "" {
					a.say("programs look for it at %s", shown(g.index.CRLURL))
				}
				return nil
			})
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "where to write (default: ca.crl in the group's directory, which is replaced)")
	c.Flags().BoolVar(&force, "force", false, "replace the file of -o if it exists")
	c.Flags().IntVar(&days, "days", 30, "how many days the list is good for")
	return c
}

// withGroup calls do with the group that is named first, locked.
func (a *app) withGroup(args []string, want int, usage string, do func(*group) error) error {
	if len(args) < want {
		return usagef("an argument is missing: %s", usage)
	}
	dir, err := groupDir(args[0])
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return failed("opening the group", dir, errors.New("there is no such group: box keygen --group makes it with its first key"))
	} else if err != nil {
		return failed("opening the group", dir, err)
	}
	unlock, err := lockGroup(dir)
	if err != nil {
		return err
	}
	defer unlock()
	g, err := openGroup(dir)
	if err != nil {
		return err
	}
	return do(g)
}
