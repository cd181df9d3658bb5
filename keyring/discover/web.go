package discover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/publicnet"
)

// Web is how sources are asked over HTTPS. The zero value is ready. It is a
// plain value, is not changed by its methods, and may be used concurrently.
//
// One request is one bounded answer: certificates of the server are verified,
// redirects to another host are not followed, no cookies, client certificates,
// passwords or Referer are sent, nothing is decompressed, and no connection is
// kept. Connections go to public addresses alone, which is checked of the
// address that the socket connects to: who may name a domain in a mail address
// could else have a program that is behind a firewall ask what is there. No
// proxy is used, also where the environment names one, since the check would be
// of the proxy's address.
type Web struct {
	// Client is the caller's. Of its Transport, nil or an *http.Transport, the
	// TLSClientConfig is taken: authorities, versions. One that dials by itself,
	// has a proxy for the request, or does not verify servers is refused, and
	// nothing else of the Client is used.
	Client *http.Client

	// UnguardedTransport asks by the Client's Transport as it is, of whatever
	// type, with its proxies and dial functions. The caller answers for where it
	// connects to, and for its verifying of servers: what a domain attests rests
	// on that. Where a proxy resolves the names, the direct method of Web Key
	// Directories is not tried.
	UnguardedTransport bool

	// AllowPrivate connects to any address: of this host, of private networks.
	AllowPrivate bool

	// Resolver resolves the names of servers; nil: net.DefaultResolver.
	Resolver *net.Resolver

	// Timeout is for all that one call does; 0: 30 seconds.
	Timeout time.Duration

	port string // of Web Key Directories; "": that of HTTPS. Tests cannot listen there.
}

const (
	// defaultTimeout is what a person waits who is about to send something.
	defaultTimeout = 30 * time.Second

	// maxRedirects is enough for "add a slash" and "in lower case, please".
	maxRedirects = 3

	// maxHeader is the size of an answer's header in octets.
	maxHeader = 64 << 10
)

// page is an answer.
type page struct {
	body []byte
	host string // that was asked and answered
}

// limit gives ctx an end.
func (w *Web) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if w.Timeout > 0 {
		return context.WithTimeout(ctx, w.Timeout)
	}
	return context.WithTimeout(ctx, defaultTimeout)
}

// get fetches what is at an address, of at most so many octets.
func (w *Web) get(ctx context.Context, address string, most int64) (*page, error) {
	client, err := w.client()
	if err != nil {
		return nil, err
	}
	if !w.UnguardedTransport {
		defer client.CloseIdleConnections()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("discover: %w", err)
	}
	// Said, so that the transport does not ask for gzip by itself: a small
	// answer is not to become a large one.
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := client.Do(req)
	if err != nil {
		var hidden *publicnet.AddressError
		if errors.As(err, &hidden) {
			return nil, refuse("%s has the address %s, which %s: set AllowPrivate if it is meant", req.URL.Host, hidden.Addr, hidden.Why)
		}
		return nil, fmt.Errorf("discover: %w", publicnet.Printable(err))
	}
	defer resp.Body.Close()
	where := req.URL.Host
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, fmt.Errorf("%w: %s has no such thing", ErrNotFound, where)
	default:
		return nil, fmt.Errorf("discover: %s answered with status %d", where, resp.StatusCode)
	}
	if err := w.acceptable(resp, where, most); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err == nil {
		// A server that notices that we give up may end its answer in good
		// order, and be faster than the end of the connection.
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("discover: %s: %w", where, publicnet.Printable(err))
	}
	if int64(len(body)) > most {
		return nil, refuse("%s answered with more than %d octets", where, most)
	}
	return &page{body, req.URL.Hostname()}, nil
}

// acceptable looks at what an answer says of itself.
func (w *Web) acceptable(resp *http.Response, where string, most int64) error {
	if resp.TLS == nil && !w.UnguardedTransport {
		return refuse("%s answered without TLS", where) // not met: all is https
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return refuse("%s answered with something encoded as %.80q, which was not asked for", where, e)
	}
	if resp.ContentLength > most {
		return refuse("%s answered with %d octets, at most %d are read", where, resp.ContentLength, most)
	}
	// Servers send what they have no type for as plain text. What says that it
	// is for a browser is a page that a server has for every name.
	ct := resp.Header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(ct)
	switch {
	case ct == "":
	case err == nil && (kind == "application/octet-stream" || kind == "application/pgp-keys" || kind == "text/plain"):
	default:
		return refuse("%s answered with something of type %.80q, which is no key", where, ct)
	}
	return nil
}

// client makes one for a single request.
func (w *Web) client() (*http.Client, error) {
	c := &http.Client{CheckRedirect: stays}
	if w.UnguardedTransport {
		if w.Client != nil {
			c.Transport = w.Client.Transport
		}
		return c, nil
	}
	t := &http.Transport{
		DialContext:            publicnet.Dialer{Resolver: w.Resolver, Private: w.AllowPrivate}.DialContext,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
	c.Transport = t
	if w.Client == nil || w.Client.Transport == nil || w.Client.Transport == http.DefaultTransport {
		return c, nil
	}
	given, ok := w.Client.Transport.(*http.Transport)
	if !ok {
		return nil, refuse("where a Transport of type %T connects to cannot be checked: set UnguardedTransport to answer for it", w.Client.Transport)
	}
	return c, takeOver(t, given)
}
