package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/examples/internal/sizes"
)

//go:embed report.html
var pageText string

//go:embed report.css
var styleText string

// page is what report.html is given.
type page struct {
	*Summary
	Style      template.CSS
	Policy     string // Content Security Policy: nothing but this style
	Verdict    verdict
	Chart      *chart
	MemoryPlot *memoryPlot
}

// WriteHTML writes s as a page that stands alone: no script, nothing from
// elsewhere, which its policy keeps it to. What servers said is escaped in it,
// as all else. Errors are those of w.
func (s *Summary) WriteHTML(w io.Writer) error {
	t, err := template.New("report.html").Funcs(template.FuncMap{
		"n": grouped, "octets": sizes.Text, "when": when, "clock": clock, "delivery": deliveryName,
		"short": short, "rate": rate, "kind": kindName, "span": span,
		"more": func(listed []Row, all int) int { return max(0, all-len(listed)) },
	}).Parse(pageText)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(styleText))
	return t.Execute(w, page{
		Summary: s,
		Style:   template.CSS(styleText), // our own, and not of the journal
		Policy:  "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
		Verdict: s.verdict(), Chart: s.chart(), MemoryPlot: s.memoryPlot(),
	})
}

// verdict is the first thing that a person reads.
type verdict struct{ Class, Text, Do string }

func (s *Summary) verdict() verdict {
	t := s.Total
	switch {
	case t.InDoubt > 0:
		return verdict{"doubt", fmt.Sprintf("%s in doubt", plural(t.InDoubt, "mail is", "mails are")),
			"Nobody knows whether these arrived. Look for each of them, by its message ID in the server's log, then settle it."}
	case t.Failed > 0:
		return verdict{"failed", fmt.Sprintf("%s refused", plural(t.Failed, "mail was", "mails were")),
			"All others were sent or wait. Correct the rows below, and send them in a run of their own."}
	case t.Waiting+t.Deferred > 0:
		return verdict{"waiting", fmt.Sprintf("%s not sent yet", plural(t.Waiting+t.Deferred, "mail is", "mails are")),
			"The same command goes on with them, and sends nobody a mail twice."}
	}
	return verdict{"sent", "Every mail was sent", ""}
}

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + more
}

// grouped writes n with a thin space between thousands, which no language takes
// for a decimal point.
func grouped(n any) string {
	s := fmt.Sprint(n)
	var b strings.Builder
	for i, r := range s {
		if i > 0 && (len(s)-i)%3 == 0 && s[i-1] != '-' {
			b.WriteRune('\u202F')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func when(t time.Time) string  { return t.UTC().Format("2 January 2006, 15:04:05 UTC") }
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// span is how long it took from a to b.
func span(a, b time.Time) string { return b.Sub(a).Round(time.Second).String() }

// rate writes mails a second.
func rate(v float64) string {
	if v >= 10 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

// short is the begin of a hash, in groups.
func short(s string) string {
	var out []string
	for len(s) > 8 {
		out, s = append(out, s[:8]), s[8:]
	}
	return strings.Join(append(out, s), " ")
}

func kindName(kind string) string {
	switch kind {
	case "failed":
		return "refused"
	case "unknown":
		return "no answer"
	}
	return kind
}
