package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// unlockFlags are what unlock was asked for.
type unlockFlags struct {
	passphraseFile, out string
	force               bool
}

func (a *app) unlockCommand() *cobra.Command {
	var f unlockFlags
	c := &cobra.Command{
		Use:   "unlock [--passphrase-file FILE] [-o OUT] [IN]",
		Short: "Open what lock made",
		Long: `Open an archive or a message that a passphrase locks: what box lock wrote, and
ZIP archives with AES of other programs. Nothing is written before it is known
to be what was locked.

One file is written to OUT, or standard output. For several OUT is a folder that
is made for them; so it is for one where OUT ends in a slash. Without --passphrase-file the passphrase is asked for.`,
		Example: `  box unlock -o papers papers.zip
  box unlock --passphrase-file secret.txt -o receipt.pdf receipt.zip`,
		Args: most(1, "one file, or standard input"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.unlockBox(&f, first(args)) },
	}
	c.Flags().StringVar(&f.passphraseFile, "passphrase-file", "", "the first line of this `FILE` is the passphrase")
	outputFlags(c, &f.out, &f.force)
	return c
}

func (a *app) unlockBox(f *unlockFlags, name string) error {
	p, err := a.boxPassphrase(f.passphraseFile)
	if err != nil {
		return err
	}
	in, err := a.open(name, "unlocking")
	if err != nil {
		return err
	}
	defer in.Close()
	src, isZip, err := zipped(in)
	if err != nil {
		return err
	}
	if isZip {
		return failed("unlocking", in.name, a.unlockZip(f, in, src, p))
	}
	o := envelope.Opener{Passphrases: []*envelope.Passphrase{p}, Formats: []envelope.Format{pgp.Format(), smime.Format()}}
	out, err := a.create(f.out, f.force, true)
	if err != nil {
		return err
	}
	defer out.discard()
	if _, err := contents(src, out, o.Open); err != nil {
		return failed("unlocking", in.name, err)
	}
	in.bar.stop()
	return out.commit()
}

// boxPassphrase returns the passphrase in a file, or the one that a person types.
func (a *app) boxPassphrase(file string) (*envelope.Passphrase, error) {
	text, err := a.readPassphrase(file)
	if err == nil && file == "" {
		text, err = a.ask("passphrase")
	}
	if err != nil {
		return nil, err
	}
	a.hint = "nothing was written; check the passphrase (the first line of the file, without its line end), or have it sent again"
	return envelope.OpenPassphrase(string(text))
}

// zipped reports whether in is an archive. What it returns is all of in, and
// can be read at any place where in can.
func zipped(in *input) (src io.Reader, is bool, err error) {
	if in.size >= 0 {
		head := make([]byte, 2)
		n, err := in.file.ReadAt(head, start(in.file))
		if err != nil && err != io.EOF {
			return nil, false, failed("reading", in.name, err)
		}
		if is := bytes.Equal(head[:n], zipMagic()); is {
			return &watched{File: in.file, bar: in.bar}, true, nil
		}
		return in.Reader, false, nil
	}
	b := bufio.NewReaderSize(in.Reader, copySize)
	head, err := b.Peek(2)
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	return b, bytes.Equal(head, zipMagic()), nil
}

func zipMagic() []byte { return []byte("PK") }

// start is where f is read next.
func start(f *os.File) int64 {
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0
	}
	return at
}

// watched is an archive that is authenticated: a long reading of which the
// progress bar is told.
type watched struct {
	*os.File
	bar  *progress
	done bool // authenticated; only before ReadAt is called again
}

func (w *watched) ReadAt(p []byte, off int64) (int, error) {
	n, err := w.File.ReadAt(p, off)
	if !w.done {
		w.bar.add(n)
	}
	return n, err
}

// sink is a file that gets its name when all of it was authenticated.
type sink struct{ *output }

func (s sink) Commit() error { return s.commit() }

// early makes the file that an archive is unlocked to while it is authenticated;
// nil where that is a folder, or nothing that gets its name at the end.
func (a *app) early(f *unlockFlags) (*output, error) {
	if f.out == "" || f.out == "-" || asFolder(f.out) {
		return nil, nil
	}
	if info, err := os.Stat(f.out); err == nil && !info.Mode().IsRegular() {
		return nil, nil
	}
	return a.create(f.out, f.force, true)
}

