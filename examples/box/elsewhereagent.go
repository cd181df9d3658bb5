package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/gpgagent"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// keysInAgent returns the key of c, or of the certificate that gpg or gpgsm has
// under a fingerprint.
func (a *app) keysInAgent(c *keyring.Certificate, fingerprint string, passphrase []byte) ([]key, error) {
	if c == nil || fingerprint != "" {
		want, err := keyring.ParseFingerprint(fingerprint)
		if err != nil {
			return nil, err
		}
		switch {
		case c == nil:
			if c, err = ofGnuPG(want); err != nil {
				return nil, err
			}
		case !want.Matches(c.Fingerprint()):
			return nil, fmt.Errorf("the file has the certificate %s", c.Fingerprint())
		}
	}
	agent, err := gpgagent.Find()
	if err != nil {
		return nil, err
	}
	a.agents = append(a.agents, agent)
	if passphrase != nil {
		agent.Passphrase = func(string) (string, error) { return string(passphrase), nil }
	}
	k, err := joinHeld(c, func(public crypto.PublicKey) (any, error) {
		held, err := agent.Keys(public)
		if err != nil {
			return nil, err
		}
		return held[0], nil
	})
	return []key{k}, err
}

// ofGnuPG asks gpg and gpgsm for the certificate with a fingerprint. What they
// return is compared with it.
func ofGnuPG(want keyring.Fingerprint) (*keyring.Certificate, error) {
	b, why := gnuPG("gpg", "--batch", "--export", "--export-options", "export-minimal", want.String())
	if c, err := pgp.ParseCertificate(b); err == nil && want.Matches(c.Fingerprint()) {
		return c, nil
	}
	b, err := gnuPG("gpgsm", "--batch", "--export", "--armor")
	if all, e := smime.ParseCertificates(b); e == nil {
		for _, c := range all {
			if want.Matches(c.Fingerprint()) {
				return c, nil
			}
		}
	}
	if why != nil && err != nil {
		return nil, fmt.Errorf("asking GnuPG for the certificate: %w; %w", why, err)
	}
	return nil, errors.New("neither gpg nor gpgsm has a certificate with this fingerprint: give its file in front, FILE=gpg-agent:FINGERPRINT")
}

// gnuPG runs a program of GnuPG and returns what it wrote, at most mostKeyBytes.
func gnuPG(program string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(out, mostKeyBytes+1))
	if err == nil && len(b) > mostKeyBytes {
		err = &envelope.LimitError{What: "octets of certificates from " + program, Max: mostKeyBytes}
	}
	if err != nil {
		cancel() // it would wait for a reader
		cmd.Wait()
		return nil, err
	}
	return b, cmd.Wait()
}
