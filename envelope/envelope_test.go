package envelope_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

func newFake() *fake { return &fake{name: "FAKE", auth: seam.AuthAtEnd, log: new([]string)} }

func sealed(t *testing.T, s *envelope.Sealer, data string, to ...*keyring.Verified) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := s.Seal(&b, to...)
	require.NoError(t, err)
	_, err = io.WriteString(w, data)
	require.NoError(t, err)
	require.Nil(t, w.Receipt(), "no receipt before Close")
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestRuleOneOnlyVerified(t *testing.T) {
	f := newFake()
	bob := &fakeCert{f: f, name: "bob"}
	var b bytes.Buffer
	for name, to := range map[string][]*keyring.Verified{
		"nobody": nil,
		"nil":    {bob.verified(), nil},
		"zero":   {new(keyring.Verified), bob.verified()},
	} {
		// A signer brings the format, and is no recipient.
		w, err := (&envelope.Sealer{Signers: []envelope.Signer{bob.signer()}}).Seal(&b, to...)
		require.Error(t, err, name)
		require.Nil(t, w, name)
		w, err = envelope.Seal(&b, to...)
		require.Error(t, err, name)
		require.Nil(t, w, name)
		require.Zero(t, b.Len(), name)
		if to != nil {
			require.ErrorIs(t, err, keyring.ErrRefused, name)
		}
	}
	copied := *bob.verified()
	copied = keyring.Verified{}
	_, err := envelope.Seal(&b, &copied)
	require.ErrorIs(t, err, keyring.ErrRefused)
	_, err = envelope.Seal(&b, bob.verified()) // the positive twin
	require.NoError(t, err)
	require.NotZero(t, b.Len())
}

func TestRuleTwoAllOrNone(t *testing.T) {
	f := newFake()
	var to []*keyring.Verified
	var bad []*fakeCert
	for i := range 10 {
		c := &fakeCert{f: f, name: fmt.Sprintf("r%d", i)}
		if i == 3 || i == 7 {
			k := keyring.Certificate(seam.Wrap[seam.Certificate](c))
			c.sealErr = &keyring.ExpiredError{Fingerprint: k.Fingerprint(), NotAfter: time.Unix(1, 0), At: time.Now()}
			bad = append(bad, c)
		}
		to = append(to, c.verified())
	}
	var b bytes.Buffer
	w, err := envelope.Seal(&b, to...)
	require.Nil(t, w)
	require.Zero(t, b.Len(), "not a byte")
	var re *envelope.RecipientsError
	require.ErrorAs(t, err, &re)
	require.Len(t, re.Reasons, 2)
	require.ErrorIs(t, err, keyring.ErrRefused)
	var ee *keyring.ExpiredError
	require.ErrorAs(t, err, &ee)
	for _, c := range bad {
		require.ErrorContains(t, err, c.verified().Fingerprint().String(), "every unusable one is named")
	}
	require.NotContains(t, err.Error(), to[0].Fingerprint().String())
	for _, c := range bad {
		c.sealErr = nil
	}
	_, err = envelope.Seal(&b, to...) // the positive twin
	require.NoError(t, err)
}

func TestMixedFormats(t *testing.T) {
	f, g := newFake(), &fake{name: "OTHER"}
	a, b := &fakeCert{f: f, name: "a"}, &fakeCert{f: g, name: "b"}
	var out bytes.Buffer
	for name, call := range map[string]func() error{
		"recipients": func() error { _, err := envelope.Seal(&out, a.verified(), b.verified()); return err },
		"signer": func() error {
			_, err := (&envelope.Sealer{Signers: []envelope.Signer{b.signer()}}).Seal(&out, a.verified())
			return err
		},
		"signers": func() error { _, err := envelope.Sign(&out, a.signer(), b.signer()); return err },
	} {
		err := call()
		require.ErrorIs(t, err, envelope.ErrMixed, name)
		require.NotErrorIs(t, err, keyring.ErrRefused, name)
		var me *envelope.MixedError
		require.ErrorAs(t, err, &me, name)
		require.Len(t, me.Keys, 2, name)
		require.ErrorContains(t, err, a.verified().Fingerprint().String())
		require.ErrorContains(t, err, b.verified().Fingerprint().String())
		require.Zero(t, out.Len(), name)
	}
}

