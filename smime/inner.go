package smime

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"io"
	"slices"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// nested is what content is, when it is more than content.
type nested uint8

const (
	notNested        nested = iota
	nestedSigned            // SignedData, with a ContentInfo around it or without
	nestedCompressed        // CompressedData, likewise
	nestedMessage           // a ContentInfo with one of the two
	nestedEntity            // a MIME entity that carries one of the three
	nestedMultipart         // a MIME entity that is a multipart/signed
)

// sniffNested says what content of this type is that begins with head. With
// named set the content is authenticated, and only what says what it is is
// taken for more than content. Else nothing but a signature inside can
// authenticate it, and whatever may hold one is looked at.
func sniffNested(contentType oid, head []byte, named bool) nested {
	switch contentType {
	case oidSignedData:
		return nestedSigned
	case oidCompressedData:
		return nestedCompressed
	case oidData:
		if o := contentInfoType(head); !named && (o == oidSignedData || o == oidCompressedData) {
			return nestedMessage
		}
		return sniffEntity(head, named)
	}
	return notNested
}

// declared reports whether the CMS type of content said that it is k: then it
// is that or nothing. What only looks like it may be anything.
func (k nested) declared() bool { return k == nestedSigned || k == nestedCompressed }

// inner is what reading the layers inside showed. None of it may be told to
// anybody before the content is known to be authentic.
type inner struct {
	whole      bool // they were read to their end, which is the content's end
	signed     bool // one of them is a signature's
	signatures []seam.Signature
	findings   []string

	certificates []seam.Certificate
	limit        *envelope.LimitError // what it has too much of, nil for nothing
}

// readInner reads plain as kind says, to its end, and judges the signatures.
// Whatever is wrong leaves whole false. The cause must not matter, but that
// there is too much of something may be told of content that is authentic.
//
// That is not known yet: somebody may have changed an octet to see whether it
// still is, say, a letter of base64. So from where something is wrong the rest
// is decoded and hashed all the same, and the time tells little of where that
// was, if not nothing.
func (s *session) readInner(plain io.Reader, kind nested) (in inner) {
	w := &layers{limits: s.plan.Limits, named: s.h.alg.aead(), hashing: true, content: plain}
	err := w.enter(kind)
	if err == nil {
		err = w.finish()
	}
	in.signed = w.underSignature
	if err != nil {
		errors.As(formatError(err), &in.limit)
		w.drain()
		return in
	}
	in.whole, in.findings = true, w.findings
	if w.signed != nil {
		in.signatures, in.certificates = w.signed.verify(s.plan), w.signed.certificates(s.plan)
		in.findings = append(in.findings, w.signed.findings...)
	}
	return in
}

// openInner returns what readInner found to be content.
func openInner(plain io.Reader, kind nested, named bool, l seam.Limits) (io.Reader, error) {
	w := &layers{limits: l, named: named, content: plain}
	if err := w.enter(kind); err != nil {
		return nil, err
	}
	return w.content, nil
}

// drain reads what is left, and hashes it.
func (w *layers) drain() {
	for _, r := range slices.Backward(w.sources) {
		copied(sha256.New(), r)
	}
}

// authentic reports whether a signature covers the content whose key may be
// anybody's: it proves that the content is what was signed, not who signed. A
// key that was out of its time when it signed proves that too.
func (in *inner) authentic() bool {
	return in.whole && slices.ContainsFunc(in.signatures, func(s seam.Signature) bool {
		return s.Status == seam.SignatureValid || s.Status == seam.SignatureNotInTime
	})
}

// usable reports whether content that is authenticated otherwise, and that
// looks as if there were more in it, is released as that: layers that are what
// they look like, with a signature that verifies if there is one.
func (in *inner) usable() bool { return in.whole && (!in.signed || in.authentic()) }

// sniffLen is more than the longest beginning of a ContentInfo.
const sniffLen = 32

// contentInfoType returns the type of the ContentInfo that head begins, "" if
// it begins none.
func contentInfoType(head []byte) oid {
	if len(head) < 2 || head[0] != 0x30 {
		return ""
	}
	n := 2
	if head[1] > 0x80 {
		n += int(head[1] & 0x7f)
	}
	rest := head[min(n, len(head)):]
	if len(rest) < 2 || rest[0] != 6 || int(rest[1]) > len(rest)-2 {
		return ""
	}
	return oid(rest[2 : 2+int(rest[1])])
}

// peekContentInfo returns a reader of all of r and the type of the ContentInfo
// that it begins with.
func peekContentInfo(r io.Reader) (*bufio.Reader, oid) {
	br := bufio.NewReaderSize(r, sniffLen)
	head, _ := br.Peek(sniffLen) // an error comes again
	return br, contentInfoType(head)
}
