package smtp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/transport/internal/outgoing"
)

// farewell is how long a goodbye, or the end of a failed transaction, may take:
// nothing depends on either.
const farewell = 10 * time.Second

// check finds out what stands against sending m before anything is sent.
// utf8 is whether SMTPUTF8 is to be asked for, whoever the recipient is.
func (s *Session) check(m message, recipients []string) (utf8 bool, err error) {
	for _, text := range append([]string{m.From()}, recipients...) {
		address, wide, err := outgoing.Wire(text)
		if err != nil {
			return false, err
		}
		utf8 = utf8 || wide
		if s.server.MaxSize == nil || text == m.From() {
			continue
		}
		if most := s.server.MaxSize(address.Domain()); most > 0 && m.Size() > most {
			return false, fmt.Errorf("for %.80q: %w", text, &envelope.LimitError{What: "octets of a message to " + address.Domain(), Max: most})
		}
	}
	if most, ok := s.client.MaxMessageSize(); ok && most > 0 && m.Size() > int64(most) {
		return false, &envelope.LimitError{What: "octets of a message that the server takes (SIZE, RFC 1870)", Max: int64(most)}
	}
	c, err := look(m)
	if err != nil {
		return false, err
	}
	if c.eight {
		if ok, _ := s.client.Extension("8BITMIME"); !ok {
			return false, errors.New("the body of the message is not 7 bit, and the server does not offer 8BITMIME")
		}
	}
	utf8 = utf8 || c.utf8
	if ok, _ := s.client.Extension("SMTPUTF8"); utf8 && !ok {
		return false, ErrUTF8
	}
	return utf8, nil
}

