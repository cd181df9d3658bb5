// Package outgoing has what is found out about a mail before anything of it is
// sent, whichever way it goes.
package outgoing

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

// Message is what of a mail is needed to send it.
type Message interface {
	From() string
	Recipients() []string
	MessageID() string
	Size() int64
	WriteTo(io.Writer) (int64, error)
}

// Wire returns an address as it goes over the wire, with its domain in
// A-labels, and whether SMTPUTF8 is needed for it all the same.
func Wire(text string) (address mailbox.Address, utf8 bool, err error) {
	address, err = mailbox.Parse(text)
	if err != nil {
		return address, false, err
	}
	if address.IsDomain() {
		return address, false, fmt.Errorf("%.80q is no address of anybody", text)
	}
	return address, strings.ContainsFunc(address.Local(), func(r rune) bool { return r > '~' }), nil
}

// Choose returns the recipients that a message goes to: only, or for nil all.
func Choose(m Message, only []string) ([]string, error) {
	all := m.Recipients()
	if len(all) == 0 {
		return nil, errors.New("the message is for nobody's server: it is the sender's own copy, which goes into a folder by IMAP")
	}
	if only == nil {
		return all, nil
	}
	if len(only) == 0 {
		return nil, errors.New("the message is for nobody")
	}
	for _, o := range only {
		if !slices.Contains(all, o) {
			return nil, fmt.Errorf("%.80q is not among the recipients that the message is sealed to", o)
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(a string) bool { return !slices.Contains(only, a) }), nil
}
