package pgp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/internal/packethead"
)

// The packets that a transferable key is made of, RFC 9580, Sections 5 and 10.1.
const (
	keyTagSignature = 2
	keyTagSecret    = 5
	keyTagPublic    = 6
	keyTagSecretSub = 7
	keyTagMarker    = 10
	keyTagTrust     = 12
	keyTagUserID    = 13
	keyTagPublicSub = 14
	keyTagAttribute = 17
	keyTagPadding   = 21
	keyTagCritical  = 39 // the last tag that must not be ignored if unknown, RFC 9580, Section 4.3
)

// splitKeyPackets hands each packet of b to visit: its tag and its body, which
// is a part of b. Partial and indeterminate lengths are refused: they are for
// data packets alone, RFC 9580, Sections 4.2.1.4 and 4.2.2.
func splitKeyPackets(b []byte, visit func(tag int, body []byte) error) error {
	for len(b) > 0 {
		tag, n, head, err := keyPacketHeader(b)
		if err != nil {
			return err
		}
		if uint64(n) > uint64(len(b)-head) {
			return fmt.Errorf("pgp: the key is cut off: a packet of %d octets has %d: %w", n, len(b)-head, io.ErrUnexpectedEOF)
		}
		end := head + int(n) // fits: it is within b
		if err := visit(tag, b[head:end:end]); err != nil {
			return err
		}
		b = b[end:]
	}
	return nil
}

var (
	errKeyCut    = fmt.Errorf("pgp: the key is cut off within a packet header: %w", io.ErrUnexpectedEOF)
	errKeyNoPGP  = errors.New("pgp: this is no OpenPGP key: it does not consist of packets")
	errKeyLength = errors.New("pgp: a packet of the key has a partial or indeterminate length, which only messages may have")
)

// keyPacketHeader reads a packet header, RFC 9580, Section 4.2.
func keyPacketHeader(b []byte) (tag int, n uint32, head int, err error) {
	tag, n, head, err = packethead.Read(b)
	switch err {
	case packethead.ErrCut:
		err = errKeyCut
	case packethead.ErrNone:
		err = errKeyNoPGP
	case packethead.ErrLength:
		err = errKeyLength
	}
	return tag, n, head, err
}

// appendKeyPacket appends a packet in the current format with the shortest length.
func appendKeyPacket(dst []byte, tag int, body []byte) []byte {
	dst = append(dst, 0xC0|byte(tag))
	switch n := len(body); {
	case n < 192:
		dst = append(dst, byte(n))
	case n < 8384:
		dst = append(dst, byte((n-192)>>8)+192, byte(n-192))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 255), uint32(n))
	}
	return append(dst, body...)
}

// maxMPIBits is the largest integer in a key: RSA of 16,384 bits, which is
// read but not used; beyond it one operation costs seconds.
const maxMPIBits = 16384

// What numbers of the older kinds of key may have. Anybody adds a subkey to a
// certificate of his own, and to verify with a DSA key of 16,384 bits and an
// order of as many takes ten seconds: both end where programs generate them.
const (
	maxDSABits     = 4096
	maxDSAOrder    = 384 // GnuPG's for 4,096 bits
	maxElgamalBits = 4096
)

// publicPartLen returns how many octets of body, a public or secret key
// packet, are its public part. It reads lengths only and allocates nothing, so
// it comes before every other look at a key: what is larger than any real key
// is refused here, and the string-to-key parameters that follow the public
// part of a secret key are found where go-crypto will find them.
// RFC 9580, Sections 5.5.2 and 5.5.5; RFC 9980, Section 5.2.
func publicPartLen(body []byte) (int, error) {
	if len(body) == 0 {
		return 0, errors.New("pgp: a key packet is empty")
	}
	at := 6 // version, four octets of time, algorithm
	switch v := body[0]; v {
	case 2, 3:
		return 0, fmt.Errorf("pgp: a version %d key: its fingerprint can be forged, so it is not supported; use a newer key", v)
	case 5:
		if len(body) > 5 && body[5] == algorithmGnuPGKyber {
			return 0, unsupportedAlgorithm(algorithmGnuPGKyber)
		}
		return 0, errors.New("pgp: a version 5 (LibrePGP) key, which is not supported; use a version 4 or 6 key")
	case 4:
		if len(body) > 5 && needsVersion6(packet.PublicKeyAlgorithm(body[5])) {
			return 0, fmt.Errorf("pgp: a version 4 key of algorithm %d, which RFC 9980 allows in version 6 keys only", body[5])
		}
	case 6:
		at += 4 // the length of the key material
	default:
		return 0, fmt.Errorf("pgp: a version %d key, which is not supported; use a version 4 or 6 key", v)
	}
	if len(body) < at {
		return 0, errKeyCutMaterial
	}
	n, err := materialLen(body[at:], packet.PublicKeyAlgorithm(body[5]))
	if err != nil {
		return 0, err
	}
	if body[0] == 6 && uint64(binary.BigEndian.Uint32(body[6:])) != uint64(n) {
		return 0, errors.New("pgp: a key says another length of its public part than it has")
	}
	return at + n, nil
}