// send sends m to only, or to all of its recipients.
func (s *Session) send(ctx context.Context, m message, only []string) (*Result, error) {
	recipients, err := outgoing.Choose(m, only)
	if err != nil {
		return nil, fmt.Errorf("smtp: %.80q: %w", m.MessageID(), err)
	}
	result := &Result{MessageID: m.MessageID()}
	for _, to := range recipients {
		result.Recipients = append(result.Recipients, Recipient{Address: to})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stop := s.conn.Watch(ctx)
	defer stop()
	var utf8 bool
	if err = s.ready(ctx); err == nil {
		if utf8, err = s.check(m, recipients); err != nil {
			err = fmt.Errorf("smtp: %.80q: %w", m.MessageID(), err)
		}
	}
	if err != nil {
		mark(result.Recipients, NotSent, Reply{}, ended(ctx, err))
		return result, result.Err()
	}
	if s.server.ReturnPath == nil {
		s.transaction(ctx, m, m.From(), result.Recipients, utf8)
		return result, result.Err()
	}
	for i := range result.Recipients {
		one := result.Recipients[i : i+1]
		path, err := s.server.ReturnPath(m.MessageID(), one[0].Address)
		if err == nil {
			err = s.ready(ctx)
		}
		if err != nil {
			mark(one, NotSent, Reply{}, err)
			continue
		}
		s.transaction(ctx, m, path, one, utf8)
	}
	return result, result.Err()
}

// ready prepares the connection for the next transaction.
func (s *Session) ready(ctx context.Context) error {
	if s.broken != nil {
		return fmt.Errorf("smtp: the connection cannot be used any more: %w", s.broken)
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if !s.dirty {
		return nil
	}
	s.conn.Allow(maxReply)
	if err := s.client.Reset(); err != nil {
		return s.fail("RSET", ended(ctx, err))
	}
	s.dirty = false
	return nil
}

// fail notes an error of a command, and whether the connection is over by it:
// anything but a reply, and 421, by which a server takes its leave (RFC 5321,
// Section 3.8).
func (s *Session) fail(command string, err error) error {
	reply, ok := replyOf(err)
	if !ok || reply.Code == 421 || reply.Code/100 < 4 || reply.Code/100 > 5 {
		s.broken = refused(command, err)
		s.conn.Cut()
	}
	if !ok {
		return fmt.Errorf("smtp: %s: %w", command, err)
	}
	return fmt.Errorf("smtp: %w", refused(command, err))
}

// mark sets the outcome of recipients.
func mark(to []Recipient, o Outcome, r Reply, err error) {
	for i := range to {
		to[i].Outcome, to[i].Reply, to[i].Err = o, r, err
	}
}

// outcome returns what an error of a command makes of those it is about.
func outcome(err error) (Outcome, Reply) {
	var e *ReplyError
	switch {
	case !errors.As(err, &e):
		return NotSent, Reply{}
	case e.Reply.Permanent():
		return Refused, e.Reply
	case e.Reply.Temporary():
		return Deferred, e.Reply
	}
	return NotSent, e.Reply
}

// transaction sends m to recipients, for each of whom it notes the outcome.
func (s *Session) transaction(ctx context.Context, m message, from string, recipients []Recipient, utf8 bool) {
	sender, wide, err := outgoing.Wire(from)
	if err != nil {
		mark(recipients, NotSent, Reply{}, fmt.Errorf("smtp: the return path: %w", err))
		return
	}
	for i := range recipients {
		recipients[i].ReturnPath = sender.String()
	}
	s.conn.Allow(maxReply)
	s.client.CommandTimeout = timeouts().command
	s.dirty = true
	if err := s.client.Mail(sender.String(), &gosmtp.MailOptions{Size: m.Size(), UTF8: utf8 || wide}); err != nil {
		err = s.fail("MAIL", ended(ctx, err))
		o, reply := outcome(err)
		mark(recipients, o, reply, err)
		return
	}
	var accepted []int
	for i := range recipients {
		to, _, _ := outgoing.Wire(recipients[i].Address) // checked before
		s.conn.Allow(maxReply)
		if err := s.client.Rcpt(to.String(), nil); err != nil {
			err = s.fail("RCPT", ended(ctx, err))
			o, reply := outcome(err)
			mark(recipients[i:i+1], o, reply, err)
			if s.broken != nil {
				for _, j := range accepted {
					mark(recipients[j:j+1], NotSent, Reply{}, err)
				}
				mark(recipients[i+1:], NotSent, Reply{}, err)
				return
			}
			continue
		}
		accepted = append(accepted, i)
	}
	if len(accepted) == 0 {
		return
	}
	o, reply, err := s.data(ctx, m)
	for _, i := range accepted {
		mark(recipients[i:i+1], o, reply, err)
	}
}

// data sends the octets of m, and says what became of them.
func (s *Session) data(ctx context.Context, m message) (Outcome, Reply, error) {
	s.conn.Allow(maxReply)
	s.client.CommandTimeout = timeouts().data
	w, err := s.client.Data()
	if err != nil {
		err = s.fail("DATA", ended(ctx, err))
		o, reply := outcome(err)
		return o, reply, err
	}
	s.conn.Block(timeouts().block)
	n, err := m.WriteTo(s.content(w, m.Size()))
	if err == nil && n != m.Size() {
		err = fmt.Errorf("%d of %d octets", n, m.Size())
	}
	if err != nil {
		// Nothing may be said to the server from here on: any command would be
		// sent behind a final dot, and the server would take half a message.
		s.broken = ended(ctx, err)
		s.conn.Cut()
		return NotSent, Reply{}, fmt.Errorf("smtp: %.80q was not sent to its end: %w", m.MessageID(), s.broken)
	}
	s.conn.Allow(maxReply)
	response, err := w.CloseWithResponse()
	s.conn.Block(0)
	if err == nil {
		s.dirty = false
		return Accepted, Reply{Code: 250, Text: strings.ToValidUTF8(cut(response.StatusText), "?")}, nil
	}
	err = s.fail("the end of DATA", ended(ctx, err))
	o, reply := outcome(err)
	if o == NotSent { // there is no answer: the message may be there
		o = Unknown
	}
	s.dirty = false
	return o, reply, err
}

// cut bounds a text of the server.
func cut(s string) string {
	const most = 4 << 10
	return s[:min(len(s), most)]
}
