package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// The widths of the table: 14 + 3*22 = 80 columns, with a gap in each.
const (
	labelWidth = 15
	cellWidth  = 21
)

// table lays columns side by side; the first one's rows name them all.
func table(columns []column) string {
	var b strings.Builder
	line := func(label string, cells []string) {
		s := fmt.Sprintf("%-*s", labelWidth, label)
		for _, c := range cells {
			s += pad(c, cellWidth)
		}
		b.WriteString(strings.TrimRight(s, " ") + "\n")
	}
	var titles, rules []string
	for _, c := range columns {
		titles = append(titles, c.title)
		rules = append(rules, strings.Repeat("-", cellWidth-2))
	}
	line("", titles)
	line("", rules)
	for i, row := range columns[0].rows {
		cells := make([][]string, len(columns))
		height := 1
		for j, c := range columns {
			cells[j] = fit(c.rows[i][1], cellWidth-2)
			height = max(height, len(cells[j]))
		}
		labels := fit(row[0], labelWidth-1)
		for n := range height {
			var texts []string
			for j := range columns {
				texts = append(texts, at(cells[j], n))
			}
			line(at(labels, n), texts)
		}
	}
	return b.String()
}

func at(lines []string, n int) string {
	if n < len(lines) {
		return lines[n]
	}
	return ""
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// fit breaks s into lines of at most width characters, at its line ends and
// between words.
func fit(s string, width int) []string {
	var out []string
	for _, part := range strings.Split(s, "\n") {
		line := ""
		for _, word := range strings.Fields(oneLine(part)) {
			switch {
			case line == "":
				line = word
			case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
				out = append(out, line)
				line = word
			default:
				line += " " + word
			}
		}
		out = append(out, line)
	}
	return out
}

// wrapped is text in lines of at most width, the first one after prefix and
// the others indented as far.
func wrapped(prefix, text string, width int) string {
	var b strings.Builder
	for i, line := range fit(text, width-len(prefix)) {
		if i > 0 {
			prefix = strings.Repeat(" ", len(prefix))
		}
		b.WriteString(prefix + line + "\n")
	}
	return b.String()
}

// groups are the digits of f in groups of four, n to a line.
func groups(f keyring.Fingerprint, n int) []string {
	fields := strings.Fields(f.Grouped())
	var lines []string
	for len(fields) > n {
		lines = append(lines, strings.Join(fields[:n], " "))
		fields = fields[n:]
	}
	return append(lines, strings.Join(fields, " "))
}

func megabytes(n int64) string {
	if n < 100_000 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.2f MB", float64(n)/1e6)
}

func speed(n int64, d time.Duration) string {
	return fmt.Sprintf("%.0f MB/s", float64(n)/1e6/max(d.Seconds(), 1e-6))
}
