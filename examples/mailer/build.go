package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	netmail "net/mail"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/batch"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/carrier"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/channel"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/letter"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/list"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/doublekeybox/doublekeybox/transport/bounce"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

// built is a batch with what has to be closed after it.
type built struct {
	batch.Run
	closers []func() error
}

// Close closes what was opened, the last first.
func (b *built) Close() {
	for i := range b.closers {
		_ = b.closers[len(b.closers)-1-i]() // all of it was only read
	}
}

// build opens everything that a batch needs but its journal. run is the folder
// of the run, of which nothing is made here.
func (c *config) build(ctx context.Context, f *sendFlags) (_ *built, err error) {
	b := &built{}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	from, err := netmail.ParseAddress(c.From)
	if err != nil {
		return nil, err
	}
	b.From, b.Page = *from, c.Page
	b.Rate, b.Connections, b.Workers = f.rate, f.connections, runtime.GOMAXPROCS(0)
	for _, p := range c.Pauses {
		b.Pauses = append(b.Pauses, time.Duration(p))
	}
	if c.Pauses == nil {
		b.Pauses = defaultPauses()
	}
	if err := b.openFiles(c, f); err != nil {
		return nil, err
	}
	if b.Signers, err = c.signers(); err != nil {
		return nil, err
	}
	if len(b.Signers) == 0 && !c.Unsigned {
		return nil, usagef(`nobody signs: "sign" in the configuration has the keys of %s, or "unsigned" allows mail that anybody can have written`, shown(from.Address))
	}
	b.Composer.AllowUnsigned = c.Unsigned
	if err := c.passphrases(b, f.run); err != nil {
		return nil, err
	}
	if err := c.domains(b); err != nil {
		return nil, err
	}
	if b.Carrier, err = c.carrier(ctx, b.Domains); err != nil {
		return nil, err
	}
	if c.S3 != nil {
		if b.Store, err = c.store(ctx); err != nil {
			return nil, err
		}
		b.Lifetime = time.Duration(c.S3.Lifetime)
	}
	return b, nil
}

// defaultPauses are before each further round of those that were put off: the
// usual greylist lets in after five minutes.
func defaultPauses() []time.Duration {
	return []time.Duration{20 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute}
}

// openFiles opens the list, the documents, the letters and the ring.
func (b *built) openFiles(c *config, f *sendFlags) (err error) {
	if b.List, err = list.Open(f.list); err != nil {
		return err
	}
	b.closers = append(b.closers, b.List.Close)
	if b.Documents, err = os.OpenRoot(f.documents); err != nil {
		return failed("opening", f.documents, err)
	}
	b.closers = append(b.closers, b.Documents.Close)
	if f.keys != "" {
		if b.Keys, err = os.OpenRoot(f.keys); err != nil {
			return failed("opening", f.keys, err)
		}
		b.closers = append(b.closers, b.Keys.Close)
		b.Parsers = map[string]keyring.Parser{openPGP: pgp.ParseCertificate, sMIME: smime.ParseCertificate}
	}
	if b.Letters, err = letter.Load(c.path(c.Templates)); err != nil {
		return err
	}
	if b.Composer.Ring, err = c.openRing(); err != nil {
		return err
	}
	b.closers = append(b.closers, b.Composer.Ring.Close)
	return nil
}

// partItems is how many passphrases are in one sealed part for the print shop:
// so many, at most, are told for nothing where a run is killed.
const partItems = 500

// webhookItems is how many passphrases are posted before their mails go out.
const webhookItems = 32

// passphrases sets how people get theirs.
func (c *config) passphrases(b *built, run string) error {
	b.Weak, b.ChannelBatch = c.Passphrases.Weak, 1
	b.Passphrase = passphraseOf(c.Passphrases.Kind)
	switch {
	case c.Passphrases.File != nil:
		keys, err := c.printShop(b.Composer.Ring)
		if err != nil {
			return err
		}
		dir := c.path(c.Passphrases.File.Directory)
		if dir == "" {
			dir = filepath.Join(run, "passphrases")
		}
		b.Channel, b.ChannelBatch = &channel.File{Dir: dir, To: keys}, partItems
	case c.Passphrases.Webhook != nil:
		h := c.Passphrases.Webhook
		w := &channel.Webhook{URL: h.URL}
		var err error
		if w.Authorities, err = c.authorities(h.Authorities); err != nil {
			return err
		}
		if h.TokenFile != "" {
			if w.Token, err = channel.ReadToken(c.path(h.TokenFile)); err != nil {
				return err
			}
		}
		if err := w.Check(); err != nil {
			return err
		}
		b.Channel, b.ChannelBatch = w, webhookItems
	}
	return nil
}

