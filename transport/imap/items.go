package imap

import (
	"fmt"
	"io"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// items ends a command: it calls take with every item of every message that the
// command brings, up to the first error, after which the connection is over. What
// take leaves of a literal is passed over.
//
// QUIRK: once a literal has ended the client's own goroutine reads on, and it
// takes an error of the connection for the end of one. To ask the client for
// anything more of the command then is to read from two goroutines at once: the
// command is left alone, and ends with the connection.
func (s *Session) items(command *imapclient.FetchCommand, take func(*imapclient.FetchMessageData, imapclient.FetchItemData) error) error {
	for message := command.Next(); message != nil; message = command.Next() {
		for item := message.Next(); item != nil; item = message.Next() {
			item, l := guarded(item)
			err := take(message, item)
			if l != nil && l.ended && l.left > 0 {
				s.conn.Cut()
				if err == nil {
					err = fmt.Errorf("the message ends after %d of %d octets: %w", l.Size()-l.left, l.Size(), io.ErrUnexpectedEOF)
				}
				return err
			}
			if err != nil {
				s.conn.Cut() // nothing else stops what is on its way
				// What was not read the client would wait for, and never end.
				_ = command.Close()
				return err
			}
		}
	}
	return command.Close()
}

// literal is a literal that is not read behind its end.
type literal struct {
	goimap.LiteralReader
	left  int64 // octets
	ended bool
}

// Read implements io.Reader.
func (l *literal) Read(p []byte) (int, error) {
	if l.ended {
		return 0, io.EOF
	}
	n, err := l.LiteralReader.Read(p)
	l.left -= int64(n)
	l.ended = err != nil
	return n, err
}

// guarded returns item with its literal, if it has one.
func guarded(item imapclient.FetchItemData) (imapclient.FetchItemData, *literal) {
	switch x := item.(type) {
	case imapclient.FetchItemDataBodySection:
		if x.Literal != nil {
			l := &literal{LiteralReader: x.Literal, left: x.Literal.Size()}
			x.Literal = l
			return x, l
		}
	case imapclient.FetchItemDataBinarySection:
		if x.Literal != nil {
			l := &literal{LiteralReader: x.Literal, left: x.Literal.Size()}
			x.Literal = l
			return x, l
		}
	}
	return item, nil
}
