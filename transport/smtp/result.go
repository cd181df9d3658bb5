package smtp

import (
	"errors"
	"fmt"
	"strings"
)

// Outcome is what became of a message for one recipient.
type Outcome int

// The outcomes.
const (
	// NotSent: the server has nothing of the message for this recipient. To send
	// it again is safe.
	NotSent Outcome = iota

	// Accepted: the server has the message and answers for it.
	Accepted

	// Deferred: the server refused for now, with a reply of class 4.
	Deferred

	// Refused: the server refused for good, with a reply of class 5.
	Refused

	// Unknown: the message was sent as a whole, and no answer came. The server
	// may have it or not; to send it again may be a duplicate.
	Unknown
)

// String returns the outcome as a word.
func (o Outcome) String() string {
	switch o {
	case NotSent:
		return "not sent"
	case Accepted:
		return "accepted"
	case Deferred:
		return "deferred"
	case Refused:
		return "refused"
	case Unknown:
		return "unknown"
	}
	return fmt.Sprintf("Outcome(%d)", int(o))
}

// Recipient is what became of a message for one recipient.
type Recipient struct {
	Address    string // as the message has it
	ReturnPath string // what the server was told as the sender; "" before it was told
	Outcome    Outcome
	Reply      Reply // that decided it; for what was accepted the final one
	Err        error // why it was not accepted, nil where it was
}

// Result is what became of one message.
type Result struct {
	MessageID  string      // as the message has it; without angle brackets
	Recipients []Recipient // all of them, in the message's order
}

// Again returns the recipients for whom the message may be sent again without
// one of them getting it twice: those of NotSent and Deferred. Whether Unknown
// ones are tried again is a decision that nobody else can make: see Which.
func (r *Result) Again() []string { return r.Which(NotSent, Deferred) }

// Which returns the recipients with one of the outcomes.
func (r *Result) Which(outcomes ...Outcome) (addresses []string) {
	for _, to := range r.Recipients {
		for _, o := range outcomes {
			if to.Outcome == o {
				addresses = append(addresses, to.Address)
			}
		}
	}
	return addresses
}

// Err returns nil where everybody's is Accepted, and else a *PartialError.
func (r *Result) Err() error {
	if r == nil || len(r.Which(Accepted)) == len(r.Recipients) {
		return nil
	}
	return &PartialError{Result: r}
}

// PartialError is the error of a message that was not accepted for everybody.
// It unwraps to the errors of the recipients.
type PartialError struct {
	Result *Result
}

// Error implements error, on one line.
func (e *PartialError) Error() string {
	r := e.Result
	if r == nil { // of a zero PartialError, which nothing here returns
		return "smtp: a message was not accepted for everybody"
	}
	text := fmt.Sprintf("smtp: %.80q was accepted for %d of %d", r.MessageID, len(r.Which(Accepted)), len(r.Recipients))
	const most = 5 // who is named on one line
	named := 0
	for _, to := range r.Recipients {
		if to.Outcome == Accepted {
			continue
		}
		if named++; named > most {
			return text + "; and more"
		}
		text += fmt.Sprintf("; %.80q is %s", to.Address, to.Outcome)
		if to.Err != nil {
			text += " (" + strings.TrimPrefix(to.Err.Error(), "smtp: ") + ")"
		}
	}
	return text
}

// Unwrap returns the errors of the recipients.
func (e *PartialError) Unwrap() (errs []error) {
	if e.Result == nil {
		return nil
	}
	for _, to := range e.Result.Recipients {
		if to.Err != nil && !errors.Is(errors.Join(errs...), to.Err) {
			errs = append(errs, to.Err)
		}
	}
	return errs
}

// sendErrors are the errors of several messages, on one line.
type sendErrors []error

func (e sendErrors) Error() string {
	texts := make([]string, len(e))
	for i, err := range e {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (e sendErrors) Unwrap() []error { return e }

// joined is nil for none.
func joined(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return sendErrors(errs)
}
