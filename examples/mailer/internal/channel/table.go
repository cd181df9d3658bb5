package channel

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// fixed are the columns that every table begins with.
var fixed = []string{"number", "name", "address", "language", "passphrase"}

// WriteTable writes items as CSV (RFC 4180) with a header row: number, name,
// address, language, passphrase, and then, in alphabetical order, what the list
// has besides. An apostrophe is in front of what a spreadsheet would take for a
// formula, but never of a passphrase: load the table as text. Errors are those
// of w, and an Item without a passphrase.
func WriteTable(w io.Writer, items []Item) error {
	names := map[string]bool{}
	for _, it := range items {
		if it.Passphrase == nil || it.Passphrase.OpensOnly() {
			return fmt.Errorf("channel: there is no passphrase for number %.20q", it.Number)
		}
		for name := range it.Fields {
			names[name] = true
		}
	}
	others := slices.Sorted(maps.Keys(names))
	out := csv.NewWriter(w)
	out.UseCRLF = true
	row := slices.Clone(fixed)
	for _, name := range others {
		row = append(row, plain(name))
	}
	if err := out.Write(row); err != nil {
		return err
	}
	for _, it := range items {
		row = append(row[:0], it.Number, plain(it.Name), plain(it.Address), plain(it.Language), it.Passphrase.Reveal())
		for _, name := range others {
			row = append(row, plain(it.Fields[name]))
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// plain keeps a spreadsheet from running what stands in a cell: at its begin, and
// behind what it may take for the end of one. Where a comma stands in front of
// decimals programs take ";" for that, and some ask, and offer the tab.
func plain(s string) string {
	if !strings.ContainsAny(s, formula) {
		return s
	}
	var b strings.Builder
	begins := true
	for _, r := range s {
		if begins && strings.ContainsRune(formula, r) {
			b.WriteByte('\'')
		}
		begins = strings.ContainsRune(";\t\r\n", r) || begins && r == ' '
		b.WriteRune(r)
	}
	return b.String()
}

// formula is what formulas begin with, also in the forms of East Asian keyboards,
// and what is skipped in front of one.
const formula = "=+-@\t\r\uFF1D\uFF0B\uFF0D\uFF20"

// errTable says nothing of what is in a table: it has passphrases.
var errTable = errors.New("this is no table of passphrases, or one that was changed")

// readTable gives each row of a table to each: its number, and the others by
// the names of their columns.
func readTable(r io.Reader, each func(number string, row map[string]string) error) error {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	record, err := in.Read()
	if err != nil {
		return tableError(err)
	}
	names := slices.Clone(record)
	if len(names) < len(fixed) || !slices.Equal(names[:len(fixed)], fixed) {
		return errTable
	}
	for {
		record, err := in.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return tableError(err)
		}
		row := make(map[string]string, len(names))
		for i, name := range names {
			row[name] = strings.Clone(record[i])
		}
		if !isNumber(row["number"]) {
			return errTable
		}
		if err := each(row["number"], row); err != nil {
			return err
		}
	}
}

// tableError hides what csv says of the text, and keeps what reading failed with.
func tableError(err error) error {
	var parse *csv.ParseError
	if err == io.EOF || errors.As(err, &parse) {
		return errTable
	}
	return err
}
