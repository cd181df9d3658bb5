//go:build !dkb_plain

package pgp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/ProtonMail/go-crypto/eax"
	"github.com/ProtonMail/go-crypto/ocb"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/chunks"
)

// suites are all that are read.
var suites = []packet.CipherSuite{
	{Cipher: packet.CipherAES128, Mode: packet.AEADModeEAX}, {Cipher: packet.CipherAES128, Mode: packet.AEADModeOCB}, {Cipher: packet.CipherAES128, Mode: packet.AEADModeGCM},
	{Cipher: packet.CipherAES192, Mode: packet.AEADModeEAX}, {Cipher: packet.CipherAES192, Mode: packet.AEADModeOCB}, {Cipher: packet.CipherAES192, Mode: packet.AEADModeGCM},
	{Cipher: packet.CipherAES256, Mode: packet.AEADModeEAX}, {Cipher: packet.CipherAES256, Mode: packet.AEADModeOCB}, {Cipher: packet.CipherAES256, Mode: packet.AEADModeGCM},
}

// body returns the body of the packet that msg is, whatever its parts.
func packetBody(t testing.TB, msg []byte) []byte {
	t.Helper()
	_, b, err := newPackets(bytes.NewReader(msg)).next()
	require.NoError(t, err)
	raw, err := io.ReadAll(b)
	require.NoError(t, err)
	return raw
}

