package s3_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/reread"
	"github.com/doublekeybox/doublekeybox/transport/link"
	"github.com/doublekeybox/doublekeybox/transport/link/s3"
)

// put stores a box for an hour.
func put(t testing.TB, store *s3.Store, box []byte) (link.Link, error) {
	t.Helper()
	return store.Put(t.Context(), bytes.NewReader(box), int64(len(box)), time.Hour)
}

func TestPut(t *testing.T) {
	t.Parallel()
	s := &stub{}
	store, client := s.serve(t, fixed())
	store.Prefix = "outgoing/"
	box := locked(t, "you owe us nothing")
	sum := sha256.Sum256(box)
	names := map[string]bool{}
	for range 3 {
		l, err := put(t, store, box)
		require.NoError(t, err)
		require.NoError(t, l.Check())
		require.Equal(t, int64(len(box)), l.Size)
		require.Equal(t, sum, l.SHA256)
		require.Equal(t, "documents.zip", l.Name)
		require.WithinDuration(t, time.Now().Add(time.Hour), l.Expires, 5*time.Minute)
		require.Equal(t, l.Expires, l.Ends())
		u, err := url.Parse(l.URL)
		require.NoError(t, err)
		require.Equal(t, "3600", u.Query().Get("X-Amz-Expires"))
		require.Equal(t, "host", u.Query().Get("X-Amz-SignedHeaders"))
		require.NotContains(t, l.URL, "documents")

		var got link.Memory
		require.NoError(t, link.Fetch(t.Context(), client, l, &got))
		require.Equal(t, box, got.Bytes())

		sent := s.puts[len(s.puts)-1]
		// 32 characters of 5 bits are 160, and no extension.
		require.Regexp(t, regexp.MustCompile(`^/drop/outgoing/[a-z2-7]{32}$`), sent.URL.Path)
		names[sent.URL.Path] = true
		for header, want := range map[string]string{
			"x-amz-server-side-encryption": "AES256",
			"x-amz-checksum-sha256":        base64.StdEncoding.EncodeToString(sum[:]),
			"If-None-Match":                "*",
			"Content-Type":                 "application/octet-stream",
			"Content-Disposition":          `attachment; filename="documents.zip"`,
		} {
			require.Equal(t, want, sent.Header.Get(header), header)
			if strings.HasPrefix(header, "x-amz-") {
				require.Contains(t, sent.Header.Get("Authorization"), header, "it is to be signed")
			}
		}
	}
	require.Len(t, names, 3)

	l, err := put(t, store, box)
	require.NoError(t, err)
	require.NoError(t, store.Delete(t.Context(), l))
	require.Equal(t, s.puts[3].URL.Path, s.deleted[0])
	for _, url := range []string{"", "https://drop.example.org/", "https://drop.example.org/mzxw6ytb"} {
		l.URL = url
		require.ErrorContains(t, store.Delete(t.Context(), l), "no object of this Store")
	}
	require.Len(t, s.deleted, 1)
}