func TestSealUsage(t *testing.T) {
	f := newFake()
	bob := &fakeCert{f: f, name: "bob"}
	var b bytes.Buffer
	_, err := (&envelope.Sealer{Profile: 17}).Seal(&b, bob.verified())
	require.ErrorContains(t, err, "profile 17")
	_, err = (&envelope.Sealer{Signers: make([]envelope.Signer, 1)}).Seal(&b, bob.verified())
	require.ErrorIs(t, err, keyring.ErrRefused)
	_, err = envelope.Sign(&b)
	require.ErrorContains(t, err, "no signer")
	_, err = envelope.SignDetached(&b)
	require.ErrorContains(t, err, "no signer")
	many := make([]*keyring.Verified, 10_001)
	for i := range many {
		many[i] = bob.verified()
	}
	_, err = envelope.Seal(&b, many...)
	require.ErrorIs(t, err, envelope.ErrLimit)
	require.Zero(t, b.Len())
	f.sealErr = &envelope.UnknownReaderError{Recipients: []keyring.Fingerprint{bob.verified().Fingerprint()}}
	_, err = envelope.Seal(&b, bob.verified())
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, bob.verified().Fingerprint().String())
	require.Zero(t, b.Len())
}

// Rule 4: a format that writes something else than was asked for is caught,
// whatever it claims.
func TestReceiptIsTheProof(t *testing.T) {
	for name, break_ := range map[string]func(*fake){
		"recipient dropped": func(f *fake) { f.drop = true },
		"recipient added":   func(f *fake) { f.add = "eve" },
		"algorithm":         func(f *fake) { f.algorithm = "rot13" },
		"trailing octets":   func(f *fake) { f.garbage = "x" },
	} {
		f := newFake()
		bob, carol := &fakeCert{f: f, name: "bob"}, &fakeCert{f: f, name: "carol"}
		seal := func() (*envelope.Writer, error) {
			w, err := envelope.Seal(io.Discard, bob.verified(), carol.verified())
			require.NoError(t, err)
			_, err = io.WriteString(w, "content")
			require.NoError(t, err)
			return w, w.Close()
		}
		w, err := seal() // the positive twin
		require.NoError(t, err)
		require.Equal(t, []keyring.Fingerprint{bob.verified().Fingerprint(), carol.verified().Fingerprint()}, w.Receipt().Sealed)
		require.Equal(t, []string{"expected fingerprint", "expected fingerprint"}, w.Receipt().Evidence)
		require.EqualValues(t, 7, w.Receipt().Bytes)
		break_(f)
		w, err = seal()
		require.ErrorContains(t, err, "internal error", name)
		require.Nil(t, w.Receipt(), name)
	}
}

type fullDisk struct{ room int }

var errFull = errors.New("no space left on device")

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) > d.room {
		n := d.room
		d.room = 0
		return n, errFull
	}
	d.room -= len(p)
	return len(p), nil
}

