package zipbox

import (
	"hash/crc32"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/reread"
	"github.com/doublekeybox/doublekeybox/internal/winzip"
)

// Sink keeps what is written to it, so that nobody reads it before Commit: a
// file that gets its name then, for instance. Both are called by the goroutine
// that called [Opener.OpenInto].
type Sink interface {
	io.Writer

	// Commit is called once at most, after the last Write: all that was
	// written was authenticated.
	Commit() error
}

// early writes the one file of an archive to a Sink while the archive is
// authenticated. Where the file is was read from octets that nobody has
// authenticated; once they were, it is read again, and has to be the same.
//
// Who tries many archives, and can tell by the time that it takes whether such a
// directory was well formed, learns no octet of a file: none of it is looked at.
type early struct {
	dst   Sink
	file  *File
	keys  *winzip.Keys
	start int64 // of what keys encrypted, in the source
	from  int64 // of the content, in the source
	crc   uint32
	err   error // of dst
}

// newEarly returns nil where a is not one file as it is.
func newEarly(dst Sink, src io.ReaderAt, d *directory, most, budget int64, keys []*winzip.Keys) *early {
	probe := &Archive{}
	if err := probe.fill(src, d, most, budget, keys); err != nil || len(probe.files) != 1 {
		return nil // and what is wrong is said when all was authenticated
	}
	f := probe.files[0]
	p, ok := f.plain.(*winzip.Plain)
	if !ok || f.method != methodStore {
		return nil
	}
	return &early{dst: dst, file: f, keys: p.Keys, start: p.Off, from: p.Off + f.off}
}

// decrypt decrypts what is content in p, in place.
func (e *early) decrypt(p piece) []byte {
	if e == nil {
		return nil
	}
	n := int64(len(p.b))
	from := min(max(e.from-p.off, 0), n)
	to := min(max(e.from+e.file.packed-p.off, from), n)
	b := p.b[from:to]
	if len(b) > 0 {
		e.keys.XORAt(b, p.off+from-e.start)
		e.crc = crc32.Update(e.crc, crc32.IEEETable, b)
	}
	return b
}

// write writes what was decrypted.
func (e *early) write(p piece) {
	if e == nil || e.err != nil || len(p.plain) == 0 {
		return
	}
	e.err = io.ErrShortWrite // stays where Write panics
	n, err := e.dst.Write(p.plain)
	if err == nil && n != len(p.plain) {
		err = io.ErrShortWrite
	}
	e.err = err
}

// failed returns the error of dst.
func (e *early) failed() error {
	if e == nil {
		return nil
	}
	return e.err
}

// end commits, if files are what was authenticated.
func (e *early) end(files []*File) error {
	if e == nil {
		return nil
	}
	if err := e.failed(); err != nil {
		return err
	}
	if len(files) != 1 {
		return reread.ErrChanged
	}
	f := files[0]
	p, ok := f.plain.(*winzip.Plain)
	switch {
	case !ok || f.method != methodStore || p.Off != e.start || p.Off+f.off != e.from || f.packed != e.file.packed || f.Size != e.file.Size:
		return reread.ErrChanged
	case f.checked && f.crc != e.crc:
		return refuse(codeChecksum, f.Name, "it does not have the checksum that its author's program gave it")
	}
	return e.dst.Commit()
}
