package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// pair is Alice and Bob in one format.
type pair struct {
	format     string
	alice, bob key
	profiles   []envelope.Profile
}

// makePairs makes four keys at once: Bob's RSA key takes the longest.
func makePairs() ([]*pair, error) {
	const alice, bob = "alice@example.org", "bob@example.org"
	type result struct {
		at  int
		k   key
		err error
	}
	results := make(chan result, 4)
	for at, make := range []func() (key, error){
		func() (key, error) {
			return pgp.GenerateKey(pgp.KeyOptions{Address: alice, Profile: envelope.Compatible})
		},
		func() (key, error) {
			return pgp.GenerateKey(pgp.KeyOptions{Address: bob, Profile: envelope.Compatible})
		},
		func() (key, error) { return smime.GenerateKey(smime.KeyOptions{Address: alice, Algorithm: "p256"}) },
		func() (key, error) { return smime.GenerateKey(smime.KeyOptions{Address: bob}) },
	} {
		go func() {
			k, err := make()
			results <- result{at, k, err}
		}()
	}
	var keys [4]key
	for range keys {
		r := <-results
		if r.err != nil {
			return nil, fmt.Errorf("making the keys: %w", r.err)
		}
		keys[r.at] = r.k
	}
	return []*pair{
		{"OpenPGP", keys[0], keys[1], []envelope.Profile{envelope.Auto}},
		{"S/MIME", keys[2], keys[3], []envelope.Profile{envelope.Auto, envelope.Modern}},
	}, nil
}

// column is what the table says of one round trip.
type column struct {
	title string
	rows  [][2]string
}

// roundTrip seals, opens and compares as a program of one's own would.
func (d *demo) roundTrip(p *pair, profile envelope.Profile) (column, error) {
	c := column{title: p.format}
	sealed := filepath.Join(d.dir, fmt.Sprintf("sealed-%s-%d", strings.ReplaceAll(p.format, "/", ""), profile))
	plain := sealed + ".opened"

	// Alice: the certificate came by mail, the fingerprint by telephone.
	bob, err := keyring.Verify(p.bob.Certificate(), keyring.Expect(p.bob.Certificate().Fingerprint()))
	if err != nil {
		return c, err
	}
	begun := time.Now()
	receipt, err := d.seal(sealed, &envelope.Sealer{Profile: profile, Signers: []envelope.Signer{p.alice.Signer()}}, bob)
	if err != nil {
		return c, failed("sealing", d.file, err)
	}
	sealing := time.Since(begun)

	// Bob: he knows Alice's fingerprint, too.
	alice, err := keyring.Verify(p.alice.Certificate(), keyring.Expect(p.alice.Certificate().Fingerprint()))
	if err != nil {
		return c, err
	}
	begun = time.Now()
	report, err := d.open(plain, sealed, &envelope.Opener{
		Identities: []envelope.Identity{p.bob.Identity()},
		Senders:    []*keyring.Verified{alice}, RequireSignature: true,
	})
	if err != nil {
		return c, failed("opening", sealed, err)
	}
	opening := time.Since(begun)
	if err := same(d.file, plain); err != nil {
		return c, err
	}

	algorithm := ""
	if len(receipt.Recipients) > 0 {
		algorithm = receipt.Recipients[0].Algorithm
	}
	signature := ""
	for _, s := range report.Signatures {
		if s.Valid() && s.Sender != nil {
			signature = s.Algorithm
		}
	}
	readers := "every mail program"
	if profile == envelope.Modern {
		readers = "Bouncy Castle; OpenSSL 3 if --mail" // whose parser stops at authenticated attributes
	}
	c.rows = [][2]string{
		{"container", receipt.Container},
		{"content", receipt.Content},
		{"for Bob's key", algorithm},
		{"Bob's finger-", strings.Join(groups(bob.Fingerprint(), 4), "\n")},
		{"signed", signature},
		{"read by", readers},
		{"sealed size", megabytes(receipt.Written)},
		{"seal", speed(d.size, sealing)},
		{"open, verify", speed(d.size, opening)},
		{"what came out", "is equal"},
	}
	return c, nil
}

func (d *demo) seal(name string, s *envelope.Sealer, to *keyring.Verified) (*envelope.Receipt, error) {
	in, err := os.Open(d.file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	out, err := d.app.create(name, false, false)
	if err != nil {
		return nil, err
	}
	defer out.discard()
	r, err := sealRaw(out, in, func(w io.Writer) (*envelope.Writer, error) { return s.Seal(w, to) })
	if err != nil {
		return nil, err
	}
	return r, out.commit()
}

func (d *demo) open(name, sealed string, o *envelope.Opener) (*envelope.Report, error) {
	in, err := os.Open(sealed)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	out, err := d.app.create(name, false, false)
	if err != nil {
		return nil, err
	}
	defer out.discard()
	m, err := o.Open(in)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if _, err := io.Copy(onlyWriter{out}, m); err != nil {
		return nil, err
	}
	return m.Report(), out.commit()
}

// same compares two files by digest, in constant memory.
func same(a, b string) error {
	var sums [2][]byte
	for i, name := range []string{a, b} {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return err
		}
		sums[i] = h.Sum(nil)
	}
	if !bytes.Equal(sums[0], sums[1]) {
		return fmt.Errorf("internal error: what was opened is not what was sealed")
	}
	return nil
}
