package s3_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/transport/internal/mailtest"
	"github.com/doublekeybox/doublekeybox/transport/link"
	"github.com/doublekeybox/doublekeybox/transport/link/s3"
)

// gateway is a real object store: versitygw, where the writer may only put and
// the reader only get, in a bucket with versions.
type gateway struct {
	url  string
	http *http.Client
}

func startGateway(t *testing.T) *gateway {
	t.Helper()
	home := os.Getenv("INTEROP_HOME")
	if user, err := os.UserHomeDir(); home == "" && err == nil {
		home = filepath.Join(user, ".cache", "interop-peers")
	}
	t.Setenv("PATH", filepath.Join(home, "bin")+":"+os.Getenv("PATH"))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(free.Addr().String())
	require.NoError(t, err)
	require.NoError(t, free.Close())
	t.Setenv("S3_PORT", port)
	peer := mailtest.Start(t, "server-s3.sh", "versitygw", "python3")
	transport := &http.Transport{TLSClientConfig: peer.TLS(t, "")}
	t.Cleanup(transport.CloseIdleConnections)
	return &gateway{url: "https://localhost:" + port, http: &http.Client{Transport: transport}}
}

// credentials are those of one of the gateway's users.
func credentials(user string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: user, SecretAccessKey: user + "-secret-key"}, nil
	})
}

func (g *gateway) client(user string) *awss3.Client {
	return awss3.New(awss3.Options{
		BaseEndpoint: &g.url, UsePathStyle: true, Region: "us-east-1", HTTPClient: g.http, Credentials: credentials(user), RetryMaxAttempts: 1,
	})
}

// store uploads as one user and signs links as another.
func (g *gateway) store(uploads, links string) *s3.Store {
	return &s3.Store{Client: g.client(uploads), Links: credentials(links), Bucket: "drop", InsecureUnconfirmedEncryption: true}
}

// fetch returns what is at l.
func (g *gateway) fetch(t *testing.T, l link.Link) ([]byte, error) {
	t.Helper()
	var dst link.Memory
	err := link.Fetch(t.Context(), g.http, l, &dst)
	if err != nil {
		require.Empty(t, dst.Bytes())
		require.NotContains(t, err.Error(), "X-Amz-")
	}
	return dst.Bytes(), err
}