// theirs has go-crypto seal, with a salt that is known.
func theirs(t testing.TB, suite packet.CipherSuite, chunk byte, key, salt, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := packet.SerializeSymmetricallyEncrypted(&out, suite.Cipher, true, suite, key, &packet.Config{
		Rand:       bytes.NewReader(salt),
		AEADConfig: &packet.AEADConfig{DefaultMode: suite.Mode, ChunkSize: 64 << chunk},
	})
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// goCrypto has it open a packet.
func goCrypto(msg, key []byte) (plain []byte, err error) {
	p, err := packet.Read(bytes.NewReader(msg))
	if err != nil {
		return nil, err
	}
	err = keyGuard(func() error {
		var r io.ReadCloser
		switch p := p.(type) {
		case *packet.SymmetricallyEncrypted:
			r, err = p.Decrypt(p.Cipher, key)
		case *packet.AEADEncrypted:
			r, err = p.Decrypt(0, key)
		default:
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if plain, err = io.ReadAll(r); err != nil {
			return err
		}
		return r.Close()
	})
	return plain, err
}

// ours opens a packet.
func ours(msg, key []byte) ([]byte, error) {
	r, err := openPacket(msg, key)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// The packets are those of go-crypto octet for octet, and each reads the
// other's, for all modes and keys, and at every boundary of chunks.
func TestSEIPDv2AgainstGoCrypto(t *testing.T) {
	skipFIPS(t)
	for _, suite := range suites {
		t.Run(contentV2(suite.Cipher, suite.Mode), func(t *testing.T) {
			t.Parallel()
			r := rand.NewChaCha8([32]byte{byte(suite.Cipher), byte(suite.Mode)})
			some := func(n int) []byte { b := make([]byte, n); r.Read(b); return b }
			for _, chunk := range []byte{0, 1, 6, 10, 12} {
				size := 64 << chunk
				for _, n := range []int{0, 1, size - 1, size, size + 1, 3*size - 1, 3 * size, 3*size + 1, 20*size + 7} {
					if n > 1<<20 {
						continue
					}
					key, salt, content := some(suite.Cipher.KeySize()), some(32), some(n)
					want := theirs(t, suite, chunk, key, salt, content)
					var got bytes.Buffer
					w, err := newSaltedWriter(&got, suite, chunk, key, salt)
					require.NoError(t, err)
					for rest := content; len(rest) > 0; {
						k := min(len(rest), 1+int(r.Uint64()%uint64(2*size)))
						_, err := w.Write(rest[:k])
						require.NoError(t, err)
						rest = rest[k:]
					}
					require.NoError(t, w.Close())
					require.True(t, bytes.Equal(packetBody(t, want), packetBody(t, got.Bytes())), "%d octets in chunks of %d", n, size)
					plain, err := goCrypto(got.Bytes(), key)
					require.NoError(t, err)
					require.True(t, bytes.Equal(content, plain))
					plain, err = ours(want, key)
					require.NoError(t, err)
					require.True(t, bytes.Equal(content, plain))
					// The twin: one bit, wherever it is.
					at := len(want)*8 - 1 - int(r.Uint64()%uint64(len(packetBody(t, want))*4))
					want[at/8] ^= 1 << (at % 8)
					_, theirErr := goCrypto(want, key)
					_, ourErr := ours(want, key)
					require.Error(t, theirErr)
					require.Error(t, ourErr)
				}
			}
		})
	}
}

// libreMessage is packet 20 as draft-koch-librepgp, Section 5.16 has it.
func libreMessage(t testing.TB, suite packet.CipherSuite, chunk byte, key, iv, content []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	var mode cipher.AEAD
	if suite.Mode == packet.AEADModeEAX {
		mode, err = eax.NewEAX(block)
	} else {
		mode, err = ocb.NewOCBWithNonceAndTagSize(block, 15, 16)
	}
	require.NoError(t, err)
	head := []byte{0xD4, 1, byte(suite.Cipher), byte(suite.Mode), chunk}
	out := append(bytes.Clone(head[1:]), iv...)
	index := uint64(0)
	seal := func(plain, more []byte) {
		nonce := bytes.Clone(iv)
		low := nonce[len(nonce)-8:]
		binary.BigEndian.PutUint64(low, binary.BigEndian.Uint64(low)^index)
		out = mode.Seal(out, nonce, plain, append(binary.BigEndian.AppendUint64(bytes.Clone(head), index), more...))
	}
	for rest := content; len(rest) > 0; index++ {
		n := min(64<<chunk, len(rest))
		seal(rest[:n], nil)
		rest = rest[n:]
	}
	seal(nil, binary.BigEndian.AppendUint64(nil, uint64(len(content))))
	return append(binary.BigEndian.AppendUint32([]byte{0xC0 | tagLibrePGP, 255}, uint32(len(out))), out...)
}

// Packet 20 in both of its modes is read as go-crypto reads it.
func TestLibreAgainstGoCrypto(t *testing.T) {
	for _, suite := range suites {
		if suite.Mode == packet.AEADModeGCM {
			continue
		}
		for _, chunk := range []byte{0, 3, 12} {
			size := 64 << chunk
			for _, n := range []int{0, 1, size - 1, size, size + 1, 3 * size} {
				r := rand.NewChaCha8([32]byte{byte(suite.Cipher), byte(suite.Mode), chunk, byte(n)})
				some := func(n int) []byte { b := make([]byte, n); r.Read(b); return b }
				key, content := some(suite.Cipher.KeySize()), some(n)
				msg := libreMessage(t, suite, chunk, key, some(suite.Mode.IvLength()), content)
				want, err := goCrypto(msg, key)
				require.NoError(t, err)
				require.True(t, bytes.Equal(content, want))
				got, err := ours(msg, key)
				require.NoError(t, err)
				require.True(t, bytes.Equal(content, got))
				for range 5 {
					at := len(msg)*8 - 1 - int(r.Uint64()%uint64(len(msg)-10)*8)
					msg[at/8] ^= 1 << (at % 8)
					_, err = goCrypto(msg, key)
					require.Error(t, err)
					_, err = ours(msg, key)
					require.Error(t, err, "bit %d", at)
					msg[at/8] ^= 1 << (at % 8)
				}
			}
		}
	}
}

// The sample messages of RFC 9580, Appendix A.9 to A.11, whose passphrase is
// "password": the key comes from go-crypto, the content from here.
func TestRFC9580Samples(t *testing.T) {
	skipFIPS(t)
	for mode, sample := range map[packet.AEADMode]string{
		packet.AEADModeEAX: "c340061e07010b0308a5ae579d1fc5d82bff69224f919993b3506fa3b59a6a73cff8c5efc5f41c57fb54e1c226815d7828f5f92c454eb65e" +
			"be00ab5986c68e6e7c55d269020701069ff90e3b321964f3a42913c8dcc6619325015227efb7eaeaa49f04c2e674175d4a3d226ed6afcb9c" +
			"a9ac122c1470e11c63d4c0ab241c6a938ad48bf99a5a99b90bba8325de61047540258ab7959a95ad051dda96eb15431dfef5f5e2255ca782" +
			"61546e339a",
		packet.AEADModeOCB: "c33f061d07020b030856a298d2f5e36453ffcfcc5c11664edb9db42590d7dc46b07241b612c3812cfffbea00f2347b25641123f887ae60d4" +
			"fd614e0837d819d36cd2690207020620a661f731fc9a3032b5623326027e3a5d8db5748ebeff0b0c5910d09ecdd641ff9fd38562758035bc" +
			"49754ce1bf3fffa7dad0a3b8104f5133cf42a4100a83eef4ca1b4801a8846bf42bcda7c8ce9d65e212f301cbcd98fdcade694a877ad42473" +
			"23f6e857",
		packet.AEADModeGCM: "c33c061a07030b0308e9d39785b2070008ffb42e7c483ef4884457cb3726b9b3db9ff776e5f4d9a40952e2447298851abfff7526df2dd554" +
			"417579a7799fd26902070306fcb94490bcb98bbdc9d106c6090266940f72e89edc21b5596b1576b101ed0f9ffc6fc6d65bbfd24dcd079096" +
			"6e6d1e85a30053784cb1d8b6a0699ef12155a7b2ad6258531b57651fd7777912fa95e35d9b40216f69a4c248db28ff4331f1632907399e6f" +
			"f9",
	} {
		msg, err := hex.DecodeString(sample)
		require.NoError(t, err)
		p, err := packet.Read(bytes.NewReader(msg))
		require.NoError(t, err)
		key, _, err := p.(*packet.SymmetricKeyEncrypted).Decrypt([]byte("password"))
		require.NoError(t, err)
		data := msg[2+int(msg[1]):]
		require.Equal(t, byte(mode), data[4])
		got, err := ours(data, key)
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(got, []byte("\xcb\x13b\x00\x00\x00\x00\x00Hello, world!\xd5\x0e")), "%x", got)
		data[len(data)-1] ^= 1
		_, err = ours(data, key)
		require.Equal(t, chunks.ErrAuth, err)
	}
}

// FuzzSEIPDv2 holds the engine and go-crypto together: of any packet 18 or 20
// both get the same, or neither gets anything to its end.
func FuzzSEIPDv2(f *testing.F) {
	skipFIPS(f)
	key := bytes.Repeat([]byte{7}, 32)
	for i, suite := range suites {
		for _, n := range []int{0, 1, 64, 65, 200} {
			f.Add(packetBody(f, theirs(f, suite, 0, key[:suite.Cipher.KeySize()], key, make([]byte, n))), false)
		}
		if suite.Mode != packet.AEADModeGCM {
			f.Add(packetBody(f, libreMessage(f, suite, byte(i), key[:suite.Cipher.KeySize()], key[:suite.Mode.IvLength()], make([]byte, 100*i))), true)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, libre bool) {
		tag := byte(tagSEIPD)
		if libre {
			tag = tagLibrePGP
		}
		if len(body) < 4 || len(body) > 1<<20 || body[0] != 2 && !libre || body[3] > 12 {
			return
		}
		size := packet.CipherFunction(body[1]).KeySize()
		if size == 0 || size > len(key) {
			return
		}
		msg := append(binary.BigEndian.AppendUint32([]byte{0xC0 | tag, 255}, uint32(len(body))), body...)
		got, err := ours(msg, key[:size])
		if contentV2(packet.CipherFunction(body[1]), packet.AEADMode(body[2])) == "" || body[0] != 1 && libre || libre && body[2] == 3 {
			require.Error(t, err) // go-crypto reads more ciphers
			return
		}
		want, theirErr := goCrypto(msg, key[:size])
		require.Equal(t, theirErr == nil, err == nil, "%v, %v", theirErr, err)
		if err == nil {
			require.True(t, bytes.Equal(want, got))
		}
	})
}
