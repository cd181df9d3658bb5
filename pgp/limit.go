package pgp

import (
	"errors"
	"fmt"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// fixedLimit is an [*envelope.LimitError] of a limit that no setting raises:
// its text does not send anybody to look for one.
type fixedLimit struct {
	what string
	max  int64
}

func (e *fixedLimit) Error() string {
	return fmt.Sprintf("pgp: more than %d %s, which is refused whoever sent it", e.max, e.what)
}

func (e *fixedLimit) Unwrap() error { return &envelope.LimitError{What: e.what, Max: e.max} }

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
	var fixed *fixedLimit
	var limit *envelope.LimitError
	switch {
	case errors.As(err, &fixed):
		return fixed
	case errors.As(err, &limit):
		return limit
	}
	return nil
}
