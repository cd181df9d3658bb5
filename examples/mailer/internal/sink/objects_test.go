package sink_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/sink"
)

type store struct {
	*sink.ObjectServer
	http *http.Client
}

func openStore(t *testing.T, now func() time.Time) *store {
	o, err := sink.Store{AccessKey: "mailer", Secret: "secret", Bucket: "drop", Now: now}.Listen()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.Close()) })
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool(t, o.Authority)}}
	t.Cleanup(transport.CloseIdleConnections)
	return &store{ObjectServer: o, http: &http.Client{Transport: transport}}
}

// client is the SDK's, which is what the store is held to.
func (s *store) client(secret string) *s3.Client {
	return s3.New(s3.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(s.URL),
		UsePathStyle: true,
		HTTPClient:   s.http,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "mailer", SecretAccessKey: secret}, nil
		}),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		Retryer:                    aws.NopRetryer{},
	})
}

func input(name, body string) *s3.PutObjectInput {
	sum := sha256.Sum256([]byte(body))
	return &s3.PutObjectInput{
		Bucket: aws.String("drop"), Key: aws.String(name), Body: strings.NewReader(body), IfNoneMatch: aws.String("*"),
		ServerSideEncryption: types.ServerSideEncryptionAes256,
		ChecksumSHA256:       aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	}
}

func (s *store) link(t *testing.T, c *s3.Client, name string, d time.Duration) string {
	r, err := s3.NewPresignClient(c).PresignGetObject(context.Background(),
		&s3.GetObjectInput{Bucket: aws.String("drop"), Key: aws.String(name)}, s3.WithPresignExpires(d))
	require.NoError(t, err)
	return r.URL
}

func (s *store) get(t *testing.T, link string) (int, string) {
	r, err := s.http.Get(link)
	require.NoError(t, err)
	b, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	return r.StatusCode, string(b)
}

func TestObjects(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := openStore(t, func() time.Time { return now })
	c, ctx := s.client("secret"), context.Background()
	out, err := c.PutObject(ctx, input("a/b c", "hello"))
	require.NoError(t, err)
	require.Equal(t, types.ServerSideEncryptionAes256, out.ServerSideEncryption)
	require.Equal(t, []string{"a/b c"}, s.Names())
	_, err = c.PutObject(ctx, input("a/b c", "again"))
	require.ErrorContains(t, err, "PreconditionFailed")
	got, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("drop"), Key: aws.String("a/b c")})
	require.NoError(t, err)
	b, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	require.Equal(t, "hello", string(b))

	link := s.link(t, c, "a/b c", time.Hour)
	status, body := s.get(t, link)
	require.Equal(t, 200, status, body)
	require.Equal(t, "hello", body)
	require.NoError(t, s.Replace("a/b c", bytes.NewReader([]byte("other"))))
	_, body = s.get(t, link)
	require.Equal(t, "other", body)
	now = now.Add(time.Hour + 2*time.Second)
	status, body = s.get(t, link)
	require.Equal(t, 403, status)
	require.Contains(t, body, "Request has expired")
	s.Lose("a/b c")
	require.Empty(t, s.Names())
}

// What is refused differs in one thing from what TestObjects shows to work.
func TestObjectsRefuse(t *testing.T) {
	t.Parallel()
	s := openStore(t, nil)
	c, ctx := s.client("secret"), context.Background()
	_, err := c.PutObject(ctx, input("one", "hello"))
	require.NoError(t, err)
	_, err = c.PutObject(ctx, input("two", "other"))
	require.NoError(t, err)

	_, err = s.client("Secret").PutObject(ctx, input("three", "hello"))
	require.ErrorContains(t, err, "SignatureDoesNotMatch")
	wrong := input("three", "hello")
	wrong.ChecksumSHA256 = input("three", "hellO").ChecksumSHA256
	_, err = c.PutObject(ctx, wrong)
	require.ErrorContains(t, err, "BadDigest")
	elsewhere := input("three", "hello")
	elsewhere.Bucket = aws.String("others")
	_, err = c.PutObject(ctx, elsewhere)
	require.ErrorContains(t, err, "NoSuchBucket")
	require.Len(t, s.Names(), 2)

	link := s.link(t, c, "one", time.Hour)
	edit := func(change func(q url.Values, u *url.URL)) string {
		u, err := url.Parse(link)
		require.NoError(t, err)
		q := u.Query()
		change(q, u)
		u.RawQuery = q.Encode()
		return u.String()
	}
	status, _ := s.get(t, edit(func(url.Values, *url.URL) {}))
	require.Equal(t, 200, status)
	for name, changed := range map[string]string{
		"SignatureDoesNotMatch": edit(func(_ url.Values, u *url.URL) { u.Path = "/drop/two" }),
		"SignatureDoesNotMatc":  edit(func(q url.Values, _ *url.URL) { q.Set("X-Amz-Expires", "3601") }),
		"SignatureDoesNotMat":   edit(func(q url.Values, _ *url.URL) { q.Set("X-Amz-Signature", strings.Repeat("0", 64)) }),
		"SignatureDoesNotMa":    s.link(t, s.client("Secret"), "one", time.Hour),
		"1 to 604800":           edit(func(q url.Values, _ *url.URL) { q.Set("X-Amz-Expires", "604801") }),
		"not signed":            edit(func(q url.Values, _ *url.URL) { clear(q) }),
	} {
		status, body := s.get(t, changed)
		require.Equal(t, 403, status, changed)
		require.Contains(t, body, name)
	}
	status, body := s.get(t, s.link(t, c, "three", time.Hour))
	require.Equal(t, 404, status)
	require.Contains(t, body, "NoSuchKey")
	_, err = sink.Store{AccessKey: "a", Bucket: "b"}.Listen()
	require.Error(t, err)
}
