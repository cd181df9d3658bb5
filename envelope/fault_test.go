package envelope_test

import (
	"bytes"
	"crypto/fips140"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// Readers and Writers that fail at each of their calls, in each way that they
// can. Nothing that comes of it may panic by itself, open, or be left behind.

var errFault = errors.New("input/output error")

// fault is one way to fail. It is given what the call would have done.
type fault struct {
	name string
	read func(p []byte, n int) (int, error) // n octets were put into p
	is   error                              // what the error must be; nil: any
}

// A panic is the caller's own: it has to come through, and what it leaves must be safe.
type ownPanic struct{}

var readFaults = []fault{
	{"error", func([]byte, int) (int, error) { return 0, errFault }, errFault},
	{"octets and an error", func(_ []byte, n int) (int, error) { return n, errFault }, errFault},
	{"more than there is room for", func(p []byte, _ int) (int, error) { return len(p) + 1, nil }, nil},
	{"less than nothing", func([]byte, int) (int, error) { return -1, nil }, nil},
	{"nothing for ever", func([]byte, int) (int, error) { return 0, nil }, io.ErrNoProgress},
	{"panic", func([]byte, int) (int, error) { panic(ownPanic{}) }, nil},
}

var writeFaults = []fault{
	{"error", func([]byte, int) (int, error) { return 0, errFault }, errFault},
	{"all, and an error", func(p []byte, _ int) (int, error) { return len(p), errFault }, errFault},
	{"short", func(p []byte, _ int) (int, error) { return len(p) - 1, nil }, io.ErrShortWrite},
	{"more than there was", func(p []byte, _ int) (int, error) { return len(p) + 1, nil }, nil},
	{"less than nothing", func([]byte, int) (int, error) { return -1, nil }, nil},
	{"io.EOF", func([]byte, int) (int, error) { return 0, io.EOF }, io.EOF},
	{"panic", func([]byte, int) (int, error) { panic(ownPanic{}) }, nil},
}

// faulty is a source of small pieces, or a target, of which call number at
// fails, and every one after it.
type faulty struct {
	*bytes.Reader
	out       bytes.Buffer
	piece     int
	at, calls int
	fault     fault
}

func (f *faulty) due() bool { f.calls++; return f.at >= 0 && f.calls > f.at }

func (f *faulty) Read(p []byte) (int, error) {
	due := f.due()
	n, err := f.Reader.Read(p[:min(len(p), f.piece)])
	if due {
		return f.fault.read(p, n)
	}
	return n, err
}

func (f *faulty) Write(p []byte) (int, error) {
	if f.due() {
		return f.fault.read(p, 0)
	}
	return f.out.Write(p)
}

// WriteTo hides that of bytes.Reader, and Seek stays.
func (f *faulty) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{f}) }

// stride is how far apart positions are tried: all of them, but fewer under the
// race detector, which looks for something else and is ten times slower.
func stride(race int) int {
	if raceBuild {
		return race
	}
	return 1
}

// panics returns what f panicked with, or its error.
func panics(f func() error) (v any, err error) {
	defer func() { v = recover() }()
	return nil, f()
}

// nothingLeft fails if there are more goroutines or open files than before.
func nothingLeft(t *testing.T) (check func()) {
	t.Helper()
	files := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return 0 // not Linux
		}
		return len(fds)
	}
	goroutines, open := runtime.NumGoroutine(), files()
	return func() {
		t.Helper()
		for range 500 { // what was told to end may need a moment
			if runtime.NumGoroutine() <= goroutines {
				break
			}
			time.Sleep(time.Millisecond)
		}
		stacks := make([]byte, 64<<10)
		require.LessOrEqual(t, runtime.NumGoroutine(), goroutines, "goroutines are left: %s", stacks[:runtime.Stack(stacks, true)])
		require.LessOrEqual(t, files(), open, "files are left open")
	}
}

