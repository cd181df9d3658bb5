package s3_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
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
	"github.com/doublekeybox/doublekeybox/transport/link"
	"github.com/doublekeybox/doublekeybox/transport/link/s3"
)

// locked returns a single-key box.
func locked(t *testing.T, content string) []byte {
	t.Helper()
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
	puts    []*http.Request
	deleted []string
	objects map[string][]byte

	answer func(w http.ResponseWriter, r *http.Request) bool // true: it answered
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	if r.Method == http.MethodPut {
		s.puts = append(s.puts, r)
	}
	if s.answer != nil && s.answer(w, r) {
		return
	}
	switch r.Method {
	case http.MethodPut:
		s.objects[r.URL.Path] = body
		w.Header().Set("x-amz-server-side-encryption", r.Header.Get("x-amz-server-side-encryption"))
		w.Header().Set("x-amz-checksum-sha256", r.Header.Get("x-amz-checksum-sha256"))
	case http.MethodDelete:
		s.deleted = append(s.deleted, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	default:
		_, _ = w.Write(s.objects[r.URL.Path])
	}
}

// serve starts s and returns a Store for it, and a client that trusts it.
func (s *stub) serve(t *testing.T, credentials aws.CredentialsProvider) (*s3.Store, *http.Client) {
	t.Helper()
	s.objects = map[string][]byte{}
	server := httptest.NewTLSServer(s)
	t.Cleanup(server.Close)
	client := awss3.New(awss3.Options{
		BaseEndpoint: &server.URL, UsePathStyle: true, Region: "us-east-1", HTTPClient: server.Client(),
		Credentials: credentials, RetryMaxAttempts: 1,
	})
	return &s3.Store{Client: client, Bucket: "drop"}, server.Client()
}

// fixed are credentials that never end.
func fixed() aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "writer", SecretAccessKey: "very-secret"}, nil
	})
}

func TestPut(t *testing.T) {
	t.Parallel()
	s := &stub{}
	store, client := s.serve(t, fixed())
	box := locked(t, "you owe us nothing")
	l, err := store.Put(t.Context(), bytes.NewReader(box), int64(len(box)), time.Hour)
	require.NoError(t, err)
	require.Equal(t, int64(len(box)), l.Size)
	require.Equal(t, sha256.Sum256(box), l.SHA256)
	require.Equal(t, "documents.zip", l.Name)
	var got link.Memory
	require.NoError(t, link.Fetch(t.Context(), client, l, &got))
	require.Equal(t, box, got.Bytes())
}
