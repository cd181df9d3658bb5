package carrier

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

// SMTP sends by a submission server.
type SMTP struct{ Server *smtp.Server }

// Connect implements [Carrier].
func (s SMTP) Connect(ctx context.Context) (Connection, error) {
	session, err := s.Server.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return smtpConnection{session}, nil
}

// untrusted reports whether err says that the server is not the one it should be.
func untrusted(err error) bool {
	return errors.As(err, new(*tls.CertificateVerificationError)) || errors.As(err, new(x509.UnknownAuthorityError)) || errors.As(err, new(x509.HostnameError))
}

type smtpConnection struct{ session *smtp.Session }

// Send implements [Connection].
func (c smtpConnection) Send(ctx context.Context, m Mail) Outcome {
	var result *smtp.Result
	var err error
	switch {
	case m.Sealed != nil:
		result, err = c.session.Send(ctx, m.Sealed)
	case m.Notice != nil:
		result, err = c.session.SendNotice(ctx, m.Notice)
	default:
		err = errNothing
	}
	if result == nil || len(result.Recipients) != 1 {
		// Nothing was tried, and never can be: the mail is for nobody, or for two.
		return Outcome{What: smtp.Refused, Reply: line(err)}
	}
	return judged(result.Recipients[0])
}

// Close implements [Connection].
func (c smtpConnection) Close() { _ = c.session.Close() }

// judged makes of what became of the one recipient what becomes of the mail.
func judged(r smtp.Recipient) Outcome {
	o := Outcome{What: r.Outcome, Reply: r.Reply.String()}
	if r.Err != nil && r.Reply.Code == 0 {
		o.Reply = line(r.Err)
	}
	switch r.Reply.Code {
	case 421, 450, 451, 452: // RFC 5321, Section 4.2.2: of a server that has too much to do
		o.Slow = true
	}
	switch {
	case r.Outcome == smtp.NotSent && (errors.Is(r.Err, envelope.ErrLimit) || errors.Is(r.Err, smtp.ErrUTF8)):
		// Found out before anything was sent, and it would be the same tomorrow.
		o.What = smtp.Refused
	case r.Outcome == smtp.NotSent, r.Outcome == smtp.Unknown, r.Reply.Code == 421:
		o.Over = true
	}
	return o
}

// mostReply is how many octets of an answer are kept.
const mostReply = 500

func line(err error) string {
	if err == nil {
		return ""
	}
	s := strings.Join(strings.Fields(err.Error()), " ")
	return strings.ToValidUTF8(s[:min(len(s), mostReply)], "?")
}
