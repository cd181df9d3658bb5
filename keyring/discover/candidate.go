package discover

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// Candidate is a certificate that arrived from somewhere. It is NOT trusted:
// keyring.Verify decides. Everything in it is what others say: quote it before
// printing.
type Candidate struct {
	Certificate *keyring.Certificate

	// Source says in a few words where it came from: "keys.asc, block 2".
	Source string

	// Address is the mail address for which the source said it to be, as it was
	// written there; "" where it said nothing. Which addresses the certificate
	// itself states is another question.
	Address string

	// Notes are what a person may want to know before deciding: "ownertrust:
	// full (not taken)", "of a file with a secret key". Nothing of it was or
	// will be acted upon.
	Notes []string
}

// Problem is why something that arrived is no candidate.
type Problem struct {
	Where string // as Candidate.Source: "pubring.kbx, entry 3"
	Err   error
}

// Error implements error, on one line.
func (p Problem) Error() string {
	return fmt.Sprintf("discover: %.200q: %s", p.Where, oneLine(p.Err))
}

// oneLine returns what an error says without what would write over lines of a
// terminal: some errors of the standard library hold what was sent.
func oneLine(err error) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, fmt.Sprint(err))
}

// Unwrap returns Err.
func (p Problem) Unwrap() error { return p.Err }
