package pgp

import (
	"bytes"
	//lint:ignore SA1019 old keys are of it
	"crypto/dsa"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/elgamal"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/s2k"
	"github.com/ProtonMail/go-crypto/openpgp/slhdsa"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// pairKind is one algorithm to sign with and one to open with, of which the
// files are made that somebody has tampered with.
type pairKind struct {
	name string
	id   packet.PublicKeyAlgorithm
	c    packet.Curve
	six  bool

	// What no check can and need not hold against the public part: it changes
	// nothing that the key does with what is sealed to it.
	freeOpen []freeOctets
}

// freeOctets are n octets of a secret, of which only the bits of mask change
// anything.
type freeOctets struct {
	at, n int
	mask  byte
	why   string
}

// clamped are the bits of a scalar that X25519 and X448 set themselves (RFC
// 7748, Section 5), where it is stored as it is.
func clamped(size, at int) []freeOctets {
	if size == 56 {
		return []freeOctets{{at, 1, 0x03, "clamped"}, {at + 55, 1, 0x80, "clamped"}}
	}
	return []freeOctets{{at, 1, 0x07, "clamped"}, {at + 31, 1, 0xC0, "clamped"}}
}

func pairKinds() []pairKind {
	// Of an ML-KEM seed the second half is what an answer to a wrong
	// ciphertext is computed from (FIPS 203, Section 7.3).
	rejects := func(at int) freeOctets { return freeOctets{at + 32, 32, 0xFF, "implicit rejection"} }
	kinds := []pairKind{
		{"EdDSA and ECDH, Curve25519", packet.PubKeyAlgoEdDSA, packet.Curve25519, false,
			// Stored as an integer, the last octet first, behind its length.
			[]freeOctets{{2 + 31, 1, 0x07, "clamped"}, {2, 1, 0xC0, "clamped"}}},
		{"Ed25519 and X25519", packet.PubKeyAlgoEd25519, "", true, clamped(32, 0)},
		{"Ed25519 and X25519 of version 4", packet.PubKeyAlgoEd25519, "", false, clamped(32, 0)},
		{"Ed448 and X448", packet.PubKeyAlgoEd448, "", true, clamped(56, 0)},
		{"ML-DSA-65 and ML-KEM-768", packet.PubKeyAlgoMldsa65Ed25519, "", true, append(clamped(32, 0), rejects(32))},
		{"ML-DSA-87 and ML-KEM-1024", packet.PubKeyAlgoMldsa87Ed448, "", true, append(clamped(56, 0), rejects(56))},
	}
	for _, c := range []packet.Curve{
		packet.CurveNistP256, packet.CurveNistP384, packet.CurveNistP521,
		packet.CurveBrainpoolP256, packet.CurveBrainpoolP384, packet.CurveBrainpoolP512,
	} {
		kinds = append(kinds, pairKind{name: "ECDSA and ECDH, " + string(c), id: packet.PubKeyAlgoECDSA, c: c, six: c == packet.CurveNistP384})
	}
	return kinds
}

func (p *pairKind) make(t testing.TB) *Key {
	c := &packet.Config{Algorithm: p.id, Curve: p.c, V6Keys: p.six}
	e, err := openpgp.NewEntity("", "", "nobody@example.org", c)
	require.NoError(t, err)
	k, err := assemble(e.PrivateKey, e.Subkeys[0].PrivateKey, []string{"<nobody@example.org>"}, 0)
	require.NoError(t, err)
	return k
}

// protections are the ways in which a secret may lie in a file. The key
// derivation is cheap here: what is tried is what comes after it.
func protections() map[int]*packet.Config {
	cheap := &s2k.Config{S2KMode: s2k.IteratedSaltedS2K, S2KCount: 65536}
	return map[int]*packet.Config{
		usagePlain: nil,
		usageCFB:   {DefaultCipher: packet.CipherAES256, S2KConfig: cheap},
		usageAEAD:  {DefaultCipher: packet.CipherAES256, S2KConfig: cheap, AEADConfig: &packet.AEADConfig{DefaultMode: packet.AEADModeOCB}},
	}
}

// tampered is a key file in parts, to be changed.
type tampered struct {
	t      testing.TB
	key    *Key
	usage  int
	tags   []int
	bodies [][]byte
}

func newTampered(t testing.TB, k *Key, usage int, config *packet.Config) *tampered {
	x := &tampered{t: t, key: k, usage: usage}
	bodies := map[string][]byte{}
	for f, s := range k.private.secrets {
		c := *s
		if config != nil {
			require.NoError(t, packet.EncryptPrivateKeys([]*packet.PrivateKey{&c}, []byte("passphrase"), config))
		}
		body, err := secretBody(&c)
		require.NoError(t, err)
		bodies[f] = body
	}
	raw := k.private.cert.encode(func(p *packet.PublicKey) []byte { return bodies[string(p.Fingerprint)] })
	x.tags, x.bodies = secretPackets(t, raw)
	return x
}

// whole makes sure that what is refused is refused for what was changed.
func (x *tampered) whole() *tampered {
	got, err := x.parse()
	require.NoError(x.t, err, "as it was written")
	require.Len(x.t, got.private.secrets, 2)
	return x
}

func (x *tampered) parse() (*Key, error) {
	passphrase := "passphrase"
	if x.usage == usagePlain {
		passphrase = ""
	}
	return parseKey(joined(x.tags, x.bodies), passphrase)
}

// secretAt returns where the secrets of the key are.
func (x *tampered) secretAt() (at []int) {
	for i, tag := range x.tags {
		if tag == keyTagSecret || tag == keyTagSecretSub {
			at = append(at, i)
		}
	}
	require.Len(x.t, at, 2)
	return at
}

// with parses the file with another packet i, and makes sure that the secret
// that stood there is not used: the file is refused, or another key is in it,
// whose signatures nobody believes.
func (x *tampered) with(i int, body []byte, what string) {
	x.t.Helper()
	old := x.bodies[i]
	n, err := publicPartLen(old)
	require.NoError(x.t, err)
	x.bodies[i] = body
	k, err := x.parse()
	x.bodies[i] = old
	if err != nil {
		return
	}
	fingerprint := fingerprintOf(old[:n])
	if s := k.private.secrets[string(fingerprint)]; s != nil {
		// Lengths can be written in several ways: nothing was changed then.
		want, err := secretBody(x.key.private.secrets[string(fingerprint)])
		require.NoError(x.t, err)
		got, err := secretBody(s)
		require.NoError(x.t, err)
		require.Equal(x.t, want, got, "usage %d, packet %d: %s", x.usage, i, what)
		return
	}
	if x.tags[i] == keyTagSecret {
		require.Error(x.t, k.private.CheckSign(time.Now(), seam.Auto), "usage %d: %s", x.usage, what)
	} else {
		require.Less(x.t, len(k.private.secrets), 2, "usage %d: %s", x.usage, what)
	}
}

// sum sets the checksum that ends a secret of version 4 without protection,
// RFC 9580, Section 5.5.3: whoever tampers with the file does so too.
func (x *tampered) sum(body []byte, public int) []byte {
	if x.usage != usagePlain || body[0] == 6 {
		return body
	}
	end := len(body) - 2
	sum := uint16(0)
	for _, o := range body[public+1 : end] {
		sum += uint16(o)
	}
	binary.BigEndian.PutUint16(body[end:], sum)
	return body
}

// flips changes one bit in each of some octets: about the borders of the
// parts, and a sample of the rest.
func (x *tampered) flips(i int, free []freeOctets) {
	body := x.bodies[i]
	public, err := publicPartLen(body)
	require.NoError(x.t, err)
	end := len(body)
	if x.usage == usagePlain && body[0] == 4 {
		end -= 2
	}
	for at := range end {
		if step := max(1, end/9); at%step != 0 && at != public-1 && (at < public || at > public+2) && at != end-1 {
			continue
		}
		bit := byte(1) << (at % 8)
		if x.usage == usagePlain && at > public && isFree(free, at-public-1, bit) {
			continue
		}
		other := bytes.Clone(body)
		other[at] ^= bit
		if at > public {
			x.sum(other, public)
		}
		x.with(i, other, fmt.Sprintf("octet %d of %d (public %d), bit %#x", at, end, public, bit))
	}
}

func isFree(free []freeOctets, at int, bit byte) bool {
	return slices.ContainsFunc(free, func(f freeOctets) bool {
		return at >= f.at && at < f.at+f.n && f.mask&bit != 0
	})
}

// swaps puts the secret of one key under the public part of another.
func (x *tampered) swaps(other *tampered) {
	for j, i := range x.secretAt() {
		mine, theirs := x.bodies[i], other.bodies[other.secretAt()[j]]
		n, err := publicPartLen(mine)
		require.NoError(x.t, err)
		m, err := publicPartLen(theirs)
		require.NoError(x.t, err)
		old := x.bodies[i]
		x.bodies[i] = slices.Concat(mine[:n], theirs[m:])
		_, err = x.parse()
		x.bodies[i] = old
		if x.usage == usageAEAD { // the public part is authenticated with the secret, RFC 9580, Section 3.7.2.1
			require.ErrorIs(x.t, err, ErrPassphrase, "usage %d, packet %d", x.usage, i)
		} else {
			require.ErrorIs(x.t, err, errPair, "usage %d, packet %d", x.usage, i)
		}
	}
}

// TestTamperedKeyFile: whoever can write to a key file, and cannot read what is
// protected in it, gets no signature by a secret with a public part that is
// not its own (Klíma and Rosa, 2002; Bruseghini, Huigens and Paterson, 2022).
func TestTamperedKeyFile(t *testing.T) {
	for _, p := range pairKinds() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			one, two := p.make(t), p.make(t)
			for usage, config := range protections() {
				x := newTampered(t, one, usage, config).whole()
				x.swaps(newTampered(t, two, usage, config))
				if slow := strings.Contains(p.name, "Brainpool"); slow {
					continue // swapped only
				}
				at := x.secretAt()
				x.flips(at[0], nil)
				x.flips(at[1], p.freeOpen)
			}
		})
	}
}

