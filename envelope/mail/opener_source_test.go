package mail_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
)

// A message is the same wherever it comes from, and a file is read from where
// it stands.
func TestSources(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	msg := headers + sealedTo(t, "OpenPGP", mixed(hello, hello), alice, bob)
	want := shape(opened(t, reader(t), msg))
	name := filepath.Join(t.TempDir(), "mail")
	require.NoError(t, os.WriteFile(name, []byte("From me\n"+msg), 0o600))
	pr, pw, err := os.Pipe()
	require.NoError(t, err)
	defer pr.Close()
	go func() {
		defer pw.Close()
		io.WriteString(pw, msg)
	}()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Seek(int64(len("From me\n")), io.SeekStart)
	require.NoError(t, err)
	later := bytes.NewReader([]byte("xx" + msg))
	_, err = later.Seek(2, io.SeekStart)
	require.NoError(t, err)
	for name, src := range map[string]io.Reader{
		"stream":      struct{ io.Reader }{strings.NewReader(msg)},
		"one octet":   iotest.OneByteReader(strings.NewReader(msg)),
		"data at end": iotest.DataErrReader(strings.NewReader(msg)),
		"file":        f,
		"pipe":        pr,
		"later":       later,
		"section":     io.NewSectionReader(strings.NewReader("a"+msg+"b"), 1, int64(len(msg))),
	} {
		m, err := reader(t).Open(src)
		require.NoError(t, err, name)
		require.Equal(t, want, shape(m), name)
		require.Equal(t, "hello", text(t, m, "1.1.2")[:5], name)
		require.NoError(t, m.Close())
	}
	_, err = reader(t).Open(nil)
	require.Error(t, err)
}

// flipping is a source whose octets change when it is told so.
type flipping struct {
	*bytes.Reader
	flip  bool
	err   error
	crash bool
}

func (f *flipping) ReadAt(p []byte, off int64) (int, error) {
	if f.crash {
		panic("crash")
	}
	n, err := f.Reader.ReadAt(p, off)
	if f.flip {
		for i := range n {
			p[i] ^= 1
		}
	}
	if f.err != nil {
		return 0, f.err
	}
	return n, err
}

// A source that is not what it was when it was opened is never read as if it were.
func TestSourceChanges(t *testing.T) {
	alice := partyOf(t, "alice")
	msg := headers + signedBy(t, "OpenPGP", mixed(hello, plainText+strings.Repeat("0123456789abcdef\r\n", 20_000)), alice)
	broken := errors.New("broken")
	for _, c := range []struct {
		name   string
		change func(*flipping)
	}{
		{"changes", func(f *flipping) { f.flip = true }},
		{"breaks", func(f *flipping) { f.err = broken }},
	} {
		f := &flipping{Reader: bytes.NewReader([]byte(msg))}
		m, err := reader(t).Open(f)
		require.NoError(t, err)
		last := m.Parts()[len(m.Parts())-1]
		whole, err := io.ReadAll(last.Open())
		require.NoError(t, err)
		c.change(f)
		got, err := io.ReadAll(last.Open())
		require.Error(t, err, c.name)
		require.True(t, bytes.HasPrefix(whole, got), "octets that were not there")
		require.NoError(t, m.Close())
	}

	f := &flipping{Reader: bytes.NewReader([]byte(msg)), err: broken}
	_, err := reader(t).Open(f)
	require.ErrorIs(t, err, broken)
	f = &flipping{Reader: bytes.NewReader([]byte(msg)), crash: true}
	require.PanicsWithValue(t, "crash", func() { reader(t).Open(f) })
	f.crash = false
	m, err := reader(t).Open(f)
	require.NoError(t, err)
	require.NoError(t, m.Close())

	_, err = reader(t).Open(iotest.TimeoutReader(iotest.HalfReader(strings.NewReader(msg))))
	require.ErrorIs(t, err, iotest.ErrTimeout)
}

func TestClosed(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	m, err := reader(t).Open(strings.NewReader(headers + sealedTo(t, "OpenPGP", mixed(hello, plainText+cleartext(t, "text", alice)), alice, bob)))
	require.NoError(t, err)
	s := m.Summary()
	var begun []io.Reader
	for _, p := range m.Parts() {
		begun = append(begun, p.Open())
	}
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
	for i, p := range m.Parts() {
		if p.MediaType == "multipart/mixed" || p.MediaType == "multipart/encrypted" {
			continue
		}
		for _, r := range []io.Reader{p.Open(), p.Raw(), begun[i]} {
			_, err := io.ReadAll(r)
			require.ErrorIs(t, err, envelope.ErrClosed, p.Path)
		}
	}
	require.Equal(t, s, m.Summary())
	var zero mail.Message
	require.NoError(t, zero.Close())
	require.NoError(t, zero.Err())
	require.Empty(t, zero.Parts())
}

