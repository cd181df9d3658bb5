package spool

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"
)

const (
	tagSize  = 16
	tagsPage = 4096 // a page of tags is 64 KiB: growing one slice would need twice its memory for a moment
)

type tag [tagSize]byte

// macs holds a MAC of every chunk under a key of its own, which exists nowhere else.
//
// The MAC is GMAC: AES-256-GCM of an empty plaintext, with the chunk as additional data and the chunk's index as nonce. GMAC
// falls once two tags under the same key and nonce are known. That is met here: a tag is never shown to
// anybody, not even by the time that a comparison takes; the first pass makes one tag for each index; and the second pass
// makes others under the same nonce only to compare them. All that an adversary who changes the source learns is
// whether he was noticed, and each try succeeds with a probability of at most 2^14 / 2^128, since a chunk
// has 2^14 blocks (NIST SP 800-38D, Appendix C). The index as nonce binds a chunk to its place, and GMAC binds its length.
//
// With GODEBUG=fips140=only, which allows no GCM with own nonces, it is HMAC-SHA-256 of the index and the chunk, cut to 16 bytes.
type macs struct {
	gmac  cipher.AEAD
	hmac  hash.Hash // if gmac is nil
	pages [][]tag
	n     int
}

func newMACs() (*macs, error) {
	var key [32]byte
	rand.Read(key[:]) // never fails
	defer clear(key[:])
	if fips140.Enforced() {
		return &macs{hmac: newHMAC(key[:])}, nil
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	gmac, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	return &macs{gmac: gmac}, nil
}

func newHMAC(key []byte) hash.Hash { return hmac.New(sha256.New, key) }

// add appends the MAC of the next chunk.
func (m *macs) add(chunk []byte) {
	last := len(m.pages) - 1
	if last < 0 || len(m.pages[last]) == tagsPage {
		size := tagsPage
		if last < 0 {
			size = 0 // the first page grows: few sources need a whole one
		}
		m.pages = append(m.pages, make([]tag, 0, size))
		last++
	}
	m.pages[last] = append(m.pages[last], m.sum(m.n, chunk))
	m.n++
}

// ok reports whether chunk is what add was given as number i.
func (m *macs) ok(i int, chunk []byte) bool {
	if i >= m.n {
		return false
	}
	got := m.sum(i, chunk)
	return subtle.ConstantTimeCompare(got[:], m.pages[i/tagsPage][i%tagsPage][:]) == 1
}

func (m *macs) sum(i int, chunk []byte) (t tag) {
	var nonce [12]byte
	binary.BigEndian.PutUint64(nonce[4:], uint64(i))
	if m.gmac != nil {
		m.gmac.Seal(t[:0], nonce[:], nil, chunk)
		return t
	}
	m.hmac.Reset()
	m.hmac.Write(nonce[:])
	m.hmac.Write(chunk)
	copy(t[:], m.hmac.Sum(nil))
	return t
}
