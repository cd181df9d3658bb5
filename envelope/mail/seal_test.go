package mail_test

import (
	"bytes"
	"errors"
	"io"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/stretchr/testify/require"
)

var errBroken = errors.New("test: broken")

// sealers returns who gets a mail in both formats, and what composes it.
func sealers(t testing.TB) (pgpTo, smimeTo person, c *mail.Composer) {
	pgpTo, smimeTo = pgpPerson(t, "bob@example.org", "curve25519"), cmsPerson(t, "gcm@example.org", "p256 GCM")
	return pgpTo, smimeTo, &mail.Composer{Keys: keysOf(pgpTo, smimeTo), Limits: envelope.Limits{SpoolMemory: 1, SpoolDir: t.TempDir()}}
}

func draftTo(body io.Reader, to ...person) *mail.Draft {
	return &mail.Draft{From: netmail.Address{Address: "alice@example.org"}, To: addresses(to...), Subject: "s", Text: "hello\n",
		Attachments: []mail.Attachment{{Name: "a.bin", Body: body}}}
}

// opens returns how a message opens for somebody: nil if it does.
func opens(raw []byte, who person) error {
	m, err := (&mail.Opener{Identities: []envelope.Identity{who.identity}}).Open(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	defer m.Close()
	if err := m.Err(); err != nil {
		return err
	}
	if !m.Summary().Encrypted {
		return errors.New("not encrypted")
	}
	return nil
}

// file is a mail.File on disk.
func emptyFile(t testing.TB) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// TestReaderFails: an attachment that breaks, anywhere, leaves nothing that
// opens. The twin is one that ends there.
func TestReaderFails(t *testing.T) {
	t.Parallel()
	a, b, c := sealers(t)
	for _, to := range [][]person{{a}, {b}, {a, b}} {
		for _, size := range []int{0, 1, 60_000, 300_000, 2_000_000} {
			data := strings.Repeat("x", size)
			for _, broken := range []bool{false, true} {
				var body io.Reader = strings.NewReader(data)
				if broken {
					body = io.MultiReader(body, iotest.ErrReader(errBroken))
				}
				p, err := c.Plan(draftTo(body, to...))
				require.NoError(t, err)
				var files []mail.File
				var kept []*memory
				for range p.Copies() {
					f := &memory{}
					files, kept = append(files, f), append(kept, f)
				}
				all, err := p.Seal(files...)
				if broken {
					require.ErrorIs(t, err, errBroken)
					require.Nil(t, all)
				} else {
					require.NoError(t, err)
				}
				for i, f := range kept {
					for _, who := range to {
						if mine := !broken && p.Copies()[i].Recipients[0] == who.address; mine {
							require.NoError(t, opens(f.b, who))
						} else {
							require.Error(t, opens(f.b, who))
						}
					}
				}
				_, err = p.Seal(files...)
				require.ErrorContains(t, err, "already")
			}
		}
	}
}

// TestFileFails: where one file cannot be written, none of the others opens.
func TestFileFails(t *testing.T) {
	t.Parallel()
	a, b, c := sealers(t)
	for _, at := range []int{0, 1} {
		for _, room := range []int{0, 100, 50_000, 1 << 30} {
			p, err := c.Plan(draftTo(strings.NewReader(strings.Repeat("x", 300_000)), a, b))
			require.NoError(t, err)
			require.Len(t, p.Copies(), 2)
			good, onDisk := &memory{}, emptyFile(t)
			files := []mail.File{good, good}
			files[at] = &fullFile{room: room}
			_, err = p.Seal(files...)
			if room == 1<<30 {
				require.NoError(t, err)
				require.True(t, opens(good.b, a) == nil || opens(good.b, b) == nil, "the twin")
				continue
			}
			require.ErrorIs(t, err, errBroken)
			require.Error(t, opens(good.b, a))
			require.Error(t, opens(good.b, b))

			// A file that can be emptied is.
			if p, err = c.Plan(draftTo(strings.NewReader("x"), a, b)); err != nil {
				t.Fatal(err)
			}
			files[1-at] = onDisk
			_, err = p.Seal(&fullFile{room: 0}, onDisk)
			require.ErrorIs(t, err, errBroken)
			info, err := onDisk.Stat()
			require.NoError(t, err)
			require.Zero(t, info.Size())
		}
	}
}

// fullFile has room for so many octets.
type fullFile struct {
	memory
	room int
}

func (f *fullFile) Write(p []byte) (int, error) {
	if len(f.b)+len(p) > f.room {
		return 0, errBroken
	}
	return f.memory.Write(p)
}

// TestLastOctet: a message whose very end cannot be written, after all the others
// were, empties those too.
func TestLastOctet(t *testing.T) {
	t.Parallel()
	a, b, c := sealers(t)
	size := 0
	for range 2 {
		p, err := c.Plan(draftTo(strings.NewReader("x"), a, b))
		require.NoError(t, err)
		first, last := emptyFile(t), &fullFile{room: 1 << 30}
		if size > 0 {
			last.room = size - 1
		}
		_, err = p.Seal(first, last)
		info, statErr := first.Stat()
		require.NoError(t, statErr)
		if size == 0 {
			require.NoError(t, err)
			require.NotZero(t, info.Size())
			size = len(last.b)
			// Lengths differ a little from one sealing to the next.
			size -= 200
			continue
		}
		require.ErrorIs(t, err, errBroken)
		require.Zero(t, info.Size())
	}
}

// TestUsedFiles: a file that holds something already, and one given twice.
func TestUsedFiles(t *testing.T) {
	t.Parallel()
	a, b, c := sealers(t)
	used := emptyFile(t)
	_, err := used.WriteString("already here")
	require.NoError(t, err)
	p, err := c.Plan(draftTo(strings.NewReader("x"), a))
	require.NoError(t, err)
	_, err = p.Seal(used)
	require.ErrorContains(t, err, "empty")

	twice := emptyFile(t)
	p, err = c.Plan(draftTo(strings.NewReader("x"), a, b))
	require.NoError(t, err)
	_, err = p.Seal(twice, twice)
	require.Error(t, err)

	for _, files := range [][]mail.File{{emptyFile(t)}, {emptyFile(t), emptyFile(t), emptyFile(t)}, {emptyFile(t), nil}} {
		p, err = c.Plan(draftTo(strings.NewReader("x"), a, b))
		require.NoError(t, err)
		_, err = p.Seal(files...)
		require.Error(t, err)
	}
	all, err := p.Seal(emptyFile(t), emptyFile(t))
	require.NoError(t, err, "wrong files use up nothing")
	require.Len(t, all, 2)
}

// TestSpoolDirectory: what is kept has no name, and a directory that is not
// there is an error only where it is needed.
func TestSpoolDirectory(t *testing.T) {
	t.Parallel()
	a, b, c := sealers(t)
	dir := t.TempDir()
	c.Limits.SpoolDir = dir
	for _, missing := range []bool{false, true} {
		if missing {
			c.Limits.SpoolDir = filepath.Join(dir, "none")
		}
		p, err := c.Plan(draftTo(strings.NewReader(strings.Repeat("x", 600_000)), a, b))
		require.NoError(t, err)
		all, err := p.Seal()
		if missing {
			require.ErrorIs(t, err, os.ErrNotExist)
			continue
		}
		require.NoError(t, err)
		names, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, names)
		for i, s := range all {
			raw, err := io.ReadAll(s.Open())
			require.NoError(t, err)
			require.NoError(t, opens(raw, []person{a, b}[map[string]int{"OpenPGP": 0, "S/MIME": 1}[p.Copies()[i].Format]]))
			require.NoError(t, s.Close())
		}
	}
}

