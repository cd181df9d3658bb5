//lint:file-ignore SA1019 keys are spoilt here on purpose, by the fields that keys still have

package smime

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// liar is a module whose public key is what it says.
type liar struct {
	public any
	out    []byte
}

func (l *liar) Public() crypto.PublicKey { return l.public }
func (l *liar) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return l.out, nil
}

func (l *liar) Decrypt(io.Reader, []byte, crypto.DecrypterOpts) ([]byte, error) {
	return l.out, nil
}

// A private key that is none is an error of NewKey, and neither a panic nor a
// Key.
func TestNewKeyOfNothing(t *testing.T) {
	r, ec := testKey(t, "rsa3072").cert, testKey(t, "p256").cert
	ed := edKey(t)
	edCert := issue(t, ed, nil)
	p256 := *testKey(t, "p256").private.(*ecdsa.PrivateKey)
	mixed := p256
	mixed.D = new(big.Int).Add(p256.D, big.NewInt(1))
	for name, c := range map[string]struct {
		cert    *certificate
		private any
	}{
		"nil":                   {r, nil},
		"nil RSA":               {r, (*rsa.PrivateKey)(nil)},
		"zero RSA":              {r, &rsa.PrivateKey{}},
		"RSA of public parts":   {r, &rsa.PrivateKey{PublicKey: *r.key.rsa}},
		"nil ECDSA":             {ec, (*ecdsa.PrivateKey)(nil)},
		"zero ECDSA":            {ec, &ecdsa.PrivateKey{}},
		"ECDSA without secret":  {ec, &ecdsa.PrivateKey{PublicKey: p256.PublicKey}},
		"ECDSA of other secret": {ec, &mixed},
		"ECDSA without point":   {ec, &ecdsa.PrivateKey{PublicKey: ecdsa.PublicKey{Curve: elliptic.P256()}, D: p256.D}},
		"nil ECDH":              {ec, (*ecdh.PrivateKey)(nil)},
		"nil Ed25519":           {edCert, ed25519.PrivateKey(nil)},
		"short Ed25519":         {edCert, ed[:63]},
		"Ed25519 for RSA":       {r, ed},
		"nil module":            {r, (*liar)(nil)},
		"module without key":    {r, &liar{}},
		"module of another key": {r, &liar{public: ec.key.ecdsa}},
		"module of a nil key":   {r, &liar{public: (*rsa.PublicKey)(nil)}},
		"a number":              {r, 7},
		"a function":            {r, func() {}},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := NewKey(c.cert.public(), c.private)
			require.Error(t, err)
			require.Nil(t, k)
		})
	}
}

// A module may return anything: then nothing is signed, and nothing opens.
func TestModuleReturnsAnything(t *testing.T) {
	c := testKey(t, "rsa3072").cert
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	for _, out := range [][]byte{nil, {}, {1}, make([]byte, 31), make([]byte, 33), make([]byte, 384), make([]byte, 1<<16)} {
		k := keyFor(t, c, &liar{c.key.rsa, out})
		_, _, err := (&signer{key: k}).signerInfo(oidData.tlv(), contentDigest, time.Now())
		require.ErrorContains(t, err, "wrong signature")
		for _, v15 := range []bool{false, true} {
			der, _, _, err := wrapFor(c, testCEK, v15)
			require.NoError(t, err)
			cek, ok := k.unwrap(one(t, der), 32)
			require.Equal(t, v15, ok)
			if ok {
				require.Len(t, cek, 32)
				require.NotEqual(t, make([]byte, 32), cek, "a random key and not what came out")
			}
		}
	}
}

// Keys and certificates are shared by many goroutines; the race detector looks.
func TestSharedKeys(t *testing.T) {
	t.Parallel()
	ec := testKey(t, "p256")
	sent, _, err := (&signer{key: ec}).signerInfo(oidData.tlv(), contentDigest, time.Now())
	require.NoError(t, err)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 10 {
				der, _, _, err := wrapFor(ec.cert, testCEK, false)
				ris, e := parseRecipientInfos(der, 1<<20)
				cek, ok := ec.unwrap(ris[0], 32)
				si, e2 := parseSignerInfo(sent)
				s := si.verify(oidData.tlv(), contentDigest, []*certificate{ec.cert}, []seam.Certificate{ec.cert}, time.Now())
				_, _, e3 := (&signer{key: ec}).signerInfo(oidData.tlv(), contentDigest, time.Now())
				if err != nil || e != nil || e2 != nil || e3 != nil || !ok || string(cek) != string(testCEK) ||
					s.Status != seam.SignatureValid || ec.cert.CheckSeal(time.Now(), seam.Auto) != nil || len(ec.cert.Addresses()) != 1 {
					t.Error("shared key")
				}
			}
		})
	}
	wait.Wait()
}

