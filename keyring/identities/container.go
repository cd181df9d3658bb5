package identities

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// container is one file, taken apart:
//
//	doublekeybox identity 1
//	fingerprint 9F86D0818…
//	added 2026-11-22T08:15:00.123Z
//	argon2id memory=65536 passes=3 lanes=4 salt=…
//	aes-256-gcm nonce=…
//	certificate
//	base64, in lines of 64
//	secret
//	base64, in lines of 64: the ciphertext of 32 zeros and the key, with its tag
//	end
//
// There is one way to write each: what is read and written again has the same
// octets, so that every octet of a file is either authenticated or refused.
type container struct {
	fingerprint string // as keyring.Fingerprint.String has it
	added       time.Time
	cost        cost
	salt        [saltSize]byte
	nonce       [nonceSize]byte
	certificate []byte // as keyring.Certificate.Marshal returns it
	sealed      []byte
}

// cost is what Argon2id is asked for (RFC 9106, Section 3.1).
type cost struct {
	memory uint32 // KiB
	passes uint32
	lanes  uint32
}

const (
	saltSize  = 16 // RFC 9106, Section 3.1: 16 octets are recommended for passwords
	nonceSize = 12 // NIST SP 800-38D, Section 5.2.1.1
	tagSize   = 16

	// maxFile is the size of the largest file in octets. A certificate has up
	// to 2 MiB, and stands in the secret once more.
	maxFile = 12 << 20

	// What reading a file may cost: above what this package and others write
	// (RFC 9106, Section 4: 64 MiB, 3 passes, 4 lanes), and below what makes a
	// machine unusable that somebody could write a file to.
	maxMemory = 256 << 10 // KiB
	maxPasses = 10
	maxLanes  = 16

	timeLayout = "2006-01-02T15:04:05.000Z"
	firstLine  = "doublekeybox identity 1"
	lineWidth  = 64
)

// standard is the second choice of RFC 9106, Section 4, for machines that do
// not have 2 GiB to spare for each passphrase.
func standard() cost { return cost{memory: 64 << 10, passes: 3, lanes: 4} }

// check holds what a file asks for against the limits. There is none below but
// that of the function: the cost is authenticated, so that a file with less than
// its owner's does not open, and tells nothing of the passphrase (see zeros).
func (c cost) check() error {
	switch {
	case c.memory > maxMemory:
		return &LimitError{What: "KiB of Argon2 memory", Max: maxMemory}
	case c.passes > maxPasses:
		return &LimitError{What: "passes of Argon2", Max: maxPasses}
	case c.lanes > maxLanes:
		return &LimitError{What: "lanes of Argon2", Max: maxLanes}
	case c.passes < 1 || c.lanes < 1 || c.memory < 8*c.lanes:
		return errMalformed // RFC 9106, Section 3.1, allows no less
	}
	return nil
}

// head returns everything of the file before the ciphertext, all of which is
// authenticated.
func (c *container) head() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nfingerprint %s\nadded %s\n", firstLine, c.fingerprint, c.added.UTC().Format(timeLayout))
	fmt.Fprintf(&b, "argon2id memory=%d passes=%d lanes=%d salt=%s\n", c.cost.memory, c.cost.passes, c.cost.lanes, base64.StdEncoding.EncodeToString(c.salt[:]))
	fmt.Fprintf(&b, "aes-256-gcm nonce=%s\ncertificate\n", base64.StdEncoding.EncodeToString(c.nonce[:]))
	writeLines(&b, c.certificate)
	b.WriteString("secret\n")
	return b.Bytes()
}

func (c *container) marshal() []byte {
	b := bytes.NewBuffer(c.head())
	writeLines(b, c.sealed)
	b.WriteString("end\n")
	return b.Bytes()
}

// writeLines writes octets in base64, RFC 4648, Section 4, in lines.
func writeLines(b *bytes.Buffer, octets []byte) {
	text := base64.StdEncoding.EncodeToString(octets)
	for len(text) > 0 {
		n := min(lineWidth, len(text))
		b.WriteString(text[:n])
		b.WriteByte('\n')
		text = text[n:]
	}
}

// parseContainer reads a file. Errors are errMalformed and [*LimitError].
func parseContainer(file []byte) (*container, error) {
	if len(file) > maxFile {
		return nil, &LimitError{What: "octets in the file of an identity", Max: maxFile}
	}
	c := &container{}
	rest := string(file)
	line := func() (s string) {
		s, rest, _ = strings.Cut(rest, "\n")
		return s
	}
	if line() != firstLine {
		return nil, errMalformed
	}
	var added, salt, nonce string
	if !field(line(), "fingerprint ", &c.fingerprint) || !field(line(), "added ", &added) {
		return nil, errMalformed
	}
	// What Sscanf forgives (signs, zeros in front) the comparison below does not.
	if n, err := fmt.Sscanf(line(), "argon2id memory=%d passes=%d lanes=%d salt=%s", &c.cost.memory, &c.cost.passes, &c.cost.lanes, &salt); err != nil || n != 4 {
		return nil, errMalformed
	}
	var err error
	if c.added, err = time.Parse(timeLayout, added); err != nil {
		return nil, errMalformed
	}
	if !field(line(), "aes-256-gcm nonce=", &nonce) || line() != "certificate" {
		return nil, errMalformed
	}
	certificate, sealed, ok := strings.Cut(rest, "\nsecret\n")
	if !ok || !fill(c.salt[:], salt) || !fill(c.nonce[:], nonce) {
		return nil, errMalformed
	}
	if c.certificate, err = decodeLines(certificate); err != nil {
		return nil, errMalformed
	}
	if c.sealed, err = decodeLines(strings.TrimSuffix(sealed, "end\n")); err != nil {
		return nil, errMalformed
	}
	// One way to write it: line ends, line lengths, digits, bits behind the end.
	if len(c.certificate) == 0 || len(c.sealed) <= zeros+tagSize || !bytes.Equal(c.marshal(), file) {
		return nil, errMalformed
	}
	if err := c.cost.check(); err != nil {
		return nil, err
	}
	return c, nil
}

// field takes the name off a line.
func field(line, name string, value *string) (ok bool) {
	*value, ok = strings.CutPrefix(line, name)
	return ok && *value != ""
}

// decodeLines decodes base64; it passes line ends over.
func decodeLines(text string) ([]byte, error) {
	return base64.StdEncoding.Strict().DecodeString(text)
}

// fill decodes into an array that must become full.
func fill(dst []byte, text string) bool {
	b, err := decodeLines(text)
	return err == nil && copy(dst, b) == len(dst) && len(b) == len(dst)
}
