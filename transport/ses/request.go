package ses

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
)

// maxAnswer is how much the service may answer: a message ID, or an error of
// some lines.
const maxAnswer = 256 << 10

// doer sends requests and notes how far they came.
type doer struct{ client *http.Client }

// Do sends one request.
func (d doer) Do(r *http.Request) (*http.Response, error) {
	if w, ok := r.Context().Value(writtenKey{}).(*written); ok && r.Body != nil {
		// Nothing takes it back to its begin, so that nothing sends it twice.
		r.Body, r.GetBody = &watched{r.Body, w, r.ContentLength}, nil
	}
	answer, err := d.client.Do(r)
	if err == nil {
		answer.Body = &bounded{answer.Body, maxAnswer}
	}
	return answer, err
}

// written is whether all of a request can be there. It is set before the last
// octet is written: what is asked afterwards, after an error of the connection,
// comes too late to find that it was not.
type written struct{ all atomic.Bool }

type writtenKey struct{}

func (w *written) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, writtenKey{}, w)
}

// watched is the body of a request.
type watched struct {
	io.ReadCloser
	w    *written
	left int64 // octets; less than none where only the end tells
}

func (b *watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if err != nil || b.left == 0 {
		b.w.all.Store(true) // p has the last that is to be written
	}
	return n, err
}

// bounded is the body of an answer.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
