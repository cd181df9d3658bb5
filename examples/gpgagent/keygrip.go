package gpgagent

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// Keygrip names a key in an agent: a digest of its public numbers without
// anything of a format around them, so that the OpenPGP and the X.509
// certificate of one key have one keygrip.
type Keygrip [20]byte

// String returns it as gpg --with-keygrip shows it.
func (g Keygrip) String() string { return strings.ToUpper(hex.EncodeToString(g[:])) }

var errKind = errors.New("gpgagent: a public key of a kind that is not supported: RSA, P-256, P-384, P-521, Ed25519 and X25519 are")

// errFIPS: a keygrip is SHA-1.
var errFIPS = errors.New("gpgagent: the agent's names of keys are SHA-1, which GODEBUG=fips140=only forbids")

// KeygripOf computes the keygrip of an *[rsa.PublicKey], an *[ecdsa.PublicKey],
// an *[ecdh.PublicKey] or an [ed25519.PublicKey], as libgcrypt does. Other
// kinds are an error, and so is GODEBUG=fips140=only: a keygrip is SHA-1.
func KeygripOf(public crypto.PublicKey) (Keygrip, error) {
	if fips140.Enforced() {
		return Keygrip{}, errFIPS
	}
	switch k := public.(type) {
	case *rsa.PublicKey:
		if k == nil || k.N == nil || k.N.Sign() <= 0 {
			return Keygrip{}, errKind
		}
		return sum(signed(k.N.Bytes())), nil
	case *ecdsa.PublicKey:
		if k == nil || k.Curve == nil {
			return Keygrip{}, errKind
		}
		point, err := k.Bytes()
		if err != nil {
			return Keygrip{}, errKind
		}
		return nistGrip(k.Curve, point)
	case *ecdh.PublicKey:
		switch {
		case k == nil:
		case k.Curve() == ecdh.P256():
			return nistGrip(elliptic.P256(), k.Bytes())
		case k.Curve() == ecdh.P384():
			return nistGrip(elliptic.P384(), k.Bytes())
		case k.Curve() == ecdh.P521():
			return nistGrip(elliptic.P521(), k.Bytes())
		case k.Curve() == ecdh.X25519():
			return curveGrip("01db41", "01", "04"+strings.Repeat("00", 31)+"0920ae19a1b8a086b4e01edd2c7748d14c923d4d7e6d7c61b229e9c5a27eced3d9", k.Bytes()), nil
		}
	case ed25519.PublicKey:
		if len(k) == ed25519.PublicKeySize {
			return curveGrip("01", "2dfc9311d490018c7338bf8688861767ff8ff5b2bebe27548a14b235eca6874a",
				"04216936d3cd6e53fec0a4e231fdd6dc5c692cc7609525a7b2c9562d608f25d51a6666666666666666666666666666666666666666666666666666666666666658", k), nil
		}
	}
	return Keygrip{}, errKind
}

func nistGrip(c elliptic.Curve, point []byte) (Keygrip, error) {
	p := c.Params()
	switch p.Name {
	case "P-256", "P-384", "P-521":
	default:
		return Keygrip{}, errKind
	}
	size := (p.BitSize + 7) / 8
	g := append([]byte{4}, append(p.Gx.FillBytes(make([]byte, size)), p.Gy.FillBytes(make([]byte, size))...)...)
	a := new(big.Int).Sub(p.P, big.NewInt(3))
	return gripOf(p.P.Bytes(), a.Bytes(), p.B.Bytes(), g, p.N.Bytes(), point), nil
}

// curveGrip is that of a key on the curve with p = 2^255-19 in one of its two
// forms, whose other numbers are given as libgcrypt has them.
func curveGrip(a, b, g string, q []byte) Keygrip {
	p := new(big.Int).Lsh(big.NewInt(1), 255)
	p.Sub(p, big.NewInt(19))
	number := func(s string) []byte { n, _ := hex.DecodeString(s); return n }
	n := number("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed")
	return gripOf(p.Bytes(), number(a), number(b), number(g), n, q)
}

// gripOf digests the numbers of a curve and the point, each with its name.
func gripOf(p, a, b, g, n, q []byte) Keygrip {
	var all []byte
	for i, v := range [][]byte{p, a, b, g, n, q} {
		all = fmt.Appendf(all, "(1:%c%d:%s)", "pabgnq"[i], len(v), v)
	}
	return sum(all)
}

func sum(b []byte) Keygrip { return sha1.Sum(b) }

// signed returns a number as S-expressions have it: with a zero in front where
// it would look negative.
func signed(n []byte) []byte {
	if len(n) > 0 && n[0]&0x80 != 0 {
		return append([]byte{0}, n...)
	}
	return n
}