func (a *app) unlockZip(f *unlockFlags, in *input, src io.Reader, p *envelope.Passphrase) error {
	out, err := a.early(f)
	if err != nil {
		return err
	}
	var dst zipbox.Sink
	if out != nil {
		defer out.discard()
		if out.file != nil {
			dst = sink{out}
		}
	}
	archive, written, err := new(zipbox.Opener).OpenInto(dst, src, p)
	if err != nil {
		return err
	}
	defer archive.Close()
	if w, ok := src.(*watched); ok {
		w.done = true
	}
	if !written {
		if out != nil {
			out.discard()
		}
		err = a.unlockFiles(f, in, archive)
	}
	if err != nil {
		return err
	}
	in.bar.stop()
	for _, s := range archive.Report().Findings {
		a.say("note: %s", s)
	}
	return nil
}

// unlockFiles writes the files of an archive that was authenticated.
func (a *app) unlockFiles(f *unlockFlags, in *input, archive *zipbox.Archive) error {
	files := archive.Files()
	var total int64
	for _, file := range files {
		total += file.Size
	}
	in.bar.start(total)
	info, err := os.Stat(f.out)
	folder := f.out != "" && err == nil && info.IsDir()
	switch {
	case len(files) == 1 && asFolder(f.out) && !folder:
		return a.unlockFolder(filepath.Clean(f.out), in, files)
	case len(files) == 1 && folder:
		return a.unlockFile(filepath.Join(f.out, path.Base(files[0].Name)), f.force, in, files[0])
	case len(files) == 1:
		return a.unlockFile(f.out, f.force, in, files[0])
	case f.out == "" || f.out == "-":
		return errSeveral
	}
	return a.unlockFolder(filepath.Clean(f.out), in, files)
}

// asFolder reports whether name can only be that of a folder: "papers/".
func asFolder(name string) bool { return name != "" && os.IsPathSeparator(name[len(name)-1]) }

// unlockFile writes one file.
func (a *app) unlockFile(name string, force bool, in *input, file *zipbox.File) error {
	out, err := a.create(name, force, true)
	if err != nil {
		return err
	}
	defer out.discard()
	if err := copyFile(out, in, file); err != nil {
		return err
	}
	return out.commit()
}

func copyFile(dst io.Writer, in *input, file *zipbox.File) error {
	r := file.Open()
	defer r.Close()
	_, err := io.CopyBuffer(onlyWriter{dst}, &told{r, in.bar}, make([]byte, copySize))
	return err
}

// told tells a progress bar what was read.
type told struct {
	r   io.Reader
	bar *progress
}

func (t *told) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.bar.add(n)
	return n, err
}

// unlockFolder makes a folder of all files, which appears whole or not at all.
func (a *app) unlockFolder(name string, in *input, files []*zipbox.File) (err error) {
	if _, err := os.Lstat(name); err == nil {
		return failed("writing", name, fs.ErrExist)
	}
	temp := filepath.Join(filepath.Dir(name), ".box-"+rand.Text())
	if err := os.Mkdir(temp, 0o700); err != nil {
		return failed("writing", name, err)
	}
	a.pending.removeAtEnd(temp)
	defer a.pending.removeAtEnd("")
	defer func() {
		if err != nil {
			os.RemoveAll(temp)
		}
	}()
	root, err := os.OpenRoot(temp)
	if err != nil {
		return failed("writing", name, err)
	}
	defer root.Close()
	for _, file := range files {
		if err := saveFile(root, in, file); err != nil {
			return err
		}
	}
	// Windows renames no folder that somebody has open.
	if err := errors.Join(root.Close(), os.Rename(temp, name)); err != nil {
		return failed("writing", name, err)
	}
	return nil
}

func saveFile(root *os.Root, in *input, file *zipbox.File) error {
	if i := strings.LastIndexByte(file.Name, '/'); i >= 0 {
		if err := root.MkdirAll(filepath.FromSlash(file.Name[:i]), 0o700); err != nil {
			return failed("writing", file.Name, err)
		}
	}
	f, err := root.OpenFile(filepath.FromSlash(file.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return failed("writing", file.Name, err)
	}
	err = copyFile(f, in, file)
	if err == nil {
		err = f.Sync() // else a power cut could leave the name and not the content
	}
	return errors.Join(err, f.Close())
}
