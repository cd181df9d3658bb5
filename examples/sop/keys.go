package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/doublekeybox/doublekeybox/internal/unverified"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// believed is a certificate as it was handed over, and by which argument.
type believed struct {
	*keyring.Verified        // nil: it is refused
	refused           error  // why
	file              string // the argument
	raw               []byte // as it came
}

// eachPart calls do with every certificate or key of all these arguments.
func (a *app) eachPart(names []string, do func(name string, one []byte) error) error {
	for _, name := range names {
		b, err := a.small(name)
		if err != nil {
			return err
		}
		all, err := splitKeys(b)
		if err != nil {
			return fail(badData, "%.80q: %w", name, err)
		}
		for _, one := range all {
			if err := do(name, one); err != nil {
				return err
			}
		}
	}
	return nil
}

// certs reads all certificates of all these CERTS arguments.
func (a *app) certs(names []string) (out []believed, err error) {
	err = a.eachPart(names, func(name string, one []byte) error {
		c, err := pgp.ParseCertificate(one)
		if err != nil {
			return fail(badKey(one), "%.80q: %w", name, err)
		}
		v, err := believe(c)
		out = append(out, believed{v, err, name, one})
		return nil
	})
	return out, err
}

// believe takes c as it is: SOP has no evidence. What its owner revoked for
// good is refused all the same.
func believe(c *keyring.Certificate) (*keyring.Verified, error) {
	return keyring.Verify(c, keyring.Evidence(unverified.HandedOver()))
}

// verified are the certificates alone, without those that are refused: nothing
// that such a key signed counts.
func verified(certs []believed) (out []*keyring.Verified) {
	for _, c := range certs {
		if c.Verified != nil {
			out = append(out, c.Verified)
		}
	}
	return out
}

// keys reads all secret keys of all these KEYS arguments, and unlocks them with
// the first password that fits. One that none opens is keyIsProtected.
func (a *app) keys(names []string, passwords [][]byte) (out []*pgp.Key, err error) {
	err = a.eachPart(names, func(name string, one []byte) error {
		k, err := unlock(one, passwords)
		if err != nil {
			return as(badKey(one), fmt.Errorf("%.80q: %w", name, err))
		}
		out = append(out, k)
		return nil
	})
	return out, err
}

// unlock parses one key. Passwords are for those that are protected, whichever
// these are: no password comes first.
func unlock(b []byte, passwords [][]byte) (*pgp.Key, error) {
	k, err := pgp.ParseKey(bytes.NewReader(b), nil)
	for i := 0; i < len(passwords) && errors.Is(err, pgp.ErrPassphrase); i++ {
		k, err = pgp.ParseKey(bytes.NewReader(b), passwords[i])
	}
	if errors.Is(err, pgp.ErrPassphrase) {
		err = as(keyIsProtected, err)
	}
	return k, err
}
