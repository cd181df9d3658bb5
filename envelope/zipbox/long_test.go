package zipbox_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"os/exec"
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

// counting is a content of any length that no two chunks share.
type counting struct{ at, end int64 }

func (c *counting) Read(p []byte) (int, error) {
	if c.at == c.end {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), c.end-c.at)]
	for i := range p {
		p[i] = byte(c.at >> 16)
		c.at++
	}
	return len(p), nil
}

// Five GiB: our archive by 7-Zip and by us, and 7-Zip's by us.
func TestFiveGiB(t *testing.T) {
	if os.Getenv("DKB_FULL") == "" {
		t.Skip("DKB_FULL is not set: this writes 10 GiB, 5 at a time")
	}
	needsSHA1(t)
	const n = 5<<30 + 1
	p, dir := passphrase(t, testPassphrase), t.TempDir()
	want := sha256.New()
	ours, err := os.Create(filepath.Join(dir, "ours.zip"))
	require.NoError(t, err)
	defer ours.Close()
	w, err := zipbox.Lock(ours, p)
	require.NoError(t, err)
	dst, err := w.Create("long.bin", testTime)
	require.NoError(t, err)
	_, err = io.CopyBuffer(struct{ io.Writer }{dst}, io.TeeReader(&counting{end: n}, want), make([]byte, 1<<17))
	require.NoError(t, err)
	require.NoError(t, w.Close())

	check := func(src *os.File) {
		_, err := src.Seek(0, io.SeekStart)
		require.NoError(t, err)
		a, err := new(zipbox.Opener).Open(src, p)
		require.NoError(t, err)
		defer a.Close()
		require.Len(t, a.Files(), 1)
		r := a.Files()[0].Open()
		defer r.Close()
		got := sha256.New()
		_, err = io.CopyBuffer(struct{ io.Writer }{got}, r, make([]byte, 1<<17))
		require.NoError(t, err)
		require.Equal(t, want.Sum(nil), got.Sum(nil))
	}
	check(ours)
	if _, err := exec.LookPath("7z"); err != nil {
		missing(t, "7z")
	}
	require.NoError(t, run(dir, "", "7z", "t", "-p"+testPassphrase, "ours.zip"))
	require.NoError(t, ours.Truncate(0))
	cmd := exec.Command("7z", "a", "-tzip", "-mx0", "-mem=AES256", "-p"+testPassphrase, "-silong.bin", "theirs.zip")
	cmd.Dir, cmd.Stdin = dir, &counting{end: n}
	require.NoError(t, cmd.Run())
	theirs, err := os.Open(filepath.Join(dir, "theirs.zip"))
	require.NoError(t, err)
	defer theirs.Close()
	check(theirs)
}
