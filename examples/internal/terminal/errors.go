package terminal

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"unicode/utf8"
)

// FileError is an error with what was done to which file.
type FileError struct {
	Doing string // "reading the key"
	Name  string // of the file, as it is shown: [Quoted], or in words
	Err   error
}

// Error implements error.
func (e *FileError) Error() string { return e.Doing + " " + e.Name + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

// Failed says of err what was done to which file, unless it says so already; nil
// stays nil.
func Failed(doing, name string, err error) error {
	if err == nil || errors.As(err, new(*FileError)) {
		return err
	}
	if p, ok := err.(*fs.PathError); ok {
		err = p.Err // the system names the file, too: once is enough
	}
	return &FileError{Doing: doing, Name: name, Err: err}
}

// Quoted is a file name, or a word of the command line, as a message shows it.
func Quoted(name string) string { return strconv.QuoteToGraphic(Cut(name)) }

// Cut shortens what came from outside.
func Cut(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	n := most
	for n > most-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// WithoutPackages returns the text of an error without the names of packages that
// stand before what they say: they mean nothing to whoever typed a command.
func WithoutPackages(s string, packages ...string) string {
	for _, pkg := range packages {
		s = strings.ReplaceAll(strings.TrimPrefix(s, pkg+": "), ": "+pkg+": ", ": ")
	}
	return s
}
