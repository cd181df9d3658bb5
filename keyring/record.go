package keyring

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// A record is all that a ring knows of one certificate, or of one group, as
// JSON that people can read. Each version of it is a file of its own, so that
// nothing is overwritten that somebody is reading.

const (
	// recordForm is the version of what is in a record.
	recordForm = 1

	// idLen is enough for numbers that are never drawn twice.
	idLen    = 16
	nonceLen = 8

	// maxKeyRecord bounds what is read of one record: a certificate of 2 MiB, the
	// most that the formats take, in base64, and as much again.
	maxKeyRecord = 6 << 20

	// maxPins, maxHistory and maxMembers bound what one record grows to. Of a
	// longer history the oldest is forgotten: that it was, the log says.
	maxPins    = 1000
	maxHistory = 200
	maxMembers = 2000
)

// The kinds of record.
const (
	kindKey   = "key"
	kindGroup = "group"
)

// record is the form of a record. Field names are what people read.
type record struct {
	Form        int           `json:"record"`
	Kind        string        `json:"kind"`
	ID          string        `json:"id"`
	Salt        []byte        `json:"salt"`                  // key of the digest in the log; new for each version
	Format      string        `json:"format,omitempty"`      // "OpenPGP", "S/MIME"
	Fingerprint string        `json:"fingerprint,omitempty"` // as Fingerprint.URI
	Pins        []recordPin   `json:"for,omitempty"`         // none: a tombstone, or a group
	Reads       *recordReads  `json:"reads,omitempty"`
	Introducer  *Introducer   `json:"introducer,omitempty"`
	Revoked     *recordRevoke `json:"revoked,omitempty"`
	Address     string        `json:"address,omitempty"` // of a group
	Members     []string      `json:"members,omitempty"`
	Since       time.Time     `json:"since,omitzero"` // of a group
	History     []recordEvent `json:"history"`
	Certificate []byte        `json:"certificate,omitempty"`
}

// recordPin is an address that the certificate is for.
type recordPin struct {
	Address   string    `json:"address"`
	Preferred bool      `json:"preferred,omitempty"`
	Alias     bool      `json:"alias,omitempty"`
	Signer    bool      `json:"signer,omitempty"`
	Own       bool      `json:"own,omitempty"`
	Basis     string    `json:"basis"`
	Evidence  string    `json:"evidence"`
	About     string    `json:"evidenceAbout,omitempty"`
	Authority []byte    `json:"authority,omitempty"`
	Since     time.Time `json:"since"`
	Policy    []string  `json:"policy,omitempty"` // what of Policy was set when it was added
	Was       recordWas `json:"was"`
}

// recordWas is what the certificate must not lose unseen.
type recordWas struct {
	PostQuantum bool `json:"postQuantum,omitempty"`
	AEAD        bool `json:"aead,omitempty"`
	Version     int  `json:"version,omitempty"`
}

type recordReads struct {
	Algorithms []string  `json:"algorithms"`
	When       time.Time `json:"when"`
	Source     string    `json:"source"`
}

// recordRevoke is what was once seen.
type recordRevoke struct {
	When   time.Time `json:"when,omitzero"`
	Reason string    `json:"reason,omitempty"`
	Seen   time.Time `json:"seen"`
}

// recordEvent is what a line of the log was about.
type recordEvent struct {
	Sequence  int64     `json:"sequence"`
	Time      time.Time `json:"time"`
	Event     string    `json:"event"`
	Addresses []string  `json:"addresses,omitempty"`
	Other     string    `json:"other,omitempty"` // fingerprint of the other key that it was about
	Detail    string    `json:"detail,omitempty"`
}

// basisName is how records name what evidence rests on. BasisUnverified has no
// name: it goes into no ring.
func basisName(b seam.Basis) string {
	switch b {
	case seam.BasisFingerprint:
		return "fingerprint"
	case seam.BasisScanned:
		return "scanned"
	case seam.BasisSpoken:
		return "spoken"
	case seam.BasisSafetyNumber:
		return "safety number"
	case seam.BasisChain:
		return "chain"
	case seam.BasisIntroduced:
		return "introduced"
	case seam.BasisSuccession:
		return "succession"
	case seam.BasisFirstUse:
		return "first use"
	case seam.BasisDomain:
		return "domain"
	}
	return ""
}

// basisOf is basisName's counterpart, BasisNone for a word that is not known.
func basisOf(name string) seam.Basis {
	for b := seam.BasisNone + 1; name != "" && b <= seam.BasisUnverified; b++ {
		if basisName(b) == name {
			return b
		}
	}
	return seam.BasisNone
}

// randomHex returns n random octets in digits.
func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails: the program ends if the system has no random numbers
	return hex.EncodeToString(b)
}

// newName returns a name for a version of the record id that no other has.
func newName(id string) string { return id + "-" + randomHex(nonceLen) + ".json" }

// idOf returns the number of the record of which name is a version, "" for what
// is no such name.
func idOf(name string) string {
	var id [idLen]byte
	var nonce [nonceLen]byte
	first, rest, _ := strings.Cut(name, "-")
	rest, isRecord := strings.CutSuffix(rest, ".json")
	if !isRecord || !fromHex(id[:], []byte(first)) || !fromHex(nonce[:], []byte(rest)) {
		return ""
	}
	return first
}

// keyed is the digest that the log has of something that holds its own key.
func keyed(salt, octets []byte) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, salt)
	h.Write(octets)
	h.Sum(sum[:0])
	return sum
}

