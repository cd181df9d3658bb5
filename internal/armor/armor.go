// Package armor reads and writes ASCII armor, RFC 9580, Section 6: base64 between two lines of dashes, with a checksum that
// old readers need. It knows nothing of what is inside.
//
// Beyond the first 48 KiB a goroutine encodes or decodes one block while the caller works on another: who encrypts or
// decrypts what is armored has a core of their own for that. Such a goroutine touches neither source nor destination and
// ends by itself, so that nothing has to be closed that is left halfway.
//
// Base64 goes through tables here, as it does in encoding/base64, which leaves traces of what is encoded in the caches of the
// processor. That does not matter for what is encrypted or public; secret keys do not come through this package.
package armor

import (
	"bytes"
	"io"
)

// The labels of armor, RFC 9580, Section 6.2.
const (
	Message    = "PGP MESSAGE"
	Signature  = "PGP SIGNATURE"
	PublicKey  = "PGP PUBLIC KEY BLOCK"
	PrivateKey = "PGP PRIVATE KEY BLOCK"
)

// lineLength is the length of a line of armor, RFC 9580, Section 6: at most 76. 64 is what everybody writes.
const lineLength = 64

const (
	lineOctets = lineLength / 4 * 3

	// blockOctets are encoded and written at once: long enough, at some 100 µs, that handing it to a goroutine costs nothing.
	blockOctets = 1024 * lineOctets
)

// Begins reports whether text begins like OpenPGP armor, white space and a byte order mark before it allowed.
func Begins(text []byte) bool {
	text = bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))
	return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("-----BEGIN PGP "))
}

// FormatError says what is wrong with armor. Reason is no whole sentence: "its armor ends within a group".
type FormatError struct {
	Reason string
	Cut    bool // it ends too early, where Reason says
}

func (e *FormatError) Error() string {
	if e.Cut {
		return "armor: it is cut off " + e.Reason
	}
	return "armor: " + e.Reason
}

// Unwrap returns io.ErrUnexpectedEOF for armor that ends too early.
func (e *FormatError) Unwrap() error {
	if e.Cut {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// LimitError says that armor has more of What than Max.
type LimitError struct {
	What string
	Max  int64
}

func (e *LimitError) Error() string { return "armor: too many " + e.What }
