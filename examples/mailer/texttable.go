package main

import (
	"io"

	"github.com/doublekeybox/doublekeybox/examples/internal/terminal"
)

// printTable writes rows under titles, made safe to print. What a terminal
// cannot be told, nobody can be told.
func printTable(w io.Writer, titles []string, rows [][]string) {
	_ = terminal.Table(w, titles, rows)
}