// encode returns r with a new salt, and its digest.
func (r *record) encode() (octets []byte, digest [sha256.Size]byte, err error) {
	r.Form, r.Salt = recordForm, make([]byte, sha256.Size)
	rand.Read(r.Salt)
	octets, err = json.MarshalIndent(r, "", " ")
	if err != nil {
		return nil, digest, fmt.Errorf("keyring: a record cannot be written: %w", err)
	}
	octets = append(printable(octets), '\n')
	if len(octets) > maxKeyRecord {
		return nil, digest, fmt.Errorf("keyring: the record of %s would be longer than %d octets", r.Fingerprint, maxKeyRecord)
	}
	return octets, keyed(r.Salt, octets), nil
}

// printable escapes what JSON leaves as it is and a terminal does not: C1
// controls, and what turns the direction of writing. Such stands in strings alone.
func printable(octets []byte) []byte {
	odd := func(r rune) bool { return r >= utf8.RuneSelf && !unicode.IsPrint(r) }
	if !bytes.ContainsFunc(octets, odd) {
		return octets
	}
	var out []byte
	for _, r := range string(octets) {
		switch {
		case r > 0xFFFF && odd(r):
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, "\\u%04x\\u%04x", high, low)
		case odd(r):
			out = fmt.Appendf(out, "\\u%04x", r)
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// parseRecord reads a record that the log has a digest of; nil: none is asked
// for. What it says is held against the certificate by slot.parse.
func parseRecord(octets []byte, digest *[sha256.Size]byte) (*record, error) {
	if len(octets) > maxKeyRecord {
		return nil, fmt.Errorf("is longer than %d octets", maxKeyRecord)
	}
	var head struct {
		Form int    `json:"record"`
		Salt []byte `json:"salt"`
	}
	if err := json.Unmarshal(octets, &head); err != nil {
		return nil, fmt.Errorf("is damaged: %w", oneLine(err))
	}
	// First of all: what somebody edited is not to be taken for what a newer
	// program wrote.
	if digest != nil {
		if got := keyed(head.Salt, octets); !hmac.Equal(got[:], digest[:]) {
			return nil, errors.New("was changed: it has another digest than the log states")
		}
	}
	if head.Form != recordForm {
		return nil, fmt.Errorf("has form %d, and this program reads %d: it was written by a newer one, use that", head.Form, recordForm)
	}
	d := json.NewDecoder(bytes.NewReader(octets))
	d.DisallowUnknownFields()
	r := new(record)
	if err := d.Decode(r); err != nil {
		return nil, fmt.Errorf("says what this program does not read, it was written by a newer one, use that: %w", oneLine(err))
	}
	if d.More() {
		return nil, errors.New("has something behind its end")
	}
	return r, r.check()
}

// oneLine makes an error that may repeat what stands in a file printable.
func oneLine(err error) error { return fmt.Errorf("%.120q", err.Error()) }

// check holds a record against the rules of its form.
func (r *record) check() error {
	var id [idLen]byte
	switch {
	case !fromHex(id[:], []byte(r.ID)):
		return errors.New("has no number")
	case len(r.Salt) != sha256.Size:
		return errors.New("has no salt")
	case len(r.Pins) > maxPins || len(r.History) > maxHistory || len(r.Members) > maxMembers:
		return errors.New("has more in it than is ever written")
	}
	for _, e := range r.History {
		if !knownEvent(e.Event) {
			return fmt.Errorf("is about %.40q, which this program does not know: it was written by a newer one, use that", e.Event)
		}
	}
	switch r.Kind {
	case kindKey:
		return r.checkKey()
	case kindGroup:
		return r.checkGroup()
	}
	return fmt.Errorf("is of the kind %.40q, which this program does not know: it was written by a newer one, use that", r.Kind)
}

func (r *record) checkKey() error {
	f, err := ParseFingerprint(r.Fingerprint)
	switch {
	case err != nil || f.URI() != r.Fingerprint:
		return fmt.Errorf("has no fingerprint: %.80q", r.Fingerprint)
	case r.Format == "" || len(r.Certificate) == 0:
		return errors.New("has no certificate")
	case r.Address != "" || len(r.Members) > 0:
		return errors.New("is of a key and of a group")
	}
	seen := map[[2]string]bool{}
	for _, p := range r.Pins {
		k := [2]string{p.Address, fmt.Sprint(p.Signer)}
		if a, err := normal(p.Address); err != nil || a != p.Address || seen[k] {
			return fmt.Errorf("has a bad address, or one twice: %.80q", p.Address)
		}
		seen[k] = true
		if basisOf(p.Basis) == seam.BasisNone {
			return fmt.Errorf("rests on %.40q, which this program does not know: it was written by a newer one, use that", p.Basis)
		}
		if n := len(p.Authority); n != 0 && n != sha256.Size {
			return errors.New("has a bad digest of an authority")
		}
	}
	return nil
}

func (r *record) checkGroup() error {
	if a, err := normal(r.Address); err != nil || a != r.Address {
		return fmt.Errorf("has a bad address: %.80q", r.Address)
	}
	if len(r.Certificate) > 0 || r.Fingerprint != "" || len(r.Pins) > 0 || len(r.Members) == 0 {
		return errors.New("is of a group and of a key, or has no members")
	}
	for _, m := range r.Members {
		if a, err := normal(m); err != nil || a != m {
			return fmt.Errorf("has a bad member: %.80q", m)
		}
	}
	return nil
}
