package interop_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/stretchr/testify/require"
)

// world is what all cells share: keys, each made once by a peer, and the
// folder that they lie in.
type world struct {
	dir, drivers string

	mu   sync.Mutex
	keys map[string]*key

	bc      *bouncyCastle
	doubted sync.Map // peers that refused a signature over something else
}

// key is a key pair that a peer made.
type key struct {
	once        sync.Once
	name        string // "pgp-rsa2048"
	secret      string // file: armored OpenPGP secret key, or PEM private key
	public      string // file: armored OpenPGP certificate, or PEM certificate
	both        string // file that ParseKey reads
	fingerprint string // as the peer computes it
	home        string // GNUPGHOME of a key that gpg made
	identity    envelope.Identity
	signer      envelope.Signer
	cert        *keyring.Verified
}

func newWorld(t *testing.T) *world {
	w := &world{dir: shortDir(t), drivers: drivers(), keys: map[string]*key{}}
	if w.drivers == "" {
		missing(t, "the folder of the peers (DKB_PEERS)")
	}
	t.Cleanup(func() {
		for _, k := range w.keys {
			if k.home != "" {
				stopAgent(k.home)
			}
		}
	})
	return w
}

// shortDir is a new folder whose name is short enough for the socket that
// gpg-agent makes in its home: 108 octets is the most that a socket's may have.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "dkb")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func stopAgent(home string) {
	cmd := exec.Command("gpgconf", "--homedir", home, "--kill", "all")
	cmd.Run() // without gpg there is no agent either
}

// key returns the key that c speaks of, made at its first use.
func (w *world) key(t *testing.T, c cell) *key {
	t.Helper()
	name := c.format + "-" + c.key
	if strings.HasPrefix(c.key, "v6") {
		name += "-" + c.peer // only they read version 6, and each reads its own for certain
	}
	if maker := map[string]string{"pgp": "gpg", "smime": "openssl"}[c.format]; !strings.HasPrefix(c.key, "v6") {
		if _, err := exec.LookPath(maker); err != nil {
			missing(t, maker+" (to make keys)")
		}
	}
	w.mu.Lock()
	k := w.keys[name]
	if k == nil {
		k = &key{name: name}
		w.keys[name] = k
	}
	w.mu.Unlock()
	k.once.Do(func() {
		path := filepath.Join(w.dir, name)
		k.secret, k.public = path+".key", path+".pub"
		switch {
		case c.format == "smime":
			w.makeX509(t, k, c.key)
		case strings.HasPrefix(c.key, "v6"):
			w.makeV6(t, k, c)
		default:
			w.makePGP(t, k, c.key)
		}
	})
	require.NotNil(t, k.cert, "key %s was not made", name)
	return k
}

// makePGP makes a key with gpg: one that certifies and signs, one that encrypts.
func (w *world) makePGP(t *testing.T, k *key, alg string) {
	sign, encrypt := alg, alg
	switch alg {
	case "curve25519":
		sign, encrypt = "ed25519", "cv25519"
	case "p256", "p384":
		sign = "nistp" + alg[1:]
		encrypt = sign
	}
	k.home = w.path("gpg-" + alg) // one for each key: gpg does not read a keybox while another writes it
	require.NoError(t, os.Mkdir(k.home, 0o700))
	g := gpg{w}
	status := string(g.must(t, k, nil, "--status-fd", "1", "--quick-generate-key", alg+" <"+alg+"@example.org>", sign, "cert,sign", "never"))
	m := regexp.MustCompile(`KEY_CREATED . ([0-9A-F]{40})`).FindStringSubmatch(status)
	require.NotNil(t, m, status)
	k.fingerprint = m[1]
	g.must(t, k, nil, "--quick-add-key", k.fingerprint, encrypt, "encr", "never")
	write(t, k.public, g.must(t, k, nil, "--armor", "--export", k.fingerprint))
	write(t, k.secret, g.must(t, k, nil, "--armor", "--export-secret-keys", k.fingerprint))
	w.readPGP(t, k)
}

func (w *world) makeV6(t *testing.T, k *key, c cell) {
	args := []string{"gen-pgp", "--alg", c.key, "--cert", k.public, "--key", k.secret, "--uid", "V6 <v6@example.org>"}
	if c.peer == "openpgpjs" {
		args = append(args, "--aead") // else its keys do not say that they read SEIPDv2
	}
	must(t, nil, w.driver(c.peer), args...)
	w.readPGP(t, k)
}