func TestWriterAfterErrors(t *testing.T) {
	f := newFake()
	bob := &fakeCert{f: f, name: "bob"}
	_, err := envelope.Seal(&fullDisk{3}, bob.verified())
	require.ErrorIs(t, err, errFull)

	w, err := envelope.Seal(&fullDisk{40}, bob.verified())
	require.NoError(t, err)
	_, err = w.Write(make([]byte, 100))
	require.ErrorIs(t, err, errFull)
	_, err = w.Write([]byte("more"))
	require.ErrorIs(t, err, errFull, "errors are final")
	require.ErrorIs(t, w.Close(), errFull)
	require.Nil(t, w.Receipt())
	w.Abort()
	require.Equal(t, []string{"abort"}, *f.log)

	*f.log = nil
	w, err = envelope.Seal(io.Discard, bob.verified())
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.ErrorIs(t, w.Close(), envelope.ErrClosed)
	_, err = w.Write(nil)
	require.ErrorIs(t, err, envelope.ErrClosed)
	w.Abort() // the deferred one
	require.NotNil(t, w.Receipt())
	require.Equal(t, []string{"close"}, *f.log, "Abort after Close does nothing")
}

// The caller's source fails half way: what dst holds must not open, even if
// the caller goes on to Close.
func TestAbortAfterFailedCopy(t *testing.T) {
	f := newFake()
	bob := &fakeCert{f: f, name: "bob"}
	broken := io.MultiReader(strings.NewReader("half of it"), failing{io.ErrNoProgress})
	for _, give := range []struct {
		name string
		copy func(*envelope.Writer) error
	}{
		{"ReadFrom", func(w *envelope.Writer) error { _, err := io.Copy(w, broken); w.Close(); return err }},
		{"Abort", func(w *envelope.Writer) error {
			io.WriteString(w, "half of it")
			w.Abort()
			w.Close()
			return io.ErrNoProgress
		}},
	} {
		var b bytes.Buffer
		w, err := envelope.Seal(&b, bob.verified())
		require.NoError(t, err)
		require.ErrorIs(t, give.copy(w), io.ErrNoProgress, give.name)
		_, err = (&envelope.Opener{Identities: []envelope.Identity{bob.identity()}}).Open(&b)
		require.Error(t, err, give.name)
	}
}

func TestOpen(t *testing.T) {
	f := newFake()
	bob, carol := &fakeCert{f: f, name: "bob"}, &fakeCert{f: f, name: "carol"}
	msg := sealed(t, &envelope.Sealer{}, "content", bob.verified())
	other := &fakeCert{f: &fake{name: "OTHER"}, name: "x"}
	o := &envelope.Opener{Identities: []envelope.Identity{other.identity(), carol.identity(), bob.identity()}}
	for name, src := range map[string]io.Reader{"seekable": bytes.NewReader(msg), "pipe": io.MultiReader(bytes.NewReader(msg))} {
		*f.log = nil
		m, err := o.Open(src)
		require.NoError(t, err, name)
		require.Equal(t, []string{"verify", "again"}, *f.log, "verified before anything is released")
		got, err := io.ReadAll(m)
		require.NoError(t, err)
		require.Equal(t, "content", string(got))
		require.Equal(t, 2, m.Report().OpenedBy, "an index into the caller's identities")
		n, err := m.Read(make([]byte, 1))
		require.Zero(t, n)
		require.Equal(t, io.EOF, err)
		require.NoError(t, m.Close())
		_, err = m.Read(make([]byte, 1))
		require.ErrorIs(t, err, envelope.ErrClosed)
		require.NoError(t, m.Close())
	}
	f.auth = seam.AuthChunk
	*f.log = nil
	m, err := o.Open(bytes.NewReader(msg))
	require.NoError(t, err)
	require.Equal(t, []string{"plain"}, *f.log, "chunks are released as they are authenticated")
	var out bytes.Buffer
	n, err := io.Copy(&out, m)
	require.NoError(t, err)
	require.EqualValues(t, 7, n)
	require.NoError(t, m.Close())
}

