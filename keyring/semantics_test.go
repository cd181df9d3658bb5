package keyring_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

const bobAt = "bob@example.org"

// toBob returns what a message to Bob would be sealed to, or why it is not.
func toBob(r *keyring.Ring) ([]*keyring.Verified, error) {
	to, err := r.Recipients(bobAt)
	if err != nil {
		return nil, err
	}
	if fips() {
		return to, nil // AES-GCM with a nonce in the message is not allowed
	}
	return to, seals(to...)
}

func requireTo(t testing.TB, r *keyring.Ring, want *keyring.Certificate) {
	t.Helper()
	to, err := toBob(r)
	require.NoError(t, err)
	require.Len(t, to, 1)
	require.Equal(t, want.Fingerprint(), to[0].Fingerprint())
}

// The ways to have somebody else's key sealed to, each through a ring with real
// certificates, and each beside what passes and differs in that one thing.
func TestNeverToTheWrongKey(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T){
		"a swapped certificate with the same key ID":  swappedSameID,
		"the same user ID and another key":            sameUserID,
		"an extra subkey that nothing binds":          unboundSubkey,
		"a subkey bound by an unhashed subpacket":     unhashedBinding,
		"the SAN of another user":                     otherSAN,
		"a SAN with NUL":                              nulSAN,
		"a homograph domain":                          homograph,
		"expired yesterday":                           expiredYesterday,
		"revoked in one of two copies":                revokedInOne,
		"ML-KEM and RSA certificates for one address": quantumAndClassical,
		"the zero Verified":                           zeroVerified,
		"a Verified of another ring":                  otherRing,
		"a recipient set that is changed after Seal":  changedAfterSeal,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// X.509 certificates that share subject, issuer, serial number and key
// identifiers: everything but the key. For OpenPGP see TestEqualKeyIDs.
func swappedSameID(t *testing.T) {
	same := func(c *x509.Certificate) {
		c.SerialNumber, c.SubjectKeyId, c.AuthorityKeyId = big.NewInt(4711), []byte("the same"), []byte("the same")
	}
	bob, eve := bobX509(t, same), bobX509(t, same)
	r := ringAt(t, keyring.Policy{}, nil)
	put(t, r, bob, keyring.Addition{})
	_, err := keyring.Verify(eve, keyring.Expect(bob.Fingerprint()))
	var mismatch *keyring.MismatchError
	require.ErrorAs(t, err, &mismatch)
	_, err = r.Add(expected(t, eve), keyring.Addition{})
	var changed *keyring.ChangedError
	require.ErrorAs(t, err, &changed)
	require.Equal(t, []keyring.Fingerprint{bob.Fingerprint()}, changed.Old)
	require.Equal(t, eve.Fingerprint(), changed.New)
	_, err = r.Update(eve)
	require.ErrorIs(t, err, keyring.ErrRefused, "and no copy of Bob's")
	requireTo(t, r, bob)

	done, err := r.Add(expected(t, eve), keyring.Addition{Replace: true})
	require.NoError(t, err)
	require.Equal(t, []keyring.Fingerprint{bob.Fingerprint()}, done.Replaced)
	requireTo(t, r, eve)
}

func sameUserID(t *testing.T) {
	withoutSHA1(t)
	born := time.Now().AddDate(0, -1, 0)
	bob, eve := bobPGP(t, born).cert(), bobPGP(t, born).cert()
	r := ringAt(t, keyring.Policy{}, nil)
	put(t, r, bob, keyring.Addition{})
	_, err := r.Add(expected(t, eve), keyring.Addition{})
	var changed *keyring.ChangedError
	require.ErrorAs(t, err, &changed)
	requireTo(t, r, bob)

	empty := ringAt(t, keyring.Policy{}, nil)
	put(t, empty, eve, keyring.Addition{})
	requireTo(t, empty, eve)
}

// Eve appends her subkey to Bob's certificate: nothing is sealed to it, since
// Bob's key never signed it. The twin is one that it did.
func unboundSubkey(t *testing.T) {
	withoutSHA1(t)
	born := time.Now().AddDate(0, -1, 0)
	for name, bind := range map[string]func(*forge, *packet.PrivateKey){
		"by nothing": func(*forge, *packet.PrivateKey) {},
		"by Eve":     func(f *forge, k *packet.PrivateKey) { f.binding(f.signingKey(), k, forSealing) },
		"by Eve as Bob": func(f *forge, k *packet.PrivateKey) {
			eve := f.signingKey()
			eve.KeyId = f.primary.KeyId
			f.binding(eve, k, forSealing)
		},
		"for another key": func(f *forge, _ *packet.PrivateKey) { f.binding(f.primary, f.sealingKey(), forSealing) },
	} {
		f := newForge(t, born, nil).userID(bobsID, forSigning)
		bind(f, f.loose())
		_, err := ringAt(t, keyring.Policy{}, nil).Add(expected(t, f.cert()), keyring.Addition{})
		var unusable *keyring.UnusableError
		require.ErrorAs(t, err, &unusable, name)
	}
	f := newForge(t, born, nil).userID(bobsID, forSigning).subkey(forSealing)
	bob := f.cert()
	r := ringAt(t, keyring.Policy{}, nil)
	put(t, r, bob, keyring.Addition{})
	f.loose()
	done, err := r.Update(f.cert())
	require.NoError(t, err)
	require.Empty(t, done.Event, "a copy with Eve's subkey brings nothing")
	requireTo(t, r, bob)
	done, err = r.Update(f.subkey(forSealing).cert())
	require.NoError(t, err)
	require.Equal(t, "updated", done.Event, "Bob's own new subkey does")
}

// Anybody can write into the unhashed area of Bob's genuine signature. What
// stands there does not make a key one to seal to, and lengthens no life.
func unhashedBinding(t *testing.T) {
	withoutSHA1(t)
	born := time.Now().AddDate(0, -1, 0)
	const keyFlags, keyExpiration, sealing = 27, 9, 0x0C
	plain := newForge(t, born, nil).userID(bobsID, forSigning).subkey(func(s *packet.Signature) { s.FlagsValid, s.FlagAuthenticate = true, true })
	c, err := pgp.ParseCertificate(unprotected(t, plain.out.Bytes(), keyFlags, sealing))
	require.NoError(t, err)
	_, err = ringAt(t, keyring.Policy{}, nil).Add(expected(t, c), keyring.Addition{})
	var unusable *keyring.UnusableError
	require.ErrorAs(t, err, &unusable, "the flag stands where nothing protects it")
	signed := newForge(t, born, nil).userID(bobsID, forSigning).subkey(forSealing)
	r := ringAt(t, keyring.Policy{}, nil)
	put(t, r, signed.cert(), keyring.Addition{})
	requireTo(t, r, signed.cert())

	short := newForge(t, born, nil).userID(bobsID, forSigning).subkey(both(forSealing, forDays(7)))
	c, err = pgp.ParseCertificate(unprotected(t, short.out.Bytes(), keyExpiration, 0, 0, 0, 0))
	require.NoError(t, err)
	now := born.AddDate(0, 0, 1)
	r = ringAt(t, keyring.Policy{}, &now)
	put(t, r, c, keyring.Addition{})
	_, err = r.Recipients(bobAt)
	require.NoError(t, err)
	now = born.AddDate(0, 0, 8)
	_, err = r.Recipients(bobAt)
	var expired *keyring.ExpiredError
	require.ErrorAs(t, err, &expired)
}

func otherSAN(t *testing.T) {
	ca := issued(t, authority("CA"), nil, nil, nil)
	a := &smime.Authorities{Roots: []*keyring.Certificate{ca.cert(t)}}
	alice := issued(t, forMail(), ca, nil, func(c *x509.Certificate) { c.EmailAddresses = []string{"alice@example.org"} }).cert(t)
	_, err := keyring.Verify(alice, smime.ChainTo(bobAt, a))
	require.ErrorContains(t, err, `not for "bob@example.org", but for "alice@example.org"`)

	v, err := keyring.Verify(alice, smime.ChainTo("alice@example.org", a))
	require.NoError(t, err)
	r := ringAt(t, keyring.Policy{}, nil)
	for _, v := range []*keyring.Verified{v, expected(t, alice)} {
		_, err = r.Add(v, keyring.Addition{Addresses: []string{bobAt}})
		var notBound *keyring.NotBoundError
		require.ErrorAs(t, err, &notBound)
		require.Equal(t, []string{"alice@example.org"}, notBound.Has)
	}
	_, err = r.Recipients(bobAt)
	var unknown *keyring.UnknownError
	require.ErrorAs(t, err, &unknown)

	bob, err := keyring.Verify(issued(t, forMail(), ca, nil, nil).cert(t), smime.ChainTo(bobAt, a))
	require.NoError(t, err)
	_, err = r.Add(bob, keyring.Addition{})
	require.NoError(t, err)
	requireTo(t, r, bob.Certificate())
	put(t, r, alice, keyring.Addition{})
	_, err = r.Recipients("alice@example.org")
	require.NoError(t, err)
}

// A NUL at which other programs stop reading (Marlinspike, 2009).
func nulSAN(t *testing.T) {
	ca := issued(t, authority("CA"), nil, nil, nil)
	a := &smime.Authorities{Roots: []*keyring.Certificate{ca.cert(t)}}
	for _, address := range []string{"bob@example.org\x00.evil.example", "bob@example.org\x00", "bob\x00@example.org", "\x00bob@example.org"} {
		e := issued(t, forMail(), ca, nil, func(c *x509.Certificate) { c.EmailAddresses = []string{address} })
		c, err := smime.ParseCertificate(e.x.Raw)
		if err != nil {
			continue // not even parsed
		}
		_, err = keyring.Verify(c, smime.ChainTo(bobAt, a))
		require.ErrorIs(t, err, keyring.ErrRefused, "%q", address)
		r := ringAt(t, keyring.Policy{}, nil)
		_, err = r.Add(expected(t, c), keyring.Addition{Addresses: []string{bobAt}})
		require.ErrorIs(t, err, keyring.ErrRefused, "%q", address)
		_, err = r.Add(expected(t, c), keyring.Addition{})
		require.ErrorIs(t, err, keyring.ErrRefused, "%q", address)
		_, err = r.Recipients(bobAt)
		require.ErrorIs(t, err, keyring.ErrRefused)
	}
	withoutSHA1(t)
	born := time.Now().AddDate(0, -1, 0)
	id := "Bob <bob@example.org\x00.evil.example>"
	_, err := ringAt(t, keyring.Policy{}, nil).Add(expected(t, newForge(t, born, nil).userID(id, forSigning).subkey(forSealing).cert()), keyring.Addition{Addresses: []string{bobAt}})
	var notBound *keyring.NotBoundError
	require.ErrorAs(t, err, &notBound)
	put(t, ringAt(t, keyring.Policy{}, nil), bobPGP(t, born).cert(), keyring.Addition{Addresses: []string{bobAt}})
}

// An o that is Cyrillic: a domain of its own, which is not example.org's, and a
// person who asks for the one is told of the other.
func homograph(t *testing.T) {
	const eve = "bob@xn--exampl-8of.org" // "bob@examplе.org", with a Cyrillic е
	r := ringAt(t, keyring.Policy{}, nil)
	c := bobX509(t, func(c *x509.Certificate) { c.EmailAddresses = []string{eve} })
	_, err := r.Add(expected(t, c), keyring.Addition{Addresses: []string{bobAt}})
	var notBound *keyring.NotBoundError
	require.ErrorAs(t, err, &notBound)
	put(t, r, c, keyring.Addition{})
	_, err = r.Recipients(bobAt)
	var unknown *keyring.UnknownError
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, []string{eve}, unknown.Similar)

	bob := bobX509(t, nil)
	done, err := r.Add(expected(t, bob), keyring.Addition{})
	require.NoError(t, err)
	require.Len(t, done.Findings, 1)
	require.Contains(t, done.Findings[0], "looks like")
	requireTo(t, r, bob)
	to, err := r.Recipients("bob@exampl\u0435.org")
	require.NoError(t, err)
	require.Equal(t, c.Fingerprint(), to[0].Fingerprint())
}

