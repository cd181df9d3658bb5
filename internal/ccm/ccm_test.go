package ccm_test

import (
	"bytes"
	"crypto/fips140"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/doublekeybox/doublekeybox/internal/ccm"
	"github.com/doublekeybox/doublekeybox/internal/ccm/ccmtest"
	"github.com/stretchr/testify/require"
)

// refused reports whether this process is one in which CCM is forbidden, and then requires that every constructor says so.
func refused(t testing.TB) bool {
	t.Helper()
	if !fips140.Enforced() {
		return false
	}
	key, nonce := make([]byte, 32), make([]byte, 12)
	_, err := ccm.NewVerifier(key, nonce, nil, 0, 16)
	require.ErrorIs(t, err, ccm.ErrFIPS)
	_, err = ccm.NewDecrypter(bytes.NewReader(nil), key, nonce)
	require.ErrorIs(t, err, ccm.ErrFIPS)
	return true
}

// open is what a reader of a message does.
func open(t testing.TB, key, nonce, aad, sealed []byte, tagSize int, pieces []int) ([]byte, bool) {
	t.Helper()
	ct, tag := sealed[:len(sealed)-tagSize], sealed[len(sealed)-tagSize:]
	v, err := ccm.NewVerifier(key, nonce, aad, uint64(len(ct)), tagSize)
	require.NoError(t, err)
	rest := ct
	for i := 0; len(rest) > 0; i++ {
		n := min(len(rest), pieces[i%len(pieces)])
		m, err := v.Write(rest[:n])
		require.NoError(t, err)
		require.Equal(t, n, m)
		rest = rest[n:]
	}
	good := v.Check(tag)
	require.False(t, v.Check(tag), "a Verifier ends with Check")
	d, err := ccm.NewDecrypter(iotest.HalfReader(bytes.NewReader(ct)), key, nonce)
	require.NoError(t, err)
	plain, err := io.ReadAll(d)
	require.NoError(t, err)
	return plain, good
}

// TestSpecification is example 4 of NIST SP 800-38C, Appendix C: the others have tags that are too short here.
func TestSpecification(t *testing.T) {
	if refused(t) {
		return
	}
	h := func(s string) []byte {
		b, err := hex.DecodeString(s)
		require.NoError(t, err)
		return b
	}
	aad := make([]byte, 65536)
	for i := range aad {
		aad[i] = byte(i)
	}
	key, nonce := h("404142434445464748494a4b4c4d4e4f"), h("101112131415161718191a1b1c")
	sealed := h("69915dad1e84c6376a68c2967e4dab615ae0fd1faec44cc484828529463ccf72b4ac6bec93e8598e7f0dadbcea5b")
	plain, good := open(t, key, nonce, aad, sealed, 14, []int{7})
	require.True(t, good)
	require.Equal(t, h("202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"), plain)
	require.Equal(t, sealed, ccmtest.Seal(key, nonce, aad, plain, 14))
}

