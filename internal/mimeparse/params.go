package mimeparse

import (
	"strings"
)

// maxParams of one field are read. No genuine one has more than a few, or a
// few continuations of one.
const maxParams = 1000

// ParseParams reads the value of Content-Type, Content-Disposition and fields
// like them: what stands before the first semicolon, in small letters, and the
// parameters by their names in small letters. Comments (RFC 2045) are dropped,
// continuations and character sets (RFC 2231) undone, and in the two parameters
// that hold file names, name and filename, encoded words too (RFC 2047, which
// forbids them there, and everybody writes them).
//
// It reads whatever it is given; what several programs would read in several
// ways is a finding.
func ParseParams(value string) (kind string, params map[string]string, found []Finding) {
	var fs findings
	kind, params = parseParams(value, &fs)
	return kind, params, fs
}

// param is a parameter as it is written, unquoted.
type param struct{ name, value string }

func parseParams(value string, fs *findings) (string, map[string]string) {
	s := &paramScanner{rest: strings.TrimRight(value, white), fs: fs}
	kind := s.kind()
	var list []param
	for {
		p, ok := s.next()
		if !ok {
			break
		}
		if len(list) == maxParams {
			fs.find("parameters", true, "a field has more than 1,000 parameters: the others are not read")
			break
		}
		list = append(list, p)
	}
	if len(list) == 0 {
		return kind, nil
	}
	return kind, assemble(list, fs)
}

// paramScanner cuts a value into its parameters.
type paramScanner struct {
	rest string // no white space at its end
	fs   *findings
}

const white = " \t\r\n"

// kind reads up to the first semicolon.
func (s *paramScanner) kind() string {
	i := strings.IndexByte(s.rest, ';')
	c := strings.IndexByte(s.rest, '(')
	if c < 0 || i >= 0 && i < c {
		if i < 0 {
			i = len(s.rest)
		}
		kind := s.rest[:i]
		s.rest = s.rest[i:]
		return strings.ToLower(strings.Trim(kind, white))
	}
	var kind strings.Builder
	for s.rest != "" && s.rest[0] != ';' {
		if s.rest[0] == '(' {
			s.comment()
			continue
		}
		kind.WriteByte(s.rest[0])
		s.rest = s.rest[1:]
	}
	return strings.ToLower(strings.Trim(kind.String(), white))
}

// comment drops a comment: RFC 5322, Section 3.2.2.
func (s *paramScanner) comment() {
	n := commentLength(s.rest)
	text := s.rest[:n]
	s.rest = s.rest[n:]
	// At the end, with nothing in it that could be read as something else, it
	// does no harm.
	harmless := s.rest == "" && !strings.ContainsAny(text[1:], `;="\(`)
	s.fs.find("parameter-comment", !harmless, "a field has the comment %q, which some programs do not read as one", text)
}

// commentLength returns the length of the comment that s begins with, all of s
// where it has no end.
func commentLength(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// dropComments returns s without comments, and whether it had some.
func dropComments(s string) (string, bool) {
	had := false
	var out strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '(')
		if i < 0 {
			break
		}
		had = true
		out.WriteString(s[:i])
		s = s[i+commentLength(s[i:]):]
	}
	out.WriteString(s)
	return out.String(), had
}

// space drops white space and comments.
func (s *paramScanner) space() {
	for {
		s.rest = strings.TrimLeft(s.rest, white)
		if s.rest == "" || s.rest[0] != '(' {
			return
		}
		s.comment()
	}
}

