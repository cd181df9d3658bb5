package discover_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/smime"
)

// gnuPG is GnuPG with a home of its own.
type gnuPG struct {
	*testing.T
	home string
}

func newGnuPG(t *testing.T) *gnuPG {
	// Not t.TempDir: the path of the agent's socket has to be short.
	home, err := os.MkdirTemp("", "gpg")
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() // there may be no agent
		_ = os.RemoveAll(home)
	})
	return &gnuPG{t, home}
}

// run returns what gpg or gpgsm writes to standard output.
func (g *gnuPG) run(program string, args ...string) []byte {
	g.Helper()
	all := []string{"--homedir", g.home, "--batch", "--yes", "--quiet", "--no-tty"}
	if program == "gpg" {
		all = append(all, "--pinentry-mode", "loopback", "--passphrase", "")
	} else {
		all = append(all, "--disable-crl-checks", "--disable-dirmngr")
	}
	return output(g.T, exec.Command(program, append(all, args...)...))
}

func output(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, "%v: %s", cmd.Args, said.String())
	return out
}

// lists returns the fingerprints of primary keys, or of certificates, as the
// program lists them, in order.
func (g *gnuPG) lists(program, record string, names ...string) (all []string) {
	primary := program == "gpgsm"
	for _, line := range strings.Split(string(g.run(program, append([]string{"--list-keys", "--with-colons"}, names...)...)), "\n") {
		f := strings.Split(line, ":")
		if f[0] == "pub" {
			primary = true
		}
		if f[0] == record && primary {
			all = append(all, f[9])
			primary = program == "gpgsm"
		}
	}
	slices.Sort(all)
	return all
}

