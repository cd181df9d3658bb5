package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// successor makes a new key for the first address of the old one.
func (a *app) successor(f *renewFlags, r *renewal) error {
	addresses := r.old.Certificate().Addresses()
	if len(addresses) == 0 {
		return errors.New("the old key is for no address: make the new one with box keygen")
	}
	if len(addresses) > 1 {
		a.say("note: the new key is for %s alone, and the old one for %d addresses", shown(addresses[0]), len(addresses))
	}
	f.address = addresses[0]
	if kindIs(r.old.Certificate()) == kindPGP {
		return a.successorPGP(f, r)
	}
	return a.successorSMIME(f, r)
}

func (a *app) successorPGP(f *renewFlags, r *renewal) error {
	if f.group != "" {
		return errors.New("it is an OpenPGP key: those are issued by nobody")
	}
	if f.profile == "" {
		// Rings refuse to go back from version 6, and are right.
		f.profile = "compatible"
		if len(r.old.Certificate().Fingerprint().String()) == 64 {
			f.profile = "modern"
		}
	}
	profile, err := keyProfile(f.profile)
	if err != nil {
		return err
	}
	k, err := pgp.GenerateKey(pgp.KeyOptions{
		Address: f.address, Name: f.name, Algorithm: f.algorithm, Profile: profile, Lifetime: time.Duration(f.lifetime),
	})
	if err != nil {
		return err
	}
	r.next = k
	r.revocation, err = revocationFile(k)
	return err
}

func (a *app) successorSMIME(f *renewFlags, r *renewal) error {
	x, err := x509.ParseCertificate(r.old.Certificate().Marshal())
	if err != nil {
		return err
	}
	switch {
	case f.lifetime == lifetimeFlag(pgp.Forever):
		return usagef("--lifetime never: a certificate ends; give for instance 10y")
	case strings.Contains(f.algorithm, "+") || f.profile == "post-quantum":
		return usagef("two keys take the place of one: make them with box keygen, and name the certificate to seal to with box key transition")
	case issuerOf(r.old.Certificate()) != "" && f.group == "":
		return usagef("its certificate was issued by %s: make a new key with box keygen --csr, and name what the authority issues with box key transition; --group NAME issues from your own authority", shown(issuerOf(r.old.Certificate())))
	case f.algorithm == "":
		if f.algorithm = algorithmOf(x); f.algorithm == "" {
			return usagef("--algorithm is missing: the old key is of a kind that is not made any more")
		}
	}
	if f.name == "" {
		f.name = x.Subject.CommonName
	}
	k, err := smime.GenerateKey(smime.KeyOptions{
		Address: f.address, Name: f.name, Algorithm: f.algorithm, Lifetime: time.Duration(f.lifetime),
		ReadsGCM: f.profile == "modern" || f.profile == "" && len(capabilitiesIn(x)) > 0,
	})
	if err == nil && f.group != "" {
		k, err = a.issueFromGroup(f.group, f.crlURL, k)
	}
	if err != nil {
		return err
	}
	r.next = k
	return nil
}

// algorithmOf returns what keygen calls the algorithm of a certificate's key,
// never a weaker one; "" where it makes none such.
func algorithmOf(x *x509.Certificate) string {
	switch k := x.PublicKey.(type) {
	case *rsa.PublicKey:
		switch n := k.N.BitLen(); {
		case n <= 3072:
			return "rsa3072"
		case n <= 4096:
			return "rsa4096"
		}
	case *ecdsa.PublicKey:
		return map[int]string{256: "p256", 384: "p384", 521: "p521"}[k.Curve.Params().BitSize]
	case ed25519.PublicKey:
		return "ed25519"
	}
	return ""
}

func (a *app) keyTransitionCommand() *cobra.Command {
	var f keyFlags
	var next string
	c := &cobra.Command{
		Use:   "transition --key KEYFILE|ADDRESS|FINGERPRINT --next FILE [-o OUT]",
		Short: "Name the key that takes the place of yours, in a message signed with yours",
		Long: `Name the key or certificate that takes the place of yours, in a message signed
with yours. Those who verified yours believe it: box ring add FILE --succeeds OUT.
Send it before your old key ends: later nobody can know who wrote it.

FILE must be yours, and for an address of the old key: whoever believed the old
one will seal to it.`,
		Example: `  box key transition --key bob.key --next bob-ca.pub -o bob.transition`,
		Args:    most(0, "flags only"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if next == "" {
				return usagef("--next is missing: the public key that takes the place of the old one")
			}
			old, err := a.keyNamed(&f)
			if err != nil {
				return err
			}
			c, k, err := a.certificate(next)
			if err != nil {
				return err
			}
			if k != kindIs(old.Certificate()) {
				return failed("naming", next, fmt.Errorf("it is of %s, and the old key is not: those who have the old one add it by its fingerprint", k))
			}
			message, err := transition(old, c)
			if err != nil {
				return failed("naming", next, err)
			}
			return a.writePublic(&f, message)
		},
	}
	keyCommandFlags(c, &f)
	c.Flags().StringVar(&next, "next", "", "the public key in this `FILE` takes the old one's place")
	return c
}

// keyNamed returns the one key of a file or an identity that can name another.
func (a *app) keyNamed(f *keyFlags) (key, error) {
	if namesIdentity(f.key) {
		d, i, err := a.oneIdentity([]string{f.key}, "")
		if err != nil {
			return nil, err
		}
		return a.unlock(d, i, f.passphraseFile, false)
	}
	keys, _, err := a.readKeys(f)
	if err != nil {
		return nil, err
	}
	k, err := whichSigns(keys)
	return k, failed("choosing the key to sign with from", f.key, err)
}
