package gcm_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/doublekeybox/doublekeybox/internal/gcm"
	"github.com/stretchr/testify/require"
)

// TestAgainstStandardLibrary holds all three types against crypto/cipher, with segments so small that a few hundred bytes are
// many of them.
func TestAgainstStandardLibrary(t *testing.T) {
	if refused(t) {
		return
	}
	const shares = 4
	for share := range shares {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			t.Parallel()
			source := seed(byte(share))
			r := rand.New(source)
			for range cases / shares {
				segment := []int{16, 32, 48, 64, 256, 1024}[r.IntN(6)]
				size := max(0, r.IntN(7)*segment+r.IntN(35)-17)
				if r.IntN(4) == 0 {
					size = r.IntN(100)
				}
				m := newMessage(t, source, []int{16, 24, 32}[r.IntN(3)], r.IntN(80), size)
				c := gcm.Vary(segment, 1+r.IntN(3), 0)
				compare(t, m, c, r, 1+r.IntN(3*segment))
				if t.Failed() {
					return
				}
			}
		})
	}
}

// compare runs m both ways, in pieces of at most most bytes.
func compare(t *testing.T, m *message, c gcm.Config, r *rand.Rand, most int) {
	fail := func(what string) {
		t.Helper()
		t.Fatalf("%s differs: AES-%d, %d bytes, %d of additional data, pieces of %d, %+v",
			what, len(m.key)*8, len(m.plain), len(m.aad), most, c)
	}
	got := seal(t, m, c, func(w sink) { feed(t, w, m.plain, r, most) })
	if !bytes.Equal(got, m.sealed) {
		fail("sealed message")
	}
	v, err := gcm.NewVerifierWith(m.key, m.nonce, m.aad, c)
	require.NoError(t, err)
	feed(t, v, m.cipher(), r, most)
	sum, err := v.Sum()
	require.NoError(t, err)
	if !bytes.Equal(sum[:], m.tag()) {
		fail("tag")
	}
	d, err := gcm.NewDecrypterWith(bytes.NewReader(m.cipher()), m.key, m.nonce, c)
	require.NoError(t, err)
	var out bytes.Buffer
	_, err = io.CopyN(&out, struct{ io.Reader }{d}, int64(r.IntN(len(m.plain)+1)))
	require.NoError(t, err)
	_, err = d.WriteTo(&out)
	require.NoError(t, err)
	if !bytes.Equal(out.Bytes(), m.plain) {
		fail("plaintext")
	}
	require.NoError(t, d.Close())
}

// TestStandardSegments is about the sizes around those of the engine as it is used.
func TestStandardSegments(t *testing.T) {
	if refused(t) {
		return
	}
	noLeak(t)
	source := seed(10)
	r := rand.New(source)
	for _, size := range []int{
		0, 1, 15, 16, 17, 4095, 4096, 4097, segmentSize - 1, segmentSize, segmentSize + 1, 2*segmentSize - 1, 2 * segmentSize,
		2*segmentSize + 1, 3*segmentSize - 16, 3 * segmentSize, 3*segmentSize + 17, 4 * segmentSize, 7*segmentSize + 5,
	} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			m := newMessage(t, source, 32, 13, size)
			compare(t, m, gcm.Standard(), r, 1<<20)
			for name, in := range map[string]func(sink){
				"one Write": func(w sink) {
					_, err := w.Write(m.plain)
					require.NoError(t, err)
				},
				"io.Copy": func(w sink) {
					_, err := io.Copy(w, bytes.NewReader(m.plain))
					require.NoError(t, err)
				},
				"ReadFrom": func(w sink) {
					n, err := w.ReadFrom(iotest.HalfReader(bytes.NewReader(m.plain)))
					require.NoError(t, err)
					require.EqualValues(t, size, n)
				},
				"ReadFrom with data and EOF at once": func(w sink) {
					n, err := w.ReadFrom(iotest.DataErrReader(bytes.NewReader(m.plain)))
					require.NoError(t, err)
					require.EqualValues(t, size, n)
				},
			} {
				require.True(t, bytes.Equal(m.sealed, seal(t, m, gcm.Standard(), in)), name)
			}
			v, err := gcm.NewVerifier(m.key, m.nonce, m.aad)
			require.NoError(t, err)
			_, err = v.ReadFrom(iotest.DataErrReader(bytes.NewReader(m.cipher())))
			require.NoError(t, err)
			sum, err := v.Sum()
			require.NoError(t, err)
			require.True(t, gcm.Check(sum, m.tag()))

			d, err := gcm.NewDecrypter(bytes.NewReader(m.cipher()), m.key, m.nonce)
			require.NoError(t, err)
			plain, err := io.ReadAll(struct{ io.Reader }{d})
			require.NoError(t, err)
			require.True(t, bytes.Equal(m.plain, plain))
		})
	}
}

// TestDecrypterIsReader runs the checks of testing/iotest.
func TestDecrypterIsReader(t *testing.T) {
	if refused(t) {
		return
	}
	m := newMessage(t, seed(11), 16, 0, 1000)
	d, err := gcm.NewDecrypter(bytes.NewReader(m.cipher()), m.key, m.nonce)
	require.NoError(t, err)
	require.NoError(t, iotest.TestReader(d, m.plain))
}