func expiredYesterday(t *testing.T) {
	now := time.Now()
	bob := bobX509(t, func(c *x509.Certificate) { c.NotAfter = now })
	r := ringAt(t, keyring.Policy{}, &now)
	put(t, r, bob, keyring.Addition{})
	now = now.Add(-time.Second)
	_, err := r.Recipients(bobAt)
	require.NoError(t, err, "a second before")
	now = now.AddDate(0, 0, 1)
	_, err = r.Recipients(bobAt)
	var expired *keyring.ExpiredError
	require.ErrorAs(t, err, &expired)
	require.ErrorContains(t, err, bobAt)
	entries, err := r.Entries()
	require.NoError(t, err)
	require.Len(t, entries, 1, "it stays in the ring")

	withoutSHA1(t)
	born := time.Now().AddDate(0, 0, -8)
	for days, want := range map[int]bool{7: false, 9: true} {
		r := ringAt(t, keyring.Policy{}, nil)
		put(t, r, newForge(t, born, nil).userID(bobsID, both(forSigning, forDays(days))).subkey(forSealing).cert(), keyring.Addition{})
		to, err := toBob(r)
		require.Equal(t, want, err == nil, "%v", to)
		require.Equal(t, !want, errors.As(err, &expired))
	}
}

// Whichever copy comes first, and whatever is done with the other, what was
// revoked stays so.
func revokedInOne(t *testing.T) {
	withoutSHA1(t)
	born := time.Now().AddDate(0, -1, 0)
	// A revocation stands before the user IDs, RFC 9580, Section 10.1.
	primary := newForge(t, born, nil)
	key := primary.primary
	copyOf := func(revoked bool) *keyring.Certificate {
		f := newForge(t, born, key)
		if revoked {
			f.revoked(because(packet.KeyCompromised))
		}
		return f.userID(bobsID, forSigning).subkey(forSealing).cert()
	}
	clean, revoked := copyOf(false), copyOf(true)
	r := ringAt(t, keyring.Policy{}, nil)
	v := expected(t, clean)
	put(t, r, clean, keyring.Addition{})
	requireTo(t, r, clean)
	done, err := r.Update(revoked)
	require.NoError(t, err)
	require.Equal(t, "revoked", done.Event)
	refused := func() {
		t.Helper()
		var gone *keyring.RevokedError
		_, err := toBob(r)
		require.ErrorAs(t, err, &gone)
		_, err = r.Add(v, keyring.Addition{})
		require.ErrorAs(t, err, &gone, "the clean copy again")
		_, err = r.Add(v, keyring.Addition{Replace: true})
		require.ErrorAs(t, err, &gone, "no word brings it back")
		_, err = r.Add(v, keyring.Addition{Alias: true, Addresses: []string{"robert@example.org"}})
		require.ErrorAs(t, err, &gone, "nor another address")
	}
	refused()
	done, err = r.Update(clean)
	require.NoError(t, err)
	require.Empty(t, done.Event)
	refused()
	require.NoError(t, r.Remove(bobAt, clean.Fingerprint()))
	var gone *keyring.RevokedError
	_, err = r.Add(v, keyring.Addition{})
	require.ErrorAs(t, err, &gone, "removed, and remembered")

	// The other order: the revoked copy is first.
	_, err = keyring.Verify(revoked, keyring.Expect(revoked.Fingerprint()))
	require.ErrorAs(t, err, &gone)
}

