package batch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/batch"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/channel"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/list"
)

func (o *office) document(row string) string {
	return filepath.Join(o.world.Documents, "statement-00000"+row+".pdf")
}

// replace puts a file with another text in the place of one.
func (o *office) replace(name, text string) {
	o.t.Helper()
	require.NoError(o.t, os.WriteFile(name+".new", []byte(text), 0o600))
	require.NoError(o.t, os.Rename(name+".new", name))
}

// What was put in the place of something after the list was looked through is not
// sent before somebody looked again.
func TestChangedAfterPreflight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(o *office)
		says   string // "": nothing is held back
	}{
		{"nothing", func(*office) {}, ""},
		{"a document of another list", func(o *office) {
			require.NoError(o.t, os.WriteFile(filepath.Join(o.world.Documents, "else.pdf"), []byte("x"), 0o600))
		}, ""},
		{"a document", func(o *office) { o.replace(o.document("2"), "of somebody else") }, "was changed, since the list was looked through"},
		{"a document of the same length", func(o *office) {
			o.replace(o.document("2"), strings.Repeat("x", 3000))
		}, "was changed, since"},
		{"a document is gone", func(o *office) { require.NoError(o.t, os.Remove(o.document("2"))) }, "statement-000002.pdf"},
		{"the delivery", func(o *office) {
			o.run.Domains["mail2.example"] = batch.Domain{Delivery: list.ZIP}
		}, "was changed, since"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, 3, []string{"openpgp"}, nil)
			_, err := o.run.Preflight(context.Background())
			require.NoError(t, err)
			c.change(o)
			result, err := o.send(context.Background())
			require.NoError(t, err)
			if c.says == "" {
				require.Equal(t, 3, result.Sent)
				o.once()
				return
			}
			require.Equal(t, 2, result.Sent)
			require.Equal(t, 1, result.Deferred, "it is for the next one, after it was looked at")
			require.Empty(t, o.mails["customer2@mail2.example"])
			for _, r := range o.records() {
				if r.Row == 2 {
					require.Equal(t, journal.Deferred, r.Kind)
					require.Contains(t, r.Reply, c.says)
				}
			}
			if _, err := os.Stat(o.document("2")); err != nil {
				return
			}
			_, err = o.run.Preflight(context.Background())
			require.NoError(t, err)
			_, err = o.send(context.Background())
			require.NoError(t, err)
			o.once()
		})
	}
}

// A list that is written over while the run goes on moves everybody to another
// row: who has their mail is now in one that waits.
func TestListChangedAfterPreflight(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 3, []string{"openpgp"}, nil)
	_, err := o.run.Preflight(context.Background())
	require.NoError(t, err)
	text, err := os.ReadFile(o.world.List)
	require.NoError(t, err)
	lines := bytes.SplitAfter(text, []byte("\n"))
	lines[1], lines[3] = lines[3], lines[1]
	require.NoError(t, os.WriteFile(o.world.List, bytes.Join(lines, nil), 0o600))
	result, err := o.send(context.Background())
	require.ErrorIs(t, err, list.ErrChanged)
	require.LessOrEqual(t, result.Sent, 1, "no row but that which stayed where it was")
	require.Empty(t, o.mails["customer1@mail1.example"])
	require.Empty(t, o.mails["customer3@mail3.example"])
	require.NoError(t, os.WriteFile(o.world.List, text, 0o600))
	_, err = o.run.Preflight(context.Background())
	require.NoError(t, err)
	_, err = o.send(context.Background())
	require.NoError(t, err)
	o.once()
}

// telling is a channel that does something besides.
type telling struct {
	*office
	then func()
}

func (c telling) Deliver(ctx context.Context, items []channel.Item) error {
	defer c.then()
	return c.office.Deliver(ctx, items)
}

// Between the look at a row and the reading of its documents there is the telling
// of passphrases: what is in their place then is not sent either, and a pipe
// keeps nobody waiting.
func TestChangedBeforeRead(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(o *office){
		"":           func(*office) {},
		"a document": func(o *office) { o.replace(o.document("1"), "of somebody else") },
		"its time":   func(o *office) { require.NoError(o.t, os.Chtimes(o.document("1"), time.Time{}, time.Unix(1, 0))) },
		"a folder": func(o *office) {
			require.NoError(o.t, os.Remove(o.document("1")))
			require.NoError(o.t, os.Mkdir(o.document("1"), 0o700))
		},
		"a pipe": func(o *office) { pipe(o.t, o.document("1")) },
		"a way out": func(o *office) {
			require.NoError(o.t, os.Remove(o.document("1")))
			require.NoError(o.t, os.Symlink("/etc/hostname", o.document("1")))
		},
		"no document":   func(o *office) { require.NoError(o.t, os.Remove(o.document("1"))) },
		"no permission": func(o *office) { require.NoError(o.t, os.RemoveAll(o.world.Documents)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, 1, []string{"zip"}, nil)
			o.run.Channel = telling{o, func() { change(o) }}
			result, err := o.send(context.Background())
			require.NoError(t, err)
			if name == "" {
				o.once()
				return
			}
			require.Empty(t, o.mails)
			switch name {
			case "a way out":
				require.Zero(t, result.Sent)
			default:
				require.Equal(t, 1, result.Deferred, "%v", o.records())
			}
		})
	}
}

// A file can say that it has more than all disks: found out before it is read.
func TestHoles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		delivery string
		size     int64
		refused  string
	}{
		{"a mail of 50 MiB", "openpgp", 50 << 20, ""},
		{"a mail of a GiB", "openpgp", 1 << 30, "deliver it by link"},
		{"an archive of a GiB", "zip", 1 << 30, "deliver it by link"},
		{"as much as a file can be long here", "openpgp", 1 << 43, "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOffice(t, 1, []string{c.delivery}, nil)
			if err := os.Truncate(o.document("1"), c.size); err != nil {
				t.Skipf("this disk has no files of that length: %v", err)
			}
			p, err := o.run.Preflight(context.Background())
			if c.refused == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			require.Contains(t, p.Problems[0].What, c.refused)
		})
	}
}

// What the journal says of a mail and of its documents is what was sent.
func TestHashesOfWhatWasSent(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 3, []string{"openpgp", "smime", "zip"}, nil)
	_, err := o.send(context.Background())
	require.NoError(t, err)
	o.once()
	begun := 0
	for _, r := range o.records() {
		if r.Kind != journal.Begun {
			continue
		}
		begun++
		mail := o.mails[r.Address][0]
		sum := sha256.Sum256(mail)
		require.Equal(t, hex.EncodeToString(sum[:]), r.SHA256)
		require.EqualValues(t, len(mail), r.Size)
		text, err := os.ReadFile(filepath.Join(o.world.Documents, r.Documents[0].Name))
		require.NoError(t, err)
		sum = sha256.Sum256(text)
		require.Equal(t, hex.EncodeToString(sum[:]), r.Documents[0].SHA256)
		require.EqualValues(t, len(text), r.Documents[0].Size)
	}
	require.Equal(t, 3, begun)
}