// TestSpecification is Test Case 16 of "The Galois/Counter Mode of Operation (GCM)", McGrew and Viega, 2005: a vector that
// does not come from the library that the other tests compare with.
func TestSpecification(t *testing.T) {
	if refused(t) {
		return
	}
	h := func(s string) []byte {
		b, err := hex.DecodeString(s)
		require.NoError(t, err)
		return b
	}
	m := &message{
		key:   h("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
		nonce: h("cafebabefacedbaddecaf888"),
		aad:   h("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
		plain: h("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"),
		sealed: h("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662" +
			"76fc6ece0f4e1768cddf8853bb2d551b"),
	}
	for _, segment := range []int{16, 32, 48, 64, 256 << 10} {
		compare(t, m, gcm.Vary(segment, 2, 0), rand.New(seed(12)), 20)
	}
}

// TestTampered changes one thing at a time. Its positive twin is the same message unchanged.
func TestTampered(t *testing.T) {
	if refused(t) {
		return
	}
	m := newMessage(t, seed(13), 32, 20, 200)
	check := func(m *message, c []byte) bool {
		v, err := gcm.NewVerifierWith(m.key, m.nonce, m.aad, gcm.Vary(48, 2, 0))
		require.NoError(t, err)
		_, err = v.Write(c)
		require.NoError(t, err)
		sum, err := v.Sum()
		require.NoError(t, err)
		return gcm.Check(sum, m.tag())
	}
	require.True(t, check(m, m.cipher()), "unchanged")
	for what, b := range map[string][]byte{
		"key": m.key, "nonce": m.nonce, "additional data": m.aad, "ciphertext": m.cipher(), "tag": m.tag(),
	} {
		for bit := range len(b) * 8 {
			b[bit/8] ^= 1 << (bit % 8)
			require.False(t, check(m, m.cipher()), "bit %d of the %s", bit, what)
			b[bit/8] ^= 1 << (bit % 8)
		}
	}
	c := m.cipher()
	for n := range c {
		require.False(t, check(m, c[:n]), "cut to %d", n)
	}
	require.False(t, check(m, append(bytes.Clone(c), 0)), "a zero more")
	swapped := bytes.Clone(c)
	copy(swapped[0:48], c[48:96])
	copy(swapped[48:96], c[0:48])
	require.False(t, check(m, swapped), "two segments exchanged")
	require.False(t, check(m, append(bytes.Clone(c[:48]), c...)), "a segment twice")

	// Bytes that move between additional data and ciphertext change neither's concatenation.
	moved := *m
	moved.aad = m.aad[:16]
	require.False(t, check(&moved, append(bytes.Clone(m.aad[16:]), c...)))
	require.True(t, check(m, c), "unchanged, again")
}

func TestCheck(t *testing.T) {
	sum := [gcm.TagSize]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	for n := range 17 {
		require.Equal(t, n >= 12, gcm.Check(sum, sum[:n]), "%d bytes", n)
	}
	require.False(t, gcm.Check(sum, append(sum[:16:16], 0)), "17 bytes")
	require.False(t, gcm.Check(sum, nil))
	for n := 12; n <= 16; n++ {
		for bit := range n * 8 {
			tag := bytes.Clone(sum[:n])
			tag[bit/8] ^= 1 << (bit % 8)
			require.False(t, gcm.Check(sum, tag), "%d bytes, bit %d", n, bit)
		}
	}
}

func TestParameters(t *testing.T) {
	if refused(t) {
		return
	}
	create := func(key, nonce []byte) []error {
		_, e := gcm.NewEncrypter(io.Discard, key, nonce, nil)
		_, v := gcm.NewVerifier(key, nonce, nil)
		_, d := gcm.NewDecrypter(bytes.NewReader(nil), key, nonce)
		return []error{e, v, d}
	}
	for size := range 40 {
		for _, err := range create(make([]byte, size), make([]byte, gcm.NonceSize)) {
			if size == 16 || size == 24 || size == 32 {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, "gcm: key of ")
			}
		}
		for _, err := range create(make([]byte, 32), make([]byte, size)) {
			if size == gcm.NonceSize {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, "gcm: nonce")
			}
		}
	}
}

// FuzzAgainstStandardLibrary: whatever the message and however it is cut, all is as crypto/cipher has it.
func FuzzAgainstStandardLibrary(f *testing.F) {
	for i, size := range []int{0, 1, 16, 47, 48, 49, 96, 1000} {
		f.Add(uint8(i), bytes.Repeat([]byte{byte(i)}, size), []byte("additional")[:i], uint16(3+i), uint8(7*i), uint8(i))
	}
	f.Fuzz(func(t *testing.T, k uint8, plain, aad []byte, segment uint16, piece, workers uint8) {
		if refused(t) {
			return
		}
		m := newMessage(t, seed(k), 16+int(k%3)*8, 0, 0)
		m.plain, m.aad = plain, aad
		m.sealed = standardSeal(t, m)
		c := gcm.Vary(16*(1+int(segment%64)), 1+int(workers%4), 0)
		compare(t, m, c, rand.New(seed(piece)), 1+int(piece))
	})
}
