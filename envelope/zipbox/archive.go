package zipbox

import (
	"compress/flate"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/reread"
	"github.com/doublekeybox/doublekeybox/internal/winzip"
)

// Archive is an opened one. All of it was authenticated. Its methods are safe
// for concurrent use. Close must be called.
type Archive struct {
	src    *reread.Source
	files  []*File
	report Report
}

// Report says what an archive is. The zero value claims nothing.
type Report struct {
	Container string // "AE-1" or "AE-2"; the weaker where both are there
	Content   string // "AES-256", the shortest of the keys

	// Whole: every octet counted, those of names, sizes and times too. So it is
	// with what a [Writer] wrote. Else the content of each file is
	// authenticated and nothing more: whoever carried the archive can have
	// exchanged the names of two files, and left out some.
	Whole bool

	Findings []string // what a person should know
}

// File is one file of an archive. Its fields are not changed.
type File struct {
	// Name is a path of parts that mail.SafeName leaves as they are, with "/"
	// between; no two files of an archive have names that a file system takes
	// for one. Programs that keep folders write them, a [Writer] does not.
	Name     string
	Size     int64
	Modified time.Time // as the archive says, in no zone; zero where it does not

	archive *Archive
	plain   io.ReaderAt // what is decrypted, or the archive where that is plain
	off     int64       // in it
	packed  int64
	align   int64 // of plain, in the source
	method  uint16
	crc     uint32
	checked bool // crc is one
}

// Files returns the files in the order of the directory. Folders are none.
func (a *Archive) Files() []*File { return slices.Clone(a.files) }

// Report returns what the archive is.
func (a *Archive) Report() Report { return a.report }

// Close frees what is kept of the source, which it does not close. Files that
// are open fail then.
func (a *Archive) Close() error { return a.src.Close() }

func report(entries []entry) Report {
	r := Report{Container: "AE-2"}
	bits := winzip.AES256
	for _, e := range entries {
		if !e.encrypted() {
			continue
		}
		bits = min(bits, e.aes.strength)
		if e.aes.vendor != vendorAE2 {
			r.Container = "AE-1"
		}
	}
	r.Content = fmt.Sprintf("AES-%d", 8*bits.KeySize())
	if r.Container == "AE-1" {
		r.Findings = append(r.Findings, "AE-1: a checksum of each file stands outside of the encryption, which tells what a short file says")
	}
	return r
}

// fill finds the files: those of the archive within, where there is one of ours.
// d is the directory of src.
func (a *Archive) fill(src io.ReaderAt, d *directory, most, budget int64, keys []*winzip.Keys) error {
	if inner, err := inside(src, d, keys); err != nil || inner != nil {
		if err != nil {
			return err
		}
		return a.within(src, d, inner, most, budget)
	}
	a.report.Findings = append(a.report.Findings, "the content of each file is authenticated, and neither names, sizes and times nor that all files are there")
	for i := range d.entries {
		e := &d.entries[i]
		if e.folder() {
			continue
		}
		f, err := a.file(e)
		if err != nil {
			return err
		}
		f.plain, f.off, f.align = src, e.data, 0
		if keys[i] != nil {
			p := plainOf(src, e, keys[i])
			f.plain, f.off, f.align, f.packed = p, 0, p.Off, p.Size
			f.checked = e.aes.vendor != vendorAE2
		}
		a.files = append(a.files, f)
	}
	return nil
}

func plainOf(src io.ReaderAt, e *entry, keys *winzip.Keys) *winzip.Plain {
	head := int64(e.aes.strength.SaltSize()) + winzip.VerifierSize
	return &winzip.Plain{Src: src, Off: e.data + head, Size: e.packed - e.overhead(), Keys: keys}
}

func (a *Archive) file(e *entry) (*File, error) {
	path, err := safePath(e.name)
	if err != nil {
		return nil, err
	}
	return &File{Name: path, Size: e.size, Modified: e.modified(), archive: a, packed: e.packed, method: e.kind(), crc: e.crc, checked: true}, nil
}

