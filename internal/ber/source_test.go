package ber_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/ber"
)

// hiccup returns an error together with its first octets, and goes on as if
// nothing had happened.
type hiccup struct {
	r    io.Reader
	done bool
}

func (h *hiccup) Read(p []byte) (int, error) {
	n, err := h.r.Read(p[:min(len(p), 2_000)])
	if !h.done && err == nil {
		h.done = true
		err = io.ErrClosedPipe
	}
	return n, err
}

// An error that came with octets is not forgotten once they are used up: what
// follows it need not be what followed them.
func TestSourceErrorIsKept(t *testing.T) {
	raw := append(ber.AppendHeader(nil, asn1.OCTET_STRING, 100_000), pattern(100_000)...)
	_, err := ber.NewReader(&hiccup{r: bytes.NewReader(raw)}).Element(1 << 20)
	require.ErrorIs(t, err, io.ErrClosedPipe)
	o, err := ber.NewReader(&hiccup{r: bytes.NewReader(raw)}).Octets(asn1.OCTET_STRING)
	require.NoError(t, err)
	got, err := io.ReadAll(o)
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.Equal(t, raw[5:2_000], got)

	_, err = ber.NewReader(&hiccup{r: bytes.NewReader(raw), done: true}).Element(1 << 20)
	require.NoError(t, err, "the same without the error")
}

// watcher counts the octets that are read straight into buf.
type watcher struct {
	r      io.Reader
	buf    []byte
	direct int
}

func (w *watcher) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	for i := 0; i < len(w.buf); i += 1 << 10 {
		if n > 0 && &w.buf[i] == &p[0] {
			w.direct += n
		}
	}
	return n, err
}

// Long segments are read into the caller's buffer, apart from what was read
// ahead; short ones through the Reader's, for which the source is asked less
// often.
func TestOctetsDirect(t *testing.T) {
	const k = 1 << 10
	header := ber.AppendHeader(nil, asn1.OCTET_STRING, 1024*k)
	ahead := 64*k - len(header)
	for size, least := range map[int]int{256 * k: 1024*k - ahead, 16 * k: 1024*k - ahead - 16*k, 8 * k: 0} {
		w := &watcher{r: bytes.NewReader(append(header, make([]byte, 1024*k)...)), buf: make([]byte, size)}
		o, err := ber.NewReader(w).Octets(asn1.OCTET_STRING)
		require.NoError(t, err)
		// The first Read takes what was read ahead, so that the others begin
		// at the beginning of the buffer.
		_, err = io.ReadFull(o, make([]byte, ahead))
		require.NoError(t, err)
		total := ahead
		for err == nil {
			var n int
			n, err = o.Read(w.buf)
			total += n
		}
		require.Equal(t, io.EOF, err)
		require.Equal(t, 1024*k, total)
		require.GreaterOrEqual(t, w.direct, least, size)
		if least == 0 {
			require.Zero(t, w.direct)
		}
	}
}
