package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// disk is a file whose next writes and syncs do what a test says.
type disk struct {
	*os.File
	write func(b []byte) (int, error) // nil: the file's
	sync  func() error                // nil: none
	syncs atomic.Int64
}

func (d *disk) Write(b []byte) (int, error) {
	if d.write != nil {
		return d.write(b)
	}
	return d.File.Write(b)
}

func (d *disk) Sync() error {
	d.syncs.Add(1)
	if d.sync != nil {
		return d.sync()
	}
	return nil
}

func onDisk(t *testing.T) (*Journal, *disk) {
	t.Helper()
	j := open10(t, filepath.Join(t.TempDir(), "journal.jsonl"))
	d := &disk{File: j.file.(*os.File)}
	j.file = d
	return j, d
}

// What comes while the disk is at work goes together, by one fsync, and nobody
// is told before it.
func TestGroupCommit(t *testing.T) {
	j, d := onDisk(t)
	working, release := make(chan bool), make(chan bool)
	d.sync = func() error { working <- true; <-release; return nil }
	var done atomic.Int64
	var group sync.WaitGroup
	begin := func(row int) {
		group.Go(func() {
			if err := j.Append(Record{Kind: Begun, Row: row}); err != nil {
				t.Error(err)
			}
			done.Add(1)
		})
	}
	begin(1)
	<-working
	for row := 2; row <= 10; row++ {
		begin(row)
	}
	require.Eventually(t, func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return j.n == 11
	}, time.Minute, time.Millisecond)
	require.Zero(t, done.Load())
	release <- true
	<-working
	require.Eventually(t, func() bool { return done.Load() == 1 }, time.Minute, time.Millisecond)
	release <- true
	group.Wait()
	require.EqualValues(t, 2, d.syncs.Load())
	d.sync = nil
	require.NoError(t, j.Close())
	require.Len(t, kinds(t, j.path), 11)
}

// Once something could not be written nothing is, whatever comes.
func TestBroken(t *testing.T) {
	full := func(d *disk, n int) func([]byte) (int, error) {
		return func(b []byte) (int, error) {
			n, _ := d.File.Write(b[:min(n, len(b))])
			return n, syscall.ENOSPC
		}
	}
	for name, c := range map[string]struct {
		breaks func(*disk)
		want   Status // of row 1, when the journal is read again
		err    error
	}{
		"no space":          {func(d *disk) { d.write = full(d, 0) }, IsWaiting, syscall.ENOSPC},
		"space for a bit":   {func(d *disk) { d.write = full(d, 100) }, IsWaiting, syscall.ENOSPC},
		"fsync":             {func(d *disk) { d.sync = func() error { return syscall.EIO } }, IsDoubtful, syscall.EIO},
		"nothing is broken": {func(*disk) {}, IsDoubtful, nil},
	} {
		t.Run(name, func(t *testing.T) {
			j, d := onDisk(t)
			c.breaks(d)
			err := j.Append(Record{Kind: Begun, Row: 1})
			require.ErrorIs(t, err, c.err)
			d.write, d.sync = nil, nil // the disk is well again, but what it has is not known
			before := d.syncs.Load()
			for row := 2; row <= 3; row++ {
				again := j.Append(Record{Kind: Begun, Row: row})
				if c.err == nil {
					require.NoError(t, again)
					continue
				}
				var broken *BrokenError
				require.ErrorAs(t, again, &broken)
				require.ErrorIs(t, again, c.err)
				require.Equal(t, before, d.syncs.Load())
			}
			require.NoError(t, j.Close())
			j, err = Resume(j.path)
			require.NoError(t, err)
			require.Equal(t, c.want, j.State(1).Status)
			if c.err != nil {
				require.Equal(t, State{}, j.State(2))
			}
			require.NoError(t, j.Close())
		})
	}
}

