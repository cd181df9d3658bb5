package keyring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

func pgpFor(t testing.TB, userIDs ...string) *pgp.Key {
	t.Helper()
	k, err := pgp.GenerateKey(pgp.KeyOptions{UserIDs: userIDs})
	require.NoError(t, err)
	return k
}

// heir is next, named by old, whose certificate is believed as was says.
func heir(t testing.TB, p keyring.Policy, old, next *pgp.Key, was keyring.Evidence) *keyring.Verified {
	t.Helper()
	message, err := old.Transition(next.Certificate())
	require.NoError(t, err)
	before, err := p.Verify(old.Certificate(), was)
	require.NoError(t, err)
	v, err := p.Verify(next.Certificate(), pgp.SucceededIn(before, message))
	require.NoError(t, err)
	return v
}

// Eve's own successor states Bob's address too. The old key was never Bob's.
func TestHeirOfAnotherAddress(t *testing.T) {
	t.Parallel()
	withoutSHA1(t)
	const eveAt = "eve@example.net"
	old, next := pgpFor(t, "Eve <"+eveAt+">"), pgpFor(t, "Eve <"+eveAt+">", "Bob <"+bobAt+">")
	v := heir(t, keyring.Policy{}, old, next, keyring.Expect(old.Certificate().Fingerprint()))
	ring := func() *keyring.Ring {
		r := ringAt(t, keyring.Policy{}, nil)
		put(t, r, old.Certificate(), keyring.Addition{})
		return r
	}
	var unknown *keyring.UnknownError
	var unbound *keyring.NotBoundError

	r := ring()
	done, err := r.Add(v, keyring.Addition{})
	require.NoError(t, err)
	require.Equal(t, []string{eveAt}, done.Addresses)
	require.Contains(t, done.Findings[0], bobAt)
	_, err = toBob(r)
	require.ErrorAs(t, err, &unknown)

	for name, a := range map[string]keyring.Addition{
		"by name":       {Addresses: []string{bobAt}},
		"beside nobody": {Addresses: []string{bobAt}, Beside: true},
		"with her own":  {Addresses: []string{eveAt, bobAt}},
		"as an alias":   {Addresses: []string{bobAt}, Alias: true},
		"as a signer":   {Addresses: []string{bobAt}, Signer: true},
		"all of his":    {Addresses: []string{"@example.org"}, Alias: true},
	} {
		r := ring()
		_, err := r.Add(v, a)
		require.ErrorAs(t, err, &unbound, name)
		require.ErrorContains(t, err, "not one that the ring has for this address", name)
		_, err = toBob(r)
		require.ErrorAs(t, err, &unknown, name)
	}
	// Once she is in the ring, what is read out of it is no better.
	again, err := r.Lookup(eveAt)
	require.NoError(t, err)
	_, err = r.Add(again[0].Verified, keyring.Addition{Addresses: []string{bobAt}})
	require.ErrorAs(t, err, &unbound)
	done, err = r.Add(again[0].Verified, keyring.Addition{})
	require.NoError(t, err)
	require.Empty(t, done.Event)

	// It is Bob's where the ring has the old key for him too.
	r = ring()
	put(t, r, old.Certificate(), keyring.Addition{Addresses: []string{bobAt}, Alias: true})
	_, err = r.Add(v, keyring.Addition{})
	require.NoError(t, err)
	requireTo(t, r, next.Certificate())
}

// A successor of what was believed for want of better is no better: neither for
// a policy that does not take that, nor in a ring that another process filled.
func TestHeirOfFirstUse(t *testing.T) {
	t.Parallel()
	withoutSHA1(t)
	old, next := pgpFor(t, "Bob <"+bobAt+">"), pgpFor(t, "Bob <"+bobAt+">")
	lax := keyring.Policy{AcceptFirstUse: true}
	v := heir(t, lax, old, next, keyring.FirstUse(bobAt))
	var policy *keyring.PolicyError

	for name, c := range map[string]struct {
		was   keyring.Evidence
		field string
	}{
		"first use":   {keyring.FirstUse(bobAt), "AcceptFirstUse"},
		"fingerprint": {keyring.Expect(old.Certificate().Fingerprint()), ""},
	} {
		s := newMem()
		open := func(p keyring.Policy) *keyring.Ring {
			r, err := p.NewRing(s, parsers()...)
			require.NoError(t, err)
			t.Cleanup(func() { r.Close() })
			return r
		}
		first, err := lax.Verify(old.Certificate(), c.was)
		require.NoError(t, err)
		r := open(lax)
		_, err = r.Add(first, keyring.Addition{})
		require.NoError(t, err)
		if c.field != "" {
			_, err = open(keyring.Policy{}).Add(v, keyring.Addition{})
			var changed *keyring.ChangedError
			require.ErrorAs(t, err, &changed, name)
			require.ErrorContains(t, err, c.field, name)
		}
		_, err = r.Add(v, keyring.Addition{})
		require.NoError(t, err, name)
		requireTo(t, r, next.Certificate())
		_, err = toBob(open(keyring.Policy{}))
		if c.field == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorAs(t, err, &policy, name)
		require.Equal(t, c.field, policy.Field)
		all, err := r.Lookup(bobAt)
		require.NoError(t, err)
		require.Contains(t, all[0].Evidence, "first use")
	}
}

