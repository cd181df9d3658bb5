package envelope_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Formats that are wrong, values that nobody made, and callers who are tired.

func TestZeroValuesAreClosed(t *testing.T) {
	var w envelope.Writer
	_, err := w.Write([]byte("x"))
	require.ErrorIs(t, err, envelope.ErrClosed)
	_, err = w.ReadFrom(strings.NewReader("x"))
	require.ErrorIs(t, err, envelope.ErrClosed)
	require.ErrorIs(t, w.Close(), envelope.ErrClosed)
	w.Abort()
	require.Nil(t, w.Receipt())
	require.Equal(t, -1, w.Report().OpenedBy)

	var m envelope.Message
	_, err = m.Read(make([]byte, 1))
	require.ErrorIs(t, err, envelope.ErrClosed)
	_, err = m.WriteTo(io.Discard)
	require.ErrorIs(t, err, envelope.ErrClosed)
	require.Equal(t, -1, m.Report().OpenedBy)
	require.NoError(t, m.Close())
}

func TestNothingToReadOrWrite(t *testing.T) {
	f := newFake()
	bob := &fakeCert{f: f, name: "bob"}
	check := nothingLeft(t)
	_, err := envelope.Seal(nil, bob.verified())
	require.ErrorContains(t, err, "no Writer")
	_, err = envelope.Sign(nil, bob.signer())
	require.ErrorContains(t, err, "no Writer")
	o := &envelope.Opener{Identities: []envelope.Identity{bob.identity()}, Senders: []*keyring.Verified{bob.verified()}}
	some := strings.NewReader("FAKE")
	for name, call := range map[string]func() error{
		"Open":      func() error { _, err := o.Open(nil); return err },
		"Verify":    func() error { _, err := o.Verify(nil); return err },
		"signature": func() error { _, err := o.VerifyDetached(nil, some); return err },
		"content":   func() error { _, err := o.VerifyDetached(some, nil); return err },
		"Inspect":   func() error { _, err := envelope.Inspect(nil, formatOf(f)); return err },
	} {
		require.ErrorContains(t, call(), "no Reader", name)
	}
	check()
}

func formatOf(f *fake) envelope.Format { return envelope.Format(seam.Wrap[seam.Format](f)) }

// The parser that makes the receipt is wrong: that is an error of Close, or
// already of Write, and never a receipt or the end of the process.
func TestAuditThatFails(t *testing.T) {
	for name, inspected := range map[string]func(io.Reader) (*seam.Facts, error){
		"panics at once":         func(io.Reader) (*seam.Facts, error) { panic("at the disco\n\x1b[2J") },
		"panics at the end":      func(r io.Reader) (*seam.Facts, error) { io.Copy(io.Discard, r); panic("late") },
		"finds nothing":          func(r io.Reader) (*seam.Facts, error) { io.Copy(io.Discard, r); return nil, nil },
		"finds nothing at once":  func(r io.Reader) (*seam.Facts, error) { return nil, nil },
		"ends before the end":    func(r io.Reader) (*seam.Facts, error) { return new(seam.Facts), nil },
		"finds something else":   func(r io.Reader) (*seam.Facts, error) { io.Copy(io.Discard, r); return new(seam.Facts), nil },
		"finds it, and an error": func(r io.Reader) (*seam.Facts, error) { return new(seam.Facts), envelope.ErrFormat },
	} {
		f := newFake()
		bob := &fakeCert{f: f, name: "bob"}
		check := nothingLeft(t)
		seal := func() (*envelope.Writer, error) {
			w, err := envelope.Seal(io.Discard, bob.verified())
			if err != nil {
				return nil, err
			}
			defer w.Abort()
			if _, err := io.WriteString(w, "content"); err != nil {
				return w, err
			}
			return w, w.Close()
		}
		w, err := seal() // the positive twin
		require.NoError(t, err)
		require.NotNil(t, w.Receipt())
		f.inspected = inspected
		w, err = seal()
		require.ErrorContains(t, err, "envelope: internal error", name)
		require.NotContains(t, err.Error(), "\n", name)
		require.NotContains(t, err.Error(), "\x1b", name)
		if w != nil {
			require.Nil(t, w.Receipt(), name)
		}
		check()
	}
}

