package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/filelock"
)

// postfix is a real server of mail, in a folder of its own.
type postfix struct {
	dir string
}

func startPostfix(t *testing.T) *postfix {
	t.Helper()
	return &postfix{startServer(t, "server-postfix.sh", "postfix", "postconf", "saslpasswd2")}
}

// startServer starts a server by a script of the peers, until the test ends, and
// returns its folder. Without one of its programs the test skips, saying so; with
// DKB_REQUIRE_PEERS=1 it fails.
func startServer(t *testing.T, script string, programs ...string) string {
	t.Helper()
	peers, missing := os.Getenv("DKB_PEERS"), ""
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	for _, p := range append(programs, "openssl") {
		if _, err := exec.LookPath(p); err != nil {
			missing = p
		}
	}
	if os.Getuid() != 0 {
		missing = "the right to run as root"
	}
	if peers == "" {
		missing = "DKB_PEERS"
	}
	if missing != "" && os.Getenv("DKB_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is missing, and DKB_REQUIRE_PEERS=1", missing)
	} else if missing != "" {
		t.Skipf("skipped: %s is missing", missing)
	}
	// Its ports are always the same: the tests of other packages wait.
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "doublekeybox-"+script+".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	require.NoError(t, filelock.Lock(lock, 10*time.Minute))
	t.Cleanup(func() {
		filelock.Unlock(lock)
		lock.Close()
	})
	// It runs as users of its own, for whom t.TempDir is closed.
	dir, err := os.MkdirTemp("", "server")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	name := filepath.Join(peers, script)
	runProgram(t, name, "start", dir)
	t.Cleanup(func() { runProgram(t, name, "stop", dir) })
	return dir
}

func runProgram(t *testing.T, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = time.Second // a server keeps what it was given
	if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != 0 {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// set changes how it is configured.
func (p *postfix) set(t *testing.T, settings ...string) {
	t.Helper()
	etc := filepath.Join(p.dir, "etc")
	runProgram(t, "postconf", append([]string{"-c", etc, "-e"}, settings...)...)
	runProgram(t, "postfix", "-c", etc, "reload")
	time.Sleep(time.Second) // the old processes end by themselves
}

// dial connects as the relay does, which has a certificate that it knows.
func (p *postfix) dial(t *testing.T) func() (net.Conn, error) {
	t.Helper()
	ca, err := os.ReadFile(filepath.Join(p.dir, "tls", "ca.pem"))
	require.NoError(t, err)
	pair, err := tls.LoadX509KeyPair(filepath.Join(p.dir, "tls", "client.pem"), filepath.Join(p.dir, "tls", "client.key"))
	require.NoError(t, err)
	config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost", Certificates: []tls.Certificate{pair}}
	require.True(t, config.RootCAs.AppendCertsFromPEM(ca))
	return func() (net.Conn, error) { return tls.Dial("tcp", "127.0.0.1:12465", config) }
}

// drain waits until all that it took is delivered.
func (p *postfix) drain(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		n := 0
		for _, queue := range []string{"incoming", "active", "deferred", "maildrop"} {
			filepath.WalkDir(filepath.Join(p.dir, "spool", queue), func(_ string, e fs.DirEntry, err error) error {
				if err == nil && e.Type().IsRegular() {
					n++
				}
				return nil
			})
		}
		return n == 0
	}, 2*time.Minute, 100*time.Millisecond)
}

// delivered returns how often it delivered what, by the Message-ID, without angle
// brackets.
func (p *postfix) delivered(t *testing.T) map[string]int {
	t.Helper()
	p.drain(t)
	entries, err := os.ReadDir(filepath.Join(p.dir, "mail", "inbox", "new"))
	require.NoError(t, err)
	counts := map[string]int{}
	for _, e := range entries {
		counts[p.messageID(t, filepath.Join(p.dir, "mail", "inbox", "new", e.Name()))]++
	}
	return counts
}

func (p *postfix) messageID(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan() && in.Text() != ""; {
		if field, value, _ := strings.Cut(in.Text(), ":"); strings.EqualFold(field, "Message-ID") {
			if value = strings.Trim(value, " <>"); value == "" && in.Scan() { // on a line of its own
				value = strings.Trim(in.Text(), " \t<>")
			}
			return value
		}
	}
	t.Fatalf("%s has no Message-ID", name)
	return ""
}
