package discover

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

const (
	// maxFolder is how much is read of one directory, in octets.
	maxFolder = 256 << 20

	// maxEntries is how many files of one are looked at.
	maxEntries = 100_000
)

// Dir finds the certificates in a directory, as os.DirFS makes one of:
//
//   - GnuPG's home (~/.gnupg): pubring.kbx and pubring.gpg, with the ownertrust
//     of trustdb.gpg in the notes, see [NoteOwnerTrust];
//   - a certificate directory (cert-d, ~/.local/share/pgp.cert.d), where
//     Sequoia and others keep one file for each certificate, under its
//     fingerprint: a file that holds another one is a problem;
//   - a folder of files whose names end as those of keys, certificates, vCards
//     and messages do.
//
// It reads no more than 256 MiB, follows no link, and does not go into other
// folders.
func (r *Reader) Dir(name string, fsys fs.FS) ([]Candidate, []Problem) {
	return r.dir(name, fsys, maxFolder)
}

// dir is Dir with a limit in octets.
func (r *Reader) dir(name string, fsys fs.FS, most int64) ([]Candidate, []Problem) {
	d := &folderReader{fsys: fsys, most: most, left: most}
	d.c = &collector{name: name, parsers: r.Parsers, open: r.PKCS12}
	d.folder(".", d.file)
	if len(d.c.found)+len(d.c.problems) == 0 {
		d.c.problem("", errNoCertificate)
	}
	if d.trust != nil {
		if _, err := NoteOwnerTrust(d.c.found, d.trust); err != nil {
			d.c.problem("trustdb.gpg", err)
		}
	}
	return d.c.found, d.c.problems
}

// folderReader is a directory that is being read.
type folderReader struct {
	c       *collector
	fsys    fs.FS
	most    int64 // octets
	left    int64
	entries int
	trust   []byte // of trustdb.gpg
}

// folder calls do for what is in a folder, in the order of the names.
func (d *folderReader) folder(path string, do func(path string, e fs.DirEntry)) {
	list, err := fs.ReadDir(d.fsys, path)
	if err != nil {
		d.c.problem(path, err)
		return
	}
	for _, e := range list {
		if d.entries++; d.entries > maxEntries {
			if d.entries == maxEntries+1 {
				d.c.problem("", fmt.Errorf("more than %d files: the rest is not read", maxEntries))
			}
			return
		}
		full := e.Name()
		if path != "." {
			full = path + "/" + full
		}
		do(full, e)
	}
}

// file takes one entry of the directory itself.
func (d *folderReader) file(path string, e fs.DirEntry) {
	name := lowerASCII(e.Name())
	switch {
	case e.IsDir() && isHex(e.Name(), 2):
		d.folder(path, d.certificate)
	case e.IsDir() && name == "public-keys.d":
		d.folder(path, d.keyboxd)
	case !e.Type().IsRegular():
	case name == "trustdb.gpg":
		if b, err := d.read(path); err != nil {
			d.c.problem(path, err)
		} else {
			d.trust = b
		}
	case isCertificateName(name), strings.HasSuffix(name, ".vcf"), strings.HasSuffix(name, ".eml"):
		if b, err := d.read(path); err != nil {
			d.c.problem(path, err)
		} else {
			d.c.file(path, b)
		}
	}
}

// certificate takes a file of a certificate directory: draft-nwjw-openpgp-cert-d,
// Section 3, has the fingerprint in lower case as folder of two digits and name.
func (d *folderReader) certificate(path string, e fs.DirEntry) {
	if !e.Type().IsRegular() || !isHex(e.Name(), 38) && !isHex(e.Name(), 62) {
		return
	}
	b, err := d.read(path)
	if err != nil {
		d.c.problem(path, err)
		return
	}
	first := len(d.c.found)
	d.c.keys(path, "", b)
	want := strings.ToUpper(strings.ReplaceAll(path, "/", ""))
	for _, c := range d.c.found[first:] {
		if c.Certificate.Fingerprint().String() != want {
			d.c.found = d.c.found[:first]
			d.c.problem(path, fmt.Errorf("it holds the certificate %s, whose name it does not have", c.Certificate.Fingerprint()))
			return
		}
	}
}

// keyboxd says so where GnuPG (2.4, with use-keyboxd) has its keys in a data
// base: without a word it would seem that there are none.
func (d *folderReader) keyboxd(path string, e fs.DirEntry) {
	if e.Name() == "pubring.db" {
		d.c.problem(path, errSQLite)
	}
}

func isHex(s string, n int) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == n && s == strings.ToLower(s)
}

// read returns a whole file.
func (d *folderReader) read(path string) ([]byte, error) {
	f, err := d.fsys.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errors.New("it is no file") // any more
	}
	most := min(maxFile, d.left)
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	d.left -= int64(len(b))
	switch {
	case err != nil:
		return nil, err
	case d.left < 0:
		d.left = 0
		return nil, fmt.Errorf("the files have more than %d octets together: the rest is not read", d.most)
	case int64(len(b)) > most:
		return nil, errTooLarge
	}
	return b, nil
}
