package publicnet

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"unicode"
)

// maxText is how much of an error is shown, in octets: certificates can have
// any number of names.
const maxText = 400

// Printable returns an error of the network as one line of printable text. What
// is in it may come from the other side as it is: the names in its certificate,
// say, which could have a terminal do things. errors.Is and errors.As see err.
func Printable(err error) error {
	if err == nil {
		return nil
	}
	text := strings.ToValidUTF8(err.Error(), "\uFFFD")
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		text = strconv.Quote(text)
	}
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return &printable{text, err}
}

type printable struct {
	text string
	err  error
}

// Error implements error, on one line.
func (p *printable) Error() string { return p.text }

// Unwrap returns what it is the text of.
func (p *printable) Unwrap() error { return p.err }

// IsTimeout reports whether err is that the time of something was over. Beside
// the error of a context it has to be asked for: the network goes by its own
// clock, and may notice before the context has an error.
func IsTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}
