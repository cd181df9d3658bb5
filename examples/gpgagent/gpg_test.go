//lint:file-ignore SA1019 PKCS #1 v1.5 is what most S/MIME mail and all of OpenPGP is encrypted with.

package gpgagent

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// missing skips the test for want of a program, or fails it where that is asked for.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("DKB_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is missing, and DKB_REQUIRE_PEERS=1", what)
	}
	t.Skipf("%s is missing", what)
}

// home is a GnuPG of its own, with an agent.
type home struct {
	*testing.T
	agent *Agent
}

func newHome(t *testing.T) *home {
	if testing.Short() {
		t.Skip("-short: programs take their time to start")
	}
	if fips140.Enforced() {
		t.Skip("version 4 keys are not approved")
	}
	if os.Getenv("DKB_PEERS") == "" {
		missing(t, "DKB_PEERS, the folder of the peers' drivers,")
	}
	for _, p := range []string{"gpg", "gpgsm", "gpgconf", "gpg-agent"} {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, p)
		}
	}
	dir, err := os.MkdirTemp("", "gpg") // short: a socket's path has 107 octets
	require.NoError(t, err)
	t.Setenv("GNUPGHOME", dir)
	t.Cleanup(func() {
		exec.Command("gpgconf", "--kill", "gpg-agent").Run()
		os.RemoveAll(dir)
	})
	h := &home{T: t}
	h.agent, err = Find()
	require.NoError(t, err)
	return h
}

// run runs a program that has to succeed.
func (h *home) run(in []byte, name string, args ...string) []byte {
	h.Helper()
	cmd := exec.Command(name, args...)
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &said
	require.NoError(h, cmd.Run(), "%s: %s", name, said.String())
	return out.Bytes()
}

// generate makes a key with a subkey for encryption in the agent.
func (h *home) generate(address, algorithm, sub, passphrase string) *keyring.Certificate {
	gpg := []string{"--batch", "--pinentry-mode", "loopback", "--passphrase", passphrase}
	h.run(nil, "gpg", append(gpg, "--quick-gen-key", address, algorithm, "sign", "never")...)
	c := h.certificate(address)
	h.run(nil, "gpg", append(gpg, "--quick-add-key", c.Fingerprint().String(), sub, "encr", "never")...)
	return h.certificate(address)
}

func (h *home) certificate(address string) *keyring.Certificate {
	c, err := pgp.ParseCertificate(h.run(nil, "gpg", "--export", address))
	require.NoError(h, err)
	return c
}

func verified(t testing.TB, c *keyring.Certificate) *keyring.Verified {
	v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
	require.NoError(t, err)
	return v
}

var text = []byte("the agent opens this\n")

