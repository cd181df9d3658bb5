package smime

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// recorder is a hardware module that remembers how it was asked.
type recorder struct {
	crypto.Decrypter
	opts crypto.DecrypterOpts
}

func (r *recorder) Decrypt(random io.Reader, b []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	r.opts = opts
	return r.Decrypter.Decrypt(random, b, opts)
}

// TestRandomKeyAfterV15: where RSA PKCS#1 v1.5 fails, what is read on with is
// a key that nobody can guess, a new one each time (RFC 3218, Section 2.3.2);
// and the padding is not looked at before a key of the right length is there.
func TestRandomKeyAfterV15(t *testing.T) {
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	k := testKey(t, "rsa3072")
	der, _, _, err := wrapFor(k.cert, testCEK, true)
	require.NoError(t, err)
	good := one(t, der)
	module := &recorder{Decrypter: k.decrypter}
	asked := keyFor(t, k.cert, module)
	key, ok := asked.unwrap(good, 32)
	require.True(t, ok)
	require.Equal(t, testCEK, key)
	//lint:ignore SA1019 what senders write is read, with the measures of RFC 3218
	require.Equal(t, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 32}, module.opts)

	spoilt, short := *good, *good
	spoilt.encryptedKey = bytes.Clone(good.encryptedKey)
	spoilt.encryptedKey[5] ^= 1
	short.encryptedKey = good.encryptedKey[:len(good.encryptedKey)-1]
	for name, c := range map[string]struct {
		k  *privateKey
		ri *recipientInfo
	}{
		"padding":     {k, &spoilt},
		"length":      {k, &short},
		"key":         {&privateKey{cert: k.cert}, good},
		"other error": {keyFor(t, k.cert, stubDecrypter{k.cert.key.rsa, testCEK, io.ErrClosedPipe}), good},
	} {
		seen := map[string]bool{string(make([]byte, 32)): true, string(testCEK): true}
		for range 3 {
			key, ok := c.k.unwrap(c.ri, 32)
			require.True(t, ok, name)
			require.Len(t, key, 32, name)
			require.False(t, seen[string(key)], "%s: a key that can be guessed", name)
			seen[string(key)] = true
		}
	}
}

// exchanger is a hardware module that takes any point.
type exchanger struct {
	ecdh.KeyExchanger
	calls int
}

func (e *exchanger) ECDH(p *ecdh.PublicKey) ([]byte, error) {
	e.calls++
	if p.Curve() != e.Curve() {
		return make([]byte, 32), nil
	}
	return e.KeyExchanger.ECDH(p)
}

// TestOtherCurveNeverReachesTheKey: an ephemeral key on another curve than the
// recipient's is refused before the private key sees it, and not by it.
func TestOtherCurveNeverReachesTheKey(t *testing.T) {
	k := testKey(t, "p256")
	module := &exchanger{KeyExchanger: k.exchanger}
	asked := keyFor(t, k.cert, module)
	for _, c := range []struct {
		curve ecdh.Curve
		calls int
	}{{ecdh.P256(), 1}, {ecdh.P384(), 0}, {ecdh.P521(), 0}} {
		ephemeral, err := c.curve.GenerateKey(rand.Reader)
		require.NoError(t, err)
		b := agreementBuilder{
			originator: originator(t, nil, ephemeral.PublicKey().Bytes()),
			scheme:     oidStdDHSHA256KDF,
			wrap:       derAlgorithm(oidAES256Wrap),
			encrypted:  make([]byte, 40),
		}
		module.calls = 0
		_, ok := asked.unwrap(one(t, b.der(t)), 32)
		require.False(t, ok, "nothing was wrapped")
		require.Equal(t, c.calls, module.calls, "%v", c.curve)
	}
}

// TestHugeSigner: the signature of an RSA key that takes seconds is not computed.
func TestHugeSigner(t *testing.T) {
	k := testKey(t, "rsa3072")
	si, err := parseSignerInfo(newForge(t, k).der(t))
	require.NoError(t, err)
	status, detail := si.verifyWith(k.cert)
	require.Equal(t, seam.SignatureValid, status, detail)
	for _, r := range []struct {
		bits, exponent int
		want           seam.SignatureStatus
	}{
		{maxVerifyRSA, 65537, seam.SignatureBad},
		{maxVerifyRSA + 1, 65537, seam.SignatureUnsupported},
		{maxVerifyRSA, 65539, seam.SignatureUnsupported},
		{maxRSA + 1, 1<<31 - 1, seam.SignatureUnsupported},
		{maxRSA, 1<<31 - 1, seam.SignatureBad},
	} {
		n := new(big.Int).Lsh(big.NewInt(1), uint(r.bits-1))
		c := *k.cert
		c.key.rsa = &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: r.exponent}
		status, detail := si.verifyWith(&c)
		require.Equal(t, r.want, status, "%d bits, exponent %d: %s", r.bits, r.exponent, detail)
	}
}

// TestPKCS12Integrity: a PKCS#12 file without a MAC is not read, and of one
// with a MAC not one octet may differ.
func TestPKCS12Integrity(t *testing.T) {
	allowed(t, "PKCS#12")
	k := testKey(t, "p256")
	parse := func(b []byte, passphrase string) (*Key, error) {
		return ParseKey(bytes.NewReader(b), []byte(passphrase))
	}
	file, err := pkcs12.Modern2023.WithIterations(1).Encode(k.private, k.cert.x, nil, "passphrase")
	require.NoError(t, err)
	got, err := parse(file, "passphrase")
	require.NoError(t, err)
	requireSame(t, got, k)
	at := len(file) / 2 // in what is encrypted
	file[at] ^= 1
	got, err = parse(file, "passphrase")
	require.ErrorIs(t, err, ErrPassphrase)
	require.Nil(t, got)
	file[at] ^= 1
	_, err = parse(file, "passphrasE")
	require.ErrorIs(t, err, ErrPassphrase)

	for e, good := range map[*pkcs12.Encoder]bool{pkcs12.Passwordless: false, pkcs12.Modern2023.WithIterations(1): true} {
		bare, err := e.Encode(k.private, k.cert.x, nil, "")
		require.NoError(t, err)
		_, err = parse(bare, "")
		if good {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, "no MAC")
		}
	}
}
