package channel

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Numbers are those whose passphrases count: the mails that they open went out.
type Numbers map[string]bool // false until Merge met it

// maxNumbers is more than any run has.
const maxNumbers = 5_000_000

// ReadNumbers reads a list of numbers, one on each line. Empty lines, and what
// begins with "#", are none. The error names the line that is no number.
func ReadNumbers(r io.Reader) (Numbers, error) {
	out := Numbers{}
	s := bufio.NewScanner(r)
	for line := 1; s.Scan(); line++ {
		text := strings.TrimSpace(s.Text())
		switch {
		case text == "" || text[0] == '#':
		case !isNumber(text):
			return nil, fmt.Errorf("channel: line %d: %.40q is no number of a passphrase", line, text)
		case len(out) == maxNumbers:
			return nil, fmt.Errorf("channel: more than %d numbers", maxNumbers)
		default:
			out[text] = false
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("channel: %w", err)
	}
	return out, nil
}

// Merged says what Merge did.
type Merged struct {
	Rows    int      // written
	Left    int      // rows of parts that do not count
	Missing []string // numbers that no part has; at most 20 of them
	Lacking int      // how many those are
}

// Merge reads parts, opened tables of [File], and gives those of their rows that
// count to w as one table. A number that is there twice with another passphrase
// is an error. No error tells what is in a part.
func Merge(w io.Writer, count Numbers, parts ...io.Reader) (*Merged, error) {
	m := &Merged{}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	var columns []string
	for i, part := range parts {
		err := readTable(part, func(number string, row map[string]string) error {
			met, counts := count[number]
			switch {
			case !counts:
				m.Left++
				return nil
			case met:
				return fmt.Errorf("number %s is there twice: is a part given twice?", number)
			}
			if columns == nil {
				columns = header(row)
				if err := out.Write(columns); err != nil {
					return err
				}
			}
			record := make([]string, len(columns))
			for j, name := range columns {
				record[j] = row[name]
				delete(row, name)
			}
			if len(row) > 0 {
				return fmt.Errorf("it has other columns than the first one: %.80q", slices.Sorted(maps.Keys(row)))
			}
			count[number] = true
			m.Rows++
			return out.Write(record)
		})
		if err != nil {
			return nil, fmt.Errorf("channel: part %d: %w", i+1, err)
		}
	}
	for _, number := range slices.Sorted(maps.Keys(count)) {
		if !count[number] {
			if m.Lacking++; m.Lacking <= 20 {
				m.Missing = append(m.Missing, number)
			}
		}
	}
	out.Flush()
	return m, out.Error()
}

// header returns the columns of a row in the order of WriteTable.
func header(row map[string]string) []string {
	out := slices.Clone(fixed)
	for _, name := range slices.Sorted(maps.Keys(row)) {
		if !slices.Contains(fixed, name) {
			out = append(out, name)
		}
	}
	return out
}
