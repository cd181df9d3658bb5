package mail

import (
	"fmt"
	"strings"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// GapsError says why a draft cannot be sealed to everybody who is to get it.
// Nothing was read of the draft and nothing written. It is
// [keyring.ErrRefused], and errors.As reaches each reason.
type GapsError struct {
	Gaps []Gap // all of them, those of the sender first
}

// Gap is an address without a key that can be used, or the sender's where a
// signer cannot sign for it.
type Gap struct {
	Address string
	Err     error
}

// maxGaps is how many are spelled out in one line.
const maxGaps = 20

// Error implements error, on one line.
func (e *GapsError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "mail: nothing was sealed, %d of the addresses cannot be written to: ", len(e.Gaps))
	for i, g := range e.Gaps {
		if i == maxGaps {
			fmt.Fprintf(&b, "; and %d more", len(e.Gaps)-maxGaps)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%.254q: %s", g.Address, g.why())
	}
	return b.String()
}

// why is the reason without what the line says anyway.
func (g *Gap) why() string {
	s := g.Err.Error()
	for _, said := range []string{"keyring: ", "envelope: ", "nothing is sealed: ", fmt.Sprintf("%q: ", g.Address), "refused: "} {
		s = strings.TrimPrefix(s, said)
	}
	return s
}

// Unwrap returns the reasons.
func (e *GapsError) Unwrap() []error {
	all := make([]error, len(e.Gaps))
	for i, g := range e.Gaps {
		all[i] = g.Err
	}
	return all
}

// Is reports whether target is [keyring.ErrRefused].
func (e *GapsError) Is(target error) bool { return target == keyring.ErrRefused }
