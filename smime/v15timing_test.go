package smime_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"math"
	"math/big"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

// forgery is what an attacker encrypts to a public key, to learn from the time
// that opening takes what is wrong with it (Bleichenbacher).
type forgery struct {
	name string
	// pad returns the encoded message of so many octets (RFC 8017, Section
	// 7.2.1); nil: the number is above the modulus, which all can see.
	pad func(size int) []byte
	ns  []float64
}

// padded is a correct encoding of a key of so many random octets.
func padded(key int) func(int) []byte {
	return func(size int) []byte {
		em := nonZero(size)
		em[0], em[1], em[size-key-1] = 0, 2, 0
		rand.Read(em[size-key:])
		return em
	}
}

// nonZero are random octets, none of them zero.
func nonZero(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	for i := range b {
		for b[i] == 0 {
			rand.Read(b[i : i+1])
		}
	}
	return b
}

func forgeries() []*forgery {
	return []*forgery{
		{name: "good padding, key of 32 octets", pad: padded(32)},
		{name: "the same again", pad: padded(32)}, // what the machine adds by itself
		{name: "good padding, key of 16 octets", pad: padded(16)},
		{name: "good padding, no key", pad: padded(0)},
		{name: "block type 1", pad: func(size int) []byte {
			em := padded(32)(size)
			em[1] = 1
			return em
		}},
		{name: "first octet not zero", pad: func(size int) []byte {
			em := padded(32)(size)
			em[0], em[1] = 1, 2
			return em
		}},
		{name: "no end of the padding", pad: func(size int) []byte {
			em := nonZero(size)
			em[0], em[1] = 0, 2
			return em
		}},
		{name: "padding of 7 octets", pad: func(size int) []byte {
			em := padded(32)(size)
			em[9] = 0
			return em
		}},
		{name: "for all to see, as a control"},
	}
}

// TestV15Timing prints how long messages with RSA PKCS#1 v1.5 take to be
// refused, by what is wrong inside the encrypted key, for a person to look at.
// That the outcome tells nothing is held elsewhere; here nothing can fail but
// the clock. The error of all is the same, and so is all that is decrypted.
func TestV15Timing(t *testing.T) {
	if os.Getenv("DKB_TIMING") != "1" {
		t.Skip("measures for some minutes, and wants a machine that does nothing else: set DKB_TIMING=1")
	}
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	const samples = 10_000 // of each class
	bob := fresh["RSA-other"]()
	public := &smime.FixedRSA("rsa2048-other").PublicKey
	msg := sealed(t, envelope.Sealer{Profile: envelope.Compatible, Signers: bob.signers()}, make([]byte, 1024), bob.verified)
	head := []byte{0x04, 0x82, byte(public.Size() >> 8), byte(public.Size())}
	at := bytes.Index(msg, head)
	require.Positive(t, at, "the encrypted key")
	o := envelope.Opener{Identities: bob.identities()}

	classes := forgeries()
	for range samples {
		// In another order each time, so that what disturbs the machine disturbs all alike.
		for _, i := range mathrand.Perm(len(classes)) {
			c := classes[i]
			forged := bytes.Clone(msg)
			number := forged[at+len(head):][:public.Size()]
			if c.pad != nil {
				rawRSA(public, c.pad(len(number))).FillBytes(number)
			} else {
				copy(number, bytes.Repeat([]byte{0xFF}, len(number)))
			}
			src := bytes.NewReader(forged)
			start := time.Now()
			_, err := o.Open(src)
			c.ns = append(c.ns, float64(time.Since(start).Nanoseconds()))
			require.Equal(t, envelope.ErrDecrypt, err, c.name)
		}
	}
	var most float64
	for _, c := range classes[1:] {
		all, cropped := welchPair(c.ns, classes[0].ns)
		slices.Sort(c.ns)
		t.Logf("%-32s median %8.0f ns, Welch's t to the first %+6.2f, without the slowest tenth %+6.2f", c.name, c.ns[len(c.ns)/2], all, cropped)
		if c.pad != nil {
			most = max(most, math.Abs(all), math.Abs(cropped))
		}
	}
	verdict := "no difference is seen"
	if most > 4.5 {
		verdict = "look at it: measure again on a quiet machine"
	}
	t.Logf("%d samples of each class; the largest |t| is %.2f, beyond 4.5 it is taken for a difference (dudect): %s", samples, most, verdict)
}

// rawRSA is em^e mod n.
func rawRSA(k *rsa.PublicKey, em []byte) *big.Int {
	m := new(big.Int).SetBytes(em)
	return m.Exp(m.Mod(m, k.N), big.NewInt(int64(k.E)), k.N)
}

// welchPair is Welch's t statistic of two sets of times, as they are and
// without those above the 90th percentile of both together.
func welchPair(a, b []float64) (all, cropped float64) {
	both := slices.Sorted(slices.Values(append(slices.Clone(a), b...)))
	limit := both[len(both)*9/10]
	keep := func(xs []float64) []float64 {
		return slices.DeleteFunc(slices.Clone(xs), func(x float64) bool { return x > limit })
	}
	return welch(a, b), welch(keep(a), keep(b))
}

func welch(a, b []float64) float64 {
	meanOf := func(xs []float64) (m, v float64) {
		for _, x := range xs {
			m += x / float64(len(xs))
		}
		for _, x := range xs {
			v += (x - m) * (x - m) / float64(len(xs)-1)
		}
		return m, v
	}
	ma, va := meanOf(a)
	mb, vb := meanOf(b)
	if va+vb == 0 {
		return 0
	}
	return (ma - mb) / math.Sqrt(va/float64(len(a))+vb/float64(len(b)))
}