// sealed is text to c, signed if s is given.
func sealed(t testing.TB, c *keyring.Certificate, profile envelope.Profile, s ...envelope.Signer) []byte {
	var out bytes.Buffer
	w, err := (&envelope.Sealer{Profile: profile, Signers: s}).Seal(&out, verified(t, c))
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func opened(o *envelope.Opener, msg []byte) ([]byte, error) {
	m, err := o.Open(bytes.NewReader(msg))
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return io.ReadAll(m)
}

func signature(t testing.TB, s envelope.Signer) []byte {
	var out bytes.Buffer
	w, err := (&envelope.Sealer{Signers: []envelope.Signer{s}}).SignDetached(&out)
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// kinds are what gpg generates, primary key and subkey.
var kinds = [][2]string{{"rsa2048", "rsa2048"}, {"ed25519", "cv25519"}, {"nistp256", "nistp256"}, {"nistp384", "nistp384"}, {"nistp521", "nistp521"}}

// TestOpenPGP: the keygrips are gpg's, and what gpg and we seal opens through the
// agent; gpg verifies what the agent signs for us.
func TestOpenPGP(t *testing.T) {
	h := newHome(t)
	for _, kind := range kinds {
		address := kind[0] + "@example.org"
		c := h.generate(address, kind[0], kind[1], "")
		public := pgp.PublicKeys(c)
		require.Len(t, public, 2)
		var grips []string
		for l := range strings.Lines(string(h.run(nil, "gpg", "--with-colons", "--with-keygrip", "-k", address))) {
			if g, ok := strings.CutPrefix(l, "grp:"); ok {
				grips = append(grips, strings.Trim(g, ":\n"))
			}
		}
		for i, p := range public {
			g, err := KeygripOf(p)
			require.NoError(t, err)
			require.Equal(t, grips[i], g.String(), kind)
		}
		held, err := h.agent.Keys(public...)
		require.NoError(t, err)
		require.Len(t, held, 2)
		k, err := pgp.NewKey(c, held...)
		require.NoError(t, err)

		o := &envelope.Opener{Identities: []envelope.Identity{k.Identity()}}
		for _, msg := range [][]byte{sealed(t, c, envelope.Auto), h.run(text, "gpg", "--batch", "--trust-model", "always", "--encrypt", "-r", address)} {
			plain, err := opened(o, msg)
			require.NoError(t, err, kind)
			require.Equal(t, text, plain)
		}
		sig := filepath.Join(t.TempDir(), "sig")
		require.NoError(t, os.WriteFile(sig, signature(t, k.Signer()), 0o600))
		h.run(text, "gpg", "--batch", "--verify", sig, "-")
		cmd := exec.Command("gpg", "--batch", "--verify", sig, "-")
		cmd.Stdin = bytes.NewReader(text[1:])
		require.Error(t, cmd.Run(), "gpg verifies anything")
	}

	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	_, err = h.agent.Keys(&foreign.PublicKey)
	require.ErrorContains(t, err, "the agent has no private key of these")
	_, err = h.agent.Keys("key")
	require.Equal(t, errKind, err)
	_, err = (&Agent{Socket: "/nowhere"}).Has(Keygrip{})
	require.ErrorContains(t, err, "no agent at")
}

// TestPassphrase: the callback is asked where the key is protected, and a wrong
// answer is the agent's error.
func TestPassphrase(t *testing.T) {
	h := newHome(t)
	c := h.generate("p@example.org", "ed25519", "cv25519", "right")
	h.run(nil, "gpgconf", "--reload", "gpg-agent") // which forgets what it was told
	asked := 0
	answer, failing := "right", error(nil)
	h.agent.Passphrase = func(string) (string, error) { asked++; return answer, failing }
	held, err := h.agent.Keys(pgp.PublicKeys(c)...)
	require.NoError(t, err)
	require.Zero(t, asked)
	s := held[0].(crypto.Signer)
	digest := make([]byte, 64)
	answer = "wrong"
	_, err = s.Sign(nil, digest, crypto.Hash(0))
	var e *Error
	require.ErrorAs(t, err, &e)
	answer, failing = "right", io.ErrNoProgress
	_, err = s.Sign(nil, digest, crypto.Hash(0))
	require.Equal(t, io.ErrNoProgress, err)
	failing = nil
	before := asked
	_, err = s.Sign(nil, digest, crypto.Hash(0))
	require.NoError(t, err)
	require.Equal(t, before+1, asked)
	_, err = s.Sign(nil, digest, crypto.SHA512)
	require.ErrorContains(t, err, "Ed25519ph")
	_, err = s.Sign(nil, digest[:20], crypto.Hash(0))
	require.Equal(t, errDigest, err)
	mine, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	require.NoError(t, h.agent.Trouble(), "signing tells its errors itself")
	h.run(nil, "gpgconf", "--reload", "gpg-agent")
	answer = "wrong"
	_, err = held[1].(ecdh.KeyExchanger).ECDH(mine.PublicKey())
	require.ErrorAs(t, err, &e)
	require.ErrorAs(t, h.agent.Trouble(), &e)
	require.Equal(t, codeBadPassphrase, e.Code)
	other, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	_, err = held[1].(ecdh.KeyExchanger).ECDH(other.PublicKey())
	require.ErrorContains(t, err, "another curve")
}

// TestSMIME: the same keys as X.509 ones, which gpgsm shares with gpg.
func TestSMIME(t *testing.T) {
	h := newHome(t)
	for _, kind := range []string{"rsa2048", "nistp256"} {
		address := kind + "@example.org"
		c := h.generate(address, kind, kind, "")
		public := pgp.PublicKeys(c)[0]
		held, err := h.agent.Keys(public)
		require.NoError(t, err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(len(kind))), Subject: pkix.Name{CommonName: kind}, EmailAddresses: []string{address},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement | x509.KeyUsageCertSign,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}, BasicConstraintsValid: true, IsCA: true,
		}
		if kind == "rsa2048" {
			template.KeyUsage |= x509.KeyUsageKeyEncipherment
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, public, held[0])
		require.NoError(t, err)
		cert, err := smime.ParseCertificate(der)
		require.NoError(t, err)
		k, err := smime.NewKey(cert, held[0])
		require.NoError(t, err)

		h.run(der, "gpgsm", "--import")
		trust := fmt.Sprintf("%X S relax\n", sha1.Sum(der))
		require.NoError(t, os.WriteFile(filepath.Join(os.Getenv("GNUPGHOME"), "trustlist.txt"), []byte(trust), 0o600))
		h.run(nil, "gpgconf", "--reload", "gpg-agent")

		o := &envelope.Opener{Identities: []envelope.Identity{k.Identity()}, Legacy: envelope.Legacy{UnauthenticatedCBC: true}}
		msgs := [][]byte{sealed(t, cert, envelope.Compatible, k.Signer())}
		if kind == "rsa2048" { // gpgsm 2.2 does not seal to keys on curves
			msgs = append(msgs, h.run(text, "gpgsm", "--batch", "--disable-crl-checks", "--encrypt", "-r", address))
			_, err := opened(o, sealed(t, cert, envelope.Modern))
			require.Equal(t, envelope.ErrDecrypt, err, "the agent has no OAEP")
		} else {
			msgs = append(msgs, sealed(t, cert, envelope.Modern, k.Signer()))
		}
		for _, msg := range msgs {
			plain, err := opened(o, msg)
			require.NoError(t, err, kind)
			require.Equal(t, text, plain)
		}
		sig := filepath.Join(t.TempDir(), "sig")
		require.NoError(t, os.WriteFile(sig, signature(t, k.Signer()), 0o600))
		h.run(text, "gpgsm", "--batch", "--disable-crl-checks", "--verify", sig, "-")
	}
}

