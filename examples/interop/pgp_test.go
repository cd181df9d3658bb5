package interop_test

import (
	"regexp"
	"testing"
)

// gpg is called without its driver, which would make a new home for each call
// and cannot sign and encrypt at once.
type gpg struct{ w *world }

func (g gpg) args(k *key, args ...string) []string {
	return append([]string{"--homedir", k.home, "--batch", "--yes", "--quiet", "--no-tty", "--trust-model", "always",
		"--pinentry-mode", "loopback", "--passphrase", ""}, args...)
}

func (g gpg) must(t *testing.T, k *key, in []byte, args ...string) []byte {
	t.Helper()
	return must(t, in, "gpg", g.args(k, args...)...)
}

func (g gpg) seal(t *testing.T, c cell, content []byte) []byte {
	k := g.w.key(t, c)
	args := []string{"--local-user", k.fingerprint}
	if c.armored() {
		args = append(args, "--armor")
	}
	switch c.container {
	case "detached":
		args = append(args, "--detach-sign")
	case "opaque":
		args = append(args, "--sign")
	default:
		args = append(args, "--recipient", k.fingerprint, "--encrypt")
		if c.signed() {
			args = append(args, "--sign")
		}
	}
	return g.must(t, k, content, args...)
}

// What gpg says on its status output: whose signature is good, and that the
// content is in a container with MDC (2), encrypted with AES-256 (9).
var aes256 = regexp.MustCompile(`\[GNUPG:\] DECRYPTION_INFO 2 9 `)
var validSig = regexp.MustCompile(`\[GNUPG:\] VALIDSIG ([0-9A-F]{40})`)

func (g gpg) open(t *testing.T, c cell, msg, content []byte) []byte {
	t.Helper()
	k := g.w.key(t, c)
	args, in := []string{"--status-fd", "2", "--decrypt"}, msg
	if c.container == "detached" {
		args, in = []string{"--status-fd", "2", "--verify", file(t, msg), "-"}, content
	}
	plain, status, err := runBoth(in, "gpg", g.args(k, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	if m := validSig.FindSubmatch(status); (m != nil && string(m[1]) == plainHex(k.fingerprint)) != c.signed() {
		t.Fatalf("gpg says of the signature: %s", status)
	}
	if c.container == "detached" {
		return content
	}
	if c.container == "seipd1" && !aes256.Match(status) {
		t.Fatalf("gpg says of the encryption: %s", status)
	}
	return plain
}

var notHex = regexp.MustCompile(`[^0-9A-F]`)

func plainHex(s string) string { return notHex.ReplaceAllString(s, "") }

// driven is a peer called through its driver alone.
type driven struct {
	w    *world
	name string
}

func (d driven) must(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	return must(t, in, d.w.driver(d.name), args...)
}

func (d driven) seal(t *testing.T, c cell, content []byte) []byte {
	k := d.w.key(t, c)
	if c.format == "smime" {
		return d.sealCMS(t, c, k, content)
	}
	if c.container == "detached" {
		return d.must(t, content, "sign-pgp", "--key", k.secret)
	}
	args := []string{"seal-pgp", "--cert", k.public}
	if c.container == "seipd2" {
		args = append(args, "--aead")
	}
	return d.must(t, content, args...)
}

func (d driven) open(t *testing.T, c cell, msg, content []byte) []byte {
	t.Helper()
	k := d.w.key(t, c)
	if c.format == "smime" {
		return d.openCMS(t, c, k, msg, content)
	}
	if c.container == "detached" {
		sig := file(t, msg)
		d.must(t, content, "verify-pgp", "--cert", k.public, "--sig", sig)
		d.w.doubt(t, c, func() error {
			_, err := run(append([]byte{1}, content...), d.w.driver(d.name), "verify-pgp", "--cert", k.public, "--sig", sig)
			return err
		})
		return content
	}
	return d.must(t, msg, "open-pgp", "--key", k.secret)
}
