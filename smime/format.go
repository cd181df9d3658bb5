package smime

import (
	"bytes"
	"errors"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Format returns the S/MIME format. An [envelope.Opener] needs it only where
// neither an identity nor a sender brings it, and [envelope.Inspect] always.
func Format() envelope.Format { return envelope.Format(seam.Wrap[seam.Format](format{})) }

// format implements seam.Format. It has no state: all values are equal.
type format struct{}

var _ seam.Format = format{}

// formatName is the name in reports.
const formatName = "S/MIME"

// Name returns the format's name.
func (format) Name() string { return formatName }

// Sniff tells from the first octets whether this may be a CMS message: a
// ContentInfo in any encoding of its lengths with one of the types of RSA's
// two arcs, PEM, or base64. What is cut off before that can be told may be one too.
func (format) Sniff(prefix []byte) bool {
	text := bytes.TrimLeft(prefix, " \t\r\n")
	if len(prefix)-len(text) <= maxBlank {
		for _, label := range pemLabels() {
			if begins(text, pemBegin+label+pemDash) && len(text) > 0 {
				return true
			}
		}
	}
	if len(text) > 0 && text[0] == base64Begin && len(prefix)-len(text) <= maxBlank {
		prefix = leadingBase64(text)
	}
	if len(prefix) == 0 || !begins(prefix, "\x30") {
		return false
	}
	// The length: one octet, or 0x80 for none, or up to eight more.
	rest := prefix[min(1, len(prefix)):]
	if len(rest) > 0 {
		n := 1
		if rest[0] > 0x80 {
			n += int(rest[0] & 0x7f)
		}
		if n > 1+8 {
			return false
		}
		rest = rest[min(n, len(rest)):]
	}
	return begins(rest, "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07") || // 1.2.840.113549.1.7
		begins(rest, "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01") // 1.2.840.113549.1.9.16.1
}

// begins reports whether b begins with s, as far as there is anything of b.
func begins(b []byte, s string) bool {
	n := min(len(b), len(s))
	return string(b[:n]) == s[:n]
}

// Seal implements seam.Format.
func (format) Seal(dst io.Writer, p *seam.SealPlan) (seam.Writer, error) {
	if err := openpgpOnly(p); err != nil {
		return nil, err
	}
	return seal(dst, p)
}

// Sign implements seam.Format.
func (format) Sign(dst io.Writer, p *seam.SealPlan, detached bool) (seam.Writer, error) {
	if err := openpgpOnly(p); err != nil {
		return nil, err
	}
	return sign(dst, p, detached)
}

// openpgpOnly refuses what CMS has no word for: a RecipientInfo names its
// recipient (RFC 5652, Section 6.2), and a signature is over octets.
func openpgpOnly(p *seam.SealPlan) error {
	switch {
	case p.Hidden:
		return errors.New("smime: hidden recipients are OpenPGP's: S/MIME names every recipient; give them a message of their own")
	case p.Text:
		return errors.New("smime: signatures over text are OpenPGP's: leave Sealer.Text out")
	}
	return nil
}

// Open implements seam.Format.
func (format) Open(src io.Reader, p *seam.OpenPlan) (seam.Session, error) { return open(src, p) }

// OpenSigned implements seam.Format.
func (format) OpenSigned(src io.Reader, p *seam.OpenPlan) (seam.Session, error) {
	return openSigned(src, p)
}

// VerifyDetached implements seam.Format.
func (format) VerifyDetached(sig, content io.Reader, p *seam.OpenPlan) (*seam.Facts, error) {
	return verifyDetached(sig, content, p)
}

// Inspect implements seam.Format.
func (format) Inspect(src io.Reader, l seam.Limits) (*seam.Facts, error) { return inspect(src, l) }