// Recipients are compared as multisets, and every property of them counts.
func TestReceiptOfHiddenAndDoubleRecipients(t *testing.T) {
	f := newFake()
	bob, carol := &fakeCert{f: f, name: "bob"}, &fakeCert{f: f, name: "carol"}
	seal := func(to ...*keyring.Verified) (*envelope.Receipt, error) {
		w, err := envelope.Seal(io.Discard, to...)
		require.NoError(t, err)
		err = w.Close()
		return w.Receipt(), err
	}
	r, err := seal(bob.verified(), bob.verified(), carol.verified())
	require.NoError(t, err)
	require.Len(t, r.Recipients, 3)
	require.Len(t, r.Sealed, 3)
	require.Len(t, r.Evidence, 3)

	// Hidden ones differ in nothing but that: the order of the others must not matter.
	blank := func(r *seam.Recipient, hidden bool) { *r = seam.Recipient{Algorithm: r.Algorithm, Hidden: hidden} }
	for _, row := range []struct {
		planned, found [3]bool // which are hidden
		equal          bool
	}{
		{[3]bool{true, true, true}, [3]bool{true, true, true}, true},
		{[3]bool{true, false, false}, [3]bool{false, false, true}, true},
		{[3]bool{true, false, true}, [3]bool{true, true, false}, true},
		{[3]bool{true, false, true}, [3]bool{true, false, false}, false},
		{[3]bool{true, true, true}, [3]bool{true, true, false}, false},
	} {
		f.plan = func(p *seam.Facts) {
			for i := range p.Recipients {
				blank(&p.Recipients[i], row.planned[i])
			}
		}
		f.hide = func(r *seam.Recipient, i int) { blank(r, row.found[i]) }
		r, err := seal(bob.verified(), bob.verified(), carol.verified())
		require.Equal(t, row.equal, err == nil, "%v: %v", row, err)
		require.Equal(t, row.equal, r != nil)
	}
}

// The receipt tells what was planned and what no parser sees without a key.
func TestReceiptKeepsWhatWasPlanned(t *testing.T) {
	f := newFake()
	bob := &fakeCert{f: f, name: "bob"}
	f.plan = func(p *seam.Facts) {
		p.Findings = []string{"there is something to know"}
		p.LoweredBy = []seam.Certificate{bob}
	}
	w, err := envelope.Seal(io.Discard, bob.verified())
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Equal(t, []string{"there is something to know"}, w.Receipt().Findings)
	require.Equal(t, bob.verified().Fingerprint(), w.Receipt().LoweredBy[0].Fingerprint())

	for _, c := range containers(t) {
		s := c.sealer
		w, err := s.Seal(io.Discard, verify(t, c.key))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.Equal(t, c.legacy.UnauthenticatedCBC, w.Receipt().Unauthenticated, c.name)
		require.Equal(t, c.legacy.UnauthenticatedCBC, w.Report().Unauthenticated, c.name)
	}
}

// A verdict of a format about a sender that was not given is worth nothing.
func TestSenderOutOfRange(t *testing.T) {
	f, g := newFake(), &fake{name: "OTHER"}
	bob, stranger := &fakeCert{f: f, name: "bob"}, &fakeCert{f: g, name: "stranger"}
	msg := sealed(t, &envelope.Sealer{}, "content", bob.verified())
	for _, row := range []struct {
		senders []*keyring.Verified
		sender  int
		good    bool
	}{
		{[]*keyring.Verified{bob.verified()}, 0, true},
		{[]*keyring.Verified{bob.verified()}, 1, false},
		{[]*keyring.Verified{bob.verified()}, -2, false},
		{[]*keyring.Verified{stranger.verified()}, 0, false}, // of the other format: none is left to be number 0
		{[]*keyring.Verified{stranger.verified(), bob.verified()}, 0, true},
		{[]*keyring.Verified{stranger.verified(), bob.verified()}, 1, false},
	} {
		f.signatures = []seam.Signature{{Status: seam.SignatureValid, Sender: row.sender}}
		o := &envelope.Opener{Identities: []envelope.Identity{bob.identity()}, Senders: row.senders, RequireSignature: true}
		m, err := o.Open(bytes.NewReader(msg))
		r, detached := o.VerifyDetached(strings.NewReader("FAKE"), strings.NewReader(""))
		if row.good {
			require.NoError(t, err)
			require.NoError(t, detached)
			require.Equal(t, bob.verified().Fingerprint(), m.Report().Signatures[0].Sender.Fingerprint())
			require.NoError(t, m.Close())
			continue
		}
		require.ErrorIs(t, err, envelope.ErrSignature)
		require.ErrorIs(t, detached, envelope.ErrSignature)
		require.Nil(t, r.Signatures[0].Sender)
	}
}

