package link

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Errors of Fetch that a caller may want to tell apart.
var (
	// ErrExpired: the link's time is over, by this computer's clock or by the
	// store's. Whoever sent it can send another.
	ErrExpired = errors.New("the link has expired")

	// ErrRefused: the store does not let this URL read. It was changed, or who
	// made it may not read or may no longer. S3 says the same of an object that
	// is not there to those who may not list the bucket.
	ErrRefused = errors.New("the store refuses the link")

	// ErrGone: the object is not there, or not any more.
	ErrGone = errors.New("the object is gone")

	// ErrTruncated: the object is shorter than the link says, or the connection
	// broke before its end; then it is io.ErrUnexpectedEOF, too.
	ErrTruncated = errors.New("the object is truncated")

	// ErrTooLong: the object is longer than the link says.
	ErrTooLong = errors.New("the object is too long")

	// ErrReplaced: the object is as long as the link says, and has another
	// SHA-256.
	ErrReplaced = errors.New("the object is not the one that the link was made for")

	// ErrSlow: the store sent less than a KiB a second for a minute.
	ErrSlow = errors.New("the store answers too slowly")
)

// File is where Fetch puts an object: an *os.File, also one without a name, that
// was not opened for appending; or a *[Memory].
type File interface {
	io.WriterAt
	Truncate(size int64) error
}

// Fetch gets the object of l with client and puts it into dst, from its first
// octet on. After nil dst holds the object, all of it and nothing else. After an
// error it is empty. In between it holds octets that nobody checked: read it
// after Fetch returned nil, and not before.
//
// The request goes to l's host alone: a redirect is an error, since the
// signature of a pre-signed URL counts for one host. It says nothing of who asks
// but what client adds. Nothing is asked where this computer's clock says that
// the time is over, and no more is read than the size in l.
//
// client must verify the server's certificate, as http.DefaultClient does, which
// nil means. What it holds of cookies is not used, nor are its CheckRedirect and
// its Timeout changed. Fetch gives up where the store sends less than 64 KiB in a
// minute, and when ctx ends.
//
// The error wraps one of those above, or ErrFormat where l is not complete; else
// it is of the network, TLS, dst, or what ended ctx. It has nothing of the URL
// but scheme, host and path, nor more of what the store said than a code.
func Fetch(ctx context.Context, client *http.Client, l Link, dst File) error {
	f := fetcher{client: client, now: time.Now, window: time.Minute}
	return f.fetch(ctx, l, dst)
}

// leastPerWindow is how many octets a store must send in each window of time. A
// mobile phone at the edge of its network gets a hundred times that.
const leastPerWindow = 64 << 10

// fetcher is a Fetch whose clock and patience a test can set.
type fetcher struct {
	client *http.Client
	now    func() time.Time
	window time.Duration
}

func (f *fetcher) fetch(ctx context.Context, l Link, dst File) error {
	err := l.Check()
	if err == nil {
		if err = f.get(ctx, l, dst); err == nil {
			return nil
		}
		err = fmt.Errorf("link: %.200s: %w", l.Object(), err)
	}
	if empty := dst.Truncate(0); empty != nil {
		err = fmt.Errorf("%w; and what arrived of it cannot be removed: %w", err, empty)
	}
	return err
}

// get asks for the object, and writes and checks it.
func (f *fetcher) get(ctx context.Context, l Link, dst File) error {
	if now := f.now(); !now.Before(l.Ends()) {
		return fmt.Errorf("%w on %s; this computer's clock says %s", ErrExpired, l.Ends().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.URL, nil)
	if err != nil {
		return fmt.Errorf("%w: the URL cannot be read", ErrFormat)
	}
	prepare(req)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if f.client != nil {
		client.Transport, client.Timeout = f.client.Transport, f.client.Timeout
	}
	watch := newWatch(f.window, cancel)
	defer watch.stop()
	resp, err := client.Do(req)
	if err != nil {
		return because(ctx, bare(err))
	}
	defer func() { _ = resp.Body.Close() }() // it was read, or is of no use
	if resp.StatusCode != http.StatusOK {
		return f.refusal(l, resp)
	}
	return because(ctx, receive(l, resp, watch, dst))
}

// receive writes what the store sends, and checks it.
func receive(l Link, resp *http.Response, watch *watch, dst File) error {
	// What the store says of the length beforehand saves reading; it is not
	// relied on.
	if resp.ContentLength > l.Size {
		return fmt.Errorf("%w: it has %d octets, and the link says %d", ErrTooLong, resp.ContentLength, l.Size)
	}
	if 0 <= resp.ContentLength && resp.ContentLength < l.Size {
		return fmt.Errorf("%w: it has %d octets, and the link says %d", ErrTruncated, resp.ContentLength, l.Size)
	}
	to := &sink{dst: dst, sum: sha256.New(), watch: watch}
	// One octet more than there may be, to notice it.
	_, err := io.Copy(to, io.LimitReader(resp.Body, l.Size+1))
	switch {
	case to.n > l.Size:
		return fmt.Errorf("%w: it goes on behind %d octets", ErrTooLong, l.Size)
	case err != nil && errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the connection ended after %d of %d octets: %w", ErrTruncated, to.n, l.Size, io.ErrUnexpectedEOF)
	case err != nil:
		return bare(err)
	case to.n < l.Size:
		return fmt.Errorf("%w: it has %d octets, and the link says %d", ErrTruncated, to.n, l.Size)
	}
	if got := [sha256.Size]byte(to.sum.Sum(nil)); got != l.SHA256 {
		return fmt.Errorf("%w: its SHA-256 is %x, and the link says %x", ErrReplaced, got, l.SHA256)
	}
	return dst.Truncate(l.Size) // of what was in dst before
}

// sink writes to dst and to sum, and tells watch.
type sink struct {
	dst   io.WriterAt
	sum   hash.Hash
	watch *watch
	n     int64
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.dst.WriteAt(p, s.n)
	s.sum.Write(p[:n])
	s.n += int64(n)
	s.watch.add(int64(n))
	return n, err
}

// bare returns err without the URL that net/http puts around it.
func bare(err error) error {
	for {
		u, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = u.Err
	}
}

// because returns why ctx ended where it did and that is why there is an err.
func because(ctx context.Context, err error) error {
	if err != nil && errors.Is(err, context.Canceled) {
		return context.Cause(ctx)
	}
	return err
}
