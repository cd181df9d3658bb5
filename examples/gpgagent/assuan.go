package gpgagent

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// What an agent may say in answer to one command. A signature of ML-DSA would
// have 5 KiB; a line of the protocol has 1,000 octets.
const (
	maxLine = 1002
	maxData = 64 << 10
	maxTalk = 1000 // lines
)

// patience is how long somebody may look for his passphrase.
const patience = 10 * time.Minute

// conn is a connection for one operation: agents serve any number, and none
// depends on another.
type conn struct {
	net.Conn
	in         *bufio.Reader
	passphrase func(prompt string) (string, error)
	status     map[string]string // the last of each keyword
}

// dial connects to the agent and tells it which terminal to ask on.
func (a *Agent) dial() (*conn, error) {
	n, err := net.DialTimeout("unix", a.Socket, 10*time.Second)
	if err != nil {
		return nil, fmt.Errorf("gpgagent: no agent at %.200q: %w", a.Socket, err)
	}
	c := &conn{Conn: n, in: bufio.NewReaderSize(n, maxLine), passphrase: a.Passphrase, status: map[string]string{}}
	if err := c.greet(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *conn) greet() error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := c.answer(nil); err != nil {
		return err
	}
	if c.passphrase != nil {
		_, err := c.command(nil, "OPTION pinentry-mode=loopback")
		return err
	}
	// Where there is no terminal the agent asks on the one that it began with.
	for option, v := range map[string]string{"ttyname": "GPG_TTY", "ttytype": "TERM", "display": "DISPLAY", "lc-ctype": "LC_CTYPE"} {
		if v = os.Getenv(v); v != "" && !strings.ContainsAny(v, "\r\n") {
			if _, err := c.command(nil, "OPTION "+option+"="+escape([]byte(v))); err != nil {
				return err
			}
		}
	}
	return nil
}

// command sends a line and returns the data of the answer. give answers an
// inquiry for a keyword other than a passphrase.
func (c *conn) command(give map[string][]byte, line string) ([]byte, error) {
	if len(line) > maxLine-2 {
		return nil, errors.New("gpgagent: a command is too long for the protocol")
	}
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return nil, fmt.Errorf("gpgagent: writing to the agent: %w", err)
	}
	return c.answer(give)
}

// Error is what an agent answered in place of OK.
type Error struct {
	Code int    // of libgpg-error, without its source
	Text string // as the agent put it
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("gpgagent: the agent says %.200q", e.Text) }

// The codes of libgpg-error that are told apart here.
const (
	codeBadPassphrase = 11
	codeNoSecretKey   = 17
	codeTimeout       = 62
	codeCanceled      = 99
	codeAllCanceled   = 198
	codeMask          = 0xFFFF
)

// aboutPeople reports whether the error is about who was asked for a passphrase,
// or about the key, and not about what there was to decrypt.
func (e *Error) aboutPeople() bool {
	switch e.Code {
	case codeBadPassphrase, codeNoSecretKey, codeTimeout, codeCanceled, codeAllCanceled:
		return true
	}
	return false
}

var (
	errLong  = errors.New("gpgagent: the agent said more than any answer has")
	errShort = fmt.Errorf("gpgagent: the agent hung up: %w", io.ErrUnexpectedEOF)
	errWord  = errors.New("gpgagent: the agent said something that the protocol does not have")
)

// answer reads up to OK or ERR.
func (c *conn) answer(give map[string][]byte) (data []byte, err error) {
	for range maxTalk {
		line, err := c.in.ReadSlice('\n')
		switch {
		case err == bufio.ErrBufferFull:
			return nil, errLong
		case err == io.EOF:
			return nil, errShort
		case err != nil:
			return nil, fmt.Errorf("gpgagent: reading from the agent: %w", err)
		}
		word, rest, _ := bytes.Cut(line[:len(line)-1], []byte(" "))
		switch string(word) {
		case "OK":
			return data, nil
		case "ERR":
			return nil, agentError(string(rest))
		case "D":
			more, err := unescape(rest)
			if err != nil {
				return nil, err
			}
			if data = append(data, more...); len(data) > maxData {
				return nil, errLong
			}
		case "S":
			keyword, text, _ := strings.Cut(string(rest), " ")
			c.status[keyword] = text
		case "INQUIRE":
			if err := c.inquired(string(rest), give); err != nil {
				return nil, err
			}
		case "#", "":
		default:
			if word[0] != '#' {
				return nil, errWord
			}
		}
	}
	return nil, errLong
}

func agentError(rest string) error {
	number, text, _ := strings.Cut(rest, " ")
	code, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return errWord
	}
	return &Error{Code: int(code & codeMask), Text: text}
}

// inquired answers what the agent asks for.
func (c *conn) inquired(what string, give map[string][]byte) error {
	keyword, _, _ := strings.Cut(what, " ")
	var out []byte
	switch b, ok := give[keyword]; {
	case ok:
		out = dataLines(b)
	case keyword == "PASSPHRASE" && c.passphrase != nil:
		p, err := c.passphrase("the passphrase of the key in gpg-agent")
		if err != nil {
			io.WriteString(c, "CAN\n")
			return err
		}
		out = dataLines([]byte(p))
	case keyword == "PINENTRY_LAUNCHED": // tells that somebody is being asked
	default:
		out = []byte("CAN\n")
		_, err := c.Write(out)
		return err
	}
	if _, err := c.Write(append(out, "END\n"...)); err != nil {
		return fmt.Errorf("gpgagent: writing to the agent: %w", err)
	}
	return nil
}

// lineData is how many octets go on one line, each of which may need three.
const lineData = 300

func dataLines(b []byte) (out []byte) {
	for len(b) > 0 {
		n := min(len(b), lineData)
		out = append(append(append(out, "D "...), escape(b[:n])...), '\n')
		b = b[n:]
	}
	return out
}

// escape encodes what ends a line or begins an escape.
func escape(b []byte) string {
	var out strings.Builder
	for _, o := range b {
		switch o {
		case '%', '\r', '\n':
			fmt.Fprintf(&out, "%%%02X", o)
		default:
			out.WriteByte(o)
		}
	}
	return out.String()
}

func unescape(b []byte) ([]byte, error) {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '%' {
			out = append(out, b[i])
			continue
		}
		if i+2 >= len(b) {
			return nil, errWord
		}
		n, err := strconv.ParseUint(string(b[i+1:i+3]), 16, 8)
		if err != nil {
			return nil, errWord
		}
		out = append(out, byte(n))
		i += 2
	}
	return out, nil
}
