package cfb_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/fips140"
	"crypto/rand"
	"encoding/hex"
	mathrand "math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/cfb"
)

func notUnderFIPS(t testing.TB) {
	if fips140.Enforced() {
		t.Skip("std refuses CFB and triple DES here; pgp refuses the messages before it comes to this")
	}
}

// blocks are one cipher for each length of block.
func blocks(t testing.TB) map[string]cipher.Block {
	notUnderFIPS(t)
	key := make([]byte, 32)
	rand.Read(key)
	a, err := aes.NewCipher(key)
	require.NoError(t, err)
	d, err := des.NewTripleDESCipher(key[:24])
	require.NoError(t, err)
	return map[string]cipher.Block{"AES": a, "triple DES": d}
}

// NIST SP 800-38A, Section F.3.17, CFB128-AES256: from its second block on, as
// OpenPGP's vector is zeros and NIST's is not.
func TestNIST(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		require.NoError(t, err)
		return b
	}
	block, err := aes.NewCipher(unhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"))
	require.NoError(t, err)
	plain := unhex("ae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
	sealed := unhex("39ffed143b28b1c832113c6331e5407bdf10132415e54b92a13ed0a8267ae2f975a385741ab9cef82031623d55b1e471")
	d := cfb.NewDecrypter(block)
	d.Reset(unhex("dc7e84bfda79164b7ecd8486985d3860"))
	got := bytes.Clone(sealed)
	d.Decrypt(got)
	require.Equal(t, plain, got)
	// The encrypter gets to the same state by a block whose ciphertext is NIST's first.
	e := cfb.NewEncrypter(block)
	first := make([]byte, 16)
	block.Encrypt(first, first)
	for i, c := range unhex("dc7e84bfda79164b7ecd8486985d3860") {
		first[i] ^= c
	}
	got = append(first, plain...)
	e.Encrypt(got)
	require.Equal(t, sealed, got[16:])
}

// Every length around blocks and batches, at once and in random pieces, both ways, is what crypto/cipher makes of it.
func TestEqualsStd(t *testing.T) {
	for name, block := range blocks(t) {
		t.Run(name, func(t *testing.T) {
			size := block.BlockSize()
			for n := range 3*512 + 2*size {
				plain := make([]byte, n)
				rand.Read(plain)
				want := make([]byte, n)
				//lint:ignore SA1019 it is the oracle
				cipher.NewCFBEncrypter(block, make([]byte, size)).XORKeyStream(want, plain)
				for _, most := range []int{max(n, 1), 1, size - 1, size, size + 1, 100} {
					got := bytes.Clone(plain)
					e, d := cfb.NewEncrypter(block), cfb.NewDecrypter(block)
					pieces(got, most, e.Encrypt)
					require.True(t, bytes.Equal(want, got), "%d by %d", n, most)
					pieces(got, most, d.Decrypt)
					require.True(t, bytes.Equal(plain, got), "%d by %d", n, most)
				}
			}
		})
	}
}

// pieces calls f for random parts of b of at most so many octets, none of them included.
func pieces(b []byte, most int, f func([]byte)) {
	for len(b) > 0 {
		n := min(len(b), most)
		if most > 1 && n < len(b) {
			n = mathrand.IntN(n + 1)
		}
		f(b[:n])
		b = b[n:]
	}
}

// Decrypting can begin at any block, given the one before.
func TestReset(t *testing.T) {
	for name, block := range blocks(t) {
		size := block.BlockSize()
		plain := make([]byte, 40*size+3)
		rand.Read(plain)
		sealed := bytes.Clone(plain)
		cfb.NewEncrypter(block).Encrypt(sealed)
		d := cfb.NewDecrypter(block)
		for at := size; at < len(plain); at += size {
			got := bytes.Clone(sealed[at:])
			d.Reset(sealed[at-size : at])
			d.Decrypt(got)
			require.Equal(t, plain[at:], got, "%s at %d", name, at)
		}
	}
}

func FuzzEqualsStd(f *testing.F) {
	notUnderFIPS(f)
	f.Add([]byte("key"), []byte("plaintext"), uint16(3))
	f.Add([]byte{}, bytes.Repeat([]byte{1}, 1100), uint16(511))
	f.Fuzz(func(t *testing.T, seed, plain []byte, most uint16) {
		key := make([]byte, 32)
		copy(key, seed)
		block, err := aes.NewCipher(key)
		require.NoError(t, err)
		want := make([]byte, len(plain))
		//lint:ignore SA1019 it is the oracle
		cipher.NewCFBEncrypter(block, make([]byte, 16)).XORKeyStream(want, plain)
		got := bytes.Clone(plain)
		pieces(got, int(most)+1, cfb.NewEncrypter(block).Encrypt)
		require.Equal(t, want, got)
		pieces(got, int(most)+1, cfb.NewDecrypter(block).Decrypt)
		require.True(t, bytes.Equal(plain, got))
	})
}

func TestBlockTooLarge(t *testing.T) {
	require.Panics(t, func() { cfb.NewEncrypter(wide{}) })
	require.Panics(t, func() { cfb.NewDecrypter(wide{}) })
}

type wide struct{ cipher.Block }

func (wide) BlockSize() int { return cfb.MaxBlock + 1 }

func BenchmarkCFB(b *testing.B) {
	block := blocks(b)["AES"]
	buf := make([]byte, 64<<10)
	//lint:ignore SA1019 it is what is compared with
	stdE, stdD := cipher.NewCFBEncrypter(block, make([]byte, 16)), cipher.NewCFBDecrypter(block, make([]byte, 16))
	e, d := cfb.NewEncrypter(block), cfb.NewDecrypter(block)
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"encrypt", func() { e.Encrypt(buf) }},
		{"decrypt", func() { d.Decrypt(buf) }},
		{"std encrypt", func() { stdE.XORKeyStream(buf, buf) }},
		{"std decrypt", func() { stdD.XORKeyStream(buf, buf) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(buf)))
			for b.Loop() {
				c.f()
			}
		})
	}
}