func TestOpenErrors(t *testing.T) {
	f := newFake()
	bob, carol := &fakeCert{f: f, name: "bob"}, &fakeCert{f: f, name: "carol"}
	msg := sealed(t, &envelope.Sealer{}, "content", bob.verified())
	open := func(b []byte, ids ...envelope.Identity) error {
		m, err := (&envelope.Opener{Identities: ids}).Open(bytes.NewReader(b))
		if err == nil {
			m.Close()
		}
		return err
	}
	require.NoError(t, open(msg, bob.identity()))
	require.ErrorIs(t, open(msg, carol.identity()), envelope.ErrNotForYou)
	require.ErrorIs(t, open(nil, bob.identity()), envelope.ErrFormat)
	require.ErrorIs(t, open(nil, bob.identity()), io.ErrUnexpectedEOF)
	require.ErrorIs(t, open([]byte("something else"), bob.identity()), envelope.ErrFormat)
	require.ErrorContains(t, open([]byte("something else"), bob.identity()), "FAKE")
	require.ErrorContains(t, open(msg), "no identity")
	require.ErrorContains(t, open(msg, envelope.Identity{}), "zero value")
	flipped := bytes.Clone(msg)
	flipped[len(flipped)-6] ^= 1
	require.Equal(t, envelope.ErrDecrypt, open(flipped, bob.identity()), "bare: nothing tells causes apart")
	_, err := (&envelope.Opener{Identities: []envelope.Identity{bob.identity()}}).Open(failing{io.ErrNoProgress})
	require.ErrorIs(t, err, io.ErrNoProgress, "what the source returned")
	_, err = envelope.Inspect(bytes.NewReader(msg))
	require.ErrorContains(t, err, "no format")
	r, err := envelope.Inspect(bytes.NewReader(msg), envelope.Format(seam.Wrap[seam.Format](f)), envelope.Format{})
	require.NoError(t, err)
	require.Equal(t, "bob", r.Recipients[0].ID)
}

// A format that forgets to ask for the permission is stopped.
func TestUnauthenticatedIsStopped(t *testing.T) {
	f := newFake()
	f.auth = seam.AuthNone
	bob := &fakeCert{f: f, name: "bob"}
	msg := sealed(t, &envelope.Sealer{}, "content", bob.verified())
	o := &envelope.Opener{Identities: []envelope.Identity{bob.identity()}}
	_, err := o.Open(bytes.NewReader(msg))
	require.Equal(t, envelope.ErrDecrypt, err)
	o.Legacy.UnauthenticatedCBC = true
	m, err := o.Open(bytes.NewReader(msg))
	require.NoError(t, err)
	require.True(t, m.Report().Unauthenticated)
	require.NoError(t, m.Close())
}

func TestLimitOfTheSource(t *testing.T) {
	f := newFake()
	bob := &fakeCert{f: f, name: "bob"}
	msg := sealed(t, &envelope.Sealer{}, strings.Repeat("x", 1000), bob.verified())
	for n, want := range map[int64]error{int64(len(msg)) - 1: envelope.ErrLimit, int64(len(msg)): nil, int64(len(msg)) + 1: nil} {
		o := &envelope.Opener{Identities: []envelope.Identity{bob.identity()}, Limits: envelope.Limits{SourceBytes: n}}
		m, err := o.Open(io.MultiReader(bytes.NewReader(msg)))
		require.ErrorIs(t, err, want)
		if err == nil {
			require.NoError(t, m.Close())
		}
	}
}

