package smime

import (
	"bytes"
	"crypto"
	"crypto/pbkdf2"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// passwordBuilder builds a PasswordRecipientInfo piece by piece.
type passwordBuilder struct {
	version            int64
	kdf, wrap, cipher  oid
	salt, iv           []byte
	iterations, length int64 // length 0: absent
	prf                []byte
	encrypted          []byte
	noKDF              bool
	extra              []byte
}

func (p passwordBuilder) der(t testing.TB) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.Tag(3).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
		b.AddASN1Int64(p.version)
		if !p.noKDF {
			b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				p.kdf.add(b)
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1OctetString(p.salt)
					b.AddASN1Int64(p.iterations)
					if p.length != 0 {
						b.AddASN1Int64(p.length)
					}
					b.AddBytes(p.prf)
				})
			})
		}
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			p.wrap.add(b)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				p.cipher.add(b)
				b.AddASN1OctetString(p.iv)
			})
		})
		b.AddASN1OctetString(p.encrypted)
		b.AddBytes(p.extra)
	})
	der, err := b.Bytes()
	require.NoError(t, err)
	return der
}

// TestReadPassword takes every way to write a PasswordRecipientInfo that is
// read, and turns each piece of one that is not.
func TestReadPassword(t *testing.T) {
	t.Parallel()
	allowed(t, "SHA-1")
	const (
		good = iota
		fails
		unsupported
		malformed
	)
	for _, c := range []struct {
		name   string
		change func(*passwordBuilder)
		hash   crypto.Hash
		size   int
		want   int
	}{
		{"as written here", func(*passwordBuilder) {}, crypto.SHA256, 32, good},
		{"HMAC-SHA-1 by default", func(p *passwordBuilder) { p.prf = nil }, crypto.SHA1, 32, good},
		{"HMAC-SHA-1", func(p *passwordBuilder) { p.prf = derAlgorithm(oidHMACSHA1) }, crypto.SHA1, 32, good},
		{"HMAC-SHA-224", func(p *passwordBuilder) { p.prf = derAlgorithm(oidHMACSHA224) }, crypto.SHA224, 32, good},
		{"HMAC-SHA-384", func(p *passwordBuilder) { p.prf = derAlgorithm(oidHMACSHA384) }, crypto.SHA384, 32, good},
		{"HMAC-SHA-512", func(p *passwordBuilder) { p.prf = derAlgorithm(oidHMACSHA512) }, crypto.SHA512, 32, good},
		{"length stated", func(p *passwordBuilder) { p.length = 32 }, crypto.SHA256, 32, good},
		{"AES-128", func(p *passwordBuilder) { p.cipher = oidAES128CBC }, crypto.SHA256, 16, good},
		{"AES-192", func(p *passwordBuilder) { p.cipher = oidAES192CBC }, crypto.SHA256, 24, good},
		{"longest salt", func(p *passwordBuilder) { p.salt = make([]byte, maxSalt) }, crypto.SHA256, 32, good},

		{"another digest than it says", func(*passwordBuilder) {}, crypto.SHA512, 32, fails},
		{"another key size than it says", func(*passwordBuilder) {}, crypto.SHA256, 16, fails},
		{"one block more", func(p *passwordBuilder) { p.encrypted = make([]byte, 64) }, crypto.SHA256, 32, fails},
		{"two blocks", func(p *passwordBuilder) { p.encrypted = make([]byte, 32) }, crypto.SHA256, 32, fails},
		{"the longest", func(p *passwordBuilder) { p.encrypted = make([]byte, maxPWRI) }, crypto.SHA256, 32, fails},

		{"no derivation", func(p *passwordBuilder) { p.noKDF = true }, crypto.SHA256, 32, unsupported},
		{"unknown derivation", func(p *passwordBuilder) { p.kdf = oidScrypt }, crypto.SHA256, 32, unsupported},
		{"unknown digest", func(p *passwordBuilder) { p.prf = derAlgorithm(oidSHA256) }, crypto.SHA256, 32, unsupported},
		{"unknown key wrap", func(p *passwordBuilder) { p.wrap = oidAES256Wrap }, crypto.SHA256, 32, unsupported},
		{"3DES", func(p *passwordBuilder) { p.cipher = oidDESEDE3CBC }, crypto.SHA256, 32, unsupported},

		{"version 3", func(p *passwordBuilder) { p.version = 3 }, crypto.SHA256, 32, malformed},
		{"no iterations", func(p *passwordBuilder) { p.iterations = 0 }, crypto.SHA256, 32, malformed},
		{"negative iterations", func(p *passwordBuilder) { p.iterations = -1 }, crypto.SHA256, 32, malformed},
		{"salt too long", func(p *passwordBuilder) { p.salt = make([]byte, maxSalt+1) }, crypto.SHA256, 32, malformed},
		{"length of another cipher", func(p *passwordBuilder) { p.length = 16 }, crypto.SHA256, 32, malformed},
		{"huge length", func(p *passwordBuilder) { p.length = 1 << 40 }, crypto.SHA256, 32, malformed},
		{"parameters of the digest", func(p *passwordBuilder) {
			p.prf = tlv(0x30, append(oidHMACSHA256.tlv(), 4, 0))
		}, crypto.SHA256, 32, malformed},
		{"short IV", func(p *passwordBuilder) { p.iv = make([]byte, 15) }, crypto.SHA256, 32, malformed},
		{"long IV", func(p *passwordBuilder) { p.iv = make([]byte, 17) }, crypto.SHA256, 32, malformed},
		{"nothing encrypted", func(p *passwordBuilder) { p.encrypted = []byte{} }, crypto.SHA256, 32, malformed},
		{"one block", func(p *passwordBuilder) { p.encrypted = make([]byte, 16) }, crypto.SHA256, 32, malformed},
		{"half a block", func(p *passwordBuilder) { p.encrypted = make([]byte, 40) }, crypto.SHA256, 32, malformed},
		{"one octet", func(p *passwordBuilder) { p.encrypted = make([]byte, 33) }, crypto.SHA256, 32, malformed},
		{"too many blocks", func(p *passwordBuilder) { p.encrypted = make([]byte, maxPWRI+16) }, crypto.SHA256, 32, malformed},
		{"trailing element", func(p *passwordBuilder) { p.extra = []byte{5, 0} }, crypto.SHA256, 32, malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := passwordBuilder{
				kdf: oidPBKDF2, wrap: oidPWRIKEK, cipher: oidAES256CBC,
				salt: []byte("sixteen octets!!"), iv: make([]byte, 16), iterations: 3, prf: derAlgorithm(oidHMACSHA256),
			}
			c.change(&b)
			if b.encrypted == nil {
				kek, err := pbkdf2.Key(c.hash.New, "secret", b.salt, 3, c.size)
				require.NoError(t, err)
				b.encrypted, err = wrapPWRI(kek, make([]byte, 16), testCEK)
				require.NoError(t, err)
			}
			ris, err := parseRecipientInfos(b.der(t), 1<<20)
			if c.want == malformed {
				require.ErrorIs(t, err, errRecipient)
				return
			}
			require.NoError(t, err)
			ri := ris[0]
			require.Equal(t, c.want == unsupported, ri.unsupported() != "", ri.unsupported())
			require.Equal(t, passphraseID, ri.seamRecipient().ID)
			require.False(t, ri.names(testKey(t, "p256").cert))
			p := &seam.OpenPlan{Passphrases: [][]byte{[]byte("wrong"), []byte("secret")}, Limits: testLimits}
			m := &mine{plan: p}
			m.add(ri)
			if c.want == unsupported {
				require.ErrorIs(t, m.check(), envelope.ErrFormat)
				return
			}
			require.NoError(t, m.check())
			cek, by, lost := m.unwrap(32)
			require.Equal(t, -1, by)
			require.Equal(t, c.want != good, lost)
			require.Equal(t, c.want == good, bytes.Equal(testCEK, cek))
		})
	}
}

