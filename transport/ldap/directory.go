// Package ldap finds S/MIME certificates in an LDAP directory, as companies and
// authorities have one (RFC 4523).
//
// What it finds are candidates: a directory says what somebody wrote into it.
// keyring.Verify decides, with a path to an authority that is trusted
// (smime.ChainTo), or with a fingerprint that came by another way.
package ldap

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/publicnet"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
)

// Directory is an LDAP directory. It is a plain value, is not changed by its
// methods, and may be used concurrently: each search has its own connection.
type Directory struct {
	// URL is "ldaps://ldap.example.org" for TLS from the beginning, or
	// "ldap://ldap.example.org" for StartTLS, which is required then. A port is
	// allowed, and nothing else.
	URL string

	// Base is the name below which people are, "ou=people,dc=example,dc=org".
	Base string

	// TLS has the caller's authorities and client certificates; nil: those of
	// the system. Servers are verified by the name in URL.
	TLS *tls.Config

	// Bind, if not nil, says who asks, before the search; nil: nobody.
	// (*ldap.Conn).Bind of github.com/go-ldap/ldap/v3 sends a name and a
	// password.
	Bind func(*goldap.Conn) error

	// AllowPrivate connects to any address: of this host, of private networks,
	// where the directories of companies are. Without it a connection goes to
	// public addresses alone, so that who may say which directory is asked
	// cannot have a program that is behind a firewall ask what is there.
	AllowPrivate bool

	// Resolver resolves the name of the server; nil: net.DefaultResolver.
	Resolver *net.Resolver

	// Timeout is for all of a search; 0: 30 seconds.
	Timeout time.Duration
}

// What one search may cost.
const (
	// defaultTimeout is what a person waits who is about to send something.
	defaultTimeout = 30 * time.Second

	// maxEntries is how many entries of one address are taken: a person has
	// one or two.
	maxEntries = 64
)

// The attributes that certificates are in, RFC 4523, Section 4.1, and RFC 2798,
// Section 2.8. The second one has them in a signed message.
const (
	userCertificate      = "userCertificate"
	userSMIMECertificate = "userSMIMECertificate"
)

// Search returns the certificates of the entries whose mail attribute is the
// address. parse is smime.ParseCertificate. Certificates that are there and
// cannot be read are among the problems.
//
// A referral to another directory is not followed; that there was one is a
// problem. The error is [discover.ErrNotFound] where no entry has a certificate,
// and [keyring.ErrRefused] for what is not asked (a URL without TLS, an address
// that is not public) or not taken (more than 64 entries, an answer that is too
// large or not well-formed). Any other error is one of the network, or the
// directory's.
func (d *Directory) Search(ctx context.Context, address string, parse ...func([]byte) (*keyring.Certificate, error)) ([]discover.Candidate, []discover.Problem, error) {
	a, err := mailbox.Parse(address)
	if err != nil {
		return nil, nil, refuse("%v", err)
	}
	if a.IsDomain() {
		return nil, nil, refuse("%.80q is a whole domain: ask for one address", address)
	}
	timeout := d.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	host, result, err := d.ask(ctx, a, timeout)
	switch {
	case err != nil && (ctx.Err() != nil || publicnet.IsTimeout(err)):
		return nil, nil, fmt.Errorf("ldap: %.80q does not answer: %w", d.URL, cmp.Or(ctx.Err(), context.DeadlineExceeded))
	case err != nil:
		return nil, nil, err
	}
	c := &collector{host: host, address: a, parse: parse}
	for _, entry := range result.Entries {
		c.entry(entry)
	}
	if n := len(result.Referrals); n > 0 {
		c.problems = append(c.problems, discover.Problem{Where: "LDAP directory " + host, Err: fmt.Errorf("%d referrals to other directories were not followed", n)})
	}
	if len(c.found) == 0 && len(c.problems) == 0 {
		return nil, nil, fmt.Errorf("%w: the directory %s has no certificate of %s", discover.ErrNotFound, host, a)
	}
	return c.found, c.problems, nil
}

