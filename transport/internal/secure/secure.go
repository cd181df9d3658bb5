// Package secure opens connections to mail servers, bounds what a server can
// make of them, and says why one was refused.
package secure

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"time"
)

// ErrFlood is the error of reading from a server that says more than it was
// given leave to.
var ErrFlood = errors.New("the server says more than any server has to say")

// ErrStalled is why a connection was cut on which nothing moved.
var ErrStalled = errors.New("nothing has come for too long")

// Conn is a connection with a bound on what is read from it, and on how long
// one write may take. The methods of its own are safe for concurrent use.
type Conn struct {
	net.Conn
	raw   net.Conn
	left  atomic.Int64 // octets that may still be read
	block atomic.Int64 // nanoseconds for one write; 0: none of its own
	moved atomic.Int64 // octets, in both directions
}

// Wrap returns c as it is used here: raw is what is below it, which ends it
// whatever else is going on.
func Wrap(c, raw net.Conn) *Conn { return &Conn{Conn: c, raw: raw} }

// Allow gives leave for n more octets, whatever was left before.
func (c *Conn) Allow(n int64) { c.left.Store(n) }

// Block gives each write d, 0 for no bound of its own.
func (c *Conn) Block(d time.Duration) { c.block.Store(int64(d)) }

// Read reads what there is leave for.
func (c *Conn) Read(p []byte) (int, error) {
	left := c.left.Load()
	if left <= 0 {
		return 0, ErrFlood
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), left)])
	c.left.Add(-int64(n))
	c.moved.Add(int64(n))
	return n, err
}

// Write writes p within the time that Block gave.
func (c *Conn) Write(p []byte) (int, error) {
	if d := c.block.Load(); d > 0 {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(time.Duration(d))); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Write(p)
	c.moved.Add(int64(n))
	return n, err
}

// Cut ends the connection at once, with no word to the server.
func (c *Conn) Cut() { _ = c.raw.Close() }

// Watch cuts the connection when ctx ends. stop has to be called.
func (c *Conn) Watch(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, c.Cut)
}

// Stall cuts the connection where no octet moves for d. The context that it
// returns ends with ErrStalled then; stop has to be called.
func (c *Conn) Stall(ctx context.Context, d time.Duration) (stalling context.Context, stop func()) {
	stalling, cancel := context.WithCancelCause(ctx)
	before := c.moved.Load()
	var timer *time.Timer
	ready := make(chan struct{})
	timer = time.AfterFunc(d, func() {
		<-ready
		if now := c.moved.Load(); now != before {
			before = now
			timer.Reset(d)
			return
		}
		cancel(ErrStalled)
	})
	close(ready)
	end := c.Watch(stalling)
	return stalling, func() {
		timer.Stop()
		end()
		cancel(nil)
	}
}

// Address takes a server's address apart: scheme://host or scheme://host:port.
// ports are the schemes that are taken, with the port that each has by itself.
func Address(text string, ports map[string]string) (scheme, host, address string, err error) {
	u, err := url.Parse(text)
	if err != nil {
		// The text of the error repeats all of the address, with what may be a password in it.
		return "", "", "", errors.New("the address of the server cannot be read")
	}
	port, known := ports[u.Scheme]
	if !known {
		return "", "", "", fmt.Errorf("%.80q is no kind of server that is spoken with: TLS is not left out", u.Scheme)
	}
	if u.User != nil {
		return "", "", "", errors.New("the address of the server holds a name or a password: set User and Password instead")
	}
	if u.Hostname() == "" || u.Opaque != "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return "", "", "", fmt.Errorf("%.80q is no address of a server: %s://%.80s", text, u.Scheme, u.Hostname())
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return u.Scheme, u.Hostname(), net.JoinHostPort(u.Hostname(), port), nil
}

// Asked is what became of a server's wish for a client certificate.
type Asked struct {
	wished  atomic.Bool
	given   atomic.Bool
	foreign atomic.Bool // there was one, which the server says it takes none of
}

// Config returns how TLS is spoken with host, and what is found out by it. The
// server is verified by its name, with TLS 1.2 at the least.
func Config(base *tls.Config, host string) (*tls.Config, *Asked, error) {
	c, asked := &tls.Config{}, &Asked{}
	if base != nil {
		c = base.Clone()
	}
	if c.InsecureSkipVerify {
		return nil, nil, errors.New("a connection that does not verify the server proves nothing: set RootCAs instead")
	}
	c.ServerName = host
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	certificates, get := c.Certificates, c.GetClientCertificate
	c.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked.wished.Store(true)
		if get != nil {
			chosen, err := get(r)
			asked.given.Store(chosen != nil && len(chosen.Certificate) > 0)
			return chosen, err
		}
		for i := range certificates {
			if r.SupportsCertificate(&certificates[i]) == nil {
				asked.given.Store(true)
				return &certificates[i], nil
			}
			asked.foreign.Store(true)
		}
		return new(tls.Certificate), nil // none, and the server decides
	}
	return c, asked, nil
}

// Explain adds to an error of a connection that ended early what is likely
// behind it: refused says that the server answered with one. With TLS 1.3 a
// client learns only by its first read that its certificate was not taken (RFC
// 8446, Section 4.4.2.4 and Appendix E.1.2).
func (a *Asked) Explain(err error, refused bool) error {
	if err == nil || !a.wished.Load() || !(refused || cutOff(err)) {
		return err
	}
	switch {
	case a.given.Load() && refused:
		return err // the certificate may have been welcome
	case a.given.Load():
		return fmt.Errorf("%w (the server asked for a client certificate, and may not have taken the one it was given)", err)
	case a.foreign.Load():
		return fmt.Errorf("%w (the server asked for a client certificate by an authority that none of the given ones is by)", err)
	}
	return fmt.Errorf("%w (the server asked for a client certificate, and none was given)", err)
}

// cutOff reports whether err is one of a connection that the other side ended.
func cutOff(err error) bool {
	var op *net.OpError // which alerts of TLS are in, too
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op)
}

// Dial connects to address, and speaks TLS where config is not nil.
func Dial(ctx context.Context, address string, config *tls.Config) (*Conn, error) {
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if config == nil {
		return Wrap(raw, raw), nil
	}
	t := tls.Client(raw, config)
	if err := t.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return Wrap(t, raw), nil
}
