package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// printTable writes rows under titles, in columns as wide as they need to be.
// The last column may be of any width. What stands in it comes from outside:
// it is made safe to print here.
func printTable(w io.Writer, titles []string, rows [][]string) {
	width := make([]int, len(titles))
	all := append([][]string{titles}, rows...)
	for _, row := range all {
		for i := range row {
			row[i] = oneLine(row[i])
			width[i] = max(width[i], uniseg.StringWidth(row[i]))
		}
	}
	for _, row := range all {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", width[i]-uniseg.StringWidth(cell)+2))
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}
