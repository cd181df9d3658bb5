package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

func (a *app) verifyCommand() *cobra.Command {
	var from []string
	var config string
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify RUN [--from FILE=FINGERPRINT | --config mailer.json]",
		Short: "Say whether the journal of a run is as it was written, and who signed it",
		Long: `Say whether the journal of a run is as it was written: its chain is verified line
by line, and the signatures beside it, which prove what went where to whoever
has the sender's key. Without --from and --config it is the chain alone.

A signature proves what was there when it was made, and not that nothing came
after it: a journal that was cut off behind one, with the signatures that came
later taken away, is one of a run that had come so far.`,
		Example: `  mailer verify october --config mailer.json
  mailer verify october --from sender.asc=1B2C…`,
		Args: oneRun,
		RunE: func(_ *cobra.Command, args []string) error {
			o, err := proofOpener(from, config)
			if err != nil {
				return err
			}
			return a.verifyRun(args[0], o, asJSON)
		},
	}
	fl := c.Flags()
	fl.StringArrayVar(&from, "from", nil, "`FILE=FINGERPRINT`: it must be signed by this key, or by another --from; the fingerprint comes from whom the key belongs to")
	fl.StringVar(&config, "config", "", "it must be signed by a key that this `FILE` says mail is signed with")
	fl.BoolVar(&asJSON, "json", false, "write JSON, for programs")
	return c
}

// oneRun is a cobra.PositionalArgs for commands about a run.
func oneRun(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("%s RUN: which run? Give the folder that send was given with --run, and nothing else", cmd.CommandPath())
	}
	return nil
}

// proofOpener returns whose signatures are believed; nil where nobody is named.
func proofOpener(from []string, config string) (*envelope.Opener, error) {
	o := &envelope.Opener{}
	for _, f := range from {
		v, err := sender(f)
		if err != nil {
			return nil, err
		}
		o.Senders = append(o.Senders, v)
	}
	if config != "" {
		c, err := readConfig(config)
		if err != nil {
			return nil, err
		}
		own, err := c.ownCertificates()
		if err != nil {
			return nil, err
		}
		o.Senders = append(o.Senders, own...)
	}
	if len(o.Senders) == 0 {
		return nil, nil
	}
	return o, nil
}

// sender reads FILE=FINGERPRINT.
func sender(s string) (*keyring.Verified, error) {
	i := strings.LastIndexByte(s, '=')
	if i < 1 {
		return nil, usagef("--from %s: FILE=FINGERPRINT is needed: the file of the sender's key, and the fingerprint that they told you by another way", shown(s))
	}
	name := s[:i]
	want, err := keyring.ParseFingerprint(s[i+1:])
	if err != nil {
		return nil, fmt.Errorf("--from %s: %w", shown(name), err)
	}
	b, err := readSmall("reading the certificate", name)
	if err != nil {
		return nil, err
	}
	c, err := pgp.ParseCertificate(b)
	if err != nil {
		var errX509 error
		if c, errX509 = smime.ParseCertificate(b); errX509 != nil {
			return nil, failed("reading the certificate", name, errors.Join(err, errX509))
		}
	}
	v, err := keyring.Verify(c, keyring.Expect(want))
	return v, failed("--from", name, err)
}

// ownCertificates returns those of the keys that the configuration signs with.
func (c *config) ownCertificates() (own []*keyring.Verified, err error) {
	for _, s := range c.Sign {
		keys, _, err := readKeys(c.path(s.Key), c.path(s.PassphraseFile))
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			// Who has the private key needs no other evidence.
			v, err := keyring.Verify(k.Certificate(), keyring.Expect(k.Certificate().Fingerprint()))
			if err != nil {
				return nil, failed("using the key", c.path(s.Key), err)
			}
			own = append(own, v)
		}
	}
	if len(own) == 0 {
		return nil, usagef(`the configuration says nothing of keys: "sign"`)
	}
	return own, nil
}

// verdictJSON is what verify --json writes. Fields are added and never renamed.
type verdictJSON struct {
	Run     string           `json:"run"`
	Lines   uint64           `json:"lines"`
	Hash    string           `json:"hash"`
	Signed  uint64           `json:"signed"` // how many lines there are good signatures over
	Rows    map[string]int64 `json:"rows"`   // by how far they are
	Bounced int64            `json:"bounced"`
	InDoubt []int            `json:"in_doubt"` // their rows
	Damage  string           `json:"damage,omitempty"`
	Proofs  []proofJSON      `json:"signatures"`
}

