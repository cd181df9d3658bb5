package channel

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// server is what is behind a webhook: it answers what next says, and 204 where it
// has nothing to say.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	got   []message
	keys  []string
	heads []http.Header
	next  []func(w http.ResponseWriter)
}

func serve(t *testing.T, next ...func(w http.ResponseWriter)) (*server, *Webhook) {
	t.Helper()
	s := &server{next: next}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		var m message
		b, _ := io.ReadAll(r.Body)
		if json.Unmarshal(b, &m) == nil && r.Method == http.MethodPost && r.URL.Path == "/hook" {
			s.got = append(s.got, m)
		}
		s.keys, s.heads = append(s.keys, r.Header.Get("Idempotency-Key")), append(s.heads, r.Header)
		if len(s.next) > 0 {
			f := s.next[0]
			s.next = s.next[1:]
			f(w)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s, &Webhook{URL: s.URL + "/hook", Token: "to.ken", Authorities: pool, Wait: func(context.Context, time.Duration) error { return nil }}
}

func status(code int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(code) }
}

// TestWebhook: each passphrase is posted once, with its number and the token.
func TestWebhook(t *testing.T) {
	t.Parallel()
	s, h := serve(t)
	var items []Item
	for i := range 30 {
		items = append(items, item(fmt.Sprint("P", i)))
	}
	require.NoError(t, h.Deliver(t.Context(), items))
	require.Len(t, s.got, len(items))
	byNumber := map[string]message{}
	for i, m := range s.got {
		byNumber[m.Number] = m
		require.Equal(t, m.Number, s.keys[i])
		require.Equal(t, "Bearer to.ken", s.heads[i].Get("Authorization"))
		require.Equal(t, "application/json", s.heads[i].Get("Content-Type"))
	}
	for _, it := range items {
		require.Equal(t, message{it.Number, it.Name, it.Address, "en", it.Passphrase.Reveal(), it.Fields}, byNumber[it.Number])
	}
}

// TestWebhookAgain: what a server says for later is asked again, with the same
// key, and after as long as it asks for.
func TestWebhookAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		after string
		next  []int
		waits []time.Duration
	}{
		{"", []int{429}, []time.Duration{time.Second}},
		{"", []int{500, 503, 502}, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}},
		{"7", []int{503}, []time.Duration{7 * time.Second}},
		{"0", []int{503}, []time.Duration{time.Second}},
		{"86400", []int{503}, []time.Duration{webhookMost}},
		{"-1", []int{503}, []time.Duration{time.Second}},
		{"soon", []int{503}, []time.Duration{time.Second}},
	} {
		var next []func(http.ResponseWriter)
		for _, code := range c.next {
			next = append(next, func(w http.ResponseWriter) {
				if c.after != "" {
					w.Header().Set("Retry-After", c.after)
				}
				w.WriteHeader(code)
			})
		}
		s, h := serve(t, next...)
		var waits []time.Duration
		h.Wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
		it := item("Bob")
		require.NoError(t, h.Deliver(t.Context(), []Item{it}))
		require.Equal(t, c.waits, waits, c.after)
		for _, k := range s.keys {
			require.Equal(t, it.Number, k)
		}
	}
}

// TestWebhookRefused: no passphrase counts as delivered but with 2xx, and each
// answer is asked as often as it makes sense.
func TestWebhookRefused(t *testing.T) {
	t.Parallel()
	elsewhere, _ := serve(t)
	for _, c := range []struct {
		code, attempts int
	}{{400, 1}, {401, 1}, {403, 1}, {404, 1}, {409, 1}, {304, 1}, {301, 1}, {307, 1}, {308, 1}, {429, 6}, {500, 6}, {503, 6}} {
		var next []func(http.ResponseWriter)
		for range 10 {
			next = append(next, func(w http.ResponseWriter) {
				w.Header().Set("Location", elsewhere.URL+"/hook")
				w.WriteHeader(c.code)
				io.WriteString(w, "hostile")
			})
		}
		s, h := serve(t, next...)
		it := item("Bob")
		err := h.Deliver(t.Context(), []Item{it})
		var e *StatusError
		require.ErrorAs(t, err, &e, "%d", c.code)
		require.Equal(t, StatusError{it.Number, c.code}, *e)
		require.Len(t, s.keys, c.attempts, "%d", c.code)
		require.NotContains(t, err.Error(), it.Passphrase.Reveal())
		require.NotContains(t, err.Error(), "hostile")
	}
	require.Empty(t, elsewhere.keys, "a passphrase went where it was sent to")
	for _, code := range []int{200, 201, 202, 204} {
		_, h := serve(t, status(code))
		require.NoError(t, h.Deliver(t.Context(), []Item{item("Bob")}))
	}
}

// TestWebhookEchoes: a server that answers with what it was told puts it into no
// error, and so into no journal.
func TestWebhookEchoes(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"a status":   "HTTP/1.1 2x0 %s\r\n\r\n",
		"a protocol": "%s\r\n\r\n",
		"a header":   "HTTP/1.1 200 OK\r\n%s\r\n\r\n",
		"a length":   "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n",
		"a coding":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n",
		"a place":    "HTTP/1.1 302 Found\r\nLocation: ://%s\r\nContent-Length: 0\r\n\r\n",
	} {
		it := item("Bob")
		secret := it.Passphrase.Reveal()
		_, h := serve(t, func(w http.ResponseWriter) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprintf(conn, answer, secret)
		})
		h.Attempts = 1
		err := h.Deliver(t.Context(), []Item{it})
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), secret, name)
		require.Contains(t, err.Error(), it.Number)
	}
	// What is about the connection is said.
	_, h := serve(t)
	h.Authorities = x509.NewCertPool()
	h.Attempts = 1
	require.ErrorAs(t, h.Deliver(t.Context(), []Item{item("Bob")}), new(x509.UnknownAuthorityError))
	s, h := serve(t)
	s.Close()
	h.Attempts = 1
	require.ErrorContains(t, h.Deliver(t.Context(), []Item{item("Bob")}), "connection refused")
}

