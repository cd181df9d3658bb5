package ocb_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	other "github.com/ProtonMail/go-crypto/ocb"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/ocb"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func newOCB(t testing.TB, key []byte, nonce int) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	a, err := ocb.New(block, nonce)
	require.NoError(t, err)
	require.Equal(t, nonce, a.NonceSize())
	require.Equal(t, 16, a.Overhead())
	return a
}

// TestRFC7253 has the sixteen samples of Appendix A with tags of 128 bits.
// Nonces count up from BBAA99887766554433221100, and content and additional
// data are the octets 00, 01, 02 and so on.
func TestRFC7253(t *testing.T) {
	a := newOCB(t, unhex(t, "000102030405060708090A0B0C0D0E0F"), 12)
	for i, c := range []struct {
		ad, plain int
		sealed    string
	}{
		{0, 0, "785407BFFFC8AD9EDCC5520AC9111EE6"},
		{8, 8, "6820B3657B6F615A5725BDA0D3B4EB3A257C9AF1F8F03009"},
		{8, 0, "81017F8203F081277152FADE694A0A00"},
		{0, 8, "45DD69F8F5AAE72414054CD1F35D82760B2CD00D2F99BFA9"},
		{16, 16, "571D535B60B277188BE5147170A9A22C3AD7A4FF3835B8C5701C1CCEC8FC3358"},
		{16, 0, "8CF761B6902EF764462AD86498CA6B97"},
		{0, 16, "5CE88EC2E0692706A915C00AEB8B2396F40E1C743F52436BDF06D8FA1ECA343D"},
		{24, 24, "1CA2207308C87C010756104D8840CE1952F09673A448A122C92C62241051F57356D7F3C90BB0E07F"},
		{24, 0, "6DC225A071FC1B9F7C69F93B0F1E10DE"},
		{0, 24, "221BD0DE7FA6FE993ECCD769460A0AF2D6CDED0C395B1C3CE725F32494B9F914D85C0B1EB38357FF"},
		{32, 32, "BD6F6C496201C69296C11EFD138A467ABD3C707924B964DEAFFC40319AF5A48540FBBA186C5553C68AD9F592A79A4240"},
		{32, 0, "FE80690BEE8A485D11F32965BC9D2A32"},
		{0, 32, "2942BFC773BDA23CABC6ACFD9BFD5835BD300F0973792EF46040C53F1432BCDFB5E1DDE3BC18A5F840B52E653444D5DF"},
		{40, 40, "D5CA91748410C1751FF8A2F618255B68A0A12E093FF454606E59F9C1D0DDC54B65E8628E568BAD7AED07BA06A4A69483A7035490C5769E60"},
		{40, 0, "C5CD9D1850C141E358649994EE701B68"},
		{0, 40, "4412923493C57D5DE0D700F753CCE0D1D2D95060122E9F15A5DDBFC5787E50B5CC55EE507BCB084E479AD363AC366B95A98CA5F3000B1479"},
	} {
		nonce := unhex(t, fmt.Sprintf("BBAA998877665544332211%02X", i))
		ad, plain := counting(c.ad), counting(c.plain)
		sealed := unhex(t, c.sealed)
		require.Equal(t, sealed, a.Seal(nil, nonce, plain, ad), "sample %d", i)
		got, err := a.Open(nil, nonce, sealed, ad)
		require.NoError(t, err, "sample %d", i)
		require.True(t, bytes.Equal(plain, got), "sample %d", i)
	}
}