type proofJSON struct {
	File    string     `json:"file"`
	Line    uint64     `json:"line"`
	Valid   bool       `json:"valid"`
	Problem string     `json:"problem,omitempty"`
	Sender  string     `json:"sender,omitempty"` // fingerprint
	Time    *time.Time `json:"time,omitempty"`   // as the signer claims
}

func proofOf(p journal.Proof) proofJSON {
	out := proofJSON{File: filepath.Base(p.Name), Line: p.Line, Valid: p.Err == nil}
	if p.Err != nil {
		out.Problem = p.Err.Error()
	}
	if p.Report == nil {
		return out
	}
	for _, s := range p.Report.Signatures {
		if s.Valid() && s.Sender != nil {
			out.Sender = s.Sender.Certificate().Fingerprint().String()
			if !s.Time.IsZero() {
				out.Time = &s.Time
			}
		}
	}
	return out
}

// verifyRun is the command of that name, o being whose signatures count.
func (a *app) verifyRun(run string, o *envelope.Opener, asJSON bool) error {
	name := filepath.Join(run, journalName)
	v, err := journal.Verify(name, o)
	var damage *journal.DamageError
	if err != nil && !errors.As(err, &damage) {
		return failed("verifying", name, err)
	}
	out := verdictJSON{Run: v.Head.Run, Lines: v.Lines, Hash: v.Hash, Signed: v.Signed(), Rows: map[string]int64{}, Bounced: v.Bounced, InDoubt: []int{}, Proofs: []proofJSON{}}
	for status, n := range v.Rows {
		out.Rows[status.String()] = n
	}
	for _, r := range v.InDoubt {
		out.InDoubt = append(out.InDoubt, r.Row)
	}
	for _, p := range v.Proofs {
		out.Proofs = append(out.Proofs, proofOf(p))
	}
	if damage != nil {
		out.Damage = damage.Error()
	}
	if asJSON {
		if err := a.writeJSON(out); err != nil {
			return err
		}
	} else {
		out.print(a.stdout, v.Torn, o != nil)
	}
	return out.verdict(damage, o != nil)
}

// verdict is the error of a journal that is not what it should be.
func (v *verdictJSON) verdict(damage *journal.DamageError, signed bool) error {
	if damage != nil {
		return damage
	}
	for _, p := range v.Proofs {
		if signed && !p.Valid {
			return fmt.Errorf("%s proves nothing: %s", p.File, p.Problem)
		}
	}
	switch {
	case signed && len(v.Proofs) == 0:
		return errors.New("nobody signed the journal: its chain alone proves nothing to others")
	case signed && v.Signed < v.Lines:
		// Whoever can write to the folder can write on in the chain.
		return fmt.Errorf("nobody signed what is behind line %d: %d lines, and the counts with them, prove nothing; send, bounces, and settle with --config sign", v.Signed, v.Lines-v.Signed)
	}
	return nil
}

func (v *verdictJSON) print(w io.Writer, torn int64, signed bool) {
	chain := "whole"
	if v.Damage != "" {
		chain = v.Damage
	}
	rows := [][]string{
		{"run", v.Run},
		{"lines", strconv.FormatUint(v.Lines, 10)},
		{"chain", chain},
		{"last hash", v.Hash},
	}
	if torn > 0 {
		rows = append(rows, []string{"behind them", strconv.FormatInt(torn, 10) + " octets of a line that was being written; resuming cuts them off"})
	}
	for s := journal.IsWaiting; s <= journal.IsDoubtful; s++ {
		if n, ok := v.Rows[s.String()]; ok {
			rows = append(rows, []string{s.String(), strconv.FormatInt(n, 10)})
		}
	}
	rows = append(rows, []string{"bounced", strconv.FormatInt(v.Bounced, 10)})
	for _, p := range v.Proofs {
		said := "not looked at: --from or --config says who should have signed"
		switch {
		case p.Valid:
			said = "good, by " + p.Sender
		case signed:
			said = "BAD: " + p.Problem
		}
		rows = append(rows, []string{p.File, said})
	}
	if v.Signed > 0 && v.Signed < v.Lines {
		rows = append(rows, []string{"not signed", fmt.Sprintf("the last %d lines", v.Lines-v.Signed)})
	}
	printTable(w, []string{"", ""}, rows)
}
