package smime

import (
	"bytes"
	"fmt"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// recipientKind is how a RecipientInfo hands over the content key.
type recipientKind uint8

const (
	otherRecipient   recipientKind = iota // a choice or an algorithm that is not read
	keyTransport                          // KeyTransRecipientInfo: RSA
	keyAgreement                          // KeyAgreeRecipientInfo: ECDH
	keyEncapsulation                      // KEMRecipientInfo: ML-KEM
	sharedKey                             // KEKRecipientInfo: AES key wrap
	password                              // PasswordRecipientInfo: PBKDF2
)

// recipientInfo is one reader of a sealed message: a RecipientInfo, or one of
// the RecipientEncryptedKeys of a KeyAgreeRecipientInfo.
type recipientInfo struct {
	kind   recipientKind
	id     keyID
	other  string // how an otherRecipient is described
	refuse string // why nobody here can unwrap the key, "" if somebody can

	// forbidden is set beside refuse where the reason is that fips140=only
	// does not allow it.
	forbidden string

	encryptedKey []byte

	v15  bool       // keyTransport: RSA PKCS#1 v1.5, else OAEP
	oaep oaepParams // keyTransport

	agree *agreement     // keyAgreement; shared by those of one RecipientInfo
	kem   *encapsulation // keyEncapsulation
	pw    *passwordInfo  // password
	size  int            // sharedKey: octets of the key
}

// keyID names a certificate: by issuer and serial number, or by subject key
// identifier.
type keyID struct {
	issuer []byte // Name, in DER
	serial []byte // content of the INTEGER
	ski    []byte // nil: issuer and serial number
}

// is reports whether the identifier is c's. Names are compared octet for octet,
// as every sender copies them from the certificate.
func (id *keyID) is(c *certificate) bool {
	return id.fits(&keyID{issuer: c.x.RawIssuer, serial: serialOf(c), ski: c.ski})
}

// fits is the same of all that names a certificate.
func (id *keyID) fits(c *keyID) bool {
	if id.ski != nil {
		return len(id.ski) > 0 && bytes.Equal(id.ski, c.ski)
	}
	return len(id.issuer) > 0 && bytes.Equal(id.issuer, c.issuer) && bytes.Equal(id.serial, c.serial)
}

// names reports whether ri is meant for the owner of c.
func (ri *recipientInfo) names(c *certificate) bool {
	switch ri.kind {
	case keyTransport, keyAgreement, keyEncapsulation:
		return ri.id.is(c)
	}
	return false // sharedKey has an identifier of another sort
}

// isPKCS1v15 reports whether the content key is encrypted with RSA PKCS#1 v1.5,
// of which no failure may be told from success (RFC 3218).
func (ri *recipientInfo) isPKCS1v15() bool { return ri.kind == keyTransport && ri.v15 }

// unsupported returns why the content key cannot be unwrapped here whoever
// holds the private key, "" if it can. It is known without a key.
func (ri *recipientInfo) unsupported() string {
	switch {
	case ri.refuse != "":
		return ri.refuse
	case ri.agree != nil:
		return ri.agree.refuse
	}
	return ""
}

// refusal returns unsupported as the error for whoever the key is for.
func (ri *recipientInfo) refusal() error {
	switch {
	case ri.forbidden != "":
		return notApproved(ri.forbidden)
	case ri.agree != nil && ri.agree.forbidden != "":
		return notApproved(ri.agree.forbidden)
	}
	return malformed("its key is sealed in a way that is not supported: %s", ri.unsupported())
}

// seamRecipient describes ri as a reader without keys sees it.
func (ri *recipientInfo) seamRecipient() seam.Recipient {
	switch ri.kind {
	case keyTransport:
		name := v15Name
		if !ri.v15 {
			name = ri.oaep.String()
		}
		return seam.Recipient{ID: ri.id.String(), Algorithm: name}
	case keyAgreement:
		return seam.Recipient{ID: ri.id.String(), Algorithm: ri.agree.String()}
	case keyEncapsulation:
		return seam.Recipient{ID: ri.id.String(), Algorithm: ri.kem.String()}
	case sharedKey:
		if ri.refuse == "" {
			return seam.Recipient{ID: fmt.Sprintf("shared key %X", ri.id.ski), Algorithm: fmt.Sprintf("AES-%d wrap", 8*ri.size)}
		}
		return seam.Recipient{ID: fmt.Sprintf("shared key %X", ri.id.ski), Algorithm: notSupported}
	case password:
		if ri.refuse == "" {
			return seam.Recipient{ID: passphraseID, Algorithm: ri.pw.String()}
		}
		return seam.Recipient{ID: passphraseID, Algorithm: notSupported}
	}
	return seam.Recipient{ID: ri.other, Algorithm: notSupported}
}

// notSupported is how reports name what cannot be opened.
const notSupported = "not supported"

// v15Name is how reports name RSA PKCS#1 v1.5 encryption.
const v15Name = "RSA PKCS#1 v1.5"
