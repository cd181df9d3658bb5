package login

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// prepare is SASLprep (RFC 4013) as far as people's names and passwords go:
// spaces of any kind are one kind, what cannot be seen is left out, compatible
// characters are one, and control characters are refused. ASCII stays as it is.
func prepare(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", errors.New("is not UTF-8")
	}
	mapped := strings.Map(func(r rune) rune {
		switch {
		case r == 0x00AD, r == 0x034F, r == 0x1806, r >= 0x180B && r <= 0x180D, r >= 0x200B && r <= 0x200D,
			r == 0x2060, r >= 0xFE00 && r <= 0xFE0F, r == 0xFEFF: // RFC 3454, Table B.1
			return -1
		case r > unicode.MaxASCII && unicode.Is(unicode.Zs, r): // RFC 3454, Table C.1.2
			return ' '
		}
		return r
	}, s)
	out := norm.NFKC.String(mapped)
	if strings.ContainsFunc(out, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Co, r) || r == utf8.RuneError }) {
		return "", errors.New("holds a control character")
	}
	if out == "" {
		return "", errors.New("is empty")
	}
	return out, nil
}

// hide notes what of a login a server may send back, as it was sent.
func (e *Exchange) hide(user, password string) {
	encode := base64.StdEncoding.EncodeToString
	// Where a password begins in base64 depends on what is before it, so that
	// all three shifts are noted, without the characters that its neighbours decide.
	e.secrets = append(e.secrets, password, encode([]byte(password)), encode([]byte("\x00"+user+"\x00"+password)))
	for shift := 1; shift < 3; shift++ {
		if s := encode([]byte(strings.Repeat("\x00", shift) + password)); len(s) > 8 {
			e.secrets = append(e.secrets, strings.TrimRight(s[4:], "=")[:len(strings.TrimRight(s[4:], "="))-1])
		}
	}
}
