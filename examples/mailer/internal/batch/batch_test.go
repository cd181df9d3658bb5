package batch_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	netmail "net/mail"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/batch"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/carrier"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/channel"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/letter"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/list"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/sample"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/sink"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

// office is a sample world with a server, and what is known of both afterwards.
type office struct {
	t     *testing.T
	world *sample.World
	run   *batch.Run
	dir   string

	mu    sync.Mutex
	mails map[string][][]byte // what the server took, by recipient
	told  []channel.Item      // which passphrases were told, in their order
	log   []string            // "told ADDRESS", "mail ADDRESS"
	deaf  error               // what telling returns
	lost  string              // whose passphrase, alone, is not told
}

// newOffice makes people with these deliveries, and a server that fails as fail
// says.
func newOffice(t *testing.T, people int, deliveries []string, fail func(stage sink.Stage, from, to string) sink.Failure) *office {
	t.Helper()
	return newOfficeOf(t, sample.Options{People: people, Deliveries: deliveries, Document: sample.Fixed(3000)}, fail)
}

func newOfficeOf(t *testing.T, options sample.Options, fail func(stage sink.Stage, from, to string) sink.Failure) *office {
	t.Helper()
	o := &office{t: t, dir: t.TempDir(), mails: map[string][][]byte{}}
	var err error
	o.world, err = sample.Make(o.dir, options)
	require.NoError(t, err)
	server, err := sink.Mail{Deliver: o.deliver, Fail: fail}.Listen()
	require.NoError(t, err)
	t.Cleanup(func() { server.Close() })
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(server.Authority))
	o.run = &batch.Run{
		From: netmail.Address{Name: "Example Insurance", Address: o.world.From}, Signers: o.signers(),
		Carrier: carrier.SMTP{Server: &smtp.Server{URL: server.URL, TLS: &tls.Config{RootCAs: roots}}},
		Channel: o, ChannelBatch: 3, Passphrase: func() (*envelope.Passphrase, error) { return envelope.NewPassphrase(), nil },
		Connections: 2, Workers: 2, Domains: map[string]batch.Domain{},
	}
	o.open()
	return o
}

func (o *office) signers() map[string][]envelope.Signer {
	out := map[string][]envelope.Signer{}
	for _, name := range o.world.Keys {
		b, err := os.ReadFile(name)
		require.NoError(o.t, err)
		if k, err := pgp.ParseKey(bytes.NewReader(b), nil); err == nil {
			out["OpenPGP"] = []envelope.Signer{k.Signer()}
			continue
		}
		ks, err := smime.ParseKeys(bytes.NewReader(b), nil)
		require.NoError(o.t, err)
		out["S/MIME"] = []envelope.Signer{ks[0].Signer()}
	}
	return out
}

// open opens what a batch reads.
func (o *office) open() {
	var err error
	o.run.List, err = list.Open(o.world.List)
	require.NoError(o.t, err)
	o.t.Cleanup(func() { o.run.List.Close() })
	o.run.Documents, err = os.OpenRoot(o.world.Documents)
	require.NoError(o.t, err)
	o.t.Cleanup(func() { o.run.Documents.Close() })
	o.run.Letters, err = letter.Load("")
	require.NoError(o.t, err)
	o.run.Composer.Ring, err = keyring.OpenRing(o.world.Ring, pgp.ParseCertificate, smime.ParseCertificate)
	require.NoError(o.t, err)
	o.t.Cleanup(func() { o.run.Composer.Ring.Close() })
}

func (o *office) deliver(_ string, to []string, r io.Reader) error {
	b, err := io.ReadAll(r)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mails[to[0]] = append(o.mails[to[0]], b)
	o.log = append(o.log, "mail "+to[0])
	return err
}

// Deliver is channel.Channel.
func (o *office) Deliver(_ context.Context, items []channel.Item) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.deaf != nil {
		return o.deaf
	}
	lost := map[string]error{}
	for _, it := range items {
		if it.Address == o.lost {
			lost[it.Number] = errors.New("the server does not know them")
			continue
		}
		o.told = append(o.told, it)
		o.log = append(o.log, "told "+it.Address)
	}
	if len(lost) > 0 {
		return &channel.UndeliveredError{Numbers: lost}
	}
	return nil
}

func (o *office) journalPath() string { return filepath.Join(o.dir, "journal.jsonl") }

