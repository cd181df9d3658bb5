package ses

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/transport/internal/outgoing"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

// The quotas of SES for version 2 of its API, which no account can change: the
// length of a mail as it is sent, and the recipients of one request.
const (
	MaxSize       = 40 << 20 // octets
	maxRecipients = 50
)

// Send sends a sealed message: to only, who have to be among its recipients, as
// after a failure ([smtp.Result.Again]), or to all of them. Nobody else gets it:
// whom its header names does not matter. More than 50 recipients are several
// requests. All of the message is in memory while it is sent, more than twice.
//
// Everything that can be known before is found out before: that the message has
// at most MaxSize octets, that all addresses are ones that SES takes, and that
// the file it is kept in is what was sealed.
//
// The error is nil where the message was accepted for everybody. Else it wraps a
// *smtp.PartialError, which unwraps to what happened: a *smtp.ReplyError,
// ErrStopped, smtp.ErrLogin where the credentials are not there, expired or not
// allowed to send, smtp.ErrUTF8, an *envelope.LimitError, the cause of ctx, one
// of the network, or of the file; and the Result is not nil. With a nil Result
// nothing was tried: the message is the sender's own copy, or only names
// somebody else.
//
// NotSent and Deferred can be sent again; Refused will be refused again; and
// Unknown may be there.
func (c *Client) Send(ctx context.Context, m *mail.Sealed, only ...string) (*smtp.Result, error) {
	if m == nil {
		return nil, errNil
	}
	return c.send(ctx, m, only)
}

// SendSignedOnly sends a message that everybody on the way can read: it is
// signed, and not encrypted. In all else it is Send.
func (c *Client) SendSignedOnly(ctx context.Context, m *mail.Clear, only ...string) (*smtp.Result, error) {
	if m == nil {
		return nil, errNil
	}
	return c.send(ctx, m, only)
}

// SendNotice sends a covering mail that everybody on the way can read, with what
// is locked in boxes beside it. In all else it is Send.
func (c *Client) SendNotice(ctx context.Context, m *mail.Notice, only ...string) (*smtp.Result, error) {
	if m == nil {
		return nil, errNil
	}
	return c.send(ctx, m, only)
}

var errNil = errors.New("ses: there is no message")

// partialError says who speaks.
type partialError struct{ error }

func (e partialError) Error() string {
	return "ses: " + strings.TrimPrefix(e.error.Error(), "smtp: ")
}

func (e partialError) Unwrap() error { return e.error }

func outcomeError(r *smtp.Result) error {
	if err := r.Err(); err != nil {
		return partialError{err}
	}
	return nil
}

func mark(to []smtp.Recipient, o smtp.Outcome, r smtp.Reply, err error) {
	for i := range to {
		to[i].Outcome, to[i].Reply, to[i].Err = o, r, err
	}
}

func (c *Client) send(ctx context.Context, m outgoing.Message, only []string) (*smtp.Result, error) {
	recipients, err := outgoing.Choose(m, only)
	if err != nil {
		return nil, fmt.Errorf("ses: %.80q: %w", m.MessageID(), err)
	}
	result := &smtp.Result{MessageID: m.MessageID()}
	for _, to := range recipients {
		result.Recipients = append(result.Recipients, smtp.Recipient{Address: to})
	}
	raw, err := c.ready(ctx, m, recipients)
	if err != nil {
		mark(result.Recipients, smtp.NotSent, smtp.Reply{}, fmt.Errorf("ses: %w", err))
		return result, outcomeError(result)
	}
	most := maxRecipients
	if c.ReturnPath != nil {
		most = 1
	}
	for to := range slices.Chunk(result.Recipients, most) {
		path := m.From()
		if c.ReturnPath != nil {
			if path, err = c.ReturnPath(m.MessageID(), to[0].Address); err != nil {
				mark(to, smtp.NotSent, smtp.Reply{}, fmt.Errorf("ses: the return path: %w", err))
				continue
			}
		}
		c.request(ctx, m.From(), path, raw, to)
	}
	return result, outcomeError(result)
}

// ready finds out what stands against sending m, and returns its octets.
func (c *Client) ready(ctx context.Context, m outgoing.Message, recipients []string) ([]byte, error) {
	if err := c.start(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if m.Size() > MaxSize {
		return nil, &envelope.LimitError{What: "octets of a message that SES takes", Max: MaxSize}
	}
	for _, text := range append([]string{m.From()}, recipients...) {
		address, utf8, err := outgoing.Wire(text)
		switch {
		case err != nil:
			return nil, err
		case utf8:
			return nil, fmt.Errorf("%.80q: %w", text, smtp.ErrUTF8)
		case c.MaxSize == nil || text == m.From():
			continue
		}
		if most := c.MaxSize(address.Domain()); most > 0 && m.Size() > most {
			return nil, fmt.Errorf("for %.80q: %w", text, &envelope.LimitError{What: "octets of a message to " + address.Domain(), Max: most})
		}
	}
	if err := c.login(ctx); err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	raw.Grow(int(m.Size()))
	n, err := m.WriteTo(&raw)
	if err == nil && n != m.Size() {
		err = fmt.Errorf("the message has %d octets, and says %d", n, m.Size())
	}
	return raw.Bytes(), err
}

// request sends raw to at most maxRecipients, and notes what became of it.
func (c *Client) request(ctx context.Context, from, path string, raw []byte, to []smtp.Recipient) {
	sender, _, err := outgoing.Wire(from)
	back, _, pathErr := outgoing.Wire(path)
	if err = errors.Join(err, pathErr); err != nil {
		mark(to, smtp.NotSent, smtp.Reply{}, fmt.Errorf("ses: the return path: %w", err))
		return
	}
	in := &sesv2.SendEmailInput{
		FromEmailAddress: aws.String(sender.String()),
		// Who gets the mail is said here alone: the header names nobody of Bcc,
		// and may name people who get another copy.
		Destination: &types.Destination{},
		Content:     &types.EmailContent{Raw: &types.RawMessage{Data: raw}},
	}
	for i := range to {
		to[i].ReturnPath = back.String()
		address, _, _ := outgoing.Wire(to[i].Address) // checked before
		in.Destination.ToAddresses = append(in.Destination.ToAddresses, address.String())
	}
	if c.ConfigurationSet != "" {
		in.ConfigurationSetName = aws.String(c.ConfigurationSet)
	}
	if path != from {
		in.FeedbackForwardingEmailAddress = aws.String(back.String())
	}
	sending, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var w written
	answer, err := c.api.SendEmail(w.in(sending), in)
	if err != nil {
		if ctx.Err() != nil {
			err = &interrupted{err, context.Cause(ctx)}
		}
		o, reply, err := judge(err, w.all.Load())
		mark(to, o, reply, fmt.Errorf("ses: %s: %w", c.host, err))
		return
	}
	mark(to, smtp.Accepted, smtp.Reply{Code: codeTaken, Text: cut(aws.ToString(answer.MessageId))}, nil)
}
