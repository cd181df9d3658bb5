package interop_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// club is a closed group with its own authority, made by the program box:
// alice and bob with RSA, carol on P-256.
type club struct {
	w        *world
	dir, box string
	list     atomic.Pointer[[]byte] // the list of revoked certificates that is published
	fetched  atomic.Int64           // how often
}

func newClub(t *testing.T, w *world) *club {
	if _, err := exec.LookPath("openssl"); err != nil {
		missing(t, "openssl")
	}
	c := &club{w: w, dir: w.path("club"), box: w.path("box")}
	must(t, nil, "go", "build", "-o", c.box, "../box")
	require.NoError(t, os.Mkdir(c.dir, 0o700))
	write(t, c.path("pass"), []byte("pw\n"))
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		c.fetched.Add(1)
		rw.Header().Set("Content-Type", "application/pkix-crl")
		rw.Write(*c.list.Load())
	}))
	t.Cleanup(server.Close)
	for _, m := range []string{"alice", "bob", "carol"} {
		algorithm := "rsa3072"
		if m == "carol" {
			algorithm = "p256"
		}
		must(t, nil, c.box, "keygen", "--format", "smime", "--algorithm", algorithm, "--address", m+"@example.org", "--name", "Member "+m,
			"--group", c.path("ca"), "--crl-url", server.URL+"/ca.crl", "--passphrase-file", c.path("pass"), "--out", c.path(m))
	}
	c.publish(t)
	write(t, c.path("ca.der"), c.authority(t).Marshal())
	return c
}

func (c *club) path(name string) string { return filepath.Join(c.dir, name) }

// publish writes a new list of what is revoked.
func (c *club) publish(t *testing.T) []byte {
	t.Helper()
	must(t, nil, c.box, "group", "crl", c.path("ca"))
	list := read(t, c.path("ca/ca.crl"))
	c.list.Store(&list)
	return list
}

func (c *club) revoke(t *testing.T, member string) {
	t.Helper()
	must(t, nil, c.box, "group", "revoke", c.path("ca"), c.path(member+".pub"))
	c.publish(t)
}

func (c *club) authority(t *testing.T) *keyring.Certificate {
	t.Helper()
	cert, err := smime.ParseCertificate(read(t, c.path("ca/ca.crt")))
	require.NoError(t, err)
	return cert
}

func (c *club) key(t *testing.T, member string) *smime.Key {
	t.Helper()
	k, err := smime.ParseKey(bytes.NewReader(read(t, c.path(member+".key"))), []byte("pw"))
	require.NoError(t, err)
	return k
}

// member is believed by the authority's word, with its newest list.
func (c *club) member(t *testing.T, member string) (*keyring.Verified, error) {
	t.Helper()
	a := &smime.Authorities{Roots: []*keyring.Certificate{c.authority(t)}, Revocation: [][]byte{*c.list.Load()}}
	return keyring.Verify(c.key(t, member).Certificate(), smime.ChainTo(member+"@example.org", a))
}

// sealed is sealed to alice and signed by another member, as old programs read it.
func (c *club) sealed(t *testing.T, by string, content []byte) []byte {
	t.Helper()
	alice, err := c.member(t, "alice")
	require.NoError(t, err)
	var msg bytes.Buffer
	s := envelope.Sealer{Profile: envelope.Compatible, Signers: []envelope.Signer{c.key(t, by).Signer()}}
	wr, err := s.Seal(&msg, alice)
	require.NoError(t, err)
	_, err = wr.Write(content)
	require.NoError(t, err)
	require.NoError(t, wr.Close())
	return msg.Bytes()
}

// newGpgsm is a member's gpgsm, which has imported the authority and trusts
// it, without exceptions to any rule, and looks for revoked certificates.
func (c *club) newGpgsm(t *testing.T) (gpgsm func(in []byte, args ...string) ([]byte, error), flush func()) {
	for _, p := range []string{"gpgsm", "dirmngr"} {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, p)
		}
	}
	home := shortDir(t)
	t.Cleanup(func() { stopAgent(home) })
	pass := filepath.Join(home, "pass")
	write(t, pass, []byte("pw\n"))
	write(t, filepath.Join(home, "gpg-agent.conf"), []byte("allow-loopback-pinentry\ns2k-count 65536\n"))
	fpr := string(must(t, nil, "openssl", "x509", "-in", c.path("ca/ca.crt"), "-noout", "-fingerprint", "-sha1"))
	_, fpr, _ = strings.Cut(strings.TrimSpace(fpr), "=")
	write(t, filepath.Join(home, "trustlist.txt"), []byte(fpr+" S\n"))
	gpgsm = func(in []byte, args ...string) ([]byte, error) {
		return run(in, "sh", append([]string{"-c", `exec gpgsm "$@" 3<"$0"`, pass, "--homedir", home, "--batch", "--yes", "--quiet",
			"--pinentry-mode", "loopback", "--passphrase-fd", "3"}, args...)...)
	}
	for _, name := range []string{"ca/ca.crt", "bob.pub", "carol.pub"} {
		_, err := gpgsm(nil, "--import", c.path(name))
		require.NoError(t, err)
	}
	c.importPKCS12(t, gpgsm)
	// A list that is there is kept for a while even with --force-crl-refresh.
	return gpgsm, func() {
		must(t, nil, "gpgconf", "--homedir", home, "--kill", "dirmngr")
		// It is told to end and does so later; who connects meanwhile is cut off.
		require.Eventually(t, func() bool {
			_, err := os.Lstat(filepath.Join(home, "S.dirmngr"))
			return errors.Is(err, fs.ErrNotExist)
		}, 30*time.Second, 20*time.Millisecond)
		require.NoError(t, os.RemoveAll(filepath.Join(home, "crls.d")))
	}
}