// The ring knows that the old key was retired. The copy that was asked, and
// verified, is from before that.
func TestHeirOfRetired(t *testing.T) {
	t.Parallel()
	withoutSHA1(t)
	old, next := pgpFor(t, "Bob <"+bobAt+">"), pgpFor(t, "Bob <"+bobAt+">")
	v := heir(t, keyring.Policy{}, old, next, keyring.Expect(old.Certificate().Fingerprint()))
	gone, err := old.Revoke(pgp.Retired, "")
	require.NoError(t, err)
	for name, retired := range map[string]bool{"retired": true, "in force": false} {
		r := ringAt(t, keyring.Policy{}, nil)
		put(t, r, old.Certificate(), keyring.Addition{})
		if retired {
			_, err = r.Update(gone.Certificate())
			require.NoError(t, err)
		}
		_, err = r.Add(v, keyring.Addition{})
		if !retired {
			require.NoError(t, err, name)
			continue
		}
		var changed *keyring.ChangedError
		require.ErrorAs(t, err, &changed, name)
		require.ErrorContains(t, err, "the word of the old key is not taken", name)
		_, err = r.Add(v, keyring.Addition{Beside: true})
		require.ErrorIs(t, err, keyring.ErrRefused, name)
	}
}

// Eve's fingerprint was compared, and her key states Bob's address beside hers:
// it is said that it is for both now, unless it was named which is hers.
func TestClaimsFurtherAddress(t *testing.T) {
	t.Parallel()
	withoutSHA1(t)
	const eveAt = "eve@example.net"
	eve := pgpFor(t, "Eve <"+eveAt+">", "Bob <"+bobAt+">").Certificate()
	done, err := ringAt(t, keyring.Policy{}, nil).Add(expected(t, eve), keyring.Addition{})
	require.NoError(t, err)
	require.Equal(t, []string{eveAt, bobAt}, done.Addresses)
	require.Len(t, done.Findings, 1)
	require.Contains(t, done.Findings[0], "all of the 2 addresses")

	r := ringAt(t, keyring.Policy{}, nil)
	done, err = r.Add(expected(t, eve), keyring.Addition{Addresses: []string{eveAt}})
	require.NoError(t, err)
	require.Empty(t, done.Findings)
	done, err = r.Add(expected(t, eve), keyring.Addition{Addresses: []string{bobAt, eveAt}})
	require.NoError(t, err)
	require.Empty(t, done.Findings)
}

// Who was removed, or replaced, and comes back is no introducer for having been
// one; who keeps an address stays one.
func TestRemovedIntroducer(t *testing.T) {
	t.Parallel()
	carol, next := certOf(t, "carol@example.org#introduces"), certOf(t, "carol@example.org#next")
	const second = "carol@example.net"
	for name, c := range map[string]struct {
		gone func(*keyring.Ring)
		is   bool
	}{
		"removed": {func(r *keyring.Ring) {
			require.NoError(t, r.Remove("carol@example.org", keyring.Fingerprint{}))
			require.NoError(t, r.Remove(second, keyring.Fingerprint{}))
		}, false},
		"replaced": {func(r *keyring.Ring) {
			put(t, r, next, keyring.Addition{Replace: true})
			put(t, r, next, keyring.Addition{Addresses: []string{second}, Alias: true, Replace: true})
		}, false},
		"of one of two": {func(r *keyring.Ring) { require.NoError(t, r.Remove(second, keyring.Fingerprint{})) }, true},
	} {
		r := ringAt(t, keyring.Policy{}, nil)
		put(t, r, carol, keyring.Addition{Addresses: []string{"carol@example.org", second}, Alias: true})
		require.NoError(t, r.Trust(carol.Fingerprint(), &keyring.Introducer{Depth: 1, Amount: 120}))
		c.gone(r)
		put(t, r, carol, keyring.Addition{Addresses: []string{second}, Alias: true, Replace: true})
		all, err := r.Entries()
		require.NoError(t, err, name)
		for _, e := range all {
			if e.Fingerprint == carol.Fingerprint() {
				require.Equal(t, c.is, e.Introducer != nil, name)
			}
		}
	}
}
