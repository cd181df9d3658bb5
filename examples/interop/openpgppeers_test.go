package interop_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// openpgpGPG is gpg with the options that each algorithm needs.
type openpgpGPG struct{ w *openpgpWorld }

func (p openpgpGPG) make(t *testing.T, c openpgpCell, k *openpgpKey, content []byte) []byte {
	t.Helper()
	if c.kind == "password" && k == nil {
		k = p.w.second(t) // for its home
	}
	var args []string
	option := func(name, value string) {
		if value != "" {
			args = append(args, name, strings.ToUpper(value))
		}
	}
	if c.cipher() == "aes128" {
		option("--cipher-algo", "AES")
	} else {
		option("--cipher-algo", c.cipher())
	}
	if z := c.compression(); z != "" {
		args = append(args, "--compress-algo", z)
	}
	if c.is("armored") {
		args = append(args, "--armor")
	}
	if c.words()[0] == "sed" {
		args = append([]string{"--rfc2440"}, args...)
	}
	sign := append([]string{"--allow-weak-digest-algos", "--local-user", k.fingerprint, "--digest-algo", strings.ToUpper(c.digest())}, args...)
	switch c.kind {
	case "message":
		args = append(args, p.recipients(t, c, k)...)
		if c.is("signed") {
			args = append(args, "--local-user", k.fingerprint, "--sign")
		}
		args = append(args, "--encrypt")
	case "password":
		args = append([]string{"--homedir", p.w.home(t, p.w.second(t), "gpg"), "--batch", "--yes", "--quiet", "--no-tty", "--trust-model", "always",
			"--pinentry-mode", "loopback", "--passphrase", passphrase}, args...)
		for _, w := range c.words() {
			if mode, digest, ok := strings.Cut(w, "-"); ok && (mode == "salted" || mode == "iterated") {
				args = append(args, "--s2k-mode", map[string]string{"salted": "1", "iterated": "3"}[mode], "--s2k-digest-algo", digest)
			}
		}
		if c.is("key") {
			args = append(args, p.recipients(t, c, p.w.second(t))...)
			args = append(args, "--encrypt")
		}
		return must(t, content, "gpg", append(args, "--symmetric")...)
	case "detached":
		args = append(sign, "--detach-sign")
	case "text":
		args = append(sign, "--textmode", "--detach-sign")
	case "inline":
		args = append(sign, "--sign")
	case "clear":
		args = append(sign, "--clear-sign")
	}
	return p.w.gpg(t, k, p.w.home(t, k, "gpg"), content, args...)
}

func (p openpgpGPG) recipients(t *testing.T, c openpgpCell, k *openpgpKey) (args []string) {
	how := "--recipient"
	if c.is("hidden") {
		how = "--hidden-recipient"
	}
	args = []string{how, k.fingerprint}
	if c.is("two") {
		args = append(args, how, p.w.second(t).fingerprint)
	}
	return args
}

func (p openpgpGPG) read(t *testing.T, c openpgpCell, k *openpgpKey, msg, content []byte) []byte {
	t.Helper()
	if c.kind == "revocation" {
		return p.revoked(t, k, msg)
	}
	home := ""
	if k == nil || c.kind == "password" {
		home = p.w.home(t, p.w.second(t), "gpg")
		k = &openpgpKey{passphrase: p.w.password}
	} else {
		home = p.w.home(t, k, "gpg")
	}
	args, in := []string{"--status-fd", "2", "--decrypt"}, msg
	if c.kind == "detached" || c.kind == "text" {
		args, in = []string{"--status-fd", "2", "--verify", file(t, msg), "-"}, content
	}
	plain, status, err := runBoth(in, "gpg", gpgArgs(k, home, args)...)
	require.NoError(t, err)
	signed := c.is("signed") || c.kind != "message" && c.kind != "password"
	m := validSig.FindSubmatch(status)
	require.Equal(t, signed, m != nil && string(m[1]) == k.fingerprint, "gpg says of the signature: %s", status)
	if c.words()[0] == "seipd1" {
		require.Regexp(t, aes256, string(status))
	}
	switch c.kind {
	case "detached", "text":
		return content
	case "clear":
		return lines(plain, content)
	}
	return plain
}