// TestRevokedMeanwhile: a key that is taken from the ring between plan and seal
// is not sealed to.
func TestRevokedMeanwhile(t *testing.T) {
	t.Parallel()
	a, _, _ := sealers(t)
	ring, err := keyring.OpenRing(t.TempDir(), parsers()...)
	require.NoError(t, err)
	defer ring.Close()
	_, err = ring.Add(a.verified, keyring.Addition{})
	require.NoError(t, err)
	for _, removed := range []bool{false, true} {
		p, err := (&mail.Composer{Ring: ring}).Plan(draftTo(strings.NewReader("x"), a))
		require.NoError(t, err)
		if removed {
			require.NoError(t, ring.Remove(a.address, keyring.Fingerprint{}))
		}
		f := &memory{}
		_, err = p.Seal(f)
		if !removed {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, keyring.ErrRefused)
		require.Empty(t, f.b)
	}
}

// TestExpiredMeanwhile: the time of the plan is not that of the sealing.
func TestExpiredMeanwhile(t *testing.T) {
	t.Parallel()
	a, _, c := sealers(t)
	now := time.Now()
	c.Time = func() time.Time { return now }
	p, err := c.Plan(draftTo(strings.NewReader("x"), a))
	require.NoError(t, err)
	now = now.AddDate(20, 0, 0)
	f := &memory{}
	_, err = p.Seal(f)
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.Error(t, opens(f.b, a))
}
