package keyring_test

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// sealedBy seals text to one, signed by another, as it comes in a mail.
func sealedBy(t testing.TB, to *keyring.Verified, by envelope.Signer, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := (&envelope.Sealer{Signers: []envelope.Signer{by}}).Seal(&b, to)
	require.NoError(t, err)
	defer w.Abort()
	_, err = io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// TestOpeningTeachesNothing: who holds a ring read-write and opens mail with
// foreign certificates and keys in it, a thousand times, as Bob's and as
// everybody's, leaves it as it is, octet by octet. What is to be learned is
// learned by its own call.
func TestOpeningTeachesNothing(t *testing.T) {
	if fips() {
		t.Skip("what seals here is not allowed with fips140=only")
	}
	dir := filepath.Join(t.TempDir(), "ring")
	r, err := keyring.OpenRing(dir, parsers()...)
	require.NoError(t, err)
	defer r.Close()
	rsaKey := func(address string) *smime.Key {
		k, err := smime.GenerateKey(smime.KeyOptions{Address: address, Algorithm: "p256"})
		require.NoError(t, err)
		return k
	}
	me, bob, eve := rsaKey("me@example.org"), rsaKey("bob@example.org"), rsaKey("bob@example.org")
	mePGP, err := pgp.GenerateKey(pgp.KeyOptions{Address: "me@example.org"})
	require.NoError(t, err)
	evePGP, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	require.NoError(t, err)
	for _, c := range []*keyring.Certificate{me.Certificate(), bob.Certificate(), mePGP.Certificate()} {
		_, err := r.Add(expected(t, c), keyring.Addition{})
		require.NoError(t, err)
	}

	// Signed mail carries the certificates of who signed it, in Bob's name, and
	// says what they read; OpenPGP mail may carry keys as content.
	toMe, toMePGP := expected(t, me.Certificate()), expected(t, mePGP.Certificate())
	attached := "Content-Type: application/pgp-keys\r\nAutocrypt: addr=bob@example.org\r\n\r\n" + string(evePGP.Certificate().Marshal())
	mails := [][]byte{
		sealedBy(t, toMe, bob.Signer(), "it is me, Bob"),
		sealedBy(t, toMe, eve.Signer(), "it is me, Bob, with a new key"),
		sealedBy(t, toMePGP, evePGP.Signer(), attached),
	}
	before := files(t, dir)
	opener := &envelope.Opener{Identities: []envelope.Identity{me.Identity(), mePGP.Identity()},
		Formats: []envelope.Format{pgp.Format(), smime.Format()}}
	for i := range 1000 {
		if opener.Senders, err = r.Senders("bob@example.org"); i == 0 {
			require.NoError(t, err)
		}
		m, err := opener.Open(bytes.NewReader(mails[i%len(mails)]))
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, m)
		require.NoError(t, err)
		rep := m.Report()
		require.Len(t, rep.Signatures, 1)
		require.Equal(t, i%len(mails) == 0, rep.Signatures[0].Sender != nil, "only Bob is Bob")
		require.NoError(t, m.Close())
	}
	to, err := r.Recipients("bob@example.org")
	require.NoError(t, err)
	require.Equal(t, bob.Certificate().Fingerprint(), to[0].Fingerprint())
	require.Equal(t, before, files(t, dir), "not an octet")
	require.Len(t, mustEvents(t, r), 4)

	// Its own call.
	m, err := opener.Open(bytes.NewReader(mails[0]))
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, m)
	require.NoError(t, err)
	reads, err := smime.CapabilitiesOf(m.Report().Signatures[0], time.Now())
	require.NoError(t, err)
	require.NoError(t, m.Close())
	done, err := r.Note(bob.Certificate().Fingerprint(), reads.Note())
	require.NoError(t, err)
	require.Equal(t, "noted", done.Event)
	require.NotEqual(t, before, files(t, dir))
	again, err := keyring.OpenRing(dir, parsers()...)
	require.NoError(t, err)
	defer again.Close()
	found, err := again.Lookup("bob@example.org")
	require.NoError(t, err)
	require.Contains(t, strings.Join(found[0].Reads, " "), "AES-256-GCM")
	require.NoError(t, seals(found[0].Verified), "now it is known what Bob reads, without a signer")
	done, err = r.Note(bob.Certificate().Fingerprint(), reads.Note())
	require.NoError(t, err)
	require.Empty(t, done.Event, "known already")
	_, err = r.Note(eve.Certificate().Fingerprint(), reads.Note())
	require.ErrorIs(t, err, keyring.ErrRefused)
	_, err = r.Note(me.Certificate().Fingerprint(), reads.Note())
	require.ErrorIs(t, err, keyring.ErrRefused, "what Bob reads says nothing of me")
	_, err = r.Add(expected(t, eve.Certificate()), keyring.Addition{})
	var changed *keyring.ChangedError
	require.ErrorAs(t, err, &changed)
}

