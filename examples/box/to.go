package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/mail"
	"strings"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// named is a certificate's file with what was said of it on the command line.
type named struct {
	file    string
	want    keyring.Fingerprint // zero: an address was given
	address string
}

// splitNamed takes FILE=FINGERPRINT or FILE=ADDRESS apart, at the last = whose
// right side is one of the two: file names may hold any number of them.
func splitNamed(flag, s string) (named, error) {
	for i := strings.LastIndexByte(s, '='); i >= 0; i = strings.LastIndexByte(s[:i], '=') {
		file, text := s[:i], s[i+1:]
		if f, err := keyring.ParseFingerprint(text); err == nil {
			return named{file: file, want: f}, nil
		}
		if isAddress(text) {
			return named{file: file, address: text}, nil
		}
	}
	if isAddress(s) {
		return named{address: s}, nil
	}
	i := strings.LastIndexByte(s, '=')
	if m, err := mail.ParseAddress(s); i < 0 && err == nil {
		return named{}, usagef("%s %s: give the address alone: %s %s", flag, shown(s), flag, shown(m.Address))
	}
	if list, err := mail.ParseAddressList(s); i < 0 && err == nil {
		return named{}, usagef("%s %s: one address for each flag: %s %s %s …", flag, shown(s), flag, shown(list[0].Address), flag)
	}
	if i < 0 {
		return named{}, usagef("%s %s: say whose key it must be: %s FILE=FINGERPRINT, with the fingerprint that the owner told you by another way than the key came, or FILE=ADDRESS with --roots; or the ADDRESS of somebody in the ring", flag, shown(s), flag)
	}
	_, err := keyring.ParseFingerprint(s[i+1:])
	return named{}, fmt.Errorf("%s %s: %w", flag, shown(s[:i]), err)
}

func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s
}

// verify turns the values of a flag into certificates that were verified, all
// of them or none. Who has keys in both formats is taken in the one that is asked
// for, if one is.
func (a *app) verify(flag string, format kind, values []string) ([]*keyring.Verified, error) {
	var all []named
	var known []string // addresses, which the ring knows
	for _, v := range values {
		n, err := splitNamed(flag, v)
		switch {
		case err != nil:
			return nil, err
		case n.address != "" && n.file == "":
			known = append(known, n.address)
			continue
		case n.file == "":
			return nil, usagef("%s %s: there is no file name before the =", flag, shown(v))
		}
		all = append(all, n)
	}
	if err := a.authorityInUse(flag, all); err != nil {
		return nil, err
	}
	var out []*keyring.Verified
	for _, n := range all {
		if n.address != "" {
			vs, err := a.verifyAddress(flag, n)
			if err != nil {
				return nil, err
			}
			out = append(out, vs...)
			continue
		}
		v, err := a.verifyOne(flag, n)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	byRing, err := a.verifyByRing(flag, format, known, out)
	if err != nil {
		return nil, err
	}
	return append(byRing, out...), nil
}

func (a *app) verifyOne(flag string, n named) (*keyring.Verified, error) {
	c, k, err := a.certificate(n.file)
	if errors.Is(err, fs.ErrNotExist) && isAddress(n.file) {
		return nil, usagef("%s %s: there is no such file: for somebody in the ring give the address alone, %s %s; else box ring add FILE FINGERPRINT first", flag, shown(n.file+"="+n.want.String()), flag, shown(n.file))
	}
	if err != nil {
		return nil, err
	}
	v, err := keyring.Verify(c, keyring.Expect(n.want))
	var mismatch *keyring.MismatchError
	if errors.As(err, &mismatch) && k == kindSMIME && len(n.want.String()) == thumbprintDigits {
		err = &thumbprintError{n.want}
	}
	return v, failed(flag, n.file, err)
}

// thumbprintDigits is the length of SHA-1 in hexadecimal digits; one that was
// given by that name has "sha1:" before them.
const thumbprintDigits = 40

// thumbprintError explains the most common mistake: Windows, gpgsm and
// "openssl x509 -fingerprint" show SHA-1 first.
type thumbprintError struct{ want keyring.Fingerprint }

func (e *thumbprintError) Error() string {
	return "40 digits are at best the SHA-1 thumbprint of an X.509 certificate, and two certificates can be made to share one; ask its owner for SHA-256, 64 digits: " +
		"openssl x509 -noout -fingerprint -sha256 -in FILE; Windows: certutil -hashfile FILE.cer SHA256 (of the DER file), " +
		"or PowerShell (Get-PfxCertificate FILE.cer).GetCertHashString('SHA256'); to accept the thumbprint all the same write sha1:" + e.want.String()
}

func (e *thumbprintError) Is(target error) bool { return target == keyring.ErrRefused }

// verifyByRing returns whom the ring knows by these addresses: to seal to, all
// of the format that is asked for or that the others have, or to have signed.
func (a *app) verifyByRing(flag string, format kind, addresses []string, others []*keyring.Verified) ([]*keyring.Verified, error) {
	if len(addresses) == 0 {
		return nil, nil
	}
	r, err := a.openRing()
	if err != nil {
		return nil, err
	}
	if flag == "--to" {
		if format == "" && len(others) > 0 {
			format = kindIs(others[0].Certificate())
		}
		if format == "" {
			all, err := r.Recipients(addresses...)
			return all, a.ringRefused(err)
		}
		all, err := r.RecipientsIn(string(format), addresses...)
		return all, a.ringRefused(err)
	}
	var out []*keyring.Verified
	for _, address := range addresses {
		all, err := r.Senders(address)
		if err != nil {
			return nil, a.ringRefused(err)
		}
		out = append(out, all...)
	}
	return out, nil
}
