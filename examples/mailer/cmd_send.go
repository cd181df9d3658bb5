package main

import (
	"github.com/spf13/cobra"
)

// sendFlags are what send was asked for.
type sendFlags struct {
	config, list, documents, keys, run string
	rate                               float64
	connections                        int
	dryRun, asJSON                     bool

	rateSet, connectionsSet bool // on the command line
}

func (a *app) sendCommand() *cobra.Command {
	var f sendFlags
	c := &cobra.Command{
		Use:   "send --config mailer.json --list FILE --documents DIR --run DIR",
		Short: "Send everybody of a list their documents, or go on with it",
		Long: `Send everybody of a list their documents. Every row is looked at first: whether
its documents are there, its key can be used, its passphrase is strong enough.
Where one cannot be sent nothing is: a table says which, and why.

In the folder of the run there is a journal of what was sent. Where a run was
interrupted, or mails were put off, the same command goes on. A mail of which
nobody knows whether it was taken, since the connection broke before the answer,
is not sent again: mailer settle says what became of it.

Keys are those of the ring. Where there are very many, or they come with each
list, a row may name one itself: the column key has the file of a certificate,
below --keys, and the column fingerprint says which one it has to be, so that
who writes the list says whose key is whose. The certificate has to state the
address of the row. Where the ring knows the address its word holds, and a row
that names another key is an error; what else the ring knows, as who was revoked
under another address, is not asked for a key that is not in it.

What the configuration and the list look like is said by mailer config --help.`,
		Example: `  mailer send --config mailer.json --list people.csv --documents papers --run october --dry-run
  mailer send --config mailer.json --list people.csv --documents papers --run october --rate 40
  mailer send --config mailer.json --list people.csv --keys certificates --documents papers --run october`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.rateSet, f.connectionsSet = cmd.Flags().Changed("rate"), cmd.Flags().Changed("connections")
			return a.send(cmd.Context(), &f)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "mailer.json", "who sends, by which server, with which keys: a `FILE` in JSON")
	fl.StringVar(&f.list, "list", "", "who gets what: a `FILE`, .csv or .json")
	fl.StringVar(&f.documents, "documents", "", "the `DIR` that the documents of the list are in")
	fl.StringVar(&f.keys, "keys", "", "the `DIR` with the certificates that the list names, in its columns key and fingerprint")
	fl.StringVar(&f.run, "run", "", "the `DIR` with the journal; it is made where there is none")
	fl.Float64Var(&f.rate, "rate", defaultRate, "mails a second, 0 for as fast as it goes; over the configuration")
	fl.IntVar(&f.connections, "connections", defaultConnections, "how many connections there are to the server; over the configuration")
	fl.BoolVar(&f.dryRun, "dry-run", false, "say what would happen; send, upload and write nothing")
	fl.BoolVar(&f.asJSON, "json", false, "write JSON, for programs")
	return c
}
