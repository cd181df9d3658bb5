package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

func certifyUserIDCommand() command {
	return command{
		name: "certify-userid", args: "KEYS...", about: "certifies user IDs of the certificates on standard input", least: 1, most: -1,
		prepare: func(a *app, o *options) func([]string) error {
			armor, passwords := o.armor(), o.several("with-key-password", "PASSWORD", "unlocks the KEYS")
			ids := o.several("userid", "USERID", "certify exactly this one, which every certificate must have")
			return func(names []string) error {
				if len(*ids) == 0 {
					return fail(missingArg, "certify what: --userid=USERID")
				}
				trials, err := a.trials(*passwords)
				if err != nil {
					return err
				}
				keys, err := a.keys(names, trials)
				if err != nil {
					return err
				}
				certs, err := a.inputCerts()
				if err != nil {
					return err
				}
				var out [][]byte
				for _, c := range certs {
					b, err := c.certified(keys, *ids)
					if err != nil {
						return err
					}
					out = append(out, b)
				}
				return a.writeKeys(*armor, out...)
			}
		},
	}
}

// certified returns the certificate as it came, with certifications of user
// IDs by keys.
func (c rawCert) certified(keys []*pgp.Key, ids []string) ([]byte, error) {
	v, err := believe(c.Certificate)
	if err != nil {
		return nil, as(certUserIDNoMatch, err)
	}
	others := certifications{}
	others.take(c)
	for _, id := range ids {
		if !hasUserID(c.Marshal(), id) {
			return nil, fail(certUserIDNoMatch, "%s has no user ID %.80q that its owner signed", c.Fingerprint(), id)
		}
		for _, k := range keys {
			file, err := k.Certify(v, id)
			if err != nil {
				return nil, as(c.whoseFault(err), err)
			}
			raw, err := dearmorAll(file)
			if err != nil {
				return nil, err
			}
			made := certifications{}
			made.take(rawCert{c.Certificate, raw})
			others[id] = append(others[id], made[id]...) // not the others that hold the same address
		}
	}
	return others.graft(c.Marshal()), nil
}

// whoseFault is the exit code where a certification was not made.
func (c rawCert) whoseFault(err error) int {
	var unusable *keyring.UnusableError
	if errors.As(err, &unusable) && unusable.Fingerprint == c.Fingerprint() {
		return certUserIDNoMatch
	}
	return keyCannotCertify
}

// validateUserIDCommand asks the library for the word of introducers
// (pgp.IntroducedBy), each of the CERTS on the command line being one. That is
// about addresses: of a user ID without one nobody's word is known.
func validateUserIDCommand() command {
	return command{
		name: "validate-userid", args: "USERID CERTS...", about: "says by its exit code whether CERTS certify USERID of the certificates on standard input", least: 2, most: -1,
		prepare: func(a *app, o *options) func([]string) error {
			address := o.flag("addr-spec-only", "USERID is a mail address, in whichever user ID")
			return func(args []string) error {
				authorities, err := a.certs(args[1:])
				if err != nil {
					return err
				}
				certs, err := a.inputCerts()
				if err != nil {
					return err
				}
				for _, c := range certs {
					if err := c.validate(args[0], *address, verified(authorities)); err != nil {
						return as(certUserIDNoMatch, err)
					}
				}
				return nil
			}
		},
	}
}

// validate returns why nobody's word makes c the certificate of a user ID.
func (c rawCert) validate(id string, address bool, authorities []*keyring.Verified) error {
	file, who, cert := c.raw, id, c.Certificate
	if !address {
		if !hasUserID(c.Marshal(), id) {
			return fmt.Errorf("%s has no user ID %.80q that its owner signed", c.Fingerprint(), id)
		}
		file, who = onlyUserID(c.raw, id), mailAddress(id)
		var err error
		if cert, err = pgp.ParseCertificate(file); err != nil {
			return err
		}
	}
	if len(authorities) == 0 {
		return fmt.Errorf("none of the CERTS counts: their owners revoked them")
	}
	_, err := keyring.Verify(cert, pgp.IntroducedBy(who, file, authorities...))
	return err
}

// mailAddress returns the address in a user ID, which the library reads anew.
func mailAddress(id string) string {
	if open := strings.LastIndexByte(id, '<'); open >= 0 && strings.HasSuffix(id, ">") {
		return id[open+1 : len(id)-1]
	}
	return id
}
