package cbc

import (
	"bytes"
	"crypto/cipher"
	"crypto/subtle"
	"io"
	"runtime"
	"sync"

	"github.com/doublekeybox/doublekeybox/internal/full"
)

const (
	// maxWorkers is how many goroutines decrypt one buffer: CBC can be decrypted, though not encrypted, in parallel.
	maxWorkers = 4

	// workerShare is the least that a goroutine is started for, in bytes: a hundred times what starting it costs.
	workerShare = 32 << 10
)

// Decrypter decrypts one message and authenticates nothing: see the package's documentation for what that allows.
//
// It holds the last block back until it knows that it is the last one. After io.EOF the padding was good and is
// gone. Every error is final. The methods may not be called concurrently.
type Decrypter struct {
	src   io.Reader
	block cipher.Block
	size  int    // of a block
	iv    []byte // of the next block: the ciphertext block before it
	buf   []byte
	out   []byte // part of buf: decrypted and not yet returned
	held  int    // bytes of ciphertext at buf's end, behind out
	err   error  // after out
}

var _ interface {
	io.ReadCloser
	io.WriterTo
} = (*Decrypter)(nil)

// NewDecrypter returns a Decrypter that reads src until io.EOF and never closes it. key has 16, 24 or 32 bytes, iv 16.
// Neither is retained.
func NewDecrypter(src io.Reader, key, iv []byte) (*Decrypter, error) {
	block, err := newBlock(key, iv)
	if err != nil {
		return nil, err
	}
	return NewBlockDecrypter(src, block, iv)
}

// NewBlockDecrypter is NewDecrypter for another block cipher than AES, with blocks of up to 255 bytes: old content is encrypted with
// triple DES and RC2. iv, which is not retained, has as many bytes as a block.
func NewBlockDecrypter(src io.Reader, block cipher.Block, iv []byte) (*Decrypter, error) {
	if len(iv) != block.BlockSize() {
		return nil, errIV
	}
	return &Decrypter{src: src, block: block, size: len(iv), iv: bytes.Clone(iv)}, nil
}

// Read decrypts into p. It returns [ErrPadding] for whatever is wrong with the ciphertext, and src's errors as they are.
func (d *Decrypter) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !d.more() {
		return 0, d.err
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

// WriteTo decrypts all that is left and writes it to dst.
func (d *Decrypter) WriteTo(dst io.Writer) (written int64, err error) {
	for d.more() {
		n, err := dst.Write(d.out)
		if err == nil && n != len(d.out) {
			err = io.ErrShortWrite
		}
		if n > 0 && n <= len(d.out) {
			written += int64(n)
		}
		if err != nil {
			d.out = nil
			d.fail(err)
			return written, err
		}
		d.out = nil
	}
	if d.err == io.EOF {
		return written, nil
	}
	return written, d.err
}

// Close wipes the plaintext that was not read. It does not close the source. A second Close does nothing.
func (d *Decrypter) Close() error {
	d.out = nil
	d.fail(ErrClosed)
	return nil
}

// more makes sure that out is not empty, or else that err is set.
func (d *Decrypter) more() bool {
	for len(d.out) == 0 && d.err == nil {
		d.refill()
	}
	return len(d.out) > 0
}

// refill reads and decrypts a buffer, of which it keeps the last block as it is.
func (d *Decrypter) refill() {
	held := d.buf[len(d.buf)-d.held:]
	if len(d.buf) == cap(d.buf) && cap(d.buf) < bufferSize {
		grown := grow(d.buf[:0])
		clear(d.buf[:len(d.buf)-d.held])
		d.buf = grown
	}
	d.buf = d.buf[:cap(d.buf)]
	copy(d.buf, held)
	n, err := full.Read(d.src, d.buf[d.held:])
	d.buf = d.buf[:d.held+n]
	switch {
	case err == nil:
		d.held = d.size
		d.out = d.buf[:len(d.buf)-d.size]
		d.decrypt(d.out)
	case err == io.EOF:
		d.finish()
	default:
		d.fail(err)
	}
}

// finish decrypts what is left at the end of the source, and removes the padding.
func (d *Decrypter) finish() {
	if len(d.buf) == 0 || len(d.buf)%d.size != 0 {
		d.fail(ErrPadding)
		return
	}
	d.decrypt(d.buf)
	end := len(d.buf) - d.size
	n, good := unpad(d.buf[end:])
	if good != 1 {
		d.fail(ErrPadding)
		return
	}
	d.out = d.buf[:end+n]
	d.held = 0
	d.err = io.EOF
	d.block = nil
}

// unpad returns how many bytes of the last block are content, and 1 if the padding is that of RFC 5652, Section 6.3, else 0. Both its time
// and its memory accesses are independent of the block, so that they don't tell where a bad padding is bad.
func unpad(last []byte) (content, good int) {
	size := len(last)
	pad := int(last[size-1])
	good = subtle.ConstantTimeLessOrEq(1, pad) & subtle.ConstantTimeLessOrEq(pad, size)
	for i, b := range last {
		inPad := subtle.ConstantTimeLessOrEq(size-i, pad)
		good &= subtle.ConstantTimeByteEq(b, byte(pad)) | (1 - inPad)
	}
	return subtle.ConstantTimeSelect(good, size-pad, 0), good
}

// decrypt decrypts whole blocks in place, on several cores where that pays.
func (d *Decrypter) decrypt(b []byte) {
	workers := min(maxWorkers, runtime.GOMAXPROCS(0), max(1, len(b)/workerShare))
	share := len(b) / workers / d.size * d.size
	var wait sync.WaitGroup
	for i := range workers {
		part := b
		if i < workers-1 {
			part, b = b[:share], b[share:]
		}
		// In place, the ciphertext block that the next share needs is gone once this one is decrypted.
		mode := cipher.NewCBCDecrypter(d.block, d.iv)
		copy(d.iv, part[len(part)-d.size:])
		if i < workers-1 {
			wait.Go(func() { mode.CryptBlocks(part, part) })
		} else {
			mode.CryptBlocks(part, part)
		}
	}
	wait.Wait()
}

// fail makes err final and wipes the buffer.
func (d *Decrypter) fail(err error) {
	clear(d.buf[:cap(d.buf)])
	d.buf, d.held, d.err, d.block = nil, 0, err, nil
}
