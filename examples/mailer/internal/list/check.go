package list

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/doublekeybox/doublekeybox/examples/internal/nearest"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

// The columns, in the order in which people are told of them.
var (
	required = []string{"name", "address", "documents", "delivery", "language"}
	columns  = append(slices.Clone(required), "knows", "key", "fingerprint")
)

func known(name string) bool { return slices.Contains(columns, name) }

var errMany = fmt.Errorf("list: these are %d problems: correct them first, there may be more", maxProblems)

// raw is a row before it is judged.
type raw struct {
	row, line int
	names     []string // of the cells, in their order
	cells     map[string]string
	lines     map[string]int // of the cells
	documents []string       // of JSON, where they need no separator
	spoiled   bool           // a problem was reported already
}

func (x *raw) set(name, value string, line int) {
	if x.cells == nil {
		x.cells, x.lines = map[string]string{}, map[string]int{}
	}
	x.names = append(x.names, name)
	x.cells[name], x.lines[name] = value, line
}

// check judges rows and hands them on.
type check struct {
	yield    func(Entry, error) bool
	stopped  bool
	problems int
	seen     map[[16]byte]int32 // the row of an address with a document
}

func (c *check) problem(row, line int, column, what string) {
	if c.problems++; c.stopped || c.problems > maxProblems {
		return
	}
	c.stopped = !c.yield(Entry{Row: row}, &RowError{Row: row, Line: line, Column: column, What: what})
}

// end is called after the last row.
func (c *check) end(rows int) error {
	if rows == 0 {
		return errors.New("list: there is nobody in it")
	}
	return nil
}

// column judges one name of the header row, after those before it.
func (c *check) column(line int, name string, before []string) {
	near := ""
	if !known(name) {
		near = nearest.Name(name, columns)
	}
	switch {
	case name == "":
		c.problem(0, line, "", "a column has no name")
	case len(name) > maxName || strings.ContainsFunc(name, unicode.IsControl):
		c.problem(0, line, "", fmt.Sprintf("%.80q is no name of a column", name))
	case slices.Contains(before, name):
		c.problem(0, line, name, "there are two columns of this name")
	case near != "":
		c.problem(0, line, name, fmt.Sprintf("is %q meant? Give a column of your own a name that is less like it", near))
	}
}

// memberName judges one name in an object.
func (c *check) memberName(row, line int, name string, before []string) bool {
	old := c.problems
	inRow := &check{yield: func(_ Entry, err error) bool {
		c.problem(row, line, name, err.(*RowError).What)
		return true
	}}
	inRow.column(line, name, before)
	return c.problems == old
}

func (c *check) required(want string, names []string) {
	if slices.Contains(names, want) {
		return
	}
	what := fmt.Sprintf("there is no column %q: the header row needs %s", want, strings.Join(required, ", "))
	if near := nearest.Name(want, names); near != "" {
		what = fmt.Sprintf("there is no column %q: is %.80q meant for it?", want, near)
	}
	c.problem(0, 1, "", what)
}

// entry judges a row, and yields it or all that is wrong with it.
func (c *check) entry(x *raw) {
	before := c.problems
	bad := func(column, format string, args ...any) {
		line, ok := x.lines[column]
		if !ok {
			line = x.line
		}
		c.problem(x.row, line, column, fmt.Sprintf(format, args...))
	}
	e := Entry{Row: x.row, Knows: x.cells["knows"]}
	for _, name := range required {
		if _, ok := x.cells[name]; !ok && !x.spoiled {
			bad(name, "it is missing")
		}
	}
	for _, name := range x.names {
		x.cell(&e, bad, name, x.cells[name])
	}
	if x.spoiled || c.problems > before {
		return
	}
	e.Name = strings.TrimSpace(x.cells["name"])
	x.address(&e, bad)
	x.readDocuments(&e, bad)
	x.choices(&e, bad)
	x.key(&e, bad)
	if c.problems == before {
		c.duplicates(&e, bad)
	}
	if c.problems == before && !c.stopped {
		c.stopped = !c.yield(e, nil)
	}
}

