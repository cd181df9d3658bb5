package smime

import (
	"io"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/base64lines"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/cbc"
	"github.com/doublekeybox/doublekeybox/internal/chacha"
	"github.com/doublekeybox/doublekeybox/internal/gcm"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// encrypter is what package gcm and package cbc have in common.
type encrypter interface {
	io.WriteCloser
	io.ReaderFrom
	Abort()
}

// tagger is an encrypter that authenticates: the tag is there after Close.
type tagger interface {
	encrypter
	Tag() [16]byte
}

// sealWriter writes a sealed message.
type sealWriter struct {
	armor *pemWriter // nil: binary
	w     *ber.Writer
	enc   encrypter
	aead  tagger      // enc, or nil
	in    io.Writer   // where content goes: enc, or what signs it
	outer []io.Closer // layers of in, from the content outwards
	attrs []byte      // authenticated attributes in DER, or nil
	facts seam.Facts
	err   error
}

var _ interface {
	seam.Writer
	io.ReaderFrom
} = (*sealWriter)(nil)

// seal decides, wraps the content key, and writes the message up to its content.
func seal(dst io.Writer, p *seam.SealPlan) (seam.Writer, error) {
	s, err := decide(p)
	if err != nil {
		return nil, err
	}
	alg, algDER := s.content.algorithm()
	if err := checkFIPS(&alg); err != nil {
		return nil, err
	}
	cek := newContentKey()
	defer clear(cek)
	infos, version, err := s.wrap(cek)
	if err != nil {
		return nil, err
	}
	w := &sealWriter{facts: s.facts}
	contentType := oidData
	var aad []byte
	if len(s.signers) > 0 && !p.Entity {
		contentType = oidSignedData
		if s.aead {
			w.attrs, aad = contentTypeAttribute(contentType)
		}
	}
	if p.Armor {
		w.armor = newPEMWriter(dst)
		dst = w.armor
	}
	w.w = ber.NewWriter(dst)
	key, err := alg.key(cek)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	if w.enc, err = newEncrypter(w, alg, key, aad); err != nil {
		return nil, err
	}
	if err := w.header(s.aead, version, infos, contentType, algDER); err != nil {
		w.Abort()
		return nil, err
	}
	if err := w.layers(s); err != nil {
		w.Abort()
		return nil, err
	}
	return w, nil
}

func newEncrypter(w *sealWriter, alg contentAlgorithm, key, aad []byte) (encrypter, error) {
	dst := octetWriter{w.w}
	var err error
	switch alg.mode {
	case modeGCM:
		w.aead, err = gcm.NewEncrypter(dst, key, alg.nonce, aad)
	case modeChaCha:
		w.aead, err = chacha.NewEncrypter(dst, key, alg.nonce, aad)
	default:
		return cbc.NewEncrypter(dst, key, alg.nonce)
	}
	return w.aead, err
}

// octetWriter writes every Write as one segment of an OCTET STRING: the
// encrypters write in pieces of 256 KiB, and those are not copied any more.
type octetWriter struct{ w *ber.Writer }

// Write implements io.Writer.
func (o octetWriter) Write(p []byte) (int, error) {
	if err := o.w.Octets(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// contentTypeAttribute returns the authenticated attributes that say only what
// the content is (RFC 5083, Section 2.1), as they are written, [1] IMPLICIT,
// and as the AEAD covers them, with the tag of a SET OF (Section 2.2).
func contentTypeAttribute(o oid) (written, covered []byte) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		oidContentType.add(b)
		b.AddASN1(asn1.SET, o.add)
	})
	covered = derSet([][]byte{b.BytesOrPanic()}) // cannot fail: an oid is a short constant
	written = append([]byte{byte(context(1).Constructed())}, covered[1:]...)
	return written, covered
}

// header writes everything before the content. Lengths that are not known yet,
// and those around them, are indefinite; all else is DER. In particular the
// recipients are sorted, which DER wants of a SET OF, and which keeps to
// itself in what order the caller named them.
func (w *sealWriter) header(aead bool, version byte, infos [][]byte, contentType oid, alg []byte) error {
	container := oidEnvelopedData
	if aead {
		container = oidAuthEnvelopedData
	}
	w.w.Open(asn1.SEQUENCE)
	w.w.Raw(container.tlv())
	w.w.Open(context(0))
	w.w.Open(asn1.SEQUENCE)
	w.w.Raw([]byte{byte(asn1.INTEGER), 1, version})
	w.w.Raw(derSet(infos))
	w.w.Open(asn1.SEQUENCE)
	w.w.Raw(contentType.tlv())
	w.w.Raw(alg)
	w.w.Open(context(0))
	return w.w.Err()
}

// layers puts a signature between the content and its encryption.
func (w *sealWriter) layers(s *sealing) error {
	w.in = w.enc
	if len(s.signers) == 0 {
		return nil
	}
	to := io.Writer(w.enc)
	if s.plan.Entity {
		if _, err := io.WriteString(w.enc, signedEntityHeader); err != nil {
			return err
		}
		lines := base64lines.NewWriter(w.enc)
		w.outer = append(w.outer, lines)
		to = lines
	}
	sw, err := newSignedWriter(to, s.signers, s.plan.Now, signedForm{wrapped: s.plan.Entity})
	if err != nil {
		return err
	}
	w.in, w.outer = sw, append([]io.Closer{sw}, w.outer...)
	return nil
}

// Write implements seam.Writer.
func (w *sealWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.in.Write(p)
	return n, w.fail(err)
}

// ReadFrom reads straight into the encryption where nothing has to see the
// content before.
func (w *sealWriter) ReadFrom(src io.Reader) (n int64, err error) {
	if w.err != nil {
		return 0, w.err
	}
	if len(w.outer) == 0 {
		n, err = w.enc.ReadFrom(src)
	} else {
		n, err = copied(w.in, src)
	}
	return n, w.fail(err)
}

// fail makes err final.
func (w *sealWriter) fail(err error) error {
	if err != nil && w.err == nil {
		w.err = formatError(err)
	}
	return w.err
}

// Close writes the end of the message: signatures, the tag, and the ends of
// all that is open.
func (w *sealWriter) Close() error {
	if w.err != nil {
		return w.err
	}
	for _, l := range append(w.outer, w.enc) {
		if err := l.Close(); err != nil {
			return w.fail(err)
		}
	}
	w.w.Close() // encryptedContent
	w.w.Close() // EncryptedContentInfo
	if w.aead != nil {
		tag := w.aead.Tag()
		w.w.Raw(w.attrs)
		w.w.Octets(tag[:])
	}
	for range 3 {
		w.w.Close()
	}
	if err := w.w.Err(); err != nil {
		return w.fail(err)
	}
	if w.armor != nil {
		if err := w.armor.Close(); err != nil {
			return w.fail(err)
		}
	}
	w.err = envelope.ErrClosed
	return nil
}

// Abort implements seam.Writer. Without its end the message has no tag or
// signature, and its outermost element never ends: no reader takes it.
func (w *sealWriter) Abort() {
	w.fail(envelope.ErrClosed)
	if w.enc != nil {
		w.enc.Abort()
	}
}

// Planned implements seam.Writer.
func (w *sealWriter) Planned() *seam.Facts { return &w.facts }
