package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

func (a *app) ringImportCommand() *cobra.Command {
	var fingerprints string
	var asJSON bool
	c := &cobra.Command{
		Use:   "import [--fingerprints FILE | --roots PEM] FILE…",
		Short: "Look through files of keys, and remember those that are known to be right",
		Long: `Look through files of keys: exports, GnuPG's pubring.kbx and pubring.gpg, PEM,
.p7c, .p12, vCards, mails with signatures or Autocrypt headers, in any mixture;
or through a folder: ~/.gnupg, a certificate directory. Copies of keys that
the ring has already bring it what is new in them, revocations above all.

The others are shown and NOT added: that a key arrived is no evidence. With
--fingerprints all are added whose fingerprint stands in that file, one a line,
which came by another way; with --roots those for which these authorities vouch.
What other programs trust (GnuPG's ownertrust) is shown, and not taken over.`,
		Example: `  box ring import ~/.gnupg
  box ring import --fingerprints from-the-letter.txt keys.asc`,
		Args: atLeast(1, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.ringImport(args, fingerprints, asJSON) },
	}
	c.Flags().StringVar(&fingerprints, "fingerprints", "", "a `FILE` with the fingerprints that are right, one a line; # begins a comment")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON, for programs")
	c.Flags().StringVar(&a.ring.passphraseFile, "passphrase-file", "", "the first line of this `FILE` opens PKCS#12 files (.p12); only their certificates are taken")
	a.addAuthorityFlags(c, "FILE")
	return c
}

// importedJSON is one candidate of ring import.
type importedJSON struct {
	Fingerprint string   `json:"fingerprint"`
	Addresses   []string `json:"addresses"`
	Source      string   `json:"source"`
	Notes       []string `json:"notes,omitempty"`
	Result      string   `json:"result"` // "added", "updated", "unchanged", "not added", or why it was refused
}

func (a *app) ringImport(names []string, fingerprintFile string, asJSON bool) error {
	r, err := a.openRing()
	if err != nil {
		return err
	}
	right, err := a.fingerprintsIn(fingerprintFile)
	if err != nil {
		return err
	}
	out := []importedJSON{}
	var refusal error
	for _, name := range names {
		all, err := a.candidatesIn(name)
		if err != nil {
			return err
		}
		for _, c := range all {
			result, err := a.importOne(r, c, right)
			if err != nil {
				result = oneLine(err.Error())
				if refusal == nil {
					refusal = err
				}
			}
			out = append(out, importedJSON{
				c.Certificate.Fingerprint().String(), c.Certificate.Addresses(), c.Source, c.Notes, result,
			})
		}
	}
	if asJSON {
		return errors.Join(a.writeIndented(out), refusal)
	}
	var rows [][]string
	waiting := false
	for _, o := range out {
		waiting = waiting || o.Result == "not added"
		rows = append(rows, []string{o.Result, o.Fingerprint, strings.Join(o.Addresses, ", "), o.Source, strings.Join(o.Notes, "; ")})
	}
	printTable(a.stdout, []string{"RESULT", "FINGERPRINT", "STATES", "FROM", "NOTES"}, rows)
	if waiting {
		a.say("note: nothing says whose the keys are that were not added: box ring add FILE FINGERPRINT, with what the owner tells you by another way; what stands here came with the key")
	}
	return refusal
}

// importOne brings what is new of a key that the ring has, and adds one whose
// fingerprint, or for which an authority, is right.
func (a *app) importOne(r *keyring.Ring, c found, right []keyring.Fingerprint) (string, error) {
	change, err := r.Update(c.Certificate)
	var unknown *keyring.UnknownError
	switch {
	case err == nil && change.Event == "":
		return "unchanged", nil
	case err == nil:
		return change.Event, nil
	case !errors.As(err, &unknown):
		return "", err
	}
	p, err := ringPolicy(a.ring.accept)
	if err != nil {
		return "", err
	}
	var v *keyring.Verified
	for _, f := range right {
		if f.Matches(c.Certificate.Fingerprint()) {
			v, err = p.Verify(c.Certificate, keyring.Expect(f))
		}
	}
	if v == nil && err == nil && len(a.authority.roots) > 0 && isX509(c.Certificate) {
		v, err = a.believeAuthority(p, &ringAddFlags{}, c.Source, []found{c})
	}
	if err != nil || v == nil {
		return "not added", err
	}
	change, err = r.Add(v, keyring.Addition{})
	if err != nil {
		return "", err
	}
	for _, s := range change.Findings {
		a.say("note: %s: %s", change.Fingerprint, s)
	}
	return change.Event, nil
}