// What a store answers beside a confirmation is an error, and no link is made.
func TestPutAnswers(t *testing.T) {
	t.Parallel()
	box := locked(t, "you owe us nothing")
	sum := sha256.Sum256(box)
	right, wrong := base64.StdEncoding.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString(make([]byte, 32))
	answer := func(encryption, checksum string) func(http.ResponseWriter, *http.Request, int) bool {
		return func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			for name, value := range map[string]string{"x-amz-server-side-encryption": encryption, "x-amz-checksum-sha256": checksum} {
				if value != "" {
					w.Header().Set(name, value)
				}
			}
			return true
		}
	}
	refusal := func(status int, code string) func(http.ResponseWriter, *http.Request, int) bool {
		return func(w http.ResponseWriter, _ *http.Request, _ int) bool { return refuse(w, status, code) }
	}
	for name, c := range map[string]struct {
		answer   func(http.ResponseWriter, *http.Request, int) bool
		insecure bool
		want     error
		says     string
		puts     int
		deleted  int
	}{
		"all right":                     {answer("AES256", right), false, nil, "", 1, 0},
		"no checksum":                   {answer("AES256", ""), false, nil, "", 1, 0},
		"not encrypted":                 {answer("", right), false, s3.ErrUnconfirmed, `it says ""`, 1, 1},
		"not encrypted, opted in":       {answer("", right), true, nil, "", 1, 0},
		"otherwise encrypted":           {answer("aws:kms", right), false, s3.ErrUnconfirmed, `it says "aws:kms"`, 1, 1},
		"small letters":                 {answer("aes256", right), false, s3.ErrUnconfirmed, `it says "aes256"`, 1, 1},
		"another checksum":              {answer("AES256", wrong), false, s3.ErrChecksum, "its SHA-256 is", 1, 1},
		"another checksum, opted in":    {answer("", wrong), true, s3.ErrChecksum, "its SHA-256 is", 1, 1},
		"no right":                      {refusal(403, "AccessDenied"), false, nil, `the store says "AccessDenied" (403)`, 1, 0},
		"the checksum is of other data": {refusal(400, "BadDigest"), false, nil, `the store says "BadDigest" (400)`, 1, 0},
		"the name is taken, always":     {refusal(412, "PreconditionFailed"), false, nil, `the store says "PreconditionFailed" (412)`, 2, 0},
		"it breaks off": {func(http.ResponseWriter, *http.Request, int) bool { panic(http.ErrAbortHandler) },
			false, nil, "s3: the object was not stored", 1, 0},
		"it sends elsewhere": {func(w http.ResponseWriter, r *http.Request, _ int) bool {
			w.Header().Set("Location", "/elsewhere")
			return refuse(w, 307, "TemporaryRedirect")
		}, false, nil, `the store says "TemporaryRedirect" (307)`, 1, 0},
		"a code of its own": {refusal(400, strings.Repeat("x", 1000)), false, nil, `xxx"... (400)`, 1, 0},
		"the name is taken, once": {func(w http.ResponseWriter, _ *http.Request, n int) bool {
			return n == 1 && refuse(w, 412, "PreconditionFailed")
		}, false, nil, "", 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stub{answer: c.answer}
			store, _ := s.serve(t, fixed())
			store.InsecureUnconfirmedEncryption = c.insecure
			l, err := put(t, store, box)
			require.Len(t, s.puts, c.puts)
			require.Len(t, s.deleted, c.deleted)
			if c.deleted == 1 {
				require.Equal(t, s.puts[0].URL.Path, s.deleted[0])
			}
			if c.puts == 2 {
				require.NotEqual(t, s.puts[0].URL.Path, s.puts[1].URL.Path)
			}
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, link.Link{}, l)
			require.ErrorContains(t, err, strings.Replace(c.says, `"...`, `"`, 1))
			for _, typed := range []error{s3.ErrUnconfirmed, s3.ErrChecksum, s3.ErrNotSealed} {
				require.Equal(t, typed == c.want, errors.Is(err, typed), "%v: %v", typed, err)
			}
			clean(t, s, err)
			require.Less(t, len(err.Error()), 250)
		})
	}
}

// clean holds that an error has neither credentials nor names of objects.
func clean(t *testing.T, s *stub, err error) {
	t.Helper()
	require.Error(t, err)
	require.NotContains(t, err.Error(), secret)
	require.NotContains(t, err.Error(), "https://")
	require.NotContains(t, err.Error(), "\n")
	for _, r := range s.puts {
		require.NotContains(t, err.Error(), strings.TrimPrefix(r.URL.Path, "/drop/"))
	}
}