// importPKCS12 gives gpgsm alice's key in the way that box keygen names; see
// [gpgsm.load] for why more than once.
func (c *club) importPKCS12(t *testing.T, gpgsm func([]byte, ...string) ([]byte, error)) {
	t.Helper()
	var err error
	for range 5 {
		must(t, nil, "openssl", "pkcs12", "-export", "-legacy", "-in", c.path("alice.key"), "-passin", "pass:pw", "-out", c.path("old.p12"), "-passout", "pass:pw")
		if _, err = gpgsm(nil, "--import", c.path("old.p12")); err == nil {
			return
		}
	}
	t.Fatal(err)
}

// TestGroupGpgsm: gpgsm accepts the members' certificates for all that they
// are for, fetches the list of revoked ones from where they say, and refuses
// who stands on it.
func TestGroupGpgsm(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the peers are programs that take their time to start")
	}
	c := newClub(t, newWorld(t))
	gpgsm, flush := c.newGpgsm(t)
	content := cell{size: 4097}.content()
	done := func(out []byte, err error) []byte {
		t.Helper()
		require.NoError(t, err)
		return out
	}
	verify := func(signed []byte) error {
		out := filepath.Join(t.TempDir(), "out")
		_, err := gpgsm(nil, "--output", out, "--verify", file(t, signed))
		if err == nil {
			same(t, content, read(t, out))
		}
		return err
	}

	// gpgsm to us.
	o := &envelope.Opener{Identities: []envelope.Identity{c.key(t, "bob").Identity()}, Legacy: envelope.Legacy{UnauthenticatedCBC: true}}
	plain, err := openedWith(o, done(gpgsm(content, "--encrypt", "--recipient", "bob@example.org", "--recipient", "alice@example.org")))
	require.NoError(t, err)
	same(t, content, plain)
	require.Positive(t, c.fetched.Load(), "gpgsm did not look for revoked certificates")
	alice, err := c.member(t, "alice")
	require.NoError(t, err)
	by := &envelope.Opener{Senders: []*keyring.Verified{alice}, RequireSignature: true}
	_, err = by.VerifyDetached(bytes.NewReader(done(gpgsm(content, "--local-user", "alice@example.org", "--detach-sign"))), bytes.NewReader(content))
	require.NoError(t, err)

	// We to gpgsm.
	signed := map[string][]byte{}
	for _, m := range []string{"bob", "carol"} {
		signed[m] = bare(t, done(gpgsm(c.sealed(t, m, content), "--decrypt")))
		require.NoError(t, verify(signed[m]), m)
		require.Equal(t, 1, bytes.Count(signed[m], content[:8]), "%d %x", len(signed[m]), content[:8])
		require.Error(t, verify(bytes.Replace(signed[m], content[:8], make([]byte, 8), 1)), "gpgsm accepts anything")
	}

	// Whom the authority revokes.
	c.revoke(t, "bob")
	flush()
	require.ErrorContains(t, verify(signed["bob"]), "revoked")
	_, err = gpgsm(content, "--encrypt", "--recipient", "bob@example.org")
	require.ErrorContains(t, err, "revoked")
	require.NoError(t, verify(signed["carol"]))
	_, err = c.member(t, "bob")
	require.ErrorIs(t, err, keyring.ErrRefused)
}

