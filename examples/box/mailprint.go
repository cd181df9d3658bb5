package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-message/charset"

	"github.com/doublekeybox/doublekeybox/envelope/mail"
)

// printMessage prints summary and tree for people. What comes from the message
// is quoted: it could hold what a terminal obeys.
func (a *app) printMessage(m *mail.Message, savedAs map[string]string, texts bool) error {
	var b strings.Builder
	s := m.Summary()
	fmt.Fprintf(&b, "verified   %s\nencrypted  %s\nsigned     %s\n", yes(s.Verified), yes(s.Encrypted), yes(s.Signed))
	if s.Signer != "" {
		fmt.Fprintf(&b, "signer     %s\n", oneLine(cut(s.Signer)))
	}
	if s.DeliveredBy != "" {
		fmt.Fprintf(&b, "list       %s   (not protected)\n", oneLine(cut(s.DeliveredBy)))
	}
	for _, f := range s.Fields {
		note := fieldNote(f, s.Verified)
		if f.Name == "From" && s.Verified && !f.Signed {
			note = "   (bound to the signer)"
		}
		fmt.Fprintf(&b, "%-10s %s%s\n", strings.ToLower(f.Name), oneLine(cut(f.Value)), note)
	}
	fmt.Fprintf(&b, "\n%s\n\n", conclusion(m))
	for _, p := range m.Parts() {
		depth := strings.Count(p.Path, ".")
		fmt.Fprintf(&b, "%-10s %s%s%s  %s\n", p.Path, strings.Repeat("  ", depth), oneLine(cut(p.MediaType)), partNote(p, savedAs[p.Path]), partStatus(p))
	}
	printed := map[string]bool{"": true} // the summary repeats those of parts that matter
	for _, f := range findingsOf(m) {
		if len(printed) == 1 {
			b.WriteString("\n")
		}
		if line := oneLine(f); !printed[line] {
			printed[line] = true
			fmt.Fprintf(&b, "note: %s\n", line)
		}
	}
	if _, err := io.WriteString(a.stdout, b.String()); err != nil || !texts {
		return err
	}
	return a.printTexts(m)
}

// conclusion is what a person may believe of a mail, in words.
func conclusion(m *mail.Message) string {
	s := m.Summary()
	partVerified := slices.ContainsFunc(m.Parts(), func(p *mail.Part) bool { return p.Verified })
	who := ""
	switch {
	case m.Err() != nil:
		return "It was not opened: nothing is known of what is in it, nor of who wrote it."
	case s.Verified:
		who = oneLine(cut(s.From)) + " wrote all of it"
		if slices.ContainsFunc(s.Fields, func(f mail.Field) bool { return f.Name != "From" && !f.Signed }) {
			who += " but the fields above that are not protected"
		}
		who += ", by a key that you verified, or that an authority of yours vouches for"
	case s.DeliveredBy != "" && (s.Signed || partVerified):
		who = "Who wrote it as a whole is not proven: a mailing list passed it on, and the notes say who signed what"
	case !s.Signed && partVerified:
		who = "Who wrote it as a whole is not proven: only a part is signed, and the notes say which, and by whom"
	case s.Signed && s.From != "" && slices.ContainsFunc(s.Findings, func(f mail.Finding) bool { return f.Code == "signature-unchecked" || f.Code == "signer-unknown" }):
		who = "Who wrote it is not proven: it is signed by a key that is not verified as that of " + oneLine(cut(s.From)) +
			" (box ring add FILE FINGERPRINT, with the fingerprint from its owner)"
	case s.Signed:
		who = "Who wrote it is not proven: it is signed, and the notes say why that does not count"
	default:
		who = "Who wrote it is not proven: it is not signed, and anybody can write any From"
	}
	switch {
	case s.Encrypted:
		return who + ". It was encrypted on its way."
	case slices.ContainsFunc(m.Parts(), func(p *mail.Part) bool { return p.Encrypted }):
		return who + ". Only a part of it was encrypted on its way."
	case slices.ContainsFunc(m.Layers(), func(l *mail.Layer) bool { return l.Kind == "encrypted" }):
		return who + ". Its encryption is not to be relied on: the notes say why."
	}
	return who + ". It was not encrypted: everybody on its way could read it."
}

