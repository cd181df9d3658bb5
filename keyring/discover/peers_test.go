package discover_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/stretchr/testify/require"
)

// need returns the directory of the scripts that start servers, and skips,
// saying so, where they or one of these programs are not there. With
// DKB_REQUIRE_PEERS=1 that is a failure.
func need(t *testing.T, programs ...string) string {
	t.Helper()
	skipFIPS(t)
	dir := os.Getenv("DKB_PEERS")
	missing := ""
	if dir == "" {
		missing = "DKB_PEERS"
	}
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing = p
		}
	}
	switch {
	case missing == "":
	case os.Getenv("DKB_REQUIRE_PEERS") == "1":
		t.Fatalf("%s is missing, and DKB_REQUIRE_PEERS=1", missing)
	default:
		t.Skipf("skipped: %s is missing", missing)
	}
	return dir
}

// run runs a program to its end.
func run(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = time.Second // for what a script leaves running with our pipe
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState.ExitCode() != 0 {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

// write puts b in a file of a directory of the test.
func write(t *testing.T, dir, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return path
}

// A Web Key Directory that sq made, of keys that sq and gpg made, in both
// layouts.
func TestPeerWKD(t *testing.T) {
	need(t, "sq", "gpg")
	for _, method := range []string{"advanced", "direct"} {
		t.Run(method, func(t *testing.T) {
			dir := t.TempDir()
			run(t, "sq", "key", "generate", "--userid", "Bob <Bob.B@example.com>", "--userid", "Bob <bob@example.net>", "--export", dir+"/bob.key")
			run(t, "sq", "key", "extract-cert", "--output", dir+"/bob.pgp", dir+"/bob.key")
			home := t.TempDir()
			require.NoError(t, os.Chmod(home, 0o700))
			gpg := []string{"--homedir", home, "--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""}
			t.Cleanup(func() { _ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() })
			run(t, "gpg", append(gpg, "--quick-generate-key", "Carol <carol@example.com>", "default", "default", "never")...)
			run(t, "gpg", append(gpg, "--output", dir+"/carol.pgp", "--export", "carol@example.com")...)
			generate := []string{"wkd", "generate", "--skip"}
			if method == "direct" {
				generate = append(generate, "--direct-method")
			}
			run(t, "sq", append(generate, dir+"/www", "example.com", dir+"/bob.pgp")...)
			run(t, "sq", append(generate, dir+"/www", "example.com", dir+"/carol.pgp")...)
			hosts := here()
			if method == "direct" {
				delete(hosts, "openpgpkey.example.com")
			}
			web, _ := serveWeb(t, http.FileServer(http.Dir(dir+"/www")).ServeHTTP, hosts)
			for address, file := range map[string]string{"Bob.B@example.com": "/bob.pgp", "bob.b@EXAMPLE.com": "", "carol@example.com": "/carol.pgp"} {
				found, err := web.WKD(context.Background(), address, pgp.ParseCertificate)
				if file == "" { // the digest is the same, and the address is not
					require.ErrorIs(t, err, keyring.ErrRefused)
					continue
				}
				require.NoError(t, err)
				require.Len(t, found, 1)
				require.Equal(t, []string{address}, found[0].Certificate.Addresses())
				exported, err := os.ReadFile(dir + file)
				require.NoError(t, err)
				whole, _ := discover.Read(file, exported, pgp.ParseCertificate)
				require.Equal(t, whole[0].Certificate.Fingerprint(), found[0].Certificate.Fingerprint())
				_, err = keyring.Policy{AcceptDomainAttested: true}.Verify(found[0].Certificate, found[0].Attested())
				require.NoError(t, err)
			}
			_, err := web.WKD(context.Background(), "dave@example.com", pgp.ParseCertificate)
			require.ErrorIs(t, err, discover.ErrNotFound)
		})
	}
}

// What we look for is where gpg and sq look for it: in a network of their own,
// which only root can make.
func TestPeerWKDClients(t *testing.T) {
	peers := need(t, "sq", "gpg", "unshare", "ip", "openssl")
	if exec.Command("unshare", "-n", "-m", "true").Run() != nil {
		t.Skip("skipped: gpg and sq cannot be given a network of their own here")
	}
	bob := key(t, "Bob <Bob@example.org>")
	dir := t.TempDir()
	write(t, dir, ".well-known/openpgpkey/example.org/policy", nil)
	write(t, dir, ".well-known/openpgpkey/example.org/hu/"+discover.WKDName("Bob"), bob)
	out := string(run(t, filepath.Join(peers, "wkd-clients.sh"), dir, "Bob@example.org"))
	require.Contains(t, out, "gpg: found")
	require.Contains(t, out, "sq: found")
}

// SKS, with what stands before every key server today: something that speaks
// TLS for it.
func TestPeerKeyServer(t *testing.T) {
	peers := need(t, "sks", "gpg", "sq")
	dir := t.TempDir()
	script := filepath.Join(peers, "server-hkp.sh")
	run(t, script, "start", dir)
	t.Cleanup(func() { run(t, script, "stop", dir) })
	const sks = "http://127.0.0.1:12371"
	proxy := httputil.NewSingleHostReverseProxy(must(t, sks))
	server := httptest.NewTLSServer(proxy)
	t.Cleanup(server.Close)

	run(t, "sq", "key", "generate", "--userid", "Bob <bob@example.com>", "--export", dir+"/bob.key")
	sqs := run(t, "sq", "key", "extract-cert", dir+"/bob.key")
	ours := key(t, "Bob (ours) <bob@example.com>")
	for _, armor := range [][]byte{sqs, armored(t, ours)} {
		resp, err := http.PostForm(sks+"/pks/add", url.Values{"keytext": {string(armor)}})
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, 200, resp.StatusCode)
	}
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig
	keys := discover.KeyServer{URL: server.URL, Web: discover.Web{AllowPrivate: true, Client: &http.Client{Transport: &http.Transport{TLSClientConfig: roots}}}}
	cert, err := pgp.ParseCertificate(ours)
	require.NoError(t, err)
	theirs, err := pgp.ParseCertificate(sqs)
	require.NoError(t, err)
	for _, want := range []*keyring.Certificate{cert, theirs} {
		found, err := keys.Get(context.Background(), want.Fingerprint(), pgp.ParseCertificate)
		require.NoError(t, err)
		require.Equal(t, want.Fingerprint(), found.Certificate.Fingerprint())
		require.Equal(t, []string{"bob@example.com"}, found.Certificate.Addresses())
	}
	found, err := keys.Search(context.Background(), "bob@example.com", pgp.ParseCertificate)
	require.NoError(t, err)
	require.Len(t, found, 2)
	_, err = keys.Search(context.Background(), "carol@example.com", pgp.ParseCertificate)
	require.ErrorIs(t, err, discover.ErrNotFound)
	nobody, err := keyring.ParseFingerprint(strings.Repeat("ab", 20))
	require.NoError(t, err)
	_, err = keys.Get(context.Background(), nobody, pgp.ParseCertificate)
	require.ErrorIs(t, err, discover.ErrNotFound)
	keys.Web.AllowPrivate = false
	_, err = keys.Get(context.Background(), cert.Fingerprint(), pgp.ParseCertificate)
	require.ErrorIs(t, err, keyring.ErrRefused)
}

// Knot signs two zones and serves a third, Unbound validates: it knows the
// right key of the first, a wrong one of the second, none of the third.
func TestPeerDNSSEC(t *testing.T) {
	need(t, "knotd", "keymgr", "unbound")
	bob := key(t, "Bob <bob@signed.example>", "Bob <bob@bogus.example>", "Bob <bob@plain.example>")
	hybrid, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@signed.example", Algorithm: "p256"})
	require.NoError(t, err)
	der := hybrid.Certificate().Marshal()
	spki, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	dir := t.TempDir()
	authority, resolver := freePort(t), freePort(t)

	const local = "81b637d8fcd2c6da6359e6963113a1170de795e4b725b84d1e0b4cfd" // SHA-256 of "bob", cut
	conf := fmt.Sprintf("server:\n  listen: 127.0.0.1@%s\n  rundir: %s/run\ndatabase:\n  storage: %s/db\nlog:\n  - target: stderr\n    any: warning\n"+
		"template:\n  - id: default\n    storage: %s\n    journal-content: none\n    zonefile-load: whole\n    zonefile-sync: -1\nzone:\n", authority, dir, dir, dir)
	for _, zone := range []string{"signed", "bogus", "plain"} {
		text := fmt.Sprintf("$ORIGIN %s.example.\n$TTL 60\n@ SOA ns hostmaster 1 3600 900 86400 60\n@ NS ns\nns A 127.0.0.1\n", zone) +
			fmt.Sprintf("%s._openpgpkey TYPE61 \\# %d %x\n", local, len(bob), bob) +
			fmt.Sprintf("%s._smimecert SMIMEA 3 0 0 %x\n%s._smimecert SMIMEA 3 1 0 %x\n", local, der, local, spki.RawSubjectPublicKeyInfo)
		write(t, dir, zone+".zone", []byte(text))
		sign := map[string]string{"plain": "off"}[zone]
		if sign == "" {
			sign = "on"
		}
		conf += fmt.Sprintf("  - domain: %s.example.\n    file: %s.zone\n    dnssec-signing: %s\n", zone, zone, sign)
	}
	write(t, dir, "run/x", nil)
	write(t, dir, "db/x", nil)
	knot := write(t, dir, "knot.conf", []byte(conf))
	start(t, authority, "knotd", "-c", knot)
	anchor := func(zone string) string {
		return strings.TrimSpace(string(run(t, "keymgr", "-c", knot, zone+".example.", "dnskey")))
	}
	wrong := strings.Replace(anchor("signed"), "signed.example.", "bogus.example.", 1)
	conf = fmt.Sprintf("server:\n  interface: 127.0.0.1\n  port: %s\n  username: \"\"\n  chroot: \"\"\n  directory: %s\n  pidfile: \"\"\n  use-syslog: no\n  do-daemonize: no\n"+
		"  do-not-query-localhost: no\n  module-config: \"validator iterator\"\n  trust-anchor: \"%s\"\n  trust-anchor: \"%s\"\nremote-control:\n  control-enable: no\n", resolver, dir, anchor("signed"), wrong)
	for _, zone := range []string{"signed", "bogus", "plain"} {
		conf += fmt.Sprintf("stub-zone:\n  name: %s.example\n  stub-addr: 127.0.0.1@%s\n", zone, authority)
	}
	start(t, resolver, "unbound", "-d", "-c", write(t, dir, "unbound.conf", []byte(conf)))

	policy := keyring.Policy{AcceptDomainAttested: true}
	d := discover.DNS{Server: "127.0.0.1:" + resolver, Trusted: true}
	found, err := d.OpenPGPKey(context.Background(), "bob@signed.example", pgp.ParseCertificate)
	require.NoError(t, err)
	require.Equal(t, []string{"bob@signed.example"}, found[0].Certificate.Addresses())
	_, err = policy.Verify(found[0].Certificate, found[0].Attested())
	require.NoError(t, err)
	found, err = d.SMIMEA(context.Background(), "bob@signed.example", smime.ParseCertificate, hybrid.Certificate())
	require.NoError(t, err)
	require.Len(t, found, 2)
	for _, f := range found {
		require.Equal(t, der, f.Certificate.Marshal())
		_, err = policy.Verify(f.Certificate, f.Attested())
		require.NoError(t, err)
	}

	found, err = d.OpenPGPKey(context.Background(), "bob@plain.example", pgp.ParseCertificate)
	require.NoError(t, err)
	_, err = policy.Verify(found[0].Certificate, found[0].Attested())
	require.ErrorIs(t, err, keyring.ErrRefused)
	_, err = d.OpenPGPKey(context.Background(), "bob@bogus.example", pgp.ParseCertificate)
	require.ErrorContains(t, err, "not authentic")
	_, err = d.OpenPGPKey(context.Background(), "carol@signed.example", pgp.ParseCertificate)
	require.ErrorIs(t, err, discover.ErrNotFound)
	d.Server = "127.0.0.1:" + authority // does not validate: it has the zone
	found, err = d.OpenPGPKey(context.Background(), "bob@signed.example", pgp.ParseCertificate)
	require.NoError(t, err)
	_, err = policy.Verify(found[0].Certificate, found[0].Attested())
	require.ErrorIs(t, err, keyring.ErrRefused)
}

// freePort returns a port of this host that nobody listens at, by TCP or UDP.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		u, err := net.ListenPacket("udp", l.Addr().String())
		require.NoError(t, l.Close())
		if err != nil {
			continue
		}
		require.NoError(t, u.Close())
		_, port, err := net.SplitHostPort(l.Addr().String())
		require.NoError(t, err)
		return port
	}
	t.Fatal("no port is free")
	return ""
}

// start starts a server, waits until it listens, and ends it with the test.
func start(t *testing.T, port, program string, args ...string) {
	t.Helper()
	var log strings.Builder
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("%s:\n%s", program, log.String())
		}
	})
	for range 200 {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			require.NoError(t, conn.Close())
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s ended:\n%s", program, log.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("%s does not listen", program)
}
