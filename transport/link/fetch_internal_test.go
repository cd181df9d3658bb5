package link

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// object is what the stores of these tests have.
var object = bytes.Repeat([]byte("sealed "), 20_000)

// signature is in the URL of every link of these tests, and in no error.
const signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"

var begin = time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)

// store serves handle, and returns a link to object in it that lasts an hour
// from begin, and a fetcher that trusts it.
func store(t *testing.T, handle http.HandlerFunc) (Link, *fetcher) {
	t.Helper()
	server := httptest.NewUnstartedServer(handle)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	l := Link{
		URL:  server.URL + "/drop/name?X-Amz-Date=20261122T140000Z&X-Amz-Expires=3600&X-Amz-Signature=" + signature,
		Size: int64(len(object)), SHA256: sha256.Sum256(object), Expires: begin.Add(time.Hour),
	}
	return l, &fetcher{client: server.Client(), now: func() time.Time { return begin }, window: time.Minute}
}

// whole answers with octets.
func whole(octets []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(octets)))
		_, _ = w.Write(octets)
	}
}

// refuse answers as S3 does.
func refuse(status int, code, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n<Error><Code>%s</Code><Message>%s</Message><StringToSign>%s</StringToSign></Error>", code, message, r.URL.Query().Get("X-Amz-Signature"))
	}
}

func TestFetch(t *testing.T) {
	t.Parallel()
	l, f := store(t, whole(object))
	file, err := os.Create(filepath.Join(t.TempDir(), "object"))
	require.NoError(t, err)
	defer file.Close()
	_, err = file.WriteString("what was there before")
	require.NoError(t, err)
	require.NoError(t, file.Truncate(int64(len(object))+10)) // longer than the object
	var memory Memory
	for _, dst := range []File{file, &memory} {
		require.NoError(t, f.fetch(t.Context(), l, dst))
	}
	got, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	require.Equal(t, object, got)
	require.Equal(t, object, memory.Bytes())
}

// Whatever the store answers beside the object is an error that says what it
// is, and leaves nothing.
func TestFetchRefuses(t *testing.T) {
	t.Parallel()
	other := bytes.Clone(object)
	other[len(other)-1] ^= 1
	chunked := func(octets []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush() // so that no length is said
			_, _ = w.Write(octets)
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
		says   string
	}{
		"nothing wrong":         {chunked(object), nil, ""},
		"another object":        {whole(other), ErrReplaced, "its SHA-256 is"},
		"shorter":               {whole(object[1:]), ErrTruncated, "it has 139999 octets, and the link says 140000"},
		"shorter, unannounced":  {chunked(object[:len(object)-1]), ErrTruncated, "it has 139999 octets"},
		"empty":                 {whole(nil), ErrTruncated, "it has 0 octets"},
		"longer":                {whole(append(bytes.Clone(object), 0)), ErrTooLong, "it has 140001 octets"},
		"longer, unannounced":   {chunked(append(bytes.Clone(object), 0)), ErrTooLong, "it goes on behind 140000"},
		"expired":               {refuse(403, "AccessDenied", "Request has expired"), ErrExpired, `403 "AccessDenied"`},
		"expired credentials":   {refuse(400, "ExpiredToken", "The provided token has expired."), ErrExpired, `400 "ExpiredToken"`},
		"no right":              {refuse(403, "AccessDenied", "Access Denied"), ErrRefused, `403 "AccessDenied"`},
		"edited":                {refuse(403, "SignatureDoesNotMatch", "The request signature"), ErrRefused, `403 "SignatureDoesNotMatch"`},
		"edited expiry":         {refuse(400, "AuthorizationQueryParametersError", "X-Amz-Expires must be"), ErrRefused, "400"},
		"deleted":               {refuse(404, "NoSuchKey", "The specified key does not exist."), ErrGone, `404 "NoSuchKey"`},
		"gone":                  {refuse(410, "", ""), ErrGone, "410"},
		"a status that is none": {refuse(206, "", ""), nil, "206"},
		"out of order":          {refuse(503, "SlowDown", "Please reduce your request rate."), nil, `try again later`},
		"busy":                  {refuse(429, "", ""), nil, `try again later`},
		"no XML":                {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, ErrRefused, `403 ""`},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(object)))
			_, _ = w.Write(object[:100_000])
			panic(http.ErrAbortHandler)
		}, ErrTruncated, "the connection ended after"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, f := store(t, c.answer)
			dst := &Memory{octets: []byte("from before")}
			err := f.fetch(t.Context(), l, dst)
			if c.says == "" {
				require.NoError(t, err)
				require.Equal(t, object, dst.Bytes())
				return
			}
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "link: "+l.Object()+": ")
			require.NotContains(t, err.Error(), signature)
			require.Empty(t, dst.Bytes())
			for _, typed := range []error{ErrExpired, ErrRefused, ErrGone, ErrTruncated, ErrTooLong, ErrReplaced, ErrSlow, ErrFormat} {
				require.Equal(t, typed == c.want, errors.Is(err, typed), "%v: %v", typed, err)
			}
		})
	}
}