func TestGateway(t *testing.T) {
	g := startGateway(t)
	box := locked(t, "you owe us nothing")
	stored := func(t *testing.T, lifetime time.Duration) link.Link {
		l, err := g.store("writer", "reader").Put(t.Context(), bytes.NewReader(box), int64(len(box)), lifetime)
		require.NoError(t, err)
		return l
	}
	week, l := stored(t, 7*24*time.Hour), stored(t, time.Hour)

	t.Run("a link works", func(t *testing.T) {
		for _, l := range []link.Link{l, week} {
			got, err := g.fetch(t, l)
			require.NoError(t, err)
			require.Equal(t, box, got)
			parsed, err := link.Parse(l.String())
			require.NoError(t, err)
			require.Equal(t, l, parsed)
		}
	})
	t.Run("for who knows no library", func(t *testing.T) {
		line, _, _ := strings.Cut(l.String(), "\n")
		resp, err := g.http.Get(line) // as curl: the fragment is sent to nobody
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, `attachment; filename="documents.zip"`, resp.Header.Get("Content-Disposition"))
		require.Equal(t, "application/octet-stream", resp.Header.Get("Content-Type"))
	})

	for name, c := range map[string]struct {
		edit func(u *url.URL, q url.Values)
		want error
		says string
	}{
		"as it is":          {func(*url.URL, url.Values) {}, nil, ""},
		"a signature":       {func(_ *url.URL, q url.Values) { q.Set("X-Amz-Signature", flipped(q.Get("X-Amz-Signature"))) }, link.ErrRefused, "SignatureDoesNotMatch"},
		"no signature":      {func(_ *url.URL, q url.Values) { q.Del("X-Amz-Signature") }, link.ErrRefused, ""},
		"nothing signed":    {func(_ *url.URL, q url.Values) { clear(q) }, link.ErrRefused, "AccessDenied"},
		"a shorter expiry":  {func(_ *url.URL, q url.Values) { q.Set("X-Amz-Expires", "3599") }, link.ErrRefused, "SignatureDoesNotMatch"},
		"a longer expiry":   {func(_ *url.URL, q url.Values) { q.Set("X-Amz-Expires", "604800") }, link.ErrRefused, "SignatureDoesNotMatch"},
		"an endless expiry": {func(_ *url.URL, q url.Values) { q.Set("X-Amz-Expires", "604801") }, link.ErrRefused, "AuthorizationQueryParametersError"},
		"a later begin":     {func(_ *url.URL, q url.Values) { q.Set("X-Amz-Date", later(q.Get("X-Amz-Date"))) }, link.ErrRefused, "SignatureDoesNotMatch"},
		"another object":    {func(u *url.URL, _ url.Values) { u.Path = pathOf(t, week) }, link.ErrRefused, "SignatureDoesNotMatch"},
		"no object":         {func(u *url.URL, _ url.Values) { u.Path += "x" }, link.ErrRefused, "SignatureDoesNotMatch"},
		"who signed": {func(_ *url.URL, q url.Values) {
			q.Set("X-Amz-Credential", "root"+strings.TrimPrefix(q.Get("X-Amz-Credential"), "reader"))
		}, link.ErrRefused, "SignatureDoesNotMatch"},
		"another version":   {func(_ *url.URL, q url.Values) { q.Set("versionId", "null") }, link.ErrRefused, "SignatureDoesNotMatch"},
		"more in the query": {func(_ *url.URL, q url.Values) { q.Set("response-content-type", "text/html") }, link.ErrRefused, "SignatureDoesNotMatch"},
	} {
		t.Run("edited: "+name, func(t *testing.T) {
			u, err := url.Parse(l.URL)
			require.NoError(t, err)
			q := u.Query()
			c.edit(u, q)
			u.RawQuery = q.Encode()
			edited := l
			edited.URL = u.String()
			_, err = g.fetch(t, edited)
			require.ErrorIs(t, err, c.want)
			if c.want != nil {
				require.ErrorContains(t, err, c.says)
			}
		})
	}
	t.Run("expired", func(t *testing.T) {
		short := stored(t, 2*time.Second)
		_, err := g.fetch(t, short)
		require.NoError(t, err)
		time.Sleep(time.Until(short.Ends()) + 100*time.Millisecond)
		_, err = g.fetch(t, short)
		require.ErrorIs(t, err, link.ErrExpired)
		require.ErrorContains(t, err, "this computer's clock says") // nobody was asked

		// The store says so, too.
		resp, err := g.http.Get(short.URL)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusForbidden, resp.StatusCode)
	})
	t.Run("rights", func(t *testing.T) { g.rights(t, box) })
	t.Run("nothing is replaced", func(t *testing.T) {
		name, none := strings.TrimPrefix(pathOf(t, l), "/drop/"), "*"
		in := &awss3.PutObjectInput{Bucket: aws.String("drop"), Key: &name, Body: strings.NewReader("x"), IfNoneMatch: &none}
		_, err := g.client("writer").PutObject(t.Context(), in)
		api, ok := errors.AsType[smithy.APIError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, "PreconditionFailed", api.ErrorCode())
		_, err = g.fetch(t, l)
		require.NoError(t, err)
	})
	t.Run("encryption is not confirmed", func(t *testing.T) {
		store := g.store("root", "reader") // root may delete it again
		store.InsecureUnconfirmedEncryption, store.Prefix = false, "unconfirmed/"
		_, err := store.Put(t.Context(), bytes.NewReader(box), int64(len(box)), time.Hour)
		require.ErrorIs(t, err, s3.ErrUnconfirmed)
		require.Empty(t, g.list(t, "unconfirmed/"))
	})
	t.Run("another object in its place", func(t *testing.T) { g.replaced(t, stored(t, time.Hour), box) })
	t.Run("a page may fetch", func(t *testing.T) { g.cors(t, l) })
}