// passphraseOf returns what makes passphrases of a kind.
func passphraseOf(kind string) func() (*envelope.Passphrase, error) {
	if kind == "" {
		kind = "letters"
	}
	return func() (*envelope.Passphrase, error) { return envelope.NewPassphraseOf(kind) }
}

// domains takes what is known of domains, in the form in which they are compared.
func (c *config) domains(b *built) error {
	b.Domains = map[string]batch.Domain{}
	for name, d := range c.Domains {
		a, err := mailbox.Parse("@" + strings.TrimPrefix(name, "@"))
		if err != nil {
			return usagef(`"domains": %.80q is no domain`, name)
		}
		b.Domains[a.Domain()] = batch.Domain{Delivery: list.Delivery(d.Delivery), MaxSize: d.MaxSize, Rate: d.Rate, Reason: d.Reason}
	}
	return nil
}

// carrier returns what mail goes out by.
func (c *config) carrier(ctx context.Context, domains map[string]batch.Domain) (carrier.Carrier, error) {
	size := func(domain string) int64 { return domains[domain].MaxSize }
	path, err := c.returnPath()
	if err != nil {
		return nil, err
	}
	if c.SMTP == nil {
		return c.sesCarrier(ctx, size, path)
	}
	s := &smtp.Server{URL: c.SMTP.URL, User: c.SMTP.User, Hello: c.SMTP.Hello, MaxSize: size, ReturnPath: path, TLS: &tls.Config{}}
	if s.TLS.RootCAs, err = c.authorities(c.SMTP.Authorities); err != nil {
		return nil, err
	}
	if c.SMTP.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(c.path(c.SMTP.Certificate), c.path(c.SMTP.Key))
		if err != nil {
			return nil, failed("reading the certificate", c.path(c.SMTP.Certificate), err)
		}
		s.TLS.Certificates, s.External = []tls.Certificate{pair}, c.SMTP.PasswordFile == ""
	}
	if name := c.path(c.SMTP.PasswordFile); name != "" {
		if _, err := readLine("reading the password in", name); err != nil {
			return nil, err
		}
		s.Password = func(context.Context) (string, error) {
			b, err := readLine("reading the password in", name)
			return string(b), err
		}
	}
	return carrier.SMTP{Server: s}, nil
}

// returnPath returns where what cannot be delivered comes back to; nil: to the
// sender. An address of more than some 40 characters does not fit into a path of
// its own: its bounces come to the same mailbox, and cannot be told from forged
// ones, but its mail is sent.
func (c *config) returnPath() (func(messageID, recipient string) (string, error), error) {
	p, err := c.bouncePaths()
	if p == nil || err != nil {
		return nil, err
	}
	return func(messageID, recipient string) (string, error) {
		path, err := p.Address(messageID, recipient)
		if errors.Is(err, bounce.ErrTooLong) {
			return p.Local + "@" + p.Domain, nil
		}
		return path, err
	}, nil
}

// essence is the SHA-256 of what in the configuration must be the same where a
// run goes on: who sends, and what people get. By which server, and how fast, may
// change.
func (c *config) essence(l *letter.Letters) string {
	bucket := ""
	if c.S3 != nil {
		bucket = c.S3.Bucket
	}
	var letters []byte // ours may be better in the next version
	if c.Templates != "" {
		sum := l.SHA256()
		letters = sum[:]
	}
	b, err := json.Marshal([]any{c.From, c.Domains, c.Unsigned, c.Passphrases.Kind, c.Passphrases.Weak, c.Passphrases.File, c.Passphrases.Webhook != nil, c.Templates, c.Page, bucket, hex.EncodeToString(letters)})
	if err != nil {
		return err.Error() // of strings, numbers and maps there is none
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