// fingerprintsIn reads a list of fingerprints, "" being none.
func (a *app) fingerprintsIn(name string) (out []keyring.Fingerprint, err error) {
	if name == "" {
		return nil, nil
	}
	b, err := a.readSmall(name)
	if err != nil {
		return nil, err
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		text, _, _ := strings.Cut(line, "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		f, err := keyring.ParseFingerprint(text)
		if err != nil {
			return nil, failed("reading the fingerprints", name, fmt.Errorf("line %d: %w", n, err))
		}
		out = append(out, f)
	}
	return out, nil
}

func (a *app) ringExportCommand() *cobra.Command {
	var out string
	var force bool
	c := &cobra.Command{
		Use:   "export [-o FILE] [ADDRESS…]",
		Short: "Write keys of the ring as text that other programs import",
		Long: `Write the keys of these addresses, or all: OpenPGP keys armored, certificates in
PEM, one after the other. Whoever gets the file has to verify them like any other:
what the ring knows does not travel in it.`,
		Example: `  box ring export -o bob.asc bob@example.org`,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			var all []keyring.Entry
			if len(args) == 0 {
				args = []string{""}
			}
			for _, address := range args {
				var which []string
				if address != "" {
					which = []string{address}
				}
				es, err := a.entries(which)
				if err != nil {
					return err
				}
				all = append(all, es...)
			}
			b, err := exported(all)
			if err != nil {
				return err
			}
			w, err := a.create(out, force, false)
			if err != nil {
				return err
			}
			defer w.discard()
			if _, err := w.Write(b); err != nil {
				return err
			}
			return w.commit()
		},
	}
	outputFlags(c, &out, &force)
	return c
}

// exported writes each certificate once.
func exported(all []keyring.Entry) ([]byte, error) {
	var b bytes.Buffer
	seen := map[string]bool{}
	for _, e := range all {
		c := e.Verified.Certificate()
		if c == nil || seen[e.Fingerprint.String()] {
			continue
		}
		seen[e.Fingerprint.String()] = true
		if isX509(c) {
			b.Write(certificatePEM(c))
			continue
		}
		text, err := pgp.MarshalArmored(c)
		if err != nil {
			return nil, err
		}
		b.Write(text)
	}
	return b.Bytes(), nil
}

func (a *app) ringLogCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "log [--json]",
		Short: "Show every verification, change and removal, and check that none is missing",
		Long: `Show what happened to the ring, oldest first, after checking all of it: each line
of the log is chained to the one before, and each key to its line. What was
erased is there without names.`,
		Args: most(0, "flags only"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.openRing()
			if err != nil {
				return err
			}
			if err := r.Check(); err != nil {
				return err
			}
			all, err := r.Events()
			if err != nil {
				return err
			}
			if asJSON {
				return a.writeIndented(eventsJSON(all))
			}
			var rows [][]string
			for _, e := range all {
				who := strings.Join(e.Addresses, ", ")
				rows = append(rows, []string{e.Time.UTC().Format(time.DateTime), e.Event, who, e.Fingerprint.String(), e.Detail})
			}
			printTable(a.stdout, []string{"TIME (UTC)", "EVENT", "WHOSE", "FINGERPRINT", "DETAIL"}, rows)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON, for programs")
	return c
}

// eventJSON is what log writes with --json.
type eventJSON struct {
	Time        time.Time `json:"time"`
	Event       string    `json:"event"`
	Addresses   []string  `json:"addresses,omitempty"`
	Fingerprint string    `json:"fingerprint,omitempty"`
	Detail      string    `json:"detail,omitempty"`
	Sequence    int64     `json:"sequence"`
	Digest      string    `json:"digest"` // over this line and all before it
}

func eventsJSON(all []keyring.Event) []eventJSON {
	out := []eventJSON{}
	for _, e := range all {
		out = append(out, eventJSON{e.Time.UTC(), e.Event, e.Addresses, e.Fingerprint.String(), e.Detail, e.Sequence, e.Digest})
	}
	return out
}
