package smime

import (
	"bufio"
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
	br := bufio.NewReaderSize(bin, sniffLen)
	head, _ := br.Peek(sniffLen) // an error comes again
	r := ber.NewReader(br)
	if isSignedContentInfo(head) {
		return inspectSigned(r, l, armored)
	}
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
	return &f, nil
}

// pass reads content to its end.
func pass(content io.Reader) error {
	_, err := copied(io.Discard, content)
	return formatError(err)
}
