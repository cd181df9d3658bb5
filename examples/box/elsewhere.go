package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/doublekeybox/doublekeybox/examples/token"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// What stands in the place of a key file where the private key is kept
// elsewhere. In front of it may stand the file of its certificate: FILE=….
const (
	inToken = "pkcs11:"
	inAgent = "gpg-agent:"
)

// elsewhere splits FILE=pkcs11:… and FILE=gpg-agent:…; ok is false for what is a
// file, or an identity.
func elsewhere(name string) (file, where string, ok bool) {
	for _, kind := range []string{inToken, inAgent} {
		if strings.HasPrefix(name, kind) {
			return "", name, true
		}
		if before, after, found := strings.Cut(name, "="+kind); found {
			return before, kind + after, true
		}
	}
	return "", "", false
}

// keysElsewhere returns private keys that are kept in a token or by an agent.
func (a *app) keysElsewhere(file, where string, passphrase []byte) (keys []key, err error) {
	var c *keyring.Certificate
	if file != "" {
		if c, _, err = a.certificate(file); err != nil {
			return nil, err
		}
	}
	if strings.HasPrefix(where, inAgent) {
		keys, err = a.keysInAgent(c, strings.TrimPrefix(where, inAgent), passphrase)
	} else {
		keys, err = a.keysInToken(c, where, passphrase)
	}
	if err != nil {
		return nil, failed("using the key", where, err)
	}
	for _, k := range keys {
		if f := k.Certificate().Fingerprint().String(); a.files[f] == "" {
			a.files[f] = where
		}
	}
	return keys, nil
}

// joinHeld joins a certificate and those of the private keys that are its own.
func joinHeld(c *keyring.Certificate, held func(crypto.PublicKey) (any, error)) (key, error) {
	publics := pgp.PublicKeys(c)
	if len(publics) == 0 {
		x, err := x509.ParseCertificate(c.Marshal())
		if err != nil {
			return nil, errors.New("its certificate is of a kind whose private key cannot be kept elsewhere")
		}
		p, err := held(x.PublicKey)
		if err != nil {
			return nil, err
		}
		k, err := smime.NewKey(c, p)
		if err != nil {
			return nil, err
		}
		return k, nil
	}
	var private []any
	var why error
	for _, public := range publics {
		p, err := held(public)
		if err != nil {
			why = err
			continue
		}
		private = append(private, p)
	}
	if len(private) == 0 {
		return nil, why
	}
	k, err := pgp.NewKey(c, private...)
	if err != nil {
		return nil, err
	}
	return k, nil
}

// keysInToken returns the keys that a PKCS #11 URI names: the one of c, or each
// that has a certificate beside it.
func (a *app) keysInToken(c *keyring.Certificate, uri string, passphrase []byte) ([]key, error) {
	u, err := token.ParseURI(uri)
	if err != nil {
		return nil, err
	}
	t, err := a.token(u.Config, passphrase)
	if err != nil {
		return nil, err
	}
	all, err := tokenKeys(t, u)
	if err != nil {
		return nil, err
	}
	if c != nil {
		k, err := joinHeld(c, func(public crypto.PublicKey) (any, error) {
			for _, k := range all {
				if k.Private() != nil && samePublic(k.Public(), public) {
					return k.Private(), nil
				}
			}
			return nil, fmt.Errorf("none of the %d keys in the token is that of the certificate", len(all))
		})
		return []key{k}, err
	}
	var keys []key
	for _, held := range all {
		if held.Certificate == nil || held.Private() == nil {
			continue
		}
		c, err := smime.ParseCertificate(held.Certificate)
		if err != nil {
			return nil, err
		}
		k, err := smime.NewKey(c, held.Private())
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("no certificate lies beside the key in the token: give its file in front, FILE=pkcs11:…")
	}
	return keys, nil
}

// tokenKeys returns the one key that is named, or all.
func tokenKeys(t *token.Token, u *token.URI) ([]*token.Key, error) {
	if u.Object == "" && len(u.ID) == 0 {
		return t.Keys()
	}
	k, err := t.Key(u.Object, u.ID)
	return []*token.Key{k}, err
}

// samePublic compares two public keys, of which the second on a curve may be the
// ECDH form of the first.
func samePublic(a, b crypto.PublicKey) bool {
	if e, ok := a.(*ecdsa.PublicKey); ok {
		if x, err := e.ECDH(); err == nil && x.Equal(b) {
			return true
		}
	}
	e, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && e.Equal(b)
}

// openToken is a token that is open until the program ends.
type openToken struct {
	*token.Token
	config string
}

// token opens a token once.
func (a *app) token(c token.Config, passphrase []byte) (*token.Token, error) {
	config := fmt.Sprintf("%q", []string{c.Module, c.Token, c.Serial, c.Manufacturer, c.Model})
	for _, t := range a.tokens {
		if t.config == config {
			return t.Token, nil
		}
	}
	c.PIN = func(purpose string) (string, error) {
		if passphrase != nil {
			return string(passphrase), nil
		}
		pin, err := a.ask("PIN for " + purpose)
		defer clear(pin)
		return string(pin), err
	}
	t, err := token.Open(c)
	if err != nil {
		return nil, err
	}
	a.tokens = append(a.tokens, openToken{t, config})
	return t, nil
}

// closeTokens closes what token opened, the first last: it began the library.
func (a *app) closeTokens() {
	for i := len(a.tokens) - 1; i >= 0; i-- {
		a.tokens[i].Close()
	}
}

// tokenTrouble says what kept a token or an agent from decrypting that no message
// is the reason of, "" if nothing did.
func (a *app) tokenTrouble() string {
	for _, t := range a.tokens {
		if err := t.Trouble(); err != nil {
			return err.Error()
		}
	}
	for _, g := range a.agents {
		if err := g.Trouble(); err != nil {
			return err.Error()
		}
	}
	return ""
}
