package s3_test

import (
	"bytes"
	"context"
	"crypto/fips140"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/transport/link/s3"
)

// skipInFIPS skips what needs boxes, whose format has SHA-1, or OpenPGP.
func skipInFIPS(t testing.TB) {
	t.Helper()
	if fips140.Enforced() {
		t.Skip("skipped: needs what GODEBUG=fips140=only does not allow")
	}
}

// locked returns a single-key box.
func locked(t testing.TB, content string) []byte {
	t.Helper()
	skipInFIPS(t)
	var box bytes.Buffer
	w, err := zipbox.Lock(&box, envelope.NewPassphrase())
	require.NoError(t, err)
	defer w.Abort()
	f, err := w.Create("statement.pdf", time.Now())
	require.NoError(t, err)
	_, err = io.WriteString(f, content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return box.Bytes()
}

// stub is a store that does what S3 does, and lies as a test asks it to.
type stub struct {
	mu      sync.Mutex
	puts    []*http.Request // in their order
	bodies  [][]byte        // theirs
	deleted []string
	objects map[string][]byte

	// answer, if not nil, sees the nth upload first and says whether it answered.
	answer func(w http.ResponseWriter, r *http.Request, n int) bool
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method {
	case http.MethodPut:
		s.puts, s.bodies = append(s.puts, r), append(s.bodies, body)
		if s.answer != nil && s.answer(w, r, len(s.puts)) {
			return
		}
		s.objects[r.URL.Path] = body
		w.Header().Set("x-amz-server-side-encryption", r.Header.Get("x-amz-server-side-encryption"))
		w.Header().Set("x-amz-checksum-sha256", r.Header.Get("x-amz-checksum-sha256"))
	case http.MethodDelete:
		s.deleted = append(s.deleted, r.URL.Path)
		delete(s.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	default:
		_, _ = w.Write(s.objects[r.URL.Path])
	}
}

// serve starts s and returns a Store for it, and a client that trusts it.
func (s *stub) serve(t testing.TB, credentials aws.CredentialsProvider, edit ...func(*awss3.Options)) (*s3.Store, *http.Client) {
	t.Helper()
	s.objects = map[string][]byte{}
	server := httptest.NewUnstartedServer(s)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	client := awss3.New(awss3.Options{
		BaseEndpoint: &server.URL, UsePathStyle: true, Region: "us-east-1", HTTPClient: server.Client(),
		Credentials: credentials, RetryMaxAttempts: 1,
	}, edit...)
	return &s3.Store{Client: client, Bucket: "drop"}, server.Client()
}

// secret is the key that no error may show.
const secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"

// fixed are credentials that never end.
func fixed() aws.CredentialsProvider { return until(time.Time{}) }

// until are credentials that end at a time.
func until(end time.Time) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "writer", SecretAccessKey: secret, SessionToken: "token-" + secret, CanExpire: !end.IsZero(), Expires: end}, nil
	})
}

// refuse answers as S3 does.
func refuse(w http.ResponseWriter, status int, code string) bool {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>No: "+secret+"</Message></Error>")
	return true
}
