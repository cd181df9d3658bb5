// Package cbc streams AES in CBC mode with the padding of RFC 5652, Section 6.3, which everybody calls PKCS #7: the content
// encryption of CMS EnvelopedData (RFC 3565).
//
// CBC authenticates nothing. Whoever can change the ciphertext can flip chosen bits of a block's plaintext at the price of
// garbling the block before it, can cut, repeat and reorder blocks, and can splice in text of his own around known plaintext
// (EFAIL, CVE-2017-17689). And whoever can learn whether a changed ciphertext had a good padding can decrypt all of it (Vaudenay,
// EUROCRYPT 2002). Whoever reads from a [Decrypter] has to make sure, by a signature inside, that the plaintext is the sender's before
// anybody acts on it, and has to make the error of this package and every later one look the same.
package cbc

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
)

const (
	// BlockSize is the length of a block of AES and of its initialisation vector, in bytes.
	BlockSize = aes.BlockSize

	// bufferSize is how much is processed at a time, in bytes. Buffers begin small and grow up to it.
	bufferSize = 128 << 10

	// firstBuffer is the smallest buffer: a message of 1 KiB should not pay for more.
	firstBuffer = 4 << 10
)

// ErrPadding is the one error for a ciphertext that is empty or not whole blocks, or whose plaintext is not padded
// properly. Which of them it is must not be told apart (Vaudenay's padding oracle).
var ErrPadding = errors.New("cbc: ciphertext is damaged, or the key is wrong")

// ErrClosed is returned by calls that come after Close.
var ErrClosed = errors.New("cbc: already closed")

var (
	errIV = errors.New("cbc: initialisation vector must be as long as a block: AES has 16 bytes")
)

func newBlock(key, iv []byte) (cipher.Block, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("cbc: %w", err)
	}
	if len(iv) != BlockSize {
		return nil, errIV
	}
	return block, nil
}

// grow returns b with its content and length, with four times the capacity up to bufferSize. What it leaves
// behind may be plaintext and is wiped.
func grow(b []byte) []byte {
	if cap(b) >= bufferSize {
		return b
	}
	grown := make([]byte, len(b), min(max(4*cap(b), firstBuffer), bufferSize))
	copy(grown, b)
	clear(b)
	return grown
}