// TestPasswordCost: what a message asks for is added up before anything is
// computed, for every passphrase and every block that is derived.
func TestPasswordCost(t *testing.T) {
	t.Parallel()
	allowed(t, "SHA-1")
	info := func(iterations int64, prf oid) *recipientInfo {
		return one(t, passwordBuilder{
			kdf: oidPBKDF2, wrap: oidPWRIKEK, cipher: oidAES256CBC, salt: make([]byte, 16), iv: make([]byte, 16),
			iterations: iterations, prf: derAlgorithm(prf), encrypted: make([]byte, 48),
		}.der(t))
	}
	for _, c := range []struct {
		name        string
		infos       []*recipientInfo
		passphrases int
		ok          bool
	}{
		{"as much as may be", []*recipientInfo{info(maxIterations, oidHMACSHA256)}, 1, true},
		{"one more", []*recipientInfo{info(maxIterations+1, oidHMACSHA256)}, 1, false},
		{"2^31-1", []*recipientInfo{info(1<<31-1, oidHMACSHA256)}, 1, false},
		{"2^63-1", []*recipientInfo{info(math.MaxInt64, oidHMACSHA256)}, 1, false},
		{"2^63-1 of two blocks", []*recipientInfo{info(math.MaxInt64, oidHMACSHA1)}, 1, false},
		{"two blocks", []*recipientInfo{info(maxIterations/2, oidHMACSHA1)}, 1, true},
		{"one more of two blocks", []*recipientInfo{info(maxIterations/2+1, oidHMACSHA1)}, 1, false},
		{"eight passphrases", []*recipientInfo{info(maxIterations/8, oidHMACSHA256)}, 8, true},
		{"one more for eight passphrases", []*recipientInfo{info(maxIterations/8+1, oidHMACSHA256)}, 8, false},
		{"two recipients", []*recipientInfo{info(maxIterations-1, oidHMACSHA256), info(1, oidHMACSHA256)}, 1, true},
		{"one more in the second", []*recipientInfo{info(maxIterations-1, oidHMACSHA256), info(2, oidHMACSHA256)}, 1, false},
		{"ours, one after the other", []*recipientInfo{info(writeIterations, oidHMACSHA256), info(writeIterations, oidHMACSHA256)}, 8, true},
		{"no passphrase given", []*recipientInfo{info(math.MaxInt64, oidHMACSHA256)}, 0, true},
	} {
		m := &mine{plan: &seam.OpenPlan{Passphrases: make([][]byte, c.passphrases), Limits: testLimits}}
		for _, ri := range c.infos {
			m.add(ri)
		}
		err := m.check()
		switch {
		case c.passphrases == 0:
			require.True(t, err == envelope.ErrNotForYou, c.name)
		case c.ok:
			require.NoError(t, err, c.name)
		default:
			require.ErrorIs(t, err, envelope.ErrLimit, c.name)
		}
	}
}