// module is a key in a hardware module, as crypto11 and others hand it out:
// nothing but the interfaces.
type module struct {
	crypto.Signer
	crypto.Decrypter
	noSessionKey bool // it knows nothing of SessionKeyLen
	asked        []int
	more         []byte // after what it decrypts without SessionKeyLen
}

func (m *module) Public() crypto.PublicKey { return m.Signer.Public() }

func (m *module) Decrypt(r io.Reader, b []byte, o crypto.DecrypterOpts) ([]byte, error) {
	p, ok := o.(*rsa.PKCS1v15DecryptOptions)
	if !ok {
		return m.Decrypter.Decrypt(r, b, o)
	}
	m.asked = append(m.asked, p.SessionKeyLen)
	if m.noSessionKey && p.SessionKeyLen > 0 {
		return nil, errors.New("pkcs11: session keys are not supported")
	}
	out, err := m.Decrypter.Decrypt(r, b, o)
	if err == nil && p.SessionKeyLen == 0 {
		out = append(out, m.more...)
	}
	return out, err
}

// A module does what the key in it does. One that refuses SessionKeyLen is
// asked without it, and one that honours it is not.
func TestModule(t *testing.T) {
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	k := testKey(t, "rsa3072")
	for _, refuses := range []bool{false, true} {
		m := &module{Signer: k.signer, Decrypter: k.decrypter, noSessionKey: refuses}
		in, err := newPrivateKey(k.cert, m)
		require.NoError(t, err)
		for _, v15 := range []bool{false, true} {
			der, _, _, err := wrapFor(k.cert, testCEK, v15)
			require.NoError(t, err)
			cek, ok := in.unwrap(one(t, der), len(testCEK))
			require.True(t, ok)
			require.Equal(t, testCEK, cek)
		}
		require.Equal(t, map[bool][]int{false: {32}, true: {32, 0}}[refuses], m.asked)
		_, err = (&Key{in}).Marshal(nil)
		require.ErrorContains(t, err, "cannot be taken out")
		_, err = MarshalKeys([]*Key{{k}, {in}}, nil)
		require.ErrorContains(t, err, "cannot be taken out")
	}
	_, err := MarshalKeys(nil, nil)
	require.ErrorIs(t, err, errNoKey)
	_, err = MarshalKeys([]*Key{nil}, nil)
	require.ErrorIs(t, err, errNoKey)
}

// A module that refuses SessionKeyLen says what is wrong with the padding and
// how long the key is. Nobody else hears of it: the key is a random one, as
// for a message to another (RFC 3218, Section 2.3.2).
func TestModuleTellsNothing(t *testing.T) {
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	k := testKey(t, "rsa3072")
	for name, c := range map[string]struct {
		spoil, other bool
		more         []byte
		opens        bool
	}{
		"good":         {opens: true},
		"bad padding":  {spoil: true},
		"key too long": {more: []byte{0}},
		"short key":    {other: true},
	} {
		cek := testCEK
		if c.other {
			cek = testCEK[:16]
		}
		der, _, _, err := wrapFor(k.cert, cek, true)
		require.NoError(t, err)
		ri := one(t, der)
		if c.spoil {
			ri.encryptedKey[len(ri.encryptedKey)-1] ^= 1
		}
		m := &module{Signer: k.signer, Decrypter: k.decrypter, noSessionKey: true, more: c.more}
		in, err := newPrivateKey(k.cert, m)
		require.NoError(t, err)
		seen := map[string]bool{}
		for range 3 {
			out, ok := in.unwrap(ri, len(testCEK))
			require.True(t, ok, name)
			require.Len(t, out, len(testCEK), name)
			require.Equal(t, c.opens, bytes.Equal(testCEK, out), name)
			require.NotEqual(t, make([]byte, len(testCEK)), out, name)
			seen[string(out)] = true
		}
		require.Equal(t, c.opens, len(seen) == 1, name)
	}
}

// A key of 1,024 bits is an identity, for archives; nothing is sealed to it or
// signed with it.
func TestSmallRSA(t *testing.T) {
	allowed(t, "RSA of 1,024 bits")
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	c := issue(t, private, nil)
	k, err := newPrivateKey(c, private)
	require.NoError(t, err)
	file, err := (&Key{k}).Marshal(nil)
	require.NoError(t, err)
	again, err := ParseKey(bytes.NewReader(file), nil)
	require.NoError(t, err)
	require.NotNil(t, again.in.decrypter)
	requireUnusable(t, c.CheckSeal(time.Now(), seam.Auto), "1024 bits, fewer than 2048")
	requireUnusable(t, c.checkSign(), "1024 bits, fewer than 2048")
}
