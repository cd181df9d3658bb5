package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// input is a file that is read, or standard input.
type input struct {
	io.Reader
	name string // "-": standard input
	size int64  // -1: not known
	file *os.File
	bar  *progress
	kept io.Closer // of what is no file, where it has to be read twice; nil for none
}

// open opens name, "-" and "" being standard input. doing is what the progress
// bar says.
func (a *app) open(name, doing string) (*input, error) {
	in := &input{name: name, size: -1, bar: a.progress(doing)}
	if name == "" || name == "-" {
		in.name = "-"
		in.file, _ = a.stdin.(*os.File)
		in.Reader = a.stdin
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, failed("reading", name, err)
		}
		in.file, in.Reader = f, f
	}
	return a.opened(in)
}

// opened looks at what was opened, and begins its progress bar.
func (a *app) opened(in *input) (*input, error) {
	if in.file != nil {
		info, err := in.file.Stat()
		switch {
		case err != nil:
		case info.IsDir():
			in.file.Close()
			return nil, failed("reading", in.name, errors.New("it is a directory: give a file (an archive of it, for instance)"))
		case info.Mode().IsRegular():
			in.size = info.Size()
			in.Reader = &tracked{f: in.file, in: in}
			in.bar.start(in.size)
			return in, nil
		}
	}
	in.bar.start(-1)
	in.Reader = &counted{r: in.Reader, in: in}
	return in, nil
}

// Close ends the progress bar and closes the file.
func (in *input) Close() error {
	in.bar.stop()
	if in.kept != nil {
		in.kept.Close()
	}
	if in.file != nil && in.name != "-" {
		return in.file.Close()
	}
	return nil
}

// note names the input in the errors of reading it, so that a message does not
// blame the output.
func (in *input) note(n int, err error) error {
	in.bar.add(n)
	if err == nil || err == io.EOF {
		return err
	}
	return failed("reading", in.name, err)
}

// counted is an input that is read once: a pipe, a terminal.
type counted struct {
	r  io.Reader
	in *input
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	return n, c.in.note(n, err)
}

// tracked is a regular file. It can seek, so that it is read twice and no copy
// of it is kept.
type tracked struct {
	f  *os.File
	in *input
}

var _ io.ReadSeeker = (*tracked)(nil)

func (t *tracked) Read(p []byte) (int, error) {
	n, err := t.f.Read(p)
	return n, t.in.note(n, err)
}

func (t *tracked) Seek(offset int64, whence int) (int64, error) {
	at, err := t.f.Seek(offset, whence)
	if err == nil && (offset != 0 || whence != io.SeekCurrent) {
		t.in.bar.start(t.in.size) // the second pass
	}
	return at, err
}

// Stat tells the library that this is a regular file.
func (t *tracked) Stat() (fs.FileInfo, error) { return t.f.Stat() }

// mostKeyBytes is the size of the largest key file read: four times what the
// certificates with the most signatures on public servers have.
const mostKeyBytes = 2 << 20

// readSmall reads a whole key or certificate file.
func (a *app) readSmall(name string) ([]byte, error) { return a.readAtMost(name, mostKeyBytes) }

func (a *app) readAtMost(name string, most int64) ([]byte, error) {
	var r io.Reader = a.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, failed("reading", name, err)
		}
		defer f.Close()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	switch {
	case err != nil:
		return nil, failed("reading", name, err)
	case int64(len(b)) > most:
		return nil, failed("reading", name, &envelope.LimitError{What: "octets in such a file", Max: most})
	case len(bytes.TrimSpace(b)) == 0:
		return nil, failed("reading", name, errors.New("the file is empty"))
	}
	return b, nil
}

// readPassphrase returns the first line of a file, without its line end; nil
// for no file.
func (a *app) readPassphrase(name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	b, err := a.readSmall(name)
	if err != nil {
		return nil, err
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return nil, failed("reading", name, errors.New("its first line, which is the passphrase, is empty"))
	}
	return line, nil
}