func TestNoMoreSignersThanAreRead(t *testing.T) {
	f := newFake()
	bob := &fakeCert{f: f, name: "bob"}
	signers := func(n int) []envelope.Signer {
		return several(n, bob.signer())
	}
	var b bytes.Buffer
	_, err := (&envelope.Sealer{Signers: signers(17)}).Seal(&b, bob.verified())
	var le *envelope.LimitError
	require.ErrorAs(t, err, &le)
	require.EqualValues(t, 16, le.Max)
	require.NotContains(t, err.Error(), "raise", "nothing raises it")
	require.Zero(t, b.Len())
	_, err = envelope.Sign(&b, signers(17)...)
	require.ErrorIs(t, err, envelope.ErrLimit)
	w, err := (&envelope.Sealer{Signers: signers(16)}).Seal(&b, bob.verified())
	require.NoError(t, err)
	w.Abort()
}

func several(n int, s envelope.Signer) (out []envelope.Signer) {
	for range n {
		out = append(out, s)
	}
	return out
}

// Sixteen signatures are what a reader takes, and so the receipt.
func TestMostSignersOfRealFormats(t *testing.T) {
	for _, c := range containers(t) {
		if len(c.sealer.Signers) == 0 {
			continue
		}
		s := c.sealer
		s.Signers = several(16, c.sealer.Signers[0])
		got, err := openAll(c.opener(), bytes.NewReader(sealed(t, &s, "content", verify(t, c.key))))
		require.NoError(t, err, c.name)
		require.Equal(t, "content", string(got))
		w, err := s.Sign(io.Discard)
		require.NoError(t, err)
		require.NoError(t, w.Close(), c.name)
		require.Len(t, w.Receipt().Signatures, 16)
	}
}

// What comes from a message reaches errors in one line, cut and quoted.
func TestTextsFromOutside(t *testing.T) {
	f := newFake()
	bob := &fakeCert{f: f, name: "bob"}
	msg := sealed(t, &envelope.Sealer{}, "content", bob.verified())
	o := &envelope.Opener{Identities: []envelope.Identity{bob.identity()}, Senders: []*keyring.Verified{bob.verified()}, RequireSignature: true}
	for _, evil := range []string{"a\nenvelope: all is well", "\x1b[2J", "\u202edcba", "\xff\xfe", strings.Repeat("long ", 200), strings.Repeat("é", 200)} {
		for _, status := range []seam.SignatureStatus{seam.SignatureBad, seam.SignatureWeak, seam.SignatureUnsupported, seam.SignatureNotInTime, seam.SignatureNotIntended, 99} {
			f.signatures = []seam.Signature{{Status: status, Detail: evil, Sender: -1, SignerID: evil}}
			_, err := o.Open(bytes.NewReader(msg))
			require.ErrorIs(t, err, envelope.ErrSignature)
			r, _ := o.VerifyDetached(strings.NewReader("FAKE"), strings.NewReader(""))
			for _, text := range []string{err.Error(), r.Signatures[0].Problem()} {
				require.NotRegexp(t, `[\x00-\x1f\x7f\x{202e}]`, text)
				require.Less(t, len(text), 400)
				require.Equal(t, strings.ToValidUTF8(text, "?"), text)
			}
		}
	}
	f.signatures = []seam.Signature{{Status: seam.SignatureWeak, Detail: "made with MD5 – old", Sender: -1}}
	_, err := o.Open(bytes.NewReader(msg))
	require.ErrorContains(t, err, "made with MD5 – old", "what is harmless stays as it is")
	f.signatures = nil
	w, err := envelope.Seal(io.Discard, bob.verified())
	require.NoError(t, err)
	f.algorithm = "x\ny"
	w.Abort()
	w, err = envelope.Seal(io.Discard, bob.verified())
	require.NoError(t, err)
	err = w.Close()
	require.Error(t, err)
	require.NotContains(t, err.Error(), "\n")
}

