package keyring

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The index says in a table which addresses the records are for, so that a ring
// opens without reading them all. It is made for people too, and it is no
// truth: the log has its digest, and one that is missing or was changed is made
// anew from the records. Records that are newer than it are read one by one.
//
// Addresses and evidence come from outside: they are quoted as Go quotes them,
// so that no line end and nothing that a terminal obeys is in the file.

const (
	indexForm = "# doublekeybox ring index 1"

	// sinceTime is fine enough for the order in which keys were added.
	sinceTime = "2006-01-02T15:04:05.000000Z"

	// indexLag is which part of its records may be newer than the index: a
	// thousandth more would have to be read to open, and writing the index with
	// each change would cost more than the change.
	indexLag = 64
)

// row is a line of the index: one address of one record.
type row struct {
	name        string // of the record
	address     string // "": of a tombstone
	fingerprint Fingerprint
	group       bool
	preferred   bool
	alias       bool
	signer      bool
	own         bool
	revoked     bool
	basis       string
	evidence    string
	since       time.Time
}

// rows returns what the index has of a record.
func (r *record) rows(name string) []row {
	if r.Kind == kindGroup {
		return []row{{name: name, address: r.Address, group: true, evidence: fmt.Sprintf("group of %d", len(r.Members)), since: r.Since.UTC()}}
	}
	f := r.fingerprint()
	if len(r.Pins) == 0 {
		return []row{{name: name, fingerprint: f, revoked: r.Revoked != nil}}
	}
	out := make([]row, 0, len(r.Pins))
	for _, p := range r.Pins {
		out = append(out, row{
			name: name, address: p.Address, fingerprint: f, preferred: p.Preferred, alias: p.Alias, signer: p.Signer, own: p.Own,
			revoked: r.Revoked != nil, basis: p.Basis, evidence: p.Evidence, since: p.Since.UTC(),
		})
	}
	return out
}

// fingerprint returns the fingerprint that a record states: check saw it.
func (r *record) fingerprint() Fingerprint {
	f, _ := ParseFingerprint(r.Fingerprint)
	return f
}

// formatOf names the format of the certificates with fingerprints of f's kind,
// as the formats name themselves.
func formatOf(f Fingerprint) string {
	switch f.kind {
	case pgp4, pgp6:
		return "OpenPGP"
	case x509:
		return "S/MIME"
	}
	return ""
}

// flags is the column of that name.
func (r *row) flags() string {
	var list []string
	for _, x := range []struct {
		name string
		set  bool
	}{
		{"group", r.group}, {"preferred", r.preferred}, {"alias", r.alias}, {"signer", r.signer}, {"own", r.own},
		{"revoked", r.revoked}, {"removed", r.address == ""},
	} {
		if x.set {
			list = append(list, x.name)
		}
	}
	if len(list) == 0 {
		return "-"
	}
	return strings.Join(list, ",")
}

func (r *row) setFlags(text string) error {
	if text == "-" {
		return nil
	}
	for _, name := range strings.Split(text, ",") {
		switch name {
		case "group":
			r.group = true
		case "preferred":
			r.preferred = true
		case "alias":
			r.alias = true
		case "signer":
			r.signer = true
		case "own":
			r.own = true
		case "revoked":
			r.revoked = true
		case "removed":
			if r.address != "" {
				return errors.New("is for an address and removed")
			}
		default:
			return fmt.Errorf("has the flag %.40q, which this program does not know", name)
		}
	}
	return nil
}

// append writes r as a line.
func (r *row) append(b []byte) []byte {
	column := func(start, width int) {
		for len(b)-start < width {
			b = append(b, ' ')
		}
		b = append(b, ' ')
	}
	word := func(s string, width int) {
		start := len(b)
		if s == "" {
			s = "-"
		}
		b = append(b, s...)
		column(start, width)
	}
	quoted := func(s string, width int) {
		start := len(b)
		b = strconv.AppendQuote(b, s)
		column(start, width)
	}
	quoted(r.address, 32)
	word(formatOf(r.fingerprint), 7)
	word(r.fingerprint.String(), 64)
	word(r.flags(), 9)
	quoted(r.basis, 13)
	quoted(r.evidence, 22)
	since := ""
	if !r.since.IsZero() {
		since = r.since.UTC().Format(sinceTime)
	}
	word(since, 27)
	return append(append(b, r.name...), '\n')
}