// openssl makes a small authority and certificates of it, and returns what
// openssl says of their fingerprints, in order.
func openssl(t *testing.T, dir string, names ...string) (all []string) {
	ssl := func(args ...string) []byte {
		cmd := exec.Command("openssl", args...)
		cmd.Dir = dir
		return output(t, cmd)
	}
	curve := []string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"}
	ssl(slices.Concat([]string{"req", "-x509"}, curve, []string{"-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Example CA", "-days", "9", "-addext", "keyUsage=keyCertSign"})...)
	for _, n := range names {
		write(t, dir, n+".ext", []byte("subjectAltName=email:"+n+"@example.org\nkeyUsage=digitalSignature,keyAgreement\nextendedKeyUsage=emailProtection\n"))
		ssl(slices.Concat([]string{"req"}, curve, []string{"-keyout", n + ".key", "-out", n + ".csr", "-subj", "/CN=" + n})...)
		ssl("x509", "-req", "-in", n+".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "9", "-out", n+".pem", "-extfile", n+".ext")
	}
	for _, n := range append(names, "ca") {
		_, f, _ := strings.Cut(string(ssl("x509", "-noout", "-fingerprint", "-sha256", "-in", n+".pem")), "=")
		all = append(all, strings.ReplaceAll(strings.TrimSpace(f), ":", ""))
	}
	slices.Sort(all)
	return all
}

// Stores that gpg and gpgsm made here and now: what they list is what is found.
func TestPeerGnuPG(t *testing.T) {
	need(t, "gpg", "gpgsm", "gpgconf", "openssl")
	g, dir := newGnuPG(t), t.TempDir()
	for i, algorithm := range []string{"ed25519", "rsa2048", "nistp256"} {
		g.run("gpg", "--quick-generate-key", string(rune('a'+i))+"@example.org", algorithm, "cert,sign", "1y")
	}
	keys := g.lists("gpg", "fpr")
	require.Len(t, keys, 3)
	g.run("gpg", "--quick-add-key", keys[0], "rsa2048", "encrypt", "1y")
	g.run("gpg", "--delete-secret-and-public-key", keys[1])
	keys = slices.Delete(keys, 1, 2)
	cmd := exec.Command("gpg", "--homedir", g.home, "--quiet", "--import-ownertrust")
	cmd.Stdin = strings.NewReader(keys[0] + ":5:\n")
	output(t, cmd)
	openssl(t, dir, "carol", "dave")
	g.run("gpgsm", "--import", dir+"/ca.pem", dir+"/carol.pem", dir+"/dave.pem")
	certs := g.lists("gpgsm", "fp2")
	require.Len(t, certs, 3)

	r := discover.Reader{Parsers: both()}
	found, problems := r.Dir("home", os.DirFS(g.home))
	require.Empty(t, problems)
	require.Equal(t, slices.Sorted(slices.Values(slices.Concat(keys, certs))), fingerprints(found))
	for _, c := range found {
		if c.Certificate.Fingerprint().String() == keys[0] {
			require.Equal(t, []string{"ownertrust: full (not taken)"}, c.Notes)
		}
	}

	write(t, dir, "old/pubring.gpg", nil) // else gpg makes a keybox
	exported := g.run("gpg", "--export")
	cmd = exec.Command("gpg", "--homedir", g.home, "--batch", "--quiet", "--no-default-keyring", "--keyring", dir+"/old/pubring.gpg", "--trustdb-name", dir+"/old/t", "--import")
	cmd.Stdin = bytes.NewReader(exported)
	output(t, cmd)
	old, err := os.ReadFile(dir + "/old/pubring.gpg")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		b    []byte
		want []string
	}{
		"--export":                     {exported, keys},
		"--export --armor":             {g.run("gpg", "--export", "--armor"), keys},
		"--export-secret-keys":         {g.run("gpg", "--export-secret-keys"), keys},
		"--export-secret-keys --armor": {g.run("gpg", "--export-secret-keys", "--armor"), keys},
		"pubring.gpg":                  {old, keys},
		"gpgsm --export carol":         {g.run("gpgsm", "--export", "carol@example.org"), g.lists("gpgsm", "fp2", "carol@example.org")},
		"gpgsm --export --armor":       {g.run("gpgsm", "--export", "--armor"), certs},
	} {
		t.Run(name, func(t *testing.T) {
			found, problems := r.Read(name, c.b)
			require.Empty(t, problems)
			require.Equal(t, c.want, fingerprints(found))
		})
	}
	n, err := discover.NoteOwnerTrust(found, g.run("gpg", "--export-ownertrust"))
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

// What NSS, whose stores Thunderbird and Firefox have, and openssl export.
func TestPeerNSSAndOpenSSL(t *testing.T) {
	need(t, "certutil", "pk12util", "openssl")
	dir := t.TempDir()
	all := openssl(t, dir, "carol", "dave")
	in := func(program string, args ...string) []byte {
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		return output(t, cmd)
	}
	require.NoError(t, os.Mkdir(dir+"/nss", 0o700))
	in("certutil", "-N", "-d", "sql:nss", "--empty-password")
	in("openssl", "pkcs12", "-export", "-in", "carol.pem", "-inkey", "carol.key", "-certfile", "ca.pem", "-name", "carol", "-out", "carol.p12", "-passout", "pass:pw")
	in("openssl", "pkcs12", "-export", "-nokeys", "-in", "dave.pem", "-out", "dave.p12", "-passout", "pass:pw")
	in("pk12util", "-i", "carol.p12", "-d", "sql:nss", "-W", "pw")
	in("pk12util", "-o", "nss.p12", "-n", "carol", "-d", "sql:nss", "-W", "pw")
	in("certutil", "-A", "-n", "dave", "-t", ",,", "-i", "dave.pem", "-d", "sql:nss")
	in("openssl", "crl2pkcs7", "-nocrl", "-certfile", "carol.pem", "-certfile", "dave.pem", "-certfile", "ca.pem", "-out", "all.p7b")
	in("openssl", "crl2pkcs7", "-nocrl", "-certfile", "carol.pem", "-certfile", "dave.pem", "-certfile", "ca.pem", "-outform", "DER", "-out", "all.p7c")
	in("openssl", "x509", "-in", "dave.pem", "-trustout", "-addtrust", "emailProtection", "-out", "trusted.pem")
	in("openssl", "x509", "-in", "dave.pem", "-text", "-out", "text.pem")
	write(t, dir, "body", []byte("Content-Type: text/plain\r\n\r\nHello\r\n"))
	in("openssl", "smime", "-sign", "-in", "body", "-signer", "carol.pem", "-inkey", "carol.key", "-certfile", "ca.pem", "-from", "carol@example.org", "-out", "signed.eml")
	in("openssl", "smime", "-sign", "-nodetach", "-in", "body", "-signer", "carol.pem", "-inkey", "carol.key", "-certfile", "ca.pem", "-from", "carol@example.org", "-out", "opaque.eml")
	in("openssl", "cms", "-sign", "-nodetach", "-stream", "-in", "body", "-signer", "carol.pem", "-inkey", "carol.key", "-certfile", "ca.pem", "-outform", "DER", "-out", "opaque.p7m")

	r := discover.Reader{Parsers: both(), PKCS12: func(_ string, b []byte) ([]*keyring.Certificate, error) {
		return smime.PKCS12Certificates(b, []byte("pw"))
	}}
	of := func(b []byte) []string {
		t.Helper()
		found, problems := r.Read("f", b)
		require.Empty(t, problems, "%.300s", b)
		return fingerprints(found)
	}
	file := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return b
	}
	exported := func(name string) []byte { return in("certutil", "-L", "-d", "sql:nss", "-n", name, "-a") }
	dave, carol := of(file("dave.pem")), of(file("carol.pem"))
	require.Len(t, dave, 1)
	require.Subset(t, all, dave)
	signer := of(append(file("carol.pem"), file("ca.pem")...))
	require.Len(t, signer, 2)
	for name, c := range map[string]struct {
		b    []byte
		want []string
	}{
		"certutil -L -a":            {exported("dave"), dave},
		"certutil -L -a of all":     {slices.Concat(exported("carol"), exported("dave"), exported("Example CA")), all},
		"certutil -L -r":            {in("certutil", "-L", "-d", "sql:nss", "-n", "carol", "-r"), carol},
		"pk12util -o":               {file("nss.p12"), signer},
		"pkcs12 -export":            {file("carol.p12"), signer},
		"pkcs12 -export -nokeys":    {file("dave.p12"), dave},
		"crl2pkcs7":                 {file("all.p7b"), all},
		"crl2pkcs7 -outform DER":    {file("all.p7c"), all},
		"x509 -trustout":            {file("trusted.pem"), dave},
		"x509 -text":                {file("text.pem"), dave},
		"smime -sign":               {file("signed.eml"), signer},
		"smime -sign -nodetach":     {file("opaque.eml"), signer},
		"cms -sign -stream, in BER": {file("opaque.p7m"), signer},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, of(c.b)) })
	}
	_, problems := r.Read("cert9.db", file("nss/cert9.db"))
	require.Len(t, problems, 1)
	require.ErrorContains(t, problems[0], "certutil -L -d FOLDER -n NAME -a")
}

