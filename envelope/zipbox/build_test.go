package zipbox_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/winzip"
)

// crafted is an archive as an attacker makes it: a right one, with one thing
// changed. All that a test changes is changed before the next is made.
type crafted struct {
	entries []*craftedEntry
	comment string

	prefix, beforeDirectory, suffix []byte
	directory                       func(b []byte) []byte
	end                             func(b []byte) []byte
}

type craftedEntry struct {
	name       string
	content    []byte
	deflate    bool
	descriptor bool
	plain      bool   // not encrypted
	strength   byte   // 0: AES-256
	vendor     uint16 // 0: AE-2
	madeBy     byte
	attributes uint32
	flags      uint16 // more of them
	crc        uint32 // another one, of AE-2
	extra      []byte // more of it, in both places
	comment    string
	size       uint32 // 0: right
	behind     []byte
	local      func(b []byte)
	central    func(b []byte)
	packed     func(b []byte) []byte // what is encrypted
	sealed     func(b []byte)        // what was encrypted, with salt and tag
	at         int                   // -1: where it is; else the entry of whose header it is
}

func craft(names ...string) *crafted {
	c := &crafted{}
	for _, n := range names {
		c.entries = append(c.entries, &craftedEntry{name: n, content: []byte("content of " + n), madeBy: 3, attributes: 0o100644 << 16, at: -1})
	}
	return c
}

func num(b []byte, vs ...any) []byte {
	for _, v := range vs {
		b, _ = binary.Append(b, binary.LittleEndian, v)
	}
	return b
}

func (e *craftedEntry) seal(t testing.TB, passphrase string) (out []byte, method uint16) {
	t.Helper()
	b := e.content
	if e.deflate {
		method = 8
		var z bytes.Buffer
		w, err := flate.NewWriter(&z, 9)
		require.NoError(t, err)
		_, err = w.Write(b)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		b = z.Bytes()
	}
	if e.packed != nil {
		b = e.packed(b)
	}
	if e.plain {
		return b, method
	}
	s := winzip.Strength(e.strength)
	out = bytes.Repeat([]byte{'s'}, s.SaltSize())
	keys, err := winzip.Derive(passphrase, out, s)
	require.NoError(t, err)
	verifier := keys.Verifier()
	var z bytes.Buffer
	w := winzip.NewSealer(&z, keys)
	_, err = w.Write(b)
	require.NoError(t, err)
	tag, err := w.Close()
	require.NoError(t, err)
	out = append(append(append(out, verifier[:]...), z.Bytes()...), tag[:]...)
	if e.sealed != nil {
		e.sealed(out)
	}
	return out, method
}

func (c *crafted) bytes(t testing.TB) []byte {
	t.Helper()
	needsSHA1(t)
	var central []byte
	out := bytes.Clone(c.prefix)
	var offsets []int
	for _, e := range c.entries {
		if e.strength == 0 {
			e.strength = 3
		}
		if e.vendor == 0 {
			e.vendor = 2
		}
		body, method := e.seal(t, testPassphrase)
		flags, crc := uint16(1<<11)|e.flags, crc32.ChecksumIEEE(e.content)
		var extra []byte
		if !e.plain {
			flags |= 1
			if e.vendor == 2 {
				crc = e.crc
			}
			extra = num(nil, uint16(0x9901), uint16(7), e.vendor, [2]byte{'A', 'E'}, e.strength, method)
			method = 99
		}
		extra = append(extra, e.extra...)
		size := uint32(len(e.content))
		if e.size != 0 {
			size = e.size
		}
		if e.descriptor {
			flags |= 8
		}
		offsets = append(offsets, len(out))
		at := len(out)
		if e.at >= 0 {
			at = offsets[e.at]
		}
		common := num(nil, uint16(51), flags, method, uint16(0x6000), uint16(0x5841))
		sizes := num(nil, crc, uint32(len(body)), size)
		header := append(num(nil, uint32(0x04034b50)), common...)
		if e.descriptor {
			header = append(header, make([]byte, 12)...)
		} else {
			header = append(header, sizes...)
		}
		header = append(num(header, uint16(len(e.name)), uint16(len(extra))), e.name...)
		header = append(header, extra...)
		if e.local != nil {
			e.local(header)
		}
		out = append(append(out, header...), body...)
		if e.descriptor {
			out = append(num(out, uint32(0x08074b50)), sizes...)
		}
		out = append(out, e.behind...)
		entry := append(num(nil, uint32(0x02014b50), [2]byte{51, e.madeBy}), common...)
		entry = append(entry, sizes...)
		entry = num(entry, uint16(len(e.name)), uint16(len(extra)), uint16(len(e.comment)), uint16(0), uint16(0), e.attributes, uint32(at))
		entry = append(append(append(entry, e.name...), extra...), e.comment...)
		if e.central != nil {
			e.central(entry)
		}
		central = append(central, entry...)
	}
	out = append(out, c.beforeDirectory...)
	if c.directory != nil {
		central = c.directory(central)
	}
	n := uint16(len(c.entries))
	end := num(nil, uint32(0x06054b50), uint16(0), uint16(0), n, n, uint32(len(central)), uint32(len(out)-len(c.beforeDirectory)), uint16(len(c.comment)))
	end = append(end, c.comment...)
	if c.beforeDirectory != nil {
		binary.LittleEndian.PutUint32(end[16:], uint32(len(out)))
	}
	if c.end != nil {
		end = c.end(end)
	}
	return append(append(append(out, central...), end...), c.suffix...)
}
