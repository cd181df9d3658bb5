package pgp

import "github.com/ProtonMail/go-crypto/openpgp/packet"

// wholeValue reports whether value, which is what follows the fixed part of a
// signature packet, is what its algorithm has there and not one octet more,
// RFC 9580, Section 5.2.3. go-crypto leaves unread what follows, so that one
// signature could be written in many ways. Of other algorithms nothing is said.
func wholeValue(algorithm byte, value []byte) bool {
	switch packet.PublicKeyAlgorithm(algorithm) {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		return mpis(value, 1)
	case packet.PubKeyAlgoDSA, packet.PubKeyAlgoECDSA, packet.PubKeyAlgoEdDSA:
		return mpis(value, 2)
	case packet.PubKeyAlgoEd25519:
		return len(value) == 64
	case packet.PubKeyAlgoEd448:
		return len(value) == 114
	}
	return true
}

// mpis reports whether b is n multiprecision integers, RFC 9580, Section 3.2.
func mpis(b []byte, n int) bool {
	for range n {
		if len(b) < 2 {
			return false
		}
		octets := (int(b[0])<<8 + int(b[1]) + 7) / 8
		if b = b[2:]; len(b) < octets {
			return false
		}
		b = b[octets:]
	}
	return len(b) == 0
}
