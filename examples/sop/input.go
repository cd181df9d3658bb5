package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// The prefixes of special designators, which stand in the place of file names:
// the value of an environment variable, and an open file descriptor.
const (
	prefixEnv = "@ENV:"
	prefixFD  = "@FD:"
)

// designator takes name apart. Both parts are empty for the name of a file.
func designator(name string) (prefix, rest string, err error) {
	if !strings.HasPrefix(name, "@") {
		return "", "", nil
	}
	if _, err := os.Lstat(name); err == nil {
		return "", "", fail(ambiguousInput, "%.80q is a file, and could be a special designator: write ./%.80s for the file", name, name)
	}
	for _, prefix := range []string{prefixEnv, prefixFD} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return prefix, rest, nil
		}
	}
	return "", "", fail(unsupportedSpecialPrefix, "%.80q is no special designator that is known: there are @ENV:NAME and @FD:NUMBER, and ./@… for a file", name)
}

// openFD opens a file descriptor that whoever ran the program left open.
func openFD(number string, code int) (*os.File, error) {
	n, err := strconv.ParseUint(number, 10, 31)
	if err != nil {
		return nil, fail(code, "%.80q is no number of a file descriptor", number)
	}
	f := os.NewFile(uintptr(n), prefixFD+number)
	if f == nil {
		return nil, fail(code, "file descriptor %d is not open", n)
	}
	if _, err := f.Stat(); err != nil {
		return nil, fail(code, "file descriptor %d is not open", n)
	}
	return f, nil
}

// input opens what name says. The caller closes it.
func (a *app) input(name string) (io.ReadCloser, error) {
	switch prefix, rest, err := designator(name); {
	case err != nil:
		return nil, err
	case prefix == prefixEnv:
		value, ok := a.env(rest)
		if !ok {
			return nil, fail(missingInput, "there is no environment variable %.80q", rest)
		}
		return io.NopCloser(strings.NewReader(value)), nil
	case prefix == prefixFD:
		return openFD(rest, missingInput)
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, as(missingInput, err)
	}
	return f, err
}

// maxSmall is the largest file of keys, certificates, passwords and detached
// signatures that is read: what one certificate may have, several times.
const maxSmall = 64 << 20

// small reads all of what name says.
func (a *app) small(name string) ([]byte, error) {
	r, err := a.input(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readSmall(r)
}

func readSmall(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxSmall+1))
	if err == nil && len(b) > maxSmall {
		err = as(badData, &envelope.LimitError{What: "octets in such a file", Max: maxSmall, Fixed: true})
	}
	return b, err
}