func (w *world) readPGP(t *testing.T, k *key) {
	k.both = k.secret
	ours, err := pgp.ParseKey(bytes.NewReader(read(t, k.secret)), nil)
	require.NoError(t, err)
	cert, err := pgp.ParseCertificate(read(t, k.public))
	require.NoError(t, err)
	require.True(t, cert.Fingerprint().Matches(ours.Certificate().Fingerprint()))
	k.identity, k.signer = ours.Identity(), ours.Signer()
	k.verify(t, cert)
}

// makeX509 makes a certificate with openssl, issued by the CA of this run.
func (w *world) makeX509(t *testing.T, k *key, alg string) {
	switch alg {
	case "p521", "rsa1024", "ed25519", "ed448", "x25519", "x448":
		w.certify(t, k, alg)
	default:
		must(t, nil, w.driver("openssl"), "gen-smime", "--alg", alg, "--cert", k.public, "--key", k.secret,
			"--ca", w.ca(t), "--cakey", w.path("ca.key"), "--uid", "Peer <"+alg+"@example.org>")
	}
	k.both = k.secret + ".both"
	write(t, k.both, append(read(t, k.secret), read(t, k.public)...))
	text := string(must(t, nil, "openssl", "x509", "-in", k.public, "-noout", "-fingerprint", "-sha256"))
	_, k.fingerprint, _ = strings.Cut(strings.TrimSpace(text), "=")
	ours, err := smime.ParseKey(bytes.NewReader(read(t, k.both)), nil)
	require.NoError(t, err)
	cert, err := smime.ParseCertificate(read(t, k.public))
	require.NoError(t, err)
	k.identity, k.signer = ours.Identity(), ours.Signer()
	k.verify(t, cert)
}

// certify is for the keys that the driver does not make.
func (w *world) certify(t *testing.T, k *key, alg string) {
	options := map[string][]string{
		"p521": {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"}, "rsa1024": {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"},
	}[alg]
	if options == nil {
		options = []string{"-algorithm", alg}
	}
	ca, request, extensions, public := w.ca(t), k.public+".csr", k.public+".ext", k.public+".key"
	must(t, nil, "openssl", append([]string{"genpkey", "-out", k.secret}, options...)...)
	must(t, nil, "openssl", "pkey", "-in", k.secret, "-pubout", "-out", public)
	usage := "digitalSignature,nonRepudiation,keyEncipherment,keyAgreement"
	switch alg[0] {
	case 'x':
		usage = "keyAgreement"
	case 'e':
		usage = "digitalSignature"
	}
	write(t, extensions, []byte("basicConstraints=critical,CA:FALSE\nsubjectAltName=email:"+alg+"@example.org\nextendedKeyUsage=emailProtection\n"+
		"keyUsage=critical,"+usage+"\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"))
	// Not every key signs a request, so the CA's does, and the other key is put into it.
	must(t, nil, "openssl", "req", "-new", "-key", w.path("ca.key"), "-out", request, "-subj", "/CN=Peer "+alg)
	must(t, nil, "openssl", "x509", "-req", "-in", request, "-force_pubkey", public, "-CA", ca, "-CAkey", w.path("ca.key"),
		"-set_serial", fmt.Sprintf("0x%x", sha256.Sum224([]byte(w.dir+alg)))[:18], "-days", "30", "-extfile", extensions, "-out", k.public)
}

// ca returns the file of the CA's certificate, made at the first call.
func (w *world) ca(t *testing.T) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := w.path("ca.pem")
	if _, err := os.Stat(name); err != nil {
		must(t, nil, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", w.path("ca.key"), "-out", name,
			"-days", "30", "-subj", "/CN=Interop CA", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
	}
	return name
}

// verify holds our fingerprint against the one that the peer shows for its key.
func (k *key) verify(t *testing.T, cert *keyring.Certificate) {
	want := cert.Fingerprint()
	if k.fingerprint != "" {
		var err error
		want, err = keyring.ParseFingerprint(k.fingerprint)
		require.NoError(t, err)
	}
	k.fingerprint = want.String()
	v, err := keyring.Verify(cert, keyring.Expect(want))
	require.NoError(t, err)
	k.cert = v
}

// doubt holds a verifier against content that was not signed: once for each
// peer and container, since it is the peer that would be at fault.
func (w *world) doubt(t *testing.T, c cell, verifies func() error) {
	t.Helper()
	if _, done := w.doubted.LoadOrStore(c.peer+c.format+c.container, true); !done && verifies() == nil {
		t.Fatalf("%s accepts anything", c.peer)
	}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(name, b, 0o600))
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return b
}