// A certificate directory in the layout of Sequoia's, with what sq made.
func TestPeerCertificateDirectory(t *testing.T) {
	need(t, "sq", "gpg")
	dir := t.TempDir()
	run(t, "sq", "key", "generate", "--userid", "Bob <bob@example.org>", "--export", dir+"/bob.key")
	run(t, "sq", "key", "extract-cert", "--binary", "--output", dir+"/bob.pgp", dir+"/bob.key")
	b, err := os.ReadFile(dir + "/bob.pgp")
	require.NoError(t, err)
	g := newGnuPG(t)
	g.run("gpg", "--import", dir+"/bob.pgp")
	want := g.lists("gpg", "fpr")
	require.Len(t, want, 1)
	f := strings.ToLower(want[0])
	write(t, dir, "certs/"+f[:2]+"/"+f[2:], b)
	write(t, dir, "certs/writelock", nil)
	r := discover.Reader{Parsers: both()}
	found, problems := r.Dir("certs", os.DirFS(dir+"/certs"))
	require.Empty(t, problems)
	require.Equal(t, want, fingerprints(found))
}

// The Autocrypt header that sq writes.
func TestPeerAutocrypt(t *testing.T) {
	need(t, "sq")
	dir := t.TempDir()
	run(t, "sq", "key", "generate", "--userid", "Bob <bob@example.org>", "--export", dir+"/bob.key")
	header := output(t, exec.Command("sq", "autocrypt", "encode-sender", "--email", "bob@example.org", "--prefer-encrypt", "mutual", dir+"/bob.key"))
	r := discover.Reader{Parsers: both()}
	found, problems := r.Message("m", slices.Concat([]byte("From: bob@example.org\n"), header, []byte("\n\nHello\n")))
	require.Empty(t, problems)
	require.Len(t, found, 1)
	require.Equal(t, "bob@example.org", found[0].Address)
	require.Equal(t, []string{"prefer-encrypt: mutual"}, found[0].Notes)
	key, problems := r.Read("k", output(t, exec.Command("sq", "key", "extract-cert", dir+"/bob.key")))
	require.Empty(t, problems)
	require.Equal(t, fingerprints(key), fingerprints(found))
	// What it writes without --email is no address.
	header = bytes.Replace(header, []byte("addr=bob@example.org"), []byte("addr=Bob <bob@example.org>"), 1)
	found, _ = r.Message("m", slices.Concat([]byte("From: bob@example.org\n"), header, []byte("\n\nHello\n")))
	require.Empty(t, found)
}
