package smime

import (
	"crypto"
	"encoding/binary"
	"errors"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// x963KDF derives size octets from the shared secret z (SEC 1, Section 3.6.1):
// H(z ‖ counter ‖ info) for the counters 1, 2, … as 32-bit numbers.
func x963KDF(h crypto.Hash, z, info []byte, size int) ([]byte, error) {
	if !h.Available() || size < 0 || size > maxDerived {
		return nil, errors.New("smime: internal error: digest or length of a key derivation")
	}
	var out []byte
	var counter [4]byte
	d := h.New()
	for n := uint32(1); len(out) < size; n++ {
		binary.BigEndian.PutUint32(counter[:], n)
		d.Reset()
		d.Write(z)
		d.Write(counter[:])
		d.Write(info)
		out = d.Sum(out)
	}
	return out[:size], nil
}

// maxDerived bounds what x963KDF derives: a key-encryption key has 32 octets
// at most, test vectors of the function somewhat more.
const maxDerived = 1 << 10

// sharedInfo returns what binds a derived key to its use. RFC 5753, Section 7.2:
//
//	ECC-CMS-SharedInfo ::= SEQUENCE {
//	   keyInfo         AlgorithmIdentifier,
//	   entityUInfo [0] EXPLICIT OCTET STRING OPTIONAL,
//	   suppPubInfo [2] EXPLICIT OCTET STRING  }
//
// wrap is the key wrap's AlgorithmIdentifier as the message has it, ukm the
// user keying material (nil: absent), size that of the key in octets, which
// suppPubInfo states in bits.
func sharedInfo(wrap, ukm []byte, size int) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(wrap)
		if ukm != nil {
			b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddASN1OctetString(ukm) })
		}
		b.AddASN1(asn1.Tag(2).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(binary.BigEndian.AppendUint32(nil, uint32(size)*8))
		})
	})
	return b.Bytes()
}
