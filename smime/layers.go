package smime

import (
	"bufio"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// layers takes off content what is around it. There is one rule:
//
// A signature's content is what was signed. So the first signature that is met
// is the last layer, and what is in it is content, also if that is a signed or
// a sealed message again (RFC 2634, Section 1.1, triple wrapping), which is for
// whoever gets it; else it would be unclear what a signature is over. The one
// exception is content whose CMS type, which is signed, says that it is
// compressed: decompressing has one result, so the signature covers that.
// Content is decompressed once, before a signature or behind it.
//
// That is no more than maxLayers layers, found in a loop.
type layers struct {
	limits  seam.Limits
	named   bool // see sniffNested
	hashing bool // signatures are to be judged; else the content is only read

	content        io.Reader
	underSignature bool
	signed         *signedData // the signature; of a multipart/signed, after finish
	compressed     bool
	findings       []string

	ends    []func() error // each reads on behind the content to a layer's end, outermost first
	sources []io.Reader    // all readers between, outermost first
}

// maxLayers is a signature and a compression.
const maxLayers = 2

// enter takes off layers, of which kind is the first, until content is the
// innermost one's.
func (w *layers) enter(kind nested) (err error) {
	for kind != notNested {
		if len(w.ends) == maxLayers {
			return &envelope.LimitError{What: "layers inside each other", Max: maxLayers, Fixed: true}
		}
		w.sources = append(w.sources, w.content)
		switch kind {
		case nestedMultipart:
			kind, err = w.enterMultipart()
		case nestedEntity:
			kind, err = w.enterEntity()
		default:
			kind, err = w.enterCMS(kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// enterEntity takes the MIME entity off a message.
func (w *layers) enterEntity() (nested, error) {
	body, err := entityBody(w.content)
	if err != nil {
		return notNested, err
	}
	if b, ok := body.(*base64Reader); ok {
		b.late = w.hashing
	}
	br, o := peekContentInfo(body)
	w.content = br
	if o == "" {
		// QUIRK: some put no ContentInfo around it.
		return nestedSigned, nil
	}
	return nestedMessage, nil
}

// enterCMS takes off a SignedData or CompressedData.
//
// QUIRK: RFC 5652, Section 6 wants content of type id-signedData bare, as
// Bouncy Castle and OpenSSL write it; some put a ContentInfo around it.
func (w *layers) enterCMS(kind nested) (nested, error) {
	br, o := peekContentInfo(w.content)
	r, levels := ber.NewReader(br), 0
	if o != "" || kind == nestedMessage {
		var err error
		if o, err = enterContentInfo(r); err != nil {
			return notNested, err
		}
		levels = 2
	}
	if levels == 0 {
		o = oidSignedData
		if kind == nestedCompressed {
			o = oidCompressedData
		}
	}
	switch {
	case o == oidSignedData && kind != nestedCompressed:
		return w.enterSigned(r, levels)
	case o == oidCompressedData && kind != nestedSigned:
		return w.enterCompressed(r, levels)
	}
	return notNested, notExpected(o)
}

// enterSigned takes off a SignedData.
func (w *layers) enterSigned(r *ber.Reader, levels int) (nested, error) {
	sd, err := enterSignedData(r, w.limits)
	if err != nil {
		return notNested, err
	}
	if sd.eContent == nil {
		return notNested, sd.notOpaque()
	}
	w.content, w.underSignature, w.signed = sd.eContent, true, sd
	if w.hashing {
		w.content = io.TeeReader(sd.eContent, sd)
	}
	w.ends = append(w.ends, func() error {
		if err := sd.finish(); err != nil {
			return err
		}
		return endMessage(r, levels)
	})
	if sd.contentType == oidCompressedData {
		return nestedCompressed, nil
	}
	return notNested, nil
}

// enterCompressed takes off a CompressedData.
func (w *layers) enterCompressed(r *ber.Reader, levels int) (nested, error) {
	if w.compressed {
		return notNested, &envelope.LimitError{What: "compressions inside each other", Max: 1, Fixed: true}
	}
	w.compressed = true
	c, err := enterCompressedData(r, w.limits)
	if err != nil {
		return notNested, err
	}
	br := bufio.NewReaderSize(c, maxEntityHeader)
	w.content = br
	w.ends = append(w.ends, func() error {
		if err := c.finish(); err != nil {
			return err
		}
		return endMessage(r, levels)
	})
	w.findings = append(w.findings, "the content was compressed")
	if w.underSignature && c.contentType != oidCompressedData {
		return notNested, nil
	}
	var head []byte
	if c.contentType == oidData {
		head, _ = br.Peek(maxEntityHeader) // an error comes again
	}
	return sniffNested(c.contentType, head, w.named), nil
}

// enterMultipart takes off a multipart/signed.
func (w *layers) enterMultipart() (nested, error) {
	m, err := enterMultipartSigned(w.content, w.limits)
	if err != nil {
		return notNested, err
	}
	w.sources = append(w.sources, m.parts.br)
	w.content, w.underSignature = m.content(), true
	if w.hashing {
		w.content = io.TeeReader(w.content, m.digests)
	}
	w.ends = append(w.ends, func() (err error) {
		w.signed, err = m.finish()
		return err
	})
	if m.parts.bareLF {
		w.findings = append(w.findings, "the lines of the signed part had lost their CR, which is put in again")
	}
	return notNested, nil
}

// finish reads the content to its end, and all layers to theirs.
func (w *layers) finish() error {
	if _, err := copied(io.Discard, w.content); err != nil {
		return err
	}
	for i := len(w.ends) - 1; i >= 0; i-- {
		if err := w.ends[i](); err != nil {
			return err
		}
	}
	return nil
}

// endMessage leaves what is around a SignedData or CompressedData, and makes
// sure that it was all there is.
func endMessage(r *ber.Reader, levels int) error {
	if err := leave(r, levels); err != nil {
		return err
	}
	return formatError(r.End())
}

// notOpaque returns why a SignedData without content cannot be opened. It is
// read to its end, to tell what it is.
func (sd *signedData) notOpaque() error {
	if err := sd.finish(); err != nil {
		return err
	}
	if sd.certificatesOnly() {
		return errCertificatesOnly()
	}
	return malformed("a signature without its content: give the content too")
}
