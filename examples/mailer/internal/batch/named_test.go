package batch_test

import (
	"context"
	"crypto/sha1"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/batch"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/list"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/sample"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// newNamed is an office whose list names everybody's key.
func newNamed(t *testing.T, people int, deliveries ...string) *office {
	t.Helper()
	o := newOfficeOf(t, sample.Options{People: people, Deliveries: deliveries, Document: sample.Fixed(3000), KeyFiles: true}, nil)
	keys, err := os.OpenRoot(o.world.Certificates)
	require.NoError(t, err)
	t.Cleanup(func() { keys.Close() })
	o.run.Keys, o.run.Parsers = keys, map[string]keyring.Parser{"OpenPGP": pgp.ParseCertificate, "S/MIME": smime.ParseCertificate}
	return o
}

// edit changes a cell of row n of the list.
func (o *office) edit(n int, column, value string) {
	o.t.Helper()
	f, err := os.Open(o.world.List)
	require.NoError(o.t, err)
	rows, err := csv.NewReader(f).ReadAll()
	f.Close()
	require.NoError(o.t, err)
	for i, name := range rows[0] {
		if name == column {
			rows[n][i] = value
		}
	}
	f, err = os.Create(o.world.List)
	require.NoError(o.t, err)
	require.NoError(o.t, csv.NewWriter(f).WriteAll(rows))
	require.NoError(o.t, f.Close())
	o.run.List, err = list.Open(o.world.List)
	require.NoError(o.t, err)
	o.t.Cleanup(func() { o.run.List.Close() })
}

// problem returns what is wrong with the one row of the list; "" for nothing.
func (o *office) problem() string {
	o.t.Helper()
	p, err := o.run.Preflight(context.Background())
	if err == nil {
		return ""
	}
	require.ErrorAs(o.t, err, new(*batch.PreflightError))
	require.Len(o.t, p.Problems, 1)
	require.Equal(o.t, 1, p.Problems[0].Row)
	return p.Problems[0].What
}

func (o *office) certificate(n int) string {
	return filepath.Join(o.world.Certificates, o.world.People[n-1].Key)
}

func (o *office) write(name string, b []byte) {
	o.t.Helper()
	require.NoError(o.t, os.WriteFile(name, b, 0o600))
}

// put puts a certificate for an address into the ring.
func (o *office) put(cert *keyring.Certificate, a keyring.Addition) {
	o.t.Helper()
	v, err := keyring.Verify(cert, keyring.Expect(cert.Fingerprint()))
	require.NoError(o.t, err)
	_, err = o.run.Composer.Ring.Add(v, a)
	require.NoError(o.t, err)
}

// TestNamed: everybody gets a mail to the key that the list names.
func TestNamed(t *testing.T) {
	t.Parallel()
	o := newNamed(t, 8, "openpgp", "smime", "zip", "openpgp")
	result, err := o.send(context.Background())
	require.NoError(t, err)
	require.Equal(t, 8, result.Sent)
	o.once()
	for _, p := range o.world.People {
		require.Equal(t, p.Delivery != "zip", o.read(p).Summary().Encrypted, p.Address)
	}
}

// TestNamedRefused: what keeps a key that the list names from being sealed to.
// Each is a list that is sent with one thing changed.
func TestNamedRefused(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("0", 40)
	for name, c := range map[string]struct {
		delivery string
		change   func(o *office)
		want     string // "": it is sent
	}{
		"as it is":          {"openpgp", func(*office) {}, ""},
		"as it is, S/MIME":  {"smime", func(*office) {}, ""},
		"other fingerprint": {"openpgp", func(o *office) { o.edit(1, "fingerprint", other) }, "fingerprint"},
		"other fingerprint, S/MIME": {"smime", func(o *office) {
			o.edit(1, "fingerprint", strings.Repeat("0", 64))
		}, "fingerprint"},
		"key ID": {"openpgp", func(o *office) { o.edit(1, "fingerprint", other[:16]) }, "key ID"},
		"cut":    {"openpgp", func(o *office) { o.edit(1, "fingerprint", o.world.People[0].Fingerprint[:39]) }, "fingerprint"},
		"thumbprint": {"smime", func(o *office) {
			o.edit(1, "fingerprint", fmt.Sprintf("sha1:%x", sha1.Sum(o.read1())))
		}, "SHA-1"},
		"fingerprint of a neighbour": {"openpgp", func(o *office) {
			o.edit(1, "fingerprint", o.world.Senders[0].Fingerprint().String())
		}, "fingerprint"},
		"no file":              {"openpgp", func(o *office) { require.NoError(o.t, os.Remove(o.certificate(1))) }, "no such file"},
		"a folder":             {"openpgp", func(o *office) { o.edit(1, "key", "sub"); o.mkdir("sub") }, "no file"},
		"empty":                {"openpgp", func(o *office) { o.write(o.certificate(1), nil) }, "not OpenPGP"},
		"too long":             {"openpgp", func(o *office) { o.write(o.certificate(1), make([]byte, 1<<20+1)) }, "more than 1048576"},
		"in the other format":  {"smime", func(o *office) { o.edit(1, "delivery", "openpgp") }, "not OpenPGP"},
		"in the other, S/MIME": {"openpgp", func(o *office) { o.edit(1, "delivery", "smime") }, "not S/MIME"},
		"no folder":            {"openpgp", func(o *office) { o.run.Keys = nil }, "--keys DIR"},
		"link out of the folder": {"openpgp", func(o *office) {
			require.NoError(o.t, os.Rename(o.certificate(1), filepath.Join(o.dir, "outside")))
			require.NoError(o.t, os.Symlink("../outside", o.certificate(1)))
		}, "escapes"},
		"link within the folder": {"openpgp", func(o *office) {
			require.NoError(o.t, os.Rename(o.certificate(1), filepath.Join(o.world.Certificates, "inside")))
			require.NoError(o.t, os.Symlink("inside", o.certificate(1)))
		}, ""},
		"another's address": {"openpgp", func(o *office) { o.edit(1, "address", "mallory@example.org") }, "not for this address"},
		"another's, S/MIME": {"smime", func(o *office) { o.edit(1, "address", "mallory@example.org") }, "not for this address"},
		"the same address, written otherwise": {"openpgp", func(o *office) {
			o.edit(1, "address", strings.Replace(o.world.People[0].Address, "mail", "MAIL", 1))
		}, ""},
		"expired": {"openpgp", func(o *office) {
			k, err := pgp.GenerateKey(pgp.KeyOptions{Address: o.world.People[0].Address, Lifetime: time.Second})
			require.NoError(o.t, err)
			o.exchange(k.Certificate())
			time.Sleep(1100 * time.Millisecond) // the shortest that a key may live
		}, "expired"},
		"made again": {"openpgp", func(o *office) {
			k, err := pgp.GenerateKey(pgp.KeyOptions{Address: o.world.People[0].Address})
			require.NoError(o.t, err)
			o.exchange(k.Certificate())
		}, ""},
		"for signatures alone": {"openpgp", func(o *office) {
			k, err := pgp.GenerateKey(pgp.KeyOptions{Address: o.world.People[0].Address, SigningOnly: true})
			require.NoError(o.t, err)
			o.exchange(k.Certificate())
		}, "encrypt"},
		"the ring has the same": {"openpgp", func(o *office) { o.put(o.parse(), keyring.Addition{}) }, ""},
		"the ring has another": {"openpgp", func(o *office) {
			k, err := pgp.GenerateKey(pgp.KeyOptions{Address: o.world.People[0].Address})
			require.NoError(o.t, err)
			o.put(k.Certificate(), keyring.Addition{})
		}, "the ring has another key"},
		"the ring has another of the domain": {"openpgp", func(o *office) {
			k, err := pgp.GenerateKey(pgp.KeyOptions{Address: "gateway@example.org"})
			require.NoError(o.t, err)
			_, domain, _ := strings.Cut(o.world.People[0].Address, "@")
			o.put(k.Certificate(), keyring.Addition{Addresses: []string{"@" + domain}, Alias: true})
		}, "the ring has another key"},
		"the ring has one in the other format": {"openpgp", func(o *office) {
			k, err := smime.GenerateKey(smime.KeyOptions{Address: o.world.People[0].Address, Algorithm: "p256"})
			require.NoError(o.t, err)
			o.put(k.Certificate(), keyring.Addition{})
		}, "the ring refuses"},
		"the ring has it, and as revoked": {"openpgp", func(o *office) {
			o.put(o.parse(), keyring.Addition{})
			_, err := o.run.Composer.Ring.Revoke(o.parse().Fingerprint(), &keyring.RevokedError{Reason: "lost", When: time.Now()})
			require.NoError(o.t, err)
		}, "the ring refuses"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newNamed(t, 1, c.delivery)
			c.change(o)
			got := o.problem()
			if c.want == "" {
				require.Empty(t, got)
				return
			}
			require.Contains(t, got, c.want)
		})
	}
}

