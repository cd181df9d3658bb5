package mdc_test

import (
	"bytes"
	"crypto/cipher"
	"crypto/sha1"
	"io"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/mdc"
)

// sources are the ways in which the same octets may arrive.
func sources(b []byte) map[string]io.Reader {
	return map[string]io.Reader{
		"at once": bytes.NewReader(b), "by one": iotest.OneByteReader(bytes.NewReader(b)),
		"halves": iotest.HalfReader(bytes.NewReader(b)), "with the error": iotest.DataErrReader(bytes.NewReader(b)),
	}
}

func TestReader(t *testing.T) {
	for name, block := range blocks(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, n := range lengths {
				content := octets(n)
				msg := oracle(block, octets(block.BlockSize()), content)
				for how, src := range sources(msg) {
					r := mdc.NewReader(src, block)
					got, err := io.ReadAll(r)
					require.NoError(t, err, "%d %s", n, how)
					require.True(t, bytes.Equal(content, got), "%d %s", n, how)
					_, err = r.ReadByte()
					require.Equal(t, io.EOF, err)
					require.NoError(t, r.Close())
					_, err = r.Read(make([]byte, 1))
					require.Equal(t, mdc.ErrClosed, err)
				}
				r := mdc.NewUnchecked(bytes.NewReader(msg), block)
				var got bytes.Buffer
				if n > 0 {
					c, err := r.ReadByte()
					require.NoError(t, err)
					got.WriteByte(c)
				}
				_, err := io.Copy(&got, r)
				require.NoError(t, err)
				require.True(t, bytes.Equal(content, got.Bytes()), "%d", n)
				r.Stop()
			}
		})
	}
}

// read reads one message to its end, and returns what came before the error.
func read(msg []byte, block cipher.Block) ([]byte, error) {
	r := mdc.NewReader(bytes.NewReader(msg), block)
	defer r.Stop()
	return io.ReadAll(r)
}

// Every bit of short messages, and every cut.
func TestReaderRefuses(t *testing.T) {
	for _, block := range blocks(t) {
		for _, n := range []int{0, 1, 15, 16, 17, 40} {
			msg := oracle(block, octets(block.BlockSize()), octets(n))
			_, err := read(msg, block)
			require.NoError(t, err)
			for bit := range len(msg) * 8 {
				msg[bit/8] ^= 1 << (bit % 8)
				_, err := read(msg, block)
				require.Equal(t, mdc.ErrDamaged, err, "%d octets, bit %d", n, bit)
				msg[bit/8] ^= 1 << (bit % 8)
			}
			for cut := range msg {
				_, err := read(msg[:cut], block)
				require.Equal(t, mdc.ErrDamaged, err, "%d octets, cut to %d", n, cut)
				if cut < block.BlockSize()+2+22 {
					r := mdc.NewUnchecked(bytes.NewReader(msg[:cut]), block)
					_, err := io.ReadAll(r)
					require.Equal(t, mdc.ErrDamaged, err, "%d octets, cut to %d", n, cut)
				}
			}
			_, err = read(append(msg, 0), block)
			require.Equal(t, mdc.ErrDamaged, err)
		}
	}
	block := blocks(t)["AES"]
	for _, n := range lengths { // longer ones, where buffers meet
		msg := oracle(block, octets(16), octets(n))
		for _, at := range []int{0, 17, 18, 4<<10 - 1, 4 << 10, 68<<10 - 1, 68 << 10, len(msg) - 23, len(msg) - 22, len(msg) - 21, len(msg) - 1} {
			if at < len(msg) {
				msg[at] ^= 4
				_, err := read(msg, block)
				require.Equal(t, mdc.ErrDamaged, err, "%d octets, octet %d", n, at)
				_, err = read(msg[:at], block)
				require.Equal(t, mdc.ErrDamaged, err, "%d octets, cut to %d", n, at)
				msg[at] ^= 4
			}
		}
		_, err := read(msg, block)
		require.NoError(t, err)
	}
}

// The packet with the code, in every form but the right one; each digest is right for what is there.
func TestReaderForms(t *testing.T) {
	block := blocks(t)["AES"]
	start := append(octets(16), 0, 0) // the repetition is wrong, which nobody may notice
	make := func(content, head []byte, after ...byte) []byte {
		b := append(bytes.Clone(start), content...)
		b = append(b, head...)
		sum := sha1.Sum(b)
		return encrypted(block, append(append(b, sum[:]...), after...))
	}
	text := []byte("content")
	got, err := read(make(text, []byte{0xD3, 0x14}), block)
	require.NoError(t, err)
	require.Equal(t, text, got)
	// The digest is over the right header, and another one stands there.
	unhashed := func(head ...byte) []byte {
		b := append(bytes.Clone(start), text...)
		sum := sha1.Sum(append(bytes.Clone(b), 0xD3, 0x14))
		return encrypted(block, append(append(b, head...), sum[:]...))
	}
	got, err = read(unhashed(0xD3, 0x14), block)
	require.NoError(t, err)
	require.Equal(t, text, got)
	for name, msg := range map[string][]byte{
		"another type, unhashed":   unhashed(0xD2, 0x14),
		"another length, unhashed": unhashed(0xD3, 0x15),
		"another type":             make(text, []byte{0xD2, 0x14}),
		"old format":               make(text, []byte{0xCC, 0x14}),
		"length of two octets":     make(text, []byte{0xD3, 0xC0, 0x14}),
		"length of five octets":    make(text, []byte{0xD3, 0xFF, 0, 0, 0, 0x14}),
		"one octet less":           make(text, []byte{0xD3, 0x13}),
		"one octet more":           make(text, []byte{0xD3, 0x15}),
		"partial length":           make(text, []byte{0xD3, 0xE4}),
		"no header":                make(text, nil),
		"something behind it":      make(text, []byte{0xD3, 0x14}, 1),
		"a packet behind it":       make(text, []byte{0xD3, 0x14}, 0xCA, 3, 'P', 'G', 'P'),
		"a second one behind it":   make(text, []byte{0xD3, 0x14}, append([]byte{0xD3, 0x14}, octets(20)...)...),
		"none":                     encrypted(block, append(bytes.Clone(start), text...)),
		"nothing":                  {},
	} {
		_, err := read(msg, block)
		require.Equal(t, mdc.ErrDamaged, err, name)
	}
	// What is too short for a random block has no content either, however right its digest.
	for n := range 18 {
		b := append(octets(n), 0xD3, 0x14)
		sum := sha1.Sum(b)
		_, err := read(encrypted(block, append(b, sum[:]...)), block)
		require.Equal(t, mdc.ErrDamaged, err, "%d", n)
	}
}