// rights: a link can do what its signer can.
func (g *gateway) rights(t *testing.T, box []byte) {
	for _, c := range []struct {
		uploads, links string
		put, get       bool
	}{{"writer", "reader", true, true}, {"writer", "writer", true, false}, {"writer", "stranger", true, false}, {"reader", "reader", false, true}, {"stranger", "reader", false, true}} {
		l, err := g.store(c.uploads, c.links).Put(t.Context(), bytes.NewReader(box), int64(len(box)), time.Hour)
		if !c.put {
			require.ErrorContains(t, err, `the store says "AccessDenied" (403)`)
			require.NotContains(t, err.Error(), c.uploads+"-secret-key")
			continue
		}
		require.NoError(t, err)
		got, err := g.fetch(t, l)
		if c.get {
			require.NoError(t, err)
			require.Equal(t, box, got)
			continue
		}
		require.ErrorIs(t, err, link.ErrRefused)
		require.ErrorContains(t, err, `403 "AccessDenied"`)
	}
	// Who uploads cannot read by the API either, nor take back.
	l, err := g.store("writer", "reader").Put(t.Context(), bytes.NewReader(box), int64(len(box)), time.Hour)
	require.NoError(t, err)
	name := strings.TrimPrefix(pathOf(t, l), "/drop/")
	_, err = g.client("writer").GetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("drop"), Key: &name})
	require.ErrorContains(t, err, "AccessDenied")
	_, err = g.client("writer").ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: aws.String("drop")})
	require.ErrorContains(t, err, "AccessDenied")
	require.ErrorContains(t, g.store("writer", "reader").Delete(t.Context(), l), `"AccessDenied" (403)`)
	_, err = g.fetch(t, l)
	require.NoError(t, err)

	require.NoError(t, g.store("root", "reader").Delete(t.Context(), l))
	_, err = g.fetch(t, l)
	require.ErrorIs(t, err, link.ErrGone)
	require.ErrorContains(t, err, "NoSuchKey")
}

// replaced: root puts other versions in the object's place, which the link leads
// to.
func (g *gateway) replaced(t *testing.T, l link.Link, box []byte) {
	name := strings.TrimPrefix(pathOf(t, l), "/drop/")
	flip := bytes.Clone(box)
	flip[len(flip)/2] ^= 1
	for _, c := range []struct {
		octets []byte
		want   error
	}{{flip, link.ErrReplaced}, {box[:len(box)-1], link.ErrTruncated}, {append(bytes.Clone(box), 0), link.ErrTooLong}, {nil, link.ErrTruncated}, {box, nil}} {
		_, err := g.client("root").PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("drop"), Key: &name, Body: bytes.NewReader(c.octets)})
		require.NoError(t, err)
		_, err = g.fetch(t, l)
		require.ErrorIs(t, err, c.want)
	}
}

// cors: with the rule that the package asks for a browser lets the page read,
// and no other.
func (g *gateway) cors(t *testing.T, l link.Link) {
	_, err := g.client("root").PutBucketCors(t.Context(), &awss3.PutBucketCorsInput{
		Bucket: aws.String("drop"), CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{
			AllowedOrigins: []string{"https://page.example"}, AllowedMethods: []string{"GET"},
		}}},
	})
	require.NoError(t, err)
	for origin, allowed := range map[string]string{"https://page.example": "https://page.example", "https://other.example": ""} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.URL, nil)
		require.NoError(t, err)
		req.Header.Set("Origin", origin)
		resp, err := g.http.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, allowed, resp.Header.Get("Access-Control-Allow-Origin"))
	}
}

// list returns the names of objects.
func (g *gateway) list(t *testing.T, prefix string) (names []string) {
	t.Helper()
	out, err := g.client("root").ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: aws.String("drop"), Prefix: &prefix})
	require.NoError(t, err)
	for _, o := range out.Contents {
		names = append(names, *o.Key)
	}
	return names
}

func pathOf(t *testing.T, l link.Link) string {
	t.Helper()
	u, err := url.Parse(l.URL)
	require.NoError(t, err)
	return u.Path
}

// flipped changes one bit of a signature in hex.
func flipped(hex string) string {
	if hex[0] == '0' {
		return "1" + hex[1:]
	}
	return "0" + hex[1:]
}

// later is the time a second later.
func later(date string) string {
	const form = "20060102T150405Z"
	at, err := time.Parse(form, date)
	if err != nil {
		return date
	}
	return at.Add(time.Second).Format(form)
}
