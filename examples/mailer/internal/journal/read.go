package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Read reads a journal and verifies its chain, and that its records follow from
// each other, as it goes. A last line without its line feed is left out: it was
// being written, and nobody has acted on it.
//
// The error is a *DamageError or that of r, and ends the sequence.
func Read(r io.Reader) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		s := newScanner(r)
		for {
			rec, err := s.next()
			if err == io.EOF {
				return
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// scanner reads a journal.
type scanner struct {
	r     *bufio.Reader
	line  []byte // of which the last one was long
	text  []byte // the last line that was good, with its line feed
	n     uint64 // how many lines were read
	size  int64  // of those lines, in octets
	torn  int64  // how many octets follow them
	prev  string
	head  Head
	table *table
}

func newScanner(r io.Reader) *scanner {
	return &scanner{r: bufio.NewReaderSize(r, 64<<10), prev: zeros}
}

// next returns the next record. The error is io.EOF at the end, and where only a
// line without its end is left.
func (s *scanner) next() (Record, error) {
	line, err := s.read()
	if err != nil {
		return Record{}, err
	}
	damage := func(problem string) (Record, error) {
		return Record{}, &DamageError{Line: int(s.n) + 1, Problem: problem}
	}
	if line == nil {
		return damage(fmt.Sprintf("is longer than %d octets, as none is", maxLine))
	}
	rec, problem := decode(line[:len(line)-1], s.n+1, s.prev)
	if problem != "" {
		return damage(problem)
	}
	switch {
	case (rec.Kind == Run) != (s.n == 0) || (rec.Head != nil) != (s.n == 0):
		return damage("is out of place: the first line, and no other, says what run it is")
	case s.n == 0:
		if rec.Head.Rows < 0 || rec.Head.Rows > MaxRows || rec.Head.Run == "" {
			return damage("says nothing of what run it is")
		}
		s.head, s.table = *rec.Head, newTable(rec.Head.Rows)
	}
	if err := s.table.apply(&rec); err != nil {
		return damage(fmt.Sprintf("cannot be: %v", err))
	}
	s.n++
	s.text = append(s.text[:0], line...)
	s.size += int64(len(line))
	s.prev = rec.Hash
	return rec, nil
}

// read returns a line with its line feed, nil for one that is too long.
func (s *scanner) read() ([]byte, error) {
	s.line = s.line[:0]
	size, long := int64(0), false
	for {
		part, err := s.r.ReadSlice('\n')
		size += int64(len(part))
		switch {
		case errors.Is(err, bufio.ErrBufferFull) || err == nil:
		case errors.Is(err, io.EOF):
			s.torn = size
			return nil, s.tear(part)
		default:
			return nil, fmt.Errorf("journal: %w", err)
		}
		if err == nil && len(s.line) == 0 && !long {
			return part, nil
		}
		// The rest of one that is too long is read all the same: it may be
		// without an end, and then was torn.
		if long = long || len(s.line)+len(part) > maxLine+1; !long {
			s.line = append(s.line, part...)
		}
		if err == nil && long {
			return nil, nil
		}
		if err == nil {
			return s.line, nil
		}
	}
}

// tear returns io.EOF for a last line that was being written. One that is whole,
// and has another octet where its line feed was, was not: a write that stops leaves
// a beginning of what was to be written, and nothing else.
func (s *scanner) tear(part []byte) error {
	if n := len(s.line) + len(part) - 1; n < 0 || n > maxLine {
		return io.EOF
	}
	s.line = append(s.line, part...)
	if _, problem := decode(s.line[:len(s.line)-1], s.n+1, s.prev); problem != "" {
		return io.EOF
	}
	return &DamageError{Line: int(s.n) + 1, Problem: "is damaged: it does not end in a line feed"}
}

// end is nil for io.EOF.
func end(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
