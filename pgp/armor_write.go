package pgp

import (
	"encoding/base64"
	"io"
)

// The labels of armor, RFC 9580, Section 6.2.
const (
	labelMessage   = "PGP MESSAGE"
	labelSignature = "PGP SIGNATURE"
)

// armorLine is the length of a line of armor, RFC 9580, Section 6: at most 76.
// 64 is what everybody writes.
const armorLine = 64

const (
	armorLineOctets  = armorLine / 4 * 3
	armorBlockOctets = 256 * armorLineOctets // encoded and written at once
)

// armorWriter writes ASCII armor, RFC 9580, Section 6.2, without headers. Its
// Close writes the end and does not close dst.
type armorWriter struct {
	dst   io.Writer
	label string
	crc   uint32
	check bool // write the checksum
	begun bool
	err   error
	in    []byte // octets not encoded so far: less than armorBlockOctets
	out   []byte
}

// newArmorWriter returns a writer of armor with this label. The checksum is
// for readers of version 4: GnuPG 2.2 fails without it whenever the last group
// needs no padding. RFC 9580, Section 6.1, forbids it for all that is new.
func newArmorWriter(dst io.Writer, label string, checksum bool) *armorWriter {
	return &armorWriter{dst: dst, label: label, check: checksum, crc: crc24Init}
}

func (w *armorWriter) Write(p []byte) (n int, err error) {
	if w.check {
		w.crc = crc24(w.crc, p)
	}
	for len(p) > 0 && w.err == nil {
		if w.in == nil {
			w.in = make([]byte, 0, armorBlockOctets)
		}
		k := min(len(p), armorBlockOctets-len(w.in))
		w.in = append(w.in, p[:k]...)
		n, p = n+k, p[k:]
		if len(w.in) == armorBlockOctets {
			w.flush("")
		}
	}
	return n, w.err
}

// flush encodes what is held, as whole lines but the last, and writes it with tail.
func (w *armorWriter) flush(tail string) {
	if w.err != nil {
		return
	}
	out := w.out[:0]
	if !w.begun {
		w.begun = true
		out = append(out, "-----BEGIN "+w.label+"-----\n\n"...)
	}
	for in := w.in; len(in) > 0; {
		k := min(len(in), armorLineOctets)
		out = base64.StdEncoding.AppendEncode(out, in[:k])
		out = append(out, '\n')
		in = in[k:]
	}
	w.in = w.in[:0]
	w.out = append(out, tail...)
	_, w.err = w.dst.Write(w.out)
}

// Close writes the last line, the checksum if there is one, and the tail.
func (w *armorWriter) Close() error {
	tail := "-----END " + w.label + "-----\n"
	if w.check {
		sum := []byte{byte(w.crc >> 16), byte(w.crc >> 8), byte(w.crc)}
		tail = "=" + base64.StdEncoding.EncodeToString(sum) + "\n" + tail
	}
	w.flush(tail)
	return w.err
}
