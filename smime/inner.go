package smime

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// nested is what content is, when it is more than content.
type nested uint8

const (
	notNested    nested = iota
	nestedSigned        // SignedData, with a ContentInfo around it or without
	nestedEntity        // a MIME entity that carries such
)

// inner is what reading a signed message inside showed. None of it may be told
// to anybody before the content is known to be authentic.
type inner struct {
	whole      bool // it was read to its end, which is the content's end
	signatures []seam.Signature
	findings   []string
	limit      *envelope.LimitError // what it has too much of, nil for nothing
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
	body, err := innerBody(plain, kind)
	if b, ok := body.(*base64Reader); ok {
		b.late = true
	}
	var sd *signedData
	if err == nil {
		sd, err = readWhole(body, s.plan.Limits)
	}
	if err != nil {
		errors.As(formatError(err), &in.limit)
		for _, rest := range []io.Reader{body, plain} {
			if rest != nil {
				copied(sha256.New(), rest)
			}
		}
		return in
	}
	return inner{whole: true, signatures: sd.verify(s.plan), findings: sd.findings}
}

// innerBody returns where the signed message begins: behind the header of an
// entity, else where plain does.
func innerBody(plain io.Reader, kind nested) (io.Reader, error) {
	if kind == nestedEntity {
		return entityBody(plain)
	}
	return plain, nil
}

// readWhole reads the signed message to its end and hashes the content.
func readWhole(body io.Reader, l seam.Limits) (*signedData, error) {
	sd, end, err := enterInner(body, l)
	if err != nil {
		return nil, err
	}
	if sd.eContent == nil {
		return nil, malformed("a signature inside without its content")
	}
	if _, err := copied(sd, sd.eContent); err != nil {
		return nil, err
	}
	if err := sd.finish(); err != nil {
		return nil, err
	}
	return sd, end()
}

// enterInner reads on to the signed content. end checks, after the SignedData
// was read, that it was all there is.
func enterInner(body io.Reader, l seam.Limits) (sd *signedData, end func() error, err error) {
	r, levels, err := enterBareOrWhole(body)
	if err != nil {
		return nil, nil, err
	}
	sd, err = enterSignedData(r, l)
	if err != nil {
		return nil, nil, err
	}
	return sd, func() error {
		if err := leave(r, levels); err != nil {
			return err
		}
		return formatError(r.End())
	}, nil
}

// enterBareOrWhole returns a reader of plain that stands at a SignedData, and
// how many elements around it were entered.
//
// QUIRK: RFC 5652, Section 6 wants the content of type id-signedData bare, as
// Bouncy Castle and OpenSSL write it; some put a ContentInfo around it.
func enterBareOrWhole(plain io.Reader) (r *ber.Reader, levels int, err error) {
	br := bufio.NewReaderSize(plain, sniffLen)
	head, _ := br.Peek(sniffLen) // an error comes again
	r = ber.NewReader(br)
	if !isSignedContentInfo(head) {
		return r, 0, nil
	}
	if _, err := enterContentInfo(r); err != nil {
		return nil, 0, err
	}
	return r, 2, nil
}

// sniffLen is more than the longest beginning of a ContentInfo.
const sniffLen = 32

// isSignedContentInfo reports whether head begins a ContentInfo with SignedData.
func isSignedContentInfo(head []byte) bool {
	if len(head) < 2 || head[0] != 0x30 {
		return false
	}
	n := 2
	if head[1] > 0x80 {
		n += int(head[1] & 0x7f)
	}
	return bytes.HasPrefix(head[min(n, len(head)):], oidSignedData.tlv())
}
