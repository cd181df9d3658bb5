package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"strings"
	"time"
)

// recipients prints how long box and openssl take to seal 1 MiB to many. The
// X.509 certificates share one key: the work for each is the same as if they
// did not, and a thousand RSA keys take minutes to make.
func (b *bench) recipients(counts []int, runs int) error {
	in, err := b.random("in", 1<<20)
	if err != nil {
		return err
	}
	top := counts[len(counts)-1]
	certs, err := b.certificates(top)
	if err != nil {
		return err
	}
	keys, err := b.pgpKeys(top)
	if err != nil {
		return err
	}
	box := func(profile string, to []recipient) []string {
		words := []string{b.box, "seal", "--profile", profile, "-o", "OUT"}
		for _, r := range to {
			words = append(words, "--to", r.file+"="+r.fingerprint)
		}
		return append(words, "IN")
	}
	openssl := []string{"openssl", "cms", "-encrypt", "-binary", "-stream", "-aes-256-gcm", "-outform", "DER", "-in", "IN", "-out", "OUT"}
	for _, r := range certs {
		openssl = append(openssl, r.file)
	}
	fixed := len(openssl) - len(certs)
	gpg, err := b.gpgRecipients(keys)
	if err != nil {
		return err
	}
	fixedGPG := len(gpg) - 2*len(keys)
	w := table()
	fmt.Fprintf(w, "ms to seal 1 MiB to\t")
	for _, n := range counts {
		fmt.Fprintf(w, "%d\t", n)
	}
	fmt.Fprintln(w)
	for _, row := range []struct {
		name  string
		words func(n int) []string
	}{
		{"openssl cms, GCM, RSA-3072 v1.5", func(n int) []string { return openssl[:fixed+n] }},
		{"box, S/MIME GCM, RSA-3072 OAEP", func(n int) []string { return box("modern", certs[:n]) }},
		{"gpg, SEIPDv1, Curve25519", func(n int) []string { return append(gpg[:fixedGPG+2*n:fixedGPG+2*n], "IN") }},
		{"box, OpenPGP SEIPDv1, Curve25519", func(n int) []string { return box("compatible", keys[:n]) }},
	} {
		fmt.Fprintf(w, "%s\t", row.name)
		for _, n := range counts {
			var ss []sample
			for range runs {
				s, err := measure(row.words(n), in, b.path("sealed"))
				os.Remove(b.path("sealed"))
				if err != nil {
					return err
				}
				ss = append(ss, s)
			}
			fmt.Fprintf(w, "%.1f\t", 1000*median(ss, wall))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// gpgRecipients imports the keys, all of them beforehand and in one keybox, and
// returns the words of a command that ends in the recipients, to which the file
// is to be added.
func (b *bench) gpgRecipients(to []recipient) ([]string, error) {
	home := b.path("gpg-many")
	if err := os.Mkdir(home, 0o700); err != nil {
		return nil, err
	}
	words := []string{"gpg", "--homedir", home, "--batch", "--yes", "--quiet", "--no-tty", "--trust-model", "always", "--no-auto-check-trustdb", "--compress-algo", "none"}
	load := append(words[1:len(words):len(words)], "--import")
	words = append(words, "--output", "OUT", "--encrypt")
	for _, r := range to {
		load = append(load, r.file)
	}
	if out, err := exec.Command("gpg", load...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("gpg --import: %w: %s", err, out)
	}
	for _, r := range to {
		words = append(words, "--recipient", r.fingerprint)
	}
	return words, nil
}

type recipient struct{ file, fingerprint string }

func (b *bench) certificates(n int) ([]recipient, error) {
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		return nil, err
	}
	var rs []recipient
	for i := range n {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: fmt.Sprintf("r%d", i)},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			EmailAddresses: []string{fmt.Sprintf("r%d@example.org", i)},
			KeyUsage:       x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(der)
		r := recipient{b.path(fmt.Sprintf("r%d.pem", i)), hex.EncodeToString(sum[:])}
		if err := os.WriteFile(r.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
			return nil, err
		}
		rs = append(rs, r)
	}
	return rs, nil
}

func (b *bench) pgpKeys(n int) ([]recipient, error) {
	var rs []recipient
	for i := range n {
		prefix := b.path(fmt.Sprintf("k%d", i))
		out, err := exec.Command(b.box, "keygen", "--format", "pgp", "--address", fmt.Sprintf("k%d@example.org", i), "--out", prefix).Output()
		if err != nil {
			return nil, fmt.Errorf("box keygen: %w", failure(err))
		}
		rs = append(rs, recipient{prefix + ".pub", strings.TrimSpace(string(out))})
	}
	return rs, nil
}