func TestSourceThatFailsAtEachCall(t *testing.T) {
	for _, c := range containers(t) {
		data := random(700)
		msg := c.seal(t, data)
		check := nothingLeft(t)
		open := func(seekable bool, at int, how fault) (got []byte, calls int, v any, err error) {
			src := &faulty{Reader: bytes.NewReader(msg), piece: 200, at: at, fault: how}
			o := c.opener()
			o.Limits.SpoolMemory, o.Limits.SpoolDir = 1, t.TempDir()
			var in io.Reader = src
			if !seekable {
				in = struct{ io.Reader }{src}
			}
			var m *envelope.Message
			v, err = panics(func() error {
				var err error
				if m, err = o.Open(in); err == nil {
					got, err = io.ReadAll(m)
				}
				return err
			})
			if m != nil {
				if v != nil {
					n, err := m.Read(make([]byte, 10))
					require.Zero(t, n, c.name)
					require.ErrorIs(t, err, envelope.ErrClosed, "%s: goes on after a panic", c.name)
				}
				require.NoError(t, m.Close())
			}
			return got, src.calls, v, err
		}
		for _, seekable := range []bool{true, false} {
			got, calls, v, err := open(seekable, -1, fault{})
			require.Nil(t, v)
			require.NoError(t, err, c.name)
			require.Equal(t, data, got)
			require.Greater(t, calls, 3)
			for at := 0; at < calls; at += stride(3) {
				for _, how := range readFaults {
					got, _, v, err := open(seekable, at, how)
					where := fmt.Sprintf("%s, call %d of %d, %s", c.name, at, calls, how.name)
					require.True(t, bytes.HasPrefix(data, got), where)
					if how.name == "panic" {
						require.Equal(t, ownPanic{}, v, where)
						continue
					}
					require.Nil(t, v, where)
					if err == nil && how.name == "octets and an error" && at == calls-1 {
						require.Equal(t, data, got, "%s: nothing but the error was missing", where)
						continue
					}
					require.Error(t, err, where)
					require.NotContains(t, err.Error(), "\n", where)
					if how.is != nil {
						require.ErrorIs(t, err, how.is, where)
					}
				}
			}
		}
		check()
	}
}

func TestTargetThatFailsAtEachCall(t *testing.T) {
	for _, c := range containers(t) {
		bob := verify(t, c.key)
		check := nothingLeft(t)
		for _, size := range []int{700, 300_000} { // within one segment, and for all workers
			data := random(size)
			seal := func(at int, how fault, copied bool) (dst *faulty, v any, err error) {
				dst = &faulty{at: at, fault: how}
				s := c.sealer
				var w *envelope.Writer
				v, err = panics(func() (err error) {
					if w, err = s.Seal(dst, bob); err != nil {
						return err
					}
					if copied {
						_, err = w.ReadFrom(bytes.NewReader(data))
					} else {
						_, err = w.Write(data)
					}
					if err != nil {
						return err
					}
					return w.Close()
				})
				if w != nil && (v != nil || err != nil) {
					before := dst.out.Len()
					require.Error(t, w.Close(), "%s: ends well after a failure", c.name)
					_, err := w.Write([]byte("more"))
					require.Error(t, err)
					w.Abort()
					require.Nil(t, w.Receipt())
					require.Equal(t, before, dst.out.Len(), "%s: writes on after a failure", c.name)
				}
				return dst, v, err
			}
			for _, copied := range []bool{false, true} {
				dst, v, err := seal(-1, fault{}, copied)
				require.Nil(t, v)
				require.NoError(t, err, c.name)
				calls, where := dst.calls, []int{0, 1, dst.calls / 2, dst.calls - 2, dst.calls - 1}
				if size < 1000 && !raceBuild {
					where = nil
					for at := range calls {
						where = append(where, at)
					}
				}
				for _, at := range where[:len(where)/stride(2)] {
					if at < 0 || at >= calls {
						continue
					}
					for _, how := range writeFaults {
						where := fmt.Sprintf("%s, %d octets, call %d of %d, %s", c.name, size, at, calls, how.name)
						dst, v, err := seal(at, how, copied)
						_, opens := openAll(c.opener(), bytes.NewReader(dst.out.Bytes()))
						require.Error(t, opens, where)
						if how.name == "panic" {
							require.Equal(t, ownPanic{}, v, where)
							continue
						}
						require.Nil(t, v, where)
						require.Error(t, err, where)
						require.NotEqual(t, io.EOF, err, "%s: passes for a good end", where)
						if how.is != nil {
							require.ErrorIs(t, err, how.is, where)
						}
					}
				}
			}
		}
		check()
	}
}