func counting(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// TestRFC7253Wheel is the iterated algorithm at the end of Appendix A: 385
// messages of every length up to 127, and one tag over all of them.
func TestRFC7253Wheel(t *testing.T) {
	for size, want := range map[int]string{
		16: "67E944D23256C5E0B6C61FA22FDF1EA2",
		24: "F673F2C3E7174AAE7BAE986CA9F29E17",
		32: "D90EB8E9C977C88B79DD793D7FFA161C",
	} {
		key := make([]byte, size)
		key[size-1] = 128 // the length of the tag
		a := newOCB(t, key, 12)
		nonce := func(i int) []byte {
			return binary.BigEndian.AppendUint32(make([]byte, 8), uint32(i))
		}
		var all []byte
		for i := range 128 {
			s := make([]byte, i)
			all = a.Seal(all, nonce(3*i+1), s, s)
			all = a.Seal(all, nonce(3*i+2), s, nil)
			all = a.Seal(all, nonce(3*i+3), nil, s)
		}
		require.Equal(t, unhex(t, want), a.Seal(nil, nonce(385), nil, all), "AES-%d", size*8)
	}
}

// random is repeatable, so that a failure is.
func random(seed byte) *rand.Rand { return rand.New(rand.NewChaCha8([32]byte{seed})) }

func octets(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// twin is go-crypto's OCB: what ours must be equal to.
func twin(t testing.TB, key []byte, nonce int) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	a, err := other.NewOCBWithNonceAndTagSize(block, nonce, 16)
	require.NoError(t, err)
	return a
}

func TestAgainstGoCrypto(t *testing.T) {
	r := random(1)
	for i := range 3000 {
		key := octets(r, 16+8*r.IntN(3))
		nonce := octets(r, 1+r.IntN(15))
		ad := octets(r, r.IntN(50))
		n := r.IntN(100)
		if i%8 == 0 {
			n = r.IntN(5000) // some batches, and more bits of the index
		}
		compare(t, key, nonce, octets(r, n), ad)
	}
	for _, n := range []int{511, 512, 513, 1023, 1024, 1025, 1 << 16, 1<<20 + 5} {
		compare(t, octets(r, 32), octets(r, 15), octets(r, n), octets(r, 13))
	}
	// All the places that the nonce's last six bits shift to.
	for b := range 256 {
		nonce := octets(r, 15)
		nonce[14] = byte(b)
		compare(t, octets(r, 32), nonce, octets(r, 40), nil)
	}
}

func compare(t testing.TB, key, nonce, plain, ad []byte) {
	t.Helper()
	a, b := newOCB(t, key, len(nonce)), twin(t, key, len(nonce))
	prefix := []byte("before")
	want := b.Seal(nil, nonce, plain, ad)
	got := a.Seal(prefix[:len(prefix):len(prefix)], nonce, plain, ad)
	require.True(t, bytes.Equal(prefix, got[:len(prefix)]))
	require.True(t, bytes.Equal(want, got[len(prefix):]), "sealed differs: %d octets, %d of additional data", len(plain), len(ad))
	back, err := a.Open(prefix[:len(prefix):len(prefix)], nonce, want, ad)
	require.NoError(t, err)
	require.True(t, bytes.Equal(append(prefix, plain...), back))
	// In place, both ways.
	buf := append(bytes.Clone(plain), make([]byte, 16)...)
	require.True(t, bytes.Equal(want, a.Seal(buf[:0], nonce, buf[:len(plain)], ad)), "in place")
	back, err = a.Open(buf[:0], nonce, buf, ad)
	require.NoError(t, err)
	require.True(t, bytes.Equal(plain, back), "in place")
}

// TestRefused changes one bit of everything that the tag is about.
func TestRefused(t *testing.T) {
	r := random(2)
	for _, n := range []int{0, 1, 15, 16, 17, 600} {
		key, nonce, ad := octets(r, 32), octets(r, 15), octets(r, 21)
		a := newOCB(t, key, 15)
		sealed := a.Seal(nil, nonce, octets(r, n), ad)
		for what, b := range map[string][]byte{"nonce": nonce, "additional data": ad, "ciphertext": sealed} {
			for bit := range len(b) * 8 {
				b[bit/8] ^= 1 << (bit % 8)
				out := bytes.Repeat([]byte{0xA5}, n)
				got, err := a.Open(out[:0], nonce, sealed, ad)
				require.Error(t, err, "bit %d of the %s", bit, what)
				require.Nil(t, got)
				require.Equal(t, make([]byte, n), out, "plaintext was left")
				b[bit/8] ^= 1 << (bit % 8)
			}
		}
		for cut := range sealed {
			_, err := a.Open(nil, nonce, sealed[:cut], ad)
			require.Error(t, err)
			_, err = a.Open(nil, nonce, sealed[cut+1:], ad)
			require.Error(t, err)
		}
		_, err := a.Open(nil, nonce, append(bytes.Clone(sealed), 0), ad)
		require.Error(t, err)
		_, err = a.Open(nil, nonce, sealed, append(bytes.Clone(ad), 0))
		require.Error(t, err)
		_, err = a.Open(nil, nonce, sealed, ad)
		require.NoError(t, err, "unchanged")
	}
	// Blocks that change places keep their sum, but not their offsets.
	a := newOCB(t, make([]byte, 16), 15)
	nonce := make([]byte, 15)
	sealed := a.Seal(nil, nonce, octets(r, 64), nil)
	swapped := bytes.Clone(sealed)
	copy(swapped, sealed[16:32])
	copy(swapped[16:], sealed[:16])
	_, err := a.Open(nil, nonce, swapped, nil)
	require.Error(t, err)
}

// small is a cipher with blocks of 8 octets.
type small struct{ cipher.Block }

func (small) BlockSize() int { return 8 }

func TestParameters(t *testing.T) {
	_, err := ocb.New(small{}, 15)
	require.ErrorContains(t, err, "blocks of 16")
	block, err := aes.NewCipher(make([]byte, 16))
	require.NoError(t, err)
	for _, n := range []int{-1, 0, 16, 17} {
		_, err := ocb.New(block, n)
		require.ErrorContains(t, err, "nonce", n)
	}
	a, err := ocb.New(block, 15)
	require.NoError(t, err)
	require.PanicsWithValue(t, "ocb: incorrect nonce length", func() { a.Seal(nil, make([]byte, 14), nil, nil) })
	require.PanicsWithValue(t, "ocb: incorrect nonce length", func() { a.Open(nil, make([]byte, 16), make([]byte, 16), nil) })
}

// FuzzAgainstGoCrypto: both seal to the same, and both open the same.
func FuzzAgainstGoCrypto(f *testing.F) {
	for i, n := range []int{0, 1, 15, 16, 17, 511, 512, 513, 1100} {
		f.Add(byte(i), byte(14), counting(n), counting(3*i))
	}
	f.Fuzz(func(t *testing.T, seed, size byte, data, ad []byte) {
		r := random(seed)
		key, nonce := octets(r, 16+8*int(seed%3)), octets(r, 1+int(size%15))
		compare(t, key, nonce, data, ad)
		want, wantErr := twin(t, key, len(nonce)).Open(nil, nonce, data, ad)
		got, err := newOCB(t, key, len(nonce)).Open(nil, nonce, data, ad)
		require.Equal(t, wantErr == nil, err == nil)
		require.True(t, bytes.Equal(want, got))
	})
}

func BenchmarkOCB(b *testing.B) {
	for _, n := range []int{64, 1 << 10, 64 << 10} {
		for _, k := range []struct {
			name string
			aead func(testing.TB, []byte, int) cipher.AEAD
		}{{"ours", newOCB}, {"go-crypto", twin}} {
			a := k.aead(b, make([]byte, 32), 15)
			nonce, ad := make([]byte, 15), make([]byte, 5)
			buf := make([]byte, n, n+16)
			sealed := a.Seal(nil, nonce, buf, ad)
			b.Run(fmt.Sprintf("Seal/%s/%d", k.name, n), func(b *testing.B) {
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					a.Seal(buf[:0], nonce, buf, ad)
				}
			})
			out := make([]byte, 0, n)
			b.Run(fmt.Sprintf("Open/%s/%d", k.name, n), func(b *testing.B) {
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					_, err := a.Open(out, nonce, sealed, ad)
					require.NoError(b, err)
				}
			})
		}
	}
}
