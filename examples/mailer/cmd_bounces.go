package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/returned"
	"github.com/doublekeybox/doublekeybox/transport/bounce"
	"github.com/doublekeybox/doublekeybox/transport/imap"
)

// bouncesFlags are what bounces was asked for.
type bouncesFlags struct {
	config, maildir                               string
	imap, folder, user, passwordFile, authorities string
	certificate, key                              string
	asJSON                                        bool
}

func (a *app) bouncesCommand() *cobra.Command {
	var f bouncesFlags
	c := &cobra.Command{
		Use:   "bounces RUN --config mailer.json {--maildir DIR | --imap URL}",
		Short: "Read what came back, and note it in the journal",
		Long: `Read what came back of a run, and note it in its journal. Messages stay where they
are, and may be read again: each is noted once.

Anybody can write a bounce. One is believed only where it was sent to a return
path that was given out for the mail, which has a code in it that nobody else can
make ("bounces" in the configuration). All others are listed, and not noted.`,
		Example: `  mailer bounces october --config mailer.json --maildir /var/mail/bounces
  mailer bounces october --config mailer.json --imap imaps://imap.example.com --user bounces --password-file pw`,
		Args: oneRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.bounces(cmd.Context(), args[0], &f)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "mailer.json", "the configuration that the run was sent with: a `FILE` in JSON")
	fl.StringVar(&f.maildir, "maildir", "", "a maildir, or a `DIR` with a file for each message")
	fl.StringVar(&f.imap, "imap", "", "the `URL` of an IMAP server, imaps://…")
	fl.StringVar(&f.folder, "folder", "INBOX", "the `NAME` of the folder there")
	fl.StringVar(&f.user, "user", "", "who logs in there")
	fl.StringVar(&f.passwordFile, "password-file", "", "the first line of this `FILE` is their password")
	fl.StringVar(&f.authorities, "authorities", "", "a `FILE` in PEM: by whom the server's certificate has to be (default: the system's)")
	fl.StringVar(&f.certificate, "certificate", "", "a `FILE` in PEM with the certificate that this program shows there")
	fl.StringVar(&f.key, "key", "", "a `FILE` in PEM with its private key")
	fl.BoolVar(&f.asJSON, "json", false, "write JSON, for programs")
	return c
}

// bouncePaths returns the return paths of a run; nil where there are none.
func (c *config) bouncePaths() (*bounce.Paths, error) {
	if c.Bounces == nil {
		return nil, nil
	}
	key, err := readLine("reading the secret in", c.path(c.Bounces.SecretFile))
	if err != nil {
		return nil, err
	}
	p := &bounce.Paths{Local: c.Bounces.Local, Domain: c.Bounces.Domain, Key: key}
	if p.Local == "" {
		p.Local = "b"
	}
	if _, err := p.Address("m@example.org", "a@example.org"); err != nil {
		return nil, fmt.Errorf(`"bounces": %w`, err)
	}
	return p, nil
}

// bounces is the command of that name.
func (a *app) bounces(ctx context.Context, run string, f *bouncesFlags) error {
	if (f.maildir == "") == (f.imap == "") {
		return usagef("where did it come back to? --maildir DIR, or --imap URL --user NAME --password-file FILE")
	}
	c, err := readConfig(f.config)
	if err != nil {
		return err
	}
	paths, err := c.bouncePaths()
	if err == nil && paths == nil {
		err = usagef(`%s has no "bounces": mail that was sent without return paths of its own comes back to its sender, and nobody can tell a bounce from a forged one`, shown(f.config))
	}
	if err != nil {
		return err
	}
	var messages []*returned.Message
	if f.maildir != "" {
		messages, err = returned.Directory(f.maildir, paths)
	} else {
		messages, err = f.fetch(ctx, c, paths)
	}
	if err != nil {
		return err
	}
	name := filepath.Join(run, journalName)
	noted, err := returned.Note(name, messages)
	if err != nil {
		return failed("noting what came back in", name, err)
	}
	if err := a.printReturned(messages, noted, f.asJSON); err != nil || noted == 0 {
		return err
	}
	return failed("signing", name, c.signAgain(name))
}

