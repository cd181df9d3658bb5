package smime

import (
	"crypto"
	"crypto/sha3"
	"hash"

	"golang.org/x/crypto/cryptobyte"
)

// digestKind is the digest of a signature or of content: the number of a
// [crypto.Hash], or one of those that package crypto has no number for.
type digestKind uint16

const (
	digestSHAKE128 digestKind = 1<<8 + iota // with 32 octets (RFC 8702, Section 3.1)
	digestSHAKE256                          // with 64 octets
)

// digestOf returns the digest that a names, false for none that can be
// computed here. Parameters are absent or NULL (RFC 5754, Section 2), but for
// id-shake256-len (RFC 8419, Section 3.1).
func digestOf(a *algorithm) (digestKind, bool) {
	if a.oid == oidSHAKE256Len {
		var bits int
		s := cryptobyte.String(a.params)
		ok := s.ReadASN1Integer(&bits) && s.Empty() && bits == shake256Bits
		return digestSHAKE256, ok
	}
	if !a.plain() {
		return 0, false
	}
	switch a.oid {
	case oidSHAKE128:
		return digestSHAKE128, true
	case oidSHAKE256:
		return digestSHAKE256, true
	case oidSHA3224:
		return digestKind(crypto.SHA3_224), true
	case oidSHA3256:
		return digestKind(crypto.SHA3_256), true
	case oidSHA3384:
		return digestKind(crypto.SHA3_384), true
	case oidSHA3512:
		return digestKind(crypto.SHA3_512), true
	}
	h, ok := hashByOID(a.oid)
	return digestKind(h), ok
}

// shake256Bits is the one output length that id-shake256-len goes with.
const shake256Bits = 512

// crypto returns the number that package crypto knows the digest by, 0 for none.
func (d digestKind) crypto() crypto.Hash {
	if d >= digestSHAKE128 {
		return 0
	}
	return crypto.Hash(d)
}

// new returns what computes the digest.
func (d digestKind) new() hash.Hash {
	switch d {
	case digestSHAKE128:
		return &shake{sha3.NewSHAKE128(), d.size()}
	case digestSHAKE256:
		return &shake{sha3.NewSHAKE256(), d.size()}
	}
	return d.crypto().New()
}

// size is the length of the digest in octets.
func (d digestKind) size() int {
	switch d {
	case digestSHAKE128:
		return 32
	case digestSHAKE256:
		return shake256Bits / 8
	}
	return d.crypto().Size()
}

// weak reports whether collisions of the digest are known.
func (d digestKind) weak() bool { return weakHash(d.crypto()) }

// String names the digest as reports show it.
func (d digestKind) String() string {
	switch d {
	case digestSHAKE128:
		return "SHAKE128"
	case digestSHAKE256:
		return "SHAKE256"
	}
	return d.crypto().String()
}

// shake is SHAKE with an output of a fixed length.
type shake struct {
	*sha3.SHAKE
	length int
}

// Size implements hash.Hash.
func (s *shake) Size() int { return s.length }

// Sum implements hash.Hash: what is read from it cannot be taken back, so a
// copy is read from, and more can be written afterwards.
func (s *shake) Sum(b []byte) []byte {
	c := *s.SHAKE
	out := make([]byte, s.length)
	c.Read(out) // never fails
	return append(b, out...)
}
