package smime

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// course is how a vector was put to the test.
type course uint8

const (
	// The values of the vector stand in a complete message, which Opener.Open opens
	// or refuses, and nothing else decides.
	//lint:ignore U1000 it is the zero value: what says nothing else
	inMessage course = iota

	// The message with them must not open, whatever the vector says: they have
	// a length, or additional data, that no message can have. What Open would
	// call for it is called with the vector besides, and that decides.
	besideMessage

	// The message holds those of the vector's values that a message can hold,
	// and opens with what the others would make of them.
	partsInMessage

	// A private key that is refused where keys are read: nothing is opened.
	asKeyFile

	// Nothing of this kind is in any message that is read here: one that says
	// so is refused, without a look at the vector's result.
	notInMessages

	courses
)

func (c course) String() string {
	return [...]string{"in a message", "beside a message", "in parts in a message", "as a key file", "not in messages"}[c]
}

// verdict is what came out for one vector.
type verdict struct {
	taken  bool
	course course

	// why the table has to decide, "" where the result is Wycheproof's
	why string
}

// opening tests the vectors of one group.
type opening func(t *testing.T, g *vectorGroup) func(v *vector) verdict

// openings are all files of Wycheproof's for what opens a message.
var openings = []struct {
	pattern string
	open    opening
}{
	{"rsa_*oaep*_test.json.gz", oaepVectors},
	{"rsa_pkcs1_[234]*_test.json.gz", v15Vectors},
	{"aes_wrap_test.json.gz", wrapVectors},
	{"aes_kwp_test.json.gz", paddedWrapVectors},
	{"ecdh_secp*_test.json.gz", ecdhVectors},
	{"ecdh_brainpool*_test.json.gz", brainpoolVectors},
	{"x*_test.json.gz", montgomeryVectors},
	{"mlkem_*_test.json.gz", kemVectors},
	{"hkdf_*_test.json.gz", hkdfVectors},
	{"pbkdf2_*_test.json.gz", pbkdf2Vectors},
	{"pbes2_*_test.json.gz", pbes2Vectors},
	{"aes_gcm_test.json.gz", gcmVectors},
	{"aes_ccm_test.json.gz", ccmVectors},
	{"chacha20_poly1305_test.json.gz", chachaVectors},
	{"aes_cbc_pkcs5_test.json.gz", cbcVectors},
}

// TestWycheproofOpening puts each vector into a complete message and opens that
// with envelope.Opener. What Wycheproof calls acceptable, and what is valid
// there and refused here, is decided in a table, with what it is based on.
func TestWycheproofOpening(t *testing.T) {
	t.Parallel()
	vectors(t) // skips where they are not
	decided := openingDecisions(t)
	all := &openingTally{decided: map[string]int{}}
	files := 0
	t.Run("files", func(t *testing.T) {
		for _, o := range openings {
			names, err := filepath.Glob(vectors(t, "wycheproof", o.pattern))
			require.NoError(t, err)
			require.NotEmpty(t, names)
			files += len(names)
			for _, name := range names {
				t.Run(strings.TrimSuffix(filepath.Base(name), "_test.json.gz"), func(t *testing.T) {
					t.Parallel()
					all.file(t, name, o.open, decided)
				})
			}
		}
	})
	if all.files < files && !t.Failed() {
		t.Logf("%d of %d files, as was asked for: the table is not held against them", all.files, files)
		return
	}
	all.log(t, decided)
}

// openingTally counts.
type openingTally struct {
	mu      sync.Mutex
	files   int
	n       int
	taken   int
	courses [courses]int
	decided map[string]int
}

