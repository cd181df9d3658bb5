package keyring

import "errors"

// Store keeps the octets of a [Ring]: records under names, and a log that only
// grows. It moves octets and understands none of them: the ring parses and
// verifies all that comes out, each time.
//
// [OpenRing] brings one for a directory; package transport/ringsql has one for
// databases. Any number of rings, in any number of processes and on any number
// of machines, may share what is behind a Store, whose methods must be safe for
// concurrent use.
//
// There is one promise to keep: a Commit happens whole or not at all, whenever
// the process is killed, and of two that were made at the same size only one
// happens. Whoever reads the log up to some octet then finds every record that
// it names and no later Commit dropped.
type Store interface {
	// Log returns the log from the octet at offset from to its end; nothing
	// where from is its size. A log that is shorter than from is an error: it
	// only grows. It is asked before everything that a ring does.
	Log(from int64) ([]byte, error)

	// Record returns what was put under a name. The error is fs.ErrNotExist
	// where nothing is, or where it was dropped.
	Record(name string) ([]byte, error)

	// Commit appends one line to a log that is exactly size octets long, and puts
	// and drops records. The line is what makes it: a log ends after a whole line,
	// whatever happens. Names are of 1 to 64 of a-z, 0-9, "-" and ".", and begin
	// with a letter or digit. A name of Put is new, or its octets replace those
	// that it had.
	//
	// The error is ErrConflict where the log has another size, and nothing
	// was changed then. Any other error leaves the old state or the new one:
	// the caller finds out by reading the log.
	Commit(size int64, c Commit) error

	// Close frees what the Store holds. Nothing is lost without it.
	Close() error
}

// Commit is one change of what a [Store] keeps.
type Commit struct {
	Append []byte            // one line, with its "\n" and no other; or nothing
	Put    map[string][]byte // records by their names
	Drop   []string          // names of records; one that is not there is no error
}

// ErrConflict is what a [Store] returns from Commit where somebody else was
// first. A [Ring] reads what they did, and tries again.
var ErrConflict = errors.New("keyring: the ring was changed by somebody else")
