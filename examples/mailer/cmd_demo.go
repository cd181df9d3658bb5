package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/sample"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/sink"
)

// demoPeople is how many customers the demonstration has: enough for each of
// the four deliveries in both languages several times.
const demoPeople = 50

// manyPeople is from where on the people of a demonstration have documents in
// common, and keys in files that the list names: to put so many into a ring would
// take longer than to write to them.
const (
	manyPeople    = 1000
	manyDocuments = 50
)

func (a *app) demoCommand() *cobra.Command {
	d := &demo{app: a}
	c := &cobra.Command{
		Use:   "demo [--serve] [DIR]",
		Short: "Show the whole of it with people who do not exist",
		Long: `Make up an insurer with 50 customers, start a mail server and an object store in
this process, send everybody their statement in one of four ways, and open all
of them as those who got them. Nothing leaves this machine.

In DIR, which is made, everything is kept to be looked at: the keys of the insurer
and the print shop, list, configuration, mails, journal, report.html; the
customers' keys are not. Without it all of it is removed.

With --serve it makes everything and starts the servers, and leaves the sending
to you, in another terminal. With more than 1,000 people their certificates are
files that the list names, and there are 50 different documents.`,
		Example: `  mailer demo
  mailer demo look && xdg-open look/run/report.html
  mailer demo --serve --people 10000 --size 100000 --discard look`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("%q is one argument too many: mailer demo takes one folder, which it makes", cut(args[1]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if d.people < 1 || d.size < 0 {
				return usagef("--people is at least 1, and --size not negative")
			}
			if len(args) > 0 {
				d.dir = args[0]
				if err := os.Mkdir(d.dir, 0o700); err != nil {
					return failed("making", d.dir, err)
				}
				return d.run(cmd.Context())
			}
			if d.dir, err = os.MkdirTemp("", "mailer-demo-"); err != nil {
				return err
			}
			return errors.Join(d.run(cmd.Context()), os.RemoveAll(d.dir))
		},
	}
	c.Flags().IntVar(&d.people, "people", demoPeople, "how many `customers` there are")
	c.Flags().IntVar(&d.size, "size", 0, "how many `octets` a statement has; 0: a PDF of a page")
	c.Flags().BoolVar(&d.serve, "serve", false, "make everything, start the servers, and wait for Ctrl-C")
	c.Flags().BoolVar(&d.gateways, "gateways", false, "with more than 1,000: those of a domain have one key in common, in the ring")
	c.Flags().BoolVar(&d.discard, "discard", false, "with --serve: count mails, and keep none")
	c.Flags().StringSliceVar(&d.deliveries, "deliveries", nil, "which `WAYS` of openpgp, smime, zip and link are used (default: all)")
	return c
}

// demo is one run of the demonstration.
type demo struct {
	app            *app
	dir            string
	people, size   int
	deliveries     []string
	serve, discard bool
	gateways       bool
	world          *sample.World
	mails          *sink.MailServer
	objects        *sink.ObjectServer
	serial         atomic.Int64
}

func (d *demo) print(format string, args ...any) { fmt.Fprintf(d.app.stdout, format, args...) }

func (d *demo) run(ctx context.Context) (err error) {
	d.print("An insurer sends %d customers their statement. Nothing leaves this machine.\n\n", d.people)
	d.print("1  Keys, a list, a folder of statements\n")
	o := sample.Options{People: d.people, Deliveries: d.deliveries}
	if d.people > manyPeople {
		o.Documents, o.Gateways, o.KeyFiles = manyDocuments, d.gateways, !d.gateways
	}
	if d.size > 0 {
		o.Document = sample.Fixed(d.size)
	}
	if d.world, err = sample.Make(d.dir, o); err != nil {
		return err
	}
	d.print("   %d customers, who read OpenPGP, S/MIME, open a box with a passphrase (zip), or follow a link\n", d.people)
	switch err := d.start(); {
	case err != nil:
		return errors.Join(err, d.stop())
	case d.serve:
		return errors.Join(d.wait(ctx), d.stop())
	}
	return errors.Join(d.mail(ctx), d.stop())
}

// wait tells what to type, until the person has seen enough.
func (d *demo) wait(ctx context.Context) error {
	d.print("\nThe servers run until Ctrl-C. In another terminal, with mailer built by go build -o mailer ./examples/mailer:\n\n")
	d.print("  ./mailer %s\n\n", strings.Join(d.send(), " "))
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	<-ctx.Done()
	d.print("\n%d mails came, with %d octets\n", d.mails.Mails(), d.mails.Octets())
	return nil
}

// send is what is typed to send.
func (d *demo) send() []string {
	args := []string{
		"send", "--config", d.in("mailer.json"), "--list", d.world.List, "--documents", d.world.Documents, "--run", d.in("run"),
	}
	if d.world.Certificates != "" {
		args = append(args, "--keys", d.world.Certificates)
	}
	return args
}

// mail sends, and opens what came.
func (d *demo) mail(ctx context.Context) error {
	send := d.send()
	d.print("\n2  What would happen: mailer send --dry-run\n")
	if err := d.app.child(ctx, append(send, "--dry-run")...); err != nil {
		return err
	}
	d.print("\n3  mailer send\n")
	if err := d.app.child(ctx, send...); err != nil {
		return err
	}
	d.print("\n4  The same once more: nobody gets a second mail\n")
	before := d.mails.Mails()
	if err := d.app.child(ctx, send...); err != nil {
		return err
	}
	if n := d.mails.Mails() - before; n != 0 {
		return fmt.Errorf("internal error: %d mails were sent twice", n)
	}
	d.print("\n5  Everybody opens what they got\n")
	if err := d.openAll(); err != nil {
		return err
	}
	d.print("\n6  What went where can be proved: mailer verify --config\n")
	return d.app.child(ctx, "verify", d.in("run"), "--config", d.in("mailer.json"))
}

// child runs another command of this program.
func (a *app) child(ctx context.Context, args ...string) error {
	c := a.root()
	c.SetArgs(args)
	c.SetOut(a.stdout)
	c.SetErr(a.stderr)
	return c.ExecuteContext(ctx)
}

func (d *demo) in(name string) string { return filepath.Join(d.dir, name) }

// start starts the servers, and writes the configuration for them.
func (d *demo) start() (err error) {
	if err := os.Mkdir(d.in("mails"), 0o700); err != nil {
		return err
	}
	deliver := d.deliver
	if d.discard {
		deliver = nil
	}
	if d.mails, err = (sink.Mail{Deliver: deliver, User: "mailer", Password: "not a secret"}).Listen(); err != nil {
		return err
	}
	store := sink.Store{AccessKey: "mailer", Secret: "not a secret either", Bucket: "statements"}
	if d.objects, err = store.Listen(); err != nil {
		return err
	}
	var sign []map[string]string
	for _, k := range d.world.Keys {
		sign = append(sign, map[string]string{"key": filepath.Base(k)})
	}
	var config bytes.Buffer
	encoder := json.NewEncoder(&config)
	encoder.SetEscapeHTML(false) // people read it
	encoder.SetIndent("", "  ")
	err = encoder.Encode(map[string]any{
		"from":        "Example Insurance <" + d.world.From + ">",
		"sign":        sign,
		"ring":        "ring",
		"smtp":        map[string]any{"url": d.mails.URL, "user": "mailer", "password_file": "password", "authorities": "mails.pem"},
		"s3":          map[string]any{"endpoint": d.objects.URL, "region": "us-east-1", "bucket": store.Bucket, "lifetime": "7d", "credentials_file": "credentials", "authorities": "objects.pem"},
		"passphrases": map[string]any{"file": map[string]string{"to": d.world.PrintShop}},
		"rate":        0,
	})
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"mailer.json": config.Bytes(),
		"password":    []byte("not a secret\n"),
		"credentials": fmt.Appendf(nil, "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", store.AccessKey, store.Secret),
		"mails.pem":   d.mails.Authority,
		"objects.pem": d.objects.Authority,
	} {
		if err := os.WriteFile(d.in(name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// deliver is what the mail server does with a mail.
func (d *demo) deliver(_ string, to []string, mail io.Reader) error {
	name := fmt.Sprintf("%s.%d.eml", to[0], d.serial.Add(1))
	f, err := os.OpenFile(filepath.Join(d.in("mails"), filepath.Base(name)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, mail)
	return errors.Join(err, f.Close())
}

func (d *demo) stop() (err error) {
	if d.mails != nil {
		err = d.mails.Close()
	}
	if d.objects != nil {
		err = errors.Join(err, d.objects.Close())
	}
	return err
}