// send sends with the journal of the office, as a program does that is started.
func (o *office) send(ctx context.Context) (*batch.Result, error) {
	o.t.Helper()
	sum := o.run.List.SHA256()
	j, err := journal.Open(o.journalPath(), journal.Head{List: hex.EncodeToString(sum[:]), Rows: len(o.world.People)})
	require.NoError(o.t, err)
	defer j.Close()
	o.run.Journal = j
	defer func() { o.run.Journal = nil }()
	return o.run.Send(ctx)
}

// once requires that each person was sent exactly one mail that opens.
func (o *office) once() {
	o.t.Helper()
	for _, p := range o.world.People {
		require.Len(o.t, o.mails[p.Address], 1, p.Address)
	}
	require.Len(o.t, o.mails, len(o.world.People))
}

// read opens the mail for a person.
func (o *office) read(p sample.Person) *mail.Message {
	o.t.Helper()
	require.NotEmpty(o.t, o.mails[p.Address], p.Address)
	opener := &mail.Opener{Identities: p.Identities, Senders: o.world.Senders, Addresses: []string{p.Address}, Formats: []envelope.Format{pgp.Format(), smime.Format()}}
	m, err := opener.Open(bytes.NewReader(o.mails[p.Address][0]))
	require.NoError(o.t, err)
	o.t.Cleanup(func() { m.Close() })
	return m
}

func TestSend(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 9, []string{"openpgp", "smime", "zip"}, nil)
	p, err := o.run.Preflight(context.Background())
	require.NoError(t, err)
	require.Equal(t, 9, p.Rows)
	require.Equal(t, 3, p.Totals[list.ZIP].Mails)
	require.Len(t, p.First, 9)
	require.Empty(t, o.log, "a preflight tells and sends nothing")
	result, err := o.send(context.Background())
	require.NoError(t, err)
	require.Equal(t, &batch.Result{Rows: 9, Sent: 9, Doubt: []journal.Record{}}, result)
	o.once()
	for _, person := range o.world.People {
		s := o.read(person).Summary()
		require.Equal(t, person.Delivery != "zip", s.Encrypted, person.Address)
		require.True(t, s.Verified, "%s: %v", person.Address, s.Findings)
		require.Equal(t, o.world.From, s.From)
	}
	// A second time nobody is sent anything.
	result, err = o.send(context.Background())
	require.NoError(t, err)
	require.Equal(t, 9, result.Sent)
	o.once()
}

// The passphrase of an archive was told before the mail came, its number is in
// the mail, and it opens what is in it.
func TestPassphrases(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 7, []string{"zip"}, nil)
	_, err := o.send(context.Background())
	require.NoError(t, err)
	o.once()
	seen := map[string]bool{}
	for _, line := range o.log {
		if to, ok := bytes.CutPrefix([]byte(line), []byte("mail ")); ok {
			require.True(t, seen["told "+string(to)], "%s got a mail before the passphrase was told", to)
		}
		seen[line] = true
	}
	require.Len(t, o.told, 7)
	for _, it := range o.told {
		raw := o.mails[it.Address][0]
		require.Contains(t, string(raw), it.Number)
		require.NotContains(t, string(raw), it.Passphrase.Reveal())
	}
}

// Where a passphrase cannot be told nothing is sent, until it can.
func TestPassphraseNotTold(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 4, []string{"zip", "openpgp"}, nil)
	o.deaf = errors.New("the print shop is closed")
	result, err := o.send(context.Background())
	require.NoError(t, err)
	require.Equal(t, 2, result.Sent)
	require.Equal(t, 2, result.Deferred)
	require.Len(t, o.mails, 2)
	o.deaf = nil
	result, err = o.send(context.Background())
	require.NoError(t, err)
	require.Equal(t, 4, result.Sent)
	o.once()
}

// Where one passphrase of several is not told, that mail alone waits.
func TestOnePassphraseNotTold(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 3, []string{"zip"}, nil)
	o.lost = o.world.People[1].Address
	result, err := o.send(context.Background())
	require.NoError(t, err)
	require.Equal(t, 2, result.Sent)
	require.Equal(t, 1, result.Deferred)
	require.Empty(t, o.mails[o.lost])
	o.lost = ""
	result, err = o.send(context.Background())
	require.NoError(t, err)
	require.Equal(t, 3, result.Sent)
	require.Len(t, o.told, 3, "nobody is told two")
	o.once()
}

