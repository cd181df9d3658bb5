package smtp

import (
	"context"
	"errors"
)

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
	return results, errors.Join(errs...)
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
	recipients, _ := choose(m, only)
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
