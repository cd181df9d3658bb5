package carrier

import (
	"context"
	"errors"

	"github.com/doublekeybox/doublekeybox/transport/ses"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

// SES sends by the API of SES. Its connections are those of HTTP: what is a
// [Connection] here is one request at a time.
type SES struct{ Client *ses.Client }

// Connect implements [Carrier].
func (s SES) Connect(context.Context) (Connection, error) { return sesConnection{s.Client}, nil }

type sesConnection struct{ client *ses.Client }

// Send implements [Connection].
func (c sesConnection) Send(ctx context.Context, m Mail) Outcome {
	var result *smtp.Result
	var err error
	switch {
	case m.Sealed != nil:
		result, err = c.client.Send(ctx, m.Sealed)
	case m.Notice != nil:
		result, err = c.client.SendNotice(ctx, m.Notice)
	default:
		err = errNothing
	}
	if result == nil || len(result.Recipients) != 1 {
		return Outcome{What: smtp.Refused, Reply: line(err)}
	}
	r := result.Recipients[0]
	o := judged(r)
	o.Over = false                   // the next request finds its own connection
	o.Slow = o.What == smtp.Deferred // 454: throttling, and whatever else is over soon
	if errors.Is(r.Err, ses.ErrStopped) || errors.Is(r.Err, smtp.ErrLogin) {
		o.Stop = r.Err
	}
	return o
}

// Close implements [Connection].
func (c sesConnection) Close() {}
