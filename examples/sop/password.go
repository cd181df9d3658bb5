package main

import (
	"bytes"
	"unicode"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// newPassword reads a password to protect something with. White space at its
// end goes, which a person would not know of; what is left has to be text that
// a person can type again.
func (a *app) newPassword(name string) (string, error) {
	b, err := a.small(name)
	if err != nil {
		return "", err
	}
	text := string(bytes.TrimRightFunc(b, unicode.IsSpace))
	if _, err := envelope.WeakPassphrase(text); err != nil {
		return "", fail(passwordNotHumanReadable, "the password in %.80q: %w", name, err)
	}
	return text, nil
}

// trials reads passwords to open something with: each as it is, and without
// the white space at its end if it has any.
func (a *app) trials(names []string) (out [][]byte, err error) {
	for _, name := range names {
		b, err := a.small(name)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
		if trimmed := bytes.TrimRightFunc(b, unicode.IsSpace); len(trimmed) < len(b) {
			out = append(out, trimmed)
		}
	}
	return out, nil
}
