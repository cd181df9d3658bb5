package mimeparse

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// plainName decodes a file name that is not written by RFC 2231: encoded words,
// which RFC 2047, Section 5, forbids in a quoted-string, and octets that are
// not UTF-8.
func plainName(s string, fs *findings) string {
	if strings.Contains(s, "=?") {
		if decoded, any := decodeWords(s, fs); any {
			fs.find("encoded-word-in-parameter", false, "a file name is written as an encoded word, which some programs do not decode")
			s = decoded
		}
	}
	if !utf8.ValidString(s) {
		fs.find("name-charset", false, "a file name is in no character set that is stated")
		s = toUTF8("", []byte(s), fs)
	}
	return s
}

// encodedWord is a run of encoded words of one character set.
type encodedWord struct {
	charset string
	octets  []byte
}

// decodeWords decodes the encoded words in s, wherever they stand. White space
// between two is not of the text, and a character may begin in one and end in
// the next: RFC 2047 forbids it, and many write it.
func decodeWords(s string, fs *findings) (decoded string, any bool) {
	var out strings.Builder
	var run encodedWord
	flush := func() {
		if run.charset != "" {
			out.WriteString(toUTF8(run.charset, run.octets, fs))
		}
		run = encodedWord{}
	}
	all := s
	last := strings.LastIndex(s, "?=") // no word ends behind it
	for {
		i := strings.Index(s, "=?")
		if i < 0 || len(all)-len(s)+i > last {
			break
		}
		charset, octets, rest, ok := cutWord(s[i:])
		if !ok {
			flush()
			out.WriteString(s[:i+2]) // what only looks like one
			s = s[i+2:]
			continue
		}
		any = true
		if gap := s[:i]; run.charset == "" || strings.Trim(gap, white) != "" {
			flush()
			out.WriteString(gap)
		}
		if !strings.EqualFold(run.charset, charset) {
			flush()
		}
		run.charset = charset
		run.octets = append(run.octets, octets...)
		s = rest
	}
	flush()
	out.WriteString(s)
	return out.String(), any
}

// cutWord reads the encoded word that s begins with.
func cutWord(s string) (charset string, octets []byte, rest string, ok bool) {
	charset, s, ok = strings.Cut(s[2:], "?")
	if !ok || charset == "" || len(s) < 2 || s[1] != '?' || strings.ContainsAny(charset, white+`"=`) {
		return "", nil, "", false
	}
	charset, _, _ = strings.Cut(charset, "*") // a language: RFC 2231, Section 5
	text, rest, ok := strings.Cut(s[2:], "?=")
	if !ok || charset == "" {
		return "", nil, "", false
	}
	switch s[0] {
	case 'Q', 'q':
		return charset, unQ(text), rest, true
	case 'B', 'b':
		text = strings.Map(func(r rune) rune {
			if r > 0x7F || classes[byte(r)] != digit {
				return -1
			}
			return r
		}, text)
		if len(text)%4 == 1 {
			text = text[:len(text)-1]
		}
		octets, err := base64.RawStdEncoding.DecodeString(text)
		return charset, octets, rest, err == nil
	}
	return "", nil, "", false
}

// unQ undoes the Q encoding: RFC 2047, Section 4.2.
func unQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_':
			out = append(out, ' ')
		case s[i] == '=' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0:
			out = append(out, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return out
}

// toUTF8 decodes octets of a character set. Those of one that is not known are
// taken for what most programs would: UTF-8 if they can be that, else
// windows-1252, in which everything is something.
func toUTF8(charset string, octets []byte, fs *findings) string {
	name := strings.ToLower(charset)
	switch name {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
	default:
		e, err := htmlindex.Get(name)
		if err == nil {
			if s, err := e.NewDecoder().Bytes(octets); err == nil {
				return string(s)
			}
		}
		fs.find("charset-unknown", false, "the character set %q is not known", charset)
	}
	if utf8.Valid(octets) {
		return string(octets)
	}
	s, err := charmap.Windows1252.NewDecoder().Bytes(octets)
	if err != nil {
		return strings.ToValidUTF8(string(octets), "\uFFFD")
	}
	return string(s)
}
