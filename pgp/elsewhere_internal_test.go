package pgp

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
	"os"
	"testing"

	openpgpecdh "github.com/ProtonMail/go-crypto/openpgp/ecdh"
	openpgpecdsa "github.com/ProtonMail/go-crypto/openpgp/ecdsa"
	openpgpeddsa "github.com/ProtonMail/go-crypto/openpgp/eddsa"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// A token of each kind: it does one thing, and its key is nobody's to see.
type (
	tokenSigner    struct{ s crypto.Signer }
	tokenDecrypter struct{ d crypto.Decrypter }
	tokenExchanger struct{ x ecdh.KeyExchanger }
)

func (t tokenSigner) Public() crypto.PublicKey { return t.s.Public() }
func (t tokenSigner) Sign(r io.Reader, d []byte, o crypto.SignerOpts) ([]byte, error) {
	return t.s.Sign(r, d, o)
}
func (t tokenDecrypter) Public() crypto.PublicKey { return t.d.Public() }
func (t tokenDecrypter) Decrypt(r io.Reader, m []byte, o crypto.DecrypterOpts) ([]byte, error) {
	return t.d.Decrypt(r, m, o)
}
func (t tokenExchanger) PublicKey() *ecdh.PublicKey             { return t.x.PublicKey() }
func (t tokenExchanger) ECDH(p *ecdh.PublicKey) ([]byte, error) { return t.x.ECDH(p) }
func (t tokenExchanger) Curve() ecdh.Curve                      { return t.x.Curve() }
func (k *Key) without() *Key                                    { return &Key{&privateKey{cert: k.private.cert}} }
func (k *Key) verified(t testing.TB) *keyring.Verified          { return verifiedCert(t, k.Certificate()) }
func verifiedCert(t testing.TB, c *keyring.Certificate) *keyring.Verified {
	v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
	require.NoError(t, err)
	return v
}

// softKey returns a key whose secrets are here.
func softKey(t testing.TB, algorithm string) *Key {
	if algorithm == "rsa3072" { // takes too long to make
		f, err := os.Open("testdata/rsa3072.key")
		require.NoError(t, err)
		defer f.Close()
		k, err := ParseKey(f, nil)
		require.NoError(t, err)
		return k
	}
	o := KeyOptions{Address: "bob@example.org", Algorithm: algorithm}
	if algorithm == "curve25519 v6" {
		o.Algorithm, o.Profile = "curve25519", envelope.Modern
	}
	k, err := GenerateKey(o)
	require.NoError(t, err)
	return k
}

// tokens puts each secret of k into a token, the primary key's first.
func tokens(t testing.TB, k *Key) (ts []any) {
	c := k.private.cert
	add := func(fingerprint []byte) {
		switch p := k.private.secrets[string(fingerprint)].PrivateKey.(type) {
		case *rsa.PrivateKey:
			ts = append(ts, tokenSigner{p}, tokenDecrypter{p})
		case *openpgpecdsa.PrivateKey:
			curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[p.GetCurve().GetCurveName()]
			s, err := ecdsa.ParseRawPrivateKey(curve, p.D.FillBytes(make([]byte, (curve.Params().BitSize+7)/8)))
			require.NoError(t, err)
			ts = append(ts, tokenSigner{s})
		case *openpgpeddsa.PrivateKey:
			ts = append(ts, tokenSigner{ed25519.NewKeyFromSeed(p.D)})
		case *openpgpecdh.PrivateKey:
			curve, _ := ecdhCurve(p.GetCurve().GetCurveName())
			size := map[ecdh.Curve]int{ecdh.X25519(): 32, ecdh.P256(): 32, ecdh.P384(): 48, ecdh.P521(): 66}[curve]
			x, err := curve.NewPrivateKey(new(big.Int).SetBytes(p.D).FillBytes(make([]byte, size)))
			require.NoError(t, err)
			ts = append(ts, tokenExchanger{x})
		}
	}
	add(c.primary.Fingerprint)
	for i := range c.subs {
		add(c.subs[i].key.Fingerprint)
	}
	return ts
}