// The source of ReadFrom fails: the message must not end, whatever the caller
// does then.
func TestContentThatFailsAtEachCall(t *testing.T) {
	for _, c := range containers(t) {
		bob := verify(t, c.key)
		check := nothingLeft(t)
		for _, piece := range []int{100, 400_000} {
			data := random(3 * piece)
			for at := range 4 {
				for _, how := range readFaults {
					where := fmt.Sprintf("%s, %d octets, call %d, %s", c.name, len(data), at, how.name)
					var b bytes.Buffer
					s := c.sealer
					w, err := s.Seal(&b, bob)
					require.NoError(t, err)
					v, err := panics(func() error {
						_, err := io.Copy(w, &faulty{Reader: bytes.NewReader(data), piece: piece, at: at, fault: how})
						return err
					})
					require.Equal(t, how.name == "panic", v == any(ownPanic{}), "%s: %v", where, v)
					if v == nil {
						require.Error(t, err, where)
					}
					if how.is != nil {
						require.ErrorIs(t, err, how.is, where)
					}
					require.Error(t, w.Close(), where)
					w.Abort()
					_, err = openAll(c.opener(), &b)
					require.Error(t, err, where)
				}
			}
		}
		check()
	}
}

// The caller's Writer fails while content is released to it.
func TestContentCannotBeWritten(t *testing.T) {
	for _, c := range containers(t) {
		data := random(300_000)
		msg := c.seal(t, data)
		check := nothingLeft(t)
		whole, clean := &faulty{at: -1}, c.opener()
		m, err := clean.Open(bytes.NewReader(msg))
		require.NoError(t, err)
		_, err = io.Copy(whole, m)
		require.NoError(t, err)
		require.NoError(t, m.Close())
		for at := range min(whole.calls, 3) {
			for _, how := range writeFaults {
				where := fmt.Sprintf("%s, call %d of %d, %s", c.name, at, whole.calls, how.name)
				m, err := c.opener().Open(bytes.NewReader(msg))
				require.NoError(t, err)
				dst := &faulty{at: at, fault: how}
				v, err := panics(func() error { _, err := io.Copy(dst, m); return err })
				require.True(t, bytes.HasPrefix(data, dst.out.Bytes()), where)
				require.Equal(t, how.name == "panic", v == any(ownPanic{}), "%s: %v", where, v)
				if v == nil {
					require.Error(t, err, where)
				}
				if how.is != nil {
					require.ErrorIs(t, err, how.is, where)
				}
				n, err := m.Read(make([]byte, 10))
				require.Zero(t, n, where)
				require.Error(t, err, where)
				require.NotEqual(t, io.EOF, err, "%s: passes for the whole content", where)
				require.NoError(t, m.Close())
			}
		}
		check()
	}
}

// A goroutine that ends in the middle leaves as little as a panic.
func TestGoexit(t *testing.T) {
	for _, c := range containers(t) {
		check := nothingLeft(t)
		msg := c.seal(t, random(700))
		exit := fault{"Goexit", func([]byte, int) (int, error) { runtime.Goexit(); return 0, nil }, nil}
		in := func(f func()) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				f()
			}()
			<-done
		}
		var w *envelope.Writer
		var b bytes.Buffer
		in(func() {
			s := c.sealer
			w, _ = s.Seal(&b, verify(t, c.key))
			w.ReadFrom(&faulty{Reader: bytes.NewReader(random(700)), piece: 100, at: 1, fault: exit})
		})
		require.ErrorIs(t, w.Close(), envelope.ErrClosed, c.name)
		w.Abort()
		in(func() {
			s := c.sealer
			if w, err := s.Seal(&faulty{fault: exit}, verify(t, c.key)); err == nil {
				defer w.Abort()
				w.Close()
			}
		})
		in(func() {
			c.opener().Open(&faulty{Reader: bytes.NewReader(msg), piece: 100, at: 3, fault: exit})
		})
		check()
	}
}

// Whatever a source does with its pieces, it is the same message.
func TestSourcesOfAnySpeed(t *testing.T) {
	if fips140.Enforced() {
		t.Skip("under fips140=only the formats refuse before they start; their own tests hold that")
	}
	for _, c := range containers(t) {
		for _, armor := range []bool{false, true} {
			s := c.sealer
			s.Armor = armor
			msg := sealed(t, &s, "content", verify(t, c.key))
			for _, piece := range []int{1, 127, 128, 129} {
				src := &faulty{Reader: bytes.NewReader(msg), piece: piece, at: -1}
				got, err := openAll(c.opener(), struct{ io.Reader }{src})
				require.NoError(t, err, "%s, %d at a time", c.name, piece)
				require.Equal(t, "content", string(got))
			}
			for n := range 130 { // shorter than what is sniffed, as long, and longer
				_, err := openAll(c.opener(), bytes.NewReader(msg[:n]))
				require.ErrorIs(t, err, envelope.ErrFormat, "%s cut to %d", c.name, n)
				require.False(t, strings.Contains(err.Error(), "\n"))
			}
		}
	}
}
