package interop_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// sealCMS and openCMS are for Bouncy Castle and NSS.
func (d driven) sealCMS(t *testing.T, c cell, k *key, content []byte) []byte {
	sign := []string{"sign-smime", "--cert", k.public, "--key", k.secret, "--ca", d.w.ca(t)}
	switch c.container {
	case "detached":
		return d.must(t, content, sign...)
	case "opaque":
		return d.must(t, content, append(sign, "--opaque")...)
	}
	if c.signed() {
		content = d.must(t, content, append(sign, "--opaque")...)
	}
	args := []string{"seal-smime", "--cert", k.public, "--ca", d.w.ca(t), "--cipher", "aes-256-" + c.container[:3]}
	if strings.HasSuffix(c.container, "oaep") {
		args = append(args, "--oaep")
	}
	return d.must(t, content, args...)
}

func (d driven) openCMS(t *testing.T, c cell, k *key, msg, content []byte) []byte {
	t.Helper()
	verify := func(sig []byte) []byte {
		name := file(t, sig)
		args := []string{"verify-smime", "--ca", d.w.ca(t), "--sig", name}
		d.must(t, content, args...)
		d.w.doubt(t, c, func() error {
			_, err := run(append([]byte{1}, content...), d.w.driver(d.name), args...)
			return err
		})
		return content
	}
	if c.container == "detached" || c.container == "opaque" {
		return verify(msg)
	}
	if strings.HasPrefix(c.container, "gcm-") && c.signed() {
		return verify(bare(t, d.authOpen(t, k, msg)))
	}
	plain := d.must(t, msg, "open-smime", "--cert", k.public, "--key", k.secret)
	if c.signed() {
		return verify(bare(t, plain))
	}
	return plain
}

// authOpen opens AuthEnvelopedData that has authenticated attributes, which
// the driver's use of Bouncy Castle does not.
func (d driven) authOpen(t *testing.T, k *key, msg []byte) []byte {
	t.Helper()
	const jars = "/usr/share/java/"
	path := jars + "bcprov.jar:" + jars + "bcutil.jar:" + jars + "bcpkix.jar:" + jars + "bcmail.jar"
	return must(t, msg, "java", "-XX:TieredStopAtLevel=1", "-cp", path, filepath.Join("testdata", "AuthOpen.java"), k.secret)
}
