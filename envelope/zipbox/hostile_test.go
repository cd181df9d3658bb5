package zipbox_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
)

func put16(at int, v uint16) func([]byte) {
	return func(b []byte) { binary.LittleEndian.PutUint16(b[at:], v) }
}

func put32(at int, v uint32) func([]byte) {
	return func(b []byte) { binary.LittleEndian.PutUint32(b[at:], v) }
}

func changing(f func([]byte)) func([]byte) []byte {
	return func(b []byte) []byte { f(b); return b }
}

// Hostile archives: each is one that opens, with one thing changed. want is the
// code of the RefusedError, "limit" or "decrypt".
func TestHostile(t *testing.T) {
	needsSHA1(t)
	aesField := num(nil, uint16(0x9901), uint16(7), uint16(2), [2]byte{'A', 'E'}, byte(3), uint16(0))
	type change = func(c *crafted, e *craftedEntry)
	name := func(n string) change { return func(c *crafted, e *craftedEntry) { e.name = n } }
	for _, c := range []struct {
		name, want string
		change     change
	}{
		{"climbs", "unsafe-name", name("../b.txt")},
		{"climbs further in", "unsafe-name", name("a/../../b.txt")},
		{"absolute", "unsafe-name", name("/etc/passwd")},
		{"backslash", "unsafe-name", name(`..\b.txt`)},
		{"drive", "unsafe-name", name("C:b.txt")},
		{"UNC", "unsafe-name", name(`\\host\share\b.txt`)},
		{"dot", "unsafe-name", name("./b.txt")},
		{"empty part", "unsafe-name", name("a//b.txt")},
		{"empty", "unsafe-name", name("")},
		{"NUL", "unsafe-name", name("b.txt\x00.exe")},
		{"line end", "unsafe-name", name("b\n.txt")},
		{"no UTF-8", "unsafe-name", name("b\xff.txt")},
		{"too long", "unsafe-name", name(strings.Repeat("x", 4097))},
		{"too deep", "unsafe-name", name(strings.Repeat("x/", 32) + "b")},
		{"twice", "duplicate-name", name("a.txt")},
		{"twice but for case", "duplicate-name", name("A.TXT")},
		{"twice when mended", "duplicate-name", name("a.txt. ")},
		{"twice, fullwidth", "duplicate-name", name("ａ.txt")},
		{"a file as folder", "duplicate-name", name("a.txt/b")},
		{"a folder as file", "duplicate-name", func(c *crafted, e *craftedEntry) { c.entries[0].name, e.name = "x/y", "X" }},
		{"link", "link", func(c *crafted, e *craftedEntry) { e.attributes = 0o120777 << 16 }},
		{"device", "link", func(c *crafted, e *craftedEntry) { e.attributes = 0o020777 << 16 }},
		{"folder that is none", "link", func(c *crafted, e *craftedEntry) { e.attributes = 0o040777 << 16 }},
		{"link of Windows", "link", func(c *crafted, e *craftedEntry) { e.madeBy, e.attributes = 0, 0x400 }},
		{"plain file beside", "not-encrypted", func(c *crafted, e *craftedEntry) { e.plain = true }},
		{"all plain", "not-encrypted", func(c *crafted, e *craftedEntry) { e.plain, c.entries[0].plain = true, true }},
		{"no entries", "not-encrypted", func(c *crafted, e *craftedEntry) { c.entries = nil }},
		{"ZipCrypto", "zipcrypto", func(c *crafted, e *craftedEntry) { e.plain, e.flags = true, 1 }},
		{"encrypted by PKWARE", "strong-encryption", func(c *crafted, e *craftedEntry) { e.flags = 1 << 6 }},
		{"PKWARE's field", "strong-encryption", func(c *crafted, e *craftedEntry) { e.extra = num(nil, uint16(0x17), uint16(2), uint16(2)) }},
		{"encrypted directory", "encrypted-directory", func(c *crafted, e *craftedEntry) { e.flags = 1 << 13 }},
		{"encrypted directory's key", "encrypted-directory", func(c *crafted, e *craftedEntry) {
			c.directory = func(b []byte) []byte { return append(num(nil, uint32(0x08064b50), uint32(0)), b...) }
		}},
		{"second name", "headers-differ", func(c *crafted, e *craftedEntry) { e.extra = num(nil, uint16(0x7075), uint16(5), byte(1), uint32(0)) }},
		{"in front", "before", func(c *crafted, e *craftedEntry) { c.prefix = []byte("MZ") }},
		{"in front of the directory", "before", func(c *crafted, e *craftedEntry) {
			c.beforeDirectory = []byte("x")
			c.end = changing(func(b []byte) { binary.LittleEndian.PutUint32(b[16:], binary.LittleEndian.Uint32(b[16:])-1) })
		}},
		{"before the directory, counted", "gap", func(c *crafted, e *craftedEntry) { c.beforeDirectory = []byte("x") }},
		{"between", "gap", func(c *crafted, e *craftedEntry) { c.entries[0].behind = []byte("x") }},
		{"between, of a descriptor's length", "gap", func(c *crafted, e *craftedEntry) { c.entries[0].behind = make([]byte, 16) }},
		{"behind", "after", func(c *crafted, e *craftedEntry) { c.suffix = []byte("x") }},
		{"an archive behind", "after", func(c *crafted, e *craftedEntry) {
			end := num(nil, uint32(0x06054b50), make([]byte, 18))
			c.comment = string(end)
		}},
		{"one content twice", "overlap", func(c *crafted, e *craftedEntry) { e.at, e.name = 0, "b.txt" }},
		{"longer than its place", "overlap", func(c *crafted, e *craftedEntry) {
			longer := func(at int) func([]byte) {
				return func(b []byte) {
					for i := at; i < at+8; i += 4 {
						binary.LittleEndian.PutUint32(b[i:], binary.LittleEndian.Uint32(b[i:])+1)
					}
				}
			}
			e.local, e.central = longer(18), longer(20)
		}},
		{"name at the entry", "headers-differ", func(c *crafted, e *craftedEntry) { e.local = func(b []byte) { b[30] = 'c' } }},
		{"method at the entry", "headers-differ", func(c *crafted, e *craftedEntry) { e.local = put16(8, 0) }},
		{"flags at the entry", "headers-differ", func(c *crafted, e *craftedEntry) { e.local = put16(6, 1) }},
		{"size at the entry", "headers-differ", func(c *crafted, e *craftedEntry) { e.local = put32(22, 1) }},
		{"size zero at the entry", "headers-differ", func(c *crafted, e *craftedEntry) { e.local = put32(22, 0) }},
		{"packed size at the entry", "headers-differ", func(c *crafted, e *craftedEntry) { e.local = put32(18, 1) }},
		{"checksum at the entry", "headers-differ", func(c *crafted, e *craftedEntry) { e.local = put32(14, 1) }},
		{"date at the entry", "headers-differ", func(c *crafted, e *craftedEntry) { e.local = put16(12, 1) }},
		{"key at the entry", "headers-differ", func(c *crafted, e *craftedEntry) { e.local = func(b []byte) { b[len(b)-3] = 1 } }},
		{"compressed, says the directory", "headers-differ", func(c *crafted, e *craftedEntry) { e.central = func(b []byte) { b[len(b)-2] = 8 } }},
		{"size of what is stored", "headers-differ", func(c *crafted, e *craftedEntry) { e.size = 5 }},
		{"descriptor", "headers-differ", func(c *crafted, e *craftedEntry) {
			e.descriptor, e.deflate = true, true
			e.central = func(b []byte) { b[24]++ }
		}},
		{"checksum in AE-2", "damaged", func(c *crafted, e *craftedEntry) { e.crc = 1 }},
		{"AE-3", "damaged", func(c *crafted, e *craftedEntry) { e.vendor = 3 }},
		{"two ways to encrypt", "damaged", func(c *crafted, e *craftedEntry) { e.extra = aesField }},
		{"extra field", "damaged", func(c *crafted, e *craftedEntry) { e.extra = []byte{1, 2, 9, 0} }},
		{"another compression", "method", func(c *crafted, e *craftedEntry) {
			f := func(b []byte) { b[len(b)-2] = 12 }
			e.local, e.central = f, f
		}},
		{"too short", "damaged", func(c *crafted, e *craftedEntry) {
			e.local, e.central = put32(18, 27), put32(20, 27)
		}},
		{"folder with content", "damaged", name("b/")},
		{"another disk", "disks", func(c *crafted, e *craftedEntry) { c.end = changing(put16(4, 1)) }},
		{"on the disk that another end says", "disks", func(c *crafted, e *craftedEntry) { c.end = changing(put16(4, 0xffff)) }},
		{"directory on the disk that another end says", "disks", func(c *crafted, e *craftedEntry) { c.end = changing(put16(6, 0xffff)) }},
		{"entry on another disk", "disks", func(c *crafted, e *craftedEntry) { e.central = put16(34, 1) }},
		{"entries on other disks", "disks", func(c *crafted, e *craftedEntry) { c.end = changing(put16(8, 1)) }},
		{"fewer entries than said", "damaged", func(c *crafted, e *craftedEntry) { c.end = changing(func(b []byte) { b[8], b[10] = 3, 3 }) }},
		{"more entries than said", "damaged", func(c *crafted, e *craftedEntry) { c.end = changing(func(b []byte) { b[8], b[10] = 1, 1 }) }},
		{"directory elsewhere", "damaged", func(c *crafted, e *craftedEntry) { c.end = changing(put32(16, 1<<31)) }},
		{"entry elsewhere", "overlap", func(c *crafted, e *craftedEntry) { e.central = put32(42, 1) }},
		{"too many entries", "limit", func(c *crafted, e *craftedEntry) {
			c.end = changing(func(b []byte) { put16(8, 10_001)(b); put16(10, 10_001)(b) })
		}},
		{"bomb, as it says", "limit", func(c *crafted, e *craftedEntry) { e.deflate, e.content = true, make([]byte, 2<<20) }},
		{"bomb, in size", "limit", func(c *crafted, e *craftedEntry) { e.deflate, e.size = true, 2<<30 }},
		{"bomb that says less", "size", func(c *crafted, e *craftedEntry) { e.deflate, e.content, e.size = true, make([]byte, 2<<20), 1000 }},
		{"less than said", "size", func(c *crafted, e *craftedEntry) { e.deflate, e.size = true, 1000 }},
		{"no deflate", "size", func(c *crafted, e *craftedEntry) {
			e.deflate = true
			e.packed = func(b []byte) []byte { b[0] ^= 7; return b }
		}},
		{"checksum of AE-1", "checksum", func(c *crafted, e *craftedEntry) {
			e.vendor = 1
			e.local, e.central = put32(14, 1), put32(16, 1)
		}},
		{"content", "decrypt", func(c *crafted, e *craftedEntry) { e.sealed = func(b []byte) { b[18] ^= 1 } }},
		{"salt", "decrypt", func(c *crafted, e *craftedEntry) { e.sealed = func(b []byte) { b[0] ^= 1 } }},
		{"verifier", "decrypt", func(c *crafted, e *craftedEntry) { e.sealed = func(b []byte) { b[16] ^= 1 } }},
		{"tag", "decrypt", func(c *crafted, e *craftedEntry) { e.sealed = func(b []byte) { b[len(b)-1] ^= 1 } }},
	} {
		t.Run(c.name, func(t *testing.T) {
			arch := craft("a.txt", "b.txt")
			_, _, err := open(zipbox.Opener{}, bytes.NewReader(arch.bytes(t)), passphrase(t, testPassphrase))
			require.NoError(t, err, "the twin opens")
			c.change(arch, arch.entries[1])
			b := arch.bytes(t)
			for _, src := range []io.Reader{bytes.NewReader(b), struct{ io.Reader }{bytes.NewReader(b)}} {
				got, _, err := open(zipbox.Opener{}, src, passphrase(t, testPassphrase))
				require.Error(t, err)
				require.NotContains(t, err.Error(), "\n")
				var refused *zipbox.RefusedError
				switch c.want {
				case "decrypt":
					require.Equal(t, envelope.ErrDecrypt, err)
				case "limit":
					require.ErrorAs(t, err, new(*envelope.LimitError))
				default:
					require.True(t, errors.As(err, &refused), "%v", err)
					require.Equal(t, c.want, refused.Code, "%v", err)
					require.ErrorIs(t, err, envelope.ErrFormat)
				}
				if c.want != "size" && c.want != "checksum" {
					require.Empty(t, got, "nothing is released")
				}
			}
		})
	}
}

