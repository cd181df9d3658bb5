package mail

import (
	"html"
	"strings"
)

// document makes a whole document of a piece of HTML: a part that is none would
// run into what is shown beside it (RFC 8551, Section 6).
func document(s string) string {
	lower := strings.ToLower(s)
	for _, tag := range []string{"<!doctype", "<html", "<head", "<body"} {
		if strings.Contains(lower, tag) {
			return s
		}
	}
	return "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title></title></head><body>\n" + s + "\n</body></html>\n"
}

// withDisplay puts the hidden fields before a text, for programs that know
// nothing of RFC 9788: its Sections 5.2.2 and 5.2.3. Each value is one line.
func withDisplay(kind, s string, display []field) string {
	var b strings.Builder
	for i, f := range display {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(f.name + ": " + f.value)
	}
	if kind != "text/html" {
		return b.String() + "\n\n" + s
	}
	at := contentStart(s)
	return s[:at] + "\n<div class=\"header-protection-legacy-display\">\n<pre>" + html.EscapeString(b.String()) + "</pre>\n</div>\n" + s[at:]
}

// contentStart returns where the content of a document begins: behind its body
// tag, or where one would be that is left out (HTML, Section 13.1.2.4).
func contentStart(s string) int {
	start := 0
	for i := 0; i < len(s); {
		n := strings.IndexByte(s[i:], '<')
		if n < 0 {
			break
		}
		i += n
		if strings.HasPrefix(s[i:], "<!--") {
			i = after(s, i+len("<!--"), "-->")
			continue
		}
		name := tagName(s[i+1:])
		if name == "" { // < alone is text
			i++
			continue
		}
		end := tagEnd(s, i)
		switch strings.ToLower(name) {
		case "body":
			return end
		case "html", "/head":
			start = end
		case "script", "style", "title": // in which nothing is a tag but their end
			end = closing(s, end, name)
		}
		i = end
	}
	return start
}

// tagName returns the name of the tag that s begins with, behind its <.
func tagName(s string) string {
	n := 0
	for n < len(s) && (isAlphanumeric(s[n]) || n == 0 && s[n] == '/') {
		n++
	}
	return s[:n]
}

// tagEnd returns what is behind the > of the tag at i. One in quotes is not it.
func tagEnd(s string, i int) int {
	quote := byte(0)
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return len(s)
}

// closing returns where the end tag of name begins, at i or later.
func closing(s string, i int, name string) int {
	for ; i < len(s); i++ {
		if s[i] == '<' && strings.HasPrefix(s[i:], "</") && strings.EqualFold(tagName(s[i+1:]), "/"+name) {
			return i
		}
	}
	return len(s)
}

// after returns what is behind the next what, at i or later.
func after(s string, i int, what string) int {
	if n := strings.Index(s[i:], what); n >= 0 {
		return i + n + len(what)
	}
	return len(s)
}
