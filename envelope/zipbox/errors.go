package zipbox

import (
	"crypto/fips140"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// RefusedError says what is wrong with an archive that is not opened. It is
// [envelope.ErrFormat], and io.ErrUnexpectedEOF where the code is "cut". No
// octet of a file was released, except for the codes "checksum" and "size",
// which end a file that its author wrote wrongly.
type RefusedError struct {
	// Code is stable:
	//
	//	no-zip               not an archive at all
	//	cut                  it ends too early
	//	damaged              a field that no program writes so
	//	before, after        octets that belong to nothing, in front of it or behind it
	//	gap, overlap         entries that leave octets between them, or share some
	//	headers-differ       its two directories contradict each other
	//	disks                a part of an archive
	//	duplicate-name       two files that a file system takes for one
	//	unsafe-name          a name that leads elsewhere
	//	link                 not a file: a link, a device
	//	not-encrypted        a file in it, a comment, or all of it
	//	key-length           a key of fewer than 256 bits, which Inspect refuses
	//	zipcrypto            the old encryption, which is broken
	//	encrypted-directory  PKWARE's encryption of names
	//	strong-encryption    PKWARE's encryption of content
	//	method               a compression other than deflate
	//	nested               encryption within the encryption
	//	not-as-written       around what this package wrote something was changed
	//	checksum, size       a file is not what its directory says of it
	Code string

	Name   string // of the entry, as the archive has it; "" where it is about the whole
	detail string
}

// Error implements error, on one line.
func (e *RefusedError) Error() string {
	var b strings.Builder
	b.WriteString("zipbox: ")
	if e.Name != "" {
		fmt.Fprintf(&b, "entry %.80q: ", e.Name)
	}
	b.WriteString(e.detail)
	return b.String()
}

// Unwrap returns what the error is.
func (e *RefusedError) Unwrap() []error {
	if e.Code == codeCut {
		return []error{envelope.ErrFormat, io.ErrUnexpectedEOF}
	}
	return []error{envelope.ErrFormat}
}

const (
	codeNoZip     = "no-zip"
	codeCut       = "cut"
	codeDamaged   = "damaged"
	codeBefore    = "before"
	codeAfter     = "after"
	codeGap       = "gap"
	codeOverlap   = "overlap"
	codeDiffer    = "headers-differ"
	codeDisks     = "disks"
	codeDuplicate = "duplicate-name"
	codeUnsafe    = "unsafe-name"
	codeLink      = "link"
	codeClear     = "not-encrypted"
	codeKey       = "key-length"
	codeZipCrypto = "zipcrypto"
	codeDirectory = "encrypted-directory"
	codeStrong    = "strong-encryption"
	codeMethod    = "method"
	codeNested    = "nested"
	codeWritten   = "not-as-written"
	codeChecksum  = "checksum"
	codeSize      = "size"
)

func refuse(code, name, detail string) error {
	return &RefusedError{Code: code, Name: name, detail: detail}
}

// WeakError says that a passphrase can be guessed. It does not tell it. It is
// [keyring.ErrRefused].
type WeakError struct {
	Strength
}

// Error implements error, on one line.
func (e *WeakError) Error() string {
	return fmt.Sprintf("zipbox: the passphrase can be guessed, it has about %d bits and %d are needed: %s; generate one, or accept this one by Locker.Weak",
		e.Bits, enoughBits, strings.Join(e.Reasons, "; "))
}

// Is reports whether target is [keyring.ErrRefused].
func (e *WeakError) Is(target error) bool { return target == keyring.ErrRefused }

var (
	errNoPassphrase = errors.New("zipbox: no passphrase was given: make one with envelope.NewPassphrase, WeakPassphrase or OpenPassphrase")
	errOpensOnly    = errors.New("zipbox: this passphrase is for opening only: lock with envelope.NewPassphrase, or accept it with WeakPassphrase")
)

// approved returns an error where FIPS mode forbids what the format is made of.
func approved() error {
	if fips140.Enforced() {
		return &envelope.NotApprovedError{What: "a ZIP with AES (PBKDF2 and HMAC with SHA-1)"}
	}
	return nil
}