// Whatever goes wrong at whatever stage, for the first mail to each person,
// everybody gets one, or is listed.
func TestFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		stage   sink.Stage
		failure sink.Failure
		sent    bool // in the end
		doubt   bool
	}{
		{"sender for now", sink.AtSender, sink.Failure{Code: 451}, true, false},
		{"sender for good", sink.AtSender, sink.Failure{Code: 550}, false, false},
		{"sender, and goodbye", sink.AtSender, sink.Failure{Code: 421, Drop: true}, true, false},
		{"recipient for now", sink.AtRecipient, sink.Failure{Code: 450}, true, false},
		{"recipient for good", sink.AtRecipient, sink.Failure{Code: 550}, false, false},
		{"cut before the mail", sink.AtRecipient, sink.Failure{Drop: true}, true, false},
		// Small mails are under way as a whole before the break is noticed.
		{"cut within the mail", sink.InData, sink.Failure{Drop: true}, false, true},
		{"mail for now", sink.AtEnd, sink.Failure{Code: 452}, true, false},
		{"mail for good", sink.AtEnd, sink.Failure{Code: 554}, false, false},
		{"cut before it was taken", sink.AtEnd, sink.Failure{Drop: true}, false, true},
		{"cut after it was taken", sink.AfterEnd, sink.Failure{Drop: true}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			met := map[string]bool{}
			o := newOffice(t, 6, []string{"openpgp", "zip"}, nil)
			failing := func(stage sink.Stage, _, to string) sink.Failure {
				mu.Lock()
				defer mu.Unlock()
				if stage != c.stage || met[to] {
					return sink.Failure{}
				}
				met[to] = true
				return c.failure
			}
			o.serve(failing)
			o.run.Pauses = []time.Duration{time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond}
			result, err := o.send(context.Background())
			require.NoError(t, err)
			again, err := o.send(context.Background())
			require.NoError(t, err)
			require.Equal(t, result, again, "what has its end stays")
			switch {
			case c.sent:
				require.Equal(t, &batch.Result{Rows: 6, Sent: 6, Doubt: []journal.Record{}}, result)
				o.once()
			case c.doubt:
				require.Len(t, result.Doubt, len(met))
				require.Equal(t, 6-len(met), result.Sent)
				for _, r := range result.Doubt {
					require.NotEmpty(t, r.MessageID)
				}
				for to, mails := range o.mails {
					require.Len(t, mails, 1, to)
				}
			default:
				require.Equal(t, len(met), result.Failed)
				require.Equal(t, 6-len(met), result.Sent)
				require.Len(t, o.mails, 6-len(met))
			}
		})
	}
}

// serve takes another server in place of the first.
func (o *office) serve(fail func(stage sink.Stage, from, to string) sink.Failure) {
	o.t.Helper()
	server, err := sink.Mail{Deliver: o.deliver, Fail: fail}.Listen()
	require.NoError(o.t, err)
	o.t.Cleanup(func() { server.Close() })
	roots := x509.NewCertPool()
	require.True(o.t, roots.AppendCertsFromPEM(server.Authority))
	o.run.Carrier = carrier.SMTP{Server: &smtp.Server{URL: server.URL, TLS: &tls.Config{RootCAs: roots}}}
}

// relist takes another list in place of the first.
func (o *office) relist(text string) {
	o.t.Helper()
	require.NoError(o.t, o.run.List.Close())
	require.NoError(o.t, os.WriteFile(o.world.List, []byte(text), 0o600))
	var err error
	o.run.List, err = list.Open(o.world.List)
	require.NoError(o.t, err)
}

// records returns what is in the journal.
func (o *office) records() (all []journal.Record) {
	o.t.Helper()
	f, err := os.Open(o.journalPath())
	require.NoError(o.t, err)
	defer f.Close()
	for r, err := range journal.Read(f) {
		require.NoError(o.t, err)
		all = append(all, r)
	}
	return all
}

func hexString(b []byte) string { return hex.EncodeToString(b) }

// nobody is a carrier to nobody.
type nobody struct{ err error }

func (n nobody) Connect(context.Context) (carrier.Connection, error) { return nil, n.err }
