package smime

import "crypto/ecdh"

// curve is what keys are agreed on, 0 for none.
type curve uint8

const (
	curveP256 curve = iota + 1
	curveP384
	curveP521
	curveX25519
	curveX448 // which package crypto/ecdh does not have
)

// String is the curve's name as reports show it.
func (c curve) String() string {
	switch c {
	case curveP256:
		return "P-256"
	case curveP384:
		return "P-384"
	case curveP521:
		return "P-521"
	case curveX25519:
		return "X25519"
	case curveX448:
		return "X448"
	}
	return "unknown curve"
}

// ecdh returns the implementation, nil for no curve and for X448.
func (c curve) ecdh() ecdh.Curve {
	switch c {
	case curveP256:
		return ecdh.P256()
	case curveP384:
		return ecdh.P384()
	case curveP521:
		return ecdh.P521()
	case curveX25519:
		return ecdh.X25519()
	}
	return nil
}

// curveByOID returns the named curve, 0 if it is not one of ours.
func curveByOID(o oid) curve {
	switch o {
	case oidP256:
		return curveP256
	case oidP384:
		return curveP384
	case oidP521:
		return curveP521
	}
	return 0
}

// curveByPoint returns the curve by the length of an uncompressed point
// (SEC 1, Section 2.3.3), 0 if no curve of ours has points so long.
func curveByPoint(p []byte) curve {
	switch len(p) {
	case 1 + 2*32:
		return curveP256
	case 1 + 2*48:
		return curveP384
	case 1 + 2*66:
		return curveP521
	}
	return 0
}
