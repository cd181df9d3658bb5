package ses

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"github.com/doublekeybox/doublekeybox/transport/internal/secure"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

// Client is an account at SES in one region. It is used by its pointer, may be
// used concurrently, and must not be changed after the first Send.
type Client struct {
	Region string // "eu-central-1"

	// Endpoint is "" for the service in Region, or where else it is:
	// "https://vpce-1.email.eu-central-1.vpce.amazonaws.com". An emulator on this
	// machine may have "http://" and a loopback address in digits, 127.0.0.1 or
	// [::1]; nothing else is spoken with but by TLS.
	Endpoint string

	// Credentials sign the requests, those of config.LoadDefaultConfig for one.
	// They are asked for whenever they are about to expire.
	Credentials aws.CredentialsProvider

	// TLS has the caller's authorities; nil: those of the system. The server is
	// verified in any case.
	TLS *tls.Config

	ConfigurationSet string // "": none

	// MaxSize returns how many octets the servers of a domain take, by what the
	// caller knows of them; nil and 0: unknown. What SES takes counts besides.
	MaxSize func(domain string) int64

	// ReturnPath, if not nil, returns where SES sends what it learns of a
	// recipient who was not reached: (*bounce.Paths).Address. There is then one
	// request for each recipient. The domain has to be verified at SES.
	ReturnPath func(messageID, recipient string) (string, error)

	once   sync.Once
	err    error // of what is wrong with the fields
	api    *sesv2.Client
	http   *http.Client
	logins *aws.CredentialsCache
	host   string // for errors
}

// ErrStopped is that of an account that sends nothing now: it is paused or
// suspended, or the configuration set is not there. It will be the same for
// every other mail: stop, and look.
var ErrStopped = errors.New("the account sends nothing")

// limits of time. SES answers within seconds; what a request takes depends on
// how long the mail is.
const (
	connectTimeout = 30 * time.Second
	answerTimeout  = 2 * time.Minute  // after the last octet of a request
	requestTimeout = 10 * time.Minute // for all of a request
	// idleTimeout is shorter than that of the server: a connection that it ends
	// just when a request is written leaves the outcome unknown.
	idleTimeout = 15 * time.Second
	// maxIdle is how many connections are kept, more than any account's rate needs.
	maxIdle = 64
)

func (c *Client) start() error {
	c.once.Do(func() { c.err = c.setUp() })
	return c.err
}

func (c *Client) setUp() error {
	switch {
	case c.Region == "":
		return errors.New("Client.Region is not set: \"eu-central-1\"")
	case c.Credentials == nil:
		return fmt.Errorf("%w: Client.Credentials is not set", smtp.ErrLogin)
	}
	host, err := c.endpoint()
	if err != nil {
		return err
	}
	config, _, err := secure.Config(c.TLS, host)
	if err != nil {
		return err
	}
	c.host = cmp.Or(host, "SES in "+c.Region)
	c.http = &http.Client{
		// The mail goes to the service that was named, and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		// By HTTP/1.1, since TLSClientConfig is set and HTTP/2 is not asked for:
		// there one broken connection would leave many mails in doubt.
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSClientConfig:       config,
			TLSHandshakeTimeout:   connectTimeout,
			ResponseHeaderTimeout: answerTimeout,
			IdleConnTimeout:       idleTimeout,
			MaxIdleConns:          maxIdle,
			MaxIdleConnsPerHost:   maxIdle,
		},
	}
	c.logins = aws.NewCredentialsCache(c.Credentials)
	options := sesv2.Options{
		Region:      c.Region,
		Credentials: c.logins,
		HTTPClient:  doer{c.http},
		Retryer:     aws.NopRetryer{},
	}
	if c.Endpoint != "" {
		options.BaseEndpoint = aws.String(c.Endpoint)
	}
	c.api = sesv2.New(options)
	return nil
}

// endpoint checks Endpoint and returns its host, "" for the one of the region.
func (c *Client) endpoint() (host string, err error) {
	if c.Endpoint == "" {
		return "", nil
	}
	scheme, host, _, err := secure.Address(c.Endpoint, map[string]string{"https": "443", "http": "80"})
	if err != nil {
		return "", fmt.Errorf("Client.Endpoint: %w", err)
	}
	if scheme == "http" {
		if a, err := netip.ParseAddr(host); err != nil || !a.IsLoopback() {
			return "", fmt.Errorf("Client.Endpoint: %.80q is not on this machine, and TLS is not left out: https://", strings.ToValidUTF8(host, "?"))
		}
	}
	return host, nil
}

// Close ends the connections that are idle. The Client can be used afterwards.
func (c *Client) Close() error {
	if c.start() == nil {
		c.http.CloseIdleConnections()
	}
	return nil
}

// login asks for the credentials. Those of the cache are asked for again where a
// request is signed.
func (c *Client) login(ctx context.Context) error {
	if _, err := c.logins.Retrieve(ctx); err != nil {
		return fmt.Errorf("%w: no credentials: %w", smtp.ErrLogin, err)
	}
	return nil
}
