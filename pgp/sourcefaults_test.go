package pgp_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// hostile is a source that does something else at one call of Read, counted
// over all passes.
type hostile struct {
	r         *bytes.Reader
	calls, at int
	fault     func(p []byte, n int, err error) (int, error)
}

func (h *hostile) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	if h.calls++; h.calls == h.at {
		return h.fault(p, n, err)
	}
	return n, err
}

// hostileSeeker is one that can be read twice by itself.
type hostileSeeker struct{ *hostile }

func (h hostileSeeker) Seek(offset int64, whence int) (int64, error) { return h.r.Seek(offset, whence) }

var (
	errHostile = errors.New("hostile")
	faults     = map[string]func(p []byte, n int, err error) (int, error){
		"error":            func(p []byte, n int, _ error) (int, error) { return n, errHostile },
		"end":              func(p []byte, n int, _ error) (int, error) { return n / 2, io.EOF },
		"change":           func(p []byte, n int, err error) (int, error) { p[n/2] ^= 4; return n, err },
		"hole":             func(p []byte, n int, err error) (int, error) { return copy(p, p[n/2:n]), err },
		"again":            func(p []byte, n int, err error) (int, error) { copy(p[n/2:], p[:n/2]); return n, err },
		"impossible count": func(p []byte, n int, err error) (int, error) { return len(p) + 1, nil },
		"negative count":   func(p []byte, n int, err error) (int, error) { return -1, nil },
		"panic":            func([]byte, int, error) (int, error) { panic(errHostile) },
		"Goexit":           func([]byte, int, error) (int, error) { runtime.Goexit(); return 0, nil },
	}
)

// attempt is what came of one opening.
type attempt struct {
	got, late []byte // before and after a panic
	err       error
	lateErr   error
	opened    bool
}

// attemptTo opens in a goroutine of its own, which src may end.
func attemptTo(o *envelope.Opener, src io.Reader, lent bool) *attempt {
	a := &attempt{err: errors.New("ended")}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var m *envelope.Message
		defer func() {
			if v := recover(); v != nil {
				a.err = errors.New("panic")
			}
			if m != nil && a.err != nil {
				a.late, a.lateErr = io.ReadAll(m)
				m.Close()
			}
		}()
		var err error
		if m, err = o.Open(src); err != nil {
			m, a.err = nil, err
			return
		}
		a.opened = true
		var out bytes.Buffer
		if lent {
			_, err = m.WriteTo(&out)
		} else {
			_, err = io.Copy(&out, struct{ io.Reader }{m})
		}
		a.got, a.err = out.Bytes(), err
		m.Close()
	}()
	<-done
	return a
}

// Whatever a source does, at whatever call and in whatever pass, what is
// released is the beginning of the content, all of it only without an error,
// and nothing before the end is authenticated where only that authenticates;
// and nothing is left running.
func TestSourceFaults(t *testing.T) {
	before := runtime.NumGoroutine()
	k, k4 := key(t, "v6"), key(t, "curve25519")
	text := string(content(t, 300_000))
	ops, sig := signature{by: k}.make(t, text)
	signed := cat(ops, literal(text), sig)
	for name, c := range map[string]struct {
		msg   []byte
		atEnd bool
	}{
		"SEIPDv1":             {craft{}.seal(t, k4, literal(text)), true},
		"SEIPDv1, compressed": {craft{}.seal(t, k4, compressed(t, 1, signed)), true},
		"SEIPDv2":             {craft{v2: true}.seal(t, k, signed), false},
		"SEIPDv2, compressed": {craft{v2: true}.seal(t, k, compressed(t, 2, signed)), false},
		"LibrePGP":            {libre(t, k4, literal(text)), false},
	} {
		for _, armor := range []bool{false, true} {
			msg := c.msg
			if armor {
				msg = cat([]byte("-----BEGIN PGP MESSAGE-----\n\n"), []byte(base64.StdEncoding.EncodeToString(msg)), []byte("\n-----END PGP MESSAGE-----\n"))
			}
			for _, seeks := range []bool{false, true} {
				for _, required := range []bool{false, true} {
					o := &envelope.Opener{Identities: []envelope.Identity{k.Identity(), k4.Identity()}}
					if required {
						o.Senders, o.RequireSignature = []*keyring.Verified{verified(t, k)}, true
					}
					try := func(at int, fault func([]byte, int, error) (int, error), lent bool) (*attempt, int) {
						h := &hostile{r: bytes.NewReader(msg), at: at, fault: fault}
						var src io.Reader = h
						if seeks {
							src = hostileSeeker{h}
						}
						return attemptTo(o, src, lent), h.calls
					}
					whole, calls := try(0, nil, false)
					for kind, fault := range faults {
						for i, at := range []int{1, 2, calls / 3, calls/2 + 1, calls - 1, calls} {
							a, _ := try(at, fault, i%2 == 0)
							where := name + ", " + kind
							require.Empty(t, a.late, where)
							if a.err == nil {
								require.NoError(t, whole.err, where)
								require.Equal(t, text, string(a.got), where)
								continue
							}
							require.NotEqual(t, io.EOF, a.lateErr, where)
							require.True(t, bytes.HasPrefix([]byte(text), a.got), where)
							if !a.opened {
								require.Empty(t, a.got)
							}
							if (c.atEnd || required) && !seeks {
								require.Empty(t, a.got, where) // all was read before
							}
						}
					}
				}
			}
		}
	}
	for range 500 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
}

// A source that changes while readers are added to the message in it brings no
// message that holds anything else.
func TestRewrapSourceFaults(t *testing.T) {
	text := content(t, 300_000)
	other := key(t, "other6")
	for name, kind := range map[string]string{"SEIPDv1": "curve25519", "SEIPDv2": "v6"} {
		k := key(t, kind)
		for _, armor := range []bool{false, true} {
			msg, _ := seal(t, &envelope.Sealer{Armor: armor}, text, verified(t, k))
			try := func(at int, fault func([]byte, int, error) (int, error)) (out []byte, calls int, err error) {
				h := &hostile{r: bytes.NewReader(msg), at: at, fault: fault}
				defer func() {
					calls = h.calls
					if recover() != nil {
						err = errHostile
					}
				}()
				var dst bytes.Buffer
				_, err = envelope.Rewrap(&dst, hostileSeeker{h}, opener(k), &envelope.Sealer{Armor: armor}, verified(t, other))
				return dst.Bytes(), 0, err
			}
			_, calls, err := try(0, nil)
			require.NoError(t, err)
			for kind, fault := range faults {
				if kind == "Goexit" { // it would end the test
					continue
				}
				for _, at := range []int{1, calls / 3, calls/2 + 1, 2 * calls / 3, calls - 1, calls} {
					out, _, err := try(at, fault)
					if err != nil {
						continue
					}
					for _, reader := range []*pgp.Key{k, other} {
						got, _, err := open(opener(reader), bytes.NewReader(out))
						require.NoError(t, err, name+", "+kind)
						require.True(t, bytes.Equal(text, got), name+", "+kind)
					}
				}
			}
		}
	}
}