// revoked imports the revocation, after which gpg must say that the key is revoked.
func (p openpgpGPG) revoked(t *testing.T, k *openpgpKey, rev []byte) []byte {
	home := filepath.Join(shortDir(t), "h")
	require.NoError(t, os.Mkdir(home, 0o700))
	t.Cleanup(func() { stopAgent(home) })
	p.w.gpg(t, k, home, nil, "--trust-model", "pgp", "--import", k.public) // which makes the trustdb
	p.w.gpg(t, k, home, nil, "--trust-model", "pgp", "--check-trustdb")
	require.NotContains(t, string(p.w.gpg(t, k, home, nil, "--with-colons", "--list-keys")), "pub:r:")
	p.w.gpg(t, k, home, rev, "--import")
	require.Contains(t, string(p.w.gpg(t, k, home, nil, "--with-colons", "--list-keys")), "pub:r:")
	return nil
}

// openpgpRNP is rnp with a home for each key.
type openpgpRNP struct{ w *openpgpWorld }

// rnpNames are the algorithms as rnp calls them.
var rnpNames = map[string]string{"aes128": "AES128", "aes192": "AES192", "aes256": "AES256", "3des": "TRIPLEDES", "cast5": "CAST5", "blowfish": "BLOWFISH",
	"twofish": "TWOFISH", "camellia128": "CAMELLIA128", "camellia192": "CAMELLIA192", "camellia256": "CAMELLIA256", "idea": "IDEA"}

func (p openpgpRNP) run(t *testing.T, k *openpgpKey, in []byte, args ...string) ([]byte, []byte) {
	t.Helper()
	if k == nil {
		k = p.w.second(t)
	}
	out, messages, err := runBoth(in, "rnp", append([]string{"--homedir", p.w.home(t, k, "rnp"), "--password", passphrase}, args...)...)
	require.NoError(t, err)
	return out, messages
}

func (p openpgpRNP) make(t *testing.T, c openpgpCell, k *openpgpKey, content []byte) []byte {
	t.Helper()
	args := []string{"--output", "-"}
	if n := rnpNames[c.cipher()]; n != "" {
		args = append(args, "--cipher", n)
	}
	if m := c.mode(); m != "" {
		args = append(args, "--aead="+strings.ToUpper(m))
	}
	if z := c.compression(); z != "" {
		args = append(args, "--"+strings.TrimSuffix(z, "2"))
	}
	if c.is("armored") {
		args = append(args, "--armor")
	}
	switch c.kind {
	case "message":
		args = append(args, "--encrypt", "-r", k.fingerprint)
		if c.is("two") {
			args = append(args, "-r", p.w.second(t).fingerprint)
		}
		if c.is("signed") {
			args = append(args, "--sign", "-u", k.fingerprint)
		}
	case "password":
		args = append(args, "--symmetric")
	default:
		args = append(args, "-u", k.fingerprint, "--hash", strings.ToUpper(c.digest()))
		args = append(args, map[string][]string{"detached": {"--sign", "--detach"}, "inline": {"--sign"}, "clear": {"--clearsign"}}[c.kind]...)
	}
	msg, _ := p.run(t, k, content, args...)
	return msg
}

func (p openpgpRNP) read(t *testing.T, c openpgpCell, k *openpgpKey, msg, content []byte) []byte {
	t.Helper()
	if c.kind == "detached" {
		sig, data := file(t, msg), file(t, content)
		_, messages := p.run(t, k, nil, "--verify", "--source", data, sig)
		require.Contains(t, string(messages), "Good signature")
		return content
	}
	plain, messages := p.run(t, k, msg, "--decrypt", "--output", "-")
	if c.is("signed") {
		require.Contains(t, string(messages), "Good signature")
	}
	return plain
}

// openpgpSQ is Sequoia's sq.
type openpgpSQ struct{ w *openpgpWorld }

