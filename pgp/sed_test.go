package pgp_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rand"
	"crypto/sha1"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/s2k"
	"github.com/stretchr/testify/require"
	//lint:ignore SA1019 old messages have it
	"golang.org/x/crypto/cast5"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// old are messages of before there was integrity protection.
type old struct {
	cipher packet.CipherFunction // 0: AES-256
	v6     bool                  // session key packet of version 6
	prefix func([]byte)          // changes the random block and its repetition
	mdc    bool                  // SEIPDv1
}

func oldBlock(t testing.TB, f packet.CipherFunction, key []byte) (b cipher.Block) {
	t.Helper()
	var err error
	switch f {
	case packet.Cipher3DES:
		b, err = des.NewTripleDESCipher(key)
	case packet.CipherCAST5:
		b, err = cast5.NewCipher(key)
	default:
		b, err = aes.NewCipher(key)
	}
	require.NoError(t, err)
	return b
}

// sed is packet 9 with go-crypto's encrypter.
func sed(t testing.TB, f packet.CipherFunction, key, inside []byte) []byte {
	t.Helper()
	block := oldBlock(t, f, key)
	start := make([]byte, block.BlockSize())
	rand.Read(start)
	s, head := packet.NewOCFBEncrypter(block, start, packet.OCFBResync)
	body := bytes.Clone(inside)
	s.XORKeyStream(body, body)
	return cat(head, body)
}

func (c old) seal(t testing.TB, to *pgp.Key, inside []byte) []byte {
	t.Helper()
	if c.cipher == 0 {
		c.cipher = packet.CipherAES256
	}
	key := make([]byte, c.cipher.KeySize())
	rand.Read(key)
	var out bytes.Buffer
	require.NoError(t, packet.SerializeEncryptedKeyAEAD(&out, subkey(t, to), c.cipher, c.v6, key, lenient))
	if c.mdc {
		block := oldBlock(t, c.cipher, key)
		return cat(out.Bytes(), pkt(18, []byte{1}, mdcBody(block, inside)))
	}
	body := sed(t, c.cipher, key, inside)
	if c.prefix != nil {
		c.prefix(body)
	}
	return cat(out.Bytes(), pkt(9, body))
}

// allowing opens with k what is old.
func allowing(k *pgp.Key) *envelope.Opener {
	o := opener(k)
	o.Legacy.NoMDC = true
	return o
}

func TestSED(t *testing.T) {
	t.Parallel()
	k := key(t, "curve25519")
	for name, c := range map[string]struct {
		old
		weak string
	}{
		"AES-128":    {old{cipher: packet.CipherAES128}, ""},
		"AES-192":    {old{cipher: packet.CipherAES192}, ""},
		"AES-256":    {old{}, ""},
		"triple DES": {old{cipher: packet.Cipher3DES}, "triple DES"},
		"CAST5":      {old{cipher: packet.CipherCAST5}, "CAST5"},
		"repetition": {old{prefix: func(b []byte) { b[16] ^= 1 }}, ""}, // and with it what the mode begins anew with
	} {
		for _, n := range []int{0, 1, 7, 15, 16, 17, 40, 5000, 200_000} {
			text := content(t, n)
			msg := c.seal(t, k, cat(pkt(10, []byte("PGP")), pkt(60, make([]byte, 40)), literal(string(text))))
			// The twin: without the permission, and with S/MIME's instead.
			refused := opener(k)
			refused.Legacy.UnauthenticatedCBC = n%2 == 0
			got, _, err := open(refused, bytes.NewReader(msg))
			require.ErrorIs(t, err, envelope.ErrFormat)
			require.ErrorContains(t, err, "packet 9")
			require.ErrorContains(t, err, "Legacy.NoMDC")
			require.Empty(t, got)
			if name == "repetition" {
				continue
			}
			got, r, err := open(allowing(k), bytes.NewReader(msg))
			require.NoError(t, err, name)
			require.True(t, bytes.Equal(text, got))
			require.Equal(t, "SED", r.Container)
			require.Equal(t, "CFB", r.Content)
			require.True(t, r.Unauthenticated)
			require.Equal(t, c.weak != "", strings.Contains(join(r.Findings), "blocks of 64 bits"))
			require.Contains(t, join(r.Findings), c.weak)
			r, err = envelope.Inspect(bytes.NewReader(msg), pgp.Format())
			require.NoError(t, err)
			require.True(t, r.Unauthenticated)
			require.Equal(t, "SED", r.Container)
		}
	}
}