// Those who wait for the disk when it breaks are told, too.
func TestBrokenForAll(t *testing.T) {
	j, d := onDisk(t)
	working, release := make(chan bool), make(chan bool)
	d.sync = func() error { working <- true; <-release; return syscall.EIO }
	failed := make(chan error, 10)
	begin := func(row int) { go func() { failed <- j.Append(Record{Kind: Begun, Row: row}) }() }
	begin(1)
	<-working
	for row := 2; row <= 10; row++ {
		begin(row)
	}
	require.Eventually(t, func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return j.n == 11
	}, time.Minute, time.Millisecond)
	release <- true
	for range 10 {
		require.ErrorIs(t, <-failed, syscall.EIO)
	}
	require.EqualValues(t, 1, d.syncs.Load())
}

// What is kept of each row is two octets.
func TestMemory(t *testing.T) {
	const rows = 20_000
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	fill(t, path, rows)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what a pool has goes with the second one
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	j, err := Resume(path)
	require.NoError(t, err)
	after := heap()
	require.Less(t, int64(after)-int64(before), int64(512<<10))
	require.Equal(t, IsSent, j.State(rows).Status)
	require.NoError(t, j.Close())
}

// fill writes a journal in which every row was sent.
func fill(tb testing.TB, path string, rows int) {
	tb.Helper()
	j, err := Open(path, Head{Rows: rows})
	require.NoError(tb, err)
	j.file = &disk{File: j.file.(*os.File)}
	var records []Record
	for row := 1; row <= rows; row++ {
		id := fmt.Sprintf("%032x@example.org", row)
		address := fmt.Sprintf("person.%d@example.org", row)
		records = append(records,
			Record{Kind: Begun, Row: row, Address: address, MessageID: id, Delivery: "openpgp", Attempt: 1,
				Documents: []Document{{Name: "statement-2026-10.pdf", Size: 100_000, SHA256: zeros}}, Keys: []string{zeros}},
			Record{Kind: Sent, Row: row, MessageID: id, Size: 140_000, SHA256: zeros, Reply: "250 2.0.0 Ok: queued as 4XyZ"})
		if len(records) >= 1000 || row == rows {
			require.NoError(tb, j.Append(records...))
			records = records[:0]
		}
	}
	require.NoError(tb, j.Close())
}

// How many mails a journal keeps up with, two records each, and how many records
// share an fsync, where N connections send.
func BenchmarkAppend(b *testing.B) {
	for _, connections := range []int{1, 4, 8, 16} {
		b.Run(fmt.Sprint(connections), func(b *testing.B) {
			j, err := Open(filepath.Join(b.TempDir(), "journal.jsonl"), Head{Rows: MaxRows})
			require.NoError(b, err)
			d := &disk{File: j.file.(*os.File)}
			d.sync = d.File.Sync
			j.file = d
			var row atomic.Int64
			var group sync.WaitGroup
			var failed atomic.Value
			b.ResetTimer()
			for range connections {
				group.Go(func() {
					last := 0
					for {
						next := int(row.Add(1))
						if next > b.N {
							return
						}
						records := []Record{{Kind: Begun, Row: next, MessageID: "00000000000000000000000000000000@example.org"}}
						if last > 0 {
							records = append([]Record{{Kind: Sent, Row: last, SHA256: zeros, Reply: "250 2.0.0 Ok"}}, records...)
						}
						if err := j.Append(records...); err != nil {
							failed.Store(err)
							return
						}
						last = next
					}
				})
			}
			group.Wait()
			b.StopTimer()
			require.Nil(b, failed.Load())
			b.ReportMetric(float64(j.n)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(j.n)/float64(d.syncs.Load()), "records/fsync")
			require.NoError(b, j.Close())
		})
	}
}

// A run of 100,000 rows that is resumed.
func BenchmarkResume(b *testing.B) {
	path := filepath.Join(b.TempDir(), "journal.jsonl")
	fill(b, path, 100_000)
	info, err := os.Stat(path)
	require.NoError(b, err)
	b.SetBytes(info.Size())
	for b.Loop() {
		j, err := Resume(path)
		require.NoError(b, err)
		require.NoError(b, j.Close())
	}
}
