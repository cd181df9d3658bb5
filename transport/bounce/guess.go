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
	var all reason // of the one text, which may be long
	for i, field := range root.Header.Values("X-Failed-Recipients") {
		if i == 0 {
			all = reasonIn(text)
		}
		for _, a := range strings.Split(field, ",") {
			r.failed(clean(a), all)
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
			r.failed(clean(a[1:]), reasonIn(why))
		}
	}
	return nil
}

// reason is why a message did not reach somebody.
type reason struct{ status, diagnostic string }

// replyCode is an answer of SMTP without an enhanced code, at the beginning of a line.
var replyCode = regexp.MustCompile(`(?m)(?:^|[ :])([45])[0-9]{2}[ -]`)

func reasonIn(text string) reason {
	why := reason{status: code(text)}
	if why.status == "" {
		if m := replyCode.FindStringSubmatch(text); m != nil {
			why.status = m[1] + ".0.0"
		}
	}
	why.diagnostic = clean(strings.ReplaceAll(text, "\n", " "))
	return why
}

// failed notes a recipient.
func (r *Report) failed(address string, why reason) {
	known := slices.ContainsFunc(r.Recipients, func(to Recipient) bool { return to.Address == address })
	if _, err := mailbox.Parse(address); err != nil || known || len(r.Recipients) >= maxRecipients {
		return
	}
	r.Recipients = append(r.Recipients, Recipient{Address: address, Action: "failed", Status: why.status, Diagnostic: why.diagnostic})
}