// What fails for the moment is tried again by the SDK, from the first octet on.
func TestPutAgain(t *testing.T) {
	t.Parallel()
	s := &stub{answer: func(w http.ResponseWriter, _ *http.Request, n int) bool {
		return n < 3 && refuse(w, 503, "SlowDown")
	}}
	store, _ := s.serve(t, fixed(), func(o *awss3.Options) {
		o.RetryMaxAttempts, o.Retryer = 0, noPause{}
	})
	box := locked(t, "you owe us nothing")
	_, err := put(t, store, box)
	require.NoError(t, err)
	require.Equal(t, [][]byte{box, box, box}, s.bodies)
	require.Equal(t, s.puts[0].URL.Path, s.puts[2].URL.Path)
}

// noPause tries three times at once.
type noPause struct{ aws.NopRetryer }

func (noPause) IsErrorRetryable(error) bool                  { return true }
func (noPause) MaxAttempts() int                             { return 3 }
func (noPause) RetryDelay(int, error) (time.Duration, error) { return 0, nil }
func (noPause) GetInitialToken() func(error) error           { return func(error) error { return nil } }
func (noPause) GetAttemptToken(context.Context) (func(error) error, error) {
	return func(error) error { return nil }, nil
}
func (noPause) GetRetryToken(context.Context, error) (func(error) error, error) {
	return func(error) error { return nil }, nil
}

// What is not sealed is not sent.
func TestPutSource(t *testing.T) {
	t.Parallel()
	box := locked(t, "you owe us nothing")
	s := &stub{}
	store, _ := s.serve(t, fixed())
	for name, c := range map[string]struct {
		octets []byte
		size   int64
		want   error
		says   string
	}{
		"plain text":         {[]byte("you owe us nothing"), 18, s3.ErrNotSealed, "only what is sealed"},
		"something behind":   {append(bytes.Clone(box), 0), int64(len(box)) + 1, s3.ErrNotSealed, ""},
		"less than all":      {box, int64(len(box)) - 1, s3.ErrNotSealed, ""},
		"one octet":          {box, 1, s3.ErrNotSealed, ""},
		"nothing":            {nil, 0, s3.ErrNotSealed, ""},
		"a negative size":    {box, -1, s3.ErrNotSealed, ""},
		"shorter than told":  {box, int64(len(box)) + 1, io.ErrUnexpectedEOF, ""},
		"longer than stored": {box, link.MaxSize + 1, link.ErrTooLong, "at most 5368709120"},
	} {
		_, err := store.Put(t.Context(), bytes.NewReader(c.octets), c.size, time.Hour)
		if c.want != nil {
			require.ErrorIs(t, err, c.want, name)
		}
		require.ErrorContains(t, err, c.says, name)
		clean(t, s, err)
	}
	require.Empty(t, s.puts)

	// One that is another later than it was when it was looked at.
	changed := 0
	for when := range 8 {
		_, err := store.Put(t.Context(), &changing{octets: bytes.Clone(box), when: when}, int64(len(box)), time.Hour)
		switch {
		case when == 0:
			require.ErrorIs(t, err, s3.ErrNotSealed)
		case err != nil:
			require.ErrorIs(t, err, reread.ErrChanged)
			require.NotErrorIs(t, err, s3.ErrNotSealed)
			changed++
		}
	}
	require.NotZero(t, changed)
	for _, body := range s.bodies {
		require.Equal(t, box, body)
	}
}

// changing becomes plain text before it is read the nth time from its begin.
type changing struct {
	octets []byte
	when   int
}

func (c *changing) ReadAt(p []byte, off int64) (int, error) {
	if off == 0 {
		if c.when--; c.when < 0 {
			copy(c.octets, "you owe us nothing")
		}
	}
	return bytes.NewReader(c.octets).ReadAt(p, off)
}

