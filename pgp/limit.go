package pgp

import (
	"errors"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// budget is what is left of Limits.HeaderBytes.
type budget struct{ left, most int64 }

// spend reads a packet that is not content, of at most so many octets whatever
// is left of the budget.
func (u *budget) spend(b *body, most int64, what string) ([]byte, error) {
	p, err := b.bytes(min(most, u.left), what)
	if u.left < most && limitIn(err) != nil {
		return nil, &envelope.LimitError{What: "octets that are not content", Max: u.most}
	}
	u.left -= int64(len(p))
	return p, err
}

// limitIn returns the limit that err tells of, without what is around it, or nil.
func limitIn(err error) error {
	var limit *envelope.LimitError
	if errors.As(err, &limit) {
		return limit
	}
	return nil
}
