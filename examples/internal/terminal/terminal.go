// Package terminal writes what came from outside to a terminal, which must not
// obey it.
package terminal

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// OneLine makes s safe to print: one line, and nothing that a terminal would
// obey or that turns the direction of writing.
func OneLine(s string) string {
	s = strings.TrimRight(s, "\r\n")
	s = strings.ReplaceAll(s, "\n", "; ")
	var b strings.Builder
	for _, r := range s {
		if strconv.IsGraphic(r) {
			b.WriteRune(r)
			continue
		}
		q := strconv.QuoteRuneToASCII(r)
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}

// Table writes rows under titles, in columns as wide as they need to be. The
// last column may be of any width. Without titles, all "", there is no line of them. What stands in it comes from outside: it is
// made safe to print here. Errors are those of w.
func Table(w io.Writer, titles []string, rows [][]string) error {
	width := make([]int, len(titles))
	all := make([][]string, 0, len(rows)+1)
	if strings.Join(titles, "") != "" {
		rows = append([][]string{titles}, rows...)
	}
	for _, row := range rows {
		safe := make([]string, len(row))
		for i, cell := range row {
			safe[i] = OneLine(cell)
			width[i] = max(width[i], uniseg.StringWidth(safe[i]))
		}
		all = append(all, safe)
	}
	out := bufio.NewWriter(w)
	for _, row := range all {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", width[i]-uniseg.StringWidth(cell)+2))
			}
		}
		out.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	}
	return out.Flush()
}

// JSON escapes in a JSON text what strings may hold and a terminal would obey,
// C1 controls, and what turns the direction of writing.
func JSON(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range string(text) {
		switch {
		case r < 0x7F || strconv.IsGraphic(r):
			out = utf8.AppendRune(out, r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, "\\u%04x\\u%04x", high, low)
		default:
			out = fmt.Appendf(out, "\\u%04x", r)
		}
	}
	return out
}
