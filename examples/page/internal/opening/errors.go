package opening

import (
	"errors"
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// Code says what went wrong in one word, for which the page has a sentence in
// each language.
type Code string

const (
	BadLink   Code = "link"      // what stands behind the "#" is no link, or not all of it
	Expired   Code = "expired"   // the link's time is over
	TooBig    Code = "big"       // more than Limit
	Truncated Code = "truncated" // less arrived than the link says
	Replaced  Code = "replaced"  // not the file that the link was made for
	NoBox     Code = "nobox"     // nothing that was locked or sealed, or damaged
	Plain     Code = "plain"     // an archive that is not encrypted
	Outdated  Code = "outdated"  // encrypted in a way that protects nothing, or that is not read here
	NoSecret  Code = "nosecret"  // neither passphrase nor key was given
	Wrong     Code = "wrong"     // the passphrase or the key does not fit, or the content was changed
	NotForYou Code = "notforyou" // sealed to other keys
	NeedsKey  Code = "needskey"  // no passphrase opens it, a key does
	BadKey    Code = "badkey"    // the key file is none, or damaged
	KeyLocked Code = "keylocked" // the passphrase of the key file is wrong
	Other     Code = "other"     // anything else
)

// Error is the error of everything in this package.
type Error struct {
	Code Code
	Err  error // for who helps; nil where Code says it all
}

// Error implements error, on one line.
func (e *Error) Error() string {
	if e.Err == nil {
		return "opening: " + string(e.Code)
	}
	return fmt.Sprintf("opening: %s: %v", e.Code, e.Err)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

func failed(code Code, err error) error { return &Error{Code: code, Err: err} }

// told gives an error of the library its code.
func told(err error) error {
	var e *Error
	var refused *zipbox.RefusedError
	switch {
	case err == nil, errors.As(err, &e):
		return err
	case errors.As(err, &refused):
		return failed(refusedCode(refused.Code), err)
	case errors.Is(err, envelope.ErrDecrypt):
		return failed(Wrong, err)
	case errors.Is(err, envelope.ErrNotForYou):
		return failed(NotForYou, err)
	case errors.Is(err, envelope.ErrLimit):
		return failed(TooBig, err)
	case errors.Is(err, pgp.ErrPassphrase), errors.Is(err, smime.ErrPassphrase):
		return failed(KeyLocked, err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return failed(Truncated, err)
	case errors.Is(err, envelope.ErrFormat):
		return failed(NoBox, err)
	}
	return failed(Other, err)
}

// refusedCode is the code of what package zipbox refuses.
func refusedCode(code string) Code {
	switch code {
	case "not-encrypted":
		return Plain
	case "zipcrypto", "encrypted-directory", "strong-encryption", "method", "disks":
		return Outdated
	case "cut":
		return Truncated
	}
	return NoBox
}
