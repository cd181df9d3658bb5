package zipbox_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/internal/reread"
	"github.com/doublekeybox/doublekeybox/internal/winzip"
)

// drawer is a Sink in memory, which fails as it is told.
type drawer struct {
	bytes.Buffer
	commits int
	most    int // octets that fit; 0: any number
	short   bool
	panics  bool
	refuses error // by Commit
}

func (d *drawer) Write(p []byte) (int, error) {
	switch {
	case d.commits > 0:
		return 0, errors.New("written to after Commit")
	case d.panics:
		panic("a sink that panics")
	case d.short:
		return d.Buffer.Write(p[:len(p)-1])
	case d.most > 0 && d.Len()+len(p) > d.most:
		return 0, errFull
	}
	return d.Buffer.Write(p)
}

func (d *drawer) Commit() error {
	d.commits++
	return d.refuses
}

func TestOpenInto(t *testing.T) {
	p := passphrase(t, testPassphrase)
	long := octets(20*chunk + 7)
	foreign := func(change func(e *craftedEntry)) []byte {
		arch := craft("a.txt")
		arch.entries[0].content = long
		change(arch.entries[0])
		return arch.bytes(t)
	}
	for name, c := range map[string]struct {
		archive []byte
		want    []byte
		pipe    bool
		written bool
	}{
		"ours":            {lock(t, zipbox.Locker{}, p, file{"a.txt", long}), long, false, true},
		"ours, empty":     {lock(t, zipbox.Locker{}, p, file{"a.txt", nil}), nil, false, true},
		"ours, an octet":  {lock(t, zipbox.Locker{}, p, file{"a.txt", long[:1]}), long[:1], false, true},
		"ours, by pipe":   {lock(t, zipbox.Locker{}, p, file{"a.txt", long}), long, true, false},
		"ours, deflated":  {lock(t, zipbox.Locker{Deflate: true}, p, file{"a.txt", long}), long, false, false},
		"ours, two":       {lock(t, zipbox.Locker{}, p, file{"a.txt", long}, file{"b", nil}), long, false, false},
		"theirs":          {foreign(func(e *craftedEntry) {}), long, false, true},
		"theirs, AE-1":    {foreign(func(e *craftedEntry) { e.vendor = 1 }), long, false, true},
		"theirs, 128":     {foreign(func(e *craftedEntry) { e.strength = 1 }), long, false, true},
		"theirs, deflate": {foreign(func(e *craftedEntry) { e.deflate = true }), long, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			var src io.Reader = bytes.NewReader(c.archive)
			if c.pipe {
				src = struct{ io.Reader }{src}
			}
			d := &drawer{}
			a, written, err := new(zipbox.Opener).OpenInto(d, src, p)
			require.NoError(t, err)
			defer a.Close()
			require.Equal(t, c.written, written)
			if written {
				require.Equal(t, 1, d.commits)
				require.True(t, bytes.Equal(c.want, d.Bytes()))
			} else {
				require.Zero(t, d.commits)
				require.Zero(t, d.Len())
			}
			r := a.Files()[0].Open()
			defer r.Close()
			got, err := io.ReadAll(r)
			require.NoError(t, err)
			require.True(t, bytes.Equal(c.want, got), "it is read again all the same")
		})
	}
}