func sealedTo(t testing.TB, text []byte, to, signer *Key) []byte {
	var out bytes.Buffer
	s := envelope.Sealer{}
	if signer != nil {
		s.Signers = []envelope.Signer{signer.Signer()}
	}
	w, err := s.Seal(&out, to.verified(t))
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func openedBy(o *envelope.Opener, msg []byte) ([]byte, error) {
	m, err := o.Open(bytes.NewReader(msg))
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return io.ReadAll(m)
}

// TestNewKey: the same key with its secrets elsewhere opens what is sealed to
// it, and what it signs is what the key at hand would sign.
func TestNewKey(t *testing.T) {
	skipFIPS(t)
	text := []byte("the box is opened elsewhere")
	for _, algorithm := range []string{"rsa3072", "p256", "p384", "p521", "curve25519"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			soft := softKey(t, algorithm)
			ts := tokens(t, soft)
			k, err := NewKey(soft.Certificate(), ts...)
			require.NoError(t, err)
			require.Equal(t, soft.Certificate().Fingerprint(), k.Certificate().Fingerprint())

			for i, public := range PublicKeys(soft.Certificate()) {
				require.NotNil(t, public)
				_, err := NewKey(soft.Certificate(), tokenSigner{claims{public}})
				require.Equal(t, i == 0 || algorithm == "rsa3072", err == nil, "it is the key that it was asked for by")
			}
			require.Len(t, PublicKeys(soft.Certificate()), 2)

			msg := sealedTo(t, text, soft, k)
			o := &envelope.Opener{Identities: []envelope.Identity{k.Identity()}, Senders: []*keyring.Verified{soft.verified(t)}, RequireSignature: true}
			plain, err := openedBy(o, msg)
			require.NoError(t, err)
			require.Equal(t, text, plain)
			_, err = openedBy(&envelope.Opener{Identities: []envelope.Identity{k.without().Identity()}}, msg)
			require.ErrorIs(t, err, envelope.ErrNotForYou, "the secret was not used")

			// What changes the certificate signs with the primary key.
			longer, err := k.Extend(Forever)
			require.NoError(t, err)
			require.Len(t, longer.private.secrets, len(k.private.secrets))
			sealedTo(t, text, longer, longer)

			_, err = k.Marshal(nil)
			require.ErrorIs(t, err, errElsewhere)
			_, err = k.Marshal([]byte("passphrase"))
			require.ErrorIs(t, err, errElsewhere)
			_, err = soft.Marshal(nil)
			require.NoError(t, err)
		})
	}
}

// TestNewKeyParts: what is not given is missing, and nothing else.
func TestNewKeyParts(t *testing.T) {
	skipFIPS(t)
	for _, algorithm := range []string{"rsa3072", "curve25519"} {
		soft := softKey(t, algorithm)
		ts := tokens(t, soft)
		msg := sealedTo(t, []byte("text"), soft, nil)
		var out bytes.Buffer
		type part struct {
			given        []any
			signs, opens bool
		}
		parts := []part{{ts, true, true}, {ts[:1], true, false}, {ts[len(ts)-1:], false, true}}
		if algorithm == "rsa3072" { // of the primary key what opens, which is not what it is for
			parts = append(parts, part{ts[1:2], false, false})
		}
		for _, c := range parts {
			k, err := NewKey(soft.Certificate(), c.given...)
			require.NoError(t, err)
			_, err = openedBy(&envelope.Opener{Identities: []envelope.Identity{k.Identity()}}, msg)
			if c.opens {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, envelope.ErrNotForYou)
			}
			_, err = (&envelope.Sealer{Signers: []envelope.Signer{k.Signer()}}).SignDetached(&out)
			_, extended := k.Extend(Forever)
			if c.signs {
				require.NoError(t, err)
				require.NoError(t, extended)
			} else {
				require.ErrorContains(t, err, "has its signing key elsewhere")
				require.ErrorContains(t, extended, "the secret part of the primary key is kept elsewhere")
			}
		}
	}
}

// TestNewKeyRefuses: each of these differs in one thing from what TestNewKey takes.
func TestNewKeyRefuses(t *testing.T) {
	skipFIPS(t)
	soft, other := softKey(t, "curve25519"), softKey(t, "curve25519")
	ts, foreign := tokens(t, soft), tokens(t, other)
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		cert  *keyring.Certificate
		given []any
		want  string
	}{
		"no certificate":           {nil, ts, "are needed"},
		"zero certificate":         {&keyring.Certificate{}, ts, "no OpenPGP certificate"},
		"no key":                   {soft.Certificate(), nil, "are needed"},
		"nil":                      {soft.Certificate(), []any{ts[0], nil}, "private key 2: it is nil"},
		"nil pointer":              {soft.Certificate(), []any{(*rsa.PrivateKey)(nil)}, "it is nil"},
		"RSA key without numbers":  {softKey(t, "rsa3072").Certificate(), []any{&rsa.PrivateKey{}}, "it is empty"},
		"no curve":                 {softKey(t, "p256").Certificate(), []any{&ecdsa.PrivateKey{}}, "it is empty"},
		"empty Ed25519 key":        {soft.Certificate(), []any{ed25519.PrivateKey{}}, "neither signs nor opens"},
		"of no use":                {soft.Certificate(), []any{"key"}, "a string neither signs nor opens"},
		"somebody's signing key":   {soft.Certificate(), []any{foreign[0]}, "is not that of the certificate"},
		"somebody's subkey beside": {soft.Certificate(), []any{ts[0], foreign[1]}, "private key 2: it is not that of the certificate"},
		"agreement of another":     {soft.Certificate(), []any{tokenExchanger{x}}, "is not that of the certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewKey(c.cert, c.given...)
			require.ErrorContains(t, err, c.want)
		})
	}

	six := softKey(t, "curve25519 v6")
	ed := six.private.secrets[string(six.private.cert.primary.Fingerprint)]
	require.Empty(t, PublicKeys(six.Certificate()))
	require.Empty(t, PublicKeys(nil))
	require.Empty(t, PublicKeys(&keyring.Certificate{}))
	k, ok := standardKey(&ed.PublicKey)
	require.True(t, ok)
	_, err = NewKey(six.Certificate(), tokenSigner{claims{k}})
	var unusable *keyring.UnusableError
	require.ErrorAs(t, err, &unusable)
	require.ErrorContains(t, err, "not supported where the secret is kept elsewhere")
}