func TestSignaturesAreJudged(t *testing.T) {
	f := newFake()
	bob, sender := &fakeCert{f: f, name: "bob"}, &fakeCert{f: f, name: "sender"}
	msg := sealed(t, &envelope.Sealer{}, "content", bob.verified())
	sig := func(st seam.SignatureStatus, by int) seam.Signature {
		return seam.Signature{Status: st, Sender: by, Detail: "detail"}
	}
	const mine, stranger = 0, -1
	for _, row := range []struct {
		name              string
		sigs              []seam.Signature
		required, lenient bool // whether it is an error
	}{
		{"none", nil, true, false},
		{"valid", []seam.Signature{sig(seam.SignatureValid, mine)}, false, false},
		{"valid, stranger", []seam.Signature{sig(seam.SignatureValid, stranger)}, true, false},
		{"zero value", []seam.Signature{{}}, true, false},
		{"unchecked", []seam.Signature{sig(seam.SignatureUnchecked, mine)}, true, false},
		{"weak", []seam.Signature{sig(seam.SignatureWeak, mine)}, true, false},
		{"not in time", []seam.Signature{sig(seam.SignatureNotInTime, mine)}, true, false},
		{"for others", []seam.Signature{sig(seam.SignatureNotIntended, mine)}, true, false},
		{"unsupported", []seam.Signature{sig(seam.SignatureUnsupported, mine)}, true, false},
		{"bad", []seam.Signature{sig(seam.SignatureBad, mine)}, true, true},
		{"bad, stranger", []seam.Signature{sig(seam.SignatureBad, stranger)}, true, true},
		{"valid and bad", []seam.Signature{sig(seam.SignatureValid, mine), sig(seam.SignatureBad, stranger)}, true, true},
		{"stranger and valid", []seam.Signature{sig(seam.SignatureValid, stranger), sig(seam.SignatureValid, mine)}, false, false},
	} {
		f.signatures = row.sigs
		for _, auth := range []seam.Auth{seam.AuthAtEnd, seam.AuthChunk} {
			f.auth = auth
			for _, required := range []bool{false, true} {
				*f.log = nil
				o := &envelope.Opener{Identities: []envelope.Identity{bob.identity()}, Senders: []*keyring.Verified{sender.verified()}, RequireSignature: required}
				m, err := o.Open(bytes.NewReader(msg))
				if err == nil {
					_, err = io.ReadAll(m)
					for i, s := range m.Report().Signatures {
						require.Equal(t, row.sigs[i].Status == seam.SignatureValid, s.Valid(), row.name)
						require.Equal(t, row.sigs[i].Sender == mine, s.Sender != nil, row.name)
						require.Equal(t, s.Valid(), s.Problem() == "", row.name)
					}
					require.NoError(t, m.Close())
				}
				if required {
					require.NotContains(t, *f.log, "plain", "nothing is released before a required signature was found")
				}
				if row.required && required || row.lenient && !required {
					require.ErrorIs(t, err, envelope.ErrSignature, row.name)
				} else {
					require.NoError(t, err, row.name)
				}
			}
		}
		o := &envelope.Opener{Senders: []*keyring.Verified{sender.verified()}}
		r, err := o.VerifyDetached(strings.NewReader("FAKE"), strings.NewReader(""))
		require.Equal(t, row.required, errors.Is(err, envelope.ErrSignature), row.name)
		require.NotNil(t, r)
	}
	_, err := (&envelope.Opener{Identities: []envelope.Identity{bob.identity()}, RequireSignature: true}).Open(bytes.NewReader(msg))
	require.ErrorContains(t, err, "Opener.Senders")
	_, err = new(envelope.Opener).VerifyDetached(bytes.NewReader(msg), bytes.NewReader(msg))
	require.ErrorContains(t, err, "Opener.Senders")
	_, err = (&envelope.Opener{Senders: make([]*keyring.Verified, 1)}).Verify(bytes.NewReader(msg))
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.False(t, envelope.Signature{}.Valid())
	require.NotEmpty(t, envelope.Signature{}.Problem())
}

// What runs beside a Writer ends with it, however it ends.
func TestNothingIsLeftRunning(t *testing.T) {
	f := newFake()
	bob := &fakeCert{f: f, name: "bob"}
	check := nothingLeft(t)
	for range 50 {
		w, err := envelope.Seal(io.Discard, bob.verified())
		require.NoError(t, err)
		w.Abort()
		w, err = envelope.Seal(io.Discard, bob.verified())
		require.NoError(t, err)
		require.NoError(t, w.Close())
		f.sealErr = errFull
		_, err = envelope.Seal(io.Discard, bob.verified())
		require.Error(t, err)
		f.sealErr = nil
	}
	check()
}
