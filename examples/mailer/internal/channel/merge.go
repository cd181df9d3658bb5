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
type Numbers map[string]bool // true where Merge met it

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
	Missing []string // numbers that no part has, in order; at most 20 of them
	Lacking int      // how many those are
}

// maxMissing is how many numbers a person is told.
const maxMissing = 20

// Merge reads parts, opened tables of [File], and gives those of their rows that
// count to w as one table. It marks in count those that it met.
//
// An error, which tells nothing of what is in a part, leaves half a table in w:
// what is no table, a number that is there twice, other columns than the part
// before has; those of the parts and of w.
func Merge(w io.Writer, count Numbers, parts ...io.Reader) (*Merged, error) {
	m := &merger{out: csv.NewWriter(w), count: count}
	m.out.UseCRLF = true
	for i, part := range parts {
		if err := readTable(part, m.row); err != nil {
			return nil, fmt.Errorf("channel: part %d: %w", i+1, err)
		}
	}
	m.out.Flush()
	if err := m.out.Error(); err != nil {
		return nil, fmt.Errorf("channel: %w", err)
	}
	for _, number := range slices.Sorted(maps.Keys(count)) {
		if !count[number] {
			if m.merged.Lacking++; m.merged.Lacking <= maxMissing {
				m.merged.Missing = append(m.merged.Missing, number)
			}
		}
	}
	return &m.merged, nil
}

// merger makes one table of parts.
type merger struct {
	out     *csv.Writer
	count   Numbers
	columns []string // of the first row that was written
	merged  Merged
}

// row writes a row that counts.
func (m *merger) row(number string, row map[string]string) error {
	met, counts := m.count[number]
	switch {
	case !counts:
		m.merged.Left++
		return nil
	case met:
		return fmt.Errorf("number %s is there twice: is a part given twice?", number)
	}
	if m.columns == nil {
		m.columns = header(row)
		if err := m.out.Write(m.columns); err != nil {
			return err
		}
	}
	record := make([]string, len(m.columns))
	for i, name := range m.columns {
		record[i] = row[name]
		delete(row, name)
	}
	if len(row) > 0 {
		return fmt.Errorf("it has other columns than the first one: %.80q", slices.Sorted(maps.Keys(row)))
	}
	m.count[number] = true
	m.merged.Rows++
	return m.out.Write(record)
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