// exchange gives the first customer another certificate, in its file and the list.
func (o *office) exchange(c *keyring.Certificate) {
	o.t.Helper()
	o.write(o.certificate(1), c.Marshal())
	o.edit(1, "fingerprint", c.Fingerprint().String())
}

// read1 reads the certificate of the first customer.
func (o *office) read1() []byte {
	o.t.Helper()
	b, err := os.ReadFile(o.certificate(1))
	require.NoError(o.t, err)
	return b
}

func (o *office) mkdir(name string) {
	o.t.Helper()
	require.NoError(o.t, os.Mkdir(filepath.Join(o.world.Certificates, name), 0o700))
}

// parse parses it.
func (o *office) parse() *keyring.Certificate {
	o.t.Helper()
	c, err := pgp.ParseCertificate(o.read1())
	require.NoError(o.t, err)
	return c
}

// TestNamedExchanged: nothing is sent to a key that took the place of the one
// that the preflight saw.
func TestNamedExchanged(t *testing.T) {
	t.Parallel()
	o := newNamed(t, 2, "openpgp")
	require.Empty(t, o.problem())
	k, err := pgp.GenerateKey(pgp.KeyOptions{Address: o.world.People[0].Address})
	require.NoError(t, err)
	o.write(o.certificate(1), k.Certificate().Marshal())
	result, err := o.send(context.Background())
	require.NoError(t, err)
	require.Equal(t, 1, result.Sent, "%+v", result)
	require.Equal(t, 1, result.Deferred, "%+v", result)
	require.Empty(t, o.mails[o.world.People[0].Address])
}
