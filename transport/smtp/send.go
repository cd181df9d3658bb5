package smtp

import (
	"context"
	"errors"

	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/transport/internal/outgoing"
)

// Send sends a sealed message: to only, who have to be among its recipients, as
// after a failure ([Result.Again]), or to all of them. The octets are always
// the same; nothing is sealed again.
//
// Everything that can be known before is found out before: that the message
// fits (SIZE, and Server.MaxSize), that the server offers SMTPUTF8 where it is
// needed, that the file it is kept in is what was sealed. Where the server then
// refuses some of the recipients, the others get the message, and the Result
// says who did not and by which reply.
//
// The error is nil where the message was accepted for everybody. Else it is a
// *PartialError, which unwraps to what happened: a *ReplyError, ErrUTF8, an
// *envelope.LimitError, the cause of ctx, one of the network, or of the file; and
// the Result is not nil. With a nil Result nothing was tried: the message is the
// sender's own copy, or only names somebody else.
//
// After an error of the network, and where the server says goodbye, the session
// can only be closed. A message that is cut off by it before its end is NotSent.
func (s *Session) Send(ctx context.Context, m *mail.Sealed, only ...string) (*Result, error) {
	if m == nil {
		return nil, errNil
	}
	return s.send(ctx, m, only)
}

// SendSignedOnly sends a message that everybody on the way can read: it is
// signed, and not encrypted. In all else it is Send.
func (s *Session) SendSignedOnly(ctx context.Context, m *mail.Clear, only ...string) (*Result, error) {
	if m == nil {
		return nil, errNil
	}
	return s.send(ctx, m, only)
}

// SendNotice sends a covering mail that everybody on the way can read, with what
// is locked in boxes beside it. In all else it is Send.
func (s *Session) SendNotice(ctx context.Context, m *mail.Notice, only ...string) (*Result, error) {
	if m == nil {
		return nil, errNil
	}
	return s.send(ctx, m, only)
}

// Send sends each of the messages that a plan sealed, in their order, by one
// connection; where that ends, by another one. A message that had not been sent
// to its end is then sent once more, and one whose outcome is Unknown is not.
//
// There is a Result for each message: that of the sender's own copy has no
// recipients, and imap.Session.Append takes it. The error is nil where every
// message was accepted for everybody, and joins what Session.Send returns else.
func (s *Server) Send(ctx context.Context, messages ...*mail.Sealed) ([]*Result, error) {
	all := make([]message, len(messages))
	for i, m := range messages {
		if m == nil {
			return nil, errNil
		}
		all[i] = m
	}
	return s.send(ctx, all)
}

var errNil = errors.New("smtp: there is no message")

// own is a message that may be the sender's copy, which goes to nobody.
type own interface{ Own() bool }

// send sends each of the messages by itself, in their order. Where the
// connection ends another one is made: once for each message, and never for
// one whose outcome is Unknown.
func (s *Server) send(ctx context.Context, messages []message) ([]*Result, error) {
	var (
		session *Session
		results = make([]*Result, len(messages))
		errs    []error
	)
	defer func() {
		if session != nil {
			_ = session.Close()
		}
	}()
	for i, m := range messages {
		if o, ok := m.(own); ok && o.Own() {
			results[i] = &Result{MessageID: m.MessageID()}
			continue
		}
		var only []string
		for try := 0; ; try++ {
			if session == nil || session.over() {
				next, err := s.Dial(ctx)
				if err != nil {
					results[i] = results[i].merge(unsent(m, only, err))
					break
				}
				if session != nil {
					_ = session.Close()
				}
				session = next
			}
			result, err := session.send(ctx, m, only)
			if result == nil {
				errs = append(errs, err)
				break
			}
			results[i] = results[i].merge(result)
			if only = results[i].Which(NotSent); try > 0 || len(only) == 0 || !session.over() || ctx.Err() != nil {
				break
			}
		}
		if err := results[i].Err(); err != nil {
			errs = append(errs, err)
		}
	}
	return results, joined(errs)
}

// over reports whether nothing can be sent any more.
func (s *Session) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken != nil
}

// unsent is the result of a message for which there was no connection.
func unsent(m message, only []string, err error) *Result {
	r := &Result{MessageID: m.MessageID()}
	recipients, _ := outgoing.Choose(m, only)
	for _, to := range recipients {
		r.Recipients = append(r.Recipients, Recipient{Address: to, Err: err})
	}
	return r
}

// merge returns r with what another try, for some of its recipients, came to.
func (r *Result) merge(again *Result) *Result {
	if r == nil {
		return again
	}
	for _, to := range again.Recipients {
		for i := range r.Recipients {
			if r.Recipients[i].Address == to.Address {
				r.Recipients[i] = to
			}
		}
	}
	return r
}