// TestTamperedOldKeys: RSA takes long to make, so the two keys of one file are
// swapped; of DSA and Elgamal, which are not made any more, one group serves
// two keys.
func TestTamperedOldKeys(t *testing.T) {
	t.Parallel()
	for usage, config := range protections() {
		x := newTampered(t, rsaKey(t), usage, config).whole()
		at := x.secretAt()
		other := &tampered{t: t, tags: x.tags, bodies: slices.Clone(x.bodies)}
		other.bodies[at[0]], other.bodies[at[1]] = x.bodies[at[1]], x.bodies[at[0]]
		x.swaps(other)
	}
	old, err := parseKey(fixture(t, "dsa-elgamal.sec"), "fixture")
	require.NoError(t, err)
	one, two := anotherDSA(t, old), anotherDSA(t, old)
	for usage, config := range protections() {
		newTampered(t, one, usage, config).swaps(newTampered(t, two, usage, config))
	}
}

// anotherDSA makes a key in the groups of an old one.
func anotherDSA(t *testing.T, old *Key) *Key {
	born := old.private.cert.primary.CreationTime
	x, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 200))
	require.NoError(t, err)
	d := &dsa.PrivateKey{PublicKey: *old.private.cert.primary.PublicKey.(*dsa.PublicKey), X: x}
	d.Y = new(big.Int).Exp(d.G, d.X, d.P)
	e := &elgamal.PrivateKey{PublicKey: *old.private.cert.subs[0].key.PublicKey.(*elgamal.PublicKey), X: x}
	e.Y = new(big.Int).Exp(e.G, e.X, e.P)
	sub := packet.NewElGamalPrivateKey(born, e)
	sub.IsSubkey = true
	k, err := assemble(packet.NewDSAPrivateKey(born, d), sub, []string{"<nobody@example.org>"}, 0)
	require.NoError(t, err)
	return k
}

