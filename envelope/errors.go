package envelope

import (
	"errors"
	"fmt"
	"strings"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// One sentinel for each thing that a caller does next; errors.Is finds them
// below everything that this module returns. Refusals to use a key are
// [keyring.ErrRefused].
var (
	// ErrNotForYou: the message names no recipient that is one of the
	// identities. Found without a private key.
	ErrNotForYou = errors.New("envelope: the message is not sealed to any of these keys")

	// ErrFormat: not a message of a known format, cut off (then it wraps
	// io.ErrUnexpectedEOF too), or of a kind that is not supported. Found
	// without a private key.
	ErrFormat = errors.New("envelope: not a sealed message, damaged, or not supported")

	// ErrDecrypt: the one error for everything that depends on a secret. It is
	// never wrapped, so that no two causes can be told apart: each difference
	// would answer an attacker's question about the plaintext or the key.
	ErrDecrypt = errors.New("envelope: cannot decrypt: wrong key, message damaged, or not authenticated")

	// ErrSignature: a signature that was required is missing, or not by one of
	// the senders given; or one that is there is bad.
	ErrSignature = errors.New("envelope: signature missing, bad, or by somebody else")

	// ErrLimit: more of something than [Limits] allows; see [*LimitError].
	ErrLimit = errors.New("envelope: limit reached")

	// ErrMixed: recipients and signers of different formats; see [*MixedError].
	ErrMixed = errors.New("envelope: different formats in one envelope")

	// ErrClosed: used after Close or Abort, or after a panic of the caller's
	// Reader or Writer. After an error, that error comes again.
	ErrClosed = errors.New("envelope: used after Close or Abort")
)

// LimitError says which limit a message reached, or would reach if it were
// written.
type LimitError struct {
	What string // "recipients"
	Max  int64  // of them

	Fixed bool // no field of [Limits], nor any other setting, raises it
}

// Error implements error, on one line.
func (e *LimitError) Error() string {
	if e.Fixed {
		return fmt.Sprintf("envelope: more than %d %s, which no setting allows", e.Max, e.What)
	}
	return fmt.Sprintf("envelope: more than %d %s: raise the limit only for a sender that you trust", e.Max, e.What)
}

// Is reports whether target is [ErrLimit].
func (e *LimitError) Is(target error) bool { return target == ErrLimit }

// RecipientsError names every recipient and signer that cannot be used, and
// why. Nothing was written. It is [keyring.ErrRefused], and errors.As reaches
// each reason.
type RecipientsError struct {
	Reasons []error // one for each, in the order given; each names its certificate
}

// Error implements error, on one line.
func (e *RecipientsError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "envelope: nothing was sealed, %d of the keys cannot be used: ", len(e.Reasons))
	for i, r := range e.Reasons {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(strings.TrimPrefix(r.Error(), "keyring: "))
	}
	return b.String()
}

// Unwrap returns the reasons.
func (e *RecipientsError) Unwrap() []error { return e.Reasons }

// Is reports whether target is [keyring.ErrRefused].
func (e *RecipientsError) Is(target error) bool { return target == keyring.ErrRefused }

// MixedError says which keys are of which format. Seal once for each format:
// no format carries both, and two formats must not share a content key.
type MixedError struct {
	Keys map[string][]keyring.Fingerprint // by the format's name
}

// Error implements error, on one line.
func (e *MixedError) Error() string {
	var parts []string
	for _, name := range sortedKeys(e.Keys) {
		var fs []string
		for _, f := range e.Keys[name] {
			fs = append(fs, f.String())
		}
		parts = append(parts, name+": "+strings.Join(fs, ", "))
	}
	return "envelope: recipients and signers of one envelope must be of one format; seal once for each: " + strings.Join(parts, "; ")
}

// Is reports whether target is [ErrMixed].
func (e *MixedError) Is(target error) bool { return target == ErrMixed }

// UnknownReaderError says that [Auto] cannot choose: nothing is known of what
// these recipients' programs read, and without a signer the form that all of
// them read would not be authenticated. It is [keyring.ErrRefused].
type UnknownReaderError struct {
	Recipients []keyring.Fingerprint
}

// Error implements error, on one line.
func (e *UnknownReaderError) Error() string {
	var fs []string
	for _, f := range e.Recipients {
		fs = append(fs, f.String())
	}
	return "envelope: not known what programs these recipients read mail with: " + strings.Join(fs, ", ") +
		"; sign, or choose the Modern profile (not for Outlook, Apple Mail, Thunderbird), or note what they read with Verified.With, or allow unauthenticated encryption by its name"
}

// Is reports whether target is [keyring.ErrRefused].
func (e *UnknownReaderError) Is(target error) bool { return target == keyring.ErrRefused }

// LoweredError says that RefuseLowering was set and these recipients' keys
// allow only a container weaker than the best of the profile. It is
// [keyring.ErrRefused].
type LoweredError struct {
	Recipients []keyring.Fingerprint // none where a passphrase would lower it: nothing says what is read by who has only that
}

// Error implements error, on one line.
func (e *LoweredError) Error() string {
	if len(e.Recipients) == 0 {
		return "envelope: a passphrase would lower the message, since it is not known what those read with who have only that: choose the Modern profile, or allow lowering"
	}
	var fs []string
	for _, f := range e.Recipients {
		fs = append(fs, f.String())
	}
	return "envelope: these recipients would lower the message for all: " + strings.Join(fs, ", ") + "; seal to them apart, or allow lowering"
}

// Is reports whether target is [keyring.ErrRefused].
func (e *LoweredError) Is(target error) bool { return target == keyring.ErrRefused }
