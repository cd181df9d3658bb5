// Package mdc streams the content of OpenPGP's Symmetrically Encrypted and Integrity Protected Data packet of version 1 (RFC 9580,
// Section 5.13.1), without the packet around it: in CFB mode with an initialisation vector of zeros a random block with its last two
// octets repeated, the content, and a Modification Detection Code packet with SHA-1 of all that came before, its own header included.
//
// Hashing and encrypting have a core each as soon as there is enough of it; so have reading and decrypting.
package mdc

import (
	"crypto/sha1"
	"errors"
)

const (
	// bufferSize is how much is handed from one goroutine to the next, in bytes: it costs some microseconds, and what is done with
	// so much some fifty. It is a multiple of every cipher's block. All buffers together leave room in the 1 MiB of an envelope.
	bufferSize = 64 << 10

	// writeBuffer is the same where a message is written, which takes fewer buffers, and more time for each.
	writeBuffer = 128 << 10

	// firstBuffer is what a message has until it has more: one of 1 KiB should not pay for more, nor for a goroutine.
	firstBuffer = 4 << 10

	// trailer is the length of the packet with the code: its header, and the digest.
	trailer = 2 + sha1.Size

	// tag and length are that header, in the only form that it may have (RFC 9580, Section 5.13.1).
	tag    = 0xC0 | 19
	length = sha1.Size

	// repeated is how many octets of the random block follow it again. They are never compared: whoever can ask whether they are
	// equal can decrypt (Mister and Zuccherato, "An Attack on CFB Mode Encryption As Used By OpenPGP"; RFC 9580, Section 13.4).
	repeated = 2
)

// ErrClosed is returned by calls that come after Close or Abort.
var ErrClosed = errors.New("mdc: already closed")