// file tests one file, in shares beside each other, and logs its counts.
func (c *openingTally) file(t *testing.T, name string, open opening, decided map[string]decision) {
	raw, err := os.ReadFile(name)
	require.NoError(t, err)
	z, err := gzip.NewReader(bytes.NewReader(raw))
	require.NoError(t, err)
	var w wycheproof
	require.NoError(t, json.NewDecoder(z).Decode(&w))
	own := &openingTally{decided: map[string]int{}}
	t.Run("shares", func(t *testing.T) {
		for i := range min(shares, len(w.TestGroups)) {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				for j := i; j < len(w.TestGroups); j += shares {
					g := &w.TestGroups[j]
					g.file = strings.TrimSuffix(filepath.Base(name), "_test.json.gz")
					test := open(t, g)
					for k := range g.Tests {
						v := &g.Tests[k]
						got := test(v)
						got.check(t, v, decided)
						own.add(got)
					}
				}
			})
		}
	})
	require.NotZero(t, own.n)
	require.Equal(t, w.NumberOfTests, own.n)
	t.Logf("%d vectors, %d taken: %s", own.n, own.taken, own)
	c.merge(own)
}

// check holds what came out against what the vector, or the table, says.
func (got *verdict) check(t *testing.T, v *vector, decided map[string]decision) {
	t.Helper()
	switch {
	case got.course == notInMessages:
		require.False(t, got.taken)
	case got.why == "":
		require.Contains(t, []string{"valid", "invalid"}, v.Result, "case %d, %s: not decided", v.TcID, v.Comment)
		require.Equal(t, v.Result == "valid", got.taken, "case %d, %s", v.TcID, v.Comment)
	default:
		d, ok := decided[got.why]
		require.True(t, ok, "case %d, %s: %q is not decided", v.TcID, v.Comment, got.why)
		require.Equal(t, d.taken, got.taken, "case %d, %s: %s", v.TcID, v.Comment, got.why)
	}
}

func (c *openingTally) add(v verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	c.courses[v.course]++
	if v.taken {
		c.taken++
	}
	if v.why != "" {
		c.decided[v.why]++
	}
}

func (c *openingTally) merge(d *openingTally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files++
	c.n += d.n
	c.taken += d.taken
	for i, n := range d.courses {
		c.courses[i] += n
	}
	for why, n := range d.decided {
		c.decided[why] += n
	}
}

func (c *openingTally) String() string {
	var parts []string
	for i, n := range c.courses {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, course(i)))
		}
	}
	for _, why := range slices.Sorted(maps.Keys(c.decided)) {
		parts = append(parts, fmt.Sprintf("decided: %d %q", c.decided[why], why))
	}
	return strings.Join(parts, ", ")
}

// log prints the counts, and sees that no decision is for nothing and that
// those which no standard makes are few.
func (c *openingTally) log(t *testing.T, decided map[string]decision) {
	own := 0
	for why, d := range decided {
		require.NotZero(t, c.decided[why], "%q is decided, and met nowhere", why)
		if d.basis == "own" {
			own += c.decided[why]
		}
	}
	t.Logf("%d vectors, %d taken: %s; %d are decided by no standard", c.n, c.taken, c, own)
	require.LessOrEqual(t, own*20, c.n-c.courses[notInMessages])
}

// decision is a line of the table.
type decision struct {
	taken bool
	basis string // a standard, or "own"
}

func openingDecisions(t *testing.T) map[string]decision {
	raw, err := os.ReadFile("testdata/wycheproof-opening.txt")
	require.NoError(t, err)
	out := make(map[string]decision)
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		require.Len(t, f, 4, line)
		require.Contains(t, []string{"taken", "refused"}, f[1])
		require.True(t, f[2] == "own" || strings.HasPrefix(f[2], "RFC ") || strings.HasPrefix(f[2], "X.690"), line)
		require.NotEmpty(t, f[3])
		require.NotContains(t, out, f[0])
		out[f[0]] = decision{f[1] == "taken", f[2]}
	}
	return out
}

// vectorText is what messages say whose content is none of a vector's.
var vectorText = []byte("content that a vector's key opens")

