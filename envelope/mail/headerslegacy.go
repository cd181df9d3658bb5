package mail

import (
	"bytes"
	"io"
	"strings"
)

// maxLegacyDisplay is how far into a text a legacy display element is looked
// for: it is a handful of header fields.
const maxLegacyDisplay = 64 << 10

// hideLegacyDisplay takes the legacy display elements out of the texts of a
// message: the hidden header fields once more, for programs that know nothing
// of RFC 9788. Shown to others they would be there twice, and be quoted in the
// clear by an answer. It changes what the parts in the payload give out, and not
// what they are: Part.Raw still has them.
func (j *judgement) hideLegacyDisplay() {
	if j.headers.scheme != hpCipher { // RFC 9788, Section 4.5.3: there are none else
		return
	}
	for _, p := range j.message.parts {
		if j.inPayload(p) && p.node != nil && p.open != nil && p.node.Params["hp-legacy-display"] == "1" && p.node.Disposition != "attachment" {
			p.hideLegacyDisplay()
		}
	}
}

// inPayload reports whether p is the payload, or in it and in no layer further in.
func (j *judgement) inPayload(p *Part) bool {
	for ; p != nil; p = p.parent {
		if p == j.payload {
			return true
		}
		if p.layer != nil || strings.HasPrefix(p.MediaType, "message/") {
			return false
		}
	}
	return false
}

func (p *Part) hideLegacyDisplay() {
	open := p.open
	// Whatever is wrong with the content is told to who reads it.
	head, _ := io.ReadAll(io.LimitReader(open(), maxLegacyDisplay))
	from, to := 0, 0
	switch p.MediaType {
	case "text/plain":
		to = legacyText(head)
	case "text/html":
		from, to = legacyHTML(head)
	}
	if from == to {
		return
	}
	p.Size -= int64(to - from)
	p.ahead = nil
	p.open = func() io.Reader {
		r := open()
		return io.MultiReader(io.LimitReader(r, int64(from)), &skipping{r: r, n: int64(to - from)}, r)
	}
}

// skipping passes over n octets of r, and has none itself.
type skipping struct {
	r io.Reader
	n int64
}

func (s *skipping) Read([]byte) (int, error) {
	n, err := io.CopyN(io.Discard, s.r, s.n)
	if s.n -= n; err == nil {
		err = io.EOF
	}
	return 0, err
}

// legacyText returns how long the legacy display element is that a text begins
// with, the blank line behind it included: RFC 9788, Section 4.5.3.2. 0 where
// there is none: not each of its lines is a header field or continues one.
func legacyText(text []byte) int {
	for at := 0; ; {
		line, _, ok := bytes.Cut(text[at:], []byte("\n"))
		if !ok {
			return 0
		}
		end := at + len(line) + 1
		line = bytes.TrimSuffix(line, []byte("\r"))
		switch name, _, isField := bytes.Cut(line, []byte(":")); {
		case len(line) == 0 && at > 0:
			return end
		case len(line) == 0:
			return 0
		case line[0] == ' ' || line[0] == '\t':
			if at == 0 {
				return 0
			}
		case !isField || len(name) == 0 || bytes.ContainsAny(name, " \t"):
			return 0
		}
		at = end
	}
}

// legacyHTML returns where the legacy display element of a document is: the
// first div of its class, RFC 9788, Section 4.5.3.3. 0, 0 where there is none.
func legacyHTML(text []byte) (from, to int) {
	const begin, end, mark = "<div", "</div", `"header-protection-legacy-display"`
	lower := bytes.ToLower(text)
	at := bytes.Index(lower, []byte(mark))
	if at < 0 {
		return 0, 0
	}
	from = bytes.LastIndex(lower[:at], []byte("<"))
	if from < 0 || !bytes.HasPrefix(lower[from:], []byte(begin)) || bytes.IndexByte(lower[from:at], '>') >= 0 {
		return 0, 0
	}
	for depth, i := 0, from; i < len(lower); i++ {
		switch {
		case lower[i] != '<':
			continue
		case bytes.HasPrefix(lower[i:], []byte(begin)):
			depth++
		case bytes.HasPrefix(lower[i:], []byte(end)):
			depth--
		default:
			continue
		}
		close := bytes.IndexByte(lower[i:], '>')
		if close < 0 {
			return 0, 0
		}
		if i += close; depth == 0 {
			return whole(lower, from, i+1)
		}
	}
	return 0, 0
}

// whole returns from, to where what is there can be taken out and changes
// nothing else: 0, 0 where a comment begins or ends in it or it stands in one, or
// where something is in it in which a tag is no tag (WHATWG HTML, Section 13.2.6.2).
func whole(lower []byte, from, to int) (int, int) {
	if bytes.Contains(lower[:to], []byte("<!--")) {
		return 0, 0
	}
	for rest := lower[from:to]; ; {
		_, after, ok := bytes.Cut(rest, []byte("<"))
		if !ok {
			return from, to
		}
		name := bytes.TrimLeft(after, "/")
		end := bytes.IndexFunc(name, func(r rune) bool { return r < 'a' || r > 'z' })
		switch string(name[:max(end, 0)]) {
		case "script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext", "template", "select", "svg", "math":
			return 0, 0
		}
		rest = after
	}
}
