package eax_test

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	other "github.com/ProtonMail/go-crypto/eax"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/eax"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func newEAX(t testing.TB, key []byte) cipher.AEAD {
	t.Helper()
	b, err := aes.NewCipher(key)
	require.NoError(t, err)
	a, err := eax.New(b)
	require.NoError(t, err)
	require.Equal(t, 16, a.NonceSize())
	require.Equal(t, 16, a.Overhead())
	return a
}

// TestPaper has the test vectors of the paper, Appendix G.
func TestPaper(t *testing.T) {
	for _, c := range []struct{ plain, key, nonce, header, sealed string }{
		{"", "233952DEE4D5ED5F9B9C6D6FF80FF478", "62EC67F9C3A4A407FCB2A8C49031A8B3", "6BFB914FD07EAE6B", "E037830E8389F27B025A2D6527E79D01"},
		{"F7FB", "91945D3F4DCBEE0BF45EF52255F095A4", "BECAF043B0A23D843194BA972C66DEBD", "FA3BFD4806EB53FA", "19DD5C4C9331049D0BDAB0277408F67967E5"},
		{"1A47CB4933", "01F74AD64077F2E704C0F60ADA3DD523", "70C3DB4F0D26368400A10ED05D2BFF5E", "234A3463C1264AC6", "D851D5BAE03A59F238A23E39199DC9266626C40F80"},
		{"40D0C07DA5E4", "35B6D0580005BBC12B0587124557D2C2", "FDB6B06676EEDC5C61D74276E1F8E816", "AEB96EAEBE2970E9", "071DFE16C675CB0677E536F73AFE6A14B74EE49844DD"},
		{"4DE3B35C3FC039245BD1FB7D", "BD8E6E11475E60B268784C38C62FEB22", "6EAC5C93072D8E8513F750935E46DA1B", "D4482D1CA78DCE0F", "835BB4F15D743E350E728414ABB8644FD6CCB86947C5E10590210A4F"},
		{"8B0A79306C9CE7ED99DAE4F87F8DD61636", "7C77D6E813BED5AC98BAA417477A2E7D", "1A8C98DCD73D38393B2BF1569DEEFC19", "65D2017990D62528", "02083E3979DA014812F59F11D52630DA30137327D10649B0AA6E1C181DB617D7F2"},
		{"CA40D7446E545FFAED3BD12A740A659FFBBB3CEAB7", "8395FCF1E95BEBD697BD010BC766AAC3", "22E7ADD93CFC6393C57EC0B3C17D6B44", "126735FCC320D25A", "CB8920F87A6C75CFF39627B56E3ED197C552D295A7CFC46AFC253B4652B1AF3795B124AB6E"},
	} {
		a := newEAX(t, unhex(t, c.key))
		require.Equal(t, unhex(t, c.sealed), a.Seal(nil, unhex(t, c.nonce), unhex(t, c.plain), unhex(t, c.header)))
		got, err := a.Open(nil, unhex(t, c.nonce), unhex(t, c.sealed), unhex(t, c.header))
		require.NoError(t, err)
		require.True(t, bytes.Equal(unhex(t, c.plain), got))
	}
}

func TestWycheproof(t *testing.T) {
	dir := os.Getenv("DKB_VECTORS")
	if dir == "" {
		t.Skip("DKB_VECTORS is not set")
	}
	f, err := os.Open(filepath.Join(dir, "wycheproof", "aes_eax_test.json.gz"))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var all struct {
		TestGroups []struct {
			IvSize, TagSize int
			Tests           []struct {
				TcID                                        int
				Key, Iv, Aad, Msg, Ct, Tag, Result, Comment string
			}
		}
	}
	require.NoError(t, json.NewDecoder(z).Decode(&all))
	done := 0
	for _, g := range all.TestGroups {
		if g.IvSize != 128 || g.TagSize != 128 {
			continue // OpenPGP has no others
		}
		for _, c := range g.Tests {
			done++
			sealed := append(unhex(t, c.Ct), unhex(t, c.Tag)...)
			a := newEAX(t, unhex(t, c.Key))
			got, err := a.Open(nil, unhex(t, c.Iv), sealed, unhex(t, c.Aad))
			if c.Result != "valid" {
				require.Error(t, err, "%d: %s", c.TcID, c.Comment)
				continue
			}
			require.NoError(t, err, "%d: %s", c.TcID, c.Comment)
			require.True(t, bytes.Equal(unhex(t, c.Msg), got))
			require.Equal(t, sealed, a.Seal(nil, unhex(t, c.Iv), got, unhex(t, c.Aad)), "%d", c.TcID)
		}
	}
	require.Greater(t, done, 100)
}

