package main

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/unverified"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// decryption are the options of sop decrypt, and what comes of them.
type decryption struct {
	sessionKeys      *[]string
	passwords        *[]string
	keyPasswords     *[]string
	verifyWith       *[]string
	verificationsOut *string
	sessionKeyOut    *string
	window           *window

	certs []believed
	key   unverified.SessionKey // what the message opened with
}

func decryptCommand() command {
	return command{
		name: "decrypt", args: "[KEYS]...", about: "decrypts standard input", most: -1,
		prepare: func(a *app, o *options) func([]string) error {
			d := &decryption{
				sessionKeyOut:    o.text("session-key-out", "SESSIONKEY", "write what decrypts without a key"),
				sessionKeys:      o.several("with-session-key", "SESSIONKEY", "decrypt with this"),
				passwords:        o.several("with-password", "PASSWORD", "decrypt with this"),
				keyPasswords:     o.several("with-key-password", "PASSWORD", "unlocks the KEYS"),
				verificationsOut: o.text("verifications-out", "VERIFICATIONS", "write which signatures are valid"),
				verifyWith:       o.several("verify-with", "CERTS", "whose signatures count"),
				window:           a.window(o),
			}
			return func(keys []string) error { return a.decrypt(d, o, keys) }
		},
	}
}

func (a *app) decrypt(d *decryption, o *options, names []string) error {
	if o.given("verifications-out") != (len(*d.verifyWith) > 0) {
		return fail(incompleteVerification, "--verify-with and --verifications-out belong together: without one the other says nothing")
	}
	if (o.given("verify-not-before") || o.given("verify-not-after")) && len(*d.verifyWith) == 0 {
		return fail(incompleteVerification, "no signature is verified without --verify-with")
	}
	if len(names)+len(*d.sessionKeys)+len(*d.passwords) == 0 {
		return fail(missingArg, "nothing to decrypt with: give KEYS, --with-password or --with-session-key")
	}
	var lines, key *output
	var err error
	if o.given("verifications-out") {
		if lines, err = a.output(*d.verificationsOut); err != nil {
			return err
		}
	}
	if o.given("session-key-out") {
		if key, err = a.secret(*d.sessionKeyOut); err != nil {
			return err
		}
	}
	openers, err := a.openers(d, names)
	if err != nil {
		return err
	}
	if d.certs, err = a.certs(*d.verifyWith); err != nil {
		return err
	}
	valid, err := a.openWith(openers, d)
	if err != nil {
		return err
	}
	if lines != nil {
		if err := writeLines(lines, valid); err != nil {
			return err
		}
	}
	if key != nil {
		_, err = fmt.Fprintf(key, "%d:%X\n", d.key.Cipher, d.key.Key)
	}
	return err
}

// openers are the ways to open the message, to be tried in turn: each session
// key by itself, and all keys and passwords together.
func (a *app) openers(d *decryption, names []string) (out []*envelope.Opener, err error) {
	format := unverified.Format(pgp.Format())
	watch := envelope.Identity(unverified.Watch(format, &d.key))
	for _, name := range *d.sessionKeys {
		k, err := a.sessionKey(name)
		if err != nil {
			return nil, err
		}
		out = append(out, &envelope.Opener{Identities: []envelope.Identity{
			envelope.Identity(unverified.Holding(format, k)), watch,
		}})
	}
	if len(names)+len(*d.passwords) == 0 {
		return out, nil
	}
	last := &envelope.Opener{Formats: []envelope.Format{pgp.Format()}}
	passwords, err := a.trials(*d.passwords)
	if err != nil {
		return nil, err
	}
	for _, text := range passwords {
		p, err := envelope.OpenPassphrase(string(text))
		if err != nil {
			return nil, as(cannotDecrypt, err)
		}
		last.Passphrases = append(last.Passphrases, p)
	}
	keyPasswords, err := a.trials(*d.keyPasswords)
	if err != nil {
		return nil, err
	}
	keys, err := a.keys(names, keyPasswords)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		last.Identities = append(last.Identities, k.Identity())
	}
	last.Identities = append(last.Identities, watch)
	return append(out, last), nil
}

// sessionKey reads a SESSIONKEY: the number of the cipher, a colon, and the
// key in hexadecimal digits.
func (a *app) sessionKey(name string) (k unverified.SessionKey, err error) {
	b, err := a.small(name)
	if err != nil {
		return k, err
	}
	number, digits, ok := strings.Cut(strings.TrimSpace(string(b)), ":")
	cipher, err := strconv.ParseUint(number, 10, 8)
	if !ok || err != nil {
		return k, fail(badData, "%.80q holds no session key, which looks like 9:0123…EF", name)
	}
	if k.Key, err = hex.DecodeString(digits); err != nil || len(k.Key) == 0 {
		return k, fail(badData, "%.80q holds no session key, which looks like 9:0123…EF", name)
	}
	k.Cipher = byte(cipher)
	return k, nil
}

// openWith writes the content with the first opener that opens the message, and
// returns a line for each signature that is valid. That there is none is no
// error: the lines say so.
func (a *app) openWith(openers []*envelope.Opener, d *decryption) (lines []string, err error) {
	src := newReplay(a.stdin, len(openers) > 1 || len(d.certs) > 0)
	defer src.Close()
	out := &counting{w: bufio.NewWriterSize(a.stdout, outputBuffer)}
	for i, o := range openers {
		if i > 0 {
			if err := src.again(); err != nil {
				return nil, err
			}
		}
		lines, err = a.release(out, src, o, d)
		// Damage behind content that was released is no reason to try on.
		if out.n > 0 || !errors.Is(err, envelope.ErrDecrypt) && !errors.Is(err, envelope.ErrNotForYou) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return lines, out.w.Flush()
}

// counting counts what is written.
type counting struct {
	w *bufio.Writer
	n int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// release writes the content as one opener opens it.
func (a *app) release(out io.Writer, src *replay, o *envelope.Opener, d *decryption) ([]string, error) {
	all := *o
	all.Senders, all.Time = verified(d.certs), a.clock
	m, err := all.Open(src)
	if errors.Is(err, envelope.ErrSignature) {
		return a.releaseAnyway(out, src, o, d)
	}
	if err != nil {
		return nil, err
	}
	defer m.Close()
	// A signature that is wrong comes to light after the last octet of content
	// that is authentic by other means, and makes only itself worthless.
	if _, err := m.WriteTo(out); err != nil && !errors.Is(err, envelope.ErrSignature) {
		return nil, err
	}
	return verifications(m.Report().Signatures, d.certs, d.window), nil
}

// releaseAnyway is for a message with a signature that is wrong, which the
// library opens for nobody who asks for signatures: each certificate is asked
// alone which signatures of it are valid, and the content is taken without any.
func (a *app) releaseAnyway(out io.Writer, src *replay, o *envelope.Opener, d *decryption) (lines []string, err error) {
	open := func(senders []*keyring.Verified, out io.Writer) (*envelope.Report, error) {
		if err := src.again(); err != nil {
			return nil, err
		}
		one := *o
		one.Senders, one.Time = senders, a.clock
		m, err := one.Open(src)
		if err != nil {
			return nil, err
		}
		defer m.Close()
		_, err = m.WriteTo(out)
		return m.Report(), err
	}
	for _, v := range verified(d.certs) {
		r, err := open([]*keyring.Verified{v}, io.Discard)
		switch {
		case err == nil:
			lines = append(lines, verifications(r.Signatures, d.certs, d.window)...)
		case !errors.Is(err, envelope.ErrSignature):
			return nil, err
		}
	}
	_, err = open(nil, out)
	return lines, err
}
