//go:build cgo

package interop_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ThalesGroup/crypto11"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// tokenKey is a key pair whose private key never leaves the token.
type tokenKey struct {
	file string // PEM certificate
	key  *smime.Key
	cert *keyring.Verified
}

// newToken makes a PKCS#11 token in software, with one key of RSA and two on
// P-256, and opens it.
func newToken(t *testing.T, w *world) *crypto11.Context {
	for _, p := range []string{"softhsm2-util", "pkcs11-tool", "openssl"} {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, p)
		}
	}
	dir := w.path("hsm")
	must(t, nil, filepath.Join(w.drivers, "hsm.sh"), dir)
	env := map[string]string{}
	for _, f := range strings.Fields(string(read(t, filepath.Join(dir, "env")))) {
		k, v, _ := strings.Cut(f, "=")
		env[k] = v
	}
	t.Setenv("SOFTHSM2_CONF", env["SOFTHSM2_CONF"])
	ctx, err := crypto11.Configure(&crypto11.Config{Path: env["PKCS11_MODULE"], TokenLabel: env["PKCS11_TOKEN"], Pin: env["PKCS11_PIN"]})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ctx.Close()) })
	return ctx
}

// newTokenKey has the token certify its own key.
func newTokenKey(t *testing.T, w *world, ctx *crypto11.Context, label string, usage x509.KeyUsage) *tokenKey {
	pair, err := ctx.FindKeyPair(nil, []byte(label))
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(label))), Subject: pkix.Name{CommonName: "Token " + label},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: usage, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}, EmailAddresses: []string{label + "@example.org"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, pair.Public(), pair)
	require.NoError(t, err)
	cert, err := smime.ParseCertificate(der)
	require.NoError(t, err)
	k := &tokenKey{file: w.path("token-" + label + ".pem")}
	write(t, k.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	k.key, err = smime.NewKey(cert, pair)
	require.NoError(t, err)
	k.cert, err = keyring.Verify(cert, keyring.Expect(cert.Fingerprint()))
	require.NoError(t, err)
	return k
}

// TestToken opens and signs with keys in a token, by way of crypto11: RSA
// PKCS#1 v1.5, for which it knows no SessionKeyLen, OAEP, signatures of both
// schemes of RSA, and ECDSA. Of OAEP, SoftHSM has SHA-1 only.
func TestToken(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the token is made by programs that take their time to start")
	}
	w := newWorld(t)
	ctx := newToken(t, w)
	r := newTokenKey(t, w, ctx, "rsa", x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment)
	ec := newTokenKey(t, w, ctx, "ecsign", x509.KeyUsageDigitalSignature)
	content := cell{size: 65537}.content()

	t.Run("opens what openssl seals", func(t *testing.T) { tokenOpens(t, w, r, content) })
	t.Run("opens what we seal", func(t *testing.T) {
		var msg bytes.Buffer
		s := envelope.Sealer{Profile: envelope.Compatible, Signers: []envelope.Signer{ec.key.Signer()}}
		wr, err := s.Seal(&msg, r.cert)
		require.NoError(t, err)
		_, err = wr.Write(content)
		require.NoError(t, err)
		require.NoError(t, wr.Close())
		o := envelope.Opener{Identities: []envelope.Identity{r.key.Identity()}, Senders: []*keyring.Verified{ec.cert}, RequireSignature: true}
		plain, err := openedWith(&o, msg.Bytes())
		require.NoError(t, err)
		same(t, content, plain)
	})
	for name, c := range map[string]struct {
		k       *tokenKey
		profile envelope.Profile
	}{"PKCS1": {r, envelope.Compatible}, "PSS": {r, envelope.Modern}, "ECDSA": {ec, envelope.Compatible}} {
		t.Run("signs "+name, func(t *testing.T) {
			var sig bytes.Buffer
			s := envelope.Sealer{Profile: c.profile, Signers: []envelope.Signer{c.k.key.Signer()}}
			wr, err := s.SignDetached(&sig)
			require.NoError(t, err)
			_, err = wr.Write(content)
			require.NoError(t, err)
			require.NoError(t, wr.Close())
			_, err = (&envelope.Opener{Senders: []*keyring.Verified{c.k.cert}, RequireSignature: true}).VerifyDetached(bytes.NewReader(sig.Bytes()), bytes.NewReader(content))
			require.NoError(t, err)
			printed := string(must(t, sig.Bytes(), "openssl", "cms", "-cmsout", "-print", "-inform", "DER"))
			// Once it stands among what the signer says that it reads.
			require.Equal(t, name == "PSS", strings.Count(printed, "rsassaPss") > 1)
			args := []string{"cms", "-verify", "-binary", "-inform", "DER", "-in", file(t, sig.Bytes()), "-CAfile", c.k.file, "-purpose", "any", "-content"}
			must(t, nil, "openssl", append(args, file(t, content))...)
			_, err = run(nil, "openssl", append(args, file(t, content[1:]))...)
			require.Error(t, err, "openssl accepts anything")
		})
	}
}

// tokenOpens: whatever is wrong with the padding or the length of the key,
// which the token says aloud, is the one error.
func tokenOpens(t *testing.T, w *world, r *tokenKey, content []byte) {
	o := &envelope.Opener{Identities: []envelope.Identity{r.key.Identity()}, Legacy: envelope.Legacy{UnauthenticatedCBC: true}}
	seal := func(cipher string, options ...string) []byte {
		args := []string{"-encrypt", "-outform", "DER", cipher, "-recip", r.file}
		return openssl{w}.cms(t, content, append(args, options...)...)
	}
	v15 := seal("-aes-256-cbc")
	oaep := []string{"-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha1"}
	for _, msg := range [][]byte{v15, seal("-aes-256-gcm"), seal("-aes-256-gcm", oaep...)} {
		plain, err := openedWith(o, msg)
		require.NoError(t, err)
		same(t, content, plain)
	}
	_, err := openedWith(o, seal("-aes-256-gcm", append(oaep[:2:2], "-keyopt", "rsa_oaep_md:sha256")...))
	require.Equal(t, envelope.ErrDecrypt, err, "SoftHSM has come to know OAEP with SHA-256: say so above")

	padding := bytes.Clone(v15)
	padding[part(t, v15, "key").end-1] ^= 1
	aes128, aes256 := []byte{0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 2}, []byte{0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 42}
	short := seal("-aes-128-cbc")
	require.Equal(t, 1, bytes.Count(short, aes128))
	for _, msg := range [][]byte{padding, bytes.Replace(short, aes128, aes256, 1)} {
		// What takes the place of the key is random each time, and one in 256 of
		// those leaves something that looks like the padding of CBC.
		_, err := openedWith(o, msg)
		for range 3 {
			if err == nil {
				_, err = openedWith(o, msg)
			}
		}
		require.Equal(t, envelope.ErrDecrypt, err)
	}
	plain, err := openedWith(o, short)
	require.NoError(t, err)
	same(t, content, plain)
}