// TestWebhookOneFails: whom the server refuses is named, and keeps nobody else
// from theirs.
func TestWebhookOneFails(t *testing.T) {
	t.Parallel()
	s, h := serve(t, status(204), status(403))
	items := []Item{item("Bob"), item("Eve"), item("Fay"), item("Gus")}
	err := h.Deliver(t.Context(), items)
	var some *UndeliveredError
	require.ErrorAs(t, err, &some)
	require.Len(t, some.Numbers, 1)
	require.Equal(t, &StatusError{s.keys[1], 403}, some.Numbers[s.keys[1]])
	require.Len(t, s.keys, len(items))
}

// TestWebhookDown: a server that is not there is not asked for each of many.
func TestWebhookDown(t *testing.T) {
	t.Parallel()
	s, h := serve(t)
	s.Close()
	waits := 0
	var mu sync.Mutex
	h.Wait = func(context.Context, time.Duration) error {
		mu.Lock()
		defer mu.Unlock()
		waits++
		return nil
	}
	var items []Item
	for range 200 {
		items = append(items, item("Bob"))
	}
	err := h.Deliver(t.Context(), items)
	var some *UndeliveredError
	require.ErrorAs(t, err, &some)
	require.Len(t, some.Numbers, len(items), "of none it is known")
	require.LessOrEqual(t, waits, webhookAtOnce*webhookAttempts)
	require.NotContains(t, err.Error(), "\n")
}

// TestWebhookVerifies: nothing is sent to a server that does not prove its name.
func TestWebhookVerifies(t *testing.T) {
	t.Parallel()
	s, h := serve(t)
	it := item("Bob")
	for name, other := range map[string]*Webhook{
		"an authority that is not ours": {URL: h.URL, Authorities: x509.NewCertPool()},
		"another name":                  {URL: strings.Replace(h.URL, "127.0.0.1", "localhost", 1), Authorities: h.Authorities},
	} {
		other.Wait, other.Attempts = h.Wait, 2
		err := other.Deliver(t.Context(), []Item{it})
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), it.Passphrase.Reveal())
		require.Contains(t, err.Error(), it.Number)
	}
	require.Empty(t, s.keys)
	require.NoError(t, h.Deliver(t.Context(), []Item{it}))
}

// TestWebhookCheck: which addresses passphrases go to.
func TestWebhookCheck(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "http://a.example/x", "https://", "https:///x", "https://u:secret@a.example/", "https://a.example/#secret", "ftp://a.example", "://secret", "a.example"} {
		err := (&Webhook{URL: bad}).Check()
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "secret")
		require.Error(t, (&Webhook{URL: bad}).Deliver(t.Context(), []Item{item("Bob")}))
	}
	require.NoError(t, (&Webhook{URL: "https://a.example/x?y=z"}).Check())
}

// TestWebhookNoPassphrase: nothing is posted in place of one.
func TestWebhookNoPassphrase(t *testing.T) {
	t.Parallel()
	s, h := serve(t)
	require.Error(t, h.Deliver(t.Context(), []Item{{Number: NewNumber()}, {Number: NewNumber()}}))
	require.Empty(t, s.keys)
}

// TestWebhookEndless: an answer without an end is not waited for.
func TestWebhookEndless(t *testing.T) {
	t.Parallel()
	_, h := serve(t, func(w http.ResponseWriter) {
		for range 64 << 20 / webhookAnswer {
			if _, err := w.Write(make([]byte, webhookAnswer)); err != nil {
				return // given up, as it is to be
			}
		}
	})
	require.NoError(t, h.Deliver(t.Context(), []Item{item("Bob")}))
}

// TestWebhookStops: whoever gives up is not kept waiting.
func TestWebhookStops(t *testing.T) {
	t.Parallel()
	_, h := serve(t, status(503), status(503))
	h.Pause = time.Hour
	ctx, cancel := context.WithCancelCause(t.Context())
	h.Wait = func(ctx context.Context, d time.Duration) error {
		cancel(nil)
		return sleep(ctx, d)
	}
	require.ErrorIs(t, h.Deliver(ctx, []Item{item("Bob")}), context.Canceled)
}

func TestReadToken(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "token")
	for text, want := range map[string]string{
		"to.ken-_~+/=": "to.ken-_~+/=", "token\n": "token", "token\r\n\n": "token",
		"": "", "\n": "", "to ken\n": "", "token\nother\n": "", "tok\ren": "", "tokén": "", strings.Repeat("x", maxToken+1): "",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		got, err := ReadToken(path)
		require.Equal(t, want, got)
		require.Equal(t, want == "", err != nil, "%q", text)
		if err != nil && len(text) > 2 {
			require.NotContains(t, err.Error(), text)
		}
	}
	_, err := ReadToken(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "Sun, 22 Nov 2026 10:00:30 GMT": 30 * time.Second, "Sun, 22 Nov 2026 09:00:00 GMT": 0, "1e3": 0, "99999999999999999999": 0,
	} {
		require.Equal(t, want, retryAfter(value, now), value)
	}
}
