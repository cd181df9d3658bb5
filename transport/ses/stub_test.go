package ses

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"
)

// The secrets of the tests, which must be in no error.
const (
	testSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	testToken  = "IQoJb3JpZ2luX2VjEXAMPLETOKEN"
)

// stub is a service that answers as a test says.
type stub struct {
	*httptest.Server
	answer http.HandlerFunc // nil: takes everything

	mu       sync.Mutex
	requests []request
}

// request is what SES is asked for, as far as it is looked at here.
type request struct {
	FromEmailAddress               string
	FeedbackForwardingEmailAddress string
	ConfigurationSetName           string
	Destination                    struct{ ToAddresses, CcAddresses, BccAddresses []string }
	Content                        struct{ Raw struct{ Data []byte } }
	authorization                  string
}

func newStub(t *testing.T, answer http.HandlerFunc) (*stub, *Client) {
	s := &stub{answer: answer}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	c := &Client{
		Region: "eu-central-1", Endpoint: s.URL, TLS: &tls.Config{RootCAs: pool},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", testSecret, testToken),
	}
	t.Cleanup(func() { _ = c.Close() })
	return s, c
}

func (s *stub) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var q request
	if err := json.Unmarshal(body, &q); err != nil || r.Method != "POST" || r.URL.Path != "/v2/email/outbound-emails" {
		http.Error(w, "what?", http.StatusBadRequest)
		return
	}
	q.authorization = r.Header.Get("Authorization")
	s.mu.Lock()
	s.requests = append(s.requests, q)
	n := len(s.requests)
	s.mu.Unlock()
	if s.answer != nil {
		s.answer(w, r)
		return
	}
	fmt.Fprintf(w, `{"MessageId":"0107-%d"}`, n)
}

func (s *stub) heard() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// says answers with an error of the service.
func says(status int, code, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Errortype", code)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"message":%q}`, text)
	}
}

// hangs ends the connection without an answer.
func hangs(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// testMail is a message of any content.
type testMail struct {
	from, id string
	to       []string
	text     string
	size     int64 // 0: that of text
	err      error
}

const testText = "From: alice@example.org\r\nSubject: ...\r\n\r\nx\r\n"

func newMail(to ...string) *testMail {
	return &testMail{from: "alice@example.org", id: "1@example.org", to: to, text: testText}
}

func (m *testMail) From() string         { return m.from }
func (m *testMail) Recipients() []string { return m.to }
func (m *testMail) MessageID() string    { return m.id }
func (m *testMail) Size() int64 {
	if m.size != 0 {
		return m.size
	}
	return int64(len(m.text))
}

func (m *testMail) WriteTo(w io.Writer) (int64, error) {
	n, err := io.Copy(w, strings.NewReader(m.text))
	return n, errors.Join(err, m.err)
}

// noSecrets holds an error to one line without secrets.
func noSecrets(t *testing.T, err error) {
	t.Helper()
	require.NotContains(t, err.Error(), "\n")
	require.NotContains(t, err.Error(), testSecret)
	require.NotContains(t, err.Error(), testToken)
	require.True(t, strings.HasPrefix(err.Error(), "ses: "), err.Error())
}

// AlicesClient returns a client of a service on this machine that takes every
// mail but those for Carol, for the examples.
func AlicesClient() (c *Client, stop func()) {
	s := &stub{}
	s.answer = func(w http.ResponseWriter, r *http.Request) {
		all := s.heard()
		if all[len(all)-1].Destination.ToAddresses[0] == "carol@example.org" {
			says(http.StatusBadRequest, "MessageRejected", "Email address is not verified.")(w, r)
			return
		}
		fmt.Fprint(w, `{"MessageId":"0107018f"}`)
	}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(s.serve))
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &Client{Endpoint: s.URL, TLS: &tls.Config{RootCAs: pool}}, s.Close
}