// TestGroupNSS: NSS, by which Thunderbird and Firefox decide, takes the
// members' certificates for signing and for sealing, and the list.
func TestGroupNSS(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the peers are programs that take their time to start")
	}
	for _, p := range []string{"certutil", "pk12util", "crlutil"} {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, p)
		}
	}
	c := newClub(t, newWorld(t))
	db := "sql:" + shortDir(t)
	must(t, nil, "certutil", "-N", "-d", db, "--empty-password")
	must(t, nil, "certutil", "-A", "-d", db, "-n", "ca", "-t", ",C,", "-a", "-i", c.path("ca/ca.crt")) // for mail alone
	for _, m := range []string{"alice", "carol"} {
		must(t, nil, "pk12util", "-i", c.path(m+".p12"), "-d", db, "-W", "pw", "-K", "")
	}
	must(t, nil, "certutil", "-A", "-d", db, "-n", "Member bob", "-t", ",,", "-a", "-i", c.path("bob.pub"))
	check := func(revoked string) {
		t.Helper()
		for _, m := range []string{"alice", "bob", "carol"} {
			for _, use := range []string{"S", "R"} { // to sign mail, to receive it
				out, err := run(nil, "certutil", "-V", "-d", db, "-n", "Member "+m, "-u", use, "-e")
				require.Equal(t, m == revoked, err != nil, "%s for %s: %s %v", m, use, out, err)
			}
		}
	}
	check("")
	list := filepath.Join(c.dir, "list")
	load := func() {
		write(t, list, *c.list.Load())
		must(t, nil, "crlutil", "-I", "-d", db, "-i", list, "-t", "1")
		require.Contains(t, string(must(t, nil, "crlutil", "-L", "-d", db)), "ca")
	}
	load()
	check("")
	c.revoke(t, "bob")
	load()
	check("bob")
}

// TestGroupOpenSSL is strict, and looks at every certificate up to the root.
func TestGroupOpenSSL(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the peers are programs that take their time to start")
	}
	c := newClub(t, newWorld(t))
	verify := func(member, purpose string) error {
		args := []string{"verify", "-x509_strict", "-CAfile", c.path("ca/ca.crt"), "-CRLfile", c.path("ca/ca.crl"), "-crl_check_all", "-purpose", purpose, c.path(member + ".pub")}
		_, err := run(nil, "openssl", args...)
		return err
	}
	for _, revoked := range []string{"", "bob"} {
		if revoked != "" {
			c.revoke(t, revoked)
		}
		for _, m := range []string{"alice", "bob", "carol"} {
			err := verify(m, "smimesign")
			require.Equal(t, m == revoked, err != nil, "%s: %v", m, err)
			require.Error(t, verify(m, "sslserver"), m)
		}
		require.NoError(t, verify("alice", "smimeencrypt")) // 3.0 wants keyEncipherment of every key
	}
}

// TestGroupThunderbird: a mail between members opens in Thunderbird, which
// shows that its signature is good.
func TestGroupThunderbird(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the peers are programs that take their time to start")
	}
	w := newWorld(t)
	for _, p := range programs["thunderbird"] {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, "thunderbird ("+p+")")
		}
	}
	c := newClub(t, w)
	tb := newThunderbird(t, w).(*thunderbird)
	tb.do(t, nil, "import-smime", map[string]string{"ca": c.path("ca.der")})
	tb.do(t, nil, "import-smime", map[string]string{"p12": c.path("alice.p12")})
	tb.do(t, nil, "import-smime", map[string]string{"p12": c.path("carol.p12")})
	must(t, nil, c.box, "keygen", "--format", "smime", "--address", "mallory@example.org", "--passphrase-file", c.path("pass"), "--out", c.path("mallory")) // of no group
	content := cell{size: 4097}.content()
	in := c.path("report.pdf")
	write(t, in, content)
	for _, to := range []string{"alice", "carol"} {
		for _, by := range []string{"bob", "carol", "mallory"} {
			t.Run(fmt.Sprintf("%s to %s", by, to), func(t *testing.T) {
				eml, saved := filepath.Join(t.TempDir(), "mail.eml"), t.TempDir()
				must(t, nil, c.box, "seal", "--mail", "--profile", "compatible", "--to", c.path(to+".pub")+"="+to+"@example.org", "--roots", c.path("ca/ca.crt"),
					"--crl", c.path("ca/ca.crl"), "--sign", c.path(by+".key"), "--passphrase-file", c.path("pass"), "-o", eml, in)
				var shown struct {
					Names                         []string
					Encrypted, Signed, Technology string
				}
				tb.do(t, &shown, "mail", map[string]string{"in": eml, "out": saved, "signed": "1"})
				require.Equal(t, []string{"report.pdf"}, shown.Names)
				require.Equal(t, "S/MIME", shown.Technology)
				require.Contains(t, shown.Encrypted, "ok")
				require.Equal(t, by != "mallory", strings.Contains(shown.Signed, "ok"), shown.Signed)
				same(t, content, read(t, filepath.Join(saved, "report.pdf")))
			})
		}
	}
}