var errKeyCutMaterial = fmt.Errorf("pgp: the key is cut off within a key packet: %w", io.ErrUnexpectedEOF)

// algorithmGnuPGKyber is what GnuPG from 2.5 on calls its combination of ML-KEM
// with an elliptic curve, mostly in version 5 keys. Neither keys nor messages
// have anything in common with RFC 9980's.
const algorithmGnuPGKyber = 8

// needsVersion6 reports whether an algorithm is one that keys before version 6
// must not have, RFC 9980, Section 2: of the post-quantum ones, all but
// ML-KEM-768+X25519.
func needsVersion6(a packet.PublicKeyAlgorithm) bool {
	return a == packet.PubKeyAlgoMlkem1024X448 || postQuantumSigner(a)
}

func unsupportedAlgorithm(a packet.PublicKeyAlgorithm) error {
	if a == algorithmGnuPGKyber {
		return errors.New("pgp: a key of algorithm 8 (GnuPG's own Kyber), which is not supported; use an RFC 9980 key")
	}
	return fmt.Errorf("pgp: a key of algorithm %d, which is not supported", uint8(a))
}

// materialLen returns the length of the public key material that b begins with.
func materialLen(b []byte, algorithm packet.PublicKeyAlgorithm) (int, error) {
	fields, fixed := "", 0 // m: MPI; q: one for the order of DSA; o: octets after one octet of length
	most := maxMPIBits
	switch algorithm {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSAEncryptOnly, packet.PubKeyAlgoRSASignOnly:
		fields = "mm"
	case packet.PubKeyAlgoDSA:
		fields, most = "mqmm", maxDSABits
	case packet.PubKeyAlgoElGamal:
		fields, most = "mmm", maxElgamalBits
	case packet.PubKeyAlgoECDSA, packet.PubKeyAlgoEdDSA:
		fields = "om"
	case packet.PubKeyAlgoECDH:
		fields = "omo"
	case packet.PubKeyAlgoX25519, packet.PubKeyAlgoEd25519:
		fixed = 32
	case packet.PubKeyAlgoX448:
		fixed = 56
	case packet.PubKeyAlgoEd448:
		fixed = 57
	case packet.PubKeyAlgoMlkem768X25519:
		fixed = 32 + 1184
	case packet.PubKeyAlgoMlkem1024X448:
		fixed = 56 + 1568
	case packet.PubKeyAlgoMldsa65Ed25519:
		fixed = 32 + 1952
	case packet.PubKeyAlgoMldsa87Ed448:
		fixed = 57 + 2592
	case packet.PubKeyAlgoSlhdsaShake128s, packet.PubKeyAlgoSlhdsaShake128f:
		fixed = 32
	case packet.PubKeyAlgoSlhdsaShake256s:
		fixed = 64
	default:
		return 0, unsupportedAlgorithm(algorithm)
	}
	at := fixed
	for _, f := range fields {
		switch {
		case f != 'o' && at+2 <= len(b):
			bits, most := int(binary.BigEndian.Uint16(b[at:])), most
			if f == 'q' {
				most = maxDSAOrder
			}
			if bits > most {
				return 0, fmt.Errorf("pgp: a key with a number of %d bits: more than %d are refused", bits, most)
			}
			at += 2 + (bits+7)/8
		case f == 'o' && at+1 <= len(b):
			at += 1 + int(b[at])
		default:
			return 0, errKeyCutMaterial
		}
	}
	if at > len(b) {
		return 0, errKeyCutMaterial
	}
	return at, nil
}