// encodeIndex returns the index with these rows, and its digest.
func encodeIndex(rows []row, seq int64) (octets []byte, sum [sha256.Size]byte) {
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(strings.Compare(a.address, b.address), strings.Compare(a.name, b.name), strings.Compare(a.flags(), b.flags()))
	})
	salt := make([]byte, sha256.Size)
	rand.Read(salt)
	b := fmt.Appendf(nil, "%s\n# up to line %d of the log; changed by hand it is not used\n# salt %x\n", indexForm, seq, salt)
	b = append(b, "# ADDRESS                        FORMAT  FINGERPRINT                                                      FLAGS     BASIS         EVIDENCE               SINCE                       RECORD\n"...)
	for i := range rows {
		b = rows[i].append(b)
	}
	return b, keyed(salt, b)
}

// parseIndex reads an index of which the log has this digest; nil: none is
// asked for.
func parseIndex(octets []byte, digest *[sha256.Size]byte) ([]row, error) {
	if len(octets) > maxRecord {
		return nil, fmt.Errorf("is longer than %d octets", maxRecord)
	}
	header, rest, ok := cutLines(octets, 4)
	if !ok || string(header[0]) != indexForm {
		return nil, fmt.Errorf("has a form that this program does not read: %.80q", header[0])
	}
	salt := make([]byte, sha256.Size)
	digits, isSalt := bytes.CutPrefix(header[2], []byte("# salt "))
	if !isSalt || !fromHex(salt, digits) {
		return nil, errors.New("has no salt")
	}
	if digest != nil {
		if got := keyed(salt, octets); !hmac.Equal(got[:], digest[:]) {
			return nil, errors.New("was changed: it has another digest than the log states")
		}
	}
	rows := make([]row, 0, bytes.Count(rest, []byte("\n")))
	for text := string(rest); len(text) > 0; {
		first, after, whole := strings.Cut(text, "\n")
		if !whole {
			return nil, errors.New("ends in the middle of a line")
		}
		r, err := parseRow(first)
		if err != nil {
			return nil, fmt.Errorf("has a bad line (%.80q): %w", first, err)
		}
		rows, text = append(rows, r), after
	}
	return rows, nil
}

// cutLines returns the first n lines, and what follows.
func cutLines(b []byte, n int) (lines [4][]byte, rest []byte, ok bool) {
	for i := range n {
		if lines[i], b, ok = bytes.Cut(b, []byte("\n")); !ok {
			return lines, nil, false
		}
	}
	return lines, b, true
}

func parseRow(text string) (r row, err error) {
	var fields [8]string
	for i := range fields {
		text = strings.TrimLeft(text, " ")
		if len(text) > 0 && text[0] == '"' {
			q, err := strconv.QuotedPrefix(text)
			if err != nil {
				return r, errors.New("it is not quoted as it should be")
			}
			text = text[len(q):]
			if fields[i], err = strconv.Unquote(q); err != nil {
				return r, errors.New("it is not quoted as it should be")
			}
			continue
		}
		fields[i], text, _ = strings.Cut(text, " ")
	}
	if text != "" {
		return r, errors.New("it has too many columns")
	}
	r = row{address: fields[0], basis: fields[4], evidence: fields[5], name: fields[7]}
	if idOf(r.name) == "" {
		return r, errors.New("it names no record")
	}
	if err := r.setFlags(fields[3]); err != nil {
		return r, err
	}
	if r.since, err = parseSince(fields[6]); err != nil {
		return r, err
	}
	if r.fingerprint, err = fingerprintOf(fields[1], fields[2]); err != nil || r.group != r.fingerprint.IsZero() {
		return r, errors.New("it has no fingerprint")
	}
	if r.address == "" {
		return r, nil
	}
	if a, err := normal(r.address); err != nil || a != r.address {
		return r, errors.New("it is for no address")
	}
	return r, nil
}

func parseSince(text string) (time.Time, error) {
	if text == "-" {
		return time.Time{}, nil
	}
	t, err := time.Parse(sinceTime, text)
	if err != nil {
		return t, errors.New("it has no time")
	}
	return t, nil
}

// fingerprintOf reads digits of a certificate of this format, "-" for none.
func fingerprintOf(format, digits string) (f Fingerprint, err error) {
	switch {
	case format == "-" && digits == "-":
		return f, nil
	case format == "OpenPGP" && len(digits) == 40:
		f.kind = pgp4
	case format == "OpenPGP" && len(digits) == 64:
		f.kind = pgp6
	case format == "S/MIME" && len(digits) == 64:
		f.kind = x509
	default:
		return f, errors.New("no fingerprint")
	}
	n, err := hex.Decode(f.sum[:], []byte(digits))
	f.n = uint8(n)
	return f, err
}

// indexName is the one name under which a record is overwritten: people find
// the index under it.
const indexName = "index"
