package zipbox_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
)

// Whatever is opened: there is no panic; an error is one of those that are
// documented; what opens gives the same when read twice, under names that stay
// where they are put.
func FuzzOpen(f *testing.F) {
	needsSHA1(f)
	p := passphrase(f, testPassphrase)
	f.Add(lock(f, zipbox.Locker{}, p, file{"a.txt", []byte("x")}))
	f.Add(lock(f, zipbox.Locker{Deflate: true}, p, file{"a.txt", make([]byte, 300)}, file{"b", nil}))
	f.Add(craft("a.txt", "b/c.txt").bytes(f))
	odd := craft("a.txt", "b.txt")
	odd.comment, odd.entries[0].vendor, odd.entries[0].descriptor, odd.entries[1].deflate = "comment", 1, true, true
	f.Add(odd.bytes(f))
	f.Fuzz(func(t *testing.T, archive []byte) {
		o := zipbox.Opener{Limits: envelope.Limits{Decompressed: 1 << 20}}
		a, err := o.Open(bytes.NewReader(archive), p)
		if err != nil {
			if !errors.Is(err, envelope.ErrDecrypt) && !errors.Is(err, envelope.ErrFormat) && !errors.Is(err, envelope.ErrLimit) {
				t.Fatal(err)
			}
			return
		}
		defer a.Close()
		if o, err := zipbox.Inspect(bytes.NewReader(archive), int64(len(archive))); a.Report().Whole && (err != nil || !o.Hidden) {
			t.Fatal("it is one of ours, and does not look like it:", err)
		}
		for _, f := range a.Files() {
			if !filepath.IsLocal(f.Name) {
				t.Fatalf("%q", f.Name)
			}
			for _, part := range strings.Split(f.Name, "/") {
				if mail.SafeName(part) != part {
					t.Fatalf("%q", f.Name)
				}
			}
			one, err1 := io.ReadAll(f.Open())
			two, err2 := io.ReadAll(f.Open())
			if !bytes.Equal(one, two) || (err1 == nil) != (err2 == nil) || err1 == nil && int64(len(one)) != f.Size || int64(len(one)) > f.Size {
				t.Fatalf("%d %v, %d %v, %d", len(one), err1, len(two), err2, f.Size)
			}
		}
	})
}
