package pgp

import (
	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Format returns the OpenPGP message format, for [envelope.Inspect] and for an
// Opener that has neither an identity nor a sender to tell it.
func Format() envelope.Format {
	return envelope.Format(seam.Wrap[seam.Format](format{}))
}

// format is the seam.Format. Its methods are in seal.go, sign.go, open.go,
// signed.go and inspect.go.
type format struct{}

const formatName = "OpenPGP"

func (format) Name() string { return formatName }

// Sniff accepts armor and every packet that may come first in a message, those
// that are refused later too: the refusal then says why.
func (format) Sniff(prefix []byte) bool {
	if armored(prefix) {
		return true
	}
	if len(prefix) == 0 || prefix[0]&0x80 == 0 {
		return false
	}
	tag := int(prefix[0] & 63)
	if prefix[0]&0x40 == 0 {
		tag = int(prefix[0] >> 2 & 15)
	}
	switch tag {
	case tagPKESK, tagSignature, tagSKESK, tagOnePass, tagCompressed, tagSED,
		tagMarker, tagLiteral, tagSEIPD, tagLibrePGP, tagPadding:
		return true
	}
	return false
}

// Names of containers, as reports have them.
const (
	containerV1       = "SEIPDv1"
	containerV2       = "SEIPDv2"
	containerLibre    = "LibrePGP" // encrypted data packet 20 of GnuPG
	containerSED      = "SED"      // packet 9, which nothing authenticates
	containerOnePass  = "OnePassSignature"
	containerPrefixed = "SignedMessage"
	containerDetached = "DetachedSignature"
	containerClear    = "CleartextSignature"
)

// contentV1 is all that anybody can see of the cipher of SEIPDv1: its number
// is encrypted together with the session key.
const contentV1 = "CFB with MDC"

// contentSED is the same for packet 9.
const contentSED = "CFB"