// Other permissions do not serve, and the session key of SEIPDv2 does not.
func TestSEDRefuses(t *testing.T) {
	t.Parallel()
	k := key(t, "curve25519")
	msg := old{}.seal(t, k, literal("text"))
	o := opener(k)
	o.Legacy = envelope.Legacy{UnauthenticatedCBC: true, TripleDES: true, RC2: true, RSA1024: true}
	_, err := o.Open(bytes.NewReader(msg))
	require.ErrorIs(t, err, envelope.ErrFormat)
	o.Legacy.NoMDC = true
	_, err = o.Open(bytes.NewReader(msg))
	require.NoError(t, err)
	_, err = allowing(k).Open(bytes.NewReader(old{v6: true}.seal(t, k, literal("text"))))
	require.ErrorIs(t, err, envelope.ErrFormat)
	require.ErrorContains(t, err, "version")
	_, err = allowing(key(t, "other")).Open(bytes.NewReader(msg))
	require.Equal(t, envelope.ErrNotForYou, err)
	for name, inside := range map[string][]byte{
		"nothing": nil, "no packet": []byte("text"), "something behind": cat(literal("text"), literal("text")),
		"an MDC": cat(literal("text"), pkt(19, make([]byte, 20))), "cut": literal("text")[:9],
		"no signature": cat(literal("text"), pkt(2, make([]byte, 40))),
	} {
		_, err := allowing(k).Open(bytes.NewReader(old{}.seal(t, k, inside)))
		require.Equal(t, envelope.ErrDecrypt, err, name)
	}
	for cut := range msg {
		_, err := allowing(k).Open(bytes.NewReader(msg[:cut]))
		require.ErrorIs(t, err, envelope.ErrFormat)
	}
	head, body := msg[:len(msg)-len(literal("text"))-18-6], msg[len(msg)-len(literal("text"))-18:]
	for n := range 18 { // too short for the random block
		_, err := allowing(k).Open(bytes.NewReader(cat(head, pkt(9, body[:n]))))
		require.Equal(t, envelope.ErrDecrypt, err, "%d", n)
	}
}

// Who signed is told, and believed; that the rest is as it was is not.
func TestSEDSigned(t *testing.T) {
	t.Parallel()
	alice, bob := key(t, "v6"), key(t, "curve25519")
	ops, sig := signature{by: alice}.make(t, "pay 10")
	o := allowing(bob)
	o.Senders, o.RequireSignature = []*keyring.Verified{verified(t, alice)}, true
	for _, inside := range [][]byte{cat(ops, literal("pay 10"), sig), compressed(t, 1, cat(ops, literal("pay 10"), sig))} {
		got, r, err := open(o, bytes.NewReader(old{}.seal(t, bob, inside)))
		require.NoError(t, err)
		require.Equal(t, "pay 10", string(got))
		require.True(t, r.Unauthenticated)
		require.True(t, r.Signatures[0].Valid())
	}
	for _, inside := range [][]byte{cat(ops, literal("pay 99"), sig), literal("pay 10")} {
		got, _, err := open(o, bytes.NewReader(old{}.seal(t, bob, inside)))
		require.ErrorIs(t, err, envelope.ErrSignature)
		require.Empty(t, got)
	}
}

// Sealed anew it is authenticated, and the receipt says what it was; given to
// further readers as it is it would be nothing.
func TestSEDReseal(t *testing.T) {
	t.Parallel()
	k := key(t, "curve25519")
	to := verified(t, key(t, "v6"))
	msg := old{}.seal(t, k, literal("text"))
	var out bytes.Buffer
	_, err := (&envelope.Sealer{}).Reseal(&out, bytes.NewReader(msg), opener(k), to)
	require.ErrorIs(t, err, envelope.ErrFormat)
	_, err = envelope.Rewrap(&out, bytes.NewReader(msg), allowing(k), nil, to)
	require.Error(t, err)
	require.Zero(t, out.Len())
	r, err := (&envelope.Sealer{}).Reseal(&out, bytes.NewReader(msg), allowing(k), to)
	require.NoError(t, err)
	require.True(t, r.Opened.Unauthenticated)
	require.Contains(t, join(r.Findings), "was not authenticated")
	got, _, err := open(opener(key(t, "v6")), &out)
	require.NoError(t, err)
	require.Equal(t, "text", string(got))
}