// claims says that it has a key, and does nothing, or the wrong thing.
type claims struct{ public crypto.PublicKey }

func (c claims) Public() crypto.PublicKey { return c.public }
func (c claims) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return make([]byte, 64), nil
}

var errPulled = errors.New("the card was pulled out")

// faulty does what the key does, with an error or a flipped bit in it.
type faulty struct {
	crypto.Signer
	err error
}

func (f faulty) Sign(r io.Reader, d []byte, o crypto.SignerOpts) ([]byte, error) {
	sig, err := f.Signer.Sign(r, d, o)
	if err != nil || f.err != nil {
		return nil, errors.Join(err, f.err)
	}
	sig[len(sig)-1] ^= 1
	return sig, nil
}

// TestHeldSignature: why nothing was signed is told, and a wrong signature does
// not leave.
func TestHeldSignature(t *testing.T) {
	skipFIPS(t)
	for _, algorithm := range []string{"rsa3072", "p256", "curve25519"} {
		soft := softKey(t, algorithm)
		s := tokens(t, soft)[0].(tokenSigner)
		for _, c := range []struct{ err, want error }{{errPulled, errPulled}, {nil, errHeldWrong}} {
			k, err := NewKey(soft.Certificate(), faulty{s, c.err})
			require.NoError(t, err)
			var out bytes.Buffer
			w, err := (&envelope.Sealer{Signers: []envelope.Signer{k.Signer()}}).SignDetached(&out)
			require.NoError(t, err)
			_, err = w.Write([]byte("text"))
			require.NoError(t, err)
			require.ErrorIs(t, w.Close(), c.want, algorithm)
			_, err = k.Extend(Forever)
			require.ErrorIs(t, err, c.want, algorithm)
		}
	}
}

// broken answers as little as a token can.
type broken struct {
	x    ecdh.KeyExchanger
	zero bool
}

func (b *broken) PublicKey() *ecdh.PublicKey { return b.x.PublicKey() }
func (b *broken) Curve() ecdh.Curve          { return b.x.Curve() }
func (b *broken) ECDH(*ecdh.PublicKey) ([]byte, error) {
	if b.zero {
		return make([]byte, 32), nil
	}
	return nil, errPulled
}

// talker is a Decrypter that says aloud what is wrong with the padding.
type talker struct {
	crypto.Decrypter
	said []error
}

func (p *talker) Decrypt(r io.Reader, m []byte, o crypto.DecrypterOpts) ([]byte, error) {
	out, err := p.Decrypter.Decrypt(r, m, o)
	p.said = append(p.said, err)
	return out, err
}

// TestHeldFailure: that the token did not decrypt looks as damaged content does.
func TestHeldFailure(t *testing.T) {
	skipFIPS(t)
	soft := softKey(t, "curve25519")
	x := tokens(t, soft)[1].(tokenExchanger)
	msg := sealedTo(t, []byte("text"), soft, nil)
	for _, zero := range []bool{false, true} {
		k, err := NewKey(soft.Certificate(), &broken{x: x, zero: zero})
		require.NoError(t, err)
		_, err = openedBy(&envelope.Opener{Identities: []envelope.Identity{k.Identity()}}, msg)
		require.Equal(t, envelope.ErrDecrypt, err)
		// Each time another secret, which nobody knows.
		h := &heldAgreement{held: &held{exchanger: &broken{x: x, zero: zero}}, agreementCurve: soft.agreement()}
		a, err := h.Decaps(x.PublicKey().Bytes(), nil)
		require.NoError(t, err)
		b, err := h.Decaps(x.PublicKey().Bytes(), nil)
		require.NoError(t, err)
		require.NotEqual(t, a, b)
	}

	soft = softKey(t, "rsa3072")
	ts := tokens(t, soft)
	msg = sealedTo(t, []byte("text"), soft, nil)
	for _, flip := range []int{0, 300} { // the last octets of the session key packet; none
		p := &talker{Decrypter: ts[len(ts)-1].(tokenDecrypter)}
		k, err := NewKey(soft.Certificate(), p)
		require.NoError(t, err)
		damaged := bytes.Clone(msg)
		if flip != 0 {
			damaged[flip] ^= 1
		}
		_, err = openedBy(&envelope.Opener{Identities: []envelope.Identity{k.Identity()}}, damaged)
		require.Len(t, p.said, 1)
		if flip == 0 {
			require.NoError(t, err)
			continue
		}
		require.Error(t, p.said[0], "the padding is right by chance")
		require.Equal(t, envelope.ErrDecrypt, err)
	}
}

// agreement returns the curve of the subkey.
func (k *Key) agreement() agreementCurve {
	return k.private.cert.subs[0].key.PublicKey.(*openpgpecdh.PublicKey).GetCurve()
}
