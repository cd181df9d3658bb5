package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// missing skips a test for want of another program, or fails it where those are
// asked for.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("DKB_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is missing, and DKB_REQUIRE_PEERS=1", what)
	}
	t.Skipf("%s is missing", what)
}

// peers returns the folder of other programs.
func peers(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("DKB_PEERS")
	if dir == "" {
		missing(t, "DKB_PEERS, the folder of other programs")
	}
	return dir
}

// needs looks for programs and files.
func needs(t testing.TB, names ...string) {
	t.Helper()
	for _, n := range names {
		if _, err := os.Stat(n); err == nil {
			continue
		}
		if _, err := exec.LookPath(n); err != nil {
			missing(t, n)
		}
	}
}

func interopHome() string {
	if home := os.Getenv("INTEROP_HOME"); home != "" {
		return home
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".cache", "interop-peers")
}

// execute runs a program to its end.
func execute(t testing.TB, stdin []byte, env []string, name string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin, cmd.Env = bytes.NewReader(stdin), append(os.Environ(), env...)
	// A server that is started keeps what it was given open: files, for which nobody waits.
	dir := t.TempDir()
	out, err := os.Create(filepath.Join(dir, "out"))
	require.NoError(t, err)
	defer out.Close()
	errs, err := os.Create(filepath.Join(dir, "errs"))
	require.NoError(t, err)
	defer errs.Close()
	cmd.Stdout, cmd.Stderr = out, errs
	err = cmd.Run()
	said, e := os.ReadFile(errs.Name())
	require.NoError(t, e)
	require.NoError(t, err, "%s: %s", filepath.Base(name), said)
	b, err := os.ReadFile(out.Name())
	require.NoError(t, err)
	return b
}

// store is versitygw, an S3 server, and a bucket on it that lets the page's
// origin read, as well as one that does not.
type store struct {
	t   testing.TB
	url string
	ca  string
	dir string // of the scripts
}

func startStore(t testing.TB, origin string) *store {
	scripts, dir := peers(t), t.TempDir()
	needs(t, "python3", "openssl", filepath.Join(interopHome(), "bin", "versitygw"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	require.NoError(t, l.Close())
	execute(t, nil, []string{"S3_PORT=" + port}, filepath.Join(scripts, "server-s3.sh"), "start", dir)
	t.Cleanup(func() { execute(t, nil, nil, filepath.Join(scripts, "server-s3.sh"), "stop", dir) })
	s := &store{t: t, url: "https://localhost:" + port, ca: filepath.Join(dir, "tls", "ca.pem"), dir: scripts}
	s.request("PUT", "/drop?cors=", fmt.Appendf(nil, `<CORSConfiguration><CORSRule><AllowedOrigin>%s</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>`, origin))
	s.request("PUT", "/mute", nil)
	return s
}

func (s *store) request(method, path string, body []byte) {
	s.t.Helper()
	sum := md5.Sum(body) // what PutBucketCors wants
	execute(s.t, body, nil, filepath.Join(s.dir, "s3client.py"), "--ca", s.ca, "--access", "root", "--secret", "root-secret-key",
		"--header", "Content-MD5: "+base64.StdEncoding.EncodeToString(sum[:]), s.url, method, path)
}

// presigned returns a link to an object that lasts some seconds from a moment on.
func (s *store) presigned(path string, from time.Time, seconds int) string {
	s.t.Helper()
	out := execute(s.t, nil, nil, filepath.Join(s.dir, "s3client.py"), "presign", "--expires", fmt.Sprint(seconds),
		"--date", from.UTC().Format("20060102T150405Z"), "--access", "root", "--secret", "root-secret-key", s.url, path)
	return strings.TrimSpace(string(out))
}

// served is the page on a server over TLS, which writes down what it is asked for.
type served struct {
	*httptest.Server
	mu    sync.Mutex
	asked map[string]int
}

func serve(t testing.TB, page []byte) *served {
	s := &served{asked: map[string]int{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked[r.Method+" "+r.RequestURI]++
		s.mu.Unlock()
		if r.URL.Path != "/open.html" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // browsers try once before they are told to trust its certificate
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func lookPath(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	require.NoError(t, err)
	return path
}
