//go:build !dkb_plain

package gcm

import (
	"bytes"
	"crypto/aes"
	"crypto/fips140"
	"encoding/binary"
	"io"
	"math/big"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// naive multiplies as polynomials of big integers, in the natural bit order: nothing in common with mul but the definition.
func naive(a, b elem) elem {
	toInt := func(e elem) *big.Int {
		z := new(big.Int)
		for i := range 128 {
			word := e.hi
			if i >= 64 {
				word = e.lo
			}
			z.SetBit(z, i, uint(word>>(63-i%64)&1))
		}
		return z
	}
	x, y, z := toInt(a), toInt(b), new(big.Int)
	for i := range 128 {
		if y.Bit(i) == 1 {
			z.Xor(z, new(big.Int).Lsh(x, uint(i)))
		}
	}
	modulus := new(big.Int).Lsh(big.NewInt(1), 128)
	modulus.Xor(modulus, big.NewInt(0x87)) // x^128 + x^7 + x^2 + x + 1
	for i := 255; i >= 128; i-- {
		if z.Bit(i) == 1 {
			z.Xor(z, new(big.Int).Lsh(modulus, uint(i-128)))
		}
	}
	var e elem
	for i := range 64 {
		e.hi |= uint64(z.Bit(i)) << (63 - i)
		e.lo |= uint64(z.Bit(i+64)) << (63 - i)
	}
	return e
}

func TestMul(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	edges := []elem{{}, one(), {lo: 1}, {hi: 1}, {lo: 1 << 63}, {^uint64(0), ^uint64(0)}, {hi: 0xe1 << 56}}
	for range 200 {
		edges = append(edges, elem{r.Uint64(), r.Uint64()})
	}
	for _, a := range edges {
		require.Equal(t, a, a.mul(one()))
		require.Equal(t, elem{}, a.mul(elem{}))
		for _, b := range edges[:30] {
			require.Equal(t, naive(a, b), a.mul(b), "%x * %x", a, b)
			require.Equal(t, a.mul(b), b.mul(a))
		}
	}
}

func TestPow(t *testing.T) {
	a := elem{0x66e94bd4ef8a2c3b, 0x884cfa59ca342b2e}
	want := one()
	for n := range uint64(200) {
		require.Equal(t, want, a.pow(n), "%d", n)
		want = want.mul(a)
	}
}

// ghash is GHASH as NIST SP 800-38D, Section 6.4 has it, block by block.
func ghash(h, y elem, b []byte) elem {
	for len(b) > 0 {
		var block [16]byte
		b = b[copy(block[:], b):]
		y = naive(y.xor(load(&block)), h)
	}
	return y
}

// TestTagNearTheEnd computes the tag of the last bytes of a message that is as long as one may be. What is before them is left
// out, so crypto/cipher can't be asked.
func TestTagNearTheEnd(t *testing.T) {
	if fips140.Enforced() {
		_, err := newEngine(make([]byte, 16), make([]byte, NonceSize), nil, standard())
		require.ErrorIs(t, err, ErrFIPS)
		return
	}
	key, nonce, aad := []byte("sixteen byte key"), []byte("twelve bytes"), []byte("additional data of 28 bytes.")
	const size = 5*48 + 16
	w, err := newEncrypter(new(bytes.Buffer), key, nonce, aad, config{segment: 48, workers: 2, start: MaxBytes - size})
	require.NoError(t, err)
	out := w.dst.(*bytes.Buffer)
	_, err = w.Write(make([]byte, size))
	require.NoError(t, err)
	require.NoError(t, w.Close())

	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	var b [16]byte
	block.Encrypt(b[:], b[:])
	h := load(&b)
	y := ghash(h, elem{}, aad)
	y = ghash(h, y, out.Bytes())
	y = naive(y.xor(elem{uint64(len(aad)) * 8, MaxBytes * 8}), h)
	copy(b[:], nonce)
	binary.BigEndian.PutUint32(b[12:], 1)
	block.Encrypt(b[:], b[:])
	require.Equal(t, y.xor(load(&b)).bytes(), w.Tag())
}

// TestWiped requires that no secret stays in the engine, whichever way a message ends.
func TestWiped(t *testing.T) {
	if fips140.Enforced() {
		_, err := newEngine(make([]byte, 16), make([]byte, NonceSize), nil, standard())
		require.ErrorIs(t, err, ErrFIPS)
		return
	}
	for name, end := range map[string]func(*Encrypter){
		"Close": func(w *Encrypter) { require.NoError(t, w.Close()) },
		"Abort": func(w *Encrypter) { w.Abort() },
		"an error": func(w *Encrypter) {
			_, err := w.ReadFrom(iotest.ErrReader(io.ErrUnexpectedEOF))
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		},
		"a panic, which Abort continues": func(w *Encrypter) {
			w.stopWorkers()
			w.dst = nil
			w.quit = newQuit()
			w.startWorkers()
			w.jobs <- make([]byte, 16)
			require.Panics(t, w.Abort)
		},
	} {
		w, err := newEncrypter(new(bytes.Buffer), make([]byte, 16), make([]byte, NonceSize), nil, config{segment: 16, workers: 2})
		require.NoError(t, err)
		_, err = w.Write(make([]byte, 100))
		require.NoError(t, err)
		require.NotZero(t, w.e.h)
		require.NotEmpty(t, w.buf)
		rest := w.buf
		copy(rest, "secret")
		end(w)
		require.Equal(t, engine{config: w.e.config, aadBits: w.e.aadBits, total: w.e.total, begun: w.e.begun}, *w.e, name)
		require.Nil(t, w.buf, name)
		require.NotContains(t, string(rest), "secret", name)
	}
}
