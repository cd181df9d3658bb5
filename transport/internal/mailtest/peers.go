package mailtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/filelock"
)

// Peer is a real server that runs until its test ends, on the ports that its
// script names.
type Peer struct {
	Dir  string
	name string
}

// Start starts the server that script of the peers runs. Without one of the
// programs the test skips, saying so; with DKB_REQUIRE_PEERS=1 it fails.
func Start(t *testing.T, script string, programs ...string) *Peer {
	t.Helper()
	peers, missing := os.Getenv("DKB_PEERS"), ""
	if peers == "" {
		missing = "DKB_PEERS"
	}
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	for _, p := range append(programs, "openssl") {
		if _, err := exec.LookPath(p); err != nil {
			missing = p
		}
	}
	if missing == "" && os.Getuid() != 0 {
		missing = "the right to run as root"
	}
	if missing != "" && os.Getenv("DKB_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is missing, and DKB_REQUIRE_PEERS=1", missing)
	} else if missing != "" {
		t.Skipf("skipped: %s is missing", missing)
	}
	// The servers run as users of their own, for whom t.TempDir is closed.
	dir, err := os.MkdirTemp("", "peer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := &Peer{Dir: dir, name: filepath.Join(peers, script)}
	alone(t, script)
	Run(t, p.name, "start", p.Dir)
	t.Cleanup(func() { Run(t, p.name, "stop", p.Dir) })
	return p
}

// alone waits until no other test has the ports of the server, whose packages
// run beside each other, and keeps them until the test has ended.
func alone(t *testing.T, script string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "doublekeybox-"+script+".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := filelock.Lock(f, 5*time.Minute); err != nil {
		_ = f.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = filelock.Unlock(f); _ = f.Close() })
}

// Run runs a program.
func Run(t *testing.T, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = time.Second // a server keeps what it was given
	if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != 0 {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// TLS returns how to speak with the peer: with the certificate called name, or
// with none.
func (p *Peer) TLS(t *testing.T, name string) *tls.Config {
	t.Helper()
	file := func(name string) string { return filepath.Join(p.Dir, "tls", name) }
	ca, err := os.ReadFile(file("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	c := &tls.Config{RootCAs: x509.NewCertPool()}
	c.RootCAs.AppendCertsFromPEM(ca)
	if name == "" {
		return c
	}
	pair, err := tls.LoadX509KeyPair(file(name+".pem"), file(name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c
}

// Forced is TLS with a certificate that is given even where the server says
// that it takes none by its authority.
func (p *Peer) Forced(t *testing.T, name string) *tls.Config {
	c := p.TLS(t, name)
	given := c.Certificates[0]
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &given, nil }
	return c
}