// What is unusual, and right.
func TestUnusual(t *testing.T) {
	needsSHA1(t)
	for name, change := range map[string]func(c *crafted, e *craftedEntry){
		"deflate":       func(c *crafted, e *craftedEntry) { e.deflate = true },
		"descriptor":    func(c *crafted, e *craftedEntry) { e.descriptor = true },
		"AE-1":          func(c *crafted, e *craftedEntry) { e.vendor = 1 },
		"128":           func(c *crafted, e *craftedEntry) { e.strength = 1 },
		"192":           func(c *crafted, e *craftedEntry) { e.strength = 2 },
		"comment":       func(c *crafted, e *craftedEntry) { c.comment = "see you" },
		"Windows":       func(c *crafted, e *craftedEntry) { e.madeBy, e.attributes = 0, 0x20 },
		"from a pipe":   func(c *crafted, e *craftedEntry) { e.attributes = 0o010600 << 16 },
		"unknown field": func(c *crafted, e *craftedEntry) { e.extra = num(nil, uint16(0x5455), uint16(1), byte(0)) },
		"in a folder":   func(c *crafted, e *craftedEntry) { e.name = "folder/b.txt" },
		"plain folder": func(c *crafted, e *craftedEntry) {
			c.entries = append(c.entries, &craftedEntry{name: "folder/", plain: true, madeBy: 3, attributes: 0o040755 << 16, at: -1})
		},
		"ratio of 200":     func(c *crafted, e *craftedEntry) { e.deflate, e.content = true, make([]byte, 1<<20) },
		"no content":       func(c *crafted, e *craftedEntry) { e.content = nil },
		"an archive in it": func(c *crafted, e *craftedEntry) { e.content = craft("x").bytes(t) },
	} {
		t.Run(name, func(t *testing.T) {
			arch := craft("a.txt", "b.txt")
			change(arch, arch.entries[1])
			got, report, err := open(zipbox.Opener{}, bytes.NewReader(arch.bytes(t)), passphrase(t, testPassphrase))
			require.NoError(t, err)
			require.Len(t, got, 2)
			require.Equal(t, arch.entries[1].content, append([]byte(nil), got[arch.entries[1].name]...))
			require.False(t, report.Whole)
			require.NotEmpty(t, report.Findings)
		})
	}
	mended := craft("con.txt", "x\u202etxt.exe")
	got, _, err := open(zipbox.Opener{}, bytes.NewReader(mended.bytes(t)), passphrase(t, testPassphrase))
	require.NoError(t, err)
	require.Contains(t, got, "_con.txt")
	require.Contains(t, got, "xtxt.exe")
}
