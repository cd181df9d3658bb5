package list

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// between stands between the documents of one cell: no program on Windows can
// make a file with it in its name.
const between = "|"

// readCSV reads a header row and the rows below it.
func readCSV(w *window, c *check) error {
	b := bufio.NewReaderSize(w, ahead)
	// What is in front of the first row tells which separator it is: a name of
	// a column has none of them. A header longer than that is refused below.
	first, err := b.Peek(ahead)
	if err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("list: %w", err)
	}
	r := csv.NewReader(b)
	r.Comma = separator(first)
	r.FieldsPerRecord = -1 // counted below, where it can be said what is wrong
	r.ReuseRecord = true

	h, err := readHeader(r, c)
	if h == nil || err != nil {
		return err
	}
	for row := 1; ; row++ {
		w.advance(r.InputOffset())
		begin := r.InputOffset()
		record, err := r.Read()
		switch {
		case err == io.EOF:
			return c.end(row - 1)
		case errors.Is(err, errLong) || r.InputOffset()-begin > maxRow:
			return fmt.Errorf("list: row %d, which begins on line %d, is longer than %d octets: is a quote missing at its end?", row, w.lineAt(begin), maxRow)
		case err != nil:
			var parse *csv.ParseError
			if !errors.As(err, &parse) {
				return fmt.Errorf("list: %w", err)
			}
			c.problem(row, parse.Line, "", "the quotes are wrong: one that is part of a cell is written twice, within quotes")
		case row > maxRows:
			return fmt.Errorf("list: more than %d rows: split the list", maxRows)
		default:
			h.row(c, r, row, record)
		}
		if c.stopped {
			return nil
		}
		if c.problems >= maxProblems {
			return errMany
		}
	}
}

// separator finds what is between the cells of the first line.
func separator(b []byte) rune {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	best := ','
	for _, s := range ";\t" {
		if bytes.Count(line, []byte(string(s))) > bytes.Count(line, []byte(string(best))) {
			best = s
		}
	}
	return best
}

// header is which column is where.
type header struct{ names []string }

// readHeader reads the first row. It returns nil where a problem with it was
// reported: no row can be read then.
func readHeader(r *csv.Reader, c *check) (*header, error) {
	record, err := r.Read()
	var parse *csv.ParseError
	switch {
	case err == io.EOF:
		return nil, errors.New("list: the file is empty")
	case errors.As(err, &parse):
		return nil, &RowError{Line: parse.Line, What: "the quotes of the header row are wrong"}
	case err != nil && !errors.Is(err, errLong):
		return nil, fmt.Errorf("list: %w", err)
	case err != nil, len(record) > maxColumns:
		return nil, fmt.Errorf("list: the header row has more than %d columns, or is longer than %d octets", maxColumns, maxRow)
	}
	h := &header{}
	for i, name := range record {
		line, _ := r.FieldPos(i)
		if badOctet(name) >= 0 {
			c.problem(0, line, "", notUTF8)
			continue
		}
		name = strings.ToLower(strings.TrimSpace(strings.Clone(name)))
		h.names = append(h.names, name)
		c.column(line, name, h.names[:len(h.names)-1])
	}
	for _, want := range required {
		c.required(want, h.names)
	}
	if c.problems > 0 {
		return nil, nil
	}
	return h, nil
}

// row gives c the row, or what is wrong with it.
func (h *header) row(c *check, r *csv.Reader, row int, record []string) {
	line, _ := r.FieldPos(0)
	if len(record) != len(h.names) {
		c.problem(row, line, "", fmt.Sprintf("it has %d cells, and the header row %d", len(record), len(h.names)))
		return
	}
	var cells raw
	cells.row, cells.line = row, line
	for i, cell := range record {
		at, _ := r.FieldPos(i)
		if bad := badOctet(cell); bad >= 0 {
			c.problem(row, at+strings.Count(cell[:bad], "\n"), h.names[i], notUTF8)
			cells.spoiled = true
			continue
		}
		cells.set(h.names[i], strings.Clone(cell), at)
	}
	c.entry(&cells)
}

const notUTF8 = "there are octets that are not UTF-8: save the list as UTF-8"

// badOctet returns where s stops to be UTF-8, -1 if it does not.
func badOctet(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return i
			}
		}
	}
	return -1
}