// The lifetime, and that of the credentials, is looked at before anything is
// sent.
func TestLifetime(t *testing.T) {
	t.Parallel()
	box := locked(t, "you owe us nothing")
	for lifetime, ok := range map[time.Duration]bool{
		-time.Second: false, 0: false, time.Second - 1: false, time.Second: true, time.Second + 1: false, time.Minute: true,
		7*24*time.Hour - time.Second: true, 7 * 24 * time.Hour: true, 7*24*time.Hour + time.Second: false, 1 << 62: false,
	} {
		s := &stub{}
		store, _ := s.serve(t, fixed())
		l, err := store.Put(t.Context(), bytes.NewReader(box), int64(len(box)), lifetime)
		if ok {
			require.NoError(t, err, lifetime)
			u, err := url.Parse(l.URL)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(int(lifetime.Seconds())), u.Query().Get("X-Amz-Expires"))
			require.NoError(t, store.Check(t.Context(), lifetime))
			continue
		}
		for _, err := range []error{err, store.Check(t.Context(), lifetime)} {
			wrong, typed := errors.AsType[*s3.LifetimeError](err)
			require.True(t, typed, "%s: %v", lifetime, err)
			require.Equal(t, s3.LifetimeError{Asked: lifetime}, *wrong)
			require.ErrorContains(t, err, "1s to 168h0m0s, in whole seconds")
		}
		require.Empty(t, s.puts)
	}
}

// refreshing are credentials of which there are newer ones, as of an STS role.
type refreshing struct {
	ends        []time.Time // of what is held, and of what comes when that is given up
	invalidated int
}

func (r *refreshing) Invalidate() { r.invalidated++ }
func (r *refreshing) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if r.invalidated >= len(r.ends) {
		return aws.Credentials{}, errors.New("no more")
	}
	return until(r.ends[r.invalidated]).Retrieve(ctx)
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	box := locked(t, "you owe us nothing")
	now := time.Now().Truncate(time.Second).Add(time.Second) // so that no link ends a second early by being rounded
	short, enough := now.Add(time.Hour-time.Second), now.Add(time.Hour)
	for name, c := range map[string]struct {
		links       aws.CredentialsProvider
		client      aws.CredentialsProvider
		ends        time.Time // of the error; zero: none
		says        string
		invalidated int
	}{
		"without an end":            {links: fixed(), client: fixed()},
		"long enough":               {links: until(enough), client: fixed()},
		"a second short":            {links: until(short), client: fixed(), ends: short},
		"ended":                     {links: until(now.Add(-time.Hour)), client: fixed(), ends: now.Add(-time.Hour)},
		"the client's":              {client: until(enough)},
		"the client's, short":       {client: until(short), ends: short},
		"short ones that upload":    {links: until(enough), client: until(short)},
		"refreshed":                 {links: &refreshing{ends: []time.Time{short, enough}}, client: fixed(), invalidated: 1},
		"need no refreshing":        {links: &refreshing{ends: []time.Time{enough}}, client: fixed()},
		"refreshed, and too short":  {links: &refreshing{ends: []time.Time{short, short, short, short}}, client: fixed(), ends: short, invalidated: 1},
		"refreshed by the client's": {client: aws.NewCredentialsCache(&refreshed{ends: []time.Time{short, enough}})},
		"not refreshed":             {links: &refreshing{ends: []time.Time{short}}, client: fixed(), says: "no more", invalidated: 1},
		"none":                      {client: aws.AnonymousCredentials{}, says: "the Store has no credentials"},
		"no keys":                   {links: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, nil }), client: fixed(), says: "have no keys"},
	} {
		s := &stub{}
		store, _ := s.serve(t, c.client)
		store.Links, store.Now = c.links, func() time.Time { return now }
		err := store.Check(t.Context(), time.Hour)
		require.Empty(t, s.puts, name)
		if c.ends.IsZero() && c.says == "" {
			require.NoError(t, err, name)
		} else {
			if !c.ends.IsZero() {
				wrong, typed := errors.AsType[*s3.LifetimeError](err)
				require.True(t, typed, "%s: %v", name, err)
				require.Equal(t, s3.LifetimeError{Asked: time.Hour, Until: now.Add(time.Hour), Credentials: c.ends}, *wrong, name)
				c.says = "the credentials that sign it end on " + c.ends.UTC().Format(time.RFC3339)
			}
			require.ErrorContains(t, err, c.says, name)
			require.NotContains(t, err.Error(), secret)
			_, err = put(t, store, box)
			require.Error(t, err, name)
			require.Empty(t, s.puts, name)
		}
		if r, ok := c.links.(*refreshing); ok && c.ends.IsZero() && c.says == "" {
			require.Equal(t, c.invalidated, r.invalidated, name)
		}
	}
}

