package batch_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"crypto/tls"
	"crypto/x509"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/sink"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/doublekeybox/doublekeybox/transport/link/s3"
)

// store gives the office a store of objects.
func (o *office) store() *sink.ObjectServer {
	o.t.Helper()
	server, err := sink.Store{AccessKey: "k", Secret: "s", Bucket: "b"}.Listen()
	require.NoError(o.t, err)
	o.t.Cleanup(func() { server.Close() })
	roots := x509.NewCertPool()
	require.True(o.t, roots.AppendCertsFromPEM(server.Authority))
	o.run.Store = &s3.Store{
		Client: awss3.New(awss3.Options{
			Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""), BaseEndpoint: aws.String(server.URL), UsePathStyle: true,
			HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}},
		}),
		Bucket: "b", Formats: []envelope.Format{pgp.Format(), smime.Format()},
	}
	o.run.Lifetime = time.Hour
	return server
}

// A link leads to one sealed object for each; what was stored for a mail that is
// put off is not stored once more, and what is stored for nobody tells nothing.
func TestLinks(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 8, []string{"link"}, nil)
	objects := o.store()
	first := map[string]bool{}
	o.serve(func(stage sink.Stage, _, to string) sink.Failure {
		o.mu.Lock()
		defer o.mu.Unlock()
		if stage != sink.AtRecipient || first[to] {
			return sink.Failure{}
		}
		first[to] = true
		return sink.Failure{Code: 450}
	})
	o.run.Pauses = []time.Duration{time.Millisecond}
	_, err := o.run.Preflight(context.Background())
	require.NoError(t, err)
	require.Empty(t, objects.Names(), "a preflight stores nothing")
	_, err = o.send(context.Background())
	require.NoError(t, err)
	o.once()
	require.Len(t, objects.Names(), 8)
	keyed := 0
	for _, p := range o.world.People {
		if p.Identities == nil {
			require.Contains(t, string(o.mails[p.Address][0]), "X-Amz-Signature")
			continue
		}
		keyed++
		require.NotContains(t, string(o.mails[p.Address][0]), "X-Amz-Signature", "the link is inside the encryption")
		require.True(t, o.read(p).Summary().Encrypted)
	}
	require.Positive(t, keyed)
	require.Len(t, o.told, 8-keyed)
	for _, r := range o.records() {
		if r.Kind == journal.Begun {
			require.NotEmpty(t, r.Link)
			require.NotContains(t, r.Link, "X-Amz")
			require.Len(t, r.Documents, 1, "attempt %d", r.Attempt)
			require.Len(t, r.Documents[0].SHA256, 64)
		}
	}
}

// A mail that was put off until its link was half dead gets another one.
func TestLinkOutlived(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lifetime time.Duration
		objects  int
	}{{2 * time.Second, 2}, {time.Hour, 1}} {
		o := newOffice(t, 1, []string{"link"}, nil)
		objects := o.store()
		o.run.Lifetime = c.lifetime
		var came atomic.Int32
		o.serve(func(stage sink.Stage, _, _ string) sink.Failure {
			if stage == sink.AtRecipient && came.Add(1) == 1 {
				return sink.Failure{Code: 450}
			}
			return sink.Failure{}
		})
		o.run.Pauses = []time.Duration{1200 * time.Millisecond}
		_, err := o.send(context.Background())
		require.NoError(t, err)
		o.once()
		require.Len(t, objects.Names(), c.objects)
		links := map[string]bool{}
		for _, r := range o.records() {
			if r.Kind == journal.Begun {
				links[r.Link] = true
				require.Len(t, r.Documents, 1)
			}
		}
		require.Len(t, links, c.objects)
	}
}

// A link that would live too long is found out before anything is stored.
func TestLinkLifetime(t *testing.T) {
	t.Parallel()
	for lifetime, ok := range map[time.Duration]bool{7 * 24 * time.Hour: true, 7*24*time.Hour + time.Second: false} {
		o := newOffice(t, 1, []string{"link"}, nil)
		objects := o.store()
		o.run.Lifetime = lifetime
		p, err := o.run.Preflight(context.Background())
		require.Equal(t, ok, err == nil)
		if !ok {
			require.Zero(t, p.Problems[0].Row)
		}
		require.Empty(t, objects.Names())
	}
}

// Where the store takes nothing, the mail waits for another time.
func TestStoreGone(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 2, []string{"link", "openpgp"}, nil)
	require.NoError(t, o.store().Close())
	result, err := o.send(context.Background())
	require.NoError(t, err)
	require.Equal(t, 1, result.Sent)
	require.Equal(t, 1, result.Deferred)
}
