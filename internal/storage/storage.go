// Package storage has the rules that every store of a ring keeps, see
// keyring.Store.
package storage

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// MaxRecord is the most that is put under one name: an index of a million entries.
// What is larger was not put there by a ring.
const MaxRecord = 256 << 20

// maxName keeps names within those of every file system.
const maxName = 64

// ValidName reports whether a record can have this name: 1 to 64 of a-z, 0-9, "-"
// and ".", with a letter or digit first.
func ValidName(name string) bool {
	if len(name) < 1 || len(name) > maxName || name[0] == '-' || name[0] == '.' {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}

// Check refuses a commit that no store takes: one that appends other than one
// line or nothing, whose names are none, which puts what is too large, or puts and
// drops one name.
func Check(line []byte, put map[string][]byte, drop []string) error {
	if n := len(line); n > 0 && bytes.IndexByte(line, '\n') != n-1 {
		return errors.New("what is appended is not one line")
	}
	for name, b := range put {
		if !ValidName(name) {
			return fmt.Errorf("no record can be called %.80q", name)
		}
		if len(b) > MaxRecord {
			return fmt.Errorf("the record %s has more than %d octets", name, MaxRecord)
		}
	}
	for _, name := range drop {
		if !ValidName(name) {
			return fmt.Errorf("no record can be called %.80q", name)
		}
		if _, both := put[name]; both {
			return fmt.Errorf("the record %s is put and dropped at once", name)
		}
	}
	return nil
}
