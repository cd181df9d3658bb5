// Package list reads the list of those who get mail: one row for each mail, in
// CSV or JSON, of any number of rows in constant memory.
//
// A file that ends in .csv has a header row, which names the columns name,
// address, documents, delivery and language, in any order; a column knows may
// hold the passphrase that the recipient knows already, and the columns key and
// fingerprint the file of their certificate, in a folder of certificates, and
// which one it has to be. What is in any other column is for the templates. Commas, semicolons or tabs are between the cells
// (RFC 4180), and "|" between the names of several documents.
//
//	name,address,documents,delivery,language
//	Bob Example,bob@example.org,0001.pdf|terms.pdf,zip,en
//
// A file that ends in .json is an array of objects with the same names, or has
// one object a line; documents are an array of strings, or one string.
//
// All is UTF-8, with or without a byte order mark.
package list

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// Delivery is how somebody gets their documents.
type Delivery string

// The four deliveries.
const (
	OpenPGP Delivery = "openpgp" // a sealed mail, to their OpenPGP key
	SMIME   Delivery = "smime"   // a sealed mail, to their certificate
	ZIP     Delivery = "zip"     // a covering mail with a locked archive
	Link    Delivery = "link"    // a mail with a link to what is sealed or locked
)

// Entry is one row.
type Entry struct {
	Row       int      // from 1; the header row is none
	Name      string   // of one line
	Address   string   // in the form in which addresses are compared
	Documents []string // at least one; each a path within the folder of documents
	Delivery  Delivery
	Language  string            // in lower case: "de", "de-at"
	Knows     string            // the passphrase that they know; "" for none. It is shown to nobody.
	Key       Key               // whose zero value is that the ring has it
	Fields    map[string]string // what is in the other columns; nil where there are none
}

// Key is whom a row says that it is sealed to. Either both are there or neither.
type Key struct {
	File        string // of the certificate; a path within the folder of certificates
	Fingerprint string // of it, whole, as whoever wrote the list has it
}

// Limits of a list, none of which a list of people meets.
const (
	maxRows      = 1_000_000 // what is remembered of each, to find duplicates, is 64 MB then
	maxRow       = 64 << 10  // octets: a quote that nobody closes ends here
	maxColumns   = 64
	maxCell      = 8 << 10 // octets
	maxDocuments = 100     // of one mail
	maxName      = 200     // octets
	maxProblems  = 1000    // nobody reads more of them
)

// RowError says what is wrong with a row, in a way that can be corrected there.
// It never tells what somebody knows.
type RowError struct {
	Row    int    // from 1; 0 for the header row
	Line   int    // of the file, from 1
	Column string // "" where it is about all of the row
	What   string
}

// Error implements error, on one line.
func (e *RowError) Error() string {
	where := fmt.Sprintf("row %d (line %d)", e.Row, e.Line)
	if e.Row == 0 {
		where = fmt.Sprintf("line %d", e.Line)
	}
	if e.Column != "" {
		where += fmt.Sprintf(", column %.80q", e.Column)
	}
	return "list: " + where + ": " + e.What
}

// ErrChanged says that the file is not what it was when it was opened.
var ErrChanged = errors.New("list: the file was changed since it was opened: begin again")

// List is an open list. It is safe for concurrent use.
type List struct {
	f    *os.File
	size int64
	sum  [sha256.Size]byte
	json bool
}

// Open opens the list in the file called path, whose name ends in .csv or
// .json. It reads the file once, for [List.SHA256]; what is wrong with its rows
// is said by [List.All]. Errors are those of the file system. Close must be
// called.
func Open(path string) (*List, error) {
	l := &List{}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
	case ".json", ".jsonl", ".ndjson":
		l.json = true
	default:
		return nil, fmt.Errorf("list: %.200q: the name has to end in .csv or .json, which says how it is read; a spreadsheet saves its table as CSV (UTF-8)", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	if err := l.take(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("list: %.200q: %w", path, err)
	}
	return l, nil
}

func (l *List) take(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("it is read several times, so it has to be a file: %w", fs.ErrInvalid)
	}
	h := sha256.New()
	l.f = f
	if l.size, err = io.Copy(h, io.NewSectionReader(f, 0, info.Size())); err != nil {
		return err
	}
	h.Sum(l.sum[:0])
	return nil
}

// SHA256 returns the hash of the whole file.
func (l *List) SHA256() [sha256.Size]byte { return l.sum }

// Close closes the file.
func (l *List) Close() error { return l.f.Close() }

// All returns the rows, from the first one on each time it is called. Memory
// stays constant, but for 40 octets or so for each document, which find
// duplicates.
//
// A row with something wrong is yielded once for each thing that is, with a
// *RowError and an Entry that has nothing but its number; the rows after it
// follow, until there are 1,000 problems. Any other error is the last that is
// yielded: [ErrChanged], a limit, those of the file.
func (l *List) All() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		hash := sha256.New()
		src := io.TeeReader(io.NewSectionReader(l.f, 0, l.size+1), hash)
		c := &check{yield: yield, seen: map[[16]byte]int32{}}
		err := l.read(src, c)
		if err == nil && !c.stopped {
			var sum [sha256.Size]byte
			if _, err = io.Copy(io.Discard, src); err == nil && [sha256.Size]byte(hash.Sum(sum[:0])) != l.sum {
				err = ErrChanged
			}
		}
		if err != nil && !c.stopped {
			yield(Entry{}, err)
		}
	}
}

// read gives c every row of src. What it returns is no *RowError.
func (l *List) read(src io.Reader, c *check) error {
	w := &window{r: src}
	if err := w.skipMark(); err != nil {
		return err
	}
	if l.json {
		return readJSON(w, c)
	}
	return readCSV(w, c)
}

var (
	utf8Mark    = []byte("\xEF\xBB\xBF")
	utf16Little = []byte("\xFF\xFE")
	utf16Big    = []byte("\xFE\xFF")
)

// skipMark skips a byte order mark, which spreadsheets write before UTF-8.
func (w *window) skipMark() error {
	var b [3]byte
	n, err := io.ReadFull(w.r, b[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return fmt.Errorf("list: %w", err)
	}
	switch {
	case bytes.HasPrefix(b[:n], utf16Little), bytes.HasPrefix(b[:n], utf16Big):
		return errors.New("list: this is UTF-16: save it as UTF-8")
	case bytes.Equal(b[:n], utf8Mark):
	default:
		w.r = io.MultiReader(bytes.NewReader(b[:n]), w.r)
	}
	return nil
}
