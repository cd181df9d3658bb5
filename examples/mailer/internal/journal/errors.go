package journal

import (
	"errors"
	"fmt"
)

// ErrLocked is the error of Open and Resume where another program has the journal
// open for writing.
var ErrLocked = errors.New("journal: another mailer is at work on this run: wait for it, or stop it")

// DamageError is the error of a journal that is not as it was written.
type DamageError struct {
	Line    int // from 1
	Problem string
}

// Error implements error, on one line.
func (e *DamageError) Error() string {
	return fmt.Sprintf("journal: line %d %s", e.Line, e.Problem)
}

// MismatchError is the error of Open where the journal is that of another run.
type MismatchError struct {
	What string // "list", "configuration", "run", "number of rows"
	Have string // what the journal says
	Want string // what the caller said
}

// Error implements error, on one line.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("journal: the %s is not the one that this run was begun with (it was %.16s, and is %.16s): resume with the same, or begin a run of its own", e.What, e.Have, e.Want)
}

// StateError is the error of a record that cannot follow what the journal says of
// its row: a second begin, an outcome of what was not begun.
type StateError struct {
	Row  int
	Have Status
	Kind Kind
}

// Error implements error, on one line.
func (e *StateError) Error() string {
	return fmt.Sprintf("journal: row %d is %s and cannot be %s", e.Row, e.Have, e.Kind)
}

// BrokenError is the error of a journal that could not be written once. What is on
// the disk is then not known before it is read again: everything that is done
// with the journal after it, but Close, fails with it too.
type BrokenError struct {
	Err error
}

// Error implements error, on one line.
func (e *BrokenError) Error() string {
	return fmt.Sprintf("journal: it could not be written, and nothing more is sent: free space or mend the disk, and resume: %v", e.Err)
}

// Unwrap returns what the system said.
func (e *BrokenError) Unwrap() error { return e.Err }