// findingsOf are all findings of m as lines, those about the whole first.
func findingsOf(m *mail.Message) []string {
	all := findingTexts(m.Summary().Findings)
	for _, p := range m.Parts() {
		all = append(all, findingTexts(p.Findings)...)
	}
	return all
}

// mostShownText is how much of one text is printed: a terminal is no place for more.
const mostShownText = 1 << 20

// printTexts prints the texts of the mail, each under a line that says whose
// word it is.
func (a *app) printTexts(m *mail.Message) error {
	printed := false
	for _, p := range m.Parts() {
		if p.MediaType != "text/plain" || !isContent(p) || p.Name != "" {
			continue
		}
		printed = true
		text, err := io.ReadAll(io.LimitReader(inUTF8(p), mostShownText+1))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(a.stdout, "\n--- part %s: %s\n", p.Path, partStatus(p)); err != nil {
			return err
		}
		more := len(text) > mostShownText
		text = text[:min(len(text), mostShownText)]
		for line := range strings.Lines(strings.ToValidUTF8(string(text), "\uFFFD")) {
			columns := strings.Split(line, "\t") // the one control character that is harmless and means something
			for i, c := range columns {
				columns[i] = oneLine(c)
			}
			if _, err := fmt.Fprintln(a.stdout, strings.Join(columns, "\t")); err != nil {
				return err
			}
		}
		if more {
			if _, err := fmt.Fprintf(a.stdout, "--- cut here, after %d bytes: --save DIR has all of it\n", mostShownText); err != nil {
				return err
			}
		}
	}
	if !printed && m.Err() == nil {
		a.say("note: no text/plain is in it: --save DIR has what there is")
	}
	return nil
}

// inUTF8 is the text of a part, as it is where its character set is not known.
func inUTF8(p *mail.Part) io.Reader {
	if name := p.Param("charset"); name != "" {
		if r, err := charset.Reader(name, p.Open()); err == nil {
			return r
		}
	}
	return p.Open()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func fieldNote(f mail.Field, verified bool) string {
	switch {
	case f.Differs:
		return fmt.Sprintf("   (outside: %q, which is not what the sender put there)", cut(f.Outer))
	case f.Signed && f.Encrypted && !verified:
		return "   (signed, not verified, hidden on the way)"
	case f.Signed && !verified:
		return "   (signed, not verified)"
	case f.Signed && f.Encrypted:
		return "   (signed, hidden on the way)"
	case f.Signed:
		return "   (signed)"
	case f.Encrypted:
		return "   (hidden on the way, not signed)"
	}
	return "   (not protected)"
}

func partNote(p *mail.Part, savedAs string) string {
	var b strings.Builder
	if p.Name != "" {
		fmt.Fprintf(&b, "  %s", shown(p.Name))
	}
	if isContent(p) {
		fmt.Fprintf(&b, "  %d bytes", p.Size)
	}
	if savedAs != "" && savedAs != p.Name {
		fmt.Fprintf(&b, "  saved as %s", shown(savedAs))
	}
	return b.String()
}

// partStatus says what is known of one part.
func partStatus(p *mail.Part) string {
	if p.Layer() != nil {
		return layerStatus(p)
	}
	var words []string
	if p.Encrypted {
		words = append(words, "encrypted")
	}
	switch {
	case p.Verified:
		words = append(words, "signed and verified")
	case p.Signed:
		words = append(words, "signed, not verified")
	}
	if len(words) == 0 {
		return "not protected"
	}
	if !p.Protected && (p.Encrypted || p.Verified) {
		words = append(words, "but not as the mail: others can have put things around it")
	}
	return strings.Join(words, ", ")
}

// isContent reports whether a part is content for people, and neither holds
// other parts nor is a cryptographic layer that did not open.
func isContent(p *mail.Part) bool { return len(p.Children()) == 0 && p.Layer() == nil }

// layerStatus says what the cryptographic layer is that p is.
func layerStatus(p *mail.Part) string {
	l := p.Layer()
	text := "(" + l.Format + ", " + l.Kind
	if l.Report != nil && l.Report.Content != "" {
		text += ", " + l.Report.Container + ", " + l.Report.Content
	}
	if l.Err != nil && len(p.Children()) == 0 {
		text += ", not opened"
	}
	return text + ")"
}
