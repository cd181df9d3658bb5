package smime_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// sizes are those at which a block, a segment or a buffer just ends.
var sizes = []int{0, 1, 15, 16, 17, 65535, 65536, 65537, 1<<20 + 3}

func TestRoundTrip(t *testing.T) {
	all := make([]byte, 1<<20+3)
	rand.Read(all)
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			if kind[0] == 'R' {
				allowed(t, "RSA PKCS#1 v1.5 encryption")
			}
			who := fresh[kind]()
			for _, f := range forms(who) {
				for i, size := range sizes {
					// How content is cut does not depend on whose key it is.
					if size > 100 && size != 1<<16 && (race || kind != "P-256") || race && size > 100 && kind != "P-256" {
						continue
					}
					for _, armor := range []bool{false, true} {
						s := f.seal
						s.Armor = armor
						what := fmt.Sprintf("%s %d armor=%t", f.name, size, armor)
						plain := all[:size]
						msg := sealed(t, s, plain, who.verified)
						sources := map[string]io.Reader{"seek": bytes.NewReader(msg), "pipe": pipe(msg)}
						if kind != "P-256" {
							// Private keys are slow, and how a source is read does not depend on them.
							delete(sources, []string{"seek", "pipe"}[i%2])
						} else if size < 100 {
							sources["one"] = iotest.OneByteReader(bytes.NewReader(msg))
							sources["data and EOF"] = iotest.DataErrReader(bytes.NewReader(msg))
						}
						for name, src := range sources {
							o := envelope.Opener{Identities: who.identities(), Senders: who.senders(), RequireSignature: f.signed}
							got, report, err := open(o, src)
							require.NoError(t, err, "%s %s", what, name)
							require.True(t, bytes.Equal(plain, got), "%s %s", what, name)
							require.Equal(t, armor, report.Armored, what)
							require.False(t, report.Unauthenticated, what)
							require.Equal(t, 0, report.OpenedBy, what)
							if f.signed {
								require.Len(t, report.Signatures, 1, what)
								require.True(t, report.Signatures[0].Valid(), what)
								require.Same(t, who.verified, report.Signatures[0].Sender, what)
							}
						}
					}
				}
			}
		})
	}
}

// TestWriteTo copies through the ways that io.Copy finds, in both directions.
func TestWriteTo(t *testing.T) {
	who := fresh["P-256"]()
	plain := make([]byte, 3<<20+5)
	rand.Read(plain)
	for _, f := range forms(who) {
		t.Run(f.name, func(t *testing.T) {
			if race && !f.full() {
				t.Skip("skipped: takes long under the race detector")
			}
			var msg, got bytes.Buffer
			w, err := f.seal.Seal(&msg, who.verified)
			require.NoError(t, err)
			defer w.Abort()
			n, err := io.Copy(w, bytes.NewReader(plain[:1<<20]))
			require.NoError(t, err)
			require.EqualValues(t, 1<<20, n)
			_, err = w.Write(plain[1<<20 : 1<<20+7])
			require.NoError(t, err)
			_, err = w.ReadFrom(pipe(plain[1<<20+7:]))
			require.NoError(t, err)
			require.NoError(t, w.Close())
			require.Equal(t, int64(len(plain)), w.Receipt().Bytes)
			require.Equal(t, int64(msg.Len()), w.Receipt().Written)

			o := envelope.Opener{Identities: who.identities()}
			m, err := o.Open(bytes.NewReader(msg.Bytes()))
			require.NoError(t, err)
			defer m.Close()
			var first [7]byte
			_, err = io.ReadFull(m, first[:])
			require.NoError(t, err)
			n, err = io.Copy(&got, m)
			require.NoError(t, err)
			require.EqualValues(t, len(plain)-7, n)
			require.True(t, bytes.Equal(plain, append(first[:], got.Bytes()...)))
			_, err = m.Read(first[:])
			require.Equal(t, io.EOF, err)
		})
	}
}

// TestReceipt holds what the receipt says against what was asked for.
func TestReceipt(t *testing.T) {
	allowed(t, "AES-GCM")
	a, b := fresh["RSA-3072"](), fresh["P-384"]()
	for _, c := range []struct {
		profile            envelope.Profile
		container, content string
		algorithms         []string
	}{
		{envelope.Modern, "AuthEnvelopedData", "AES-256-GCM", []string{"RSA-OAEP-SHA256", "ECDH P-384, AES-256 wrap"}},
		{envelope.Compatible, "EnvelopedData", "AES-256-CBC", []string{"RSA PKCS#1 v1.5", "ECDH P-384, AES-256 wrap"}},
	} {
		s := envelope.Sealer{Profile: c.profile, Signers: a.signers()}
		var out bytes.Buffer
		w, err := s.Seal(&out, a.verified, b.verified)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		r := w.Receipt()
		require.Equal(t, c.container, r.Container)
		require.Equal(t, c.content, r.Content)
		require.Equal(t, []keyring.Fingerprint{a.verified.Fingerprint(), b.verified.Fingerprint()}, r.Sealed)
		var got []string
		for _, x := range r.Recipients {
			got = append(got, x.Algorithm)
		}
		require.ElementsMatch(t, c.algorithms, got)
		for _, who := range []*person{a, b} {
			_, report, err := open(envelope.Opener{Identities: who.identities()}, bytes.NewReader(out.Bytes()))
			require.NoError(t, err)
			require.Equal(t, c.container, report.Container)
		}
		_, _, err = open(envelope.Opener{Identities: fresh["stranger"]().identities()}, bytes.NewReader(out.Bytes()))
		require.ErrorIs(t, err, envelope.ErrNotForYou)
	}
}

