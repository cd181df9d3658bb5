package zipbox_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
)

// held is what is in use after a collection.
func held() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// Each further archive at the same time costs at most 1 MiB.
func TestManyAtTheSameTime(t *testing.T) {
	needsSHA1(t)
	const many, most = 16, 1 << 20
	p := envelope.NewPassphrase()
	data := octets(4 << 20)
	archive := lock(t, zipbox.Locker{}, p, file{"a", data})
	before := held()
	var ws []*zipbox.Writer
	for range many {
		w, err := zipbox.Lock(io.Discard, p)
		require.NoError(t, err)
		f, err := w.Create("a", time.Time{})
		require.NoError(t, err)
		_, err = f.Write(data)
		require.NoError(t, err)
		ws = append(ws, w)
	}
	each := (held() - before) / many
	t.Logf("locking: %d KiB each", each>>10)
	require.LessOrEqual(t, each, int64(most))
	for _, w := range ws {
		w.Abort()
	}
	ws = nil
	before = held()
	var as []*zipbox.Archive
	var rs []io.ReadCloser
	for range many {
		a, err := new(zipbox.Opener).Open(bytes.NewReader(archive), p)
		require.NoError(t, err)
		r := a.Files()[0].Open()
		_, err = io.CopyN(io.Discard, r, 2<<20)
		require.NoError(t, err)
		as, rs = append(as, a), append(rs, r)
	}
	each = (held() - before) / many
	t.Logf("unlocking: %d KiB each", each>>10)
	require.LessOrEqual(t, each, int64(most))
	for i := range as {
		rs[i].Close()
		as[i].Close()
	}
	runtime.KeepAlive(ws)
}

// fiveGiB is a file of 5 GiB and one octet that takes no place on a disk: some
// octets around what 32 bits hold, and holes.
func fiveGiB(t *testing.T, name string) (sum []byte) {
	t.Helper()
	f, err := os.Create(name)
	require.NoError(t, err)
	defer f.Close()
	const n = 5<<30 + 1
	require.NoError(t, f.Truncate(n))
	for _, at := range []int64{0, 1<<31 - 2, 1<<32 - 2, n - 4} {
		_, err := f.WriteAt([]byte(fmt.Sprintf("%04x", at>>30)), at)
		require.NoError(t, err)
	}
	return hashed(t, f)
}

func hashed(t *testing.T, r io.Reader) []byte {
	t.Helper()
	h := sha256.New()
	_, err := io.CopyBuffer(struct{ io.Writer }{h}, r, make([]byte, 1<<17))
	require.NoError(t, err)
	return h.Sum(nil)
}

// Five GiB: our archive by us and by each other program, and theirs by us.
func TestFiveGiB(t *testing.T) {
	if os.Getenv("DKB_FULL") == "" {
		t.Skip("DKB_FULL is not set: this takes half an hour, and 10 GiB in the folder for temporary files")
	}
	eachPeer(t, func(t *testing.T, p peer) {
		dir, pass := t.TempDir(), passphrase(t, testPassphrase)
		from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
		require.NoError(t, os.Mkdir(from, 0o700))
		want := fiveGiB(t, filepath.Join(from, "long.bin"))
		check := func(name string) {
			start := time.Now()
			f, err := os.Open(name)
			require.NoError(t, err)
			defer f.Close()
			a, err := new(zipbox.Opener).Open(f, pass)
			require.NoError(t, err)
			defer a.Close()
			require.Len(t, a.Files(), 1)
			r := a.Files()[0].Open()
			defer r.Close()
			require.Equal(t, want, hashed(t, r))
			t.Logf("unlocked and hashed %s in %s", filepath.Base(name), time.Since(start))
		}
		ours, theirs := filepath.Join(dir, "ours.zip"), filepath.Join(dir, "theirs.zip")
		lockFile(t, ours, filepath.Join(from, "long.bin"), pass)
		check(ours)
		require.NoError(t, os.Mkdir(to, 0o700))
		require.NoError(t, p.unlock(t, ours, to, testPassphrase))
		require.NoError(t, os.Remove(ours))
		inner := filepath.Join(dir, "inner")
		require.NoError(t, os.Mkdir(inner, 0o700))
		require.NoError(t, p.unlock(t, filepath.Join(to, "attachments.zip"), inner, ""))
		require.NoError(t, os.RemoveAll(to))
		f, err := os.Open(filepath.Join(inner, "long.bin"))
		require.NoError(t, err)
		defer f.Close()
		require.Equal(t, want, hashed(t, f))
		require.NoError(t, os.RemoveAll(inner))

		p.lock(t, theirs, from, testPassphrase, 256, false)
		check(theirs)
	})
}

func lockFile(t *testing.T, archive, name string, p *envelope.Passphrase) {
	t.Helper()
	src, err := os.Open(name)
	require.NoError(t, err)
	defer src.Close()
	dst, err := os.Create(archive)
	require.NoError(t, err)
	defer dst.Close()
	w, err := zipbox.Lock(dst, p)
	require.NoError(t, err)
	defer w.Abort()
	f, err := w.Create(filepath.Base(name), testTime)
	require.NoError(t, err)
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, struct{ io.Reader }{src}, make([]byte, 1<<17))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, dst.Close())
}