// ask connects and searches.
func (d *Directory) ask(ctx context.Context, a mailbox.Address, timeout time.Duration) (host string, result *goldap.SearchResult, err error) {
	host, port, startTLS, err := d.server()
	if err != nil {
		return "", nil, err
	}
	config, err := d.config(host)
	if err != nil {
		return "", nil, err
	}
	raw, err := publicnet.Dialer{Resolver: d.Resolver, Private: d.AllowPrivate}.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if hidden := (*publicnet.AddressError)(nil); errors.As(err, &hidden) {
		return "", nil, refuse("%s has the address %s, which %s: set AllowPrivate if it is meant", host, hidden.Addr, hidden.Why)
	}
	if err != nil {
		return "", nil, fmt.Errorf("ldap: %w", publicnet.Printable(err))
	}
	defer raw.Close()
	// Ends what is being read or written.
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if startTLS {
		if err := begin(raw); err != nil {
			return "", nil, err
		}
	}
	secure := tls.Client(raw, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return "", nil, fmt.Errorf("ldap: %s: %w", host, publicnet.Printable(err))
	}
	checked := newChecked(secure)
	conn := goldap.NewConn(checked, true)
	conn.SetTimeout(2 * timeout) // the context ends it before that
	conn.Start()
	defer conn.Close()
	if d.Bind != nil {
		if err := d.Bind(conn); err != nil {
			return "", nil, checked.because(host, err)
		}
	}
	result, err = conn.Search(request(d.Base, a, timeout))
	if err != nil {
		return "", nil, checked.because(host, err)
	}
	return host, result, nil
}

// request asks for all certificates of an address. What the address is stands
// in the filter escaped (RFC 4515, Section 3): "*" is a character that local
// parts may have.
func request(base string, a mailbox.Address, timeout time.Duration) *goldap.SearchRequest {
	return &goldap.SearchRequest{
		BaseDN:       base,
		Scope:        goldap.ScopeWholeSubtree,
		DerefAliases: goldap.NeverDerefAliases, // what an alias leads to need not be below Base
		SizeLimit:    maxEntries,
		TimeLimit:    max(1, int(timeout/time.Second)),
		Filter:       "(mail=" + goldap.EscapeFilter(a.String()) + ")",
		// By RFC 4522 and RFC 2798 they have to be asked for in binary. OpenLDAP
		// does not know the second one so, and some others have neither.
		Attributes: []string{
			userCertificate + ";binary", userSMIMECertificate + ";binary",
			userCertificate, userSMIMECertificate,
		},
		EnforceSizeLimit: true,
	}
}

// server reads URL.
func (d *Directory) server() (host, port string, startTLS bool, err error) {
	u, err := url.Parse(d.URL)
	if err == nil && u.User != nil {
		return "", "", false, refuse("%.80q has a password in it, which does not belong there: see Bind", u.Redacted())
	}
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return "", "", false, refuse("%.80q is no address of a directory: ldaps://ldap.example.org", d.URL)
	}
	port = u.Port()
	switch u.Scheme {
	case "ldaps":
		if port == "" {
			port = goldap.DefaultLdapsPort
		}
	case "ldap":
		startTLS = true
		if port == "" {
			port = goldap.DefaultLdapPort
		}
	default:
		return "", "", false, refuse("%.80q is no address of a directory: ldaps://%.80s", d.URL, u.Host)
	}
	return u.Hostname(), port, startTLS, nil
}

// config returns how TLS is spoken with a server.
func (d *Directory) config(host string) (*tls.Config, error) {
	c := &tls.Config{}
	if d.TLS != nil {
		c = d.TLS.Clone()
	}
	if c.InsecureSkipVerify {
		return nil, refuse("a connection that does not verify the server proves nothing: set RootCAs instead")
	}
	c.ServerName = host
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c, nil
}
