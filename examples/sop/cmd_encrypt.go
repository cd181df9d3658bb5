package main

import (
	"bufio"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/unverified"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// encryption are the options of sop encrypt.
type encryption struct {
	as            *string
	armor         *bool
	purpose       *string
	passwords     *[]string
	signWith      *[]string
	keyPasswords  *[]string
	profile       func() (envelope.Profile, error)
	sessionKeyOut *string
}

func encryptCommand() command {
	return command{
		name: "encrypt", args: "[CERTS]...", about: "encrypts standard input", most: -1,
		prepare: func(a *app, o *options) func([]string) error {
			e := &encryption{
				as:            o.choice("as", "what the content is", "binary", "text"),
				armor:         o.armor(),
				purpose:       o.choice("for", "what the keys must be for; most are for both", "any", "storage", "communications"),
				passwords:     o.several("with-password", "PASSWORD", "who knows it can decrypt"),
				signWith:      o.several("sign-with", "KEYS", "sign inside with all of these"),
				keyPasswords:  o.several("with-key-password", "PASSWORD", "unlocks the KEYS"),
				profile:       profileOption(o, "encrypt"),
				sessionKeyOut: o.text("session-key-out", "SESSIONKEY", "write what decrypts without a key"),
			}
			return func(certs []string) error { return a.encrypt(e, o, certs) }
		},
	}
}

func (a *app) encrypt(e *encryption, o *options, names []string) error {
	if len(names)+len(*e.passwords) == 0 {
		return fail(missingArg, "nobody could decrypt it: give CERTS, or --with-password")
	}
	s := &envelope.Sealer{Armor: *e.armor, Text: *e.as == "text", Format: pgp.Format()}
	var err error
	if s.Profile, err = e.profile(); err != nil {
		return err
	}
	for _, name := range *e.passwords {
		text, err := a.newPassword(name)
		if err != nil {
			return err
		}
		p, err := envelope.WeakPassphrase(text)
		if err != nil {
			return as(passwordNotHumanReadable, err)
		}
		s.Passphrases = append(s.Passphrases, p)
	}
	if s.Signers, err = a.signers(*e.signWith, *e.keyPasswords); err != nil {
		return err
	}
	to, err := a.recipients(names, *e.purpose)
	if err != nil {
		return err
	}
	var key unverified.SessionKey
	var told *output
	if o.given("session-key-out") {
		if told, err = a.secret(*e.sessionKeyOut); err != nil {
			return err
		}
		s.Format = envelope.Format(unverified.Telling(unverified.Format(pgp.Format()), &key))
	}
	if err := a.seal(s, to); err != nil {
		return err
	}
	if told != nil {
		_, err = fmt.Fprintf(told, "%d:%X\n", key.Cipher, key.Key)
	}
	return err
}

// recipients reads CERTS to encrypt to: each of them has to be fit for it.
func (a *app) recipients(names []string, purpose string) (to []*keyring.Verified, err error) {
	certs, err := a.certs(names)
	if err != nil {
		return nil, err
	}
	for _, c := range certs {
		if c.Verified == nil {
			return nil, fail(certCannotEncrypt, "%.80q: %w", c.file, c.refused)
		}
		if err := fits(c.Certificate(), purpose, a.now); err != nil {
			return nil, fail(certCannotEncrypt, "%.80q: %w", c.file, err)
		}
		// Asked here, where only this one can be what is wrong.
		w, err := envelope.Seal(io.Discard, c.Verified)
		if err != nil {
			code := certCannotEncrypt
			if unknownAlgorithm(c.raw) {
				code = unsupportedAsymmetric
			}
			return nil, fail(code, "%.80q: %w", c.file, err)
		}
		w.Abort()
		to = append(to, c.Verified)
	}
	return to, nil
}

// signers reads KEYS to sign with, each of which has to be fit for it.
func (a *app) signers(names, passwords []string) (out []envelope.Signer, err error) {
	out, _, err = a.signersAnd(names, passwords)
	return out, err
}

// signersAnd is signers, and says whether a key of version 4 is among them.
func (a *app) signersAnd(names, passwords []string) (out []envelope.Signer, v4 bool, err error) {
	trials, err := a.trials(passwords)
	if err != nil {
		return nil, false, err
	}
	keys, err := a.keys(names, trials)
	if err != nil {
		return nil, false, err
	}
	for _, k := range keys {
		out = append(out, k.Signer())
		v4 = v4 || len(k.Certificate().Fingerprint().String()) == 40
	}
	if len(out) == 0 {
		return nil, false, nil
	}
	// Asked here, where only the signers can be what is wrong.
	w, err := envelope.SignDetached(io.Discard, out...)
	if err != nil {
		return nil, false, as(keyCannotSign, err)
	}
	w.Abort()
	return out, v4, nil
}

// seal encrypts standard input to standard output.
func (a *app) seal(s *envelope.Sealer, to []*keyring.Verified) error {
	out := bufio.NewWriterSize(a.stdout, outputBuffer)
	w, err := s.Seal(out, to...)
	if err != nil {
		return err
	}
	defer w.Abort()
	in := a.stdin
	if s.Text {
		in = &textReader{r: in}
	}
	if _, err := w.ReadFrom(in); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return out.Flush()
}

// outputBuffer is large enough that small writes cost nothing.
const outputBuffer = 64 << 10

// textReader refuses what is no UTF-8.
type textReader struct {
	r    io.Reader
	rest []byte // the beginning of a character
}

func (t *textReader) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	b := append(t.rest, p[:n]...)
	cut := len(b)
	// A character may go on with the next read; three octets of one at most.
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax+1; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				cut = i
			}
			break
		}
	}
	if !utf8.Valid(b[:cut]) || err == io.EOF && cut < len(b) {
		return 0, fail(expectedText, "the content is no UTF-8, and --as=text was given")
	}
	t.rest = append([]byte(nil), b[cut:]...)
	return n, err
}
