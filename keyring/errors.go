package keyring

import (
	"errors"
	"fmt"
	"time"
)

// ErrRefused is what every refusal to believe or to use a certificate is:
// errors.Is(err, ErrRefused). The types below carry which and why.
var ErrRefused = errors.New("keyring: refused")

// errFIPS is why nothing with a SHA-1 fingerprint verifies under
// GODEBUG=fips140=only, where crypto/sha1 would panic.
var errFIPS = fmt.Errorf("%w: SHA-1 fingerprints (OpenPGP version 4, thumbprints) are not allowed with GODEBUG=fips140=only", ErrRefused)

// MismatchError says that a certificate has another fingerprint than expected.
type MismatchError struct {
	Want Fingerprint // zero: none was expected, or safety numbers were compared
	Got  Fingerprint // computed of the certificate

	numbers [2]string // expected and computed, where safety numbers were compared
}

// Error implements error, on one line.
func (e *MismatchError) Error() string {
	switch {
	case e.numbers[0] != "":
		return fmt.Sprintf("keyring: the safety number with %s is %s, expected was %s: this is another key, or the other side has another one of yours", e.Got, e.numbers[1], e.numbers[0])
	case e.Want.IsZero():
		return fmt.Sprintf("keyring: no fingerprint was expected, the zero value matches nothing; this certificate's is %s", e.Got)
	case e.Want.kind == decimal && e.Got.Digits() != "":
		return fmt.Sprintf("keyring: the figures are %s, expected were %s: this is another key", e.Got.Digits(), e.Want.Digits())
	case e.Want.kind == thumb:
		return fmt.Sprintf("keyring: the thumbprint is not the expected %s: this is another key, or no X.509 certificate; its fingerprint is %s", e.Want, e.Got)
	}
	if e.Got.kind == x509 && e.Want.kind == pgp4 {
		return fmt.Sprintf("keyring: %s has 40 digits, the SHA-1 thumbprint of an X.509 certificate at best: give its SHA-256 fingerprint, 64 digits"+
			" (openssl x509 -noout -fingerprint -sha256 -in FILE), or write sha1: before it to accept the thumbprint; this certificate's is %s", e.Want, e.Got)
	}
	return fmt.Sprintf("keyring: the fingerprint is %s, expected was %s: this is another key", e.Got, e.Want)
}

// Is reports whether target is [ErrRefused].
func (e *MismatchError) Is(target error) bool { return target == ErrRefused }

// ExpiredError says that a certificate, or the part of it that would be used,
// is no longer or not yet valid.
type ExpiredError struct {
	Fingerprint Fingerprint
	NotBefore   time.Time // zero: no bound
	NotAfter    time.Time // zero: no bound
	At          time.Time // when it was asked for
}

// Error implements error, on one line.
func (e *ExpiredError) Error() string {
	if !e.NotBefore.IsZero() && e.At.Before(e.NotBefore) {
		return fmt.Sprintf("keyring: %s is not valid before %s", e.Fingerprint, e.NotBefore.UTC().Format(time.DateOnly))
	}
	if e.NotAfter.IsZero() {
		return fmt.Sprintf("keyring: %s is not valid at this time: ask its owner for a new one", e.Fingerprint)
	}
	return fmt.Sprintf("keyring: %s expired on %s: ask its owner for a new one", e.Fingerprint, e.NotAfter.UTC().Format(time.DateOnly))
}

// Is reports whether target is [ErrRefused].
func (e *ExpiredError) Is(target error) bool { return target == ErrRefused }

// RevokedError says that the owner or the issuer withdrew a certificate.
type RevokedError struct {
	Fingerprint Fingerprint
	When        time.Time // zero: not stated
	Reason      string    // as stated by who revoked; quoted in the message
}

// Error implements error, on one line.
func (e *RevokedError) Error() string {
	s := fmt.Sprintf("keyring: %s is revoked", e.Fingerprint)
	if !e.When.IsZero() {
		s += " since " + e.When.UTC().Format(time.DateOnly)
	}
	if e.Reason != "" {
		s += fmt.Sprintf(" (%q)", cut(e.Reason))
	}
	return s + ": ask its owner for a new one"
}

// Is reports whether target is [ErrRefused].
func (e *RevokedError) Is(target error) bool { return target == ErrRefused }

// UnusableError says that a certificate cannot serve the purpose: it is for
// signatures only, its key is too small, its algorithm is not supported.
type UnusableError struct {
	Fingerprint Fingerprint
	Reason      string // one clause, ours: "is for signatures only"
}

// Error implements error, on one line.
func (e *UnusableError) Error() string {
	return fmt.Sprintf("keyring: %s %s", e.Fingerprint, e.Reason)
}

// Is reports whether target is [ErrRefused].
func (e *UnusableError) Is(target error) bool { return target == ErrRefused }
