package main

import (
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/doublekeybox/doublekeybox/examples/internal/terminal"
)

// The exit statuses, a promise to scripts.
const (
	exitOther       = 1   // usage, configuration, input and output
	exitPreflight   = 2   // rows that cannot be sent; nothing was sent
	exitNotSent     = 3   // some refused, or put off
	exitDoubt       = 4   // some may have been sent and may not
	exitInterrupted = 130 // as shells have it for Ctrl-C
)

// statusError is an error that carries its exit status.
type statusError struct {
	status int
	text   string // "": all was said already
}

func (e *statusError) Error() string { return e.text }

// exitCode is the one place where an error becomes an exit status.
func exitCode(err error) int {
	var status *statusError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return status.status
	}
	return exitOther
}

// usagef is an error of whoever typed the command.
func usagef(format string, args ...any) error { return fmt.Errorf(format, args...) }

// failed says what was done to which file when err happened.
func failed(doing, name string, err error) error {
	return terminal.Failed(doing, shown(name), err)
}

// errorLine is the line that a person reads. The library's packages say their
// own names, which mean nothing to whoever typed a command.
func errorLine(err error) string {
	s := terminal.WithoutPackages(err.Error(),
		"keyring", "envelope", "mail", "pgp", "smime", "smtp", "ses", "zipbox", "link", "bounce",
		"list", "letter", "channel", "journal", "report", "batch", "carrier",
	)
	if errors.As(err, new(x509.UnknownAuthorityError)) {
		s += `; where that server is the right one, "authorities" beside its address in the configuration names a file with the certificate of who issued its own`
	}
	return s
}

// shown is a file name as a message shows it.
func shown(name string) string { return terminal.Quoted(name) }

// cut shortens what came from outside.
func cut(s string) string { return terminal.Cut(s) }

// oneLine makes s safe to print.
func oneLine(s string) string { return terminal.OneLine(s) }
