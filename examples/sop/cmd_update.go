package main

import (
	"bytes"
	"fmt"
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// updateKeyCommand signs keys anew, with the library's digests and a new end.
// It adds no subkey and no capability, so the two options that forbid that
// change nothing.
func updateKeyCommand() command {
	return command{
		name: "update-key", about: "renews the signatures and the end of the keys on standard input", most: 0,
		prepare: func(a *app, o *options) func([]string) error {
			armor, passwords := o.armor(), o.several("with-key-password", "PASSWORD", "unlocks the keys")
			o.flag("signing-only", "add no key to encrypt to; none ever is")
			o.flag("no-added-capabilities", "add no capability; none ever is")
			merge := o.several("merge-certs", "CERTS", "take up what is new in these")
			return func([]string) error {
				updates, err := a.rawCerts(*merge)
				if err != nil {
					return err
				}
				return a.eachKey(*armor, *passwords, func(k heldKey) ([]byte, error) { return k.updated(updates, a.now) })
			}
		},
	}
}

func (k heldKey) updated(updates []rawCert, now time.Time) ([]byte, error) {
	key := k.Key
	var err error
	for _, u := range updates {
		if u.Fingerprint() != key.Certificate().Fingerprint() {
			continue
		}
		if key, err = key.Merge(u.Certificate); err != nil {
			return nil, as(badData, err)
		}
	}
	lifetime := pgp.DefaultLifetime
	if endless(key.Certificate(), now) {
		lifetime = pgp.Forever
	}
	if key, err = key.Extend(lifetime); err != nil {
		return nil, as(primaryKeyBad, err)
	}
	return key.Marshal(k.password)
}

// endless reports whether a key has no end, which it keeps. What go-crypto
// cannot read has one.
func endless(c *keyring.Certificate, now time.Time) (yes bool) {
	defer func() {
		if recover() != nil { // go-crypto is not trusted not to panic on keys from outside
			yes = false
		}
	}()
	list, err := openpgp.ReadKeyRing(bytes.NewReader(c.Marshal()))
	if err != nil || len(list) != 1 {
		return false
	}
	s, err := list[0].PrimarySelfSignature(now, nil)
	return err == nil && (s.KeyLifetimeSecs == nil || *s.KeyLifetimeSecs == 0)
}

// rawCert is a certificate, and how it came: with what others signed.
type rawCert struct {
	*keyring.Certificate
	raw []byte
}

// rawCerts reads CERTS, and does not care what they are worth.
func (a *app) rawCerts(names []string) (out []rawCert, err error) {
	err = a.eachPart(names, func(name string, one []byte) error {
		c, err := newRawCert(name, one)
		out = append(out, c)
		return err
	})
	return out, err
}

// inputCerts reads those on standard input.
func (a *app) inputCerts() (out []rawCert, err error) {
	all, err := a.parts()
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		c, err := newRawCert("standard input", one)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func newRawCert(name string, one []byte) (rawCert, error) {
	c, err := pgp.ParseCertificate(one)
	if err != nil {
		return rawCert{}, as(badKey(one), fmt.Errorf("%.80q: %w", name, err))
	}
	return rawCert{c, one}, nil
}

// mergeCertsCommand merges with the library what owners signed, and keeps what
// others did as it came: whether that is worth anything is for whoever knows
// them to say (validate-userid).
func mergeCertsCommand() command {
	return command{
		name: "merge-certs", args: "[CERTS]...", about: "adds to the certificates on standard input what is new in CERTS", most: -1,
		prepare: func(a *app, o *options) func([]string) error {
			armor := o.armor()
			return func(names []string) error {
				updates, err := a.rawCerts(names)
				if err != nil {
					return err
				}
				base, err := a.inputCerts()
				if err != nil {
					return err
				}
				var out [][]byte
				for _, copies := range together(base) {
					b, err := merged(copies, updates)
					if err != nil {
						return err
					}
					out = append(out, b)
				}
				return a.writeKeys(*armor, out...)
			}
		},
	}
}

// together joins copies of one certificate that come in one file.
func together(certs []rawCert) (out [][]rawCert) {
	at := map[keyring.Fingerprint]int{}
	for _, c := range certs {
		f := c.Fingerprint()
		i, ok := at[f]
		if !ok {
			i = len(out)
			at[f], out = i, append(out, nil)
		}
		out[i] = append(out[i], c)
	}
	return out
}

// merged merges copies of one certificate with those of updates that are of it too.
func merged(copies, updates []rawCert) ([]byte, error) {
	c := copies[0].Certificate
	for _, u := range updates {
		if u.Fingerprint() == c.Fingerprint() {
			copies = append(copies, u)
		}
	}
	others := certifications{}
	for _, u := range copies {
		var err error
		if c, err = pgp.Merge(c, u.Certificate); err != nil {
			return nil, as(badData, err)
		}
		others.take(u)
	}
	return others.graft(c.Marshal()), nil
}
