// Package chunkmac notices when octets that are read again are not what they
// were: it keeps a MAC of every chunk under a key that nobody else knows.
package chunkmac

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
	"sync"
)

const (
	tagSize  = 16
	tagsPage = 4096 // a page of tags is 64 KiB: growing one slice would need twice its memory for a moment
)

type tag [tagSize]byte

// List holds a MAC of every chunk under a key of its own, which exists nowhere
// else. OK may be called concurrently, also with itself, but not with Add.
//
// The MAC is GMAC: AES-256-GCM of an empty plaintext, with the chunk as
// additional data and the chunk's index as nonce. GMAC falls once two tags under
// the same key and nonce are known. That is met here: a tag is never shown to
// anybody, not even by the time that a comparison takes; Add makes one tag for
// each index; and OK makes others under the same nonce only to compare them.
// All that an adversary who changes the source learns is whether he was noticed,
// and each try succeeds with a probability of at most 2^14 / 2^128 for a chunk
// of 256 KiB, which has 2^14 blocks (NIST SP 800-38D, Appendix C). The index as
// nonce binds a chunk to its place, and GMAC binds its length.
//
// With GODEBUG=fips140=only, which allows no GCM with own nonces, it is
// HMAC-SHA-256 of the index and the chunk, cut to 16 bytes.
type List struct {
	gmac  cipher.AEAD
	hmacs sync.Pool // of hash.Hash, one for each call of those that are concurrent, if gmac is nil
	pages [][]tag
	n     int
}

// New returns an empty List with a fresh key.
func New() (*List, error) {
	var key [32]byte
	rand.Read(key[:]) // never fails
	defer clear(key[:])
	if fips140.Enforced() {
		return withHMAC(key), nil
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("chunkmac: %w", err)
	}
	gmac, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("chunkmac: %w", err)
	}
	return &List{gmac: gmac}, nil
}

func withHMAC(key [32]byte) *List {
	return &List{hmacs: sync.Pool{New: func() any { return hmac.New(sha256.New, key[:]) }}}
}

// Add appends the MAC of the next chunk.
func (m *List) Add(chunk []byte) {
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

// OK reports whether chunk is what Add was given as number i.
func (m *List) OK(i int, chunk []byte) bool {
	if i >= m.n {
		return false
	}
	got := m.sum(i, chunk)
	return subtle.ConstantTimeCompare(got[:], m.pages[i/tagsPage][i%tagsPage][:]) == 1
}

func (m *List) sum(i int, chunk []byte) (t tag) {
	var nonce [12]byte
	binary.BigEndian.PutUint64(nonce[4:], uint64(i))
	if m.gmac != nil {
		m.gmac.Seal(t[:0], nonce[:], nil, chunk)
		return t
	}
	h := m.hmacs.Get().(hash.Hash)
	defer m.hmacs.Put(h)
	h.Reset()
	h.Write(nonce[:])
	h.Write(chunk)
	var sum [sha256.Size]byte
	copy(t[:], h.Sum(sum[:0]))
	return t
}
