package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// entryJSON is what list, show and check write with --json. Fields are added
// and never renamed.
type entryJSON struct {
	Address     string     `json:"address"`
	Format      string     `json:"format"`
	Fingerprint string     `json:"fingerprint"`
	States      []string   `json:"states"` // the addresses in the certificate
	Evidence    string     `json:"evidence"`
	Since       time.Time  `json:"since"`
	NotAfter    *time.Time `json:"notAfter,omitempty"`
	Reads       []string   `json:"reads,omitempty"`
	Preferred   bool       `json:"preferred"`
	Alias       bool       `json:"alias"`
	Signer      bool       `json:"signer"`
	Problem     string     `json:"problem,omitempty"`
}

func entriesJSON(all []keyring.Entry) []entryJSON {
	out := []entryJSON{}
	for _, e := range all {
		j := entryJSON{
			Address: e.Address, Format: e.Format, Fingerprint: e.Fingerprint.String(), Evidence: e.Evidence, Since: e.Since.UTC(),
			Reads: e.Reads, Preferred: e.Preferred, Alias: e.Alias, Signer: e.Signer, States: []string{},
		}
		if c := e.Verified.Certificate(); c != nil {
			j.States = append(j.States, c.Addresses()...)
		}
		if !e.NotAfter.IsZero() {
			t := e.NotAfter.UTC()
			j.NotAfter = &t
		}
		if e.Problem != nil {
			j.Problem = oneLine(e.Problem.Error())
		}
		out = append(out, j)
	}
	return out
}

func (a *app) writeIndented(v any) error {
	return encodeJSON(a.stdout, v)
}

func (a *app) ringListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [--json] [ADDRESS]",
		Short: "Show whose keys are in the ring",
		Example: `  box ring list
  box ring list bob@example.org`,
		Args: most(1, "one address, or nothing for all"),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := a.entries(args)
			if err != nil {
				return err
			}
			if asJSON {
				return a.writeIndented(entriesJSON(all))
			}
			if len(all) == 0 {
				a.say("the ring is empty: box ring add FILE FINGERPRINT")
				return nil
			}
			a.printEntries(all)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON, for programs")
	return c
}

// entries returns those of an address, or all.
func (a *app) entries(args []string) ([]keyring.Entry, error) {
	r, err := a.openRing()
	if err != nil {
		return nil, err
	}
	all, err := r.Entries()
	if len(args) == 0 || err != nil {
		return all, err
	}
	// What is not believed is shown too, with the reason.
	if all = slices.DeleteFunc(all, func(e keyring.Entry) bool { return !sameAddress(e.Address, args[0]) }); len(all) > 0 {
		return all, nil
	}
	all, err = r.Lookup(args[0]) // what is behind its domain, or why there is nothing
	return all, a.ringRefused(err)
}

// sameAddress reports whether two addresses are one: RFC 5321, Section 2.4.
func sameAddress(a, b string) bool {
	i, j := strings.LastIndexByte(a, '@'), strings.LastIndexByte(b, '@')
	return i >= 0 && j >= 0 && a[:i] == b[:j] && strings.EqualFold(a[i:], b[j:])
}

func (a *app) printEntries(all []keyring.Entry) {
	var rows [][]string
	for _, e := range all {
		rows = append(rows, []string{e.Address, e.Format, e.Fingerprint.String(), until(e.NotAfter), e.Since.Format(time.DateOnly), remarks(e)})
	}
	printTable(a.stdout, []string{"ADDRESS", "FORMAT", "FINGERPRINT", "UNTIL", "SINCE", "BECAUSE"}, rows)
}

// until is a date, or what stands where a key has no end.
func until(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}

// remarks is why an entry is believed, and what is special about it.
func remarks(e keyring.Entry) string {
	parts := []string{e.Evidence}
	if e.Preferred {
		parts = append(parts, "preferred")
	}
	if e.Signer {
		parts = append(parts, "signs for it")
	}
	if e.Alias {
		parts = append(parts, "alias")
	}
	if len(e.Reads) > 0 {
		parts = append(parts, "reads "+strings.Join(e.Reads, ", "))
	}
	if e.Problem != nil {
		parts = append(parts, "NOT USED: "+problem(e))
	}
	return strings.Join(parts, "; ")
}

// problem is why an entry is not used.
func problem(e keyring.Entry) string {
	return strings.TrimPrefix(oneLine(e.Problem.Error()), "keyring: ")
}

func (a *app) ringShowCommand() *cobra.Command {
	var asJSON, words, qr bool
	var mine string
	c := &cobra.Command{
		Use:   "show [--words|--qr] [--json] ADDRESS|FINGERPRINT",
		Short: "Show all that is known of a key, to read it out or to scan it",
		Example: `  box ring show bob@example.org
  box ring show --qr bob@example.org`,
		Args: exactly(1, "ADDRESS or FINGERPRINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := a.entriesOf(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return a.writeIndented(entriesJSON(all))
			}
			for i, e := range all {
				if i > 0 {
					fmt.Fprintln(a.stdout)
				}
				a.printEntry(e, words)
				if mine != "" {
					own, err := a.ownFingerprint(mine)
					if err != nil {
						return err
					}
					fmt.Fprintf(a.stdout, "%-14s%s\n", "safety number", own.SafetyNumber(e.Fingerprint))
				}
				if qr {
					if err := a.printQR(e.Fingerprint); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON, for programs")
	c.Flags().BoolVar(&words, "words", false, "the fingerprint in words too, to be read out")
	c.Flags().StringVar(&mine, "mine", "", "the safety number of this key and yours too: your `FILE`, or an address of yours")
	c.Flags().BoolVar(&qr, "qr", false, "the fingerprint as a QR code, to be scanned from the screen")
	return c
}

// entriesOf returns the entries of an address, or those of a fingerprint.
func (a *app) entriesOf(what string) ([]keyring.Entry, error) {
	f, err := keyring.ParseFingerprint(what)
	if err != nil {
		return a.entries([]string{what})
	}
	all, err := a.entries(nil)
	if err != nil {
		return nil, err
	}
	var out []keyring.Entry
	for _, e := range all {
		if e.Fingerprint.Matches(f) {
			out = append(out, e)
		}
	}
	if len(out) == 0 {
		return nil, &nobodyError{errors.New("no key in the ring has this fingerprint: box ring list shows those that it has")}
	}
	return out, nil
}

func (a *app) printEntry(e keyring.Entry, words bool) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(a.stdout, "%-14s%s\n", name, oneLine(value))
		}
	}
	line("address", e.Address)
	line("format", e.Format)
	line("fingerprint", e.Fingerprint.Grouped())
	line("figures", e.Fingerprint.Digits())
	if words {
		line("words", e.Fingerprint.Words())
	}
	if c := e.Verified.Certificate(); c != nil {
		line("states", strings.Join(c.Addresses(), ", "))
	}
	line("because", e.Evidence)
	line("since", e.Since.UTC().Format(time.DateTime)+" UTC")
	line("until", until(e.NotAfter))
	line("reads", strings.Join(e.Reads, ", "))
	var kinds []string
	for _, k := range []struct {
		is   bool
		what string
	}{
		{e.Preferred, "preferred for this address"}, {e.Alias, "the key does not state this address: you did"},
		{e.Signer, "signs for this address; nothing is sealed to it"},
	} {
		if k.is {
			kinds = append(kinds, k.what)
		}
	}
	line("note", strings.Join(kinds, "; "))
	if e.Problem != nil {
		line("NOT USED", problem(e))
	}
}
