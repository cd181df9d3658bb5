package pgp_test

import (
	"bytes"
	"io"
	mathrand "math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// cutAt opens the first n octets, which is an error that says so, and then the
// same with a length that fits: to the framing the message is whole.
func (m *target) cutAt(t *testing.T, n int) {
	t.Helper()
	got, _, err := open(opener(m.key), bytes.NewReader(m.msg[:n]))
	require.ErrorIs(t, err, envelope.ErrFormat, "%d octets", n)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d octets", n)
	m.prefix(t, got)
	if n >= m.body {
		m.fails(t, n-m.body, m.msg[m.body:n])
	}
}

func (m *target) prefix(t *testing.T, got []byte) {
	t.Helper()
	require.True(t, bytes.HasPrefix(m.text, got))
	require.True(t, m.chunk > 0 || len(got) == 0, "SEIPDv1 released %d octets", len(got))
}

// fails opens the message with this body in place of its own. Whether a body
// is too short to hold anything is for all to see; the rest takes the key.
func (m *target) fails(t *testing.T, n int, body ...[]byte) {
	t.Helper()
	got, _, err := open(opener(m.key), bytes.NewReader(cat(m.msg[:m.own], pkt(18, body...))))
	short := 36 + 2*16 // parameters, an empty chunk's tag, the final tag
	if m.chunk == 0 {
		short = 1 + 18 + 22 // version, random octets, modification detection code
	}
	if n < short && err != envelope.ErrDecrypt { //nolint:errorlint // see flip
		require.ErrorIs(t, err, envelope.ErrFormat, "%d octets", n)
	} else {
		require.Equal(t, envelope.ErrDecrypt, err, "%d octets", n)
	}
	m.prefix(t, got)
}

// A message cut anywhere, with its length left as it was and with one that
// fits what is left; and with octets more than it had.
func TestCutEverywhere(t *testing.T) {
	t.Parallel()
	var all []*target
	for _, mode := range modes {
		for _, n := range sizes(64) {
			all = append(all, newTarget(t, mode, 64, n, false))
		}
	}
	for _, n := range []int{0, 1, 15, 16, 17, 192} {
		all = append(all, newTarget(t, 0, 0, n, false))
	}
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			for n := range m.msg {
				m.cutAt(t, n)
			}
			body := m.msg[m.body:]
			for _, more := range [][]byte{{0}, make([]byte, 16), body[max(0, len(body)-16):], body} {
				m.fails(t, len(body)+len(more), body, more)
			}
		})
	}
}

// The same with chunks of 64 KiB: cut everywhere near the edges of chunks and
// tags, and in some other places.
func TestCutLargeChunks(t *testing.T) {
	t.Parallel()
	const chunk, near, some = 64 << 10, 3, 60
	for _, mode := range append(modes, 0) {
		for _, n := range []int{chunk - 1, chunk, chunk + 1, 3 * chunk} {
			size := chunk
			if mode == 0 {
				size = 0
			}
			m := newTarget(t, mode, size, n, false)
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				random := mathrand.New(mathrand.NewPCG(uint64(mode), uint64(n)))
				for at := range m.msg {
					in := max(at-m.body-36, 0) % (chunk + 16)
					edge := at < m.body+36 || in < near || in > chunk-near || at > len(m.msg)-32-near
					if everyBit || edge || random.IntN(len(m.msg)) < some {
						m.cutAt(t, at)
					}
				}
			})
		}
	}
}

// An armored message of several chunks that is cut after any of its lines.
func TestCutArmorLines(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"v6", "curve25519"} {
		k := key(t, kind)
		text := content(t, 3<<10)
		msg, _ := seal(t, &envelope.Sealer{Armor: true}, text, verified(t, k))
		lines := bytes.SplitAfter(msg, []byte("\n"))
		require.Greater(t, len(lines), 60)
		for i := range lines {
			cut := bytes.Join(lines[:i], nil)
			if len(cut) == len(msg) {
				break
			}
			got, _, err := open(opener(k), bytes.NewReader(cut))
			require.ErrorIs(t, err, envelope.ErrFormat, "%d lines", i)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d lines", i)
			require.True(t, bytes.HasPrefix(text, got))
			require.True(t, kind == "v6" || len(got) == 0)
		}
	}
}
