package keyring_test

import (
	"bytes"
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// newKeys returns an OpenPGP key where it is allowed, else an S/MIME one.
func openPGP(t testing.TB, address string) *keyring.Certificate {
	t.Helper()
	k, err := pgp.GenerateKey(pgp.KeyOptions{Address: address})
	require.NoError(t, err)
	return k.Certificate()
}

func xKey(t testing.TB, address string) *smime.Key {
	t.Helper()
	k, err := generateX(address)
	require.NoError(t, err)
	return k
}

func generateX(address string) (*smime.Key, error) {
	return smime.GenerateKey(smime.KeyOptions{Address: address, Algorithm: "p256", ReadsGCM: true})
}

func x509Cert(t testing.TB, address string) *keyring.Certificate {
	return xKey(t, address).Certificate()
}

// known keys: making one takes longer than what is tested.
var known = struct {
	sync.Mutex
	certs map[string]*keyring.Certificate
}{certs: map[string]*keyring.Certificate{}}

// certOf returns the X.509 certificate of name, which is an address with
// anything behind a "#".
func certOf(t testing.TB, name string) *keyring.Certificate {
	t.Helper()
	known.Lock()
	defer known.Unlock()
	if c := known.certs[name]; c != nil {
		return c
	}
	address, _, _ := bytes.Cut([]byte(name), []byte("#"))
	known.certs[name] = x509Cert(t, string(address))
	return known.certs[name]
}

func expected(t testing.TB, c *keyring.Certificate) *keyring.Verified {
	t.Helper()
	v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
	require.NoError(t, err)
	return v
}

func parsers() []keyring.Parser {
	return []keyring.Parser{pgp.ParseCertificate, smime.ParseCertificate}
}

func newRing(t testing.TB, s keyring.Store) *keyring.Ring {
	t.Helper()
	r, err := keyring.Policy{}.NewRing(s, parsers()...)
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

// seals reports what sealing to v says.
func seals(v ...*keyring.Verified) error {
	if fips() { // AES-GCM with a nonce in the message is not allowed
		for _, v := range v {
			if err := v.Check(); err != nil {
				return err
			}
		}
		return nil
	}
	w, err := envelope.Seal(io.Discard, v...)
	if err != nil {
		return err
	}
	w.Abort()
	return nil
}

// TestRing: from nothing to a sealed message, and what is in the directory is
// the same when it is opened again.
func TestRing(t *testing.T) {
	dir := t.TempDir() + "/ring"
	r, err := keyring.OpenRing(dir, parsers()...)
	require.NoError(t, err)
	defer r.Close()
	_, err = r.Lookup("bob@example.org")
	var unknown *keyring.UnknownError
	require.ErrorAs(t, err, &unknown)
	require.ErrorIs(t, err, keyring.ErrRefused)

	bob := certOf(t, "bob@example.org")
	done, err := r.Add(expected(t, bob), keyring.Addition{})
	require.NoError(t, err)
	require.Equal(t, "added", done.Event)
	require.Equal(t, []string{"bob@example.org"}, done.Addresses)
	done, err = r.Add(expected(t, bob), keyring.Addition{})
	require.NoError(t, err)
	require.Empty(t, done.Event, "nothing is new")

	again, err := keyring.OpenRing(dir, parsers()...)
	require.NoError(t, err)
	defer again.Close()
	for _, r := range []*keyring.Ring{r, again} {
		found, err := r.Lookup("bob@EXAMPLE.org")
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, bob.Fingerprint(), found[0].Verified.Fingerprint())
		require.Equal(t, bob.Marshal(), found[0].Verified.Certificate().Marshal())
		require.Equal(t, "expected fingerprint", found[0].Verified.Evidence())
		require.Equal(t, "S/MIME", found[0].Format)
		require.NoError(t, seals(found[0].Verified))
		require.NoError(t, r.Check())
	}
	found, err := r.Lookup("bob@example.org")
	require.NoError(t, err)
	require.NoError(t, again.Remove("bob@example.org", keyring.Fingerprint{}))
	_, err = r.Lookup("bob@example.org")
	require.ErrorAs(t, err, &unknown)
	err = seals(found[0].Verified)
	require.ErrorAs(t, err, &unknown, "removed by another process after it was looked up")
	require.NoError(t, r.Check())
	require.NoError(t, r.Close())
	require.ErrorIs(t, seals(found[0].Verified), keyring.ErrRefused)
}

// TestRingOfBothFormats: a key of each format, and who is sealed to.
func TestRingOfBothFormats(t *testing.T) {
	if fips() {
		t.Skip("OpenPGP keys of version 4 have no fingerprint with fips140=only")
	}
	r := newRing(t, newMem())
	for _, a := range []string{"alice@example.org", "bob@example.org"} {
		for _, c := range []*keyring.Certificate{certOf(t, a), openPGP(t, a)} {
			_, err := r.Add(expected(t, c), keyring.Addition{})
			require.NoError(t, err)
		}
	}
	carol := certOf(t, "carol@example.org")
	_, err := r.Add(expected(t, carol), keyring.Addition{})
	require.NoError(t, err)
	all, err := r.Entries()
	require.NoError(t, err)
	require.Len(t, all, 5)
	for _, e := range all {
		require.NoError(t, e.Problem)
	}
	to, err := r.Recipients("alice@example.org", "bob@example.org")
	require.NoError(t, err)
	require.NoError(t, seals(to...))
	require.Len(t, to[0].Fingerprint().String(), 40, "OpenPGP where all have it")
	to, err = r.Recipients("alice@example.org", "bob@example.org", "carol@example.org")
	require.NoError(t, err)
	require.NoError(t, seals(to...))
	require.Equal(t, carol.Fingerprint(), to[2].Fingerprint())
	to, err = r.RecipientsIn("S/MIME", "alice@example.org", "carol@example.org")
	require.NoError(t, err)
	require.Len(t, to, 2)
	for i, v := range to {
		require.Equal(t, certOf(t, []string{"alice@example.org", "carol@example.org"}[i]).Fingerprint(), v.Fingerprint())
	}
	to, err = r.RecipientsIn("OpenPGP", "alice@example.org")
	require.NoError(t, err)
	require.Len(t, to[0].Fingerprint().String(), 40)
	_, err = r.Add(expected(t, openPGP(t, "pgp@example.org")), keyring.Addition{})
	require.NoError(t, err)
	_, err = r.RecipientsIn("S/MIME", "pgp@example.org")
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, `"pgp@example.org": keyring: refused: its keys are OpenPGP, and it has none in S/MIME`)
	_, err = r.RecipientsIn("smime", "alice@example.org")
	require.ErrorContains(t, err, `"smime" is no format`)
	_, err = r.Recipients("alice@example.org", "dave@example.org", "erin@example.org")
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, "dave@example.org")
	require.ErrorContains(t, err, "erin@example.org")
	require.NotContains(t, err.Error(), "\n")
	require.NoError(t, r.Check())
}
