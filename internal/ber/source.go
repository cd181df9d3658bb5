package ber

import (
	"errors"
	"fmt"
	"io"
)

// errBadSource is a source that breaks the contract of io.Reader, which must
// not become a slice out of range here.
var errBadSource = errors.New("ber: source returned an impossible count from Read")

// fill reads more octets from the source after those that are buffered, of
// which there are fewer than maxHeader whenever it is called. It returns
// io.EOF at the end of the source.
func (r *Reader) fill() error {
	if r.src == nil {
		return io.EOF
	}
	held := r.buf[r.start:r.end]
	if r.buf == nil {
		r.buf = make([]byte, firstBuffer)
	} else if len(r.buf) < readerBuffer && r.end == len(r.buf) {
		// Only a source that fills what there is has use for more: one that
		// is written in small pieces while it is read may be 1 KiB in all.
		r.buf = make([]byte, readerBuffer)
	}
	r.end = copy(r.buf, held)
	r.start = 0
	n, err := r.read(r.buf[r.end:])
	r.end += n
	return err
}

// read reads from the source into p, which is not empty: some octets, or an
// error and none.
func (r *Reader) read(p []byte) (int, error) {
	if r.src == nil {
		return 0, io.EOF
	}
	for range maxEmptyReads {
		if r.srcErr != nil {
			return 0, r.srcErr
		}
		n, err := r.src.Read(p)
		if n < 0 || n > len(p) {
			n, err = 0, errBadSource
		}
		if err != nil && err != io.EOF {
			err = fmt.Errorf("ber: reading: %w", err)
		}
		r.srcErr = err
		if n > 0 {
			return n, nil
		}
	}
	return 0, fmt.Errorf("ber: reading: %w", io.ErrNoProgress)
}

// consume passes over n buffered octets.
func (r *Reader) consume(n int) {
	r.start += n
	r.off += int64(n)
}

// some returns up to n of the next octets, at least one, which the caller
// consumes before anything else is read.
func (r *Reader) some(n int64) ([]byte, error) {
	if r.start == r.end {
		if err := r.fill(); err != nil {
			return nil, r.fail(err)
		}
	}
	b := r.buf[r.start:r.end]
	if int64(len(b)) > n {
		b = b[:n]
	}
	return b, nil
}

// take appends the next n octets to dst. It grows dst as they arrive: n may be
// a lie.
func (r *Reader) take(dst []byte, n int64) ([]byte, error) {
	for n > 0 {
		b, err := r.some(n)
		if err != nil {
			return nil, err
		}
		dst = append(dst, b...)
		r.consume(len(b))
		n -= int64(len(b))
	}
	return dst, nil
}

// discard passes over the next n octets.
func (r *Reader) discard(n int64) error {
	for n > 0 {
		b, err := r.some(n)
		if err != nil {
			return err
		}
		r.consume(len(b))
		n -= int64(len(b))
	}
	return nil
}
