package discover

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// NoteOwnerTrust says in the notes of OpenPGP candidates how far GnuPG's user
// trusts their owners to certify the keys of others, and returns of how many
// candidates it says something. b is a trustdb.gpg, or what gpg
// --export-ownertrust prints.
//
// Nothing follows from it: ownertrust is not a statement that a key belongs to
// somebody, and whoever can write the file can write "ultimate" into it. A ring
// is told whom it may believe with Ring.Trust, key by key.
//
// The error says that b is neither of the two, or cut off; what could be read of
// it was noted.
func NoteOwnerTrust(found []Candidate, b []byte) (int, error) {
	trust, err := ownerTrust(b)
	noted := 0
	for i := range found {
		c := &found[i]
		level, ok := trust[c.Certificate.Fingerprint().String()]
		if ok && len(c.Notes) < maxNotes {
			// Notes may be shared with other candidates of the same file.
			c.Notes = append(c.Notes[:len(c.Notes):len(c.Notes)], "ownertrust: "+level+" (not taken)")
			noted++
		}
	}
	return noted, err
}

// maxNotes bounds what repeated calls add to one candidate.
const maxNotes = 32

// trustRecord is the length of a record of trustdb.gpg, doc/DETAILS in GnuPG's
// sources. One of type 12 has the fingerprint from its third octet on and the
// ownertrust behind it.
const (
	trustRecord = 40
	trustOfKey  = 12
)

func isTrustDB(b []byte) bool {
	return len(b) >= trustRecord && string(b[:4]) == "\x01gpg"
}

// isOwnerTrust reports whether b begins as gpg --export-ownertrust does.
func isOwnerTrust(b []byte) bool {
	return bytes.HasPrefix(b, []byte("# List of assigned trustvalues"))
}

var (
	errTrustCut   = errors.New("discover: the trustdb.gpg is cut off")
	errNoTrust    = errors.New("discover: this is neither GnuPG's trustdb.gpg nor what gpg --export-ownertrust prints")
	errOwnerTrust = errors.New("GnuPG's ownertrust and no certificates: it is shown beside those of pubring.kbx, and not taken")
)

// ownerTrust returns the ownertrust by fingerprint, in digits of upper case.
func ownerTrust(b []byte) (map[string]string, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("discover: the ownertrust has %w", errTooLarge)
	}
	if !isTrustDB(b) {
		return ownerTrustText(b)
	}
	trust := map[string]string{}
	for ; len(b) >= trustRecord; b = b[trustRecord:] {
		if level := trustLevel(int(b[22])); b[0] == trustOfKey && level != "" {
			trust[strings.ToUpper(hex.EncodeToString(b[2:22]))] = level
		}
	}
	if len(b) > 0 {
		return trust, errTrustCut
	}
	return trust, nil
}

// ownerTrustText reads lines FINGERPRINT:LEVEL: and comments.
func ownerTrustText(b []byte) (map[string]string, error) {
	trust := map[string]string{}
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\n"))
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		digits, rest, _ := strings.Cut(string(line[:min(len(line), maxBlockLine)]), ":")
		level, _, closed := strings.Cut(rest, ":")
		n, err := strconv.Atoi(level)
		if _, bad := hex.DecodeString(digits); bad != nil || err != nil || !closed || len(digits) != 40 && len(digits) != 64 {
			return trust, errNoTrust
		}
		if name := trustLevel(n); name != "" {
			trust[strings.ToUpper(digits)] = name
		}
	}
	return trust, nil
}

// trustLevel names a level, g10/trustdb.h; "" is one that says nothing. The bits
// above are flags: that the key is disabled.
func trustLevel(n int) string {
	name := map[int]string{3: "never", 4: "marginal", 5: "full", 6: "ultimate"}[n&15]
	if n&128 != 0 {
		return strings.TrimPrefix(name+", disabled", ", ")
	}
	return name
}