func (p openpgpSQ) make(t *testing.T, c openpgpCell, k *openpgpKey, content []byte) []byte {
	t.Helper()
	var args []string
	switch c.kind {
	case "message":
		args = []string{"encrypt", "--recipient-cert", k.public}
		if c.is("two") {
			args = append(args, "--recipient-cert", p.w.second(t).public)
		}
		if c.is("signed") {
			args = append(args, "--signer-key", k.secret)
		}
		if z := c.compression(); z != "" {
			args = append(args, "--compression", z)
		}
	case "detached":
		args = []string{"sign", "--signer-key", k.secret, "--detached"}
	case "inline":
		args = []string{"sign", "--signer-key", k.secret}
	case "clear":
		return must(t, content, "sq", "sign", "--signer-key", k.secret, "--cleartext-signature")
	}
	if !c.is("armored") {
		args = append(args, "--binary")
	}
	return must(t, content, "sq", args...)
}

func (p openpgpSQ) read(t *testing.T, c openpgpCell, k *openpgpKey, msg, content []byte) []byte {
	t.Helper()
	switch c.kind {
	case "message":
		args := []string{"decrypt", "--recipient-key", k.secret}
		if c.is("signed") {
			args = append(args, "--signer-cert", k.public, "--signatures", "1")
		}
		return must(t, msg, "sq", args...)
	case "detached":
		must(t, content, "sq", "verify", "--signer-cert", k.public, "--detached", file(t, msg))
		return content
	}
	plain := must(t, msg, "sq", "verify", "--signer-cert", k.public)
	if c.kind == "clear" {
		return lines(plain, content)
	}
	return plain
}

// stateless is a program with the Stateless OpenPGP command line: a peer, or ours.
type stateless struct {
	w       *openpgpWorld
	program string
}

// ours reports whether it is examples/sop, which knows a newer draft.
func (p stateless) ours() bool { return p.program == p.w.sop }

func (p stateless) make(t *testing.T, c openpgpCell, k *openpgpKey, content []byte) []byte {
	t.Helper()
	var args []string
	switch c.kind {
	case "message", "password":
		args = []string{"encrypt"}
		if p.ours() && strings.HasPrefix(c.detail, "seipd2") {
			args = append(args, "--profile=rfc9580")
		}
	case "detached", "text":
		args = []string{"sign"}
	default:
		args = []string{"inline-sign"}
	}
	if !c.is("armored") && c.kind != "clear" {
		args = append(args, "--no-armor")
	}
	switch c.kind {
	case "text":
		args = append(args, "--as=text")
	case "clear":
		args = append(args, "--as=clearsigned")
	case "password":
		args = append(args, "--with-password="+p.w.password)
	}
	if k != nil && k.passphrase != "" && (c.is("signed") || c.kind != "message") {
		args = append(args, "--with-key-password="+k.passphrase)
	}
	if c.kind != "message" && c.kind != "password" {
		return must(t, content, p.program, append(args, k.secret)...)
	}
	if c.is("signed") {
		args = append(args, "--sign-with="+k.secret)
	}
	if k != nil {
		args = append(args, k.public)
	}
	if c.is("two") {
		args = append(args, p.w.second(t).public)
	}
	return must(t, content, p.program, args...)
}

func (p stateless) readArgs(t *testing.T, c openpgpCell, k *openpgpKey, msg, content []byte) (in []byte, args []string) {
	switch c.kind {
	case "message", "password":
		args = []string{"decrypt"}
		if c.kind == "password" {
			args = append(args, "--with-password="+p.w.password)
		}
		if k != nil && k.passphrase != "" {
			args = append(args, "--with-key-password="+k.passphrase)
		}
		if c.is("signed") {
			out := "--verify-out="
			if p.ours() {
				out = "--verifications-out="
			}
			args = append(args, "--verify-with="+k.public, out+filepath.Join(t.TempDir(), "verifications"))
		}
		if k != nil {
			args = append(args, k.secret)
		}
		return msg, args
	case "inline", "clear":
		return msg, []string{"inline-verify", k.public}
	}
	return content, []string{"verify", file(t, msg), k.public}
}

