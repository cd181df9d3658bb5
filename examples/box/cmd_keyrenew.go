package main

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/identities"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// renewFlags are what key renew was asked for.
type renewFlags struct {
	keyFlags
	group, crlURL, profile, algorithm, name, address string
	new, csr                                         bool
	lifetime                                         lifetimeFlag
}

func (a *app) keyRenewCommand() *cobra.Command {
	f := renewFlags{lifetime: newLifetimeFlag()}
	c := &cobra.Command{
		Use:   "renew --key KEYFILE|ADDRESS|FINGERPRINT --out PREFIX",
		Short: "Give a key a new end, or a key that takes its place",
		Long: `Give a key a new end, or with --new make a key that takes its place.

OpenPGP: the same key with a new end; its fingerprint stays. S/MIME: a new
certificate for the same key, signed with the key itself, issued by your own
authority (--group), or asked for from another one (--csr; box join puts what
comes back beside the key). Its fingerprint is a new one.

Where the fingerprint changes, PREFIX.transition is a message signed with the old
key that names the new one: those who verified the old one believe it (box ring
add PREFIX.pub --succeeds PREFIX.transition). Send it before the old key ends:
later nobody can know who wrote it.

PREFIX.key and PREFIX.pub are new files, and the old one stays: it opens what was
sealed to the old key. Where --key names one of box identity list there is no
PREFIX.key: the new one becomes an identity, under the same passphrase.`,
		Example: `  box key renew --key bob.key --out bob-2028
  box key renew --key bob@example.org --group rowing-club --out bob-2028
  box key renew --key bob.key --new --profile modern --out bob-new`,
		Args: most(0, "flags only"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.renew(&f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.key, "key", "", "the private `KEYFILE`, or the address or fingerprint of an identity")
	fl.StringVar(&f.passphraseFile, "passphrase-file", "", "the first line of this `FILE` opens it, and protects the new one")
	fl.StringVar(&f.out, "out", "", "where to write: PREFIX.key, PREFIX.pub and what else there is")
	fl.Var(&f.lifetime, "lifetime", "from now on: 2y, 26w, 90d; OpenPGP also never (`TIME`)")
	fl.StringVar(&f.group, "group", "", "S/MIME: issue from the small authority of this name, or in this directory if it has a /")
	fl.BoolVar(&f.csr, "csr", false, "S/MIME: write PREFIX.csr.pem alone, a request for an authority")
	fl.BoolVar(&f.new, "new", false, "make a new key, which takes the old one's place")
	fl.StringVar(&f.profile, "profile", "", "with --new: compatible, modern or post-quantum, as for box keygen (default: like the old one)")
	fl.StringVar(&f.algorithm, "algorithm", "", "with --new: the algorithm, as for box keygen")
	fl.StringVar(&f.name, "name", "", "with --new: the name beside the address")
	fl.StringVar(&a.ring.dir, "ring", "", "bring the ring in this `DIR` up to date too, where it has the old key")
	return c
}

func (f *renewFlags) check() error {
	switch {
	case f.key == "":
		return usagef("--key is missing: the key file, or the address of an identity")
	case f.out == "":
		return usagef("--out is missing: --out bob-new writes bob-new.key and bob-new.pub")
	case f.csr && (f.group != "" || f.new):
		return usagef("--csr asks another authority for a certificate of the key as it is: give it alone; for a new key box keygen --csr")
	case !f.new && (f.profile != "" || f.algorithm != "" || f.name != ""):
		return usagef("--profile, --algorithm and --name are for --new: the key stays what it is")
	}
	return nil
}

// renewal is a key and the one that takes its place.
type renewal struct {
	old      key
	word     []byte // protects both; nil: nothing does
	store    *identityStore
	identity *identities.Info // nil: the old key was in a file

	prefix string // of the files
	silent error  // why nobody would believe what the old key says; nil: it signs

	next       key
	transition []byte // nil: the fingerprint is the same, or the old key is silent
	revocation []byte // OpenPGP, of a new key
}

func (a *app) renew(f *renewFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	r, err := a.toRenew(f)
	if err != nil {
		return err
	}
	defer clear(r.word)
	if f.csr {
		return a.requestAgain(f, r)
	}
	r.prefix, r.silent = f.out, speaks(r.old)
	files, err := a.newFiles(f.out, r.suffixes(f)...)
	if err != nil {
		return err
	}
	defer files.discard()
	if f.new {
		err = a.successor(f, r)
	} else {
		err = a.sameKey(f, r)
	}
	if err != nil {
		return failed("renewing", f.key, err)
	}
	if r.changes(f) && r.silent == nil {
		if r.transition, err = transition(r.old, r.next.Certificate()); err != nil {
			return failed("renewing", f.key, err)
		}
	}
	contents, err := r.contents(len(files.files))
	if err != nil {
		return failed("writing", f.out, err)
	}
	if err := a.keepNext(r); err != nil {
		return err
	}
	if err := files.write(contents...); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, r.next.Certificate().Fingerprint().String())
	a.sayRenewed(f, r)
	if a.ring.dir == "" {
		return nil
	}
	return a.renewInRing(r)
}

// toRenew returns the key that is meant, and what protects it.
func (a *app) toRenew(f *renewFlags) (*renewal, error) {
	if !namesIdentity(f.key) {
		keys, word, err := a.readKeys(&f.keyFlags)
		if err != nil {
			return nil, err
		}
		if len(keys) != 1 {
			return nil, failed("renewing", f.key, fmt.Errorf("it holds %d keys: make new ones with box keygen, and name the certificate of each to those who have the old one with box key transition", len(keys)))
		}
		return &renewal{old: keys[0], word: word}, nil
	}
	d, i, err := a.oneIdentity([]string{f.key}, "")
	if err != nil {
		return nil, err
	}
	k, err := a.unlock(d, i, f.passphraseFile, false)
	if err != nil {
		return nil, err
	}
	r := &renewal{old: k, store: d, identity: &i}
	if f.passphraseFile != "" {
		r.word, err = a.readPassphrase(f.passphraseFile)
	} else {
		r.word = a.words[len(a.words)-1] // what unlocked it
	}
	return r, err
}

// changes reports whether the fingerprint will be another one.
func (r *renewal) changes(f *renewFlags) bool {
	return f.new || kindIs(r.old.Certificate()) == kindSMIME
}

// suffixes are those of the files that are made, in the order of contents.
func (r *renewal) suffixes(f *renewFlags) (out []string) {
	out = []string{".pub"}
	if r.identity == nil {
		out = append(out, ".key")
	}
	if r.pkcs12() {
		out = append(out, ".p12")
	}
	if r.changes(f) && r.silent == nil {
		out = append(out, ".transition")
	}
	if f.new && kindIs(r.old.Certificate()) == kindPGP {
		out = append(out, ".rev")
	}
	return out
}

// pkcs12 reports whether PREFIX.p12 is made too, as keygen makes it.
func (r *renewal) pkcs12() bool {
	x, err := x509.ParseCertificate(r.old.Certificate().Marshal())
	return err == nil && r.identity == nil && len(r.word) > 0 && x.PublicKeyAlgorithm != x509.UnknownPublicKeyAlgorithm
}

// contents are what is in the files.
func (r *renewal) contents(want int) (out [][]byte, err error) {
	public := certificatePEM(r.next.Certificate())
	if kindIs(r.next.Certificate()) == kindPGP {
		if public, err = pgp.MarshalArmored(r.next.Certificate()); err != nil {
			return nil, err
		}
	}
	out = append(out, public)
	if r.identity == nil {
		secret, err := r.next.Marshal(r.word)
		if err != nil {
			return nil, err
		}
		out = append(out, secret)
	}
	if k, ok := r.next.(*smime.Key); ok && r.pkcs12() {
		file, err := k.MarshalPKCS12(r.word)
		if err != nil {
			return nil, err
		}
		out = append(out, file)
	}
	if r.transition != nil {
		out = append(out, r.transition)
	}
	if r.revocation != nil {
		out = append(out, r.revocation)
	}
	if len(out) != want {
		return nil, errors.New("internal error: other files were begun")
	}
	return out, nil
}

// sameKey gives the key a new end.
func (a *app) sameKey(f *renewFlags, r *renewal) (err error) {
	switch k := r.old.(type) {
	case *pgp.Key:
		if f.group != "" {
			return errors.New("it is an OpenPGP key: those are issued by nobody")
		}
		r.next, err = k.Extend(time.Duration(f.lifetime))
	case *smime.Key:
		r.next, err = a.newCertificate(f, k)
	}
	return err
}

// newCertificate returns the key with a new certificate. One by an authority
// is not replaced by one by nobody: those who trust the authority would refuse
// it.
func (a *app) newCertificate(f *renewFlags, k *smime.Key) (*smime.Key, error) {
	if f.lifetime == lifetimeFlag(pgp.Forever) {
		return nil, usagef("--lifetime never: a certificate ends; give for instance 10y")
	}
	if issuer := issuerOf(k.Certificate()); issuer != "" && f.group == "" {
		return nil, usagef("its certificate was issued by %s, which issues the next one too: --csr makes a request, and --group NAME issues from your own authority", shown(issuer))
	}
	own, err := k.Renew(time.Duration(f.lifetime))
	if err != nil || f.group == "" {
		return own, err
	}
	return a.issueFromGroup(f.group, f.crlURL, own)
}

// issuerOf names who issued a certificate, "" where nobody else did.
func issuerOf(c *keyring.Certificate) string {
	x, err := x509.ParseCertificate(c.Marshal())
	if err != nil || bytes.Equal(x.RawIssuer, x.RawSubject) {
		return ""
	}
	return cut(x.Issuer.String())
}

// speaks returns why a key signs nothing now; nil: it does.
func speaks(k key) error {
	w, err := envelope.SignDetached(io.Discard, k.Signer())
	if err != nil {
		return err
	}
	return w.Close()
}

// transition returns the message in which a key names its successor.
func transition(old key, next *keyring.Certificate) (message []byte, err error) {
	switch k := old.(type) {
	case *pgp.Key:
		message, err = k.Transition(next)
	case *smime.Key:
		message, err = k.Transition(next)
	}
	return message, err
}

// keepNext makes the new key an identity where the old one was one.
func (a *app) keepNext(r *renewal) (err error) {
	if r.identity == nil {
		return nil
	}
	word := func() ([]byte, error) { return bytes.Clone(r.word), nil }
	if r.next.Certificate().Fingerprint() == r.identity.Fingerprint {
		_, err = r.store.Replace(r.next, func(identities.Info) ([]byte, error) { return word() })
	} else {
		_, err = r.store.Add(r.next, word)
	}
	return failed("renewing", r.identity.File, err)
}

// requestAgain writes a request for another certificate of the same key.
func (a *app) requestAgain(f *renewFlags, r *renewal) error {
	k, ok := r.old.(*smime.Key)
	if !ok {
		return failed("renewing", f.key, errors.New("it is an OpenPGP key: those are issued by nobody"))
	}
	request, err := certificateRequest(k)
	if err != nil {
		return failed("making the request", f.out+".csr.pem", err)
	}
	files, err := a.newFiles(f.out, ".csr.pem")
	if err != nil {
		return err
	}
	defer files.discard()
	if err := files.write(request); err != nil {
		return err
	}
	a.say("wrote %s: send it to the authority; what it issues goes beside the key with: box join --key KEYFILE --out NEW CERTIFICATE", shown(f.out+".csr.pem"))
	a.say("those who compared the fingerprint of your old certificate get: box key transition --key KEYFILE --next NEW.pub")
	return nil
}

// sayRenewed says what to send to whom.
func (a *app) sayRenewed(f *renewFlags, r *renewal) {
	public, message := shown(f.out+".pub"), shown(f.out+".transition")
	if r.identity == nil {
		a.sayWrote(f.out)
	} else {
		a.say("wrote %s (public: give it away); the private key is among your identities", public)
	}
	if !r.changes(f) {
		a.say("send %s to all who have your public key: its fingerprint stays; in this program: box key merge OLD.pub %s", public, public)
		return
	}
	if r.silent != nil {
		a.say("note: the old key names nobody any more (%s): all who have it compare the new fingerprint", a.errorLine(r.silent))
	} else {
		a.say("wrote %s: send it with %s to all who have your old key, before that ends; in this program: box ring add %s --succeeds %s", message, public, public, message)
	}
	a.say("tell the new fingerprint to all others, by another way than you send %s: %s", public, r.next.Certificate().Fingerprint().Grouped())
	a.say("keep %s: it opens what was sealed to your old key", shown(f.key))
	if r.revocation != nil {
		a.say("wrote %s (secret: whoever has it can revoke the new key); once all have that, revoke the old one: box key revoke --reason superseded", shown(f.out+".rev"))
	}
}
