package smime

import (
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// inspect reads a whole message without keys. It is the parser that opens
// messages, so that a receipt made by it is about what a reader will see.
func inspect(src io.Reader, l seam.Limits) (*seam.Facts, error) {
	bin, armored, err := dearmor(src)
	if err != nil {
		return nil, err
	}
	br, o := peekContentInfo(bin)
	switch o {
	case oidSignedData:
		return inspectSigned(ber.NewReader(br), l, armored)
	case oidCompressedData:
		return inspectCompressed(br, l, armored)
	}
	r := ber.NewReader(br)
	b := newBudget(l.HeaderBytes)
	h, err := readSealedHeader(r, b, l, func(*recipientInfo) {})
	if err != nil {
		return nil, err
	}
	content, err := r.Octets(context(0))
	if err != nil {
		return nil, formatError(err)
	}
	if err := pass(content); err != nil {
		return nil, err
	}
	if _, err := h.readSealedTrailer(r, b); err != nil {
		return nil, err
	}
	f := h.facts(armored)
	f.Beside = h.beside
	return &f, nil
}

func inspectSigned(r *ber.Reader, l seam.Limits, armored bool) (*seam.Facts, error) {
	sd, err := enterSigned(r, l)
	if err != nil {
		return nil, err
	}
	if sd.eContent != nil {
		if err := pass(sd.eContent); err != nil {
			return nil, err
		}
	}
	if err := sd.end(r); err != nil {
		return nil, err
	}
	f := signedFacts(sd, armored)
	// What nobody checked claims nothing.
	f.Auth = seam.AuthNone
	f.Signatures = sd.describe()
	if sd.certificatesOnly() {
		f.Container = containerCerts
		f.Findings = append(f.Findings, fmt.Sprintf("certificates and nothing else: %d", len(sd.brought)))
	}
	return &f, nil
}

// inspectCompressed decompresses too, as opening does: what is in it is no
// secret, and a signature in it belongs to what can be seen of the message.
func inspectCompressed(src io.Reader, l seam.Limits, armored bool) (*seam.Facts, error) {
	w, o, err := enterOpaque(src, l, false)
	if err == nil {
		err = w.finish()
	}
	if err != nil {
		return nil, formatError(err)
	}
	f := opaqueFacts(w, o, armored)
	f.Auth = seam.AuthNone
	if w.signed != nil {
		f.Signatures = w.signed.describe()
	}
	return &f, nil
}

// pass reads content to its end.
func pass(content io.Reader) error {
	_, err := copied(io.Discard, content)
	return formatError(err)
}