// What got weaker is refused as such also where the owner of the old key says
// that the new one is theirs.
func quantumAndClassical(t *testing.T) {
	withoutSHA1(t)
	kems, err := smime.GenerateKeys(smime.KeyOptions{Address: bobAt, Name: "Bob", Algorithm: "mldsa65+mlkem768", ReadsGCM: true})
	require.NoError(t, err)
	kem, classical := kems[1].Certificate(), bobX509(t, nil)
	r := ringAt(t, keyring.Policy{}, nil)
	put(t, r, kem, keyring.Addition{})
	_, err = r.Add(expected(t, classical), keyring.Addition{})
	var changed *keyring.ChangedError
	require.ErrorAs(t, err, &changed)
	requireTo(t, r, kem)
	put(t, r, classical, keyring.Addition{Beside: true})
	requireTo(t, r, kem)
	put(t, r, bobX509(t, nil), keyring.Addition{Replace: true})

	key := func(p envelope.Profile) *pgp.Key {
		k, err := pgp.GenerateKey(pgp.KeyOptions{Address: bobAt, Name: "Bob", Profile: p})
		require.NoError(t, err)
		return k
	}
	for _, c := range []struct {
		name     string
		old, new envelope.Profile
		lost     []string
	}{
		{"post-quantum to version 6", envelope.PostQuantum, envelope.Modern, []string{"post-quantum encryption"}},
		{"post-quantum to version 4", envelope.PostQuantum, envelope.Compatible, []string{"post-quantum encryption", "OpenPGP version 6", "authenticated encryption"}},
		{"version 6 to 4", envelope.Modern, envelope.Compatible, []string{"OpenPGP version 6", "authenticated encryption"}},
		{"version 4 to 6", envelope.Compatible, envelope.Modern, nil},
		{"to post-quantum", envelope.Modern, envelope.PostQuantum, nil},
		{"version 4 to 4", envelope.Compatible, envelope.Compatible, nil},
	} {
		old, next := key(c.old), key(c.new)
		r := ringAt(t, keyring.Policy{}, nil)
		put(t, r, old.Certificate(), keyring.Addition{})
		message, err := old.Transition(next.Certificate())
		require.NoError(t, err)
		v, err := keyring.Verify(next.Certificate(), pgp.SucceededIn(expected(t, old.Certificate()), message))
		require.NoError(t, err)
		done, err := r.Add(v, keyring.Addition{})
		if c.lost == nil {
			require.NoError(t, err, c.name)
			require.Equal(t, "succeeded", done.Event)
			requireTo(t, r, next.Certificate())
			continue
		}
		var down *keyring.DowngradeError
		require.ErrorAs(t, err, &down, c.name)
		require.Equal(t, c.lost, down.Lost)
		requireTo(t, r, old.Certificate())
		_, err = r.Add(v, keyring.Addition{Replace: true})
		require.NoError(t, err, c.name)
		requireTo(t, r, next.Certificate())
	}
}