// next reads a parameter, with the semicolon before it.
func (s *paramScanner) next() (param, bool) {
	for separated := false; ; {
		s.space()
		if s.rest == "" {
			return param{}, false
		}
		if s.rest[0] == ';' {
			if separated {
				s.fs.find("parameter-none", false, "a field has two semicolons with nothing between them")
			}
			separated = true
			s.rest = s.rest[1:]
			continue
		}
		separated = false
		end := strings.IndexAny(s.rest, ";=(")
		if end < 0 {
			end = len(s.rest)
		}
		name := strings.ToLower(strings.Trim(s.rest[:end], white))
		s.rest = s.rest[end:]
		s.space()
		if s.rest == "" || s.rest[0] != '=' {
			s.fs.find("parameter-no-value", false, "a field has the parameter %q without a value", name)
			continue
		}
		s.rest = s.rest[1:]
		if !isToken(name) {
			s.fs.find("parameter-name", true, "a field has a parameter of the name %q, which is none", name)
		}
		return param{name, s.value(name)}, true
	}
}

func isFileName(name string) bool {
	base, _, _ := strings.Cut(name, "*")
	return base == "name" || base == "filename"
}

func isBoundary(name string) bool {
	base, _, _ := strings.Cut(name, "*")
	return base == "boundary"
}

// value reads what is behind the equals sign of the parameter.
func (s *paramScanner) value(name string) string {
	s.rest = strings.TrimLeft(s.rest, white)
	if !isFileName(name) {
		s.space()
	}
	if strings.HasPrefix(s.rest, `"`) {
		v := s.quoted(name)
		s.space()
		if s.rest != "" && s.rest[0] != ';' {
			s.fs.find("parameter-junk", true, "text follows the value of the parameter %q", name)
			s.skip()
		}
		return v
	}
	return s.unquoted(name)
}

// skip drops everything up to the next semicolon.
func (s *paramScanner) skip() {
	i := strings.IndexByte(s.rest, ';')
	if i < 0 {
		i = len(s.rest)
	}
	s.rest = s.rest[i:]
}

// quoted reads a quoted-string: RFC 5322, Section 3.2.4. A backslash before
// anything but a special character stays: programs of Windows write paths so.
func (s *paramScanner) quoted(name string) string {
	var v strings.Builder
	t := s.rest[1:]
	for i := 0; i < len(t); i++ {
		switch c := t[i]; {
		case c == '"':
			s.rest = t[i+1:]
			return v.String()
		case c == '\\' && i+1 < len(t):
			if isBoundary(name) {
				s.fs.find("parameter-escape", true, "the boundary has a backslash, which some programs take away")
			}
			if !strings.ContainsRune(`()<>@,;:\"/[]?=`, rune(t[i+1])) {
				s.fs.find("parameter-escape", false, "the parameter %q has a backslash, which some programs take away", name)
				v.WriteByte(c)
				continue
			}
			i++
			v.WriteByte(t[i])
		default:
			v.WriteByte(c)
		}
	}
	s.fs.find("parameter-quote", true, "the value of the parameter %q is in quotes that do not end", name)
	s.rest = ""
	return v.String()
}

// unquoted reads a token, or what stands in the place of one.
func (s *paramScanner) unquoted(name string) string {
	end := strings.IndexByte(s.rest, ';')
	if end < 0 {
		end = len(s.rest)
	}
	v := strings.Trim(s.rest[:end], white)
	if isFileName(name) {
		s.rest = s.rest[end:]
		if !isToken(v) {
			s.fs.find("parameter-unquoted", strings.Contains(v, `"`), "the parameter %q should be in quotes and is not", name)
		}
		return v
	}
	if i := strings.IndexAny(v, white+"("); i >= 0 {
		end = strings.IndexAny(s.rest, white+"(")
		v = v[:i]
		s.rest = s.rest[end:]
		s.space()
		if s.rest != "" && s.rest[0] != ';' {
			s.fs.find("parameter-junk", true, "text follows the value of the parameter %q", name)
			s.skip()
		}
	} else {
		s.rest = s.rest[end:]
	}
	if !isToken(v) || isBoundary(name) && strings.Contains(v, "'") {
		matters := strings.ContainsAny(v, `"\`) || isBoundary(name) && strings.ContainsAny(v, `',`)
		s.fs.find("parameter-unquoted", matters, "the parameter %q should be in quotes and is not", name)
	}
	return v
}
