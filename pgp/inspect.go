package pgp

import (
	"io"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Inspect implements seam.Format.
func (format) Inspect(src io.Reader, l seam.Limits) (*seam.Facts, error) {
	f := &seam.Facts{Format: formatName, OpenedBy: -1}
	in, armor, err := start(src)
	if err != nil {
		return nil, err
	}
	if armor != nil {
		f.Armored = true
		if armor.label == labelSignature {
			return f, inspectDetached(in, l, f)
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
		return f, inspectSigned(in, l, f)
	}
	return f, inspectSealed(in, l, f)
}

func inspectSealed(in *packets, l seam.Limits, f *seam.Facts) error {
	s := &sealed{in: in, armored: f.Armored}
	err := s.header(l, func(_ sessionKey, r seam.Recipient) {
		f.Recipients = append(f.Recipients, r)
	})
	if err != nil {
		return err
	}
	f.Encrypted, f.Container, f.Content, f.Auth = true, s.container, s.content(), s.auth()
	if _, err := io.Copy(io.Discard, s.body); err != nil {
		return err
	}
	return s.end()
}

// inspectSigned reads a message that anybody can read.
func inspectSigned(in *packets, l seam.Limits, f *seam.Facts) error {
	f.Auth = seam.AuthAtEnd
	m := newMessage(in, l, nil, true)
	err := m.begin()
	if m.empty && !m.onePass && m.around == nil { // signatures and nothing else
		f.Container = containerDetached
		for _, s := range m.before {
			f.Signatures = append(f.Signatures, s.verdict())
		}
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

func inspectDetached(in *packets, l seam.Limits, f *seam.Facts) error {
	signs, err := detached(in, l, nil)
	if err != nil {
		return err
	}
	f.Container, f.Auth = containerDetached, seam.AuthAtEnd
	for _, s := range signs {
		f.Signatures = append(f.Signatures, s.verdict())
	}
	return nil
}
