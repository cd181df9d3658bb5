package main

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/examples/internal/terminal"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/identities"
	"github.com/doublekeybox/doublekeybox/transport/link"
)

// The exit statuses, a promise to scripts.
const (
	exitOther     = 1 // usage, input and output, mixed formats, a key file's passphrase
	exitRefused   = 2
	exitNotForYou = 3
	exitDecrypt   = 4
	exitSignature = 5
	exitLimit     = 6
)

// exitCode is the one place where an error becomes an exit status.
func exitCode(err error) int {
	var corrupt base64.CorruptInputError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, keyring.ErrRefused):
		return exitRefused
	case errors.Is(err, envelope.ErrNotForYou):
		return exitNotForYou
	case errors.Is(err, envelope.ErrLimit), errors.As(err, new(*identities.LimitError)):
		return exitLimit
	case errors.Is(err, envelope.ErrDecrypt), errors.Is(err, envelope.ErrFormat), errors.As(err, &corrupt),
		errors.Is(err, link.ErrTruncated), errors.Is(err, link.ErrTooLong), errors.Is(err, link.ErrReplaced):
		return exitDecrypt
	case errors.Is(err, envelope.ErrSignature):
		return exitSignature
	}
	return exitOther
}

// usagef is an error of whoever typed the command.
func usagef(format string, args ...any) error { return fmt.Errorf(format, args...) }

// failed says what was done to which file when err happened. name is a file
// name or "-".
func failed(doing, name string, err error) error {
	return terminal.Failed(doing, shown(name), err)
}

// errorLine is the line that a person reads: what happened, to which file, and
// what to do about it.
func (a *app) errorLine(err error) string {
	s := terminal.WithoutPackages(err.Error(), "keyring", "identities", "discover", "envelope", "mail", "pgp", "smime", "atomicfile", "spool", "zipbox", "link")
	if what := flagFor(s); what != "" {
		return s + "; " + what
	}
	// The library knows fingerprints; people know files.
	if !errors.As(err, new(*keyring.MismatchError)) {
		for fingerprint, file := range a.files {
			if !strings.Contains(s, shown(file)) {
				s = strings.ReplaceAll(s, fingerprint, shown(file)+" ("+fingerprint+")")
			}
		}
	}
	what := advice(err)
	trouble := a.tokenTrouble()
	switch {
	case errors.Is(err, envelope.ErrDecrypt) && trouble != "":
		what = "nothing was written; " + trouble
	case errors.Is(err, envelope.ErrDecrypt) && a.hint != "":
		what = a.hint
	case a.rewraps && errors.As(err, new(*envelope.UnknownReaderError)):
		what = "in this program: --profile modern, or --reads-gcm FILE"
	}
	if what != "" {
		s += "; " + what
	}
	return s
}

// flagFor says what to type where the library names what its caller has to
// write, "" if it does not.
func flagFor(text string) string {
	for _, f := range []struct{ library, here string }{
		{"accept this one by Locker.Weak", "here: --generate, or --weak"},
		{"set AllowPrivate", "here: --allow-private"},
		{"or say that the address is yours", "here: box ring add FILE FINGERPRINT --own"},
		{"Policy.AcceptFirstUse", "here: --accept first-use, on this command and on all that use the key"},
		{"Policy.AcceptDomainAttested", "here: --accept domain, on this command and on all that use the key"},
		{"Legacy.TripleDES", "here: box open or box reseal with --legacy 3des; mostly with --allow-unauthenticated too, as nothing protects such messages against change"},
		{"Legacy.RC2", "here: box open or box reseal with --legacy rc2; mostly with --allow-unauthenticated too, as nothing protects such messages against change"},
		{"Legacy.RSA1024", "here: box open or box reseal with --legacy rsa1024"},
		{"Legacy.NoMDC", "here: box open or box reseal with --legacy nomdc, for old archives only: whoever carried the message may have changed it"},
		{"give Composer.Signers one, or say AllowUnsigned", "here: one more --sign, with a key of that format, or --allow-unsigned"},
		{"add it to the ring as a signer for this address", "here: box ring add FILE FINGERPRINT --alias ADDRESS, or another --sign"},
		{"it is signed and not sealed", "here: box verify --opaque --from FILE=FINGERPRINT"},
		{"not sealed: anybody can read it", "here: box verify --opaque --from FILE=FINGERPRINT, where it is signed"},
		{"it is sealed and not only signed", "here: box open --key KEYFILE, with --from FILE=FINGERPRINT for the signature inside"},
		{"not a detached signature", "here: box verify --opaque, without a second file"},
		{`"PGP SIGNATURE", not a message`, "here: box verify --from FILE=FINGERPRINT SIGNATURE CONTENT"},
		{"the signature brings a content of its own", "here: box verify --opaque, without a second file"},
	} {
		if strings.Contains(text, f.library) {
			return f.here
		}
	}
	return ""
}

// advice says what to do, where the library, which knows no command line,
// could not.
func advice(err error) string {
	var (
		mismatch *keyring.MismatchError
		unknown  *envelope.UnknownReaderError
		gaps     *mail.GapsError
	)
	switch {
	case errors.As(err, new(*notVerifiedError)):
		return "the notes say why; ask the sender, by another way, whether they wrote it"
	case errors.As(err, new(*noKeyError)):
		return "give yours with --key KEYFILE, or keep it with box identity add; box inspect shows for whom it is"
	case errors.As(err, new(*noMailError)):
		return "check that this is the whole mail, as it was received; what is sealed and no mail is for box open"
	case errors.As(err, &unknown) && errors.As(err, &gaps):
		return "in this program: one more --sign, with a key of that format, or --profile modern"
	case errors.As(err, &unknown):
		return "in this program: --sign KEYFILE, --profile modern, --reads-gcm FILE, or --allow-unauthenticated"
	case errors.As(err, &mismatch):
		return "do not use this key; ask its owner for the fingerprint once more, by another way than the key came"
	case errors.Is(err, envelope.ErrNotForYou):
		return "give the key that it was sealed to, or --with-passphrase FILE; box inspect shows which"
	case errors.Is(err, envelope.ErrDecrypt):
		return "nothing was written; ask the sender to send it again"
	case errors.Is(err, io.ErrUnexpectedEOF) && errors.Is(err, envelope.ErrFormat):
		return "it is cut off or empty: get it again, whole"
	case errors.Is(err, envelope.ErrFormat):
		return "check that this is the sealed file, as it was sent"
	case errors.Is(err, envelope.ErrSignature):
		return "nothing was written; ask the sender, by another way, what they sent and with which key"
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "nobody whom this computer trusts says that this server is the one of that name: nothing was fetched; ask the sender"
	case errors.Is(err, fs.ErrExist):
		return "choose another name, or replace it with --force"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EFBIG):
		return "nothing was left behind; make room and run it again"
	}
	return ""
}

// shown is a file name as a message shows it.
func shown(name string) string {
	if name == "-" {
		return "standard input"
	}
	return terminal.Quoted(name)
}

// cut shortens what came from outside.
func cut(s string) string { return terminal.Cut(s) }

// oneLine makes s safe to print.
func oneLine(s string) string { return terminal.OneLine(s) }
