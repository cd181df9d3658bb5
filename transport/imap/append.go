package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	goimap "github.com/emersion/go-imap/v2"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
)

// Append keeps a sealed message in a folder: the sender's own copy, where the
// plan made one. It is marked as read, with date as the time it came, or the
// server's time where date is zero. The ID is zero where the server does not
// tell (UIDPLUS, RFC 4315); Search finds it then.
//
// The error is an *envelope.LimitError where the server keeps no message of
// that size, which is found out before anything is sent; a *ReplyError where
// it refuses, with the code TRYCREATE where there is no such folder; ErrUnknown
// where the message was sent to its end and no answer came: before it is
// appended again, Search says whether it is there. Or it is one of the network,
// or of the file that the message is kept in. After any but an
// *envelope.LimitError the session can only be closed.
func (s *Session) Append(ctx context.Context, folder string, m *mail.Sealed, date time.Time) (ID, error) {
	if m == nil || m.Size() == 0 {
		return ID{}, errors.New("imap: append: there is no message")
	}
	return s.append(ctx, folder, m, date)
}

// message is what of a sealed message is needed to keep it.
type message interface {
	MessageID() string
	Size() int64
	WriteTo(io.Writer) (int64, error)
}

// append keeps m in folder, as read, with date as the time it came.
func (s *Session) append(ctx context.Context, folder string, m message, date time.Time) (id ID, err error) {
	end, err := s.begin(ctx, "append", maxTalk)
	if err != nil {
		return ID{}, err
	}
	if err = plainName(folder); err == nil {
		err = s.fits(folder, m.Size())
	}
	if err == nil {
		id, err = s.put(folder, m, date)
	}
	if err != nil {
		err = fmt.Errorf("%.80q: %w", m.MessageID(), err)
	}
	return id, end(err)
}

// fits is an error where the server takes no message of so many octets.
func (s *Session) fits(folder string, size int64) error {
	limit, ok := s.caps.AppendLimit()
	if ok && limit == nil { // RFC 7889, Section 3: each folder has one of its own
		data, err := s.client.Status(folder, &goimap.StatusOptions{AppendLimit: true}).Wait()
		if err != nil {
			return err
		}
		limit, ok = data.AppendLimit, data.AppendLimit != nil
	}
	if ok && size > int64(*limit) {
		return &localError{&envelope.LimitError{What: "octets of a message that the server keeps (APPENDLIMIT, RFC 7889)", Max: int64(*limit)}}
	}
	return nil
}

// put sends m to its end, and waits for the answer.
func (s *Session) put(folder string, m message, date time.Time) (ID, error) {
	command := s.client.Append(folder, m.Size(), &goimap.AppendOptions{Flags: []goimap.Flag{goimap.FlagSeen}, Time: date})
	n, err := m.WriteTo(command)
	if err == nil && n != m.Size() {
		err = fmt.Errorf("the message has %d octets, and says %d", n, m.Size())
	}
	if err != nil {
		// A literal that is not sent to its end cannot be taken back (RFC 9051,
		// Section 4.3). Where the server did not want it, its answer says why.
		s.conn.Cut()
		_ = command.Close()
		if _, why := command.Wait(); answered(why) {
			return ID{}, s.refused(why)
		}
		return ID{}, err
	}
	if err := command.Close(); err != nil {
		return ID{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	data, err := command.Wait()
	if err != nil && !answered(err) {
		return ID{}, fmt.Errorf("%w: %w", ErrUnknown, s.cause(err))
	}
	if err != nil {
		return ID{}, err
	}
	return ID{Validity: data.UIDValidity, UID: uint32(data.UID)}, nil
}

// refused returns the server's answer, behind which the connection is over.
func (s *Session) refused(err error) error {
	err = s.cause(err)
	s.broken = errors.New("the server did not take a message")
	return err
}
