package ses

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

func TestSend(t *testing.T) {
	t.Parallel()
	s, c := newStub(t, nil)
	c.ConfigurationSet = "statements"
	r, err := c.send(context.Background(), newMail("bob@example.org", "carol@bücher.example"), nil)
	require.NoError(t, err)
	require.Equal(t, "1@example.org", r.MessageID)
	require.Equal(t, []string{"bob@example.org", "carol@bücher.example"}, r.Which(smtp.Accepted))
	require.Equal(t, smtp.Reply{Code: 250, Text: "0107-1"}, r.Recipients[0].Reply)
	require.Equal(t, "alice@example.org", r.Recipients[0].ReturnPath)
	require.Len(t, s.heard(), 1)
	q := s.heard()[0]
	require.Equal(t, testText, string(q.Content.Raw.Data))
	require.Equal(t, "alice@example.org", q.FromEmailAddress)
	require.Equal(t, []string{"bob@example.org", "carol@xn--bcher-kva.example"}, q.Destination.ToAddresses)
	require.Empty(t, q.Destination.CcAddresses)
	require.Empty(t, q.Destination.BccAddresses)
	require.Equal(t, "statements", q.ConfigurationSetName)
	require.Empty(t, q.FeedbackForwardingEmailAddress)
	require.Contains(t, q.authorization, "/eu-central-1/ses/aws4_request")

	r, err = c.send(context.Background(), newMail("bob@example.org", "carol@example.org"), []string{"carol@example.org"})
	require.NoError(t, err)
	require.Len(t, r.Recipients, 1)
	require.Equal(t, []string{"carol@example.org"}, s.heard()[1].Destination.ToAddresses)
}

// What SES says, and what that is for the recipient.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const text = "of the service"
	for _, c := range []struct {
		name    string
		answer  http.HandlerFunc
		outcome smtp.Outcome
		code    int
		is      error // nil: none of them
	}{
		{"taken", nil, smtp.Accepted, 250, nil},
		{"too many", says(429, "TooManyRequestsException", text), smtp.Deferred, 454, nil},
		{"throttled", says(400, "ThrottlingException", text), smtp.Deferred, 454, nil},
		{"the day's quota", says(400, "LimitExceededException", text), smtp.Deferred, 454, nil},
		{"a failure", says(500, "InternalFailure", text), smtp.Deferred, 451, nil},
		{"not there now", says(503, "ServiceUnavailable", text), smtp.Deferred, 451, nil},
		{"rejected", says(400, "MessageRejected", text), smtp.Refused, 554, nil},
		{"not verified", says(400, "MailFromDomainNotVerifiedException", text), smtp.Refused, 554, nil},
		{"a bad request", says(400, "BadRequestException", text), smtp.Refused, 554, nil},
		{"paused", says(400, "SendingPausedException", text), smtp.Deferred, 454, ErrStopped},
		{"suspended", says(400, "AccountSuspendedException", text), smtp.Deferred, 454, ErrStopped},
		{"no such configuration", says(404, "NotFoundException", text), smtp.Deferred, 454, ErrStopped},
		{"not allowed", says(403, "AccessDeniedException", text), smtp.NotSent, 0, smtp.ErrLogin},
		{"expired", says(403, "ExpiredTokenException", text), smtp.NotSent, 0, smtp.ErrLogin},
		{"signature", says(403, "InvalidSignatureException", "x-amz-security-token:"+testToken), smtp.NotSent, 0, smtp.ErrLogin},
		{"something new", says(400, "NewException", text), smtp.NotSent, 0, nil},
		{"no answer", hangs, smtp.Unknown, 0, nil},
		{"a gateway in front", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }, smtp.Unknown, 0, nil},
		{"too long for one in front", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<html>", http.StatusRequestEntityTooLarge)
		}, smtp.Refused, 554, nil},
		{"not for everybody in front", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusProxyAuthRequired) }, smtp.NotSent, 0, nil},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusTemporaryRedirect) }, smtp.NotSent, 0, nil},
		{"no sense", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "what?") }, smtp.Unknown, 0, nil},
		{"half an answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"MessageId":`)
		}, smtp.Unknown, 0, nil},
		{"a flood", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"MessageId":"`+strings.Repeat("x", maxAnswer)+`"}`)
		}, smtp.Unknown, 0, nil},
		{"a long answer", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"MessageId":"0107`+strings.Repeat(" ", maxAnswer/2)+`"}`)
		}, smtp.Accepted, 250, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, client := newStub(t, c.answer)
			r, err := client.send(context.Background(), newMail("bob@example.org", "carol@example.org"), nil)
			require.Len(t, s.heard(), 1, "nothing is tried twice")
			for _, to := range r.Recipients {
				require.Equal(t, c.outcome, to.Outcome)
				require.Equal(t, c.code, to.Reply.Code)
				require.Equal(t, c.outcome == smtp.Accepted, to.Err == nil)
			}
			if c.outcome == smtp.Accepted {
				require.NoError(t, err)
				return
			}
			noSecrets(t, err)
			var partial *smtp.PartialError
			require.ErrorAs(t, err, &partial)
			require.Same(t, r, partial.Result)
			for _, is := range []error{ErrStopped, smtp.ErrLogin} {
				require.Equal(t, is == c.is, errors.Is(err, is), is)
			}
			var reply *smtp.ReplyError
			require.Equal(t, c.code != 0, errors.As(err, &reply))
			if c.code != 0 && !strings.HasPrefix(c.name, "too long") {
				require.Contains(t, reply.Reply.Text, text)
			}
		})
	}
}

