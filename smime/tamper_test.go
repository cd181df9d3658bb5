package smime_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

// refusal reports whether err is one that a message from outside may cause.
func refusal(err error) bool {
	return err == envelope.ErrDecrypt || errors.Is(err, envelope.ErrFormat) || errors.Is(err, envelope.ErrNotForYou) ||
		errors.Is(err, envelope.ErrLimit) || errors.Is(err, envelope.ErrSignature)
}

// full reports whether a form is tested in every place.
func (f *form) full() bool { return f.name == "GCM" || f.name == "CBC+signed" }

// TestEveryBit flips each bit of a message of each form: an error, or the same
// content. What is left to be the same are octets that no check has to cover:
// names of other things, lengths in another form.
//
// Two forms are tested in full, which have between them all that there is; of
// the others, and under the race detector, it is one bit in eight.
func TestEveryBit(t *testing.T) {
	who := fresh["P-256"]()
	plain := []byte("attack at dawn, or perhaps a little later")
	for _, f := range forms(who) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			msg := sealed(t, f.seal, plain, who.verified)
			same := 0
			for i := range msg {
				for bit := range 8 {
					if (race || !f.full()) && bit != (i+i/8)%8 {
						continue
					}
					msg[i] ^= 1 << bit
					got, report, err := open(envelope.Opener{Identities: who.identities()}, bytes.NewReader(msg))
					if err == nil {
						same++
						require.True(t, bytes.Equal(plain, got), "octet %d bit %d: other content", i, bit)
						require.False(t, report.Unauthenticated)
					} else {
						require.True(t, refusal(err), "octet %d bit %d: %v", i, bit, err)
						require.Empty(t, got, "octet %d bit %d", i, bit)
					}
					msg[i] ^= 1 << bit
				}
			}
			require.Less(t, same, 40, "too much is not covered")
			t.Logf("%d octets, %d flips change nothing", len(msg), same)
		})
	}
}

// TestEveryCut: what is cut off anywhere is an error, and says so. As above, two
// forms are cut everywhere.
func TestEveryCut(t *testing.T) {
	t.Parallel()
	who := fresh["P-256"]()
	for _, f := range forms(who) {
		for _, armor := range []bool{false, true} {
			s := f.seal
			s.Armor = armor
			msg := sealed(t, s, []byte("some content"), who.verified)
			whole := msg
			if armor {
				whole = bytes.TrimRight(msg, "\n") // the last line end says nothing
			}
			for n := range whole {
				if (armor || race || !f.full()) && n%7 != 0 {
					continue
				}
				got, _, err := open(envelope.Opener{Identities: who.identities()}, bytes.NewReader(whole[:n]))
				require.ErrorIs(t, err, envelope.ErrFormat, "%s armor=%t, cut at %d", f.name, armor, n)
				require.Empty(t, got)
				_, err = envelope.Inspect(bytes.NewReader(whole[:n]), smime.Format())
				require.ErrorIs(t, err, envelope.ErrFormat)
				if n > 0 && n < len(whole)-30 && !armor {
					require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%s, cut at %d", f.name, n)
				}
			}
		}
	}
}

// TestAbort: what was written before never opens, and nothing keeps running.
func TestAbort(t *testing.T) {
	who := fresh["P-256"]()
	before := runtime.NumGoroutine()
	for _, f := range forms(who) {
		for _, size := range []int{0, 100, 1 << 20} {
			var out bytes.Buffer
			w, err := f.seal.Seal(&out, who.verified)
			require.NoError(t, err)
			_, err = w.Write(make([]byte, size))
			require.NoError(t, err)
			w.Abort()
			w.Abort()
			written := out.Len()
			_, err = w.Write([]byte("more"))
			require.ErrorIs(t, err, envelope.ErrClosed)
			require.ErrorIs(t, w.Close(), envelope.ErrClosed)
			require.Nil(t, w.Receipt())
			require.Equal(t, written, out.Len(), "nothing is written after Abort")
			_, _, err = open(envelope.Opener{Identities: who.identities()}, bytes.NewReader(out.Bytes()))
			require.ErrorIs(t, err, envelope.ErrFormat)
		}
	}
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d goroutines are left of %d", runtime.NumGoroutine(), before)
}

// failing returns an error from its nth call on.
type failing struct {
	n    int
	err  error
	next io.ReadWriter
}

func (f *failing) step() error {
	if f.n--; f.n < 0 {
		return f.err
	}
	return nil
}

func (f *failing) Write(p []byte) (int, error) {
	if err := f.step(); err != nil {
		return 0, err
	}
	return f.next.Write(p)
}

func (f *failing) Read(p []byte) (int, error) {
	if err := f.step(); err != nil {
		return 0, err
	}
	return f.next.Read(p)
}

// TestForeignErrors: an error of what is read or written comes out as it is,
// at each call, and is never taken for a statement about the message.
func TestForeignErrors(t *testing.T) {
	t.Parallel()
	who := fresh["P-256"]()
	disk := errors.New("input/output error")
	plain := make([]byte, 300<<10)
	for _, f := range forms(who) {
		for n := 0; ; n++ {
			var out bytes.Buffer
			w, err := f.seal.Seal(&failing{n: n, err: disk, next: &out}, who.verified)
			if err == nil {
				if _, err = w.Write(plain); err == nil {
					err = w.Close()
				}
				w.Abort()
			}
			if err == nil {
				break
			}
			require.ErrorIs(t, err, disk, "%s, write %d", f.name, n)
		}
		msg := sealed(t, f.seal, plain, who.verified)
		for n := 0; ; n++ {
			require.Less(t, n, 1000)
			src := &failing{n: n, err: disk, next: bytes.NewBuffer(bytes.Clone(msg))}
			got, _, err := open(envelope.Opener{Identities: who.identities()}, src)
			if err == nil {
				break
			}
			require.ErrorIs(t, err, disk, "%s, read %d", f.name, n)
			require.False(t, errors.Is(err, envelope.ErrFormat), "%s, read %d: %v", f.name, n, err)
			require.Empty(t, got)
		}
	}
}
