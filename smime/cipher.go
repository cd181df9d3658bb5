package smime

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/cbc"
	"github.com/doublekeybox/doublekeybox/internal/ccm"
	"github.com/doublekeybox/doublekeybox/internal/chacha"
	"github.com/doublekeybox/doublekeybox/internal/gcm"
	"github.com/doublekeybox/doublekeybox/internal/rc2"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// blockCipher is what CBC is made of.
type blockCipher uint8

const (
	cipherAES blockCipher = iota
	cipherTripleDES
	cipherRC2
)

func (b blockCipher) blockSize() int {
	if b == cipherAES {
		return aes.BlockSize
	}
	return des.BlockSize // and RC2's
}

// new returns the cipher with a key of the length that the algorithm has.
func (b blockCipher) new(key []byte) (cipher.Block, error) {
	switch b {
	case cipherTripleDES:
		// Old archives are read, where the caller allows it by its name.
		return des.NewTripleDESCipher(key)
	case cipherRC2:
		return rc2.NewCipher(key, 8*len(key))
	}
	return aes.NewCipher(key)
}

// checkLegacy refuses what is weak and was not allowed by its name. It can be
// seen without a key.
func (a *contentAlgorithm) checkLegacy(l seam.Legacy) error {
	switch {
	case a.cipher == cipherTripleDES && !l.TripleDES:
		return malformed("its content is encrypted with %s, which is weak: Legacy.TripleDES allows to read it", a.name)
	case a.cipher == cipherRC2 && !l.RC2:
		return malformed("its content is encrypted with %s, which is weak: Legacy.RC2 allows to read it", a.name)
	}
	return nil
}

// weakness is what a person should know of the algorithm, or "".
func (a *contentAlgorithm) weakness() string {
	switch a.cipher {
	case cipherTripleDES:
		return "weak: the content is encrypted with triple DES, whose blocks of 64 bits repeat in long content"
	case cipherRC2:
		return "weak: the content is encrypted with RC2, of whose keys those of 40 bits can be tried out"
	}
	return ""
}

// checkFIPS is asked before anything is written or decrypted that needs what
// GODEBUG=fips140=only forbids.
func checkFIPS(a *contentAlgorithm) error {
	if !fipsOnly() {
		return nil
	}
	switch {
	case a.mode == modeGCM:
		return notApproved(forbiddenNonce)
	case a.aead() || a.cipher != cipherAES:
		return notApproved(a.name)
	}
	return nil
}

// decrypter returns a reader that decrypts src and checks nothing but, in CBC,
// the padding.
func (a *contentAlgorithm) decrypter(src io.Reader, key []byte) (io.ReadCloser, error) {
	switch a.mode {
	case modeGCM:
		return gcm.NewDecrypter(src, key, a.nonce)
	case modeCCM:
		return ccm.NewDecrypter(src, key, a.nonce)
	case modeChaCha:
		return chacha.NewDecrypter(src, key, a.nonce)
	}
	block, err := a.cipher.new(key)
	if err != nil {
		return nil, err
	}
	return cbc.NewBlockDecrypter(src, block, a.nonce)
}

// tagVerifier hashes the ciphertext that is written to it.
type tagVerifier interface {
	io.Writer

	// Check reports in constant time whether the tag is right.
	Check(tag []byte) bool
}

// verifier returns what checks the tag of an algorithm that hashes additional
// data, and in CCM the length, before the content. GCM does neither: see
// verifyGCM.
func (a *contentAlgorithm) verifier(key, aad []byte, size uint64) (tagVerifier, error) {
	if a.mode == modeCCM {
		return ccm.NewVerifier(key, a.nonce, aad, size, a.tagLen)
	}
	return chacha.NewVerifier(key, a.nonce, aad)
}

// checkSize refuses content that is longer than the algorithm encrypts with
// one nonce, which can be seen without a key. GCM's limit is package gcm's.
func (a *contentAlgorithm) checkSize(n int64) error {
	switch {
	case a.mode == modeCCM && uint64(n) > ccm.MaxBytes(len(a.nonce)):
		return malformed("its content is longer than AES-CCM can encrypt with a nonce of %d octets", len(a.nonce))
	case a.mode == modeChaCha && n > chacha.MaxBytes:
		return &envelope.LimitError{What: "octets in one ChaCha20-Poly1305 message", Max: chacha.MaxBytes, Fixed: true}
	}
	return nil
}
