package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
)

func (a *app) settleCommand() *cobra.Command {
	var config string
	c := &cobra.Command{
		Use:   "settle RUN [ROW… sent|again]",
		Short: "Say what became of mails of which nobody knows whether they were taken",
		Long: `Say what became of mails of which nobody knows whether they were taken: those
that were on their way when the program was killed, or when the connection broke
before the server's answer. None is sent again by itself. The server's log tells,
by the Message-ID that is listed: "sent" where the mail is in it, and "again",
where it is not, lets the next send send it.

With RUN alone those in doubt are listed, and the exit status is 4 where there
are any.`,
		Example: `  mailer settle october
  mailer settle october 17 230 sent
  mailer settle october 231 again`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) == 2 {
				return usagef("%s RUN lists what is in doubt, and %[1]s RUN ROW… sent|again settles rows of it", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.listDoubt(args[0])
			}
			return a.settle(args[0], args[1:len(args)-1], args[len(args)-1], config)
		},
	}
	c.Flags().StringVar(&config, "config", "", "sign the journal with what this `FILE` says mail is signed with")
	return c
}

// listDoubt lists what is in doubt; a mailer may be at work.
func (a *app) listDoubt(run string) error {
	name := filepath.Join(run, journalName)
	v, err := journal.Verify(name, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return noRun(run)
	}
	if err != nil {
		return failed("reading", name, err)
	}
	if len(v.InDoubt) == 0 {
		fmt.Fprintln(a.stdout, "Nothing is in doubt.")
		return nil
	}
	var rows [][]string
	for _, r := range v.InDoubt {
		rows = append(rows, []string{strconv.Itoa(r.Row), r.Address, r.MessageID, r.At.UTC().Format(time.DateTime), r.Reply})
	}
	printTable(a.stdout, []string{"ROW", "ADDRESS", "MESSAGE-ID", "BEGUN (UTC)", "WHAT HAPPENED"}, rows)
	return &statusError{status: exitDoubt, text: fmt.Sprintf("%d in doubt: look for their Message-ID in the server's log, then mailer settle %s ROW… sent|again", len(rows), shown(run))}
}

// settle writes into the journal what became of rows: of all, or where one is not
// in doubt of none.
func (a *app) settle(run string, rows []string, as, config string) error {
	kind := journal.Kind(as)
	if kind != journal.Sent && kind != journal.Waiting {
		return usagef("%q is none of sent and again: what became of the rows stands behind them", cut(as))
	}
	var records []journal.Record
	for _, row := range rows {
		n, err := strconv.Atoi(row)
		if err != nil || n < 1 {
			return usagef("%q is no row: 1, 2, 3 … as mailer settle RUN lists them", cut(row))
		}
		records = append(records, journal.Record{Kind: journal.Settled, Row: n, As: kind})
	}
	var signers map[string][]envelope.Signer
	if config != "" {
		c, err := readConfig(config)
		if err != nil {
			return err
		}
		if signers, err = c.signers(); err != nil {
			return err
		}
	}
	name := filepath.Join(run, journalName)
	j, err := journal.Resume(name)
	if errors.Is(err, fs.ErrNotExist) {
		return noRun(run)
	}
	if err != nil {
		return failed("opening", name, err)
	}
	defer j.Close()
	if err := j.Append(records...); err != nil {
		return failed("settling rows in", name, err)
	}
	// The passphrase of a mail that will be sent again counts no more: there will
	// be another one.
	if err := writeNumbers(run); err != nil {
		return err
	}
	if err := sign(j, signers); err != nil {
		return failed("signing", name, err)
	}
	fmt.Fprintf(a.stdout, "%d settled, %d still in doubt.\n", len(records), len(j.InDoubt()))
	return nil
}