func octets(r *rand.ChaCha8, n int) []byte {
	b := make([]byte, n)
	r.Read(b)
	return b
}

func TestAgainstGoCrypto(t *testing.T) {
	r := rand.NewChaCha8([32]byte{1})
	for i := range 2000 {
		n := int(r.Uint64() % 100)
		if i%10 == 0 {
			n = int(r.Uint64() % 5000)
		}
		compare(t, octets(r, 16+8*(i%3)), octets(r, 16), octets(r, n), octets(r, i%40))
	}
	compare(t, octets(r, 32), bytes.Repeat([]byte{0xFF}, 16), octets(r, 1<<16), nil)
}

func compare(t testing.TB, key, nonce, plain, ad []byte) []byte {
	t.Helper()
	b, err := aes.NewCipher(key)
	require.NoError(t, err)
	theirs, err := other.NewEAX(b)
	require.NoError(t, err)
	a := newEAX(t, key)
	prefix := []byte("before")
	want := theirs.Seal(nil, nonce, plain, ad)
	require.True(t, bytes.Equal(append(bytes.Clone(prefix), want...), a.Seal(bytes.Clone(prefix), nonce, plain, ad)))
	got, err := a.Open(bytes.Clone(prefix), nonce, want, ad)
	require.NoError(t, err)
	require.True(t, bytes.Equal(append(bytes.Clone(prefix), plain...), got))
	buf := append(bytes.Clone(plain), make([]byte, 16)...)
	require.True(t, bytes.Equal(want, a.Seal(buf[:0], nonce, buf[:len(plain)], ad)), "in place")
	got, err = a.Open(buf[:0], nonce, buf, ad)
	require.NoError(t, err)
	require.True(t, bytes.Equal(plain, got), "in place")
	return want
}

// TestRefused changes one bit of everything that the tag is about.
func TestRefused(t *testing.T) {
	r := rand.NewChaCha8([32]byte{2})
	for _, n := range []int{0, 1, 15, 16, 17, 100} {
		key, nonce, ad := octets(r, 32), octets(r, 16), octets(r, 21)
		a := newEAX(t, key)
		sealed := a.Seal(nil, nonce, octets(r, n), ad)
		for what, b := range map[string][]byte{"nonce": nonce, "additional data": ad, "ciphertext": sealed} {
			for bit := range len(b) * 8 {
				b[bit/8] ^= 1 << (bit % 8)
				out := make([]byte, n)
				got, err := a.Open(out[:0], nonce, sealed, ad)
				require.Error(t, err, "bit %d of the %s", bit, what)
				require.Nil(t, got)
				require.Equal(t, make([]byte, n), out, "decrypted before it was authentic")
				b[bit/8] ^= 1 << (bit % 8)
			}
		}
		for cut := range sealed {
			_, err := a.Open(nil, nonce, sealed[:cut], ad)
			require.Error(t, err)
		}
		_, err := a.Open(nil, nonce, sealed, ad)
		require.NoError(t, err, "unchanged")
	}
}

// small is a cipher with blocks of 8 octets.
type small struct{ cipher.Block }

func (small) BlockSize() int { return 8 }

func TestParameters(t *testing.T) {
	_, err := eax.New(small{})
	require.ErrorContains(t, err, "blocks of 16")
	a := newEAX(t, make([]byte, 16))
	require.PanicsWithValue(t, "eax: incorrect nonce length", func() { a.Seal(nil, make([]byte, 15), nil, nil) })
	require.PanicsWithValue(t, "eax: incorrect nonce length", func() { a.Open(nil, make([]byte, 17), make([]byte, 16), nil) })
}

// FuzzAgainstGoCrypto: both seal to the same, and open it.
func FuzzAgainstGoCrypto(f *testing.F) {
	for i, n := range []int{0, 1, 15, 16, 17, 32, 100} {
		f.Add(byte(i), make([]byte, n), make([]byte, i))
	}
	f.Fuzz(func(t *testing.T, seed byte, plain, ad []byte) {
		r := rand.NewChaCha8([32]byte{seed})
		compare(t, octets(r, 16+8*int(seed%3)), octets(r, 16), plain, ad)
	})
}
