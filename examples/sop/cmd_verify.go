package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

func verifyCommand() command {
	return command{
		name: "verify", args: "SIGNATURES CERTS...", about: "verifies detached signatures of standard input", least: 2, most: -1,
		prepare: func(a *app, o *options) func([]string) error {
			w := a.bounds(o, "not-before", "not-after")
			return func(args []string) error { return a.verify(args[0], args[1:], w) }
		},
	}
}

// errNoSignature says that none of the signatures counts, which is what a
// report would show why.
func errNoSignature() error {
	return fail(noSignature, "no signature by these certificates is valid and of a time that counts")
}

func (a *app) verify(name string, names []string, w *window) error {
	b, err := a.small(name)
	if err != nil {
		return err
	}
	sigs, err := dearmorAll(b)
	if err != nil {
		return as(badData, err)
	}
	certs, err := a.certs(names)
	if err != nil {
		return err
	}
	if len(verified(certs)) == 0 {
		return errNoSignature()
	}
	o := &envelope.Opener{Senders: verified(certs), Time: a.clock}
	report, err := o.VerifyDetached(bytes.NewReader(sigs), a.stdin)
	if err != nil && !(errors.Is(err, envelope.ErrSignature) && report != nil) {
		return err
	}
	// A signature that is wrong makes only itself worthless here.
	lines := verifications(report.Signatures, certs, w)
	if len(lines) == 0 {
		return errNoSignature()
	}
	return writeLines(a.stdout, lines)
}

func inlineVerifyCommand() command {
	return command{
		name: "inline-verify", args: "CERTS...", about: "verifies a signed message, and writes what is signed", least: 1, most: -1,
		prepare: func(a *app, o *options) func([]string) error {
			w := a.bounds(o, "not-before", "not-after")
			out := o.text("verifications-out", "VERIFICATIONS", "write which signatures are valid")
			return func(certs []string) error {
				if !o.given("verifications-out") {
					return a.inlineVerify(certs, w, io.Discard)
				}
				lines, err := a.output(*out)
				if err != nil {
					return err
				}
				return a.inlineVerify(certs, w, lines)
			}
		},
	}
}

func (a *app) inlineVerify(names []string, w *window, told io.Writer) error {
	certs, err := a.certs(names)
	if err != nil {
		return err
	}
	src := newReplay(a.stdin, true)
	defer src.Close()
	// Where all certificates together make the library refuse a message, a
	// signature by one of them is wrong: that makes only itself worthless here,
	// so that each is asked alone.
	tries := [][]*keyring.Verified{verified(certs)}
	for _, v := range verified(certs) {
		tries = append(tries, []*keyring.Verified{v})
	}
	var lines []string
	released := false
	for i, senders := range tries {
		if len(senders) == 0 {
			break
		}
		if i > 0 {
			if err := src.again(); err != nil {
				return err
			}
		}
		found, err := a.inlineRelease(src, senders, certs, w, &released)
		if err != nil && !errors.Is(err, envelope.ErrSignature) {
			return err
		}
		lines = append(lines, found...)
		if err == nil && i == 0 {
			break
		}
	}
	if len(lines) == 0 {
		return errNoSignature()
	}
	return writeLines(told, lines)
}

// inlineRelease returns a line for each valid signature, and writes the content
// if there is one, and it was not written before.
func (a *app) inlineRelease(src io.Reader, senders []*keyring.Verified, certs []believed, w *window, released *bool) ([]string, error) {
	o := &envelope.Opener{Senders: senders, Formats: []envelope.Format{pgp.Format()}, Time: a.clock}
	m, err := o.Verify(src)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	lines := verifications(m.Report().Signatures, certs, w)
	if len(lines) == 0 || *released {
		return lines, nil
	}
	*released = true
	out := bufio.NewWriterSize(a.stdout, outputBuffer)
	if _, err := m.WriteTo(out); err != nil {
		return nil, as(unspecified, err)
	}
	return lines, out.Flush()
}