// Found out before anything is sent.
func TestRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for _, c := range []struct {
		name   string
		change func(*Client, *testMail)
		want   string
	}{
		{"as it is", func(*Client, *testMail) {}, ""},
		{"as long as can be", func(_ *Client, m *testMail) { m.text = strings.Repeat("x", 4<<20); m.size = 4 << 20 }, ""},
		{"too long", func(_ *Client, m *testMail) { m.size = MaxSize + 1 }, "octets of a message that SES takes"},
		{"as long as the domain takes", func(c *Client, m *testMail) { c.MaxSize = func(string) int64 { return m.Size() } }, ""},
		{"too long for the domain", func(c *Client, m *testMail) { c.MaxSize = func(string) int64 { return m.Size() - 1 } }, "to example.org"},
		{"a local part", func(_ *Client, m *testMail) { m.to[0] = "jürgen@example.org" }, smtp.ErrUTF8.Error()},
		{"the sender's", func(_ *Client, m *testMail) { m.from = "jürgen@example.org" }, smtp.ErrUTF8.Error()},
		{"no address", func(_ *Client, m *testMail) { m.to[0] = "bob" }, "bob"},
		{"two addresses in one", func(_ *Client, m *testMail) { m.to[0] = "bob@example.org,eve@example.org" }, "eve"},
		{"a file that changed", func(_ *Client, m *testMail) { m.err = boom }, "boom"},
		{"a file that is shorter", func(_ *Client, m *testMail) { m.size = m.Size() + 1 }, "says"},
		{"no region", func(c *Client, _ *testMail) { c.Region = "" }, "Region"},
		{"no credentials", func(c *Client, _ *testMail) { c.Credentials = nil }, smtp.ErrLogin.Error()},
		{"credentials that fail", func(c *Client, _ *testMail) {
			c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, boom })
		}, smtp.ErrLogin.Error()},
		{"no TLS", func(c *Client, _ *testMail) { c.Endpoint = "http://email.eu-central-1.amazonaws.com" }, "TLS is not left out"},
		{"no TLS, by a name", func(c *Client, _ *testMail) { c.Endpoint = "http://localhost:12902" }, "TLS is not left out"},
		{"a password in the address", func(c *Client, _ *testMail) { c.Endpoint = "https://a:" + testToken + "@127.0.0.1" }, "holds a name or a password"},
		{"another scheme", func(c *Client, _ *testMail) { c.Endpoint = "ftp://127.0.0.1" }, "no kind of server"},
		{"an unverified server", func(c *Client, _ *testMail) { c.TLS = &tls.Config{InsecureSkipVerify: true} }, "does not verify"},
		{"an unknown authority", func(c *Client, _ *testMail) { c.TLS = nil }, "x509"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, client := newStub(t, nil)
			m := newMail("bob@example.org")
			c.change(client, m)
			r, err := client.send(context.Background(), m, nil)
			if c.want == "" {
				require.NoError(t, err)
				require.Len(t, s.heard(), 1)
				return
			}
			require.ErrorContains(t, err, c.want)
			noSecrets(t, err)
			require.Equal(t, []string{m.to[0]}, r.Which(smtp.NotSent))
			require.Empty(t, s.heard())
			if strings.Contains(c.name, "too long") {
				require.ErrorIs(t, err, envelope.ErrLimit)
			}
		})
	}
}

