package smime

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"filippo.io/mldsa"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// signedBy returns a signed message.
func signedBy(t testing.TB, p *seam.SealPlan, detached bool, content []byte) []byte {
	var out bytes.Buffer
	p.Now = time.Now()
	w, err := sign(&out, p, detached)
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// TestSeveralSigners: signers with all kinds of keys sign one message, each
// digest is announced once, and each signature stands for itself.
func TestSeveralSigners(t *testing.T) {
	t.Parallel()
	allowed(t, "Ed448 and ML-DSA")
	ed := edKey(t)
	keys := []*privateKey{
		testKey(t, "rsa3072"), testKey(t, "p256"), testKey(t, "p384"), testKey(t, "p521"), keyFor(t, issue(t, ed, nil), ed),
		ed448Key(t), mldsaKey(t, mldsa.MLDSA44()), mldsaKey(t, mldsa.MLDSA65()), mldsaKey(t, mldsa.MLDSA87()), pssKey(t, nil),
	}
	want := []string{
		"RSA PKCS#1 v1.5, SHA-256", "ECDSA, SHA-256", "ECDSA, SHA-384", "ECDSA, SHA-512", "Ed25519, SHA-512",
		"Ed448, SHAKE256", "ML-DSA-44, SHA-512", "ML-DSA-65, SHA-512", "ML-DSA-87, SHA-512", "RSA-PSS, SHA-256",
	}
	plan := &seam.SealPlan{}
	open := &seam.OpenPlan{Now: time.Now(), Limits: seam.Limits{Certificates: 64, Signatures: 16, HeaderBytes: 1 << 22}}
	for _, k := range keys {
		require.NoError(t, (&signer{key: k}).CheckSign(time.Now(), seam.Auto))
		plan.Signers = append(plan.Signers, &signer{key: k})
		open.Senders = append(open.Senders, k.cert)
	}
	for _, profile := range []seam.Profile{seam.Auto, seam.Modern} {
		plan.Profile = profile
		if profile == seam.Modern {
			want[0] = "RSA-PSS, SHA-256"
		}
		msg := signedBy(t, plan, true, content)
		sd, err := enterSigned(ber.NewReader(bytes.NewReader(msg)), open.Limits)
		require.NoError(t, err)
		require.Len(t, sd.digests, 4)
		f, err := verifyDetached(bytes.NewReader(msg), bytes.NewReader(content), open)
		require.NoError(t, err)
		require.Len(t, f.Signatures, len(keys))
		seen := make(map[int]bool)
		for _, s := range f.Signatures { // a SET OF has an order of its own
			require.Equal(t, seam.SignatureValid, s.Status, s.Detail)
			require.Equal(t, want[s.Sender], s.Algorithm)
			require.False(t, seen[s.Sender])
			seen[s.Sender] = true
		}
		f, err = verifyDetached(bytes.NewReader(msg), bytes.NewReader(content[1:]), open)
		require.NoError(t, err)
		for _, s := range f.Signatures {
			require.Equal(t, seam.SignatureBad, s.Status)
		}
		// The last octets are those of the last signature's value.
		msg[len(msg)-12] ^= 1
		f, err = verifyDetached(bytes.NewReader(msg), bytes.NewReader(content), open)
		require.NoError(t, err)
		bad := 0
		for _, s := range f.Signatures {
			if s.Status == seam.SignatureBad {
				bad++
			}
		}
		require.Equal(t, 1, bad)
	}
	open.Limits.Signatures = len(keys) - 1
	_, err := verifyDetached(bytes.NewReader(signedBy(t, plan, true, content)), bytes.NewReader(content), open)
	require.ErrorIs(t, err, envelope.ErrLimit)
}

// TestOpenSSLPSS holds RSA-PSS against OpenSSL, both ways: keys that are free
// and keys that are restricted, salts as OpenSSL has them by default and as
// others want them.
func TestOpenSSLPSS(t *testing.T) {
	t.Parallel()
	allowed(t, "longer salts than the digest")
	if os.Getenv("DKB_PEERS") == "" {
		t.Skip("skipped: DKB_PEERS, the folder of other programs, is not set")
	}
	dir := t.TempDir()
	openssl := func(args ...string) {
		t.Helper()
		cmd := exec.Command("openssl", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%v: %s", args, out)
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return b
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m"), content, 0o600))
	restricted := []string{"-pkeyopt", "rsa_pss_keygen_md:sha384", "-pkeyopt", "rsa_pss_keygen_mgf1_md:sha384", "-pkeyopt", "rsa_pss_keygen_saltlen:48"}
	for _, c := range []struct {
		name, digest string
		generate     []string
		salts        []int // below 0: by name
		scheme       string
	}{
		{"free", "sha256", []string{"-algorithm", "RSA"}, []int{-3, -1, 20, 1, 0}, "RSA PKCS#1 v1.5, SHA-256"},
		{"pss", "sha512", []string{"-algorithm", "RSA-PSS"}, []int{-3, -1, 20, 1, 0}, "RSA-PSS, SHA-256"},
		{"restricted", "sha384", append([]string{"-algorithm", "RSA-PSS"}, restricted...), []int{-3, -1, 49}, "RSA-PSS, SHA-384"},
	} {
		openssl(append([]string{"genpkey", "-out", "key", "-pkeyopt", "rsa_keygen_bits:2048"}, c.generate...)...)
		openssl("req", "-x509", "-new", "-key", "key", "-out", "cert", "-days", "30", "-subj", "/CN=x", "-addext", "subjectAltName=email:a@example.org")
		k, err := ParseKey(bytes.NewReader(append(read("cert"), read("key")...)), nil)
		require.NoError(t, err)
		open := &seam.OpenPlan{
			Now: time.Now(), Senders: []seam.Certificate{k.in.cert},
			Limits: seam.Limits{Certificates: 64, Signatures: 16, HeaderBytes: 1 << 22},
		}
		for _, salt := range c.salts {
			openssl("cms", "-sign", "-binary", "-in", "m", "-signer", "cert", "-inkey", "key", "-outform", "DER", "-md", c.digest,
				"-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:"+strconv.Itoa(salt), "-out", "sig")
			f, err := verifyDetached(bytes.NewReader(read("sig")), bytes.NewReader(content), open)
			require.NoError(t, err)
			want := seam.SignatureValid
			if salt == 0 {
				want = seam.SignatureUnsupported
			}
			require.Equal(t, want, f.Signatures[0].Status, "%s, salt %d: %s", c.name, salt, f.Signatures[0].Detail)
		}
		for _, profile := range []seam.Profile{seam.Auto, seam.Modern} {
			p := &seam.SealPlan{Profile: profile, Signers: []seam.Signer{&signer{key: k.in}}}
			if profile == seam.Auto {
				require.Equal(t, c.scheme, (&signer{key: k.in}).scheme().String())
			}
			require.NoError(t, os.WriteFile(filepath.Join(dir, "ours"), signedBy(t, p, true, content), 0o600))
			openssl("cms", "-verify", "-noverify", "-binary", "-inform", "DER", "-in", "ours", "-content", "m", "-out", "out")
		}
	}
}
