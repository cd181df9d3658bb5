package pgp

import (
	"io"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Inspect implements seam.Format.
func (format) Inspect(src io.Reader, l seam.Limits) (*seam.Facts, error) {
	f := &seam.Facts{Format: formatName, OpenedBy: -1}
	br := buffered(src)
	switch clear, err := clearsigned(br); {
	case err != nil:
		return nil, err
	case clear:
		return inspectCleartext(br, l)
	}
	in, armor, err := startAt(br)
	if err != nil {
		return nil, err
	}
	if armor != nil {
		f.Armored = true
		if armor.label == labelSignature {
			return f, inspectDetached(in, armor, l, f)
		}
		if err := messageLabel(armor.label); err != nil {
			return nil, err
		}
	}
	tag, err := in.peek()
	if err != nil {
		return nil, noEOF(err, "before its content")
	}
	switch tag {
	case tagSignature, tagOnePass, tagCompressed, tagLiteral:
		return f, inspectSigned(in, armor, l, f)
	}
	return f, inspectSealed(in, armor, l, f)
}

func inspectSealed(in *packets, armor *dearmor, l seam.Limits, f *seam.Facts) error {
	s := &sealed{in: in, armor: armor}
	err := s.header(l, func(_ sessionKey, r seam.Recipient) {
		f.Recipients = append(f.Recipients, r)
	})
	if err != nil {
		return err
	}
	f.Encrypted, f.Container, f.Content, f.Auth = true, s.container, s.content(), s.auth()
	if err := drain(s.body); err != nil {
		return err
	}
	err = s.end()
	f.Beside = s.beside
	f.Findings = armor.finding()
	if s.container == containerSED {
		f.Findings = append(f.Findings, "nothing protects the content against change: it is opened only where Legacy.NoMDC allows it")
	}
	return err
}

// drain reads all of r. Each Read may be a switch to who writes the message at
// the same time: io.Copy would make many, with what is long.
func drain(r io.Reader) error {
	n, err := io.CopyN(io.Discard, r, slice)
	if n == slice && err == nil {
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, make([]byte, slice))
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// inspectSigned reads a message that anybody can read.
func inspectSigned(in *packets, armor *dearmor, l seam.Limits, f *seam.Facts) error {
	f.Auth = seam.AuthAtEnd
	m := newMessage(in, l, nil, true)
	m.armor = armor
	err := m.begin()
	if m.empty && !m.onePass && m.around == nil { // signatures and nothing else
		f.Container = containerDetached
		for _, s := range m.before {
			f.Signatures = append(f.Signatures, s.verdict())
		}
		f.Findings = armor.finding()
		return nil
	}
	if err != nil {
		return err
	}
	f.Container = m.container()
	if _, err := io.Copy(io.Discard, m); err != nil {
		return err
	}
	f.Signatures, f.Findings = m.results, m.findings
	return nil
}

func inspectDetached(in *packets, armor *dearmor, l seam.Limits, f *seam.Facts) error {
	signs, err := detached(in, l, nil)
	if err != nil {
		return err
	}
	f.Container, f.Auth, f.Findings = containerDetached, seam.AuthAtEnd, armor.finding()
	for _, s := range signs {
		f.Signatures = append(f.Signatures, s.verdict())
	}
	return nil
}