func zeroVerified(t *testing.T) {
	r := ringAt(t, keyring.Policy{}, nil)
	for _, v := range []*keyring.Verified{nil, {}, new(keyring.Verified)} {
		_, err := r.Add(v, keyring.Addition{Addresses: []string{bobAt}, Alias: true})
		require.ErrorIs(t, err, keyring.ErrRefused)
		require.ErrorIs(t, seals(v), keyring.ErrRefused)
		require.ErrorIs(t, v.Check(), keyring.ErrRefused)
	}
	_, err := r.Update(nil)
	require.ErrorIs(t, err, keyring.ErrRefused)
	_, err = r.Update(new(keyring.Certificate))
	require.ErrorIs(t, err, keyring.ErrRefused)
	bob := bobX509(t, nil)
	require.NoError(t, expected(t, bob).Check())
	put(t, r, bob, keyring.Addition{})
	requireTo(t, r, bob)
}

// What another ring believes is believed as long as that ring does, and enters
// this one by its door alone.
func otherRing(t *testing.T) {
	if fips() {
		t.Skip("GODEBUG=fips140=only: AES-GCM with a nonce in the message is not allowed")
	}
	bob := bobX509(t, nil)
	theirs, ours := ringAt(t, keyring.Policy{}, nil), ringAt(t, keyring.Policy{}, nil)
	put(t, theirs, bob, keyring.Addition{})
	to, err := theirs.Recipients(bobAt)
	require.NoError(t, err)
	_, err = ours.Recipients(bobAt)
	require.ErrorIs(t, err, keyring.ErrRefused, "ours knows nothing of it")
	require.NoError(t, seals(to...))

	_, err = theirs.Revoke(bob.Fingerprint(), &keyring.RevokedError{Reason: "lost"})
	require.NoError(t, err)
	var gone *keyring.RevokedError
	require.ErrorAs(t, seals(to...), &gone)
	_, err = ours.Add(to[0], keyring.Addition{})
	require.ErrorAs(t, err, &gone)

	other := ringAt(t, keyring.Policy{}, nil)
	put(t, other, bob, keyring.Addition{})
	to, err = other.Recipients(bobAt)
	require.NoError(t, err)
	_, err = ours.Add(to[0], keyring.Addition{})
	require.NoError(t, err, "one that its ring believes")
	require.NoError(t, other.Close())
	require.ErrorIs(t, seals(to...), keyring.ErrRefused, "nobody can say whether it still holds")
	requireTo(t, ours, bob)
}

