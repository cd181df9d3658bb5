package sink

import (
	"crypto/subtle"
	"errors"
	"io"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one connection of a client.
type session struct {
	mail   Mail
	server *MailServer
	conn   *smtp.Conn
	logged bool
	from   string
	to     []string
}

var _ smtp.AuthSession = (*session)(nil)

// errDropped is what go-smtp gets for a connection that is gone: it has nobody
// left to tell.
var errDropped = errors.New("sink: the connection was dropped on purpose")

// AuthMechanisms and Auth are for logging in by name.
func (s *session) AuthMechanisms() []string {
	if s.mail.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		same := subtle.ConstantTimeCompare([]byte(user+"\x00"+password), []byte(s.mail.User+"\x00"+s.mail.Password))
		if s.mail.User == "" || same != 1 {
			return smtp.ErrAuthFailed
		}
		s.logged = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.mail.User != "" && !s.logged {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return s.fail(AtSender)
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	if err := s.fail(AtRecipient); err != nil {
		s.to = s.to[:len(s.to)-1]
		return err
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	if f := s.failure(InData); f != (Failure{}) {
		_, _ = io.CopyN(io.Discard, r, 1000)
		return s.do(f)
	}
	if f := s.failure(AtEnd); f != (Failure{}) {
		_, _ = io.Copy(io.Discard, r)
		return s.do(f)
	}
	counted := &counter{r: r}
	if s.mail.Deliver != nil {
		if err := s.mail.Deliver(s.from, s.to, counted); err != nil {
			_, _ = io.Copy(io.Discard, r)
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "the mail could not be kept"}
		}
	}
	if _, err := io.Copy(io.Discard, counted); err != nil {
		return err
	}
	s.server.mails.Add(1)
	s.server.octets.Add(counted.n)
	return s.fail(AfterEnd)
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (s *session) Logout() error { return nil }

func (s *session) failure(stage Stage) Failure {
	if s.mail.Fail == nil {
		return Failure{}
	}
	to := ""
	if len(s.to) > 0 {
		to = s.to[len(s.to)-1]
	}
	return s.mail.Fail(stage, s.from, to)
}

func (s *session) fail(stage Stage) error { return s.do(s.failure(stage)) }

func (s *session) do(f Failure) error {
	switch {
	case f.Drop:
		_ = s.conn.Conn().Close()
		return errDropped
	case f.Code != 0:
		if f.Text == "" {
			f.Text = "failed on purpose"
		}
		return &smtp.SMTPError{Code: f.Code, EnhancedCode: smtp.EnhancedCode{f.Code / 100, 0, 0}, Message: f.Text}
	}
	return nil
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
