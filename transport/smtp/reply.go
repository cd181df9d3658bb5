package smtp

import (
	"errors"
	"fmt"
	"strings"
	"time"

	gosmtp "github.com/emersion/go-smtp"
)

// Reply is what a server answered. The text is the server's: untrusted.
type Reply struct {
	Code     int    // RFC 5321, Section 4.2; 0: there was none
	Enhanced string // RFC 3463, "5.1.1"; "" where there is none, or it contradicts Code
	Text     string // lines are separated by \n
}

// Temporary reports whether trying again later can help.
func (r Reply) Temporary() bool { return r.Code/100 == 4 }

// Permanent reports whether it cannot.
func (r Reply) Permanent() bool { return r.Code/100 == 5 }

// String returns r on one line, cut.
func (r Reply) String() string {
	text := fmt.Sprint(r.Code)
	if r.Enhanced != "" {
		text += " " + r.Enhanced
	}
	return fmt.Sprintf("%s %.200q", text, r.Text)
}

// ReplyError is the error of a command that the server refused. It is always
// wrapped in one that says where.
type ReplyError struct {
	Command string // "MAIL", "RCPT", "DATA", "AUTH PLAIN"
	Reply   Reply
}

// Error implements error, on one line.
func (e *ReplyError) Error() string {
	return fmt.Sprintf("the server answers %s with %s", e.Command, e.Reply)
}

// replyOf returns the reply that err is about, if it is about one.
func replyOf(err error) (Reply, bool) {
	var e *gosmtp.SMTPError
	if !errors.As(err, &e) {
		return Reply{}, false
	}
	const most = 4 << 10 // of a text that goes into logs
	r := Reply{Code: e.Code, Text: strings.ToValidUTF8(e.Message, "?")}
	if len(r.Text) > most {
		r.Text = strings.ToValidUTF8(r.Text[:most], "")
	}
	// RFC 3463, Section 2, and RFC 2034, Section 4: class and code agree.
	if c := e.EnhancedCode; c[0] == e.Code/100 && c[1] >= 0 && c[1] <= 999 && c[2] >= 0 && c[2] <= 999 {
		r.Enhanced = fmt.Sprintf("%d.%d.%d", c[0], c[1], c[2])
	}
	return r, true
}

// refused returns err with its reply, where it is one.
func refused(command string, err error) error {
	if r, ok := replyOf(err); ok {
		return &ReplyError{Command: command, Reply: r}
	}
	return err
}

// limits of time: those of RFC 5321, Section 4.5.3.2.
type limits struct {
	greeting, command, data, block, dot time.Duration
}

func timeouts() limits {
	return limits{
		greeting: 5 * time.Minute,  // 4.5.3.2.1
		command:  5 * time.Minute,  // 4.5.3.2.2 and 4.5.3.2.3, MAIL and RCPT
		data:     2 * time.Minute,  // 4.5.3.2.4
		block:    3 * time.Minute,  // 4.5.3.2.5
		dot:      10 * time.Minute, // 4.5.3.2.6
	}
}

// maxReply is how much a server may say between two commands: replies are some
// lines of at most 512 octets (RFC 5321, Section 4.5.3.1.5), and a handshake of
// TLS is some certificates.
const maxReply = 256 << 10
