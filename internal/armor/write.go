package armor

import (
	"encoding/base64"
	"io"
)

// firstOctets is what room is made for at first: a message of 1 KiB should not pay for a block.
const firstOctets = 4 << 10

// Writer writes ASCII armor, RFC 9580, Section 6.2, without headers. Its Close writes the end and does not close dst. Who
// does not finish simply stops writing. Its methods must not be called concurrently, and dst is only written to by them.
type Writer struct {
	dst   io.Writer
	label string
	crc   uint32
	check bool // write the checksum
	begun bool
	err   error
	in    []byte // octets not encoded so far: less than blockOctets

	work    []byte        // what the goroutine encodes; its array becomes in's
	out     []byte        // what came out
	done    chan struct{} // has room for one: a goroutine that nobody waits for ends too
	running bool
}

// NewWriter returns a writer of armor with this label. The checksum is for readers of version 4: GnuPG 2.2 fails without it
// whenever the last group needs no padding. RFC 9580, Section 6.1, forbids it for all that is new.
func NewWriter(dst io.Writer, label string, checksum bool) *Writer {
	return &Writer{dst: dst, label: label, check: checksum, crc: crc24Init}
}

// Write implements io.Writer. An error of dst may come with a later call.
func (w *Writer) Write(p []byte) (n int, err error) {
	for len(p) > 0 && w.err == nil {
		k := min(len(p), blockOctets-len(w.in))
		w.room(k)
		w.in = append(w.in, p[:k]...)
		n, p = n+k, p[k:]
		if len(w.in) == blockOctets {
			w.hand()
		}
	}
	return n, w.err
}

// room makes room for k octets more in in: a little at first, then a block.
func (w *Writer) room(k int) {
	switch need := len(w.in) + k; {
	case need <= cap(w.in):
	case need <= firstOctets:
		w.in = append(make([]byte, 0, firstOctets), w.in...)
	default:
		w.in = append(make([]byte, 0, blockOctets), w.in...)
	}
}

// hand has a whole block encoded, while the caller makes the next one, and writes the one before.
func (w *Writer) hand() {
	w.collect()
	if w.done == nil {
		w.done = make(chan struct{}, 1)
	}
	w.in, w.work = w.work[:0], w.in
	w.running = true
	go func() {
		w.encode(w.work)
		w.done <- struct{}{}
	}()
}

// collect waits for the block that is being encoded, and writes it.
func (w *Writer) collect() {
	if w.running {
		<-w.done
		w.running = false
		w.flush()
	}
}

// encode appends b to out, as whole lines but the last.
func (w *Writer) encode(b []byte) {
	if !w.begun {
		w.begun = true
		w.out = append(w.out, "-----BEGIN "+w.label+"-----\n\n"...)
	}
	if w.check {
		w.crc = crc24(w.crc, b)
	}
	w.out = appendLines(w.out, b)
}

func (w *Writer) flush() {
	if w.err == nil {
		_, w.err = w.dst.Write(w.out)
	}
	w.out = w.out[:0]
}

// Close writes the last line, the checksum if there is one, and the tail.
func (w *Writer) Close() error {
	w.collect()
	if w.err != nil {
		return w.err
	}
	w.encode(w.in)
	w.in = w.in[:0]
	if w.check {
		sum := []byte{byte(w.crc >> 16), byte(w.crc >> 8), byte(w.crc)}
		w.out = append(base64.StdEncoding.AppendEncode(append(w.out, '='), sum), '\n')
	}
	w.out = append(w.out, "-----END "+w.label+"-----\n"...)
	w.flush()
	return w.err
}