// Parts are read at once, and one that is read while the message is closed
// ends in an error or whole.
func TestConcurrent(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	long := strings.Repeat("0123456789abcdef\r\n", 10_000)
	o := reader(t)
	m, err := o.Open(strings.NewReader(headers + sealedTo(t, "OpenPGP", mixed(plainText+long, plainText+long, hello), alice, bob)))
	require.NoError(t, err)
	var wg sync.WaitGroup
	read := func(may bool) {
		for range 4 {
			for _, p := range m.Parts()[2:4] {
				wg.Go(func() {
					b, err := io.ReadAll(p.Open())
					if !may || err == nil {
						if err != nil || string(b)+"\r\n" != long && string(b) != long {
							t.Errorf("part %s: %d octets, %v", p.Path, len(b), err)
						}
					}
				})
			}
		}
	}
	read(false)
	for range 2 {
		wg.Go(func() { // an Opener is used at once too
			m, err := o.Open(strings.NewReader(headers + hello))
			if err != nil || m.Close() != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	read(true)
	require.NoError(t, m.Close())
	wg.Wait()
}

// What is kept of a message that fails is given up.
func TestNothingLeft(t *testing.T) {
	dir := t.TempDir()
	o := reader(t)
	o.Limits.Envelope = envelope.Limits{SpoolMemory: 1, SpoolDir: dir}
	o.Limits.Parts = 2
	_, err := o.Open(struct{ io.Reader }{strings.NewReader(headers + sealedTo(t, "OpenPGP", mixed(hello, hello), nil, partyOf(t, "bob")))})
	require.ErrorIs(t, err, envelope.ErrLimit)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	o.Limits.Parts = 0
	o.Limits.Envelope.SpoolDir = filepath.Join(dir, "nowhere")
	_, err = o.Open(struct{ io.Reader }{strings.NewReader(headers + hello)})
	require.Error(t, err)
	require.NotErrorIs(t, err, envelope.ErrFormat)
}

// failing is a source of which one read fails.
type failing struct {
	*bytes.Reader
	left int
}

var errFailing = errors.New("failing")

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.left--; f.left == 0 {
		return 0, errFailing
	}
	return f.Reader.ReadAt(p, off)
}

// Whichever read of the source fails, the message is not opened: it never
// passes for one that is damaged, or that has less in it.
func TestEveryRead(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	long := plainText + strings.Repeat("0123456789abcdef\r\n", 8_000)
	for name, entity := range map[string]string{
		"sealed": sealedTo(t, "OpenPGP", long, alice, bob), "S/MIME": sealedTo(t, "S/MIME", long, alice, bob),
		"signed": signedBy(t, "OpenPGP", long, alice), "opaque": opaque(t, long, alice), "inline": plainText + "text\r\n" + cleartext(t, long, alice),
		"mangled":    mixed("Content-Type: text/plain\r\n\r\n", sealedTo(t, "OpenPGP", hello, nil, bob)),
		"for others": sealedTo(t, "OpenPGP", long, alice, alice), "certificates": certsOnly(t),
	} {
		whole := &failing{Reader: bytes.NewReader([]byte(headers + entity))}
		m, err := reader(t).Open(whole)
		require.NoError(t, err, name)
		require.NoError(t, m.Close())
		require.Greater(t, -whole.left, 1)
		for n := 1; n <= -whole.left; n++ {
			_, err := reader(t).Open(&failing{bytes.NewReader([]byte(headers + entity)), n})
			require.ErrorIs(t, err, errFailing, "%s: read %d of %d", name, n, -whole.left)
			require.NotErrorIs(t, err, envelope.ErrDecrypt)
		}
	}
}

// changing is a source that is another one from some read on.
type changing struct {
	*bytes.Reader
	left int
}

func (c *changing) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(p, off)
	if c.left--; c.left <= 0 {
		for i := range n {
			p[i] ^= 1
		}
	}
	return n, err
}

// Whenever the source changes after it was read once, the message is what it
// was or is not opened.
func TestEveryChange(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	long := plainText + strings.Repeat("0123456789abcdef\r\n", 30_000)
	for _, format := range []string{"OpenPGP", "S/MIME"} {
		b := []byte(headers + sealedTo(t, format, long, alice, bob))
		once := (len(b) + 64<<10 - 1) / (64 << 10)
		whole := &changing{bytes.NewReader(b), 1 << 30}
		m, err := reader(t).Open(whole)
		require.NoError(t, err)
		want := shape(m)
		require.NoError(t, m.Close())
		reads := 1<<30 - whole.left
		require.Greater(t, reads, once+1)
		for n := 1; n <= reads-once; n++ {
			m, err := reader(t).Open(&changing{bytes.NewReader(b), once + n})
			if err == nil { // what changed was in memory already
				require.Equal(t, want, shape(m))
				require.NoError(t, m.Close())
				continue
			}
			require.ErrorContains(t, err, "changed", "%s: read %d of %d", format, once+n, reads)
		}
	}
}
