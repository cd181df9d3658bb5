package main

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/doublekeybox/doublekeybox/examples/token"
)

// TestElsewhere runs scripts in which private keys are kept in a token or by an
// agent.
func TestElsewhere(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: programs take their time to start")
	}
	if os.Getenv("DKB_PEERS") == "" {
		missingPeer(t, "DKB_PEERS, the folder of the peers' drivers,")
	}
	for _, p := range []string{"softhsm2-util", "pkcs11-tool", "openssl", "gpg", "gpgsm", "gpg-agent"} {
		if _, err := exec.LookPath(p); err != nil {
			missingPeer(t, p)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/elsewhere",
		Setup: setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"refused": refused, "setfp": setFingerprint, "fill": fill, "hsm": makeToken, "gnupg": makeGnuPG,
		},
	})
}

func missingPeer(t *testing.T, what string) {
	if os.Getenv("DKB_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is missing, and DKB_REQUIRE_PEERS=1", what)
	}
	t.Skipf("%s is missing", what)
}

// hsm: a token with keys, of which rsa has its certificate beside it; $AT is what
// names the token, with the module. Certificates are in rsa.pem and ec.pem.
func makeToken(ts *testscript.TestScript, _ bool, _ []string) {
	dir := ts.MkAbs("hsm")
	ts.Check(ts.Exec(filepath.Join(os.Getenv("DKB_PEERS"), "hsm.sh"), dir))
	module := ""
	for f := range strings.FieldsSeq(ts.ReadFile(filepath.Join(dir, "env"))) {
		k, v, _ := strings.Cut(f, "=")
		ts.Setenv(k, v)
		if k == "PKCS11_MODULE" {
			module = v
		}
		if k == "SOFTHSM2_CONF" {
			os.Setenv(k, v) // for this process, which has the keys certify themselves
		}
	}
	ts.Setenv("MODULE", "?module-path="+module)
	t, err := token.Open(token.Config{Module: module, Token: "interop", PIN: func(string) (string, error) { return "1234", nil }})
	ts.Check(err)
	defer t.Close()
	for name, usage := range map[string]x509.KeyUsage{"rsa": x509.KeyUsageKeyEncipherment, "ec": x509.KeyUsageKeyAgreement} {
		k, err := t.Key(name, nil)
		ts.Check(err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(len(name))), Subject: pkix.Name{CommonName: name}, EmailAddresses: []string{name + "@example.org"},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: usage | x509.KeyUsageDigitalSignature,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k.Private().(crypto.Signer))
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
		ts.Check(os.WriteFile(ts.MkAbs(name+".der"), der, 0o600))
	}
	ts.Check(ts.Exec("pkcs11-tool", "--module", module, "--token-label", "interop", "--login", "--pin", "1234", "--write-object", ts.MkAbs("rsa.der"), "--type", "cert", "--id", "01"))
}

// gnupg ADDRESS…: a GnuPG with these keys without a passphrase, and one with, for
// the address locked@example.org; each certificate is in ADDRESS.
func makeGnuPG(ts *testscript.TestScript, _ bool, args []string) {
	dir, err := os.MkdirTemp("", "gpg") // short: a socket's path has 107 octets
	ts.Check(err)
	ts.Setenv("GNUPGHOME", dir)
	ts.Defer(func() {
		cmd := exec.Command("gpgconf", "--kill", "gpg-agent")
		cmd.Env = append(os.Environ(), "GNUPGHOME="+dir)
		cmd.Run()
		os.RemoveAll(dir)
	})
	for _, a := range args {
		word := ""
		if a == "locked@example.org" {
			word = "locked"
		}
		ts.Check(ts.Exec("gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", word, "--quick-gen-key", a, "future-default", "default", "never"))
		ts.Check(ts.Exec("gpg", "--batch", "--output", ts.MkAbs(a), "--export", a))
	}
	ts.Check(ts.Exec("gpgconf", "--reload", "gpg-agent"))
}