// cell judges what every cell has to be, and keeps those for templates.
func (x *raw) cell(e *Entry, bad func(column, format string, args ...any), name, value string) {
	// A line end in what goes into a header field would begin another one.
	own := !known(name)
	control := strings.ContainsFunc(value, func(r rune) bool {
		return unicode.IsControl(r) && !(own && (r == '\n' || r == '\t'))
	})
	switch {
	case len(value) > maxCell:
		bad(name, "it is longer than %d octets", maxCell)
	case control:
		bad(name, "there is a control character or a line end in it")
	case strings.ContainsRune(value, unicode.ReplacementChar):
		bad(name, "there is U+FFFD in it, which stands where a character was lost")
	case strings.ContainsFunc(value, turns):
		bad(name, "there is a character in it that turns the direction of the line: leave it out")
	case name == "name" && (strings.TrimSpace(value) == "" || len(value) > maxName):
		bad(name, "a name has 1 to %d octets", maxName)
	}
	if own {
		if e.Fields == nil {
			e.Fields = map[string]string{}
		}
		e.Fields[name] = value
	}
}

// turns reports whether r changes the direction of writing, and so what a person
// takes a line for.
func turns(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }

func (x *raw) address(e *Entry, bad func(column, format string, args ...any)) {
	a, err := mailbox.Parse(strings.TrimSpace(x.cells["address"]))
	switch {
	case err != nil:
		bad("address", "%v", err)
	case a.IsDomain():
		bad("address", "%.80q is all of a domain and not one address", a.String())
	}
	e.Address = a.String()
}

func (x *raw) readDocuments(e *Entry, bad func(column, format string, args ...any)) {
	names := x.documents
	if names == nil {
		names = strings.Split(x.cells["documents"], between)
	}
	if len(names) == 0 || len(names) > maxDocuments {
		bad("documents", "there are %d: one mail has 1 to %d", len(names), maxDocuments)
		return
	}
	for _, name := range names {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			bad("documents", "the name of a document is missing; between two of them stands one %q", between)
		case len(name) > maxCell || strings.ContainsFunc(name, unicode.IsControl) || strings.ContainsFunc(name, turns):
			bad("documents", "%.80q is no name of a file", name)
		case !filepath.IsLocal(name) || filepath.Clean(name) == ".":
			bad("documents", "%.80q leads out of the folder of documents: give names within it", name)
		case slices.Contains(e.Documents, name):
			bad("documents", "%.80q is there twice", name)
		default:
			e.Documents = append(e.Documents, name)
		}
	}
}

func (x *raw) choices(e *Entry, bad func(column, format string, args ...any)) {
	all := []string{string(OpenPGP), string(SMIME), string(ZIP), string(Link)}
	d := strings.ToLower(strings.TrimSpace(x.cells["delivery"]))
	if e.Delivery = Delivery(d); !slices.Contains(all, d) {
		what := fmt.Sprintf("%.80q is no delivery: take one of %s", d, strings.Join(all, ", "))
		if near := nearest.Name(d, all); near != "" {
			what = fmt.Sprintf("%.80q is no delivery: is %q meant?", d, near)
		}
		bad("delivery", "%s", what)
	}
	e.Language = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(x.cells["language"]), "_", "-"))
	if !isLanguage(e.Language) {
		bad("language", "%.80q is no language: take a code as de or en-gb", e.Language)
	}
}

// isLanguage reports whether s has the form of a tag of RFC 5646, Section 2.1,
// of a language with or without a region: it becomes the name of a folder.
func isLanguage(s string) bool {
	subtags := strings.Split(s, "-")
	for i, t := range subtags {
		letters := strings.Trim(t, "abcdefghijklmnopqrstuvwxyz") == ""
		digits := strings.Trim(t, "0123456789") == ""
		switch {
		case i == 0 && letters && (len(t) == 2 || len(t) == 3):
		case i == 1 && letters && len(t) == 2, i == 1 && digits && len(t) == 3:
		case i == 1 && letters && len(t) == 4: // a script
		case i == 2 && letters && len(t) == 2:
		default:
			return false
		}
	}
	return true
}

// duplicates finds that somebody gets a document twice. No two mailboxes in use
// differ in case alone.
func (c *check) duplicates(e *Entry, bad func(column, format string, args ...any)) {
	for _, d := range e.Documents {
		sum := sha256.Sum256([]byte(strings.ToLower(e.Address) + "\x00" + filepath.ToSlash(filepath.Clean(d))))
		key := [16]byte(sum[:])
		if row, ok := c.seen[key]; ok {
			bad("documents", "%.80q gets %.80q in row %d already", e.Address, d, row)
			continue
		}
		c.seen[key] = int32(e.Row)
	}
}
