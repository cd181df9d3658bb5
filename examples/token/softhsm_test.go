//go:build cgo && linux

//lint:file-ignore SA1019 PKCS #1 v1.5 is what most S/MIME mail and all of OpenPGP is encrypted with.

package token

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// missing skips the test for want of a program, or fails it where that is asked for.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("DKB_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is missing, and DKB_REQUIRE_PEERS=1", what)
	}
	t.Skipf("%s is missing", what)
}

// softHSM makes a token in software and returns its folder and how to open it.
func softHSM(t *testing.T) (string, Config) {
	if testing.Short() {
		t.Skip("-short: the token is made by programs that take their time to start")
	}
	skipFIPS(t)
	drivers := os.Getenv("DKB_PEERS")
	if drivers == "" {
		missing(t, "DKB_PEERS, the folder of the peers' drivers,")
	}
	for _, p := range []string{"softhsm2-util", "pkcs11-tool", "openssl"} {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, p)
		}
	}
	dir := t.TempDir()
	out, err := exec.Command(filepath.Join(drivers, "hsm.sh"), dir).CombinedOutput()
	require.NoError(t, err, string(out))
	env := map[string]string{}
	b, err := os.ReadFile(filepath.Join(dir, "env"))
	require.NoError(t, err)
	for f := range strings.FieldsSeq(string(b)) {
		k, v, _ := strings.Cut(f, "=")
		env[k] = v
	}
	t.Setenv("SOFTHSM2_CONF", env["SOFTHSM2_CONF"])
	return dir, Config{Module: env["PKCS11_MODULE"], Token: env["PKCS11_TOKEN"], PIN: pin(env["PKCS11_PIN"])}
}

func pin(s string) func(string) (string, error) {
	return func(string) (string, error) { return s, nil }
}

func openToken(t *testing.T, c Config) *Token {
	tok, err := Open(c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tok.Close()) })
	return tok
}

// TestOpenRefuses: each differs in one thing from what is opened at the end.
func TestOpenRefuses(t *testing.T) {
	_, c := softHSM(t)
	for want, change := range map[string]func(*Config){
		"Config.Module is empty": func(c *Config) { c.Module = "" },
		"cannot be loaded":       func(c *Config) { c.Module = "/nowhere.so" },
		`these are: "interop"`:   func(c *Config) { c.Token = "another" },
		"no token is there":      func(c *Config) { c.Serial = "1" },
		"that is meant; these":   func(c *Config) { c.Model = "1" },
		"that is meant":          func(c *Config) { c.Manufacturer = "1" },
		"wants a PIN":            func(c *Config) { c.PIN = nil },
		"the PIN is not that of": func(c *Config) { c.PIN = pin("4321") },
		io.ErrNoProgress.Error(): func(c *Config) { c.PIN = func(string) (string, error) { return "", io.ErrNoProgress } },
	} {
		d := c
		change(&d)
		_, err := Open(d)
		require.ErrorContains(t, err, want)
	}
	require.NoError(t, openToken(t, c).Trouble())
}

// TestKeys: what the token made stays in it, and does what it is for.
func TestKeys(t *testing.T) {
	_, c := softHSM(t)
	tok := openToken(t, c)
	keys, err := tok.Keys()
	require.NoError(t, err)
	require.Len(t, keys, 3)
	for _, k := range keys {
		require.True(t, k.Sensitive && !k.Extractable, k.Label)
	}
	_, err = tok.Key("rsa", []byte{2})
	require.ErrorContains(t, err, "has no private key")
	_, err = tok.Key("", nil)
	require.ErrorContains(t, err, "3 keys")

	k, err := tok.Key("rsa", nil)
	require.NoError(t, err)
	public := k.Public().(*rsa.PublicKey)
	digest := bytes.Repeat([]byte{1}, 64)
	s := k.Private().(crypto.Signer)
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		sig, err := s.Sign(nil, digest[:h.Size()], h)
		require.NoError(t, err)
		require.NoError(t, rsa.VerifyPKCS1v15(public, h, digest[:h.Size()], sig))
		for _, salt := range []int{rsa.PSSSaltLengthEqualsHash, rsa.PSSSaltLengthAuto, 20} {
			sig, err := s.Sign(nil, digest[:h.Size()], &rsa.PSSOptions{Hash: h, SaltLength: salt})
			require.NoError(t, err)
			require.NoError(t, rsa.VerifyPSS(public, h, digest[:h.Size()], sig, &rsa.PSSOptions{SaltLength: salt}))
		}
	}
	var limit *MechanismError
	_, err = s.Sign(nil, digest[:20], crypto.MD5)
	require.ErrorAs(t, err, &limit)

	e, err := tok.Key("", []byte{2})
	require.NoError(t, err)
	sig, err := e.Private().(crypto.Signer).Sign(nil, digest, crypto.SHA512)
	require.NoError(t, err)
	require.True(t, ecdsa.VerifyASN1(e.Public().(*ecdsa.PublicKey), digest, sig))
	x := e.Private().(ecdh.KeyExchanger)
	mine, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	z, err := x.ECDH(mine.PublicKey())
	require.NoError(t, err)
	want, err := mine.ECDH(x.PublicKey())
	require.NoError(t, err)
	require.Equal(t, want, z)
	other, err := ecdh.P384().GenerateKey(rand.Reader)
	require.NoError(t, err)
	_, err = x.ECDH(other.PublicKey())
	require.ErrorContains(t, err, "another curve")
	third, err := tok.Key("ecsign", nil)
	require.NoError(t, err)
	_, derives := third.Private().(ecdh.KeyExchanger)
	require.False(t, derives, "it was made to sign")

	tokenDecrypts(t, tok, k.Private().(crypto.Decrypter), public)
	require.NoError(t, tok.Close())
	_, err = s.Sign(nil, digest[:32], crypto.SHA256)
	require.ErrorIs(t, err, errClosed)
}

