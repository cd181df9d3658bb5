// Package gpgagent uses the private keys of GnuPG's agent: those of gpg, of gpgsm,
// and of the smart cards that it knows. The agent opens and signs, and asks for
// the passphrase on the user's screen; no secret enters this process.
//
//	a, err := gpgagent.Find()
//	held, err := a.Keys(pgp.PublicKeys(cert)...)
//	key, err := pgp.NewKey(cert, held...)
//
// The protocol is Assuan, over the agent's socket.
package gpgagent

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Agent says where an agent is. Each operation has a connection of its own: it
// holds nothing open, and is used by any number of goroutines.
type Agent struct {
	// Socket is the path of the agent's socket.
	Socket string

	// Passphrase, if not nil, is asked in place of the user's screen
	// (pinentry-mode loopback), which the agent may have been told to refuse.
	Passphrase func(prompt string) (string, error)

	mu      sync.Mutex
	trouble error
}

// Trouble returns the last error that does not depend on what the agent was
// given to decrypt: it is gone, or nobody typed the passphrase, or a wrong one.
// Who opens a message sees only that it did not decrypt, since the reasons must
// not be told apart; these may be, and explain it.
func (a *Agent) Trouble() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.trouble
}

// note remembers trouble.
func (a *Agent) note(err error) {
	var e *Error
	if err == nil || err == errSexp || errors.As(err, &e) && !e.aboutPeople() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.trouble = err
}

// Find starts the user's agent, if it does not run, and returns it: by gpgconf,
// which knows $GNUPGHOME and where the socket is. The error says that GnuPG is
// not there, or what it said.
func Find() (*Agent, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "gpgconf", "--launch", "gpg-agent").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("gpgagent: starting the agent by gpgconf: %w: %.200q", err, out)
	}
	out, err := exec.CommandContext(ctx, "gpgconf", "--list-dirs", "agent-socket").Output()
	if err != nil {
		return nil, fmt.Errorf("gpgagent: asking gpgconf where the agent is: %w", err)
	}
	return &Agent{Socket: strings.TrimRight(string(out), "\r\n")}, nil
}

// Has reports whether the agent has a private key.
func (a *Agent) Has(g Keygrip) (bool, error) {
	c, err := a.dial()
	if err != nil {
		return false, err
	}
	defer c.Close()
	_, err = c.command(nil, "HAVEKEY "+g.String())
	var e *Error
	if errors.As(err, &e) && e.Code == codeNoSecretKey {
		return false, nil
	}
	return err == nil, err
}

// Keys returns those private keys of the public ones that the agent has, as
// pgp.NewKey and smime.NewKey take them: of RSA a [crypto.Signer] that is a
// [crypto.Decrypter] too, of an *[ecdsa.PublicKey] a [crypto.Signer] that is an
// [ecdh.KeyExchanger] too, of an *[ecdh.PublicKey] an [ecdh.KeyExchanger], and of
// an [ed25519.PublicKey] a [crypto.Signer].
//
// RSA PKCS #1 v1.5 honours [rsa.PKCS1v15DecryptOptions.SessionKeyLen]: in constant
// time where the agent hands the padding out, which it does for keys on disk; and
// whatever else goes wrong, the answer is a random key too (see [Agent.Trouble]).
// Signatures are RSA PKCS #1 v1.5, ECDSA and Ed25519; PSS and OAEP are an error,
// since the agent does not have them.
//
// It is an error if the agent has none of them, or a key is of another kind.
func (a *Agent) Keys(public ...crypto.PublicKey) (held []any, err error) {
	var asked []string
	for _, p := range public {
		g, err := KeygripOf(p)
		if err != nil {
			return nil, err
		}
		has, err := a.Has(g)
		if err != nil {
			return nil, err
		}
		asked = append(asked, g.String())
		if has {
			held = append(held, a.key(p, g))
		}
	}
	if len(held) == 0 {
		return nil, fmt.Errorf("gpgagent: the agent has no private key of these (keygrips %s)", strings.Join(asked, ", "))
	}
	return held, nil
}
