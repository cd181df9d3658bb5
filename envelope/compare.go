package envelope

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// compareReaders is compare, of what is for so many readers in all: a format
// that forgets one in its plan too is noticed.
func compareReaders(asked int, planned, found *seam.Facts) error {
	if planned.Encrypted && len(planned.Recipients) != asked {
		return fmt.Errorf("envelope: internal error: the message is planned for %d recipients, and %d were asked for: discard it", len(planned.Recipients), asked)
	}
	return compare(planned, found)
}

// compare holds what was found in the output against what was planned.
func compare(planned, found *seam.Facts) error {
	diff := func(what string, want, got any) error {
		return fmt.Errorf("envelope: internal error: the message written has %s %.80q, planned was %.80q: discard it", what, fmt.Sprint(got), fmt.Sprint(want))
	}
	switch {
	case planned.Format != found.Format:
		return diff("format", planned.Format, found.Format)
	case planned.Encrypted != found.Encrypted:
		return diff("encryption", planned.Encrypted, found.Encrypted)
	case planned.Container != found.Container:
		return diff("container", planned.Container, found.Container)
	case planned.Content != found.Content:
		return diff("content encryption", planned.Content, found.Content)
	case planned.Armored != found.Armored:
		return diff("armor", planned.Armored, found.Armored)
	case len(planned.Recipients) != len(found.Recipients):
		return diff("a number of recipients of", len(planned.Recipients), len(found.Recipients))
	}
	// As multisets: a format may sort them, and a recipient that is named
	// twice must be found twice.
	p, f := sortedRecipients(planned.Recipients), sortedRecipients(found.Recipients)
	for i := range p {
		if p[i] != f[i] {
			return diff("a recipient", p[i], f[i])
		}
	}
	if found.Encrypted {
		return nil // signatures are inside
	}
	if p, f := signers(planned), signers(found); !slices.Equal(p, f) {
		return diff("signatures", p, f)
	}
	return nil
}

func sortedRecipients(rs []seam.Recipient) []seam.Recipient {
	return slices.SortedFunc(slices.Values(rs), func(a, b seam.Recipient) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Algorithm, b.Algorithm), hidden(a)-hidden(b))
	})
}

func hidden(r seam.Recipient) int {
	if r.Hidden {
		return 1
	}
	return 0
}

// signers lists who made signatures and how, sorted.
func signers(f *seam.Facts) (out []string) {
	for _, s := range f.Signatures {
		out = append(out, s.SignerID+" "+s.Algorithm)
	}
	slices.Sort(out)
	return out
}