// TestCloseWaits: the library is not unloaded under those who use it.
func TestCloseWaits(t *testing.T) {
	_, c := softHSM(t)
	tok := openToken(t, c)
	k, err := tok.Key("rsa", nil)
	require.NoError(t, err)
	s, digest := k.Private().(crypto.Signer), make([]byte, 32)
	const workers = 2 * idleSessions // some have a session that is not kept
	signed, ended := make(chan struct{}, workers), make(chan error, workers)
	for range workers {
		go func() {
			_, err := s.Sign(nil, digest, crypto.SHA256)
			signed <- struct{}{}
			for err == nil {
				_, err = s.Sign(nil, digest, crypto.SHA256)
			}
			ended <- err
		}()
	}
	for range workers {
		<-signed
	}
	require.NoError(t, tok.Close())
	require.NoError(t, tok.Close(), "once more")
	for range workers {
		require.ErrorIs(t, <-ended, errClosed)
	}
}

// tokenDecrypts: by way of the token's own padding and of ours, the answers are
// those of crypto/rsa.
func tokenDecrypts(t *testing.T, tok *Token, d crypto.Decrypter, public *rsa.PublicKey) {
	key := bytes.Repeat([]byte{7}, 32)
	v15, err := rsa.EncryptPKCS1v15(rand.Reader, public, key)
	require.NoError(t, err)
	wrong := append(bytes.Repeat([]byte{1}, 223), append([]byte{0}, key...)...)
	wrong[0] = 0
	require.True(t, tok.raw, "SoftHSM has RSA without padding")
	for _, tok.raw = range []bool{false, true} {
		got, err := d.Decrypt(nil, v15, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 32})
		require.NoError(t, err)
		require.Equal(t, key, got)
		got, err = d.Decrypt(nil, v15, nil)
		require.NoError(t, err)
		require.Equal(t, key, got)
		for _, size := range []int{32, 16} { // the padding is wrong, or the length
			msg := v15
			if size == 32 {
				msg = raw(public, wrong)
			}
			one, err := d.Decrypt(nil, msg, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: size})
			require.NoError(t, err)
			two, err := d.Decrypt(nil, msg, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: size})
			require.NoError(t, err)
			require.NotEqual(t, one, two, "a random key, another each time")
		}
		_, err = d.Decrypt(nil, raw(public, wrong), nil)
		require.Equal(t, rsa.ErrDecryption, err)
		for _, bad := range [][]byte{nil, v15[1:], append([]byte{0}, v15...), bytes.Repeat([]byte{0xFF}, len(v15))} {
			_, err = d.Decrypt(nil, bad, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 32})
			require.Equal(t, rsa.ErrDecryption, err)
		}
	}
	require.NoError(t, tok.Trouble())
	for h, ok := range map[crypto.Hash]bool{crypto.SHA1: true, crypto.SHA256: false, crypto.BLAKE2b_256: false} {
		hash := h
		if h == crypto.BLAKE2b_256 {
			hash = crypto.SHA512
		}
		sealed, err := rsa.EncryptOAEP(hash.New(), rand.Reader, public, key, nil)
		require.NoError(t, err)
		got, err := d.Decrypt(nil, sealed, &rsa.OAEPOptions{Hash: h})
		if ok {
			require.NoError(t, err)
			require.Equal(t, key, got)
			sealed[9] ^= 1
			_, err = d.Decrypt(nil, sealed, &rsa.OAEPOptions{Hash: h})
			require.Equal(t, rsa.ErrDecryption, err)
			continue
		}
		var limit *MechanismError
		require.ErrorAs(t, err, &limit, "SoftHSM has come to know OAEP with SHA-256: say so")
		require.Contains(t, limit.Mechanism, h.String())
		require.ErrorAs(t, tok.Trouble(), &limit)
	}
}

// skipFIPS ends a test of what is forbidden there.
func skipFIPS(t *testing.T) {
	if fips140.Enforced() {
		t.Skip("RSA PKCS #1 v1.5 and OAEP with SHA-1 are not approved")
	}
}

// raw is the public operation, RFC 8017, Section 5.1.1.
func raw(k *rsa.PublicKey, em []byte) []byte {
	c := new(big.Int).Exp(new(big.Int).SetBytes(em), big.NewInt(int64(k.E)), k.N)
	return c.FillBytes(make([]byte, k.Size()))
}

// After a wrong PIN for one use of a key the next one works, and why it did not
// is told.
func TestAlwaysAuthenticate(t *testing.T) {
	_, c := softHSM(t)
	tok := openToken(t, c)
	found, err := tok.Key("rsa", nil)
	require.NoError(t, err)
	k := found.Private().(rsaBoth)
	digest := make([]byte, 32)
	for _, why := range []error{nil, io.ErrNoProgress} {
		// SoftHSM, whose key wants no PIN for each use, refuses the right one too.
		tok.pin = func(string) (string, error) { return "1234", why }
		k.rsaSigner.always, k.d.always = true, true
		_, err = k.Sign(nil, digest, crypto.SHA256)
		require.Error(t, err)
		require.True(t, why == nil || errors.Is(err, why))
		_, err = k.Decrypt(nil, make([]byte, 256), nil)
		require.Error(t, err)
		require.Error(t, tok.Trouble())
		k.rsaSigner.always, k.d.always = false, false
		_, err = k.Sign(nil, digest, crypto.SHA256)
		require.NoError(t, err)
		_, err = k.d.unpadded(make([]byte, 256))
		require.NoError(t, err)
	}
	require.Len(t, tok.free, 1)
}
