// Package marks looks for secrets in whatever a program wrote: as they are, and
// in the forms in which they stand in mail, logs, files and archives. It is for
// tests: what it finds is there, and what it does not find may still be there in
// a form that nobody thought of.
package marks

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf16"
)

// Mark is something that must not stand somewhere, in all forms that are found
// by comparing octets.
type Mark struct {
	What  string // what Find calls it: never the secret itself
	forms []form
}

type form struct {
	name   string
	octets []byte
}

// New takes b as it is and backwards, in hexadecimal, in UTF-16, and in base64
// behind no, one and two other octets. It should have 6 octets or more: shorter
// ones stand everywhere by chance.
func New(what string, b []byte) Mark {
	m := Mark{What: what}
	m.addEncoded("", b)
	for _, order := range []struct {
		name string
		binary.AppendByteOrder
	}{{"UTF-16LE ", binary.LittleEndian}, {"UTF-16BE ", binary.BigEndian}} {
		var wide []byte
		for _, c := range utf16.Encode([]rune(string(b))) {
			wide = order.AppendUint16(wide, c)
		}
		m.addEncoded(order.name, wide)
	}
	back := bytes.Clone(b)
	slices.Reverse(back)
	m.addEncoded("backwards ", back)
	return m
}

func (m *Mark) addEncoded(name string, b []byte) {
	lower := hex.EncodeToString(b)
	m.forms = append(m.forms, form{name + "as it is", bytes.Clone(b)}, form{name + "hexadecimal", []byte(lower)},
		form{name + "hexadecimal", []byte(strings.ToUpper(lower))})
	for offset := range 3 {
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			s := e.EncodeToString(append(make([]byte, offset), b...))
			// The characters that hold bits of a neighbour too are left out.
			from, to := (8*offset+5)/6, (8*(offset+len(b)))/6
			f := form{name + "base64", []byte(s[from:to])}
			if !slices.ContainsFunc(m.forms, func(o form) bool { return bytes.Equal(o.octets, f.octets) }) {
				m.forms = append(m.forms, f)
			}
		}
	}
}

// In reports whether m stands in b, across line ends too. Nothing is decoded:
// that is for Find.
func (m Mark) In(b []byte) bool {
	_, found := m.in(b)
	if !found {
		_, found = m.in(joined(b))
	}
	return found
}

func (m Mark) in(b []byte) (form string, found bool) {
	for _, f := range m.forms {
		if bytes.Contains(b, f.octets) {
			return f.name, true
		}
	}
	return "", false
}

// joined is b without ends of lines.
func joined(b []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r"), nil), []byte("\n"), nil)
}