var verification = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [0-9A-Fa-f]+ ([0-9A-Fa-f]+)`)

func (p stateless) read(t *testing.T, c openpgpCell, k *openpgpKey, msg, content []byte) []byte {
	t.Helper()
	in, args := p.readArgs(t, c, k, msg, content)
	plain := must(t, in, p.program, args...)
	for _, a := range args {
		if name, ok := strings.CutPrefix(a, "--verifications-out="); ok {
			p.verified(t, k, read(t, name))
		}
	}
	switch c.kind {
	case "detached", "text":
		p.verified(t, k, plain)
		return content
	case "clear":
		return lines(plain, content)
	}
	return plain
}

// verified holds what a verifier says against who signed.
func (p stateless) verified(t *testing.T, k *openpgpKey, out []byte) {
	t.Helper()
	m := verification.FindSubmatch(out)
	require.NotNil(t, m, "%s", out)
	require.Equal(t, k.fingerprint, strings.ToUpper(string(m[1])))
}

func (p stateless) refuses(t *testing.T, c openpgpCell, k *openpgpKey, msg, content []byte) error {
	in, args := p.readArgs(t, c, k, msg, content)
	var out bytes.Buffer
	plain, messages, err := runBoth(in, p.program, args...)
	out.Write(plain)
	require.Empty(t, out.Bytes(), "something was written: %s", messages)
	return err
}

// openpgpDriven is a peer called through its driver alone.
type openpgpDriven struct {
	w    *openpgpWorld
	name string
}

func (p openpgpDriven) make(t *testing.T, c openpgpCell, k *openpgpKey, content []byte) []byte {
	t.Helper()
	driver := p.w.driver(p.name)
	if c.kind == "detached" {
		return must(t, content, driver, "sign-pgp", "--key", k.secret)
	}
	args := []string{"seal-pgp"}
	if k != nil {
		args = append(args, "--cert", k.public)
		if p.name == "gopenpgp" && strings.Contains(k.name, "pqc") || strings.Contains(k.name, "post-quantum") {
			args = append(args, "--alg", "pqc")
		}
	} else {
		args = append(args, "--password", passphrase)
	}
	if c.mode() != "" {
		args = append(args, "--aead")
	}
	return must(t, content, driver, args...)
}

func (p openpgpDriven) read(t *testing.T, c openpgpCell, k *openpgpKey, msg, content []byte) []byte {
	t.Helper()
	driver := p.w.driver(p.name)
	if c.kind == "detached" {
		must(t, content, driver, "verify-pgp", "--cert", k.public, "--sig", file(t, msg))
		return content
	}
	if k == nil {
		return must(t, msg, driver, "open-pgp", "--password", passphrase)
	}
	return must(t, msg, driver, "open-pgp", "--key", k.secret)
}

// openpgpThunderbird opens and verifies.
type openpgpThunderbird struct {
	w  *openpgpWorld
	tb *thunderbird
}

func (p openpgpThunderbird) make(t *testing.T, _ openpgpCell, _ *openpgpKey, _ []byte) []byte {
	t.Fatal("thunderbird is not driven to seal")
	return nil
}

func (p openpgpThunderbird) read(t *testing.T, c openpgpCell, k *openpgpKey, msg, content []byte) []byte {
	t.Helper()
	p.tb.loading.Lock()
	if !p.tb.has[k.name] {
		p.tb.do(t, nil, "import-pgp", map[string]string{"key": k.secret})
		p.tb.has[k.name] = true
	}
	p.tb.loading.Unlock()
	in, out := file(t, msg), filepath.Join(t.TempDir(), "content")
	if c.kind == "detached" {
		p.tb.do(t, nil, "verify-pgp", map[string]string{"in": file(t, content), "sig": in, "cert": k.public})
		return content
	}
	p.tb.do(t, nil, "open-pgp", map[string]string{"in": in, "out": out})
	return read(t, out)
}
