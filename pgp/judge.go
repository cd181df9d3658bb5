package pgp

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// judge decides what a signature over the content is worth.
type judge struct {
	senders []seam.Certificate
	now     time.Time
	sealed  bool
	self    []byte // fingerprint of the primary key of who opened the message; nil: it was a passphrase, or it was not sealed

	findings []string
}

// clockSkew is how far a signer's clock may be ahead.
const clockSkew = 5 * time.Minute

// minKeyBits is the least for RSA and DSA, RFC 9580, Sections 12.4 and 12.5.
const minKeyBits = 2048

// verdict of a nil judge says what the signature says, and that it is unchecked.
func (j *judge) verdict(s *pending) seam.Signature {
	v := seam.Signature{Sender: -1}
	f, ok := parseFields(s.raw)
	if !ok {
		return unsupported(v, unreadable(s.raw))
	}
	v.Algorithm = signatureAlgorithm(f.key, f.hash)
	sig, err := parseSignature(s.raw, f)
	if sig != nil {
		v.SignerID, v.When, v.Text = issuer(sig), sig.CreationTime.UTC(), sig.SigType == packet.SigTypeText
		for _, r := range sig.IntendedRecipients {
			v.Intended = append(v.Intended, bytes.Clone(r.Fingerprint))
		}
	}
	switch {
	case j == nil:
		return v
	case digestByID(f.hash).weak:
		v.Status, v.Detail = seam.SignatureWeak, "made with "+digestByID(f.hash).name
		return v
	case err != nil:
		return unsupported(v, err.Error())
	case s.problem != "":
		return unsupported(v, s.problem)
	case !s.one.agrees(f):
		v.Status, v.Detail = seam.SignatureBad, "it is not the one that was announced before the content"
		return v
	case s.h == nil && len(j.senders) > 0:
		return unsupported(v, "its hash algorithm is not known")
	}
	for _, n := range sig.Notations {
		if n.IsCritical { // RFC 9580, Section 5.2.3.24: an error where the notation is not known
			return unsupported(v, fmt.Sprintf("critical notation %.80q", n.Name))
		}
	}
	return j.bySenders(v, sig, s.h)
}

func unsupported(v seam.Signature, why string) seam.Signature {
	v.Status, v.Detail = seam.SignatureUnsupported, why
	return v
}

// bySenders looks for the sender whose key made the signature. A key ID only
// selects whose keys are tried: it can be made to be anybody's.
func (j *judge) bySenders(v seam.Signature, sig *packet.Signature, h hash.Hash) seam.Signature {
	for i, sender := range j.senders {
		c, ok := sender.(*certificate)
		if !ok {
			continue
		}
		key, problem := c.findSigner(sig)
		if key == nil {
			if problem != "" && v.Status == seam.SignatureUnchecked {
				v.Detail = problem
			}
			continue
		}
		if !covers(key, sig, h) {
			v.Status, v.Detail = seam.SignatureBad, ""
			continue
		}
		v.Sender, v.Signer, v.SignerID = i, c, keyName(key.Fingerprint, 0)
		v.Status, v.Detail = j.worth(key, problem, sig)
		if v.Status == seam.SignatureValid && j.sealed {
			j.findings = append(j.findings, j.intention(sig)...)
		}
		if v.Status == seam.SignatureValid && sig.SigType == packet.SigTypeText {
			j.findings = append(j.findings, "a signature is one over text: it does not tell one kind of line ends from another")
		}
		return v
	}
	return v
}

// covers checks sig with key. go-crypto is not trusted not to panic on keys
// and signatures from outside.
func covers(key *packet.PublicKey, sig *packet.Signature, h hash.Hash) bool {
	clone, ok := h.(hash.Cloner)
	if !ok {
		return false
	}
	own, err := clone.Clone()
	if err != nil {
		return false
	}
	return keyGuard(func() error { return key.VerifySignature(own, sig) }) == nil
}

// worth says what a signature is worth that key made over exactly the content.
func (j *judge) worth(key *packet.PublicKey, problem string, sig *packet.Signature) (seam.SignatureStatus, string) {
	expires := time.Time{}
	if s := sig.SigLifetimeSecs; s != nil && *s != 0 {
		expires = sig.CreationTime.Add(time.Duration(*s) * time.Second)
	}
	switch {
	case weakKey(key):
		return seam.SignatureWeak, fmt.Sprintf("made with a key of less than %d bits", minKeyBits)
	case postQuantumSigner(key.PubKeyAlgo) && shortDigest(sig.Hash):
		return seam.SignatureWeak, "made with a digest of less than 256 bits, which a post-quantum key must not sign"
	case problem != "":
		return seam.SignatureNotInTime, problem
	case sig.CreationTime.After(j.now.Add(clockSkew)):
		return seam.SignatureNotInTime, "it says that it was made in the future"
	case !expires.IsZero() && j.now.After(expires):
		return seam.SignatureNotInTime, "it expired on " + expires.UTC().Format(time.DateOnly)
	case j.self != nil && len(sig.IntendedRecipients) > 0 && !intended(sig, j.self):
		return seam.SignatureNotIntended, ""
	}
	return seam.SignatureValid, ""
}

// intention is what is not known of for whom a valid signature was made. Who
// opens with a passphrase is nobody whom it could name: it is valid, since those
// who got a passphrase beside others would have none that is, and what it names
// is for a person to judge.
func (j *judge) intention(sig *packet.Signature) []string {
	switch {
	case len(sig.IntendedRecipients) == 0:
		return []string{"a signature does not say for whom it was made: whoever received it can have sealed it again for others"}
	case j.self == nil:
		return []string{"a signature names the keys that it was made for, and the message was opened with a passphrase: whoever has one of those keys can have sealed it again"}
	}
	return nil
}

// intended reports whether self is among those whom the signature was made
// for, RFC 9580, Section 5.2.3.36.
func intended(sig *packet.Signature, self []byte) bool {
	for _, r := range sig.IntendedRecipients {
		if bytes.Equal(r.Fingerprint, self) {
			return true
		}
	}
	return false
}

func weakKey(key *packet.PublicKey) bool {
	switch key.PubKeyAlgo {
	case packet.PubKeyAlgoDSA:
		n, err := key.BitLength()
		return err != nil || n < minKeyBits
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly, packet.PubKeyAlgoRSAEncryptOnly:
		k, ok := key.PublicKey.(*rsa.PublicKey)
		return !ok || k.N.BitLen() < minKeyBits
	}
	return false
}

// issuer is how the signature names who made it.
func issuer(sig *packet.Signature) string {
	switch {
	case len(sig.IssuerFingerprint) > 0:
		return keyName(sig.IssuerFingerprint, 0)
	case sig.IssuerKeyId != nil:
		return keyName(nil, *sig.IssuerKeyId)
	}
	return ""
}

// parseSignature parses the body of a signature packet, of which f is the fixed
// part. Its errors are short, and hold nothing of the packet.
func parseSignature(raw []byte, f fields) (sig *packet.Signature, err error) {
	sig, err = readKeyPacket[*packet.Signature](tagSignature, raw)
	if err != nil || !wholeValue(f.key, f.value) {
		return nil, errors.New("it is malformed, or has critical parts that are not known")
	}
	return sig, nil
}
