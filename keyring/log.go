package keyring

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// The log of a ring has one line for each change, and is the truth: a record
// that it does not name is none, and one whose octets have another digest than
// it states is refused. A line is
//
//	SEQUENCE TIME EVENT [+RECORD=DIGEST]... [-RECORD]... CHAIN
//
// with + for a record that is new or has a new version and - for one that was
// erased. DIGEST is keyed with a key that is in the record itself: who erases
// the record leaves nothing that a guess could be held against. CHAIN is over
// the one of the line before and this line, so that none can be edited, left
// out, repeated or moved without all that follow.
//
// The first line names the form of the log and has a random number, the ring's.
// Nothing in the log is about a person.
//
// Whoever can write a ring can write another one, or put an older one back. Who
// keeps the last digest elsewhere ([Event]) sees it.

// Words of the log, past tense. A word that is not among them was written by a
// newer program, which may mean by it that a key must not be used.
const (
	eventCreated   = "created"
	eventAdded     = "added"
	eventRenewed   = "renewed"
	eventReissued  = "reissued"
	eventSucceeded = "succeeded"
	eventReplaced  = "replaced"
	eventUpdated   = "updated"
	eventVerified  = "verified" // the same key, for the evidence of which something was added
	eventNoted     = "noted"
	eventPreferred = "preferred"
	eventGrouped   = "grouped"
	eventTrusted   = "trusted"
	eventRevoked   = "revoked"
	eventRemoved   = "removed"
	eventErased    = "erased"
)

func knownEvent(word string) bool {
	return slices.Contains([]string{eventCreated, eventAdded, eventRenewed, eventReissued, eventSucceeded, eventReplaced, eventUpdated, eventVerified,
		eventNoted, eventPreferred, eventGrouped, eventTrusted, eventRevoked, eventRemoved, eventErased}, word)
}

const (
	// logForm is what the first line is about.
	logForm = "ring-1"

	// logTime is how lines have their time, in UTC.
	logTime = "2006-01-02T15:04:05Z"

	// maxLine is a line that changes maxLineRecords records.
	maxLine = 256 + maxLineRecords*160

	// maxLineRecords is more than one key can be replaced by, and members of
	// groups be erased at once.
	maxLineRecords = 4096

	// maxRecordName is what a Store takes.
	maxRecordName = 64
)

// put is a record that a line names.
type put struct {
	name   string
	digest [sha256.Size]byte
}

// line is one line of the log.
type line struct {
	seq   int64
	when  time.Time
	event string
	puts  []put
	drops []string
	ring  string // of the first line
	chain [sha256.Size]byte
}

// chained returns the digest over a line and the chain before it.
func chained(prev [sha256.Size]byte, text []byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	h.Write(prev[:])
	h.Write(text)
	h.Sum(sum[:0])
	return sum
}

// encode returns l with its end of line, and sets its chain.
func (l *line) encode(prev [sha256.Size]byte) []byte {
	b := strconv.AppendInt(nil, l.seq, 10)
	b = append(b, ' ')
	b = l.when.UTC().AppendFormat(b, logTime)
	b = append(b, ' ')
	b = append(b, l.event...)
	if l.event == eventCreated {
		b = append(append(b, " "+logForm+" "...), l.ring...)
	}
	for _, p := range l.puts {
		b = append(append(append(b, " +"...), p.name...), '=')
		b = hex.AppendEncode(b, p.digest[:])
	}
	for _, name := range l.drops {
		b = append(append(b, " -"...), name...)
	}
	l.chain = chained(prev, b)
	b = append(b, ' ')
	return append(hex.AppendEncode(b, l.chain[:]), '\n')
}

// parseLine reads a line, without its end, that has to be number seq and to
// follow prev.
func parseLine(text []byte, seq int64, prev [sha256.Size]byte) (*line, error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("keyring: line %d of the ring's log %s", seq, fmt.Sprintf(format, args...))
	}
	if len(text) > maxLine {
		return nil, bad("is longer than any that is written")
	}
	end := bytes.LastIndexByte(text, ' ')
	if end < 0 {
		return nil, bad("is damaged: %.80q", text)
	}
	l := &line{seq: seq}
	if !fromHex(l.chain[:], text[end+1:]) {
		return nil, bad("is damaged, or was cut: it does not end in a digest")
	}
	if l.chain != chained(prev, text[:end]) {
		return nil, bad("does not follow the one before it: the log was edited, or lines of it were left out, repeated or moved")
	}
	// From here on the line is as somebody wrote it after the one before it.
	fields := bytes.Split(text[:end], []byte(" "))
	if len(fields) < 3 || string(fields[0]) != strconv.FormatInt(seq, 10) {
		return nil, bad("has another number: %.40q", fields[0])
	}
	when, err := time.Parse(logTime, string(fields[1]))
	if err != nil || when.Format(logTime) != string(fields[1]) {
		return nil, bad("has no time: %.40q", fields[1])
	}
	l.when, l.event = when, string(fields[2])
	if !knownEvent(l.event) {
		return nil, bad("is about %.40q, which this program does not know: the ring was changed by a newer one, use that", l.event)
	}
	if (l.event == eventCreated) != (seq == 1) {
		return nil, bad("is about %.40q, in the wrong place", l.event)
	}
	fields = fields[3:]
	if l.event == eventCreated {
		return l, l.created(fields, bad)
	}
	return l, l.records(fields, bad)
}

// created reads what the first line says.
func (l *line) created(fields [][]byte, bad func(string, ...any) error) error {
	var id [idLen]byte
	switch {
	case len(fields) < 2 || string(fields[0]) != logForm:
		return bad("says %.40q, and this program reads %s: the ring was made by a newer one, use that", bytes.Join(fields, []byte(" ")), logForm)
	case len(fields) > 2 || !fromHex(id[:], fields[1]):
		return bad("has no number of a ring")
	}
	l.ring = string(fields[1])
	return nil
}

// records reads which records a line puts and drops.
func (l *line) records(fields [][]byte, bad func(string, ...any) error) error {
	if len(fields) > maxLineRecords {
		return bad("changes more than %d records", maxLineRecords)
	}
	for _, f := range fields {
		switch {
		case len(f) > 1 && f[0] == '+' && len(l.drops) == 0:
			name, digest, _ := bytes.Cut(f[1:], []byte("="))
			p := put{name: string(name)}
			if !goodName(p.name) || !fromHex(p.digest[:], digest) {
				return bad("names a record badly: %.80q", f)
			}
			l.puts = append(l.puts, p)
		case len(f) > 1 && f[0] == '-':
			name := string(f[1:])
			if !goodName(name) {
				return bad("names a record badly: %.80q", f)
			}
			l.drops = append(l.drops, name)
		default:
			return bad("says %.80q, which this program does not know: the ring was changed by a newer one, use that", f)
		}
	}
	return nil
}

// fromHex fills dst with what the lower-case digits of src stand for.
func fromHex(dst, src []byte) bool {
	if len(src) != hex.EncodedLen(len(dst)) {
		return false
	}
	for _, c := range src {
		if c >= 'A' && c <= 'F' {
			return false
		}
	}
	_, err := hex.Decode(dst, src)
	return err == nil
}

// goodName reports whether name is one that the ring gives: that of the index,
// or the number of a record, one of this version, and the kind of file.
func goodName(name string) bool {
	if len(name) == 0 || len(name) > maxRecordName {
		return false
	}
	return name == indexName || idOf(name) != ""
}