// signAgain signs the journal of a run with what was noted in it.
func (c *config) signAgain(name string) error {
	signers, err := c.signers()
	if err != nil || len(signers) == 0 {
		return err
	}
	j, err := journal.Resume(name)
	if err != nil {
		return err
	}
	defer j.Close()
	return sign(j, signers)
}

// fetch reads what is on an IMAP server.
func (f *bouncesFlags) fetch(ctx context.Context, c *config, paths *bounce.Paths) ([]*returned.Message, error) {
	pool, err := c.authorities(absolute(f.authorities))
	if err != nil {
		return nil, err
	}
	server := &imap.Server{URL: f.imap, User: f.user, TLS: &tls.Config{RootCAs: pool}, MaxSize: 64 << 20}
	if (f.certificate == "") != (f.key == "") {
		return nil, usagef("--certificate and --key belong together")
	}
	if f.certificate != "" {
		pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
		if err != nil {
			return nil, failed("reading the certificate", f.certificate, err)
		}
		server.TLS.Certificates, server.External = []tls.Certificate{pair}, f.passwordFile == ""
	}
	server.Password = func(context.Context) (string, error) {
		b, err := readLine("reading the password in", f.passwordFile)
		return string(b), err
	}
	return returned.Folder(ctx, server, f.folder, paths)
}

// absolute keeps a file of the command line from being looked for beside the
// configuration, where the files are that it names itself.
func absolute(name string) string {
	if name == "" {
		return ""
	}
	if abs, err := filepath.Abs(name); err == nil {
		return abs
	}
	return name
}

// returnedJSON is what bounces --json writes. Fields are added and never renamed.
type returnedJSON struct {
	Noted    int                `json:"noted"`
	Messages []returnedItemJSON `json:"messages"`
}

type returnedItemJSON struct {
	Name       string           `json:"name"`
	Verdict    returned.Verdict `json:"verdict"`
	Problem    string           `json:"problem,omitempty"`
	Row        int              `json:"row,omitempty"`
	Recipient  string           `json:"recipient,omitempty"`
	Status     string           `json:"status,omitempty"`
	Diagnostic string           `json:"diagnostic,omitempty"`
}

func (a *app) printReturned(messages []*returned.Message, noted int, asJSON bool) error {
	if asJSON {
		out := returnedJSON{Noted: noted, Messages: []returnedItemJSON{}}
		for _, m := range messages {
			out.Messages = append(out.Messages, returnedItemJSON{Name: m.Name, Verdict: m.Verdict, Problem: m.Problem, Row: m.Row, Recipient: m.Recipient, Status: m.Status, Diagnostic: m.Diagnostic})
		}
		return a.writeJSON(out)
	}
	counts := map[returned.Verdict]int{}
	var rows [][]string
	for _, m := range messages {
		counts[m.Verdict]++
		row, said := "", m.Diagnostic
		if m.Row > 0 {
			row = strconv.Itoa(m.Row)
		}
		if m.Problem != "" {
			said = m.Problem
		}
		rows = append(rows, []string{string(m.Verdict), row, m.Recipient, m.Status, m.Name, cut(said)})
	}
	slices.SortStableFunc(rows, func(x, y []string) int { return compareRows(x[1], y[1]) })
	if len(rows) > 0 {
		printTable(a.stdout, []string{"VERDICT", "ROW", "RECIPIENT", "STATUS", "MESSAGE", "WHAT IT SAYS"}, rows)
	}
	fmt.Fprintf(a.stdout, "%d messages, %d noted as bounced; %d were noted before, %d are delays, %d something else, %d of another run, %d forged or not addressed to a return path.\n",
		len(messages), noted, counts[returned.Seen], counts[returned.Delayed], counts[returned.Other], counts[returned.Foreign], counts[returned.Forged])
	return nil
}

// compareRows puts numbers in their order, and what has none at the end.
func compareRows(x, y string) int {
	if x == "" || y == "" {
		return len(y) - len(x)
	}
	n, _ := strconv.Atoi(x)
	m, _ := strconv.Atoi(y)
	return n - m
}
