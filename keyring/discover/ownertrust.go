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
	// Of the file only what is asked for is kept: it may have a million others.
	trust := map[string]string{}
	for _, c := range found {
		trust[c.Certificate.Fingerprint().String()] = ""
	}
	err := ownerTrust(b, func(fingerprint, level string) {
		if _, ok := trust[fingerprint]; ok {
			trust[fingerprint] = level
		}
	})
	noted := 0
	for i := range found {
		c := &found[i]
		level := trust[c.Certificate.Fingerprint().String()]
		if level != "" && len(c.Notes) < maxNotes {
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

// ownerTrust hands what there is of ownertrust to say: fingerprints in digits of
// upper case, and levels by name.
func ownerTrust(b []byte, say func(fingerprint, level string)) error {
	if len(b) > maxFile {
		return fmt.Errorf("discover: the ownertrust has %w", errTooLarge)
	}
	if !isTrustDB(b) {
		return ownerTrustText(b, say)
	}
	for ; len(b) >= trustRecord; b = b[trustRecord:] {
		if b[0] == trustOfKey {
			say(strings.ToUpper(hex.EncodeToString(b[2:22])), trustLevel(int(b[22])))
		}
	}
	if len(b) > 0 {
		return errTrustCut
	}
	return nil
}

// ownerTrustText reads lines FINGERPRINT:LEVEL: and comments.
func ownerTrustText(b []byte, say func(fingerprint, level string)) error {
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
			return errNoTrust
		}
		say(strings.ToUpper(digits), trustLevel(n))
	}
	return nil
}

// trustLevel names a level, g10/trustdb.h; "" is one that says nothing. The bits
// above are flags: that the key is disabled.
func trustLevel(n int) string {
	name := ""
	switch n & 15 {
	case 3:
		name = "never"
	case 4:
		name = "marginal"
	case 5:
		name = "full"
	case 6:
		name = "ultimate"
	}
	if n&128 != 0 {
		return strings.TrimPrefix(name+", disabled", ", ")
	}
	return name
}
