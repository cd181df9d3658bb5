package zipbox_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
)

func inspect(b []byte) (*zipbox.Outline, error) {
	return zipbox.Inspect(bytes.NewReader(b), int64(len(b)))
}

func TestInspect(t *testing.T) {
	for n := range 4 {
		archive := lock(t, zipbox.Locker{Deflate: n%2 == 1}, envelope.NewPassphrase(), someFiles()[:n]...)
		o, err := inspect(archive)
		require.NoError(t, err)
		require.Equal(t, &zipbox.Outline{Container: "AE-2", Content: "AES-256", Hidden: true, Names: []string{"attachments.zip"}, Size: int64(len(archive))}, o)
	}
	_, err := zipbox.Inspect(nil, 1)
	require.Error(t, err)
	_, err = zipbox.Inspect(bytes.NewReader(nil), -1)
	require.Error(t, err)
	b := craft("a.txt", "b.txt").bytes(t)
	_, err = zipbox.Inspect(bytes.NewReader(b), int64(len(b)+1))
	require.Error(t, err, "a source that ends before it should")
	require.NotPanics(t, func() { zipbox.Inspect(bytes.NewReader(b), 1<<62) })
}

// One entry with names that everybody reads, and all that may not leave.
func TestInspectRefuses(t *testing.T) {
	type change = func(c *crafted, e *craftedEntry)
	for _, c := range []struct {
		name, want string // "": passes
		change     change
	}{
		{"as it is", "", func(c *crafted, e *craftedEntry) {}},
		{"AE-1", "", func(c *crafted, e *craftedEntry) { e.vendor = 1 }},
		{"deflate", "", func(c *crafted, e *craftedEntry) { e.deflate = true }},
		{"an empty file in the clear", "", func(c *crafted, e *craftedEntry) { e.plain, e.content = true, nil }},
		{"another name", "", func(c *crafted, e *craftedEntry) { e.name = "folder/c.txt" }},
		{"an unknown field", "", func(c *crafted, e *craftedEntry) { e.extra = num(nil, uint16(0x5455), uint16(1), byte(0)) }},
		{"a file in the clear", "not-encrypted", func(c *crafted, e *craftedEntry) { e.plain = true }},
		{"all in the clear", "not-encrypted", func(c *crafted, e *craftedEntry) { e.plain, c.entries[0].plain = true, true }},
		{"nothing", "not-encrypted", func(c *crafted, e *craftedEntry) { c.entries = nil }},
		{"a comment", "not-encrypted", func(c *crafted, e *craftedEntry) { c.comment = "the passphrase is x" }},
		{"a comment of a file", "not-encrypted", func(c *crafted, e *craftedEntry) { e.comment = "x" }},
		{"AES-128", "key-length", func(c *crafted, e *craftedEntry) { e.strength = 1 }},
		{"AES-192", "key-length", func(c *crafted, e *craftedEntry) { e.strength = 2 }},
		{"ZipCrypto", "zipcrypto", func(c *crafted, e *craftedEntry) { e.plain, e.flags = true, 1 }},
		{"PKWARE", "strong-encryption", func(c *crafted, e *craftedEntry) { e.flags = 1 << 6 }},
		{"something in front", "before", func(c *crafted, e *craftedEntry) { c.prefix = []byte("x") }},
		{"something behind", "after", func(c *crafted, e *craftedEntry) { c.suffix = []byte("x") }},
		{"something between", "gap", func(c *crafted, e *craftedEntry) { c.entries[0].behind = []byte("x") }},
		{"one content twice", "overlap", func(c *crafted, e *craftedEntry) { e.at, e.name = 0, "b.txt" }},
		{"a name twice", "duplicate-name", func(c *crafted, e *craftedEntry) { e.name = "A.txt" }},
		{"a name that leads elsewhere", "unsafe-name", func(c *crafted, e *craftedEntry) { e.name = "../x" }},
		{"a bomb", "limit", func(c *crafted, e *craftedEntry) { e.deflate, e.content = true, make([]byte, 2<<20) }},
		{"too many", "limit", func(c *crafted, e *craftedEntry) {
			c.end = changing(func(b []byte) { put16(8, 10_001)(b); put16(10, 10_001)(b) })
		}},
	} {
		arch := craft("a.txt", "b.txt")
		c.change(arch, arch.entries[1])
		o, err := inspect(arch.bytes(t))
		if c.want == "" {
			require.NoError(t, err, c.name)
			require.Equal(t, "AES-256", o.Content)
			require.False(t, o.Hidden, c.name)
			require.Equal(t, []string{"a.txt", arch.entries[1].name}, o.Names)
			require.NotEmpty(t, o.Findings)
			continue
		}
		require.Error(t, err, c.name)
		require.Nil(t, o)
		var refused *zipbox.RefusedError
		if c.want == "limit" {
			require.ErrorIs(t, err, envelope.ErrLimit, c.name)
		} else {
			require.True(t, errors.As(err, &refused), "%s: %v", c.name, err)
			require.Equal(t, c.want, refused.Code, c.name)
		}
	}
}

// What other programs wrote: AES-256 passes, with its name in sight.
func TestInspectOthers(t *testing.T) {
	names, err := filepath.Glob("testdata/*.zip")
	require.NoError(t, err)
	passed := 0
	for _, name := range names {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		o, err := inspect(b)
		if strings.HasSuffix(name, "-256.zip") || strings.HasSuffix(name, "-stored.zip") {
			require.NoError(t, err, name)
			require.Equal(t, []string{"größe.txt"}, o.Names)
			require.Equal(t, strings.Contains(name, "bsdtar"), o.Container == "AE-1", name)
			require.False(t, o.Hidden)
			passed++
		} else {
			require.ErrorIs(t, err, envelope.ErrFormat, name)
		}
	}
	require.Equal(t, 5, passed)
}

// A Writer's archive of which one octet in the clear was changed is not Hidden,
// if it is an archive at all.
func TestInspectHidden(t *testing.T) {
	archive := lock(t, zipbox.Locker{}, envelope.NewPassphrase(), file{"a.txt", []byte("x")})
	head := 30 + len("attachments.zip") + 11
	tail := bytes.LastIndex(archive, []byte("PK\x07\x08"))
	other := 0
	for i := range archive {
		archive[i] ^= 1
		o, err := inspect(archive)
		if i < head || i >= tail {
			require.True(t, err != nil || !o.Hidden, "octet %d", i)
			if err == nil {
				other++
			}
		} else {
			require.NoError(t, err)
			require.True(t, o.Hidden)
		}
		archive[i] ^= 1
	}
	require.Positive(t, other)
}
