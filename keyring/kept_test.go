package keyring_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// A Verified that a program keeps is for whom it was looked up, and sealed to
// for as long as that is so. Each change is beside one that touches others.
func TestKeptTooLong(t *testing.T) {
	t.Parallel()
	const claims, annAt = "claims@example.org", "ann@example.org"
	var unknown *keyring.UnknownError
	var changed *keyring.ChangedError
	for name, c := range map[string]struct {
		ask    string
		change func(*testing.T, *keyring.Ring) error
		is     any
		says   string
	}{
		"nothing changed": {claims, func(*testing.T, *keyring.Ring) error { return nil }, nil, ""},
		"somebody else left the group": {claims, func(_ *testing.T, r *keyring.Ring) error {
			return r.Group(claims, bobAt)
		}, nil, ""},
		"he left the group": {claims, func(_ *testing.T, r *keyring.Ring) error {
			return r.Group(claims, annAt)
		}, &unknown, "taken out of the group"},
		"there is no group any more": {claims, func(_ *testing.T, r *keyring.Ring) error {
			return r.Group(claims)
		}, &unknown, "taken out of the group"},
		"he is asked for himself, and left the group": {bobAt, func(_ *testing.T, r *keyring.Ring) error {
			return r.Group(claims, annAt)
		}, nil, ""},
		"who was behind a gateway has a key now": {"eve@example.net", func(t *testing.T, r *keyring.Ring) error {
			put(t, r, certOf(t, "eve@example.net#kept"), keyring.Addition{Addresses: []string{"eve@example.net"}, Alias: true})
			return nil
		}, &changed, "look it up again"},
		"another one behind it has": {"dan@example.net", func(t *testing.T, r *keyring.Ring) error {
			put(t, r, certOf(t, "eve@example.net#kept"), keyring.Addition{Addresses: []string{"eve@example.net"}, Alias: true})
			return nil
		}, nil, ""},
		"who was behind a gateway is a group now": {"eve@example.net", func(t *testing.T, r *keyring.Ring) error {
			return r.Group("eve@example.net", bobAt)
		}, &unknown, "became a group"},
		"the gateway is gone": {"eve@example.net", func(t *testing.T, r *keyring.Ring) error {
			return r.Remove("@example.net", keyring.Fingerprint{})
		}, &unknown, "removed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := ringAt(t, keyring.Policy{}, nil)
			put(t, r, certOf(t, bobAt+"#kept"), keyring.Addition{Addresses: []string{bobAt}, Alias: true})
			put(t, r, certOf(t, "ann@example.org#kept"), keyring.Addition{Addresses: []string{annAt}, Alias: true})
			put(t, r, certOf(t, "gateway@example.net#kept"), keyring.Addition{Addresses: []string{"@example.net"}, Alias: true})
			require.NoError(t, r.Group(claims, bobAt, annAt))
			to, err := r.Recipients(c.ask)
			require.NoError(t, err)
			require.NoError(t, to[0].Check())
			require.NoError(t, c.change(t, r))
			err = to[0].Check()
			if c.is == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorAs(t, err, reflect.New(reflect.TypeOf(c.is).Elem()).Interface()) // one of its own
			require.ErrorIs(t, err, keyring.ErrRefused)
			require.ErrorContains(t, err, c.says)
		})
	}
}

// One key that several people share is sealed to once, and for all of them.
func TestKeptForSeveral(t *testing.T) {
	t.Parallel()
	shared := certOf(t, bobAt+"#kept")
	r := ringAt(t, keyring.Policy{}, nil)
	put(t, r, shared, keyring.Addition{Addresses: []string{bobAt, "ann@example.org", "dan@example.org"}, Alias: true})
	require.NoError(t, r.Group("claims@example.org", "dan@example.org"))
	to, err := r.Recipients(bobAt, "ann@example.org", "claims@example.org")
	require.NoError(t, err)
	require.Len(t, to, 1)
	require.Contains(t, to[0].Evidence(), "; in the group claims@example.org")
	require.NoError(t, r.Group("office@example.org", "dan@example.org"))
	require.NoError(t, to[0].Check())
	require.NoError(t, r.Remove("ann@example.org", keyring.Fingerprint{}))
	var unknown *keyring.UnknownError
	require.ErrorAs(t, to[0].Check(), &unknown)
	require.Equal(t, "ann@example.org", unknown.Address)
}

// Who signs for an address is not sealed to for that, whatever a program does
// with what Senders returned.
func TestSignerIsNotSealedTo(t *testing.T) {
	t.Parallel()
	r := ringAt(t, keyring.Policy{}, nil)
	put(t, r, certOf(t, bobAt+"#kept"), keyring.Addition{Addresses: []string{bobAt}, Alias: true})
	put(t, r, certOf(t, "ann@example.org#kept"), keyring.Addition{Addresses: []string{bobAt}, Signer: true})
	for _, v := range must(r.Senders(bobAt)) {
		if v.Fingerprint() == certOf(t, bobAt+"#kept").Fingerprint() {
			require.NoError(t, seals(v))
			continue
		}
		var unusable *keyring.UnusableError
		require.ErrorAs(t, v.Check(), &unusable)
		require.ErrorContains(t, seals(v), "nothing is sealed to it")
		// For itself it is, where somebody says whose it is; another ring takes it.
		_, err := ringAt(t, keyring.Policy{}, nil).Add(v, keyring.Addition{Addresses: []string{"ann@example.org"}, Alias: true})
		require.NoError(t, err)
	}
}

func must(list []*keyring.Verified, err error) []*keyring.Verified {
	if err != nil {
		panic(err)
	}
	return list
}