// TestSealAsksTheRing: what was looked up is refused when it is sealed to, in
// each of the ways there are, once the ring no longer says it; and not a byte is
// written.
func TestSealAsksTheRing(t *testing.T) {
	if fips() {
		t.Skip("what seals here is not allowed with fips140=only")
	}
	const bobAt = "bob@example.org"
	type pair struct{ bob, new *keyring.Certificate }
	me, err := pgp.GenerateKey(pgp.KeyOptions{Address: "me@example.org"})
	require.NoError(t, err)
	meX := xKey(t, "me@example.org")
	for format, p := range map[string]pair{
		"OpenPGP": {openPGP(t, bobAt), openPGP(t, bobAt)},
		"S/MIME":  {certOf(t, bobAt), certOf(t, bobAt+"#new")},
	} {
		own, identity := me.Certificate(), me.Identity()
		if format == "S/MIME" {
			own, identity = meX.Certificate(), meX.Identity()
		}
		var message bytes.Buffer
		w, err := envelope.Seal(&message, expected(t, own))
		require.NoError(t, err)
		_, err = io.WriteString(w, "hello")
		require.NoError(t, err)
		require.NoError(t, w.Close())
		opener := &envelope.Opener{Identities: []envelope.Identity{identity}, Formats: []envelope.Format{pgp.Format(), smime.Format()}}
		for name, row := range map[string]struct {
			meanwhile func(*keyring.Ring) error
			is        any // nil: it is sealed
		}{
			"nothing": {func(*keyring.Ring) error { return nil }, nil},
			"another person": {func(r *keyring.Ring) error {
				return second(r.Add(expected(t, certOf(t, "zoe@example.org")), keyring.Addition{}))
			}, nil},
			"a key beside": {func(r *keyring.Ring) error {
				return second(r.Add(expected(t, p.new), keyring.Addition{Beside: true}))
			}, nil},
			"preferred": {func(r *keyring.Ring) error { return r.Prefer(bobAt, p.bob.Fingerprint()) }, nil},
			"another alias": {func(r *keyring.Ring) error {
				return second(r.Add(expected(t, p.bob), keyring.Addition{Addresses: []string{"rob@example.org"}, Alias: true}))
			}, nil},
			"removed": {func(r *keyring.Ring) error { return r.Remove(bobAt, p.bob.Fingerprint()) }, new(*keyring.UnknownError)},
			"erased":  {func(r *keyring.Ring) error { return r.Erase(p.bob.Fingerprint()) }, new(*keyring.UnknownError)},
			"replaced": {func(r *keyring.Ring) error {
				return second(r.Add(expected(t, p.new), keyring.Addition{Replace: true}))
			}, new(*keyring.ChangedError)},
			"revoked": {func(r *keyring.Ring) error {
				return second(r.Revoke(p.bob.Fingerprint(), &keyring.RevokedError{Reason: "lost"}))
			}, new(*keyring.RevokedError)},
			"revoked and removed": {func(r *keyring.Ring) error {
				if err := second(r.Revoke(p.bob.Fingerprint(), &keyring.RevokedError{Reason: "lost"})); err != nil {
					return err
				}
				return r.Remove(bobAt, p.bob.Fingerprint())
			}, new(*keyring.RevokedError)},
		} {
			m := newMem()
			r, other := newRing(t, m), newRing(t, m)
			_, err := r.Add(expected(t, p.bob), keyring.Addition{})
			require.NoError(t, err)
			found, err := r.Lookup(bobAt)
			require.NoError(t, err)
			bob := found[0].Verified
			require.NoError(t, seals(bob), "before")
			require.NoError(t, row.meanwhile(other), name)
			var out bytes.Buffer
			for how, seal := range map[string]func() error{
				"Seal": func() error {
					w, err := envelope.Seal(&out, bob)
					if err == nil {
						w.Abort()
					}
					return err
				},
				"Rewrap": func() error {
					return second(envelope.Rewrap(&out, bytes.NewReader(message.Bytes()), opener, nil, bob))
				},
				"Reseal": func() error {
					return second(new(envelope.Sealer).Reseal(&out, bytes.NewReader(message.Bytes()), opener, bob))
				},
			} {
				err := seal()
				if row.is == nil {
					require.NoError(t, err, "%s %s %s", format, how, name)
					out.Reset()
					continue
				}
				require.ErrorIs(t, err, keyring.ErrRefused, "%s %s %s", format, how, name)
				require.ErrorAs(t, err, row.is, "%s %s %s", format, how, name)
				require.Zero(t, out.Len(), "%s %s %s", format, how, name)
			}
		}
	}
}