// A passphrase instead of a key.
func TestSEDPassphrase(t *testing.T) {
	t.Parallel()
	p, err := envelope.OpenPassphrase("correct horse battery staple")
	require.NoError(t, err)
	var out bytes.Buffer
	skesk, err := packet.SerializeSymmetricKeyEncrypted(&out, []byte("correct horse battery staple"), &packet.Config{DefaultCipher: packet.CipherAES256})
	require.NoError(t, err)
	msg := cat(out.Bytes(), pkt(9, sed(t, packet.CipherAES256, skesk, literal("text"))))
	o := &envelope.Opener{Passphrases: []*envelope.Passphrase{p}, Formats: []envelope.Format{pgp.Format()}}
	_, _, err = open(o, bytes.NewReader(msg))
	require.ErrorContains(t, err, "Legacy.NoMDC")
	o.Legacy.NoMDC = true
	got, r, err := open(o, bytes.NewReader(msg))
	require.NoError(t, err)
	require.Equal(t, "text", string(got))
	require.True(t, r.Unauthenticated)

	// Of several the one that fits, and of a wrong one nothing.
	o = spoken(t, "wrong", "correct horse battery staple")
	o.Legacy.NoMDC = true
	got, _, err = open(o, bytes.NewReader(msg))
	require.NoError(t, err)
	require.Equal(t, "text", string(got))
}

// gpg -c of before 2.1: CAST5, whose key is the derived one.
func TestSEDPassphraseCAST5(t *testing.T) {
	t.Parallel()
	curve := key(t, "curve25519")
	a, key := salt(t), make([]byte, 16)
	s2k.Iterated(key, sha1.New(), []byte("horse"), a, 65536)
	skesk := pkt(3, []byte{4, 3, 3, 2}, a, []byte{96})
	msg := cat(skesk, pkt(9, sed(t, packet.CipherCAST5, key, literal("text"))))
	for _, texts := range [][]string{{"horse"}, {"cart", "horse"}} {
		o := spoken(t, texts...)
		o.Legacy.NoMDC = true
		got, r, err := open(o, bytes.NewReader(msg))
		require.NoError(t, err)
		require.Equal(t, "text", string(got))
		require.Contains(t, join(r.Findings), "CAST5")
		require.Equal(t, "S2K iterated SHA-1, CAST5", r.Recipients[0].Algorithm)
	}
	// Not under SEIPDv1, which is newer than that.
	_, body := outer(t, craft{}.seal(t, curve, literal("text")))
	_, _, err := open(spoken(t, "horse"), bytes.NewReader(cat(skesk, pkt(18, body))))
	require.ErrorIs(t, err, envelope.ErrFormat)
	require.ErrorContains(t, err, "CAST5")
}

// Triple DES with an MDC is a permission of its own, and CAST5 is read in
// packet 9 alone. That the cipher is the reason nobody is told.
func TestOldCiphers(t *testing.T) {
	t.Parallel()
	k := key(t, "curve25519")
	for _, c := range []struct {
		cipher packet.CipherFunction
		legacy envelope.Legacy
		good   bool
	}{
		{packet.CipherAES256, envelope.Legacy{}, true},
		{packet.Cipher3DES, envelope.Legacy{}, false},
		{packet.Cipher3DES, envelope.Legacy{NoMDC: true}, false},
		{packet.Cipher3DES, envelope.Legacy{TripleDES: true}, true},
		{packet.CipherCAST5, envelope.Legacy{TripleDES: true, NoMDC: true}, false},
	} {
		o := opener(k)
		o.Legacy = c.legacy
		msg := old{cipher: c.cipher, mdc: true}.seal(t, k, literal("text"))
		got, r, err := open(o, bytes.NewReader(msg))
		if !c.good {
			require.Equal(t, envelope.ErrDecrypt, err)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, "text", string(got))
		require.False(t, r.Unauthenticated)
		require.Equal(t, c.cipher == packet.Cipher3DES, strings.Contains(join(r.Findings), "triple DES"))
		msg[len(msg)-1] ^= 1
		_, err = o.Open(bytes.NewReader(msg))
		require.Equal(t, envelope.ErrDecrypt, err)
		r, err = envelope.Inspect(bytes.NewReader(msg), pgp.Format())
		require.NoError(t, err)
		require.False(t, r.Unauthenticated)
	}
}

// mdcBody is what follows the version in SEIPDv1, RFC 9580, Section 5.13.1.
func mdcBody(block cipher.Block, inside []byte) []byte {
	size := block.BlockSize()
	b := make([]byte, size)
	rand.Read(b)
	b = cat(b, b[size-2:], inside, []byte{0xD3, 0x14})
	sum := sha1.Sum(b)
	b = append(b, sum[:]...)
	//lint:ignore SA1019 it is the oracle
	cipher.NewCFBEncrypter(block, make([]byte, size)).XORKeyStream(b, b)
	return b
}
