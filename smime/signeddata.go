package smime

import (
	"fmt"
	"hash"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// signedData reads a SignedData as a stream (RFC 5652, Section 5.1):
//
//	SignedData ::= SEQUENCE {
//	    version CMSVersion,
//	    digestAlgorithms DigestAlgorithmIdentifiers,
//	    encapContentInfo EncapsulatedContentInfo,
//	    certificates [0] IMPLICIT CertificateSet OPTIONAL,
//	    crls [1] IMPLICIT RevocationInfoChoices OPTIONAL,
//	    signerInfos SignerInfos }
//
//	EncapsulatedContentInfo ::= SEQUENCE {
//	    eContentType ContentType,
//	    eContent [0] EXPLICIT OCTET STRING OPTIONAL }
//
// The digests are announced before the content, which is hashed while it
// passes, with all of them at once.
type signedData struct {
	r           *ber.Reader
	b           *budget
	l           seam.Limits
	contentType oid
	eContent    *ber.Octets // nil: the signature is detached
	digests     map[digestKind]hash.Hash
	findings    []string
	brought     []broughtCertificate
	signers     []*signerInfo
	further     int // certificates that a signature was checked with beside a first one
}

// broughtCertificate is a certificate in a message, with what names it. Taken
// apart it would be many times larger, and most are a chain's that is not
// looked at here.
type broughtCertificate struct {
	raw []byte
	id  keyID
}

// enterSignedData reads on to the content. r stands at the SignedData.
func enterSignedData(r *ber.Reader, l seam.Limits) (*signedData, error) {
	sd := &signedData{r: r, b: newBudget(l.HeaderBytes), l: l, digests: map[digestKind]hash.Hash{}}
	if err := r.Enter(asn1.SEQUENCE); err != nil {
		return nil, formatError(err)
	}
	if _, err := version(r, 1, 5); err != nil {
		return nil, err
	}
	if err := sd.readDigests(); err != nil {
		return nil, err
	}
	if err := r.Enter(asn1.SEQUENCE); err != nil {
		return nil, formatError(err)
	}
	o, err := r.Primitive(asn1.OBJECT_IDENTIFIER, maxOID)
	if err != nil {
		return nil, formatError(err)
	}
	if sd.contentType = oid(o); sd.contentType != oidData && sd.contentType != oidCompressedData {
		sd.findings = append(sd.findings, "the signed content is of a CMS type of its own, released as it is")
	}
	_, more, err := r.Peek()
	if err != nil {
		return nil, formatError(err)
	}
	if !more {
		return sd, nil
	}
	if err := r.Enter(context(0)); err != nil {
		return nil, formatError(err)
	}
	sd.eContent, err = r.Octets(asn1.OCTET_STRING)
	return sd, formatError(err)
}

// readDigests reads the algorithms that the content has to be hashed with.
// Unknown ones are passed over: their signers are then not checked.
func (sd *signedData) readDigests() error {
	if err := sd.r.Enter(asn1.SET); err != nil {
		return formatError(err)
	}
	for n := 0; ; n++ {
		_, more, err := sd.r.Peek()
		if err != nil {
			return formatError(err)
		}
		if !more {
			return leave(sd.r, 1)
		}
		if n == sd.l.Signatures {
			// There is no use for more digests than signatures.
			return &envelope.LimitError{What: "digest algorithms", Max: int64(sd.l.Signatures)}
		}
		der, err := sd.b.element(sd.r)
		if err != nil {
			return err
		}
		var a algorithm
		if s := cryptobyte.String(der); !readAlgorithm(&s, &a, asn1.SEQUENCE) || !s.Empty() {
			return malformed("one of its digest algorithms is damaged")
		}
		if d, ok := digestOf(&a); ok && sd.digests[d] == nil {
			sd.digests[d] = d.new()
		}
	}
}

// Write hashes content.
func (sd *signedData) Write(p []byte) (int, error) {
	for _, h := range sd.digests {
		h.Write(p)
	}
	return len(p), nil
}

// finish reads on from behind the content to the end of the SignedData.
func (sd *signedData) finish() error {
	levels := 1
	if sd.eContent != nil {
		levels = 2
	}
	if err := leave(sd.r, levels); err != nil {
		return err
	}
	if err := sd.readCertificates(); err != nil {
		return err
	}
	if has, err := next(sd.r, 1); err != nil {
		return err
	} else if has {
		// Revocation is asked of the issuer, not of who sent the message.
		if err := sd.b.skip(sd.r); err != nil {
			return err
		}
	}
	if err := sd.readSigners(); err != nil {
		return err
	}
	return leave(sd.r, 1)
}

// named returns the certificates in the message that si may mean.
func (sd *signedData) named(si *signerInfo) (out []*certificate) {
	for _, b := range sd.brought {
		switch {
		case !si.id.fits(&b.id):
			continue
		case len(out) == maxCandidates || len(out) > 0 && sd.further == maxFurther:
			return out
		case len(out) > 0:
			sd.further++
		}
		if c, err := parseCertificate(b.raw); err == nil {
			out = append(out, c)
		}
	}
	return out
}

// readCertificates reads what may help to check the signatures. Nothing of it
// is trusted, and what is no certificate is passed over.
func (sd *signedData) readCertificates() error {
	has, err := next(sd.r, 0)
	if err != nil || !has {
		return err
	}
	if err := sd.r.Enter(context(0)); err != nil {
		return formatError(err)
	}
	odd, attributes := 0, 0
	for n := 0; ; n++ {
		h, more, err := sd.r.Peek()
		if err != nil {
			return formatError(err)
		}
		if !more {
			break
		}
		if n == sd.l.Certificates {
			return &envelope.LimitError{What: "certificates", Max: int64(sd.l.Certificates)}
		}
		if h.Tag == context(1).Constructed() || h.Tag == context(2).Constructed() {
			// RFC 5652, Section 10.2.2: an AttributeCertificate, old or new. It
			// has no key, so that no signature is checked with it.
			attributes++
			if err := sd.b.skip(sd.r); err != nil {
				return err
			}
			continue
		}
		if h.Tag != asn1.SEQUENCE || h.Length > maxCertificate-certificateHeader {
			odd++
			if err := sd.b.skip(sd.r); err != nil {
				return err
			}
			continue
		}
		c, err := sd.readCertificate()
		if err != nil {
			return err
		}
		if c == nil {
			odd++
			continue
		}
		sd.brought = append(sd.brought, broughtCertificate{c.x.Raw, keyID{issuer: c.x.RawIssuer, serial: serialOf(c), ski: c.ski}})
	}
	if attributes > 0 {
		sd.findings = append(sd.findings, fmt.Sprintf("%d of its certificates are attribute certificates, which are not looked at", attributes))
	}
	if odd > 0 {
		sd.findings = append(sd.findings, fmt.Sprintf("%d of its certificates cannot be read", odd))
	}
	return leave(sd.r, 1)
}

// certificateHeader is the most that tag and length take.
const certificateHeader = 10

// readCertificate returns nil for what is no certificate. A certificate is
// hashed as it is, so it is taken as it came.
func (sd *signedData) readCertificate() (*certificate, error) {
	start := sd.r.Offset()
	raw, err := sd.r.Element(min(sd.b.left, maxCertificate))
	if err != nil {
		return nil, formatError(err)
	}
	if err := sd.b.spend(sd.r.Offset() - start); err != nil {
		return nil, err
	}
	c, err := parseCertificate(raw)
	if err != nil {
		return nil, nil
	}
	return c, nil
}

// readSigners reads the signatures; that there are none is no error here.
func (sd *signedData) readSigners() error {
	if err := sd.r.Enter(asn1.SET); err != nil {
		return formatError(err)
	}
	for n := 0; ; {
		_, more, err := sd.r.Peek()
		if err != nil {
			return formatError(err)
		}
		if !more {
			return leave(sd.r, 1)
		}
		der, err := sd.b.element(sd.r)
		if err != nil {
			return err
		}
		si, err := parseSignerInfo(der)
		if err != nil {
			return malformed("one of its signatures: %v", err)
		}
		// Each may cost as much as any other, so countersignatures count too.
		if n += 1 + si.unsigned.signatures(); n > sd.l.Signatures {
			return &envelope.LimitError{What: "signatures", Max: int64(sd.l.Signatures)}
		}
		sd.signers = append(sd.signers, si)
		sd.noteUnsigned(&si.unsigned)
	}
}

// noteUnsigned says what stands beside a signature and is not judged.
func (sd *signedData) noteUnsigned(u *unsignedAttributes) {
	if u.stamped {
		sd.findings = append(sd.findings, "a signature has a time stamp, which is not checked")
	}
	if u.damaged > 0 {
		sd.findings = append(sd.findings, fmt.Sprintf("%d countersignatures cannot be read", u.damaged))
	}
}

// verify judges all signatures. The content has been read to its end.
func (sd *signedData) verify(p *seam.OpenPlan) []seam.Signature {
	var out []seam.Signature
	for _, si := range sd.signers {
		s := sd.verifyOne(si, p)
		s.CounterSignatures = sd.countersignatures(si, p)
		out = append(out, s)
	}
	return out
}

// certificates returns what the message brought, where the plan asks for it.
func (sd *signedData) certificates(p *seam.OpenPlan) (out []seam.Certificate) {
	if !p.Certificates {
		return nil
	}
	for _, b := range sd.brought {
		if c, err := parseCertificate(b.raw); err == nil {
			out = append(out, c)
		}
	}
	return out
}

func (sd *signedData) verifyOne(si *signerInfo, p *seam.OpenPlan) seam.Signature {
	d, ok := si.digest()
	if !ok || sd.digests[d] == nil {
		// RFC 5652, Section 5.1: a digest that was not announced need not be
		// computed. An unknown one cannot be.
		return judged(si.describe(), seam.SignatureUnsupported, "its digest is not supported, or was not announced")
	}
	return si.verify(sd.contentType.tlv(), sd.digests[d].Sum(nil), sd.named(si), p.Senders, p.Now)
}

// describe returns who claims to have signed.
func (sd *signedData) describe() []seam.Signature {
	var out []seam.Signature
	for _, si := range sd.signers {
		s := si.describe()
		s.CounterSignatures = si.unsigned.describe()
		out = append(out, s)
	}
	return out
}
