package discover

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
)

// takeOver gives t what a caller's transport says of TLS, and refuses one that
// would connect in a way that cannot be checked: going another way than the
// caller said, silently, could tell who asks to whom they hide from.
func takeOver(t, given *http.Transport) error {
	//lint:ignore SA1019 a function that is set is used, deprecated or not
	if given.DialContext != nil || given.DialTLSContext != nil || given.Dial != nil || given.DialTLS != nil {
		return refuse("where the dial function of a Transport connects to cannot be checked: leave it nil, or set UnguardedTransport to answer for it")
	}
	if given.Proxy != nil {
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			proxy, err := given.Proxy(r)
			if err == nil && proxy != nil {
				return nil, refuse("what a proxy connects to cannot be checked: set UnguardedTransport to answer for it")
			}
			return nil, err
		}
	}
	if given.TLSClientConfig == nil {
		return nil
	}
	c := given.TLSClientConfig.Clone()
	if c.InsecureSkipVerify {
		return refuse("a Transport that does not verify servers proves nothing: set RootCAs instead")
	}
	c.ServerName = ""    // of the server that is asked, and not of one for all
	c.Certificates = nil // nobody is told who asks
	c.GetClientCertificate = nil
	c.NextProtos = nil
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	t.TLSClientConfig = c
	return nil
}

// stays is asked before a redirect is followed: it has to stay on its host, for
// which alone the answer speaks, and on HTTPS.
func stays(r *http.Request, via []*http.Request) error {
	from := via[0].URL
	switch {
	case len(via) > maxRedirects:
		return refuse("%s redirects more than %d times", from.Host, maxRedirects)
	case r.URL.Scheme != "https":
		return refuse("%s redirects to %.80q, without TLS", from.Host, r.URL.Redacted())
	case !strings.EqualFold(r.URL.Host, from.Host):
		return refuse("%s redirects to another host, %.80q", from.Host, r.URL.Host)
	case r.URL.User != nil:
		return refuse("%s redirects with a password", from.Host)
	}
	r.Header.Del("Referer") // set before this is asked: where it came from has the address in it
	return nil
}