// slhKey makes an SLH-DSA key, a subkey, without a signature, which takes long.
func slhKey(t *testing.T, id packet.PublicKeyAlgorithm) *packet.PrivateKey {
	scheme, err := packet.GetSlhdsaSchemeFromAlgID(id)
	require.NoError(t, err)
	k, err := slhdsa.GenerateKey(rand.Reader, uint8(id), scheme)
	require.NoError(t, err)
	s := packet.NewSignerPrivateKey(time.Now().Truncate(time.Second), k)
	s.IsSubkey = true
	require.NoError(t, s.UpgradeToV6())
	return s
}

// TestSLHDSASeed: the copy of the public part in the secret is right, and the
// seed is another's.
func TestSLHDSASeed(t *testing.T) {
	t.Parallel()
	for _, id := range []packet.PublicKeyAlgorithm{
		packet.PubKeyAlgoSlhdsaShake128s, packet.PubKeyAlgoSlhdsaShake128f, packet.PubKeyAlgoSlhdsaShake256s,
	} {
		body, err := secretBody(slhKey(t, id))
		require.NoError(t, err)
		scan, err := scanSecret(body, maxArgon2Memory)
		require.NoError(t, err)
		_, err = unlockSecret(keyTagSecretSub, body, scan, nil)
		require.NoError(t, err)
		at := len(scan.public) + 1
		n := (len(body) - at) / 4
		// SK.seed, PK.seed and PK.root; SK.prf between them salts signatures
		// (FIPS 205, Section 9.2), for which any value serves.
		for _, i := range []int{at, at + 2*n, at + 4*n - 1} {
			body[i] ^= 1
			_, err = unlockSecret(keyTagSecretSub, body, scan, nil)
			require.ErrorIs(t, err, errPair, i)
			body[i] ^= 1
		}
	}
}

// TestSlowKeys: a file full of keys that take up to a second each is refused.
func TestSlowKeys(t *testing.T) {
	t.Parallel()
	for n, ok := range map[int]bool{maxSlowKeys: true, maxSlowKeys + 1: false} {
		k, err := GenerateKey(KeyOptions{Address: "bob@example.org", Profile: envelope.Modern})
		require.NoError(t, err)
		primary := k.private.secrets[string(k.private.cert.primary.Fingerprint)]
		b := newBinder(primary, primary.CreationTime)
		bodies, err := k.private.lock(nil)
		require.NoError(t, err)
		b.out = k.private.cert.encode(func(p *packet.PublicKey) []byte { return bodies[string(p.Fingerprint)] })
		for range n {
			sub := slhKey(t, packet.PubKeyAlgoSlhdsaShake128f)
			body, err := secretBody(sub)
			require.NoError(t, err)
			b.add(keyTagSecretSub, body)
			b.subkey(nil, &sub.PublicKey, &packet.Signature{FlagsValid: true, FlagAuthenticate: true})
		}
		require.NoError(t, b.err)
		_, err = parseKey(b.out, "")
		if ok {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, "SLH-DSA keys in one key file")
		}
	}
}
