package keyring_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// steps are changes of every kind, each of a ring that has those before it.
func steps(t *testing.T) []func(*keyring.Ring) error {
	alice, bob := certOf(t, "alice@example.org"), certOf(t, "bob@example.org")
	second := certOf(t, "bob@example.org#second")
	add := func(c *keyring.Certificate, a keyring.Addition) func(*keyring.Ring) error {
		v := expected(t, c)
		return func(r *keyring.Ring) error { _, err := r.Add(v, a); return err }
	}
	return []func(*keyring.Ring) error{
		add(alice, keyring.Addition{}),
		add(bob, keyring.Addition{}),
		add(second, keyring.Addition{Beside: true}),
		func(r *keyring.Ring) error { return r.Prefer("bob@example.org", second.Fingerprint()) },
		func(r *keyring.Ring) error {
			return r.Group("team@example.org", "alice@example.org", "bob@example.org")
		},
		func(r *keyring.Ring) error {
			return r.Trust(alice.Fingerprint(), &keyring.Introducer{Depth: 1, Amount: 120})
		},
		add(certOf(t, "bob@example.org#third"), keyring.Addition{Replace: true}),
		func(r *keyring.Ring) error {
			_, err := r.Revoke(alice.Fingerprint(), &keyring.RevokedError{Reason: "lost"})
			return err
		},
		func(r *keyring.Ring) error { return r.Remove("alice@example.org", keyring.Fingerprint{}) },
		func(r *keyring.Ring) error { return r.Erase(certOf(t, "bob@example.org#third").Fingerprint()) },
	}
}

// told is what a ring says of itself, without what is random.
func told(t *testing.T, r *keyring.Ring) (lines []string) {
	t.Helper()
	all, err := r.Entries()
	require.NoError(t, err)
	for _, e := range all {
		lines = append(lines, fmt.Sprint(e.Address, e.Fingerprint, e.Preferred, e.Members, e.Introducer != nil, e.Problem))
	}
	return lines
}

// TestStoreFails: an error before, in the middle of and after each change
// leaves the ring as it was, or as it was meant to be, and it goes on from there.
func TestStoreFails(t *testing.T) {
	m := newMem()
	_, err := newRing(t, m).Add(expected(t, certOf(t, "zoe@example.org")), keyring.Addition{})
	require.NoError(t, err)
	for i, step := range steps(t) {
		was, twin := told(t, newRing(t, m)), m.clone()
		require.NoError(t, step(newRing(t, twin)), "step %d", i)
		will := told(t, newRing(t, twin))
		require.NotEqual(t, was, will, "step %d", i)
		for at := range 3 {
			c := m.clone()
			r := newRing(t, c)
			require.Equal(t, was, told(t, r))
			c.fail = func(n int) error {
				if n == at {
					return errFault
				}
				return nil
			}
			err := step(r)
			require.ErrorIs(t, err, errFault, "step %d", i)
			c.fail = nil
			want := was
			if at == 2 {
				want = will
			}
			require.Equal(t, want, told(t, r), "step %d, fault %d", i, at)
			require.NoError(t, r.Check())
			fresh := newRing(t, c)
			require.Equal(t, want, told(t, fresh))
			require.NoError(t, fresh.Check())
			if at < 2 {
				require.NoError(t, step(r))
				require.Equal(t, will, told(t, r))
				require.NoError(t, newRing(t, c).Check())
			}
		}
		m = twin
	}
}

// TestOthersAreFaster: what somebody else changed in between counts: nothing of
// it is lost, and it is judged anew.
func TestOthersAreFaster(t *testing.T) {
	for i, step := range steps(t) {
		m := newMem()
		r, other := newRing(t, m), newRing(t, m)
		for _, before := range steps(t)[:i] {
			require.NoError(t, before(r))
		}
		m.meanwhile = func() {
			_, err := other.Add(expected(t, certOf(t, "zoe@example.org")), keyring.Addition{})
			require.NoError(t, err)
		}
		require.NoError(t, step(r), "step %d", i)
		require.NotZero(t, m.conflicts)
		require.Equal(t, told(t, r), told(t, other))
		_, err := r.Lookup("zoe@example.org")
		require.NoError(t, err)
		require.NoError(t, r.Check())
	}

	// Another key came in between: the one that was first is the one.
	m := newMem()
	r, other := newRing(t, m), newRing(t, m)
	m.meanwhile = func() {
		_, err := other.Add(expected(t, certOf(t, "bob@example.org")), keyring.Addition{})
		require.NoError(t, err)
	}
	_, err := r.Add(expected(t, certOf(t, "bob@example.org#second")), keyring.Addition{})
	var changed *keyring.ChangedError
	require.ErrorAs(t, err, &changed)
	require.Equal(t, []keyring.Fingerprint{certOf(t, "bob@example.org").Fingerprint()}, changed.Old)
}

// TestManyRings: rings that share a store, each used by several goroutines,
// lose nothing.
func TestManyRings(t *testing.T) {
	m := newMem()
	const rings, workers, each = 3, 4, 8
	for i := range rings * workers * each {
		certOf(t, fmt.Sprintf("person%d@example.org", i))
	}
	var wg sync.WaitGroup
	for i := range rings {
		r := newRing(t, m)
		for j := range workers {
			wg.Go(func() {
				for k := range each {
					a := fmt.Sprintf("person%d@example.org", (i*workers+j)*each+k)
					if _, err := r.Add(expected(t, certOf(t, a)), keyring.Addition{}); err != nil {
						t.Error(err)
					}
					if _, err := r.Lookup(a); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	r := newRing(t, m)
	require.NoError(t, r.Check())
	all, err := r.Entries()
	require.NoError(t, err)
	require.Len(t, all, rings*workers*each)
	require.Len(t, mustEvents(t, r), rings*workers*each+1)
}

// TestStoreCannotBeRead: an error of the store is one, and not an empty ring.
func TestStoreCannotBeRead(t *testing.T) {
	m := threePeople(t)
	r := newRing(t, m)
	_, err := r.Lookup("bob@example.org")
	require.NoError(t, err)
	found, err := r.Lookup("carol@example.org")
	require.NoError(t, err)
	m.broken = errFault
	for _, err := range []error{
		second(r.Lookup("alice@example.org")), second(r.Recipients("bob@example.org")), second(r.Senders("bob@example.org")),
		second(r.Entries()), second(r.Events()), r.Check(), seals(found[0].Verified), r.Remove("bob@example.org", keyring.Fingerprint{}),
		second(r.Add(expected(t, certOf(t, "erin@example.org")), keyring.Addition{})),
	} {
		require.ErrorIs(t, err, errFault)
	}
	_, err = keyring.Policy{}.NewRing(m, parsers()...)
	require.ErrorIs(t, err, errFault)
	m.broken = nil
	_, err = r.Lookup("alice@example.org")
	require.NoError(t, err)
	require.NoError(t, seals(found[0].Verified))
}

func second[T any](_ T, err error) error { return err }
