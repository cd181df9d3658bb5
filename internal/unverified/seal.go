package unverified

import (
	"bytes"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Telling returns a format that does what f does, and sets k to the session
// key of every message that it seals. It belongs in Sealer.Format.
func Telling(f Format, k *SessionKey) Format {
	return seam.Wrap[seam.Format](&telling{f.Unwrap(), k})
}

type telling struct {
	seam.Format
	key *SessionKey
}

var _ seam.FormatOver = (*telling)(nil)

// Over implements seam.FormatOver.
func (t *telling) Over() seam.Format { return t.Format }

// Seal implements seam.Format.
func (t *telling) Seal(dst io.Writer, p *seam.SealPlan) (seam.Writer, error) {
	told := *p
	told.SessionKey = func(cipher byte, key []byte) {
		*t.key = SessionKey{cipher, bytes.Clone(key)}
	}
	return t.Format.Seal(dst, &told)
}