// inside returns the archive within, nil where there is none that says it is
// ours: an archive that somebody else put into one is a file.
func inside(src io.ReaderAt, d *directory, keys []*winzip.Keys) (*winzip.Plain, error) {
	if len(d.entries) != 1 || keys[0] == nil || d.entries[0].kind() != methodStore {
		return nil, nil
	}
	p := plainOf(src, &d.entries[0], keys[0])
	end := make([]byte, sizeEnd+len(mark))
	if p.Size < int64(len(end)) {
		return nil, nil
	}
	if _, err := p.ReadAt(end, p.Size-int64(len(end))); err != nil {
		return nil, err
	}
	if u32(end) != sigEnd || !strings.HasSuffix(string(end), mark) {
		return nil, nil
	}
	return p, nil
}

// within reads the archive p, which says that d is as we write it.
func (a *Archive) within(src io.ReaderAt, d *directory, p *winzip.Plain, most, budget int64) error {
	switch ok, err := asWritten(src, d.size, p.Size); {
	case err != nil:
		return err
	case !ok:
		return refuse(codeWritten, "", "around what is encrypted something was changed since it was written")
	}
	in, err := readDirectory(p, p.Size, most)
	if err != nil {
		return err
	}
	if err := growth(in.entries, budget); err != nil {
		return err
	}
	for i := range in.entries {
		e := &in.entries[i]
		if e.aes.vendor != 0 {
			return refuse(codeNested, e.name, "it is encrypted once more")
		}
		if e.folder() {
			continue
		}
		f, err := a.file(e)
		if err != nil {
			return err
		}
		f.plain, f.off, f.align = p, e.data, p.Off
		a.files = append(a.files, f)
	}
	a.report.Whole = true
	return nil
}

// Open returns the content of the file, which may be read any number of times
// and by several at once. Close must be called on what it returns, and frees
// goroutines.
//
// Errors of Read: [*RefusedError] with the code "checksum" or "size" in place of
// io.EOF, where the content is not what its author's program said of it;
// [envelope.ErrClosed]; those of a source that changed or cannot be read.
func (f *File) Open() io.ReadCloser {
	raw := winzip.NewReader(f.plain, f.off, f.packed, f.align)
	r := &fileReader{f: f, raw: raw, r: raw, left: f.Size}
	if f.method == methodDeflate {
		r.r = flate.NewReader(raw)
	}
	return r
}

// fileReader is the content of one file.
type fileReader struct {
	f    *File
	raw  *winzip.Reader
	r    io.Reader
	left int64 // octets that there should still be
	crc  uint32
	err  error
}

func (r *fileReader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if r.left == 0 {
		// One octet more would be too many.
		r.err = r.end()
		return 0, r.err
	}
	n, err := r.r.Read(p[:min(int64(len(p)), r.left)])
	r.crc = crc32.Update(r.crc, crc32.IEEETable, p[:n])
	r.left -= int64(n)
	if err == io.EOF && r.left == 0 {
		err = nil // the next call looks at the end
	}
	r.err = r.judge(err)
	return n, r.err
}

// end looks at what is behind the last octet.
func (r *fileReader) end() error {
	var one [1]byte
	n, err := io.ReadFull(r.r, one[:])
	switch {
	case n > 0:
		return refuse(codeSize, r.f.Name, "it is longer than its directory says")
	case err != io.EOF:
		return r.judge(err)
	case r.f.checked && r.crc != r.f.crc:
		return refuse(codeChecksum, r.f.Name, "it does not have the checksum that its author's program gave it")
	}
	return io.EOF
}

// judge makes an error of reading one of this package.
func (r *fileReader) judge(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case err == nil:
		return nil
	case err == io.EOF, errors.As(err, &corrupt), err == io.ErrUnexpectedEOF && r.f.method == methodDeflate:
		return refuse(codeSize, r.f.Name, "its compressed content is damaged, or shorter than its directory says")
	case errors.Is(err, reread.ErrClosed), errors.Is(err, winzip.ErrClosed):
		return envelope.ErrClosed
	}
	return err
}

// Close frees what reading ahead needs.
func (r *fileReader) Close() error {
	if r.err == nil || r.err == io.EOF {
		r.err = envelope.ErrClosed
	}
	return r.raw.Close()
}
