//go:build !dkb_plain

package gcm

import (
	"io"

	"github.com/doublekeybox/doublekeybox/internal/full"
)

// input cuts a source into segments, for Encrypter and Verifier.
type input struct {
	src   io.Reader
	e     *engine
	buf   []byte // what is left of an earlier call, then the first segment, at last the incomplete one at the end
	read  int64
	ended bool
}

// first fills buf up to a segment, growing it by need. ended then tells that src has no more.
func (in *input) first() error {
	for len(in.buf) < in.e.config.segment {
		in.buf = reserve(in.buf, 1, in.e.config.segment)
		n, err := in.fill(in.buf[len(in.buf):cap(in.buf)], uint64(len(in.buf)))
		in.buf = in.buf[:len(in.buf)+n]
		if err != nil || in.ended {
			return err
		}
	}
	return nil
}

// fill reads into b, of which the message already has pending bytes more than the engine's total. It never reads more than
// one byte beyond the longest message.
func (in *input) fill(b []byte, pending uint64) (int, error) {
	room := in.e.room() - pending
	tooLong := uint64(len(b)) > room
	if tooLong {
		if room+1 < uint64(len(b)) {
			b = b[:room+1]
		}
	}
	n, err := full.Read(in.src, b)
	in.read += int64(n)
	if uint64(n) > room {
		return n, ErrTooLong
	}
	if err == io.EOF {
		in.ended, err = true, nil
	}
	return n, err
}

// next is the first stage of turns.
func (in *input) next(s *slot) (bool, error) {
	segment := in.e.config.segment
	if in.ended {
		return false, nil // what is in buf is not a whole segment
	}
	if in.buf != nil {
		s.buf, in.buf = in.buf, nil
	} else {
		if s.buf == nil {
			s.buf = make([]byte, segment)
		}
		n, err := in.fill(s.buf[:segment], 0)
		if err != nil {
			return false, err
		}
		if n < segment {
			in.buf, s.buf = s.buf[:n], nil
			return false, nil
		}
	}
	s.off = in.e.total
	in.e.total += uint64(segment)
	return true, nil
}