// opens reports whether the message opens, and sees that then it says want, and
// that else nothing is released.
func opens(t *testing.T, o envelope.Opener, msg, want []byte) bool {
	t.Helper()
	got, err := openMessage(o, msg)
	if err == nil {
		require.True(t, bytes.Equal(want, got))
		return true
	}
	require.Empty(t, got)
	requireRefused(t, err)
	return false
}

// requireRefused sees that an error is of one of the kinds that there are for
// what somebody else wrote.
func requireRefused(t *testing.T, err error) {
	t.Helper()
	require.True(t, err == envelope.ErrDecrypt || errors.Is(err, envelope.ErrFormat) || errors.Is(err, envelope.ErrLimit), "%v", err)
}

// openMessage returns everything that is released.
func openMessage(o envelope.Opener, msg []byte) ([]byte, error) {
	m, err := o.Open(bytes.NewReader(msg))
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return io.ReadAll(m)
}

// by returns an Opener with one identity.
func by(k *privateKey) envelope.Opener {
	return envelope.Opener{Identities: []envelope.Identity{(&Key{k}).Identity()}}
}

// sealedWith puts a message together octet by octet: AuthEnvelopedData if there
// is a tag, EnvelopedData else. attributes are the whole [1], or nothing.
func sealedWith(info, algorithm, ciphertext, attributes, tag []byte) []byte {
	o, mac := oidEnvelopedData, []byte(nil)
	if tag != nil {
		o, mac = oidAuthEnvelopedData, tlv(4, tag)
	}
	content := tlv(0x30, slices.Concat(oidData.tlv(), algorithm, tlv(0x80, ciphertext)))
	in := tlv(0x30, slices.Concat([]byte{2, 1, 0}, tlv(0x31, info), content, attributes, mac))
	return tlv(0x30, append(o.tlv(), tlv(0xa0, in)...))
}

// underGCM is a message with vectorText under AES-GCM with the given content
// key. Where no key is so long, it is one that the octets given begin.
func underGCM(t *testing.T, cek, info []byte) []byte {
	t.Helper()
	if !isContentKey(cek) {
		cek = append(bytes.Clone(cek), make([]byte, 32)...)[:32]
	}
	nonce := []byte("twelve bytes")
	out := sealGCM(t, cek, nonce, vectorText)
	n := len(vectorText)
	return sealedWith(info, gcmAlgorithm(len(cek), nonce, 16), out[:n], nil, out[n:])
}

// sealGCM is crypto/cipher's AES-GCM.
func sealGCM(t *testing.T, key, nonce, plain []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	aead, err := cipher.NewGCM(block)
	require.NoError(t, err)
	return aead.Seal(nil, nonce, plain, nil)
}

// isContentKey reports whether a key for AES is so long.
func isContentKey(key []byte) bool { return len(key) == 16 || len(key) == 24 || len(key) == 32 }

func gcmAlgorithm(keyLen int, nonce []byte, tag int) []byte {
	return tlv(0x30, append(byKeyLen(keyLen, oidAES128GCM, oidAES192GCM, oidAES256GCM).tlv(), icvParameters(nonce, tag)...))
}

// byKeyLen chooses the identifier for keys of n octets.
func byKeyLen(n int, o16, o24, o32 oid) oid { return map[int]oid{16: o16, 24: o24, 32: o32}[n] }

func icvParameters(nonce []byte, tag int) []byte {
	return tlv(0x30, append(tlv(4, nonce), 2, 1, byte(tag)))
}

// vectorCertificate is one for any public key, with the key identifier "id".
func vectorCertificate(t *testing.T, spki []byte) *certificate {
	t.Helper()
	c, err := parseCertificate(withKey(t, vectorBase(), spki))
	require.NoError(t, err)
	return c
}

var vectorBase = sync.OnceValue(func() *certificate {
	return craftCertificate(oidX25519, make([]byte, 32), func(x *x509.Certificate) { x.SubjectKeyId = []byte("id") })
})
