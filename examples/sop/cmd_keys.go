package main

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/doublekeybox/doublekeybox/pgp"
)

// keyCommands are the subcommands on keys and certificates.
func keyCommands() []command {
	return []command{
		generateKeyCommand(), changeKeyPasswordCommand(), revokeKeyCommand(), extractCertCommand(),
		updateKeyCommand(), mergeCertsCommand(), certifyUserIDCommand(), validateUserIDCommand(),
	}
}

// heldKey is a key of standard input, and what opened it.
type heldKey struct {
	*pgp.Key
	password []byte // empty: it is not protected
}

// parts reads standard input, which may hold several keys or certificates.
func (a *app) parts() ([][]byte, error) {
	b, err := readSmall(a.stdin)
	if err != nil {
		return nil, err
	}
	all, err := splitKeys(b)
	if err != nil {
		return nil, fail(badData, "standard input: %w", err)
	}
	return all, nil
}

// heldKeys reads the KEYS of standard input. One that no password opens is
// keyIsProtected, and then none is used.
func (a *app) heldKeys(names []string) (out []heldKey, err error) {
	passwords, err := a.trials(names)
	if err != nil {
		return nil, err
	}
	all, err := a.parts()
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		h := heldKey{}
		for _, p := range append([][]byte{nil}, passwords...) {
			h.password = p
			if h.Key, err = pgp.ParseKey(bytes.NewReader(one), p); !errors.Is(err, pgp.ErrPassphrase) {
				break
			}
		}
		switch {
		case errors.Is(err, pgp.ErrPassphrase):
			return nil, as(keyIsProtected, err)
		case err != nil:
			return nil, as(badKey(one), fmt.Errorf("standard input: %w", err))
		}
		out = append(out, h)
	}
	return out, nil
}

// writeKeys writes keys or certificates, armored or not, as one file.
func (a *app) writeKeys(armor bool, all ...[]byte) error {
	var raw []byte
	for _, b := range all {
		one, err := dearmorAll(b)
		if err != nil {
			return err
		}
		raw = append(raw, one...)
	}
	if armor {
		return enarmor(a.stdout, bytes.NewReader(raw))
	}
	_, err := a.stdout.Write(raw)
	return err
}

func generateKeyCommand() command {
	return command{
		name: "generate-key", args: "[USERID]...", about: "makes a secret key", most: -1,
		prepare: func(a *app, o *options) func([]string) error {
			armor, password, signingOnly := o.armor(), o.text("with-key-password", "PASSWORD", "protect the key by it"), o.flag("signing-only", "nobody can encrypt to it")
			profile := profileOption(o, "generate-key")
			return func(ids []string) error {
				p, err := profile()
				if err != nil {
					return err
				}
				text := ""
				if o.given("with-key-password") {
					if text, err = a.newPassword(*password); err != nil {
						return err
					}
				}
				for _, id := range ids {
					if !utf8.ValidString(id) {
						return fail(expectedText, "the user ID %.80q is no UTF-8", id)
					}
				}
				k, err := pgp.GenerateKey(pgp.KeyOptions{UserIDs: append([]string{}, ids...), Profile: p, SigningOnly: *signingOnly})
				if err != nil {
					return as(expectedText, err)
				}
				b, err := k.Marshal([]byte(text))
				if err != nil {
					return err
				}
				return a.writeKeys(*armor, b)
			}
		},
	}
}

func changeKeyPasswordCommand() command {
	return command{
		name: "change-key-password", about: "protects the keys on standard input by another password, or by none", most: 0,
		prepare: func(a *app, o *options) func([]string) error {
			armor, old, next := o.armor(), o.several("old-key-password", "PASSWORD", "unlocks the keys"), o.text("new-key-password", "PASSWORD", "protect them by this; without it by none")
			return func([]string) error {
				text := ""
				var err error
				if o.given("new-key-password") {
					if text, err = a.newPassword(*next); err != nil {
						return err
					}
				}
				return a.eachKey(*armor, *old, func(k heldKey) ([]byte, error) { return k.Marshal([]byte(text)) })
			}
		},
	}
}

// eachKey writes what do makes of each key of standard input, of all or of none.
func (a *app) eachKey(armor bool, passwords []string, do func(heldKey) ([]byte, error)) error {
	keys, err := a.heldKeys(passwords)
	if err != nil {
		return err
	}
	var out [][]byte
	for _, k := range keys {
		b, err := do(k)
		if err != nil {
			return err
		}
		out = append(out, b)
	}
	return a.writeKeys(armor, out...)
}

func revokeKeyCommand() command {
	return command{
		name: "revoke-key", about: "writes the certificates of the keys on standard input, revoked", most: 0,
		prepare: func(a *app, o *options) func([]string) error {
			armor, passwords := o.armor(), o.several("with-key-password", "PASSWORD", "unlocks the keys")
			return func([]string) error {
				return a.eachKey(*armor, *passwords, func(k heldKey) ([]byte, error) {
					gone, err := k.Revoke(pgp.NoReason, "")
					if err != nil {
						return nil, as(primaryKeyBad, err)
					}
					return gone.Certificate().Marshal(), nil
				})
			}
		},
	}
}

func extractCertCommand() command {
	return command{
		name: "extract-cert", about: "writes the certificates of the keys on standard input", most: 0,
		prepare: func(a *app, o *options) func([]string) error {
			armor := o.armor()
			return func([]string) error {
				all, err := a.parts()
				if err != nil {
					return err
				}
				for i := range all {
					c, err := pgp.KeyCertificate(all[i])
					if err != nil {
						return as(badKey(all[i]), fmt.Errorf("standard input: %w", err))
					}
					all[i] = c.Marshal()
				}
				return a.writeKeys(*armor, all...)
			}
		},
	}
}
