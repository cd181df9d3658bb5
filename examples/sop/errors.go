package main

import (
	"errors"
	"fmt"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// The exit codes of the draft, Section "Failure Modes". What has none there is
// unspecified.
const (
	unspecified              = 1
	noSignature              = 3
	unsupportedAsymmetric    = 13
	certCannotEncrypt        = 17
	missingArg               = 19
	incompleteVerification   = 23
	cannotDecrypt            = 29
	passwordNotHumanReadable = 31
	unsupportedOption        = 37
	badData                  = 41
	expectedText             = 53
	outputExists             = 59
	missingInput             = 61
	keyIsProtected           = 67
	unsupportedSubcommand    = 69
	unsupportedSpecialPrefix = 71
	ambiguousInput           = 73
	keyCannotSign            = 79
	incompatibleOptions      = 83
	unsupportedProfile       = 89
	primaryKeyBad            = 103
	certUserIDNoMatch        = 107
	keyCannotCertify         = 109
)

// failure is an error with the exit code that the draft has for it.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

// fail makes a failure. The format is that of fmt.Errorf.
func fail(code int, format string, args ...any) error {
	return &failure{code, fmt.Errorf(format, args...)}
}

// as gives err an exit code, unless it has one. A nil err stays nil.
func as(code int, err error) error {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	return &failure{code, err}
}

// exitCode is the outermost failure's code; without one it is what the
// library's errors mean for every subcommand.
func exitCode(err error) int {
	var f *failure
	switch {
	case err == nil:
		return 0
	case errors.As(err, &f):
		return f.code
	case errors.Is(err, pgp.ErrPassphrase):
		return keyIsProtected
	case errors.Is(err, envelope.ErrNotForYou), errors.Is(err, envelope.ErrDecrypt):
		return cannotDecrypt
	case errors.Is(err, envelope.ErrFormat), errors.Is(err, envelope.ErrLimit):
		return badData
	case errors.Is(err, envelope.ErrSignature):
		return noSignature
	}
	return unspecified
}
