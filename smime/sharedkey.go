package smime

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// symmetric is a key that two parties share, with the name that they gave it.
type symmetric struct{ id, key []byte }

var _ seam.Identity = (*symmetric)(nil)

// Format implements seam.Identity.
func (*symmetric) Format() seam.Format { return format{} }

// SharedKey returns an identity that opens what was sealed under a key that the
// parties shared before (KEKRecipientInfo). id is the key's identifier, of 1 to
// 128 octets, as messages have it; key is for AES key wrap, of 16, 24 or 32
// octets, and has to be as hard to guess as one. Both are copied.
//
// Such messages are only read: nothing here seals to a key that proves nobody.
// The error says which of the two has another length.
func SharedKey(id, key []byte) (envelope.Identity, error) {
	if len(id) == 0 || len(id) > maxKeyIdentifier {
		return envelope.Identity{}, fmt.Errorf("smime: the identifier of a shared key has 1 to %d octets, not %d", maxKeyIdentifier, len(id))
	}
	switch len(key) {
	case 16, 24, 32:
	default:
		return envelope.Identity{}, errors.New("smime: a shared key for AES has 16, 24 or 32 octets")
	}
	k := &symmetric{bytes.Clone(id), bytes.Clone(key)}
	return envelope.Identity(seam.Wrap[seam.Identity](k)), nil
}

// parseSharedKey reads the content of a KEKRecipientInfo. RFC 5652, Section
// 6.2.3:
//
//	KEKRecipientInfo ::= SEQUENCE {
//	  version CMSVersion,  -- always set to 4
//	  kekid KEKIdentifier,
//	  keyEncryptionAlgorithm KeyEncryptionAlgorithmIdentifier,
//	  encryptedKey EncryptedKey }
//	KEKIdentifier ::= SEQUENCE {
//	  keyIdentifier OCTET STRING,
//	  date GeneralizedTime OPTIONAL,
//	  other OtherKeyAttribute OPTIONAL }
//
// date and other select among versions of a key. Ours have none, and a key of
// another version fails to unwrap: they are skipped.
func parseSharedKey(s cryptobyte.String) (*recipientInfo, bool) {
	ri := &recipientInfo{kind: sharedKey}
	var version int
	var id cryptobyte.String
	if !s.ReadASN1Integer(&version) || version != 4 ||
		!s.ReadASN1(&id, asn1.SEQUENCE) ||
		!id.ReadASN1((*cryptobyte.String)(&ri.id.ski), asn1.OCTET_STRING) ||
		len(ri.id.ski) == 0 || len(ri.id.ski) > maxKeyIdentifier ||
		!id.SkipOptionalASN1(asn1.GeneralizedTime) ||
		!id.SkipOptionalASN1(asn1.SEQUENCE) || !id.Empty() {
		return nil, false
	}
	var ok bool
	if ri.size, ok = readKeyWrap(&s); !ok {
		return nil, false
	}
	if !s.ReadASN1((*cryptobyte.String)(&ri.encryptedKey), asn1.OCTET_STRING) || !s.Empty() || len(ri.encryptedKey) > maxEncryptedKey {
		return nil, false
	}
	if ri.size == 0 {
		ri.refuse = refusedWrap
	}
	return ri, true
}

// namedBy reports whether ri is for those who hold k.
func (k *symmetric) namedBy(ri *recipientInfo) bool {
	return ri.kind == sharedKey && bytes.Equal(ri.id.ski, k.id)
}

// opens reports whether k has the length that ri asks for.
func (k *symmetric) opens(ri *recipientInfo) bool { return ri.size == len(k.key) }

// unwrap is that of privateKey.
func (k *symmetric) unwrap(ri *recipientInfo, cekLen int) ([]byte, bool) {
	if ri.kind != sharedKey || !k.opens(ri) || len(ri.encryptedKey) != cekLen+wrapBlock {
		return nil, false
	}
	return unwrapKey(k.key, ri.encryptedKey)
}
