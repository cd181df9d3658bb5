package mail

import (
	"errors"
	"io"
	"sync"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ahead"
	"github.com/doublekeybox/doublekeybox/internal/full"
	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
	"github.com/doublekeybox/doublekeybox/internal/reread"
)

// source is what parts are read from, until the message is closed. It knows
// whether reading it failed: then what went wrong with a layer that was read
// from it says nothing of the layer.
type source struct {
	kept *reread.Source

	root    *mimeparse.Node // of the parts in it, if they were looked for
	rootErr error           // why there is none

	mu  sync.Mutex
	err error
}

// Size returns how many octets there are.
func (s *source) Size() int64 { return s.kept.Size() }

// ReadAt implements io.ReaderAt.
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.kept.ReadAt(p, off)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case errors.Is(err, reread.ErrClosed):
		return n, envelope.ErrClosed
	}
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
	return n, err
}

// failed returns why s could not be read, nil if it could.
func (s *source) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// keep makes src a source, and finds the parts in it while it is read.
func (r *reading) keep(src io.Reader) (*source, error) {
	if src == nil {
		return nil, errors.New("mail: no Reader was given for the message")
	}
	most := r.limits.Envelope.SourceBytes
	if most <= 0 {
		most = reread.DefaultMax
	}
	at, size, ok := reread.Section(src)
	switch {
	case !ok:
		return r.hold(src, most, nil, true)
	case size > most:
		return nil, &envelope.LimitError{What: "octets in one message", Max: most}
	}
	pinned := reread.NewPinning(at, size)
	next := ahead.New(pinned) // reading and parsing have a core each
	defer next.Close()
	root, parseErr := r.parseNext(next, nil)
	next.Close() // else both would read
	s, err := r.add(pinned.Source())
	if err == nil {
		s.root, s.rootErr = root, parseErr
	}
	return s, err
}

// hold keeps a copy of src, encrypted. All copies for one message share what
// they may hold in memory. If it is to be parsed, the parts in it are found
// while it is copied: around is the layer that it is in.
func (r *reading) hold(src io.Reader, most int64, around *Part, parsed bool) (*source, error) {
	c := &copying{src: src, to: reread.NewHolder(reread.Options{Memory: max(r.memory, 1), Dir: r.limits.Envelope.SpoolDir, Max: max(most, 1)})}
	defer c.to.Close()
	var root *mimeparse.Node
	var rootErr error
	if parsed {
		root, rootErr = r.parseNext(c, around)
	}
	if err := c.rest(); err != nil {
		return r.add(nil, err)
	}
	s, err := r.add(c.to.Source())
	if err != nil {
		return nil, err
	}
	s.root, s.rootErr = root, rootErr
	if s.Size() <= r.memory {
		r.memory -= s.Size()
	}
	return s, nil
}

// copying is a reader of src that keeps what it returns.
type copying struct {
	src io.Reader
	to  *reread.Holder
	err error // final: of src, or of to
}

// Read implements io.Reader.
func (c *copying) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.src.Read(p)
	if n < 0 || n > len(p) {
		n, err = 0, full.ErrRead
	}
	if _, kept := c.to.Write(p[:n]); kept != nil {
		err = kept
	}
	c.err = err
	return n, err
}

// rest keeps what was not read.
func (c *copying) rest() error {
	if c.err == nil {
		_, c.err = c.to.ReadFrom(c.src)
		return c.err
	}
	if c.err == io.EOF {
		return nil
	}
	return c.err
}

func (r *reading) add(kept *reread.Source, err error) (*source, error) {
	var l *reread.LimitError
	switch {
	case errors.As(err, &l):
		return nil, &envelope.LimitError{What: "octets in one message", Max: l.Max}
	case err != nil:
		return nil, err
	}
	r.m.sources = append(r.m.sources, kept)
	return &source{kept: kept}, nil
}

// parseError makes the limit that a tree reached one of the whole message: what
// the layers around it had already is counted too.
func (r *reading) parseError(err error) error {
	var l *mimeparse.LimitError
	if !errors.As(err, &l) {
		return err
	}
	out := &envelope.LimitError{What: l.What, Max: l.Max, Fixed: l.Fixed}
	switch l.What {
	case "parts in each other":
		out.Max = int64(r.limits.Depth)
	case "parts":
		out.What, out.Max = "parts in one message", int64(r.limits.Parts)
	}
	return out
}
