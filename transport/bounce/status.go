package bounce

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// status reads a delivery status: fields about the message, then, behind an
// empty line each, fields about each recipient (RFC 3464, Section 2.1). Some
// servers leave the first empty line out, others write several.
func (r *Report) status(b []byte) {
	for _, group := range groups(b) {
		var to Recipient
		about := false
		for _, f := range group {
			value := clean(f[1])
			switch f[0] {
			case "reporting-mta":
				r.ReportingMTA = first(r.ReportingMTA, typed(value))
			case "original-envelope-id":
				r.EnvelopeID = first(r.EnvelopeID, value)
			case "arrival-date":
				r.Arrival = first(r.Arrival, value)
			case "final-recipient":
				to.Address, about = first(to.Address, address(value)), true
			case "original-recipient":
				to.Original, about = first(to.Original, address(value)), true
			case "action":
				word, _, _ := strings.Cut(strings.ToLower(value)+" ", " ")
				if slices.Contains([]string{"failed", "delayed", "delivered", "relayed", "expanded"}, word) {
					to.Action = first(to.Action, word)
				}
				about = true
			case "status":
				to.Status, about = first(to.Status, code(value)), true
			case "remote-mta":
				to.RemoteMTA = first(to.RemoteMTA, typed(value))
			case "diagnostic-code":
				to.Diagnostic = first(to.Diagnostic, typed(value))
			}
		}
		to.Address = first(to.Address, to.Original)
		if about && to.Address != "" && len(r.Recipients) < maxRecipients {
			r.Recipients = append(r.Recipients, to)
		}
	}
}

// first returns a, or b where a is "": a field that comes twice counts once.
func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// groups returns the fields of each group, unfolded, with names in small letters.
func groups(b []byte) (out [][][2]string) {
	var group [][2]string
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte{'\n'})
		line = bytes.TrimRight(line, "\r")
		switch {
		case len(bytes.TrimSpace(line)) == 0:
			if len(group) > 0 {
				out = append(out, group)
			}
			group = nil
		case (line[0] == ' ' || line[0] == '\t') && len(group) > 0:
			last := &group[len(group)-1][1]
			if len(*last) < maxValue {
				*last += " " + string(bytes.TrimSpace(line))
			}
		default:
			if name, value, ok := strings.Cut(string(line), ":"); ok {
				group = append(group, [2]string{strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)})
			}
		}
	}
	if len(group) > 0 {
		out = append(out, group)
	}
	return out
}

// typed returns what is behind the type of a value: "dns; mail.example.org".
func typed(s string) string {
	if _, value, ok := strings.Cut(s, ";"); ok {
		return strings.TrimSpace(value)
	}
	return s
}

// address returns the address of "rfc822; bob@example.org", or of the types of
// RFC 6533, Section 3, with \x{...} for what is not ASCII.
func address(s string) string {
	kind, value, ok := strings.Cut(s, ";")
	if !ok {
		value = s
	}
	value = strings.TrimSpace(value)
	if strings.EqualFold(strings.TrimSpace(kind), "utf-8") && ok {
		value = clean(unescape(value))
	}
	return strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(value, "<"), ">"))
}

// unescape undoes utf-8-addr-xtext and utf-8-addr-unitext. What is not
// well-formed stays as it is.
func unescape(s string) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(s, `\x{`)
		out.WriteString(before)
		if !found {
			return out.String()
		}
		hex, rest, closed := strings.Cut(after, "}")
		n, err := strconv.ParseUint(hex, 16, 32)
		if !closed || err != nil || len(hex) < 2 || len(hex) > 6 || n > unicode.MaxRune || n >= 0xD800 && n < 0xE000 {
			out.WriteString(`\x{`)
			s = after
			continue
		}
		out.WriteRune(rune(n))
		s = rest
	}
}

var statusCode = regexp.MustCompile(`(?:^|[^0-9A-Za-z.])([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:$|[^0-9A-Za-z.]|\.(?:$|[^0-9]))`)

// code returns the first status code in s: class, subject and detail of RFC
// 3463, Section 2, and not what is in the middle of an IP address.
func code(s string) string {
	m := statusCode.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	return m[1]
}

// clean makes of a value a text on one line.
func clean(s string) string {
	if len(s) > maxValue {
		s = s[:maxValue]
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}
