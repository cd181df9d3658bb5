package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/keyring"
)

func (a *app) ringCheckCommand() *cobra.Command {
	var within string
	var asJSON bool
	c := &cobra.Command{
		Use:   "check [--within 30d] [--json]",
		Short: "Say which keys are no longer good for sealing, or soon will not be (exit status 2)",
		Long: `Check the ring, its log and every key in it. Those that are revoked, expired, or
expire within the time given are shown, and make the exit status 2: for a job
that runs every night.`,
		Example: `  box ring check --within 30d`,
		Args:    most(0, "flags only"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := days(within)
			if err != nil {
				return err
			}
			return a.ringCheck(d, asJSON)
		},
	}
	c.Flags().StringVar(&within, "within", "30d", "those that expire within this `TIME` too: 30d, 8w, 12h")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON, for programs")
	return c
}

// days reads a time span that people write.
func days(s string) (time.Duration, error) {
	for _, u := range []struct {
		suffix string
		unit   time.Duration
	}{{"d", 24 * time.Hour}, {"w", 7 * 24 * time.Hour}} {
		if n, ok := strings.CutSuffix(s, u.suffix); ok {
			if v, err := strconv.ParseUint(n, 10, 16); err == nil {
				return time.Duration(v) * u.unit, nil
			}
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return d, nil
	}
	return 0, usagef("--within %q: give a number of days or weeks: 30d, 8w", cut(s))
}

func (a *app) ringCheck(within time.Duration, asJSON bool) error {
	r, err := a.openRing()
	if err != nil {
		return err
	}
	if err := r.Check(); err != nil {
		return err
	}
	all, err := r.Entries()
	if err != nil {
		return err
	}
	now := time.Now()
	var bad []keyring.Entry
	for _, e := range all {
		if e.Problem != nil || !e.NotAfter.IsZero() && e.NotAfter.Before(now.Add(within)) {
			bad = append(bad, e)
		}
	}
	switch {
	case asJSON:
		if err := a.writeIndented(entriesJSON(bad)); err != nil {
			return err
		}
	case len(bad) > 0:
		a.printEntries(bad)
	default:
		a.say("all %d entries are good", len(all))
	}
	if len(bad) > 0 {
		return &nobodyError{fmt.Errorf("%d of %d entries in the ring are not good, or will not be in %s: ask their owners for new ones, or box ring refresh", len(bad), len(all), span(within))}
	}
	return nil
}

func span(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.String()
}

func (a *app) ringRefreshCommand() *cobra.Command {
	var f findFlags
	c := &cobra.Command{
		Use:   "refresh [--hkp URL] [--wkd] [ADDRESS…]",
		Short: "Fetch the keys of the ring again by their fingerprints, and take over what is new",
		Long: `Fetch the OpenPGP keys of these addresses, or all, by their whole fingerprints, and
merge what is new: revocations, new subkeys, later ends. No key is added, and what
servers leave out is not forgotten. Who runs the server learns whose keys you ask
for; so nothing is asked unless you name it.`,
		Example: `  box ring refresh --hkp https://keys.openpgp.org`,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.hkp == "" && !f.wkd {
				return usagef("where to ask? --hkp URL of a key server, or --wkd for the servers of the addresses' domains")
			}
			return a.ringRefresh(cmd.Context(), &f, args)
		},
	}
	f.add(c)
	return c
}

func (a *app) ringRefresh(ctx context.Context, f *findFlags, addresses []string) error {
	r, err := a.openRing()
	if err != nil {
		return err
	}
	var all []keyring.Entry
	if len(addresses) == 0 {
		all, err = r.Entries()
	}
	for _, address := range addresses {
		es, e := r.Lookup(address)
		if e != nil {
			return a.ringRefused(e)
		}
		all = append(all, es...)
	}
	if err != nil {
		return err
	}
	asked, changed, failures := 0, 0, 0
	seen := map[string]bool{}
	for _, e := range all {
		if e.Format != string(kindPGP) || seen[e.Fingerprint.String()] {
			continue
		}
		seen[e.Fingerprint.String()] = true
		asked++
		got, err := a.fetch(ctx, f, e)
		if err != nil {
			failures++
			a.say("note: %s: %v", shown(e.Address), err)
			continue
		}
		for _, c := range got {
			if !c.Certificate.Fingerprint().Matches(e.Fingerprint) {
				a.say("note: %s: another key is offered for this address, %s: it was not taken", shown(e.Address), c.Certificate.Fingerprint().Grouped())
				continue
			}
			change, err := r.Update(c.Certificate)
			if err != nil {
				return a.ringRefused(err)
			}
			if change.Event != "" {
				changed++
				a.sayChange(change)
			}
		}
	}
	a.say("asked for %d keys: %d changed, %d could not be had", asked, changed, failures)
	if asked > 0 && failures == asked {
		return errors.New("no key could be fetched: see above")
	}
	return nil
}
