package mail

import (
	"fmt"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// AmbiguousError says that two programs can read the message in two ways, each
// of which may show something else; see [Opener].Strict. It is
// envelope.ErrFormat.
type AmbiguousError struct {
	Findings []Finding // those with Ambiguous set, in the order of the message; at least one
}

// Error implements error, on one line.
func (e *AmbiguousError) Error() string {
	var b strings.Builder
	b.WriteString("mail: another program may read another message in this one")
	const shown = 3
	for i, f := range e.Findings {
		if i == shown {
			fmt.Fprintf(&b, "; and %d more", len(e.Findings)-shown)
			break
		}
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		where := "the header"
		if f.Path != "" {
			where = "part " + f.Path
		}
		fmt.Fprintf(&b, "%s%s in %s: %s", sep, f.Code, where, f.Text)
	}
	return b.String()
}

// Is reports whether target is envelope.ErrFormat.
func (e *AmbiguousError) Is(target error) bool { return target == envelope.ErrFormat }
