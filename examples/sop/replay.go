package main

import (
	"io"
	"os"
)

// replay is standard input that can be read from its beginning again. What
// cannot seek is copied to a file meanwhile: it is still encrypted.
type replay struct {
	src  io.Reader
	seek io.Seeker // nil: src cannot
	from int64     // where it begins
	copy *os.File  // nil: nothing is kept
	all  bool      // everything is in copy, and src is copy
	err  error
}

// newReplay begins to read src. Only with keep again can be called.
func newReplay(src io.Reader, keep bool) *replay {
	r := &replay{src: src}
	if f, ok := src.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			if at, err := f.Seek(0, io.SeekCurrent); err == nil {
				r.seek, r.from = f, at
				return r
			}
		}
	}
	if keep {
		r.copy, r.err = os.CreateTemp("", "sop-*")
		if r.err == nil {
			os.Remove(r.copy.Name()) // on Windows it stays until Close
		}
	}
	return r
}

func (r *replay) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.src.Read(p)
	if n > 0 && r.copy != nil && !r.all {
		if _, e := r.copy.Write(p[:n]); e != nil {
			r.err = e
			return 0, e
		}
	}
	return n, err
}

// again goes back to the beginning.
func (r *replay) again() error {
	if r.err != nil {
		return r.err
	}
	if r.seek != nil {
		_, err := r.seek.Seek(r.from, io.SeekStart)
		return err
	}
	if !r.all {
		if _, err := io.Copy(io.Discard, r); err != nil { // the rest
			return err
		}
		r.all, r.src = true, r.copy
	}
	_, err := r.copy.Seek(0, io.SeekStart)
	return err
}

// Close removes the copy.
func (r *replay) Close() {
	if r.copy != nil {
		r.copy.Close()
		os.Remove(r.copy.Name())
	}
}
