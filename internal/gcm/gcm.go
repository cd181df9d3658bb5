// Package gcm encrypts, verifies and decrypts one AES-GCM message of up to 64 GiB - 32 bytes in constant memory.
//
// crypto/cipher offers GCM only as a one-shot operation over a message that is whole in memory. S/MIME's
// AuthEnvelopedData (RFC 5083, RFC 5084) is one GCM message however long its content is, so a file of many gigabytes needs
// GCM over a stream. This package builds that from documented operations of crypto/cipher alone: its CTR mode for
// the bytes, its GCM as an oracle for GHASH over segments, and one multiplication in GF(2^128) per segment
// to join them. See engine.go for the algebra.
//
// The three types are the three passes that a message needs:
//
//   - [Encrypter] turns plaintext into ciphertext and a tag.
//   - [Verifier] computes the tag that a ciphertext must have, and yields no plaintext at all.
//   - [Decrypter] yields plaintext and checks nothing: it may only ever see bytes that a Verifier has accepted.
//
// With the build tag dkb_plain the same three types are made of crypto/cipher's one-shot AEAD alone, hold the whole message in
// memory, and refuse messages beyond 64 MiB.
//
// Where the processor has no AES and carry-less multiplication instructions, crypto/cipher's GCM is not constant-time,
// and therefore neither is this package.
package gcm

import (
	"crypto/fips140"
	"crypto/subtle"
	"errors"
	"fmt"
)

const (
	// MaxBytes is the most plaintext that one GCM message may have: 2^39 - 256 bits (NIST SP 800-38D, Section 5.2.1.1).
	// One block more would wrap the 32-bit counter and encrypt with keystream that was already used.
	MaxBytes = 1<<36 - 32

	// NonceSize is the only nonce length that is accepted, in bytes: CMS writes nothing else, and with it the counter
	// starts at 2, so that it can't wrap below MaxBytes.
	NonceSize = 12

	// TagSize is the length of a whole tag, in bytes.
	TagSize = 16

	// MinTagSize is the shortest tag that [Check] accepts, in bytes (RFC 5084, Section 3.2).
	MinTagSize = 12
)

var (
	// ErrTooLong is returned when a message is longer than [MaxBytes], or than 64 MiB in a dkb_plain build.
	ErrTooLong = errors.New("gcm: message is longer than one AES-GCM message may be here: split it into several")

	// ErrFIPS is returned by every constructor when the program runs with GODEBUG=fips140=only: that mode
	// allows no GCM whose nonce the caller chooses, and a CMS message has to name its nonce.
	ErrFIPS = errors.New("gcm: AES-GCM with a given nonce is not allowed with GODEBUG=fips140=only: use AES-CBC, or fips140=on")

	// ErrClosed is returned by calls that come after Close, Sum or Abort.
	ErrClosed = errors.New("gcm: already closed")
)

var (
	errNonce = errors.New("gcm: nonce must be 12 bytes long")
)

// Check reports in constant time whether tag, of 12 to 16 bytes, is the beginning of sum. The lengths are not secret.
// The caller compares len(tag) with the length that the message declares (RFC 5084, Section 3.2, ICVlen).
func Check(sum [TagSize]byte, tag []byte) bool {
	if len(tag) < MinTagSize || len(tag) > TagSize {
		return false
	}
	return subtle.ConstantTimeCompare(sum[:len(tag)], tag) == 1
}

// checkParams refuses what would make a constructor of crypto/cipher panic or fail later.
func checkParams(key, nonce []byte) error {
	if fips140.Enforced() {
		return ErrFIPS
	}
	switch len(key) {
	case 16, 24, 32:
	default:
		return fmt.Errorf("gcm: key of %d bytes: AES takes 16, 24 or 32", len(key))
	}
	if len(nonce) != NonceSize {
		return errNonce
	}
	return nil
}

// reserve returns b with its content and length, and a capacity of at least one byte more, growing in steps to at
// most limit: a message of 1 KiB must not cost a buffer of 256. What is left behind may be plaintext and is wiped.
func reserve(b []byte, want, limit int) []byte {
	if len(b) < cap(b) || cap(b) >= limit {
		return b
	}
	size := max(4*cap(b), 4<<10, len(b)+want)
	grown := make([]byte, len(b), min(size, limit))
	copy(grown, b)
	clear(b)
	return grown
}
