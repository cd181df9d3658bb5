package interop_test

import (
	"strings"
	"testing"
)

// bcCell is a cell of cells.txt as one of algorithms.txt, of which a running
// Bouncy Castle takes orders.
func bcCell(c cell) algorithmCell {
	a := algorithmCell{peer: c.peer, key: c.key, inside: c.signing, size: c.size, direction: c.direction}
	container, method, _ := strings.Cut(c.container, "-")
	switch method {
	case "v15":
		a.method = "v15"
	case "oaep":
		a.method = "oaep-sha256"
	case "ecdh":
		a.method = "ecdh-sha256-wrap256"
	}
	a.content = "aes256-" + container
	if method != "" {
		return a
	}
	a.content, a.inside = container, "-"
	a.method = map[string]string{"r": "rsa-sha256", "p": "ecdsa-sha256", "e": "ed25519"}[c.key[:1]]
	return a
}

// sealCMS and openCMS are for Bouncy Castle and NSS.
func (d driven) sealCMS(t *testing.T, c cell, k *key, content []byte) []byte {
	if d.name == "bc" {
		return bcCMS{d.w, d.w.bouncyCastle(t)}.make(t, bcCell(c), content)
	}
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
	if d.name == "bc" {
		bc := bcCMS{d.w, d.w.bouncyCastle(t)}
		if c.container == "detached" {
			d.w.doubt(t, c, func() error { return bc.refuses(t, msg, append([]byte{1}, content...)) })
		}
		return bc.read(t, bcCell(c), msg, content)
	}
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
	plain := d.must(t, msg, "open-smime", "--cert", k.public, "--key", k.secret)
	if c.signed() {
		return verify(bare(t, plain))
	}
	return plain
}
