package bounce

import (
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
)

// guess finds what servers say that write no report: Exim names the recipients
// in a field, qmail in paragraphs of a fixed form (QSBMF). Texts in any other
// form say nothing that a program can be sure of.
func (r *Report) guess(root *mimeparse.Node, src io.ReaderAt) error {
	var text string
	for _, n := range parts(root) {
		if n.MediaType == "text/plain" {
			b, err := head(n.Decoded(src), maxText)
			if err != nil {
				return err
			}
			text = strings.ReplaceAll(string(b), "\r\n", "\n")
			break
		}
	}
	for _, field := range root.Header.Values("X-Failed-Recipients") {
		for _, a := range strings.Split(field, ",") {
			r.failed(clean(a), text)
		}
	}
	if len(r.Recipients) > 0 || !strings.HasPrefix(text, "Hi. This is ") {
		return nil
	}
	for _, paragraph := range strings.Split(text, "\n\n") {
		if strings.HasPrefix(paragraph, "--- ") { // the message follows
			break
		}
		if a, why, ok := strings.Cut(paragraph, ">:\n"); ok && strings.HasPrefix(a, "<") {
			r.failed(clean(a[1:]), why)
		}
	}
	return nil
}

// failed notes a recipient, of whom text says why.
func (r *Report) failed(address, text string) {
	known := slices.ContainsFunc(r.Recipients, func(to Recipient) bool { return to.Address == address })
	if _, err := mailbox.Parse(address); err != nil || known || len(r.Recipients) >= maxRecipients {
		return
	}
	to := Recipient{Address: address, Action: "failed", Status: code(text)}
	if to.Status == "" {
		// An answer of SMTP without an enhanced code, at the beginning of a line.
		if m := regexp.MustCompile(`(?m)(?:^|[ :])([45])[0-9]{2}[ -]`).FindStringSubmatch(text); m != nil {
			to.Status = m[1] + ".0.0"
		}
	}
	to.Diagnostic = clean(strings.ReplaceAll(text, "\n", " "))
	r.Recipients = append(r.Recipients, to)
}
