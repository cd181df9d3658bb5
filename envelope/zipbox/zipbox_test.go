package zipbox_test

import (
	"bytes"
	"crypto/fips140"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/internal/reread"
	"github.com/doublekeybox/doublekeybox/keyring"
)

func TestRoundTrip(t *testing.T) {
	p := envelope.NewPassphrase()
	for _, deflate := range []bool{false, true} {
		files := someFiles()
		archive := lock(t, zipbox.Locker{Deflate: deflate}, p, files...)
		for name, src := range map[string]io.Reader{
			"at any place":  bytes.NewReader(archive),
			"once":          struct{ io.Reader }{bytes.NewReader(archive)},
			"byte by byte":  iotest.OneByteReader(bytes.NewReader(archive)),
			"behind others": behind(t, archive),
		} {
			got, report, err := open(zipbox.Opener{}, src, p)
			require.NoError(t, err, name)
			same(t, files, got)
			require.Equal(t, zipbox.Report{Container: "AE-2", Content: "AES-256", Whole: true}, report)
		}
	}
	for n := range 3 { // none is an archive too
		files := someFiles()[:n]
		got, _, err := open(zipbox.Opener{}, bytes.NewReader(lock(t, zipbox.Locker{}, p, files...)), p)
		require.NoError(t, err)
		same(t, files, got)
	}
}

