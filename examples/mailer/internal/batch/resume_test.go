package batch_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/batch"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/list"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/sink"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

// A run that is stopped in between goes on, and everybody has one mail.
func TestStopped(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 12, []string{"openpgp", "zip"}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	var came atomic.Int32
	o.serve(func(stage sink.Stage, _, _ string) sink.Failure {
		if stage == sink.AtSender && came.Add(1) == 4 {
			cancel()
		}
		return sink.Failure{}
	})
	result, err := o.send(ctx)
	require.ErrorIs(t, err, batch.ErrInterrupted)
	require.GreaterOrEqual(t, result.Sent, 4, "what is on the wire comes to its end")
	require.Less(t, result.Sent, 12)
	require.Empty(t, result.Doubt)
	require.Zero(t, result.Deferred+result.Failed)
	result, err = o.send(context.Background())
	require.NoError(t, err)
	require.Equal(t, 12, result.Sent)
	o.once()
}

// A second program does not get the journal, and what is in doubt from a killed
// one stays so.
func TestKilledBefore(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 3, []string{"openpgp"}, nil)
	sum := o.run.List.SHA256()
	head := journal.Head{List: hexString(sum[:]), Rows: 3}
	j, err := journal.Open(o.journalPath(), head)
	require.NoError(t, err)
	_, err = journal.Open(o.journalPath(), head)
	require.ErrorIs(t, err, journal.ErrLocked)
	require.NoError(t, j.Append(journal.Record{Kind: journal.Started}, journal.Record{Kind: journal.Begun, Row: 2, Address: "customer2@mail2.example"}))
	require.NoError(t, j.Close())
	result, err := o.send(context.Background())
	require.NoError(t, err)
	require.Equal(t, 2, result.Sent)
	require.Len(t, result.Doubt, 1)
	require.Equal(t, 2, result.Doubt[0].Row)
	require.Empty(t, o.mails["customer2@mail2.example"])
	// A person says that it did not arrive.
	j, err = journal.Open(o.journalPath(), head)
	require.NoError(t, err)
	require.NoError(t, j.Append(journal.Record{Kind: journal.Settled, Row: 2, As: journal.Waiting}))
	require.NoError(t, j.Close())
	result, err = o.send(context.Background())
	require.NoError(t, err)
	require.Equal(t, 3, result.Sent)
	o.once()
}

// The same Message-ID at every try tells a duplicate; two rows have two.
func TestMessageID(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 2, []string{"openpgp"}, nil)
	var n atomic.Int32
	o.serve(func(stage sink.Stage, _, _ string) sink.Failure {
		if stage == sink.AtEnd && n.Add(1) <= 2 {
			return sink.Failure{Code: 451}
		}
		return sink.Failure{}
	})
	o.run.Pauses = []time.Duration{time.Millisecond}
	_, err := o.send(context.Background())
	require.NoError(t, err)
	o.once()
	ids := map[int]map[string]bool{1: {}, 2: {}}
	begun := 0
	for _, r := range o.records() {
		if r.Kind == journal.Begun {
			begun++
			ids[r.Row][r.MessageID] = true
			require.True(t, strings.HasSuffix(r.MessageID, "@insurer.example"))
		}
	}
	require.Equal(t, 4, begun)
	require.Len(t, ids[1], 1)
	require.Len(t, ids[2], 1)
	require.NotEqual(t, ids[1], ids[2])
}

// The outcome of a mail and the begin of the next are on the disk before the
// next is on the wire: at most one for each connection is open in any prefix.
func TestAtMostOneForEachConnection(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 20, []string{"openpgp"}, nil)
	o.run.Connections = 3
	_, err := o.send(context.Background())
	require.NoError(t, err)
	open := map[int]bool{}
	for _, r := range o.records() {
		switch r.Kind {
		case journal.Begun:
			open[r.Row] = true
		case journal.Sent:
			require.True(t, open[r.Row])
			delete(open, r.Row)
		}
		require.LessOrEqual(t, len(open), 3)
	}
	require.Empty(t, open)
}

// Where no mail can go out the run ends at once, and does not go through the
// list to find that out for each.
func TestServerGone(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 20, []string{"openpgp"}, nil)
	o.run.Carrier = nobody{smtp.ErrLogin}
	result, err := o.send(context.Background())
	require.ErrorIs(t, err, smtp.ErrLogin)
	require.Equal(t, 20, result.Waiting, "nothing was begun")
	require.Empty(t, result.Doubt)
	require.Empty(t, o.mails)
}

func TestPreflightProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(o *office)
		row    int
		says   string
	}{
		{"nothing is wrong", func(*office) {}, 0, ""},
		{"a document that is not there", func(o *office) {
			require.NoError(o.t, os.Remove(filepath.Join(o.world.Documents, "statement-000002.pdf")))
		}, 2, "statement-000002.pdf"},
		{"a document that is a folder", func(o *office) {
			name := filepath.Join(o.world.Documents, "statement-000002.pdf")
			require.NoError(o.t, os.Remove(name))
			require.NoError(o.t, os.Mkdir(name, 0o700))
		}, 2, "it is no file"},
		{"no store", func(o *office) {
			o.run.Domains["mail1.example"] = batch.Domain{Delivery: list.Link}
		}, 1, `"s3" in the configuration`},
		{"no second channel", func(o *office) { o.run.Channel = nil }, 3, `"passphrases" in the configuration`},
		{"nobody who signs", func(o *office) { o.run.Signers = nil }, 3, "nobody signs"},
		{"a key for another delivery", func(o *office) {
			o.run.Domains["mail1.example"] = batch.Domain{Delivery: list.SMIME}
		}, 1, "its keys are OpenPGP, and it has none in S/MIME"},
		{"a domain that takes less", func(o *office) {
			o.run.Domains["mail2.example"] = batch.Domain{MaxSize: 20_000}
		}, 2, "takes 20.0 kB: deliver it by link"},
		{"a domain that takes enough", func(o *office) {
			o.run.Domains["mail2.example"] = batch.Domain{MaxSize: 30_000}
		}, 0, ""},
		{"another delivery that can be", func(o *office) {
			o.run.Domains["mail1.example"] = batch.Domain{Delivery: list.ZIP, Reason: "loses keys"}
		}, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, 4, []string{"openpgp", "smime", "zip"}, nil)
			c.change(o)
			p, err := o.run.Preflight(context.Background())
			require.Empty(t, o.log)
			if c.says == "" {
				require.NoError(t, err)
				require.Empty(t, p.Problems)
				return
			}
			var problems *batch.PreflightError
			require.ErrorAs(t, err, &problems)
			require.Same(t, p, problems.Preflight)
			require.Equal(t, c.row, p.Problems[0].Row)
			require.Contains(t, p.Problems[0].What, c.says)
			require.NotContains(t, p.Problems[0].What, "\n")
		})
	}
}

// What a domain's setting makes of a row is in the mail and in the journal.
func TestDomainDelivery(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 4, []string{"openpgp"}, nil)
	o.run.Domains["mail1.example"] = batch.Domain{Delivery: list.ZIP, Reason: "their program shows nothing else"}
	p, err := o.run.Preflight(context.Background())
	require.NoError(t, err)
	require.Equal(t, 1, p.Instead)
	require.Contains(t, p.First[0].Note, "zip in place of openpgp: their program")
	_, err = o.send(context.Background())
	require.NoError(t, err)
	o.once()
	for _, r := range o.records() {
		if r.Kind == journal.Begun {
			require.Equal(t, r.Row == 1, r.Delivery == "zip")
			require.Equal(t, r.Row == 1, r.Asked == "openpgp")
			require.Equal(t, r.Row == 1, r.Number != "")
		}
	}
	require.Len(t, o.told, 1)
}

// A domain has its own rate, beside that of the run.
func TestDomainRate(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 10, []string{"openpgp"}, nil)
	o.run.Domains["mail1.example"] = batch.Domain{Rate: 5}
	begin := time.Now()
	_, err := o.send(context.Background())
	require.NoError(t, err)
	o.once()
	for _, r := range o.records() {
		if r.Kind == journal.Begun && r.Row == 6 {
			require.GreaterOrEqual(t, r.At.Sub(begin), 190*time.Millisecond, "the second one of the domain comes a fifth of a second after the first")
		}
	}
}

// What somebody knows already opens the box; where it can be guessed it does
// only by a word of whoever sends.
func TestKnown(t *testing.T) {
	t.Parallel()
	const strong, weak = "kestrel-ottoman-bicycle-quarry-lantern-walnut-prism", "1970-01-31"
	for _, c := range []struct {
		knows  string
		weak   bool
		refuse bool
	}{{strong, false, false}, {weak, false, true}, {weak, true, false}} {
		o := newOffice(t, 1, []string{"zip"}, nil)
		o.relist("name,address,documents,delivery,language,knows\nAda,customer1@mail1.example,statement-000001.pdf,zip,en," + c.knows + "\n")
		o.run.Weak = c.weak
		p, err := o.run.Preflight(context.Background())
		if c.refuse {
			require.Error(t, err)
			require.Contains(t, p.Problems[0].What, "can be guessed")
			require.NotContains(t, p.Problems[0].What, c.knows)
			continue
		}
		require.NoError(t, err)
		_, err = o.send(context.Background())
		require.NoError(t, err)
		o.once()
		require.Empty(t, o.told, "they know it")
		for _, r := range o.records() {
			if r.Kind == journal.Begun {
				require.Equal(t, c.weak, r.Weak != "")
				require.NotContains(t, r.Weak, c.knows)
				require.Empty(t, r.Number)
			}
		}
	}
}
