package smime

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	// maxEncryptedKey is the size of an encrypted key in octets: an RSA
	// modulus of 16,384 bits.
	maxEncryptedKey = 2048

	// maxUKM is the size of user keying material in octets. RFC 5753, Section
	// 7.2 and RFC 2631 use 64.
	maxUKM = 1024
)

var errRecipient = errors.New("malformed recipient")

// parseRecipientInfos reads one RecipientInfo, given in DER. That of a key
// agreement may be for several readers; one of a choice that is not known is a
// reader that cannot be served, and no error. RFC 5652, Section 6.2:
//
//	RecipientInfo ::= CHOICE {
//	  ktri KeyTransRecipientInfo,
//	  kari [1] KeyAgreeRecipientInfo,
//	  kekri [2] KEKRecipientInfo,
//	  pwri [3] PasswordRecipientinfo,
//	  ori [4] OtherRecipientInfo }
//
// It stops behind the first reader that is more than most, which the caller
// counts: in a message they have a few octets each, and taken apart some hundred.
func parseRecipientInfos(der []byte, most int) ([]*recipientInfo, error) {
	s := cryptobyte.String(der)
	var in cryptobyte.String
	var tag asn1.Tag
	if !s.ReadAnyASN1(&in, &tag) || !s.Empty() {
		return nil, fmt.Errorf("smime: %w", errRecipient)
	}
	context := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
	switch tag {
	case asn1.SEQUENCE:
		ri, ok := parseKeyTransport(in)
		if !ok {
			return nil, fmt.Errorf("smime: %w: key transport", errRecipient)
		}
		return []*recipientInfo{ri}, nil
	case context(1):
		ris, ok := parseKeyAgreement(in, most)
		if !ok {
			return nil, fmt.Errorf("smime: %w: key agreement", errRecipient)
		}
		return ris, nil
	case context(2):
		ri, ok := parseSharedKey(in)
		if !ok {
			return nil, fmt.Errorf("smime: %w: shared key", errRecipient)
		}
		return []*recipientInfo{ri}, nil
	case context(3):
		ri, ok := parsePassword(in)
		if !ok {
			return nil, fmt.Errorf("smime: %w: password", errRecipient)
		}
		return []*recipientInfo{ri}, nil
	case context(4):
		ri, ok := parseOther(in)
		if !ok {
			return nil, fmt.Errorf("smime: %w: key encapsulation", errRecipient)
		}
		return []*recipientInfo{ri}, nil
	}
	if tag&0xc0 != 0x80 {
		return nil, fmt.Errorf("smime: %w: no choice of RecipientInfo", errRecipient)
	}
	return otherInfo("recipient of another kind"), nil
}

func otherInfo(what string) []*recipientInfo {
	return []*recipientInfo{{kind: otherRecipient, other: what, refuse: "a " + what}}
}

// parseKeyTransport reads the content of a KeyTransRecipientInfo. RFC 5652,
// Section 6.2.1:
//
//	KeyTransRecipientInfo ::= SEQUENCE {
//	  version CMSVersion,  -- always set to 0 or 2
//	  rid RecipientIdentifier,
//	  keyEncryptionAlgorithm KeyEncryptionAlgorithmIdentifier,
//	  encryptedKey EncryptedKey }
func parseKeyTransport(s cryptobyte.String) (*recipientInfo, bool) {
	ri := &recipientInfo{kind: keyTransport}
	var version int
	var a algorithm
	if !s.ReadASN1Integer(&version) || version != 0 && version != 2 ||
		!readKeyID(&s, &ri.id) ||
		!readAlgorithm(&s, &a, asn1.SEQUENCE) ||
		!s.ReadASN1((*cryptobyte.String)(&ri.encryptedKey), asn1.OCTET_STRING) ||
		!s.Empty() || len(ri.encryptedKey) > maxEncryptedKey {
		return nil, false
	}
	switch a.oid {
	case oidRSAEncryption:
		ri.v15 = true
		if fipsOnly() {
			ri.refuse, ri.forbidden = forbiddenV15, forbiddenV15
		}
		return ri, a.plain()
	case oidRSAOAEP:
		var ok bool
		ri.oaep, ok = readOAEP(a.params)
		ri.refuse, ri.forbidden = ri.oaep.refuse, ri.oaep.forbidden
		return ri, ok
	}
	ri.kind, ri.other = otherRecipient, ri.id.String()
	ri.refuse = "an algorithm of key transport that is not supported"
	return ri, true
}