// TestAgainstOpenSSL compares with what OpenSSL 3 made of the same inputs: lengths around every boundary of the encoding.
func TestAgainstOpenSSL(t *testing.T) {
	if refused(t) {
		return
	}
	pattern := func(n, m int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i*m + i/251)
		}
		return b
	}
	for _, c := range []struct {
		key, nonce, tag, aad, plain int
		sum                         string // SHA-256 of ciphertext and tag
	}{
		{16, 7, 12, 0, 0, "2411e8e6d5c17e957b5312153174779017d59e993d008dea5fefaacf2f88868a"},
		{16, 8, 14, 1, 1, "6af84f4678c78464d73fe18ffcade3f80c43012c0ab884705736e4973dc31333"},
		{24, 9, 16, 13, 15, "77e4d2bbd9e5923d14d83add90382f6d4cf2943667c9b5b70ac3ad8e1a09f5bd"},
		{24, 10, 12, 14, 16, "672f73e169ade2bcffa7b3c82eb31d121277624c6e99a2cfa151bce3f70940ae"},
		{32, 11, 14, 15, 17, "d8849f9d978a371724fde3c48e2d0f7b99726a0e124504fbd962a0816cf9e11e"},
		{32, 12, 16, 0, 4096, "9a37b3e89cdffde397ce2b864a33bf8900178578b73efdf3169e366772f16e07"},
		{32, 13, 16, 30, 65535, "ea159c5220ec44e5db3afd3b0615ad0364959a45ef1c685131b4e47833e7f249"},
		{16, 12, 12, 65279, 16383, "d42b13d959c0cfa8955933142c5345633ce7322b3ee79e570a1bfeb66afdf2aa"},
		{16, 12, 14, 65280, 16384, "b2a80bd88d879bc9a6a2da795ca7cdd99af566ecd5d83bfdfdd88f184094e97c"},
		{32, 12, 16, 65281, 16385, "e1cef914f41a1c6a53e7f56188cc85c917219754c0a9aee4af4cf7487a1040bb"},
		{32, 12, 16, 65536, 100000, "f8290587477c09766415cd17f706a1dc8eafaada075de6991bedb9333e0e0481"},
		{24, 7, 12, 3, 300000, "d6ad884dbdfa4d3c0086bdb7f2871a2ac6a04c2e6b698ce8f3830a5800d97250"},
		{32, 12, 16, 5, 32768, "1b5b2c2f23d7e81a0172b6b3285fe56b7b791140a19f1b0789327746a9409457"},
	} {
		key, nonce, aad, plain := pattern(c.key, 3), pattern(c.nonce, 5), pattern(c.aad, 7), pattern(c.plain, 11)
		sealed := ccmtest.Seal(key, nonce, aad, plain, c.tag)
		sum := sha256.Sum256(sealed)
		require.Equal(t, c.sum, hex.EncodeToString(sum[:]), "%+v", c)
		got, good := open(t, key, nonce, aad, sealed, c.tag, []int{1000, 1, 16384})
		require.True(t, good, "%+v", c)
		require.True(t, bytes.Equal(plain, got))
	}
}

// TestBoundaries: any division into calls of Write gives the same, at every length around a block and a buffer.
func TestBoundaries(t *testing.T) {
	if refused(t) {
		return
	}
	r := rand.NewChaCha8([32]byte{1})
	random := func(n int) []byte { b := make([]byte, n); r.Read(b); return b }
	sizes := []int{16<<10 - 1, 16 << 10, 16<<10 + 1, 16<<10 + 17, 40000}
	for n := range 50 {
		sizes = append(sizes, n)
	}
	for i, size := range sizes {
		key, nonce, aad := random([]int{16, 24, 32}[i%3]), random(7+i%7), random(i%40)
		if uint64(size) > ccm.MaxBytes(len(nonce)) {
			continue
		}
		plain, tagSize := random(size), 12+2*(i%3)
		sealed := ccmtest.Seal(key, nonce, aad, plain, tagSize)
		for _, pieces := range [][]int{{1}, {15, 1}, {16}, {17}, {1 << 20}, {5, 16384, 3}} {
			got, good := open(t, key, nonce, aad, sealed, tagSize, pieces)
			require.True(t, good, "%d in pieces of %v", size, pieces)
			require.True(t, bytes.Equal(plain, got))
		}
		// Each input counts.
		change := func(b []byte) []byte {
			b = bytes.Clone(b)
			b[len(b)/2] ^= 0x10
			return b
		}
		other, _ := ccm.NewVerifier(key, nonce, aad, uint64(size), tagSize)
		_, err := other.Write(sealed[:size])
		require.NoError(t, err)
		require.False(t, other.Check(change(sealed[size:])), "tag")
		_, good := open(t, key, nonce, aad, change(sealed), tagSize, []int{size + 1})
		require.False(t, good, "ciphertext")
		_, good = open(t, key, nonce, append(bytes.Clone(aad), 0), sealed, tagSize, []int{size + 1})
		require.False(t, good, "additional data")
		_, good = open(t, key, change(nonce), aad, sealed, tagSize, []int{size + 1})
		require.False(t, good, "nonce")
		_, good = open(t, change(key), nonce, aad, sealed, tagSize, []int{size + 1})
		require.False(t, good, "key")
	}
}