// SourceBytes holds for whatever is read, and for each part of it.
func TestLimitOfEverySource(t *testing.T) {
	f := newFake()
	bob := &fakeCert{f: f, name: "bob"}
	f.signatures = []seam.Signature{{Status: seam.SignatureValid}}
	const size = 1000
	for max, want := range map[int64]error{size - 1: envelope.ErrLimit, size: nil, size + 1: nil} {
		o := &envelope.Opener{Senders: []*keyring.Verified{bob.verified()}, Limits: envelope.Limits{SourceBytes: max}}
		whole := func() io.Reader { return strings.NewReader("FAKE" + strings.Repeat("x", size-4)) }
		_, err := o.VerifyDetached(whole(), strings.NewReader(""))
		require.ErrorIs(t, err, want)
		_, err = o.VerifyDetached(strings.NewReader("FAKE"), whole())
		require.ErrorIs(t, err, want)
	}
	for _, err := range []error{errFault, io.ErrNoProgress} {
		o := &envelope.Opener{Senders: []*keyring.Verified{bob.verified()}}
		_, e := o.VerifyDetached(strings.NewReader("FAKE"), io.MultiReader(strings.NewReader("x"), iotest.ErrReader(err)))
		require.ErrorIs(t, e, err)
		_, e = o.VerifyDetached(io.MultiReader(strings.NewReader("FAKE"), iotest.ErrReader(err)), strings.NewReader("x"))
		require.ErrorIs(t, e, err)
		_, e = envelope.Inspect(io.MultiReader(strings.NewReader("FAKE"), iotest.ErrReader(err)), formatOf(f))
		require.Error(t, e)
	}
	for _, l := range []envelope.Limits{{}, limits(-1), limits(1 << 62), limits(1)} { // none of them overflows
		_, err := (&envelope.Opener{Senders: []*keyring.Verified{bob.verified()}, Limits: l}).VerifyDetached(strings.NewReader("FAKE"), strings.NewReader(""))
		require.Equal(t, l.SourceBytes == 1, err != nil, "%v: %v", l, err)
	}
}

func limits(n int64) envelope.Limits {
	return envelope.Limits{
		Recipients: int(n), PrivateKeys: int(n), Certificates: int(n), Signatures: int(n),
		HeaderBytes: n, Decompressed: n, SourceBytes: n, SpoolMemory: n,
	}
}

// Whatever limits a caller sets, real messages open or reach one of them.
func TestOddLimits(t *testing.T) {
	for _, c := range containers(t) {
		msg := c.seal(t, []byte("content"))
		for _, n := range []int64{-1 << 62, -1, 0, 1, 1<<31 - 1, 1 << 31, 1 << 62} {
			for _, pipe := range []bool{false, true} {
				o := c.opener()
				o.Limits = limits(n)
				var src io.Reader = bytes.NewReader(msg)
				if pipe {
					src = io.MultiReader(src)
				}
				got, err := openAll(o, src)
				if n == 1 {
					require.ErrorIs(t, err, envelope.ErrLimit, c.name)
					continue
				}
				require.NoError(t, err, "%s %d", c.name, n)
				require.Equal(t, "content", string(got))
			}
		}
	}
}

// Nothing secret is in what fmt shows of a key.
func TestKeysDoNotShow(t *testing.T) {
	for _, c := range containers(t) {
		for _, v := range []any{c.key.Identity(), c.key.Signer(), c.opener(), c.sealer} {
			for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
				require.Less(t, len(fmt.Sprintf(format, v)), 700, "%s: %T with %s", c.name, v, format)
			}
		}
	}
}
