package channel

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Webhook posts each passphrase to a server, which takes it further: by SMS, or
// into a customer's portal. The body is JSON:
//
//	{"number": "K7Q2-M4T9-X3WA", "name": "Bob", "address": "bob@example.org",
//	 "language": "en", "passphrase": "…", "fields": {"mobile": "…"}}
//
// The header has Idempotency-Key, which is the number and the same at every
// attempt, so that a server that got it before answers 2xx and does nothing.
// 2xx says that the server keeps it.
//
// It must not be changed while in use; used so it is safe for concurrent use.
type Webhook struct {
	URL   string // https
	Token string // sent as a bearer token (RFC 6750, Section 2.1); "" for none

	Authorities *x509.CertPool                                   // whose certificates the server may have; nil: the system's
	Attempts    int                                              // of each, where the server says later; 0: 6
	Pause       time.Duration                                    // before the second attempt, then twice as long each time; 0: one second
	Wait        func(ctx context.Context, d time.Duration) error // nil: that long

	once   sync.Once
	client *http.Client
	target *url.URL
	err    error
}

var _ Channel = (*Webhook)(nil)

const (
	webhookTimeout  = 30 * time.Second // for one attempt as a whole
	webhookAttempts = 6
	webhookAtOnce   = 8
	webhookIdle     = 30 * time.Second // until a connection is ended that nothing is posted by
	webhookPause    = time.Second
	webhookMost     = 5 * time.Minute // that a server may have one wait
	webhookAnswer   = 4 << 10         // octets that are read of an answer, and not looked at
	maxToken        = 8 << 10         // octets of a file with a token
)

// StatusError says that the server did not take a passphrase.
type StatusError struct {
	Number string
	Code   int // of HTTP
}

// Error implements error, on one line.
func (e *StatusError) Error() string {
	return fmt.Sprintf("channel: the server answered %d for passphrase number %s", e.Code, e.Number)
}