// Whatever is wrong: the error of Open, and no Commit.
func TestOpenIntoCommitsNothing(t *testing.T) {
	t.Parallel()
	p := passphrase(t, testPassphrase)
	small := lock(t, zipbox.Locker{}, p, file{"a.txt", []byte("some content")})
	for i := range small { // each bit: TestEveryBit
		small[i] ^= 1 << (i % 8)
		d := &drawer{}
		_, written, err := new(zipbox.Opener).OpenInto(d, bytes.NewReader(small), p)
		require.Error(t, err, "octet %d", i)
		require.False(t, written)
		require.Zero(t, d.commits)
		_, _, plain := open(zipbox.Opener{}, bytes.NewReader(small), p)
		require.Equal(t, plain, err)
		small[i] ^= 1 << (i % 8)
	}
	long := lock(t, zipbox.Locker{}, p, file{"a.txt", octets(20 * chunk)})
	for _, at := range []int{100, len(long) / 2, len(long) - 300} {
		long[at] ^= 1
		d := &drawer{}
		_, _, err := new(zipbox.Opener).OpenInto(d, bytes.NewReader(long), p)
		require.Equal(t, envelope.ErrDecrypt, err)
		require.Zero(t, d.commits)
		long[at] ^= 1
	}
	arch := craft("a.txt")
	arch.entries[0].vendor = 1
	arch.entries[0].local, arch.entries[0].central = put32(14, 1), put32(16, 1)
	d := &drawer{}
	_, _, err := new(zipbox.Opener).OpenInto(d, bytes.NewReader(arch.bytes(t)), p)
	var refused *zipbox.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "checksum", refused.Code)
	require.Zero(t, d.commits)

	for name, c := range map[string]struct {
		d    *drawer
		want error
	}{
		"full at once": {&drawer{most: 1}, errFull},
		"full at last": {&drawer{most: 20*chunk - 1}, errFull},
		"short":        {&drawer{short: true}, io.ErrShortWrite},
	} {
		_, written, err := new(zipbox.Opener).OpenInto(c.d, bytes.NewReader(long), p)
		require.ErrorIs(t, err, c.want, name)
		require.False(t, written)
		require.Zero(t, c.d.commits, name)
	}
	d = &drawer{refuses: errFull}
	_, written, err := new(zipbox.Opener).OpenInto(d, bytes.NewReader(long), p)
	require.ErrorIs(t, err, errFull)
	require.False(t, written)
	d = &drawer{panics: true}
	require.PanicsWithValue(t, "a sink that panics", func() { new(zipbox.Opener).OpenInto(d, bytes.NewReader(long), p) })
	require.Zero(t, d.commits)
}

// A source that becomes another one before any of its reads.
func TestOpenIntoSourceTurns(t *testing.T) {
	p := passphrase(t, testPassphrase)
	one := lock(t, zipbox.Locker{}, p, file{"a", octets(3 * chunk)})
	other := octets(3 * chunk)
	other[0] ^= 1
	two := lock(t, zipbox.Locker{}, p, file{"a", other})
	// The same octets, otherwise split between what is before the file and it.
	moved := lock(t, zipbox.Locker{}, p, file{"ab", octets(3*chunk - 2)})
	committed := 0
	for _, turned := range [][]byte{two, moved} {
		for n := range 60 {
			d := &drawer{}
			a, _, err := new(zipbox.Opener).OpenInto(d, &turning{bytes.NewReader(one), n, turned}, p)
			require.Equal(t, err == nil, d.commits == 1)
			if err == nil {
				a.Close()
				committed++
				require.True(t, bytes.Equal(octets(3*chunk), d.Bytes()) || bytes.Equal(other, d.Bytes()) || bytes.Equal(octets(3*chunk-2), d.Bytes()))
				continue
			}
			require.True(t, errors.Is(err, envelope.ErrDecrypt) || errors.Is(err, envelope.ErrFormat) || errors.Is(err, reread.ErrChanged), "%v", err)
		}
	}
	require.Positive(t, committed)
	require.Less(t, committed, 120)
}

// Without the passphrase a bit of the content can be turned, and the directory
// with it: for as long as nothing is authenticated the file seems to be elsewhere.
func TestOpenIntoMovedFile(t *testing.T) {
	p := passphrase(t, testPassphrase)
	one := lock(t, zipbox.Locker{}, p, file{"a", octets(3 * chunk)})
	moved := lock(t, zipbox.Locker{}, p, file{"ab", octets(3*chunk - 2)})
	require.Len(t, moved, len(one))
	inner := func(archive []byte) []byte {
		const salt = 30 + len("attachments.zip") + 11
		keys, err := winzip.Derive(testPassphrase, archive[salt:][:16], winzip.AES256)
		require.NoError(t, err)
		b := bytes.Clone(archive[salt+18 : bytes.LastIndex(archive, []byte("PK\x07\x08"))-10])
		keys.XORAt(b, 0)
		return b
	}
	turned := bytes.Clone(one)
	was, is := inner(one), inner(moved)
	for i := range is {
		turned[30+len("attachments.zip")+11+18+i] ^= was[i] ^ is[i]
	}
	seen := map[string]bool{}
	for n := range 40 {
		d := &drawer{}
		a, written, err := new(zipbox.Opener).OpenInto(d, &turning{bytes.NewReader(turned), n, one}, p)
		require.Equal(t, written, d.commits == 1)
		switch {
		case err == nil:
			a.Close()
			require.True(t, !written || bytes.Equal(octets(3*chunk), d.Bytes()))
			seen["opened"] = true
		case errors.Is(err, reread.ErrChanged):
			seen["changed"] = true
		default:
			require.Equal(t, envelope.ErrDecrypt, err)
			seen["decrypt"] = true
		}
	}
	require.Len(t, seen, 3)
}
