package zipbox

import (
	"archive/zip"
	"bytes"
	"testing"
	"time"
)

// What the strict reader takes the standard library takes too, and finds the
// same files of the same sizes in it; and each octet belongs to one thing.
func FuzzDirectory(f *testing.F) {
	plain := func(deflate bool, names ...string) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, n := range names {
			h := &zip.FileHeader{Name: n, Modified: time.Unix(1e9, 0)}
			if deflate {
				h.Method = zip.Deflate
			}
			dst, err := w.CreateHeader(h)
			if err != nil {
				f.Fatal(err)
			}
			if _, err := dst.Write([]byte(n)); err != nil {
				f.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		return b.Bytes()
	}
	f.Add(plain(false))
	f.Add(plain(false, "a.txt"))
	f.Add(plain(true, "a.txt", "b/c", "Größe"))
	f.Add(append(append(outerHead(), make([]byte, 38)...), outerTail(10)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := readDirectory(bytes.NewReader(b), int64(len(b)), 1<<20)
		if err != nil {
			return
		}
		r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		if len(r.File) != len(d.entries) {
			t.Fatalf("%d files, not %d", len(r.File), len(d.entries))
		}
		used := d.start
		for i, e := range d.entries {
			got := r.File[i]
			if got.Name != e.name || int64(got.UncompressedSize64) != e.size || int64(got.CompressedSize64) != e.packed || got.Method != e.method {
				t.Fatalf("%+v is %+v", e, got.FileHeader)
			}
			off, err := got.DataOffset()
			if err != nil || off != e.data {
				t.Fatal(off, e.data, err)
			}
			used -= e.data - e.at + e.packed
			if e.flags&flagDescriptor == 0 {
				continue
			}
			if used -= 12; used < 0 {
				t.Fatal("entries share octets")
			}
		}
		if used < 0 || used > int64(12*len(d.entries)) {
			t.Fatalf("%d octets belong to nothing", used)
		}
	})
}