// ReadToken reads a bearer token from the first line of a file.
func ReadToken(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("channel: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxToken+1))
	if err != nil {
		return "", fmt.Errorf("channel: %w", err)
	}
	line, rest, _ := strings.Cut(string(b), "\n")
	line = strings.TrimRight(line, "\r")
	// b64token of RFC 6750, Section 2.1.
	const chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
	if line == "" || len(b) > maxToken || strings.TrimSpace(rest) != "" || strings.Trim(line, chars) != "" {
		return "", fmt.Errorf("channel: %.200q has to hold one line, the token: letters, digits and -._~+/=", path)
	}
	return line, nil
}

// Check says what is wrong with the configuration, without asking the server.
func (h *Webhook) Check() error {
	h.once.Do(h.prepare)
	return h.err
}

func (h *Webhook) prepare() {
	u, err := url.Parse(h.URL)
	// The address may hold a secret of its own, so it is not repeated.
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		h.err = errors.New("channel: the webhook has to be https://host/path, without a password in it: passphrases go there")
		return
	}
	h.target = u
	h.client = &http.Client{
		Timeout: webhookTimeout,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        &tls.Config{RootCAs: h.Authorities, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    10 * time.Second,
			ResponseHeaderTimeout:  webhookTimeout,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    webhookAtOnce,
			IdleConnTimeout:        webhookIdle,
		},
		// Elsewhere is not where the passphrase was to go.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Deliver posts items, a few at a time. Where the server refuses one for good the
// others are posted all the same; where it cannot be reached, or says later too
// often, it gives up. The error is *UndeliveredError, with a *StatusError or that
// of the network for each item, or says what is wrong with the configuration.
func (h *Webhook) Deliver(ctx context.Context, items []Item) error {
	if err := h.Check(); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	next := make(chan int)
	errs := make([]error, len(items))
	var posting sync.WaitGroup
	for range min(len(items), webhookAtOnce) {
		posting.Go(func() {
			for i := range next {
				if errs[i] = h.deliver(ctx, items[i]); errs[i] != nil && !final(errs[i]) {
					stop(errs[i])
				}
			}
		})
	}
	for i := range items {
		select {
		case next <- i:
		case <-ctx.Done():
			errs[i] = context.Cause(ctx)
		}
	}
	close(next)
	posting.Wait()
	undelivered := &UndeliveredError{Numbers: map[string]error{}}
	for i, err := range errs {
		if err != nil {
			undelivered.Numbers[items[i].Number] = err
		}
	}
	if len(undelivered.Numbers) > 0 {
		return undelivered
	}
	return nil
}

// final reports whether the server refused one passphrase, and may take another.
func final(err error) bool {
	var status *StatusError
	return errors.As(err, &status) && status.Code != http.StatusTooManyRequests && status.Code < 500
}

// message is the body that is posted.
type message struct {
	Number     string            `json:"number"`
	Name       string            `json:"name"`
	Address    string            `json:"address"`
	Language   string            `json:"language"`
	Passphrase string            `json:"passphrase"`
	Fields     map[string]string `json:"fields,omitempty"`
}

func (h *Webhook) deliver(ctx context.Context, it Item) error {
	if it.Passphrase == nil || it.Passphrase.OpensOnly() {
		return fmt.Errorf("channel: there is no passphrase for number %.20q", it.Number)
	}
	body, err := json.Marshal(message{it.Number, it.Name, it.Address, it.Language, it.Passphrase.Reveal(), it.Fields})
	if err != nil {
		return fmt.Errorf("channel: number %s cannot be written as JSON", it.Number)
	}
	attempts, pause := h.Attempts, h.Pause
	if attempts == 0 {
		attempts = webhookAttempts
	}
	if pause == 0 {
		pause = webhookPause
	}
	for attempt := 1; ; attempt++ {
		asked, err := h.post(ctx, it.Number, body)
		if err == nil {
			return nil
		}
		if final(err) || attempt >= attempts || ctx.Err() != nil {
			return err
		}
		if err := h.wait(ctx, min(max(asked, pause), webhookMost)); err != nil {
			return err
		}
		pause *= 2
	}
}

func (h *Webhook) wait(ctx context.Context, d time.Duration) error {
	if h.Wait != nil {
		return h.Wait(ctx, d)
	}
	return sleep(ctx, d)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// post makes one attempt. asked is how long the server wants to be left alone.
func (h *Webhook) post(ctx context.Context, number string, body []byte) (asked time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.target.String(), bytes.NewReader(body))
	if err != nil {
		return 0, errors.New("channel: the webhook cannot be asked")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", number)
	if h.Token != "" {
		req.Header.Set("Authorization", "Bearer "+h.Token)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		// *url.Error repeats the whole URL.
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return 0, fmt.Errorf("channel: posting passphrase number %s to %s: %w", number, h.target.Host, withoutAnswer(err))
	}
	defer resp.Body.Close()
	// Read, so that the connection is used again; a body without an end is not.
	io.CopyN(io.Discard, resp.Body, webhookAnswer)
	if resp.StatusCode/100 == 2 {
		return 0, nil
	}
	return retryAfter(resp.Header.Get("Retry-After"), time.Now()), &StatusError{Number: number, Code: resp.StatusCode}
}

// errAnswer is in the place of an error that repeats an answer.
var errAnswer = errors.New("what was answered cannot be read as HTTP")

// withoutAnswer keeps errors that are about the connection. All others, of a
// status or a header that is none, repeat some of what the server said, and a
// server that says what it was told would have the passphrase in our journal.
func withoutAnswer(err error) error {
	var network *net.OpError
	var host *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &network):
		return network
	case errors.As(err, &host):
		return host
	case errors.As(err, &certificate):
		return certificate
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errAnswer
}

// retryAfter reads RFC 9110, Section 10.2.3: seconds, or a date.
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(value); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}