// refreshed gives out the next credentials every time.
type refreshed struct {
	ends []time.Time
	n    int
}

func (r *refreshed) Retrieve(ctx context.Context) (aws.Credentials, error) {
	r.n++
	return until(r.ends[r.n-1]).Retrieve(ctx)
}

// Credentials that end during the upload sign nothing, and what was stored goes
// away again.
func TestCredentialsEndMeanwhile(t *testing.T) {
	t.Parallel()
	box := locked(t, "you owe us nothing")
	for _, short := range []bool{false, true} {
		s := &stub{}
		store, _ := s.serve(t, fixed())
		store.Links = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			if short && len(s.puts) > 0 {
				return until(time.Now().Add(time.Minute)).Retrieve(ctx)
			}
			return until(time.Now().Add(2 * time.Hour)).Retrieve(ctx)
		})
		l, err := put(t, store, box)
		require.Len(t, s.puts, 1)
		if !short {
			require.NoError(t, err)
			continue
		}
		_, typed := errors.AsType[*s3.LifetimeError](err)
		require.True(t, typed, "%v", err)
		require.Equal(t, link.Link{}, l)
		require.Equal(t, []string{s.puts[0].URL.Path}, s.deleted)
	}
}

// A Store that cannot do it says so before anything is sent.
func TestStoreWrong(t *testing.T) {
	t.Parallel()
	box := locked(t, "you owe us nothing")
	for says, edit := range map[string]func(*s3.Store, *stub){
		"no Client":                           func(x *s3.Store, _ *stub) { x.Client = nil },
		"or no Bucket":                        func(x *s3.Store, _ *stub) { x.Bucket = "" },
		`"a b/" is not allowed as the Prefix`: func(x *s3.Store, _ *stub) { x.Prefix = "a b/" },
		"the URL has ": func(x *s3.Store, _ *stub) {
			x.Links = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "reader", SecretAccessKey: secret, SessionToken: strings.Repeat("t", 8000)}, nil
			})
		},
		"endpoint is not https": func(x *s3.Store, s *stub) {
			plain := strings.Replace(*x.Client.Options().BaseEndpoint, "https", "http", 1)
			x.Client = awss3.New(x.Client.Options(), func(o *awss3.Options) { o.BaseEndpoint = &plain })
		},
	} {
		s := &stub{}
		store, _ := s.serve(t, fixed())
		edit(store, s)
		require.ErrorContains(t, store.Check(t.Context(), time.Hour), says)
		_, err := put(t, store, box)
		require.ErrorContains(t, err, says)
		require.Empty(t, s.puts)
	}
}

// Errors of the network say neither where the object was to go nor how.
func TestPutNetwork(t *testing.T) {
	t.Parallel()
	box := locked(t, "you owe us nothing")
	s := &stub{}
	store, _ := s.serve(t, fixed(), func(o *awss3.Options) { o.HTTPClient = http.DefaultClient })
	_, err := put(t, store, box)
	require.ErrorContains(t, err, "certificate")
	clean(t, s, err)

	release := make(chan struct{})
	s = &stub{answer: func(http.ResponseWriter, *http.Request, int) bool { <-release; return true }}
	store, _ = s.serve(t, fixed())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = store.Put(ctx, bytes.NewReader(box), int64(len(box)), time.Hour)
	close(release)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotContains(t, err.Error(), "https://")

	s = &stub{answer: func(w http.ResponseWriter, _ *http.Request, _ int) bool { return refuse(w, 403, "AccessDenied") }}
	store, _ = s.serve(t, fixed())
	_, err = put(t, store, box)
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	require.Equal(t, "AccessDenied", api.ErrorCode())
}
