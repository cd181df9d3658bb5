package mail

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
)

// The types of CMS messages that mail carries, as OBJECT IDENTIFIERs without
// tag and length: RFC 5652, RFC 5083 and RFC 3274.
const (
	cmsSigned        = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
	cmsEnveloped     = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"
	cmsAuthEnveloped = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17"
	cmsCompressed    = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09"
)

// cmsSniff is more than a CMS message has before its type ends.
const cmsSniff = 32

// mayBeCMS reports whether a leaf calls itself an S/MIME message, by its type
// or, where a gateway took that away, by its name (RFC 8551, Section 3.2.1).
// What it is, its content says.
func mayBeCMS(n *mimeparse.Node) bool {
	if len(n.Children) > 0 {
		return false
	}
	switch n.MediaType {
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return true
	}
	if !strings.HasPrefix(n.MediaType, "application/") {
		return false
	}
	name := strings.ToLower(n.Name)
	return strings.HasSuffix(name, ".p7m") || strings.HasSuffix(name, ".p7z") || strings.HasSuffix(name, ".p7c")
}

// cms opens an S/MIME message. Its type says which kind it is, and not the
// smime-type beside it, which nobody authenticates.
func (r *reading) cms(p *Part) error {
	open := func() io.Reader { return p.node.Decoded(p.src) }
	head, err := bufio.NewReaderSize(open(), cmsSniff).Peek(cmsSniff)
	if failed := p.src.failed(); failed != nil {
		return failed
	}
	kind, begin := kindSigned, opening((*envelope.Opener).ExamineSigned)
	switch o := string(isCMS(head)); o {
	case cmsSigned:
	case cmsCompressed:
		kind = kindCompressed
	case cmsEnveloped, cmsAuthEnveloped:
		kind, begin = kindEncrypted, (*envelope.Opener).Examine
	default:
		if err == io.EOF {
			err = nil
		}
		return r.notCMS(p, err)
	}
	if !r.seen(p) {
		return nil
	}
	l, err := r.layer(p, kind, formatSMIME)
	if err != nil {
		return err
	}
	r.noteType(p, kind)
	if kind == kindCompressed && compressedIn(p) {
		l.Err = &envelope.LimitError{What: "compressions in each other", Max: 1, Fixed: true}
		return nil
	}
	if !r.mayOpen(p, l) {
		return nil
	}
	twice := readAhead(p.node, p.src)
	kept, err := r.unwrap(p, l, begin, twice, true)
	if err == nil && kept == nil && kind == kindSigned {
		return r.certificates(p, l, open)
	}
	if err != nil || kept == nil {
		return r.unopened(p, l, open, err)
	}
	return r.enter(p, l, kept, func() error { return r.reopen(p, l, begin, twice) })
}

// notCMS is a part that calls itself an S/MIME message and is none.
func (r *reading) notCMS(p *Part, err error) error {
	text := "the part calls itself an S/MIME message and does not begin like one"
	if err != nil {
		text = "the part calls itself an S/MIME message and cannot be decoded"
	}
	p.find("smime-content", text, false)
	return nil
}

// compressedIn reports whether p is in a compressed layer already.
func compressedIn(p *Part) bool {
	for _, l := range p.within {
		if l.Kind == kindCompressed {
			return true
		}
	}
	return false
}

// noteType compares what the header says of the kind with what it is: RFC 8551,
// Section 3.2.2.
func (r *reading) noteType(p *Part, kind string) {
	stated, ok := p.node.Params["smime-type"]
	if !ok {
		return
	}
	is := ""
	switch strings.ToLower(stated) {
	case "enveloped-data", "authenveloped-data":
		is = kindEncrypted
	case "signed-data", "certs-only", "signed-receipt":
		is = kindSigned
	case "compressed-data":
		is = kindCompressed
	}
	if is != kind {
		p.find("smime-type", fmt.Sprintf("the header says %.40q, and the content is %s", stated, kind), false)
	}
}

// certificates looks whether a signed message that could not be opened is one
// of certificates alone (RFC 8551, Section 3.8). They are told of, and believed
// or kept by nobody.
func (r *reading) certificates(p *Part, l *Layer, open func() io.Reader) error {
	report, err := envelope.Inspect(open(), r.formats...)
	if failed := p.src.failed(); failed != nil {
		return failed
	}
	if err == nil && report.Container == "certs-only" {
		l.Kind, l.Report, l.Err = kindCertificates, report, nil
	}
	return nil
}
