package identities

import (
	"errors"
	"fmt"
)

// ErrUnlock says that a private key did not unlock. A wrong passphrase and a
// file that was damaged or tampered with cannot be told apart.
var ErrUnlock = errors.New("identities: the private key does not unlock: wrong passphrase, or its file is damaged")

// ErrNotApproved is returned where GODEBUG=fips140=only forbids Argon2id, which
// is no approved function.
var ErrNotApproved = errors.New("identities: private keys under Argon2id are not allowed with GODEBUG=fips140=only: keep them in PKCS#8 (smime.Key.Marshal) or in hardware")

// errMalformed is for what can be seen without a passphrase.
var errMalformed = fmt.Errorf("%w: it is not as this package writes such files", ErrUnlock)

// LimitError says that something from a file is more than is read, before any
// work is done for it.
type LimitError struct {
	What string // of what there is too much: "KiB of Argon2 memory"
	Max  int64
}

// Error implements error, on one line.
func (e *LimitError) Error() string {
	return fmt.Sprintf("identities: more than %d %s", e.Max, e.What)
}

// PermissionError says that a file or the directory is not its owner's alone,
// or is no ordinary one, so that somebody else may have read or exchanged what
// is in it.
type PermissionError struct {
	Path   string
	Reason string // one clause, ours: "others can read it: chmod 600"
}

// Error implements error, on one line.
func (e *PermissionError) Error() string {
	return fmt.Sprintf("identities: %.200q is refused: %s", e.Path, e.Reason)
}