// TestTagSize: the length of the tag is hashed, so that a cut one is another one's, and what is not announced is refused.
func TestTagSize(t *testing.T) {
	if refused(t) {
		return
	}
	key, nonce, plain := make([]byte, 16), make([]byte, 12), []byte("text")
	sealed := ccmtest.Seal(key, nonce, nil, plain, 16)
	for n := range 20 {
		v, err := ccm.NewVerifier(key, nonce, nil, 4, n)
		if n != 12 && n != 14 && n != 16 {
			require.Error(t, err)
			require.False(t, ccm.ValidTagSize(n))
			continue
		}
		require.NoError(t, err)
		require.True(t, ccm.ValidTagSize(n))
		_, err = v.Write(sealed[:4])
		require.NoError(t, err)
		require.Equal(t, n == 16, v.Check(sealed[4:][:n]), "tag cut to %d", n)
	}
	for n := range 17 {
		v, err := ccm.NewVerifier(key, nonce, nil, 4, 16)
		require.NoError(t, err)
		_, err = v.Write(sealed[:4])
		require.NoError(t, err)
		require.Equal(t, n == 16, v.Check(sealed[4:][:n]), "%d octets of a tag of 16", n)
	}
}

// TestSize: a message is as long as was announced.
func TestSize(t *testing.T) {
	if refused(t) {
		return
	}
	key, nonce := make([]byte, 16), make([]byte, 13)
	sealed := ccmtest.Seal(key, nonce, nil, make([]byte, 65535), 16)
	for _, n := range []int{-1, 0, 1} {
		v, err := ccm.NewVerifier(key, nonce, nil, 65535, 16)
		require.NoError(t, err)
		_, err = v.Write(make([]byte, 65535+n))
		require.Equal(t, n > 0, errors.Is(err, ccm.ErrTooLong))
		require.False(t, v.Check(sealed[65535:]), "wrong content")
		_, err = v.Write(nil)
		require.Error(t, err)
	}
	v, err := ccm.NewVerifier(key, nonce, nil, 65535, 16)
	require.NoError(t, err)
	_, err = v.Write(sealed[:65534])
	require.NoError(t, err)
	require.False(t, v.Check(sealed[65535:]), "not all of it")

	require.EqualValues(t, 65535, ccm.MaxBytes(13))
	require.EqualValues(t, 1<<24-1, ccm.MaxBytes(12))
	require.EqualValues(t, uint64(1<<64-1), ccm.MaxBytes(7))
	_, err = ccm.NewVerifier(key, nonce, nil, 65536, 16)
	require.ErrorIs(t, err, ccm.ErrTooLong)
	for size, want := range map[int]error{65535: nil, 65536: ccm.ErrTooLong} {
		d, err := ccm.NewDecrypter(bytes.NewReader(make([]byte, size)), key, nonce)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, d)
		require.Equal(t, want, err)
	}
}

func TestParameters(t *testing.T) {
	if refused(t) {
		return
	}
	for n := range 40 {
		_, errV := ccm.NewVerifier(make([]byte, n), make([]byte, 12), nil, 0, 16)
		_, errD := ccm.NewDecrypter(nil, make([]byte, n), make([]byte, 12))
		require.Equal(t, n == 16 || n == 24 || n == 32, errV == nil, "key of %d", n)
		require.Equal(t, errV == nil, errD == nil)
		_, errV = ccm.NewVerifier(make([]byte, 16), make([]byte, n), nil, 0, 16)
		_, errD = ccm.NewDecrypter(nil, make([]byte, 16), make([]byte, n))
		require.Equal(t, n >= 7 && n <= 13, errV == nil, "nonce of %d", n)
		require.Equal(t, errV == nil, errD == nil)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestErrorsStay(t *testing.T) {
	if refused(t) {
		return
	}
	disk := errors.New("input/output error")
	for n, want := range map[int]error{0: disk, 3: disk, -1: nil, 1 << 30: nil} {
		calls := 0
		d, err := ccm.NewDecrypter(readFunc(func([]byte) (int, error) { calls++; return n, disk }), make([]byte, 16), make([]byte, 12))
		require.NoError(t, err)
		got, err := io.ReadAll(d)
		require.Error(t, err)
		if want != nil {
			require.Equal(t, want, err)
			require.Len(t, got, n)
		}
		_, again := d.Read(make([]byte, 1))
		require.Equal(t, err, again)
		require.Equal(t, 1, calls)
		require.NoError(t, d.Close())
		_, err = d.Read(make([]byte, 1))
		require.Equal(t, ccm.ErrClosed, err)
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, size := range []int{1 << 10, 8 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			buf := make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				v, err := ccm.NewVerifier(make([]byte, 32), make([]byte, 7), nil, uint64(size), 16)
				if err != nil {
					b.Fatal(err)
				}
				v.Write(buf)
				v.Check(buf[:16])
			}
		})
	}
}
