//go:build !dkb_plain

package pgp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/rand"
	"crypto/sha1"
	"io"
	"testing"
	"testing/iotest"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/mdc"
)

func notUnderFIPS(t testing.TB) {
	if fips140.Enforced() {
		t.Skip("SHA-1 and CFB: pgp refuses them before it starts, which its own test holds")
	}
}

// goCryptoBox is SEIPDv1 as go-crypto writes it, with the random block given.
func goCryptoBox(t testing.TB, key, prefix, content []byte) []byte {
	var out bytes.Buffer
	c := config()
	c.Rand = bytes.NewReader(prefix)
	w, err := packet.SerializeSymmetricallyEncrypted(&out, packet.CipherAES256, false, packet.CipherSuite{}, key, c)
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// goCryptoOpen is what go-crypto makes of one SEIPDv1 packet.
func goCryptoOpen(msg, key []byte) ([]byte, error) {
	p, err := packet.Read(bytes.NewReader(msg))
	if err != nil {
		return nil, err
	}
	r, err := p.(*packet.SymmetricallyEncrypted).Decrypt(packet.CipherAES256, key)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return b, r.Close()
}

// seipdBody is the body of one packet, whatever its parts.
func seipdBody(t testing.TB, msg []byte) []byte {
	tag, b, err := newPackets(bytes.NewReader(msg)).next()
	require.NoError(t, err)
	require.Equal(t, tagSEIPD, tag)
	body, err := io.ReadAll(b)
	require.NoError(t, err)
	return body
}

var mdcLengths = []int{
	0, 1, 13, 14, 15, 16, 17, 31, 32, 33, 34, 47, 48, 49, 4<<10 - 40, 4<<10 - 18, 4 << 10,
	128<<10 - 41, 128<<10 - 40, 128<<10 - 39, 128<<10 - 19, 128<<10 - 18, 128<<10 - 17, 3*128<<10 + 5, 700_000,
}

// What is written is what go-crypto writes, octet for octet, at every boundary.
func TestMDCWriterEqualsGoCrypto(t *testing.T) {
	notUnderFIPS(t)
	key, prefix := make([]byte, 32), make([]byte, 16)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	for _, n := range mdcLengths {
		rand.Read(prefix)
		content := make([]byte, n)
		rand.Read(content)
		out := bytes.NewBuffer([]byte{1}) // the version
		w := mdc.NewWriter(out, block, prefix)
		_, err = w.Write(content)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.True(t, bytes.Equal(seipdBody(t, goCryptoBox(t, key, prefix, content)), out.Bytes()), "%d", n)
	}
}

// go-crypto reads the packets, its MDC check included, however they are written.
func TestMDCWriterAgainstGoCrypto(t *testing.T) {
	notUnderFIPS(t)
	key := make([]byte, 32)
	rand.Read(key)
	for _, n := range mdcLengths {
		for _, step := range []int{1, 7, 4096, 1 << 20} {
			if step == 1 && n > 70_000 {
				continue
			}
			data := make([]byte, n)
			rand.Read(data)
			var out bytes.Buffer
			w, err := newMDCWriter(&out, key)
			require.NoError(t, err)
			for rest := data; len(rest) > 0; {
				k := min(step, len(rest))
				m, err := w.Write(rest[:k])
				require.NoError(t, err)
				require.Equal(t, k, m)
				rest = rest[k:]
			}
			require.NoError(t, w.Close())
			got, err := goCryptoOpen(out.Bytes(), key)
			require.NoError(t, err, "%d by %d", n, step)
			require.True(t, bytes.Equal(data, got), "%d by %d", n, step)
			// The twin: one bit, and go-crypto's check refuses.
			msg := out.Bytes()
			msg[len(msg)-1] ^= 1
			_, err = goCryptoOpen(msg, key)
			require.Error(t, err)
		}
	}
}

// What go-crypto writes is read, however it arrives.
func TestMDCReaderAgainstGoCrypto(t *testing.T) {
	notUnderFIPS(t)
	key, prefix := make([]byte, 32), make([]byte, 16)
	rand.Read(key)
	for _, n := range mdcLengths {
		rand.Read(prefix)
		content := make([]byte, n)
		rand.Read(content)
		body := seipdBody(t, goCryptoBox(t, key, prefix, content))[1:]
		for _, check := range []bool{true, false} {
			for _, src := range []io.Reader{bytes.NewReader(body), iotest.OneByteReader(bytes.NewReader(body))} {
				r, err := openMDC(src, packet.CipherAES256, key, check)
				require.NoError(t, err)
				got, err := io.ReadAll(r)
				require.NoError(t, err)
				require.True(t, bytes.Equal(content, got), "%d", n)
				require.NoError(t, r.Close())
			}
		}
		body[len(body)-1] ^= 1
		r, err := openMDC(bytes.NewReader(body), packet.CipherAES256, key, true)
		require.NoError(t, err)
		_, err = io.ReadAll(r)
		require.Error(t, err)
	}
}

// Whatever is encrypted, both take it or neither does, and for the same content.
func FuzzMDCAgainstGoCrypto(f *testing.F) {
	notUnderFIPS(f)
	key := make([]byte, 32)
	f.Add([]byte("0123456789abcdefefcontent\xD3\x14"), true, 0)
	f.Add([]byte("0123456789abcdefefcontent\xD3\x14"), false, 0)
	f.Add([]byte("0123456789abcdefef\xD3\x14"), true, 1)
	f.Add([]byte("0123456789abcdef\xD3\x14"), true, 0)
	f.Add([]byte("0123456789abcdefefcontent\xCC\x14"), true, 0)
	f.Add(append(bytes.Repeat([]byte("a"), 70_000), 0xD3, 0x14), true, 0)
	f.Fuzz(func(t *testing.T, plain []byte, digest bool, cut int) {
		b := bytes.Clone(plain)
		if digest {
			sum := sha1.Sum(plain)
			b = append(b, sum[:]...)
		}
		block, err := aes.NewCipher(key)
		require.NoError(t, err)
		//lint:ignore SA1019 it is an oracle
		cipher.NewCFBEncrypter(block, make([]byte, 16)).XORKeyStream(b, b)
		b = b[:len(b)-min(len(b), max(cut, 0))]
		var msg bytes.Buffer
		p := newPartWriter(&msg, tagSEIPD)
		_, err = p.Write(append([]byte{1}, b...))
		require.NoError(t, err)
		require.NoError(t, p.Close())
		want, wantErr := goCryptoOpen(msg.Bytes(), key)
		r, err := openMDC(bytes.NewReader(b), packet.CipherAES256, key, true)
		require.NoError(t, err)
		got, err := io.ReadAll(r)
		require.Equal(t, wantErr == nil, err == nil, "%v %v", wantErr, err)
		if err == nil {
			require.True(t, bytes.Equal(want, got))
		}
		require.NoError(t, r.Close())
	})
}
