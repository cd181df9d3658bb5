package pgp

import "github.com/ProtonMail/go-crypto/openpgp/packet"

// markedPoint reports whether the ephemeral point that a session key packet
// begins with says what it is. A native point of Curve25519 has the octet 0x40
// before it (RFC 9580, Section 11.2.2), which go-crypto drops unread: what it
// says would be anybody's to change. Points of all other curves that it reads
// are longer, and their first octet is checked there.
func (k *sessionKey) markedPoint() bool {
	if packet.PublicKeyAlgorithm(k.algorithm) != packet.PubKeyAlgoECDH {
		return true
	}
	at := 10 // version, key ID, algorithm
	if k.version == 6 {
		at = 3 + int(k.raw[1])
	}
	if len(k.raw) < at+3 {
		return false
	}
	octets := (int(k.raw[at])<<8 + int(k.raw[at+1]) + 7) / 8
	return octets != 33 || k.raw[at+2] == 0x40
}
