package mail

import (
	"bytes"
	"io"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ahead"
	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
)

// pgpMIME opens a multipart/encrypted: RFC 3156, Section 4.
func (r *reading) pgpMIME(p *Part) error {
	n := p.node
	if why := notPGPMIME(n); why != "" {
		// What is in it is shown as it is: as parts that nothing protects.
		p.find("pgp-mime-structure", why, p.spine)
		r.open(p, 0)
		return nil
	}
	p.noteBelow(n.Children...)
	p.noteCarrier(n.Children[1])
	return r.sealed(p, n.Children[1])
}

// notPGPMIME returns why n is no multipart/encrypted of OpenPGP, "" if it is.
func notPGPMIME(n *mimeparse.Node) string {
	switch {
	case len(n.Children) != 2:
		return "a multipart/encrypted has two parts, this one has not"
	case n.Params["protocol"] != "" && !strings.EqualFold(n.Params["protocol"], "application/pgp-encrypted"):
		return "a multipart/encrypted of an unknown protocol"
	case n.Children[0].MediaType != "application/pgp-encrypted":
		return "the first part of a multipart/encrypted is not what says that it is OpenPGP"
	case len(n.Children[1].Children) > 0:
		return "the second part of a multipart/encrypted has parts itself"
	}
	return ""
}

// sealed opens the OpenPGP message in a leaf, of which p is the layer.
func (r *reading) sealed(p *Part, leaf *mimeparse.Node) error {
	if !r.seen(p) {
		return nil
	}
	l, err := r.layer(p, kindEncrypted, formatPGP)
	if err != nil || !r.mayDecrypt(p, l) {
		return err
	}
	open := readAhead(leaf, p.src)
	kept, err := r.unwrap(p, l, (*envelope.Opener).Examine, open, true)
	if err != nil || kept == nil {
		return r.unopened(p, l, func() io.Reader { return leaf.Decoded(p.src) }, err)
	}
	return r.enter(p, l, kept, func() error { return r.reopen(p, l, (*envelope.Opener).Examine, open) })
}

// unopened says of a sealed message what can be seen without a key.
func (r *reading) unopened(p *Part, l *Layer, open func() io.Reader, err error) error {
	if err != nil || l.Err != envelope.ErrNotForYou {
		return err
	}
	report, err := envelope.Inspect(open(), r.formats...)
	if failed := p.src.failed(); failed != nil {
		return failed
	}
	if err == nil {
		report.Unauthenticated = true
		l.Report = report
	}
	return nil
}

// multipartSigned checks a multipart/signed: RFC 1847, Section 2.1. What is
// signed is the first part as it was received, header and all, with lines that
// end in CRLF: RFC 3156, Section 5; RFC 8551, Section 3.5.3.
func (r *reading) multipartSigned(p *Part) error {
	n := p.node
	if len(n.Children) < 2 || len(n.Children[1].Children) > 0 {
		p.find("signed-structure", "a multipart/signed has a part and its signature, this one has not", true)
		r.open(p, 0)
		return nil
	}
	if !r.seen(p) {
		r.open(p, 0)
		return nil
	}
	l, err := r.layer(p, kindSigned, protocolFormat(n))
	if err != nil {
		return err
	}
	if len(n.Children) > 2 {
		p.find("signed-structure", "beside the signed part and its signature a multipart/signed has further parts, which nobody signed", true)
		l.Errant = true
	}
	signed, sig := n.Children[0], n.Children[1]
	p.noteBelow(sig)
	if err := r.checkDetached(p, l, signed, sig); err != nil {
		return err
	}
	r.content(r.part(signed, p.src, p, 1), l)
	r.open(p, 2)
	return nil
}

// protocolFormat is what the header says of which format the signature is.
func protocolFormat(n *mimeparse.Node) string {
	switch strings.ToLower(n.Params["protocol"]) {
	case "application/pgp-signature":
		return formatPGP
	case "application/pkcs7-signature", "application/x-pkcs7-signature":
		return formatSMIME
	}
	return ""
}

func (r *reading) checkDetached(p *Part, l *Layer, signed, sig *mimeparse.Node) error {
	if len(r.formats) == 0 {
		l.Err = errNoFormat
		return nil
	}
	if err := r.believe(addressesIn(signed.Header)); err != nil {
		return err
	}
	next := ahead.New(signed.Whole(p.src)) // reading and hashing have a core each
	defer next.Close()
	report, err := r.opener.ExamineDetached(sig.Decoded(p.src), mimeparse.Canonical(next))
	next.Close() // before it is asked whether reading failed
	if failed := p.src.failed(); failed != nil {
		return failed
	}
	if err != nil {
		l.Err = layerError(err)
		r.notDetached(p, sig)
		return nil
	}
	p.noteCarrier(sig)
	if l.Format != report.Format {
		p.find("signed-protocol", "the signature is not of the format that the header states", false)
	}
	l.Format, l.Report = report.Format, report
	r.settle(l)
	return nil
}

// notDetached tells of a signature that brings content of its own: the
// signature would be over that, and the other one shown (CVE-2018-18509).
func (r *reading) notDetached(p *Part, sig *mimeparse.Node) {
	m, err := r.opener.ExamineSigned(rereadable(func() io.Reader { return sig.Decoded(p.src) }))
	if err == nil {
		m.Close()
		p.find("detached-with-content", "the signature beside the signed part brings content of its own, and is over that", true)
	}
}

// isCMS returns the type of a CMS message (RFC 5652, Section 3) that begins with
// head, as the last octets of its OBJECT IDENTIFIER; nil if it is none.
func isCMS(head []byte) []byte {
	if len(head) < 2 || head[0] != 0x30 {
		return nil
	}
	skip := 2
	if head[1] > 0x80 {
		skip += int(head[1] & 0x7f)
	}
	rest := head[min(skip, len(head)):]
	if len(rest) < 2 || rest[0] != 6 || int(rest[1]) > len(rest)-2 {
		return nil
	}
	return bytes.Clone(rest[2 : 2+int(rest[1])])
}
