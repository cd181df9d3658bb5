package smime

import (
	"errors"
	"hash"
	"io"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// signedForm is which SignedData is written.
type signedForm struct {
	wrapped  bool // with a ContentInfo around it
	detached bool // without the content
}

// signedWriter writes a SignedData. Its content is hashed while it passes.
type signedWriter struct {
	form    signedForm
	w       *ber.Writer
	content io.WriteCloser // nil: detached
	signers []*signer
	digests map[digestKind]hash.Hash
	now     time.Time
	planned []seam.Signature
	err     error
}

// signedSegment is how the content is cut: as much as is copied at a time.
const signedSegment = copyBuffer

// newSignedWriter writes the SignedData up to its content.
func newSignedWriter(dst io.Writer, signers []*signer, now time.Time, form signedForm) (*signedWriter, error) {
	if len(signers) == 0 {
		return nil, errors.New("smime: no signer")
	}
	s := &signedWriter{form: form, w: ber.NewWriter(dst), signers: signers, now: now, digests: map[digestKind]hash.Hash{}}
	var algorithms [][]byte
	for _, x := range signers {
		if s.digests[x.digest()] == nil {
			s.digests[x.digest()] = x.digest().new()
			algorithms = append(algorithms, x.digestAlgorithmDER())
		}
	}
	if form.wrapped {
		s.w.Open(asn1.SEQUENCE)
		s.w.Raw(oidSignedData.tlv())
		s.w.Open(context(0))
	}
	s.w.Open(asn1.SEQUENCE)
	// RFC 5652, Section 5.1: version 1 for content of type id-data, with
	// X.509 certificates and signers named by issuer and serial number.
	s.w.Raw([]byte{byte(asn1.INTEGER), 1, 1})
	s.w.Raw(derSet(algorithms))
	s.w.Open(asn1.SEQUENCE)
	s.w.Raw(oidData.tlv())
	if !form.detached {
		s.w.Open(context(0))
		s.w.Open(asn1.OCTET_STRING)
		s.content = s.w.Segments(signedSegment)
	}
	return s, s.w.Err()
}

// Write adds content.
func (s *signedWriter) Write(p []byte) (n int, err error) {
	if s.err != nil {
		return 0, s.err
	}
	for _, h := range s.digests {
		h.Write(p)
	}
	if s.content == nil {
		return len(p), nil
	}
	n, s.err = s.content.Write(p)
	return n, s.err
}

// Close signs and writes the end. It does not close dst.
func (s *signedWriter) Close() error {
	if s.err != nil {
		return s.err
	}
	s.err = envelope.ErrClosed
	if s.content != nil {
		if err := s.content.Close(); err != nil {
			return err
		}
		s.w.Close() // eContent's OCTET STRING
		s.w.Close() // [0]
	}
	s.w.Close() // EncapsulatedContentInfo
	s.w.Raw(s.certificates())
	var infos [][]byte
	for _, x := range s.signers {
		der, planned, err := x.signerInfo(oidData.tlv(), s.digests[x.digest()].Sum(nil), s.now)
		if err != nil {
			return err
		}
		if !firstVersion(der) {
			return errors.New("smime: internal error: a SignerInfo of another version than planned")
		}
		infos = append(infos, der)
		s.planned = append(s.planned, planned)
	}
	s.w.Raw(derSet(infos))
	s.w.Close() // SignedData
	if s.form.wrapped {
		s.w.Close()
		s.w.Close()
	}
	return s.w.Err()
}

// certificates returns the signers' certificates, each once.
//
//	certificates [0] IMPLICIT CertificateSet OPTIONAL
func (s *signedWriter) certificates() []byte {
	var all [][]byte
	for _, x := range s.signers {
		der := x.key.cert.Encoding()
		if !slices.ContainsFunc(all, func(c []byte) bool { return string(c) == string(der) }) {
			all = append(all, der)
		}
	}
	set := derSet(all)
	set[0] = byte(context(0).Constructed())
	return set
}

// firstVersion reports whether a SignerInfo has version 1, which the version
// of the SignedData depends on.
func firstVersion(der []byte) bool {
	in, seq := cryptobyte.String(der), cryptobyte.String(nil)
	var v int64
	return in.ReadASN1(&seq, asn1.SEQUENCE) && seq.ReadASN1Integer(&v) && v == 1
}

// signWriter is a signed message that is not sealed.
type signWriter struct {
	armor *pemWriter // nil: binary
	s     *signedWriter
	facts seam.Facts
	err   error
}

var _ seam.Writer = (*signWriter)(nil)

// sign writes an opaque signed message, or a detached signature.
func sign(dst io.Writer, p *seam.SealPlan, detached bool) (seam.Writer, error) {
	signers, err := ourSigners(p)
	if err != nil {
		return nil, err
	}
	w := &signWriter{facts: seam.Facts{Format: formatName, Container: containerSigned, Armored: p.Armor, Auth: seam.AuthAtEnd, OpenedBy: -1}}
	if p.Armor {
		w.armor = newPEMWriter(dst)
		dst = w.armor
	}
	if w.s, err = newSignedWriter(dst, signers, p.Now, signedForm{wrapped: true, detached: detached}); err != nil {
		return nil, err
	}
	// The header of a mail names the digests before there is a signature (RFC 8551, Section 3.5.3.2).
	for _, s := range signers {
		w.facts.Signatures = append(w.facts.Signatures, seam.Signature{Sender: -1, SignerID: idOf(s.key.cert).String(), Algorithm: s.scheme().String()})
	}
	return w, nil
}

// Write implements seam.Writer.
func (w *signWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.s.Write(p)
	w.err = err
	return n, err
}

// Close implements seam.Writer.
func (w *signWriter) Close() error {
	if w.err != nil {
		return w.err
	}
	w.err = envelope.ErrClosed
	if err := w.s.Close(); err != nil {
		return err
	}
	w.facts.Signatures = w.s.planned
	if w.armor != nil {
		return w.armor.Close()
	}
	return nil
}

// Abort implements seam.Writer: without its end the message has no signature.
func (w *signWriter) Abort() {
	if w.err == nil {
		w.err = envelope.ErrClosed
	}
}

// Planned implements seam.Writer.
func (w *signWriter) Planned() *seam.Facts { return &w.facts }
