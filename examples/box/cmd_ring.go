package main

import (
	"github.com/spf13/cobra"
)

const ringHelp = `Remember whose keys you verified, by their mail address. After

  box ring add bob.pub FINGERPRINT

bob@example.org is enough wherever a key is asked for: box seal --to
bob@example.org. Nothing comes in without evidence: the fingerprint that the
owner told you by another way than the key came, an authority that you believe
(--roots), or somebody whom you made an introducer. A key that arrives later for
the same address is not taken for Bob's: box says what changed, and asks.

The ring is a directory: --ring DIR, else $BOX_RING, else "box/ring" in your
configuration. Many programs may use it at the same time. It holds no secrets,
and its log holds every change (box ring log).

What it does not believe unless --accept says so, on the command that adds
and on all that use the entry:
  first-use         a key because no other was seen before
  domain            what the server of the address' domain gives out (WKD, DANE)
  reissued          the same authority's new certificate with another key
--accept fingerprint-only believes fingerprints alone, and no authority.`

func (a *app) ringCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "ring add|list|show|verify|remove|import|export|log|find|group|prefer|allow-signer|introducer|revoke|check|refresh",
		Short: "Remember verified keys by address",
		Long:  ringHelp,
		Example: `  box ring add bob.pub FINGERPRINT
  box seal --to bob@example.org -o receipt.pdf.pgp receipt.pdf`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q: box ring --help lists them", cut(args[0]))
			}
			return cmd.Help()
		},
	}
	for _, sub := range []*cobra.Command{
		a.ringAddCommand(), a.ringListCommand(), a.ringShowCommand(), a.ringVerifyCommand(), a.ringRemoveCommand(),
		a.ringImportCommand(), a.ringExportCommand(), a.ringLogCommand(), a.ringFindCommand(), a.ringGroupCommand(), a.ringPreferCommand(),
		a.ringAllowSignerCommand(), a.ringIntroducerCommand(), a.ringRevokeCommand(), a.ringCheckCommand(), a.ringRefreshCommand(),
	} {
		a.addRingFlags(sub)
		c.AddCommand(sub)
	}
	return c
}

// exactly is a cobra.PositionalArgs for commands that need their arguments.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return usagef("%s needs %s: see %s --help", cmd.CommandPath(), what, cmd.CommandPath())
		}
		return most(n, what)(cmd, args)
	}
}

// atLeast is a cobra.PositionalArgs for commands that take lists.
func atLeast(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return usagef("%s needs %s: see %s --help", cmd.CommandPath(), what, cmd.CommandPath())
		}
		return nil
	}
}