// The time is known without asking, from the link and from its URL; the earlier
// one counts.
func TestFetchExpired(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	l, f := store(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		whole(object)(w, r)
	})
	for name, c := range map[string]struct {
		expires time.Time
		after   time.Duration
		expired bool
	}{
		"just before":                     {begin.Add(time.Hour), time.Hour - 1, false},
		"at the end":                      {begin.Add(time.Hour), time.Hour, true},
		"behind it":                       {begin.Add(time.Hour), time.Hour + 1, true},
		"the link says more than its URL": {begin.Add(2 * time.Hour), time.Hour, true},
		"the link says less than its URL": {begin.Add(time.Minute), time.Minute, true},
		"and before that":                 {begin.Add(time.Minute), time.Minute - 1, false},
	} {
		before := asked.Load()
		l.Expires, f.now = c.expires, func() time.Time { return begin.Add(c.after) }
		var dst Memory
		err := f.fetch(t.Context(), l, &dst)
		if !c.expired {
			require.NoError(t, err, name)
			require.Equal(t, before+1, asked.Load(), name)
			continue
		}
		require.ErrorIs(t, err, ErrExpired, name)
		require.ErrorContains(t, err, "this computer's clock says 2026-11-22T1", name)
		require.Equal(t, before, asked.Load(), name)
	}
	// A clock that is slow: the store knows better, in whatever words.
	l, f = store(t, refuse(403, "AccessDenied", "No."))
	n := 0
	f.now = func() time.Time { n++; return begin.Add(time.Hour * time.Duration(n-1)) }
	require.ErrorIs(t, f.fetch(t.Context(), l, &Memory{}), ErrExpired)
}

// A link counts for one host, and what is behind a redirect has not been asked.
func TestFetchFollowsNothing(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		var asked atomic.Int64
		l, f := store(t, func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1); r.URL.Path == "/elsewhere" {
				whole(object)(w, r)
				return
			}
			http.Redirect(w, r, "/elsewhere?X-Amz-Signature="+signature, status)
		})
		f.client.CheckRedirect = func(*http.Request, []*http.Request) error { return nil }
		err := f.fetch(t.Context(), l, &Memory{})
		require.ErrorIs(t, err, ErrRefused)
		require.ErrorContains(t, err, fmt.Sprintf("it sends elsewhere (%d)", status))
		require.NotContains(t, err.Error(), signature)
		require.Equal(t, int64(1), asked.Load())
	}
}

// What the store learns of who asks is what it must know.
func TestFetchSaysLittle(t *testing.T) {
	t.Parallel()
	l, f := store(t, func(w http.ResponseWriter, r *http.Request) {
		if len(r.Cookies()) != 0 || r.Header.Get("Accept-Encoding") != "identity" || r.Referer() != "" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		whole(object)(w, r)
	})
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	u, err := url.Parse(l.URL)
	require.NoError(t, err)
	jar.SetCookies(u, []*http.Cookie{{Name: "who", Value: "alice"}})
	f.client.Jar = jar
	require.NoError(t, f.fetch(t.Context(), l, &Memory{}))
}

// The hash is that of the octets that came, and nothing is unpacked before it.
func TestFetchUnpacksNothing(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(object)
	require.NoError(t, z.Close())
	l, f := store(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	})
	require.ErrorIs(t, f.fetch(t.Context(), l, &Memory{}), ErrTruncated)
	l.Size, l.SHA256 = int64(packed.Len()), sha256.Sum256(packed.Bytes())
	var dst Memory
	require.NoError(t, f.fetch(t.Context(), l, &dst))
	require.Equal(t, packed.Bytes(), dst.Bytes())
}