// Whatever the random block and its repetition hold: it is taken if the digest
// is right, and else it is the one error.
func TestReaderPrefix(t *testing.T) {
	block := blocks(t)["AES"]
	start := append(octets(18), "content"...)
	start = append(start, 0xD3, 0x14)
	wrong := sha1.Sum(octets(9))
	msg := make([]byte, 0, 64)
	for v := range 1 << 16 {
		start[16], start[17] = byte(v>>8), byte(v)
		_, err := read(encrypted(block, append(append(msg[:0], start...), wrong[:]...)), block)
		require.Equal(t, mdc.ErrDamaged, err)
		if v%251 == 0 {
			sum := sha1.Sum(start)
			got, err := read(encrypted(block, append(append(msg[:0], start...), sum[:]...)), block)
			require.NoError(t, err)
			require.Equal(t, "content", string(got))
		}
	}
}

// unprotected is RFC 9580, Section 5.7.
func unprotected(block cipher.Block, prefix, content []byte) []byte {
	size := block.BlockSize()
	head := encrypted(block, append(bytes.Clone(prefix), prefix[size-2:]...))
	b := bytes.Clone(content)
	//lint:ignore SA1019 it is the oracle
	cipher.NewCFBEncrypter(block, head[2:]).XORKeyStream(b, b)
	return append(head, b...)
}

func TestUnprotected(t *testing.T) {
	for _, block := range blocks(t) {
		size := block.BlockSize()
		for _, n := range lengths {
			content := octets(n)
			msg := unprotected(block, octets(size), content)
			for how, src := range sources(msg) {
				r := mdc.NewUnprotected(src, block)
				got, err := io.ReadAll(r)
				require.NoError(t, err)
				require.True(t, bytes.Equal(content, got), "%d %s", n, how)
				r.Stop()
			}
			for cut := range size + 2 {
				_, err := io.ReadAll(mdc.NewUnprotected(bytes.NewReader(msg[:cut]), block))
				require.Equal(t, mdc.ErrDamaged, err)
			}
		}
	}
}

// breaking returns its octets, and then fails or panics.
type breaking struct {
	r      io.Reader
	panics bool
}

func (b *breaking) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == nil {
		return n, nil
	}
	if b.panics {
		panic(errFull)
	}
	return n, errFull
}

// Wherever the source breaks its error comes out and stays, or its panic in the caller's goroutine; and nothing is left running.
func TestSourceBreaks(t *testing.T) {
	block := blocks(t)["AES"]
	msg := oracle(block, octets(16), octets(700_000))
	for _, make := range []func(io.Reader, cipher.Block) *mdc.Reader{mdc.NewReader, mdc.NewUnchecked, mdc.NewUnprotected} {
		for _, panics := range []bool{false, true} {
			for n := 0; n < len(msg); n += 40_000 {
				synctest.Test(t, func(t *testing.T) {
					r := make(&breaking{bytes.NewReader(msg[:n]), panics}, block)
					defer r.Stop()
					err := func() (err error) {
						defer func() {
							if x := recover(); x != nil {
								err = x.(error)
							}
						}()
						_, err = io.Copy(io.Discard, r)
						require.False(t, panics)
						return err
					}()
					require.Equal(t, errFull, err)
					_, err = r.Read([]byte{0})
					require.Error(t, err)
					require.NotEqual(t, io.EOF, err)
				})
			}
		}
	}
}

// Stop at any time leaves nothing running.
func TestStop(t *testing.T) {
	block := blocks(t)["AES"]
	msg := oracle(block, octets(16), octets(700_000))
	for _, make := range []func(io.Reader, cipher.Block) *mdc.Reader{mdc.NewReader, mdc.NewUnchecked, mdc.NewUnprotected} {
		for n := 0; n < 690_000; n += 34_567 {
			synctest.Test(t, func(t *testing.T) {
				r := make(bytes.NewReader(msg), block)
				_, err := io.CopyN(io.Discard, r, int64(n))
				require.NoError(t, err)
				r.Stop()
				r.Stop()
				_, err = r.ReadByte()
				require.Equal(t, mdc.ErrClosed, err)
				_, err = io.Copy(io.Discard, r)
				require.Equal(t, mdc.ErrClosed, err)
			})
		}
	}
}