// TestPWRIKEK holds the key wrap of RFC 3211 against what it says.
func TestPWRIKEK(t *testing.T) {
	kek, iv := bytes.Repeat([]byte{7}, 32), bytes.Repeat([]byte{9}, 16)
	for n := 3; n <= 255; n++ {
		key := bytes.Repeat([]byte{byte(n)}, n)
		wrapped, err := wrapPWRI(kek, iv, key)
		require.NoError(t, err)
		require.Len(t, wrapped, max(32, (4+n+15)/16*16))
		got, ok := unwrapPWRI(kek, iv, wrapped, n)
		require.True(t, ok)
		require.Equal(t, key, got)
		for _, other := range []int{n - 1, n + 1, 256 + n, 0, -1} {
			_, ok := unwrapPWRI(kek, iv, wrapped, other)
			require.False(t, ok, "%d as %d", n, other)
		}
		// One octet of padding is the same octet once in 256 times, so that
		// it has eight chances to differ: 2^-64 is no flake.
		same := true
		for range 8 {
			again, err := wrapPWRI(kek, iv, key)
			require.NoError(t, err)
			same = same && bytes.Equal(wrapped, again)
		}
		require.Equal(t, (4+n)%16 == 0 && 4+n >= 32, same, "the padding is random")
	}
	for _, n := range []int{0, 1, 2, 256} {
		_, err := wrapPWRI(kek, iv, make([]byte, n))
		require.Error(t, err)
	}
	// A block that is all right but for one octet of length and check value.
	for i := range 7 {
		wrapped, err := wrapPWRI(kek, iv, testCEK)
		require.NoError(t, err)
		spoilt := bytes.Clone(iv)
		spoilt[i] ^= 0x10 // which CBC puts into the same octet of the first block
		_, ok := unwrapPWRI(kek, spoilt, wrapped, 32)
		require.False(t, ok, i)
		spoilt[i] ^= 0x10
		_, ok = unwrapPWRI(kek, spoilt, wrapped, 32)
		require.True(t, ok)
	}
	for n := range 64 {
		_, ok := unwrapPWRI(kek, iv, make([]byte, n), 16)
		require.False(t, ok, n)
		require.Equal(t, n == 32 || n == 48, validPWRI(make([]byte, n)))
	}
	_, ok := unwrapPWRI(kek[:31], iv, make([]byte, 48), 32)
	require.False(t, ok)
	_, ok = unwrapPWRI(kek, iv[:15], make([]byte, 48), 32)
	require.False(t, ok)
}
