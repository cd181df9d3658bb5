// Package channel takes passphrases to the people they are for by another way
// than the mail: on paper, by way of a print shop, or by whatever is behind a
// webhook. Nothing of a passphrase stands in an error, a log or a file that is
// not sealed.
package channel

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// Item is one passphrase on its way.
type Item struct {
	Number     string // of [NewNumber]; stands in the mail, too
	Name       string
	Address    string
	Language   string
	Passphrase *envelope.Passphrase
	Fields     map[string]string // from the list: where the letter goes to
}

// Channel delivers passphrases. It is safe for concurrent use.
type Channel interface {
	// Deliver returns nil only when all of items are where neither the end of
	// this program nor that of the machine loses them: the mails that need them
	// go out then. After an *UndeliveredError that is so of all but those that it
	// names; after any other error nothing is known of any of them.
	Deliver(ctx context.Context, items []Item) error
}

// UndeliveredError says of which items nothing is known: all others are
// delivered.
type UndeliveredError struct {
	Numbers map[string]error // why, by the number of the item; never empty
}

// Error implements error, on one line.
func (e *UndeliveredError) Error() string {
	first := slices.Min(slices.Collect(maps.Keys(e.Numbers)))
	return fmt.Sprintf("channel: %d passphrases were not delivered: %v", len(e.Numbers), e.Numbers[first])
}

// Unwrap returns why.
func (e *UndeliveredError) Unwrap() []error { return slices.Collect(maps.Values(e.Numbers)) }

// A number has numberLength characters, each one of 31: 59 bits, so that among
// the 100,000 of a run two are the same once in 10^8 runs. It is no secret.
const (
	numberLength   = 12
	numberGroup    = 4
	numberAlphabet = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
)

// NewNumber returns a number for a new passphrase, "K7Q2-M4T9-X3WA": capital
// letters and digits, so that nobody takes it for the passphrase, without those
// that are taken for each other on paper.
func NewNumber() string {
	const n = byte(len(numberAlphabet))
	text := make([]byte, 0, numberLength+2)
	for b := make([]byte, 1); len(text) < cap(text); {
		if len(text)%(numberGroup+1) == numberGroup {
			text = append(text, '-')
			continue
		}
		// What is beyond the last multiple of n would make the first
		// characters likelier. crypto/rand does not fail.
		if rand.Read(b); b[0] < 255/n*n {
			text = append(text, numberAlphabet[b[0]%n])
		}
	}
	return string(text)
}

// isNumber reports whether s has the form of what NewNumber returns.
func isNumber(s string) bool {
	if len(s) != numberLength+2 {
		return false
	}
	for i := range len(s) {
		if i%(numberGroup+1) == numberGroup {
			if s[i] != '-' {
				return false
			}
			continue
		}
		if !contains(numberAlphabet, s[i]) {
			return false
		}
	}
	return true
}

func contains(s string, c byte) bool {
	for i := range len(s) {
		if s[i] == c {
			return true
		}
	}
	return false
}