// behind returns a file with something before the archive, which was read.
func behind(t *testing.T, archive []byte) *os.File {
	name := filepath.Join(t.TempDir(), "x")
	require.NoError(t, os.WriteFile(name, append([]byte("head"), archive...), 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	_, err = f.Seek(4, io.SeekStart)
	require.NoError(t, err)
	return f
}

// Nothing of the files is seen from outside, and no two archives are alike.
func TestNothingLeaks(t *testing.T) {
	p := envelope.NewPassphrase()
	a := lock(t, zipbox.Locker{}, p, file{"diagnosis.pdf", []byte("secret words")})
	b := lock(t, zipbox.Locker{}, p, file{"diagnosis.pdf", []byte("secret words")})
	for _, s := range []string{"diagnosis", "secret", p.Reveal()} {
		require.NotContains(t, string(a), s)
	}
	require.Len(t, b, len(a))
	require.NotEqual(t, a[60:100], b[60:100])
}

// Every bit of an archive counts, those too that the format protects by nothing.
func TestEveryBit(t *testing.T) {
	t.Parallel()
	p := passphrase(t, testPassphrase)
	archive := lock(t, zipbox.Locker{}, p, file{"a.txt", []byte("x")})
	for i := range archive {
		for bit := range 8 {
			archive[i] ^= 1 << bit
			got, _, err := open(zipbox.Opener{}, bytes.NewReader(archive), p)
			require.Error(t, err, "bit %d of octet %d", bit, i)
			require.Empty(t, got)
			require.True(t, errors.Is(err, envelope.ErrDecrypt) || errors.Is(err, envelope.ErrFormat) || errors.Is(err, envelope.ErrLimit), "%v", err)
			archive[i] ^= 1 << bit
		}
	}
	_, _, err := open(zipbox.Opener{}, bytes.NewReader(archive), p)
	require.NoError(t, err)
}

// Every octet of an archive is needed, and none can be put behind it.
func TestEveryCut(t *testing.T) {
	p := passphrase(t, testPassphrase)
	archive := lock(t, zipbox.Locker{}, p, file{"a.txt", []byte("x")})
	for i := range archive {
		_, _, err := open(zipbox.Opener{}, bytes.NewReader(archive[:i]), p)
		require.ErrorIs(t, err, envelope.ErrFormat, "%d octets", i)
		_, _, err = open(zipbox.Opener{}, bytes.NewReader(archive[len(archive)-i:]), p)
		require.ErrorIs(t, err, envelope.ErrFormat, "the last %d octets", i)
	}
	_, _, err := open(zipbox.Opener{}, bytes.NewReader(archive[:100]), p)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, _, err = open(zipbox.Opener{}, strings.NewReader("something else"), p)
	require.NotErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestPassphrases(t *testing.T) {
	needsSHA1(t)
	opening, err := envelope.OpenPassphrase(testPassphrase)
	require.NoError(t, err)
	born := passphrase(t, "24.12.1980")
	for name, c := range map[string]struct {
		p    *envelope.Passphrase
		l    zipbox.Locker
		want string
	}{
		"generated":                {envelope.NewPassphrase(), zipbox.Locker{}, ""},
		"good":                     {passphrase(t, testPassphrase), zipbox.Locker{}, ""},
		"nil":                      {nil, zipbox.Locker{Weak: true}, "no passphrase"},
		"zero":                     {new(envelope.Passphrase), zipbox.Locker{Weak: true}, "no passphrase"},
		"for opening":              {opening, zipbox.Locker{Weak: true}, "opening only"},
		"a date of birth":          {born, zipbox.Locker{}, "a date"},
		"a date of birth, by name": {born, zipbox.Locker{Weak: true}, ""},
	} {
		var b bytes.Buffer
		w, err := c.l.Lock(&b, c.p)
		if c.want == "" {
			require.NoError(t, err, name)
			require.NoError(t, w.Close())
			require.Equal(t, c.p == born, len(w.Receipt().Weak) > 0, name)
			continue
		}
		require.ErrorContains(t, err, c.want, name)
		require.Zero(t, b.Len(), "nothing is written")
	}
	_, err = zipbox.Lock(io.Discard, born)
	var weak *zipbox.WeakError
	require.ErrorAs(t, err, &weak)
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.NotContains(t, err.Error(), "1980")
	require.NotContains(t, err.Error(), "\n")

	// However it was typed.
	archive := lock(t, zipbox.Locker{}, passphrase(t, "Größe e\u0301"), file{"a", nil})
	for text, ok := range map[string]bool{"Größe é": true, "Gro\u0308ße e\u0301": true, "Größe e": false, "größe é": false} {
		_, _, err := open(zipbox.Opener{}, bytes.NewReader(archive), passphrase(t, text))
		require.Equal(t, ok, err == nil, text)
	}
	// What another program took as it was typed.
	arch := craft("a.txt")
	opener, err := envelope.OpenPassphrase(testPassphrase)
	require.NoError(t, err)
	_, _, err = open(zipbox.Opener{}, bytes.NewReader(arch.bytes(t)), opener)
	require.NoError(t, err)
	for _, p := range []*envelope.Passphrase{nil, {}} {
		_, err := new(zipbox.Opener).Open(bytes.NewReader(archive), p)
		require.ErrorContains(t, err, "no passphrase")
	}
	_, err = new(zipbox.Opener).Open(nil, opener)
	require.Error(t, err)
}

func TestCreate(t *testing.T) {
	needsSHA1(t)
	var b bytes.Buffer
	p := envelope.NewPassphrase()
	w, err := zipbox.Lock(&b, p)
	require.NoError(t, err)
	a, err := w.Create("a.txt", time.Time{})
	require.NoError(t, err)
	for _, name := range []string{"", "A.TXT", "a.txt", "../x", "x/y", "con", ".x", "x ", "x\n"} {
		_, err := w.Create(name, time.Time{})
		require.Error(t, err, "%q", name)
	}
	_, err = a.Write([]byte("still "))
	require.NoError(t, err)
	_, err = a.Write([]byte("open"))
	require.NoError(t, err)
	_, err = w.Create("b.txt", time.Time{})
	require.NoError(t, err)
	_, err = a.Write([]byte("x"))
	require.Error(t, err, "the next was begun")
	require.NoError(t, w.Close())
	w.Abort()
	require.ErrorIs(t, w.Close(), envelope.ErrClosed)
	_, err = w.Create("c.txt", time.Time{})
	require.ErrorIs(t, err, envelope.ErrClosed)
	got, _, err := open(zipbox.Opener{}, &b, p)
	require.NoError(t, err)
	same(t, []file{{"a.txt", []byte("still open")}, {"b.txt", nil}}, got)
}

func TestAbort(t *testing.T) {
	needsSHA1(t)
	var b bytes.Buffer
	p := envelope.NewPassphrase()
	w, err := zipbox.Lock(&b, p)
	require.NoError(t, err)
	f, err := w.Create("a", time.Time{})
	require.NoError(t, err)
	_, err = f.Write(octets(10 * chunk))
	require.NoError(t, err)
	w.Abort()
	_, err = f.Write([]byte("x"))
	require.Error(t, err)
	require.ErrorIs(t, w.Close(), envelope.ErrClosed)
	_, _, err = open(zipbox.Opener{}, &b, p)
	require.ErrorIs(t, err, envelope.ErrFormat)
}

type failing struct{ after int }

var errFull = errors.New("full")

func (f *failing) Write(p []byte) (int, error) {
	if f.after--; f.after < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestDestinationFails(t *testing.T) {
	needsSHA1(t)
	p, done := envelope.NewPassphrase(), false
	for n := 0; !done; n++ {
		err := func() error {
			w, err := zipbox.Lock(&failing{n}, p)
			if err != nil {
				return err
			}
			defer w.Abort()
			f, err := w.Create("a", time.Time{})
			if err != nil {
				return err
			}
			if _, err := f.Write(octets(9 * chunk)); err != nil {
				return err
			}
			return w.Close()
		}()
		done = err == nil
		if !done {
			require.ErrorIs(t, err, errFull)
		}
		require.Less(t, n, 100)
	}
}

// A source that changes after it was authenticated gives an error, and no octet
// that was not.
func TestSourceChanges(t *testing.T) {
	p := passphrase(t, testPassphrase)
	foreign := craft("a")
	foreign.entries[0].content = octets(5 * chunk)
	for _, archive := range [][]byte{lock(t, zipbox.Locker{}, p, file{"a", octets(5 * chunk)}), foreign.bytes(t)} {
		a, err := new(zipbox.Opener).Open(bytes.NewReader(archive), p)
		require.NoError(t, err)
		archive[len(archive)/2] ^= 1
		_, err = io.ReadAll(a.Files()[0].Open())
		require.ErrorIs(t, err, reread.ErrChanged)
		archive[len(archive)/2] ^= 1
		_, err = io.ReadAll(a.Files()[0].Open())
		require.NoError(t, err)
		r := a.Files()[0].Open()
		require.NoError(t, a.Close())
		_, err = io.ReadAll(r)
		require.ErrorIs(t, err, envelope.ErrClosed)
		require.NoError(t, r.Close())
		_, err = r.Read(make([]byte, 1))
		require.ErrorIs(t, err, envelope.ErrClosed)
	}
}

// turning is a source that is another one from the n-th read on.
type turning struct {
	*bytes.Reader
	n     int
	other []byte
}

func (s *turning) ReadAt(p []byte, off int64) (int, error) {
	if s.n--; s.n < 0 {
		return bytes.NewReader(s.other).ReadAt(p, off)
	}
	return s.Reader.ReadAt(p, off)
}

// Whichever read it changes before, what is released is one of the two.
func TestSourceTurns(t *testing.T) {
	p := passphrase(t, testPassphrase)
	one := lock(t, zipbox.Locker{}, p, file{"a", []byte("one")})
	two := lock(t, zipbox.Locker{}, p, file{"a", []byte("two")})
	opened := 0
	for n := range 40 {
		got, _, err := open(zipbox.Opener{}, &turning{bytes.NewReader(one), n, two}, p)
		if err == nil {
			opened++
			require.Contains(t, []string{"one", "two"}, string(got["a"]))
		} else {
			require.True(t, errors.Is(err, envelope.ErrDecrypt) || errors.Is(err, envelope.ErrFormat) || errors.Is(err, reread.ErrChanged), "%v", err)
		}
	}
	require.Greater(t, opened, 1)
	require.Less(t, opened, 40)

	// The same content by another name: no tag tells. What is said to be "a" was
	// so to the end: whatever changes later is an error no more.
	a, b := craft("a"), craft("b")
	b.entries[0].content = a.entries[0].content
	said := false
	for n := range 20 {
		got, _, err := open(zipbox.Opener{}, &turning{bytes.NewReader(a.bytes(t)), n, b.bytes(t)}, p)
		if said {
			require.NoError(t, err)
		}
		_, is := got["a"]
		said = said || is && err == nil
	}
	require.True(t, said)
}

func TestLimits(t *testing.T) {
	p := passphrase(t, testPassphrase)
	archive := lock(t, zipbox.Locker{Deflate: true}, p, file{"a.txt", []byte("some content")}, file{"b.txt", []byte("more content")})
	n := int64(len(archive))
	for name, c := range map[string]struct {
		l  envelope.Limits
		ok bool
	}{
		"source":            {envelope.Limits{SourceBytes: n}, true},
		"longer source":     {envelope.Limits{SourceBytes: n - 1}, false},
		"decompressed":      {envelope.Limits{Decompressed: 24}, true},
		"more decompressed": {envelope.Limits{Decompressed: 23}, false},
		"directory":         {envelope.Limits{HeaderBytes: 120}, true},
		"longer directory":  {envelope.Limits{HeaderBytes: 50}, false},
	} {
		for _, src := range []io.Reader{bytes.NewReader(archive), struct{ io.Reader }{bytes.NewReader(archive)}} {
			_, _, err := open(zipbox.Opener{Limits: c.l}, src, p)
			require.Equal(t, c.ok, err == nil, "%s: %v", name, err)
			if !c.ok {
				require.ErrorIs(t, err, envelope.ErrLimit)
			}
		}
	}
}

func TestFIPS(t *testing.T) {
	if !fips140.Enforced() {
		t.Skip("holds with GODEBUG=fips140=only")
	}
	var b bytes.Buffer
	_, err := zipbox.Lock(&b, envelope.NewPassphrase())
	require.ErrorAs(t, err, new(*envelope.NotApprovedError))
	require.Zero(t, b.Len())
	_, err = new(zipbox.Opener).Open(&b, envelope.NewPassphrase())
	require.ErrorAs(t, err, new(*envelope.NotApprovedError))
}