func TestRecipients(t *testing.T) {
	t.Parallel()
	s, c := newStub(t, nil)
	ctx := context.Background()
	_, err := c.send(ctx, newMail(), nil)
	require.ErrorContains(t, err, "own copy")
	_, err = c.send(ctx, newMail("bob@example.org"), []string{"mallory@example.org"})
	require.ErrorContains(t, err, "not among the recipients")
	for _, send := range []func() (*smtp.Result, error){
		func() (*smtp.Result, error) { return c.Send(ctx, nil) },
		func() (*smtp.Result, error) { return c.SendNotice(ctx, nil) },
		func() (*smtp.Result, error) { return c.SendSignedOnly(ctx, nil) },
	} {
		r, err := send()
		require.ErrorContains(t, err, "no message")
		require.Nil(t, r)
	}
	require.Empty(t, s.heard())

	var many []string
	for i := range 2*maxRecipients + 1 {
		many = append(many, fmt.Sprintf("r%d@example.org", i))
	}
	r, err := c.send(ctx, newMail(many...), nil)
	require.NoError(t, err)
	require.Equal(t, many, r.Which(smtp.Accepted))
	var got []string
	for _, q := range s.heard() {
		require.LessOrEqual(t, len(q.Destination.ToAddresses), maxRecipients)
		got = append(got, q.Destination.ToAddresses...)
	}
	require.Len(t, s.heard(), 3)
	require.Equal(t, many, got)
}

func TestReturnPath(t *testing.T) {
	t.Parallel()
	s, c := newStub(t, nil)
	c.ReturnPath = func(id, to string) (string, error) {
		switch local, _, _ := strings.Cut(to, "@"); local {
		case "dave":
			return "", errors.New("no room")
		case "eve":
			return "no address", nil
		default:
			return "b+" + local + "@bounces.example", nil
		}
	}
	r, err := c.send(context.Background(), newMail("bob@example.org", "dave@example.org", "eve@example.org", "carol@example.org"), nil)
	require.ErrorContains(t, err, "no room")
	require.Equal(t, []string{"bob@example.org", "carol@example.org"}, r.Which(smtp.Accepted))
	require.Equal(t, []string{"dave@example.org", "eve@example.org"}, r.Again())
	require.Equal(t, "b+carol@bounces.example", r.Recipients[3].ReturnPath)
	require.Len(t, s.heard(), 2)
	for i, local := range []string{"bob", "carol"} {
		require.Equal(t, "b+"+local+"@bounces.example", s.heard()[i].FeedbackForwardingEmailAddress)
		require.Equal(t, "alice@example.org", s.heard()[i].FromEmailAddress)
		require.Equal(t, []string{local + "@example.org"}, s.heard()[i].Destination.ToAddresses)
	}
}

// A context that ends while the answer is awaited leaves it unknown; before
// anything is sent, not.
func TestContext(t *testing.T) {
	t.Parallel()
	why := errors.New("the user has gone")
	ctx, cancel := context.WithCancelCause(context.Background())
	s, c := newStub(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel(why)
		<-r.Context().Done() // the client goes
	})
	r, err := c.send(ctx, newMail("bob@example.org"), nil)
	require.ErrorIs(t, err, why)
	require.Equal(t, smtp.Unknown, r.Recipients[0].Outcome)
	require.Len(t, s.heard(), 1)
	r, err = c.send(ctx, newMail("bob@example.org"), nil)
	require.ErrorIs(t, err, why)
	require.Equal(t, smtp.NotSent, r.Recipients[0].Outcome)
	require.Len(t, s.heard(), 1)
}

// TestCutOff: wherever the service ends the connection while a request comes in,
// what it got only a part of was not sent. What it got all of is unknown.
func TestCutOff(t *testing.T) {
	t.Parallel()
	_, c := newStub(t, nil)
	c.Endpoint = ""
	for _, after := range []int{0, 1, 500, 100_000, 4 << 20} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, after)
			for n := 0; n < after; {
				m, err := conn.Read(buf[n:])
				if err != nil {
					break
				}
				n += m
			}
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}()
		client := &Client{Region: c.Region, Credentials: c.Credentials, Endpoint: "http://" + l.Addr().String()}
		m := newMail("bob@example.org")
		m.text = strings.Repeat("x", 16<<20) // more than what the kernel keeps
		r, err := client.send(context.Background(), m, nil)
		noSecrets(t, err)
		require.Equal(t, smtp.NotSent, r.Recipients[0].Outcome, after)
		require.NoError(t, l.Close())
		require.NoError(t, client.Close())
	}
}