// endless sends octets one by one until nobody wants more.
func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", strconv.Itoa(len(object)))
	for i := 0; r.Context().Err() == nil && i < len(object); i++ {
		_, _ = w.Write(object[i : i+1])
		_ = http.NewResponseController(w).Flush()
		time.Sleep(time.Millisecond)
	}
}

// A store that keeps somebody waiting is left: after its time, and when the
// caller wants no more.
func TestFetchEnds(t *testing.T) {
	t.Parallel()
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	enough := errors.New("enough")
	for name, answer := range map[string]http.HandlerFunc{"octet by octet": endless, "silent": silent} {
		l, f := store(t, answer)
		f.window = 50 * time.Millisecond
		dst := &Memory{octets: []byte("from before")}
		err := f.fetch(t.Context(), l, dst)
		require.ErrorIs(t, err, ErrSlow, name)
		require.NotContains(t, err.Error(), signature)
		require.Empty(t, dst.Bytes())

		f.window = time.Hour
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(50*time.Millisecond, func() { cancel(enough) })
		require.ErrorIs(t, f.fetch(ctx, l, dst), enough, name)

		ended, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err = f.fetch(ended, l, dst)
		stop()
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
		require.NotContains(t, err.Error(), signature)
	}
}

// Errors of the network come without the URL, also those that hold it.
func TestFetchNetwork(t *testing.T) {
	t.Parallel()
	l, f := store(t, whole(object))
	f.client = nil // which does not know the authority
	err := f.fetch(t.Context(), l, &Memory{})
	require.ErrorContains(t, err, "certificate")
	require.NotContains(t, err.Error(), signature)

	f.client = &http.Client{Transport: failing{}}
	err = f.fetch(t.Context(), l, &Memory{})
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.NotContains(t, err.Error(), signature)

	l.URL = "http" + l.URL[len("https"):]
	require.ErrorIs(t, f.fetch(t.Context(), l, &Memory{}), ErrFormat)
	require.ErrorIs(t, Fetch(t.Context(), nil, Link{}, &Memory{}), ErrFormat)
}

// failing fails with an error that holds the URL twice.
type failing struct{}

func (failing) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: io.ErrClosedPipe}
}

// full is a File of a disk that is full after some octets.
type full struct {
	Memory
	room int
	cut  error
}

func (f *full) WriteAt(p []byte, off int64) (int, error) {
	n := min(len(p), f.room-int(off))
	_, _ = f.Memory.WriteAt(p[:n], off)
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

func (f *full) Truncate(size int64) error {
	if f.cut != nil {
		return f.cut
	}
	return f.Memory.Truncate(size)
}

func TestFetchFile(t *testing.T) {
	t.Parallel()
	l, f := store(t, whole(object))
	dst := &full{room: len(object)}
	require.NoError(t, f.fetch(t.Context(), l, dst))
	require.Equal(t, object, dst.Bytes())
	dst = &full{room: len(object) - 1}
	require.ErrorIs(t, f.fetch(t.Context(), l, dst), io.ErrShortWrite)
	require.Empty(t, dst.Bytes())
	dst = &full{room: 1, cut: io.ErrNoProgress}
	err := f.fetch(t.Context(), l, dst)
	require.ErrorIs(t, err, io.ErrShortWrite)
	require.ErrorIs(t, err, io.ErrNoProgress)
	require.ErrorContains(t, err, "what arrived of it cannot be removed")
}

func TestMemory(t *testing.T) {
	t.Parallel()
	var m Memory
	for _, w := range []struct {
		text string
		at   int64
		want string
	}{{"abc", 0, "abc"}, {"de", 3, "abcde"}, {"XY", 1, "aXYde"}, {"!?", 4, "aXYd!?"}, {"", 6, "aXYd!?"}} {
		n, err := m.WriteAt([]byte(w.text), w.at)
		require.NoError(t, err)
		require.Equal(t, len(w.text), n)
		require.Equal(t, w.want, string(m.Bytes()))
	}
	for _, at := range []int64{-1, 7} {
		_, err := m.WriteAt([]byte("x"), at)
		require.Error(t, err)
		require.Error(t, m.Truncate(at))
	}
	require.NoError(t, m.Truncate(2))
	require.Equal(t, "aX", string(m.Bytes()))
}
