package interop_test

import (
	"crypto/sha1"
	"encoding/asn1"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bare wraps a SignedData, as it comes out of a container whose content type
// is id-signedData, into the ContentInfo that programs verify (RFC 5652, Section 3).
func bare(t *testing.T, signedData []byte) []byte {
	t.Helper()
	if len(signedData) < 2 || signedData[0] != 0x30 {
		t.Fatalf("no SignedData came out, but %d octets %.40x", len(signedData), signedData)
	}
	oid, err := asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2})
	require.NoError(t, err)
	content, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: signedData})
	require.NoError(t, err)
	info, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: append(oid, content...)})
	require.NoError(t, err)
	return info
}

// openssl is called without its driver, which cannot sign and encrypt at once
// and looks at detached signatures only.
type openssl struct{ w *world }

func (o openssl) cms(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	return must(t, in, "openssl", append([]string{"cms", "-binary"}, args...)...)
}

func pemOr(c cell) string {
	if c.armored() {
		return "PEM"
	}
	return "DER"
}

func (o openssl) seal(t *testing.T, c cell, content []byte) []byte {
	k := o.w.key(t, c)
	if c.container == "detached" || c.container == "opaque" {
		args := []string{"-sign", "-md", "sha256", "-outform", pemOr(c), "-signer", k.public, "-inkey", k.secret}
		if c.container == "opaque" {
			args = append(args, "-nodetach")
		}
		if c.size > 0 && c.container == "opaque" {
			args = append(args, "-stream") // BER of indefinite length
		}
		return o.cms(t, content, args...)
	}
	if c.signed() {
		content = o.cms(t, content, "-sign", "-nodetach", "-outform", "DER", "-signer", k.public, "-inkey", k.secret)
	}
	args := []string{"-encrypt", "-outform", pemOr(c), "-aes-256-" + c.container[:3]}
	if c.size > 65535 {
		args = append(args, "-stream")
	}
	args = append(args, "-recip", k.public)
	switch {
	case strings.HasSuffix(c.container, "oaep"):
		args = append(args, "-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256")
	case strings.HasSuffix(c.container, "ecdh") && c.size%2 == 1: // its default is SHA-1
		args = append(args, "-keyopt", "ecdh_kdf_md:sha256")
	}
	return o.cms(t, content, args...)
}

func (o openssl) open(t *testing.T, c cell, msg, content []byte) []byte {
	t.Helper()
	k := o.w.key(t, c)
	switch c.container {
	case "opaque":
		return o.verify(t, msg, pemOr(c))
	case "detached":
		o.cms(t, nil, "-verify", "-inform", pemOr(c), "-in", file(t, msg), "-content", file(t, content), "-CAfile", o.w.ca(t), "-purpose", "any", "-out", os.DevNull)
		return content
	}
	plain := o.cms(t, msg, "-decrypt", "-inform", pemOr(c), "-recip", k.public, "-inkey", k.secret)
	switch c.signing {
	case "signed":
		return o.verify(t, bare(t, plain), "DER")
	case "entity":
		return o.verify(t, plain, "SMIME")
	}
	return plain
}

// verify returns the content of an opaque SignedData.
func (o openssl) verify(t *testing.T, msg []byte, form string) []byte {
	t.Helper()
	return o.cms(t, msg, "-verify", "-inform", form, "-CAfile", o.w.ca(t), "-purpose", "any")
}

// gpgsm works in one home, since its agent takes a while to start.
type gpgsm struct {
	w    *world
	home string
}

func newGpgsm(t *testing.T, w *world, algs ...string) gpgsm {
	g := gpgsm{w, filepath.Join(w.dir, "gpgsm")}
	require.NoError(t, os.Mkdir(g.home, 0o700))
	t.Cleanup(func() { stopAgent(g.home) })
	write(t, filepath.Join(g.home, "passphrase"), []byte("pw\n"))
	write(t, filepath.Join(g.home, "gpg-agent.conf"), []byte("allow-loopback-pinentry\ns2k-count 65536\n")) // else each key costs 100 ms
	fpr := string(must(t, nil, "openssl", "x509", "-in", w.ca(t), "-noout", "-fingerprint", "-sha1"))
	_, fpr, _ = strings.Cut(strings.TrimSpace(fpr), "=")
	write(t, filepath.Join(g.home, "trustlist.txt"), []byte(fpr+" S relax\n"))
	g.must(t, nil, "--import", w.ca(t))
	for _, alg := range algs {
		k := w.key(t, cell{peer: "gpgsm", format: "smime", key: alg})
		g.load(t, k)
	}
	return g
}

// load gives gpgsm a key in PKCS#12. Version 2.2 reads only the old
// algorithms, and of some files says that the passphrase is bad: a file with
// another salt is read.
func (g gpgsm) load(t *testing.T, k *key) {
	p12 := filepath.Join(g.home, k.name+".p12")
	for attempt := 1; ; attempt++ {
		must(t, nil, "openssl", "pkcs12", "-export", "-in", k.public, "-inkey", k.secret, "-out", p12, "-passout", "pass:pw",
			"-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1")
		_, err := g.run(nil, "--import", p12)
		if err == nil {
			return
		}
		if attempt == 5 {
			t.Fatal(err)
		}
	}
}

// run gives the passphrase of the PKCS#12 files, under which the agent keeps
// the keys too, as descriptor 3: gpgsm has no other way, and standard input is
// taken.
func (g gpgsm) run(in []byte, args ...string) ([]byte, error) {
	name := filepath.Join(g.home, "passphrase")
	return run(in, "sh", append([]string{"-c", `exec gpgsm "$@" 3<"$0"`, name, "--homedir", g.home, "--batch", "--yes", "--quiet",
		"--disable-crl-checks", "--disable-dirmngr", "--disable-policy-checks", "--pinentry-mode", "loopback", "--passphrase-fd", "3"}, args...)...)
}

func (g gpgsm) must(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	out, err := g.run(in, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (g gpgsm) seal(t *testing.T, c cell, content []byte) []byte {
	k := g.w.key(t, c)
	signing := c.container == "detached" || c.container == "opaque"
	if signing && c.key == "p256" { // the driver knows how to bring an EC key past a crash of 2.2
		args := []string{"sign-smime", "--cert", k.public, "--key", k.secret, "--ca", g.w.ca(t)}
		if c.container == "opaque" {
			args = append(args, "--opaque")
		}
		return must(t, content, g.w.driver("gpgsm"), args...)
	}
	id := fmt.Sprintf("0x%x", sha1.Sum(k.cert.Certificate().Marshal())) // how gpgsm names certificates
	sign := []string{"--include-certs", "1", "--local-user", id, "--sign"}
	if c.container == "detached" {
		sign[4] = "--detach-sign"
	}
	if c.signed() {
		content = g.must(t, content, sign...)
	}
	if signing {
		return content
	}
	args := []string{"--cipher-algo", "AES256", "--encrypt", "--recipient", id}
	if c.armored() {
		args = append([]string{"--armor"}, args...)
	}
	return g.must(t, content, args...)
}

func (g gpgsm) open(t *testing.T, c cell, msg, content []byte) []byte {
	t.Helper()
	switch c.container {
	case "opaque":
		return g.verify(t, msg)
	case "detached":
		g.must(t, nil, "--verify", file(t, msg), file(t, content))
		return content
	}
	plain := g.must(t, msg, "--decrypt")
	if c.signed() {
		return g.verify(t, bare(t, plain))
	}
	return plain
}

func (g gpgsm) verify(t *testing.T, msg []byte) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "content")
	g.must(t, nil, "--output", out, "--verify", file(t, msg))
	return read(t, out)
}
