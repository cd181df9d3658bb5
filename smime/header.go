package smime

import (
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// context returns the tag [n] in its primitive form.
func context(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific() }

// contentInfo enters what RFC 5652, Section 3 puts around every message, and
// returns the type of its content, at the beginning of which r is left.
//
//	ContentInfo ::= SEQUENCE {
//	    contentType ContentType,
//	    content [0] EXPLICIT ANY DEFINED BY contentType }
func enterContentInfo(r *ber.Reader) (oid, error) {
	if err := r.Enter(asn1.SEQUENCE); err != nil {
		return "", formatError(err)
	}
	o, err := r.Primitive(asn1.OBJECT_IDENTIFIER, maxOID)
	if err != nil {
		return "", formatError(err)
	}
	if err := r.Enter(context(0)); err != nil {
		return "", formatError(err)
	}
	return oid(o), nil
}

// maxOID is what package ber allows an object identifier.
const maxOID = 64

// leave leaves n elements, in each of which nothing may be left.
func leave(r *ber.Reader, n int) error {
	for range n {
		if err := r.Leave(); err != nil {
			return formatError(err)
		}
	}
	return nil
}

// version reads a CMSVersion from least to most.
func version(r *ber.Reader, least, most byte) (byte, error) {
	v, err := r.Primitive(asn1.INTEGER, 8)
	if err != nil {
		return 0, formatError(err)
	}
	if len(v) != 1 || v[0] < least || v[0] > most {
		return 0, malformed("a version of its structure that is not known")
	}
	return v[0], nil
}

// next reports whether the next element is one of the context-specific class
// with the number n, primitive or constructed.
func next(r *ber.Reader, n uint8) (bool, error) {
	h, more, err := r.Peek()
	if err != nil {
		return false, formatError(err)
	}
	return more && h.Tag&^constructed == context(n), nil
}

const constructed = 0x20

// sealedHeader is a sealed message up to its content.
type sealedHeader struct {
	container   string
	contentType oid
	alg         contentAlgorithm
	recipients  []seam.Recipient
	findings    []string
	version     byte
	at          cuts
	passwords   passwordCount
	beside      bool // certificates or attributes, which are not encrypted, are in it
}

// recipientBytes is how much larger all recipients together may be than the
// rest of the header: 20,000 of them, for RSA-4096, are 14 MB.
const recipientBytes = 4

// readSealedHeader reads on to the content, at the header of which r is left.
// each is called for every recipient.
//
//	EnvelopedData ::= SEQUENCE {                 -- RFC 5652, Section 6.1
//	    version CMSVersion,
//	    originatorInfo [0] IMPLICIT OriginatorInfo OPTIONAL,
//	    recipientInfos RecipientInfos,
//	    encryptedContentInfo EncryptedContentInfo,
//	    unprotectedAttrs [1] IMPLICIT UnprotectedAttributes OPTIONAL }
//
//	AuthEnvelopedData ::= SEQUENCE {             -- RFC 5083, Section 2.1
//	    version CMSVersion,
//	    originatorInfo [0] IMPLICIT OriginatorInfo OPTIONAL,
//	    recipientInfos RecipientInfos,
//	    authEncryptedContentInfo EncryptedContentInfo,
//	    authAttrs [1] IMPLICIT AuthAttributes OPTIONAL,
//	    mac MessageAuthenticationCode,
//	    unauthAttrs [2] IMPLICIT UnauthAttributes OPTIONAL }
func readSealedHeader(r *ber.Reader, b *budget, l seam.Limits, each func(*recipientInfo)) (*sealedHeader, error) {
	o, err := enterContentInfo(r)
	if err != nil {
		return nil, err
	}
	h := new(sealedHeader)
	most := byte(4)
	switch o {
	case oidEnvelopedData:
		h.container = containerEnveloped
	case oidAuthEnvelopedData:
		h.container, most = containerAuthEnveloped, 0
	default:
		return nil, notSealed(r, o, l)
	}
	if err := r.Enter(asn1.SEQUENCE); err != nil {
		return nil, formatError(err)
	}
	if h.version, err = version(r, 0, most); err != nil {
		return nil, err
	}
	h.at.versionEnd = r.Offset()
	if has, err := next(r, 0); err != nil {
		return nil, err
	} else if has {
		// Certificates of an originator prove nothing here.
		h.beside = true
		if err := b.skip(r); err != nil {
			return nil, err
		}
	}
	if err := h.readRecipients(r, l, each); err != nil {
		return nil, err
	}
	return h, h.readContentHeader(r, b)
}

// readRecipients reads RFC 5652, Section 6.1:
//
//	RecipientInfos ::= SET SIZE (1..MAX) OF RecipientInfo
func (h *sealedHeader) readRecipients(r *ber.Reader, l seam.Limits, each func(*recipientInfo)) error {
	h.at.set = r.Offset()
	if err := r.Enter(asn1.SET); err != nil {
		return formatError(err)
	}
	h.at.first = r.Offset()
	b := newBudget(recipientBytes * l.HeaderBytes)
	for {
		_, more, err := r.Peek()
		if err != nil {
			return formatError(err)
		}
		if !more {
			break
		}
		der, err := b.upTo(r, l.HeaderBytes)
		if err != nil {
			return err
		}
		ris, err := parseRecipientInfos(der, l.Recipients-len(h.recipients))
		if err != nil {
			return malformed("one of its recipients: %v", err)
		}
		if len(h.recipients)+len(ris) > l.Recipients {
			return &envelope.LimitError{What: "recipients", Max: int64(l.Recipients)}
		}
		for _, ri := range ris {
			h.recipients = append(h.recipients, ri.seamRecipient())
			h.passwords.add(ri)
			each(ri)
		}
	}
	if len(h.recipients) == 0 {
		return malformed("it has no recipient")
	}
	h.at.last = r.Offset()
	if err := leave(r, 1); err != nil {
		return err
	}
	h.at.setEnd = r.Offset()
	return nil
}

// readContentHeader reads RFC 5652, Section 6.1, up to the last:
//
//	EncryptedContentInfo ::= SEQUENCE {
//	    contentType ContentType,
//	    contentEncryptionAlgorithm ContentEncryptionAlgorithmIdentifier,
//	    encryptedContent [0] IMPLICIT EncryptedContent OPTIONAL }
func (h *sealedHeader) readContentHeader(r *ber.Reader, b *budget) error {
	if err := r.Enter(asn1.SEQUENCE); err != nil {
		return formatError(err)
	}
	o, err := r.Primitive(asn1.OBJECT_IDENTIFIER, maxOID)
	if err != nil {
		return formatError(err)
	}
	h.contentType = oid(o)
	der, err := b.element(r)
	if err != nil {
		return err
	}
	if h.alg, err = parseContentAlgorithm(der); err != nil {
		return err
	}
	if err := h.alg.fits(h.container); err != nil {
		return err
	}
	has, err := next(r, 0)
	if err != nil {
		return err
	}
	if !has {
		return malformed("its content is not in it")
	}
	return nil
}
