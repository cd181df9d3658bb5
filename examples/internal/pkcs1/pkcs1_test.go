//lint:file-ignore SA1019 PKCS #1 v1.5 is what most S/MIME mail and all of OpenPGP is encrypted with.

package pkcs1

import (
	"bytes"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

var key2048 = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// skipFIPS ends a test of what crypto/rsa does not do there.
func skipFIPS(t testing.TB) {
	if fips140.Enforced() {
		t.Skip("RSA PKCS #1 v1.5 is not approved")
	}
}

// raw is the public operation, RFC 8017, Section 5.1.1: what makes crypto/rsa
// see em once it has decrypted.
func raw(k *rsa.PublicKey, em []byte) []byte {
	c := new(big.Int).Exp(new(big.Int).SetBytes(em), big.NewInt(int64(k.E)), k.N)
	return c.FillBytes(make([]byte, k.Size()))
}

// block returns 256 octets of padding with a message.
func block(msg []byte) []byte {
	em := bytes.Repeat([]byte{0xA5}, 256)
	em[0], em[1], em[255-len(msg)] = 0, 2, 0
	copy(em[256-len(msg):], msg)
	return em
}

// TestUnpad: as crypto/rsa judges the same block, with and without a length.
func TestUnpad(t *testing.T) {
	skipFIPS(t)
	k := key2048()
	key := bytes.Repeat([]byte{7}, 32)
	for name, change := range map[string]func([]byte){
		"right":                  func([]byte) {},
		"first octet":            func(em []byte) { em[0] = 1 },
		"block type":             func(em []byte) { em[1] = 1 },
		"no end of the padding":  func(em []byte) { em[223] = 1 },
		"an end before":          func(em []byte) { em[100] = 0 },
		"an end one before":      func(em []byte) { em[222] = 0 },
		"first octet of padding": func(em []byte) { em[2] = 0 },
		"seven of padding":       func(em []byte) { em[9] = 0 },
		"eight of padding":       func(em []byte) { em[10] = 0 },
		"zero in the key":        func(em []byte) { em[240] = 0 },
		"nothing":                func(em []byte) { clear(em[2:]) },
	} {
		t.Run(name, func(t *testing.T) {
			em := block(key)
			change(em)
			want, wantErr := rsa.DecryptPKCS1v15(nil, k, raw(&k.PublicKey, em))
			got, err := Unpad(bytes.Clone(em))
			require.Equal(t, wantErr, err)
			require.Equal(t, want, got)

			standard := bytes.Repeat([]byte{9}, 32)
			require.NoError(t, rsa.DecryptPKCS1v15SessionKey(nil, k, raw(&k.PublicKey, em), standard))
			right := !bytes.Equal(standard, bytes.Repeat([]byte{9}, 32))
			ours, err := SessionKey(em, 32)
			require.NoError(t, err)
			require.Equal(t, right, bytes.Equal(ours, em[224:]))
			again, err := SessionKey(em, 32)
			require.NoError(t, err)
			require.Equal(t, right, bytes.Equal(again, ours), "a random key is another one each time")
		})
	}
}

func TestUnpadLengths(t *testing.T) {
	for _, n := range []int{0, 1, 10, 11} {
		em := make([]byte, n)
		_, err := Unpad(em)
		require.Equal(t, rsa.ErrDecryption, err)
		_, err = SessionKey(em, 1)
		require.Equal(t, rsa.ErrDecryption, err)
	}
	em := block(bytes.Repeat([]byte{1}, 245))
	k, err := SessionKey(em, 245)
	require.NoError(t, err)
	require.Equal(t, em[11:], k)
	_, err = SessionKey(em, 246)
	require.Equal(t, rsa.ErrDecryption, err)
	_, err = SessionKey(em, -1)
	require.Equal(t, rsa.ErrDecryption, err)
}

func TestWhole(t *testing.T) {
	em, err := Whole([]byte{2, 1}, 3)
	require.NoError(t, err)
	require.Equal(t, []byte{0, 2, 1}, em)
	em, err = Whole([]byte{0, 2, 1}, 2)
	require.NoError(t, err)
	require.Equal(t, []byte{2, 1}, em)
	_, err = Whole([]byte{2, 1}, 1)
	require.Equal(t, rsa.ErrDecryption, err)
}

func FuzzUnpad(f *testing.F) {
	skipFIPS(f)
	f.Add(block([]byte("key")))
	f.Add(block(nil))
	f.Add(make([]byte, 256))
	f.Fuzz(func(t *testing.T, em []byte) {
		if len(em) != 256 || em[0] != 0 {
			return // the first octet of what is below the modulus may be more; nothing is below it for sure then
		}
		k := key2048()
		want, wantErr := rsa.DecryptPKCS1v15(nil, k, raw(&k.PublicKey, em))
		got, err := Unpad(bytes.Clone(em))
		require.Equal(t, wantErr, err)
		require.True(t, bytes.Equal(want, got))
	})
}