// The recipients are those of the call, whatever becomes of the slice, of the
// ring and of the certificates afterwards; and the receipt is read from what
// was written.
func changedAfterSeal(t *testing.T) {
	if fips() {
		t.Skip("GODEBUG=fips140=only: AES-GCM with a nonce in the message is not allowed")
	}
	bob, eve := xKey(t, bobAt), xKey(t, bobAt)
	r := ringAt(t, keyring.Policy{}, nil)
	put(t, r, bob.Certificate(), keyring.Addition{})
	to, err := r.Recipients(bobAt)
	require.NoError(t, err)
	var sealed bytes.Buffer
	w, err := envelope.Seal(&sealed, to...)
	require.NoError(t, err)
	defer w.Abort()
	to[0] = expected(t, eve.Certificate())
	put(t, r, eve.Certificate(), keyring.Addition{Replace: true})
	_, err = io.WriteString(w, "for Bob")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Len(t, w.Receipt().Recipients, 1)

	open := func(k *smime.Key, message []byte) (string, error) {
		o := envelope.Opener{Identities: []envelope.Identity{k.Identity()}}
		m, err := o.Open(bytes.NewReader(message))
		if err != nil {
			return "", err
		}
		defer m.Close()
		b, err := io.ReadAll(m)
		return string(b), err
	}
	got, err := open(bob, sealed.Bytes())
	require.NoError(t, err)
	require.Equal(t, "for Bob", got)
	_, err = open(eve, sealed.Bytes())
	require.ErrorIs(t, err, envelope.ErrNotForYou)

	sealed.Reset() // the twin: Eve is who the ring has now
	w, err = envelope.Seal(&sealed, to...)
	require.NoError(t, err)
	defer w.Abort()
	require.NoError(t, w.Close())
	_, err = open(eve, sealed.Bytes())
	require.NoError(t, err)
}