// TestDecrypt: whatever the padding is, the answers are those of crypto/rsa.
func TestDecrypt(t *testing.T) {
	h := newHome(t)
	c := h.generate("d@example.org", "rsa2048", "rsa2048", "")
	held, err := h.agent.Keys(pgp.PublicKeys(c)[1])
	require.NoError(t, err)
	d := held[0].(crypto.Decrypter)
	public := d.Public().(*rsa.PublicKey)
	key := bytes.Repeat([]byte{7}, 32)
	right, err := rsa.EncryptPKCS1v15(rand.Reader, public, key)
	require.NoError(t, err)
	for _, opts := range []crypto.DecrypterOpts{nil, &rsa.PKCS1v15DecryptOptions{}, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 32}} {
		got, err := d.Decrypt(nil, right, opts)
		require.NoError(t, err)
		require.Equal(t, key, got)
	}
	// The block of 1 in place of 2, and any number, which has no padding at all.
	for _, em := range [][]byte{append(bytes.Repeat([]byte{1}, 100), key...), {5}} {
		n := new(big.Int).Exp(new(big.Int).SetBytes(em), big.NewInt(int64(public.E)), public.N)
		wrong := n.FillBytes(make([]byte, public.Size()))
		_, err = d.Decrypt(nil, wrong, nil)
		require.Equal(t, rsa.ErrDecryption, err)
		one, err := d.Decrypt(nil, wrong, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 32})
		require.NoError(t, err)
		two, err := d.Decrypt(nil, wrong, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 32})
		require.NoError(t, err)
		require.NotEqual(t, one, two)
	}
	for _, bad := range [][]byte{nil, right[1:], bytes.Repeat([]byte{0xFF}, 256)} {
		_, err = d.Decrypt(nil, bad, nil)
		require.Equal(t, rsa.ErrDecryption, err)
	}
	_, err = d.Decrypt(nil, right, &rsa.OAEPOptions{Hash: crypto.SHA256})
	require.ErrorContains(t, err, "does not decrypt with *rsa.OAEPOptions")
	_, err = held[0].(crypto.Signer).Sign(nil, key, &rsa.PSSOptions{Hash: crypto.SHA256})
	require.ErrorContains(t, err, "RSA-PSS")
}
