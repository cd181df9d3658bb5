package mimeparse

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// piece is one continuation of a parameter: RFC 2231, Section 3.
type piece struct {
	value    string
	extended bool // percent-encoded
}

// longParam is a parameter that is written by RFC 2231.
type longParam struct {
	pieces map[int]piece
	whole  *piece // name*=
}

// meaningful parameters say how a body is to be read.
var meaningful = []string{"charset", "format", "hp", "micalg", "protected-headers", "protocol", "report-type", "smime-type", "start", "type"}

// assemble makes of the parameters as written the values that they mean. A
// parameter that is there by RFC 2231 and plainly too is taken as the former:
// the latter is for programs that do not know it.
func assemble(list []param, fs *findings) map[string]string {
	params := make(map[string]string, len(list))
	var long map[string]*longParam
	var order []string
	for _, p := range list {
		base, index, extended, ok := splitName(p.name)
		if !ok {
			if strings.Contains(p.name, "*") {
				fs.find("parameter-name", true, "a field has a parameter of the name %q, which is none", p.name)
			}
			if isFileName(p.name) {
				p.value = plainName(p.value, fs)
			}
			if !isFileName(p.name) && !isASCII(p.value) {
				fs.find("parameter-not-ascii", true, "the parameter %q has characters that are not ASCII", p.name)
			}
			if old, twice := params[p.name]; twice {
				twiceFound(fs, p.name, old != p.value)
				continue
			}
			params[p.name] = p.value
			continue
		}
		if strings.Contains(p.name, "*0") && index > 0 || strings.Contains(p.name, "*00") {
			fs.find("parameter-number", true, "the pieces of the parameter %q have numbers that begin with 0, which some programs do not read", base)
		}
		switch {
		case isBoundary(p.name):
			fs.find("boundary-extended", true, "the boundary is written by RFC 2231, which many programs do not read there")
		case !isFileName(p.name):
			fs.find("parameter-extended", among(meaningful, base), "the parameter %q is written by RFC 2231, which many programs read in file names alone", base)
		}
		l := long[base]
		if l == nil {
			if long == nil {
				long = make(map[string]*longParam)
			}
			l = &longParam{pieces: make(map[int]piece)}
			long[base] = l
			order = append(order, base)
		}
		l.add(base, index, piece{p.value, extended}, fs)
	}
	for _, base := range order {
		value, ok := long[base].join(base, fs)
		if !ok {
			continue
		}
		if plain, both := params[base]; both && plain != value && plain != forOldReaders(value) {
			fs.find("parameter-both", isBoundary(base), "the parameter %q is there twice, plainly and by RFC 2231, and differs", base)
		}
		params[base] = value
	}
	return params
}

// forOldReaders returns what senders write plainly beside a value that is not
// ASCII, for programs that know nothing of RFC 2231: it hides nothing.
func forOldReaders(value string) string {
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return '_'
		}
		return r
	}, value)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func twiceFound(fs *findings, name string, differs bool) {
	fs.find("parameter-twice", differs || isBoundary(name), "the parameter %q is there more than once", name)
}

// splitName reads name*, name*0 and name*0*; index is -1 for the first.
func splitName(name string) (base string, index int, extended, ok bool) {
	base, rest, ok := strings.Cut(name, "*")
	if !ok || base == "" {
		return "", 0, false, false
	}
	if rest == "" {
		return base, -1, true, true
	}
	rest, extended = strings.CutSuffix(rest, "*")
	n, err := strconv.ParseUint(rest, 10, 16)
	if err != nil {
		return "", 0, false, false
	}
	return base, int(n), extended, true
}

func (l *longParam) add(base string, index int, p piece, fs *findings) {
	if index < 0 {
		if l.whole != nil {
			twiceFound(fs, base, l.whole.value != p.value)
			return
		}
		l.whole = &p
		return
	}
	if old, twice := l.pieces[index]; twice {
		twiceFound(fs, base, old != p)
		return
	}
	l.pieces[index] = p
}

// join puts the pieces together, up to the first that is missing.
func (l *longParam) join(base string, fs *findings) (string, bool) {
	if l.whole != nil {
		if len(l.pieces) > 0 {
			fs.find("parameter-twice", true, "the parameter %q is there whole and in pieces", base)
		}
		return decodeLong(base, []piece{*l.whole}, fs), true
	}
	var pieces []piece
	for i := 0; ; i++ {
		p, ok := l.pieces[i]
		if !ok {
			break
		}
		pieces = append(pieces, p)
	}
	if len(pieces) < len(l.pieces) {
		fs.find("parameter-gap", true, "a piece of the parameter %q is missing", base)
	}
	return decodeLong(base, pieces, fs), len(pieces) > 0
}

// decodeLong undoes the percent encoding and the character set, which the
// first piece states: RFC 2231, Section 4.
func decodeLong(base string, pieces []piece, fs *findings) string {
	charset, stated := "", false
	var octets []byte
	for i, p := range pieces {
		v := p.value
		if i == 0 && p.extended {
			if parts := strings.SplitN(v, "'", 3); len(parts) == 3 {
				charset, v, stated = parts[0], parts[2], true
			} else {
				fs.find("parameter-charset", !isFileName(base), "the parameter %q states no character set", base)
			}
		}
		if p.extended {
			octets = appendUnescaped(octets, v)
		} else {
			octets = append(octets, v...)
		}
	}
	if !stated {
		if isFileName(base) {
			return plainName(string(octets), fs)
		}
		return string(octets)
	}
	return toUTF8(charset, octets, fs)
}

// appendUnescaped undoes percent encoding. A percent sign that begins nothing
// stands for itself.
func appendUnescaped(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0 {
			dst = append(dst, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
			i += 2
			continue
		}
		dst = append(dst, s[i])
	}
	return dst
}