// TestAuto: the strongest that the recipients are known to read.
func TestAuto(t *testing.T) {
	allowed(t, "AES-GCM")
	gcm := newPerson("reads-gcm", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), gcmCapability...)
	unknown := fresh["P-256"]()
	container := func(s envelope.Sealer, to ...*keyring.Verified) (*envelope.Report, error) {
		w, err := s.Seal(io.Discard, to...)
		if err != nil {
			return nil, err
		}
		defer w.Abort()
		return w.Report(), nil
	}
	r, err := container(envelope.Sealer{}, gcm.verified)
	require.NoError(t, err)
	require.Equal(t, "AuthEnvelopedData", r.Container)
	require.Empty(t, r.LoweredBy)

	_, err = container(envelope.Sealer{}, gcm.verified, unknown.verified)
	var reader *envelope.UnknownReaderError
	require.ErrorAs(t, err, &reader)
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.Equal(t, []keyring.Fingerprint{unknown.verified.Fingerprint()}, reader.Recipients)

	signed := envelope.Sealer{Signers: gcm.signers()}
	r, err = container(signed, gcm.verified, unknown.verified)
	require.NoError(t, err)
	require.Equal(t, "EnvelopedData", r.Container)
	require.Len(t, r.LoweredBy, 1)
	require.Equal(t, unknown.verified.Fingerprint(), r.LoweredBy[0].Fingerprint())

	signed.RefuseLowering = true
	_, err = container(signed, gcm.verified, unknown.verified)
	var lowered *envelope.LoweredError
	require.ErrorAs(t, err, &lowered)
	require.Equal(t, []keyring.Fingerprint{unknown.verified.Fingerprint()}, lowered.Recipients)
	_, err = container(signed, gcm.verified)
	require.NoError(t, err)

	_, err = container(envelope.Sealer{Profile: envelope.Compatible}, unknown.verified)
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, "signer")
	for _, p := range []envelope.Profile{envelope.Auto, envelope.Compatible} {
		s := envelope.Sealer{Profile: p, Legacy: envelope.Legacy{UnauthenticatedCBC: true}}
		r, err = container(s, unknown.verified)
		require.NoError(t, err)
		require.Equal(t, "EnvelopedData", r.Container)
		require.True(t, r.Unauthenticated)
	}
	_, err = container(envelope.Sealer{Profile: envelope.PostQuantum}, unknown.verified)
	require.ErrorIs(t, err, keyring.ErrRefused)
}

// TestUnauthenticatedCBC: written and released only by name.
func TestUnauthenticatedCBC(t *testing.T) {
	allowed(t, "AES-GCM")
	who := fresh["RSA-3072"]()
	s := envelope.Sealer{Profile: envelope.Compatible, Legacy: envelope.Legacy{UnauthenticatedCBC: true}}
	msg := sealed(t, s, []byte("text"), who.verified)
	o := envelope.Opener{Identities: who.identities()}
	got, _, err := open(o, bytes.NewReader(msg))
	require.Equal(t, envelope.ErrDecrypt, err)
	require.Empty(t, got)
	o.Legacy.UnauthenticatedCBC = true
	got, report, err := open(o, bytes.NewReader(msg))
	require.NoError(t, err)
	require.Equal(t, "text", string(got))
	require.True(t, report.Unauthenticated)
	require.NotEmpty(t, report.Findings)
}

// TestManyRecipients seals to as many as may be, and opens as the last of them.
func TestManyRecipients(t *testing.T) {
	t.Parallel()
	last, other := fresh["P-256"](), fresh["RSA-other"]()
	most := 10_000
	if race {
		most = 1000
	}
	to := make([]*keyring.Verified, most)
	for i := range to {
		to[i] = other.verified
	}
	to[len(to)-1] = last.verified
	msg := sealed(t, envelope.Sealer{Profile: envelope.Modern}, []byte("for many"), to...)
	got, report, err := open(envelope.Opener{Identities: last.identities()}, bytes.NewReader(msg))
	require.NoError(t, err)
	require.Equal(t, "for many", string(got))
	require.Len(t, report.Recipients, len(to))

	_, err = (&envelope.Sealer{Profile: envelope.Modern}).Seal(io.Discard, slices.Repeat(last.senders(), 10_001)...)
	require.ErrorIs(t, err, envelope.ErrLimit)
	o := envelope.Opener{Identities: last.identities(), Limits: envelope.Limits{Recipients: len(to) - 1}}
	_, _, err = open(o, bytes.NewReader(msg))
	require.ErrorIs(t, err, envelope.ErrLimit)
	o.Limits.Recipients = len(to)
	_, _, err = open(o, bytes.NewReader(msg))
	require.NoError(t, err)
}

// TestFreshness: nothing is used twice.
func TestFreshness(t *testing.T) {
	t.Parallel()
	who := fresh["P-256"]()
	seen := map[string]bool{}
	for range 200 {
		msg := sealed(t, envelope.Sealer{Profile: envelope.Modern}, make([]byte, 32), who.verified)
		// The last 64 octets hold ciphertext and tag, from key and nonce.
		tail := string(msg[len(msg)-64:])
		require.False(t, seen[tail])
		seen[tail] = true
	}
}
