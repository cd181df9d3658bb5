package keyring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// TestOf: whom a certificate that states two addresses was verified as.
func TestOf(t *testing.T) {
	t.Parallel()
	const bob, eve = "bob@example.org", "eve@example.net"
	c := sanCert(t, rfc822(bob), rfc822(eve))
	ofRing := func(address string) *keyring.Verified {
		r := newRing(t, newMem())
		_, err := r.Add(expected(t, c), keyring.Addition{Addresses: []string{address}, Alias: address[0] == '@'})
		require.NoError(t, err)
		who := bob
		if address == eve {
			who = eve
		}
		all, err := r.Senders(who)
		require.NoError(t, err)
		require.Len(t, all, 1)
		return all[0]
	}
	first, err := keyring.Policy{AcceptFirstUse: true}.Verify(c, keyring.FirstUse(bob))
	require.NoError(t, err)
	for _, x := range []struct {
		name     string
		v        *keyring.Verified
		bob, eve bool
	}{
		{"a fingerprint is about the key", expected(t, c), true, true},
		{"first use is for one address", first, true, false},
		{"in the ring for one address", ofRing(bob), true, false},
		{"in the ring for the other", ofRing(eve), false, true},
		{"in the ring for a domain", ofRing("@example.org"), true, false},
		{"nil", nil, false, false},
		{"zero", &keyring.Verified{}, false, false},
	} {
		require.Equal(t, x.bob, x.v.Of(bob), x.name)
		require.Equal(t, x.bob, x.v.Of("bob@EXAMPLE.org"), x.name)
		require.Equal(t, x.eve, x.v.Of(eve), x.name)
		require.False(t, x.v.Of("bob"), x.name)
		require.False(t, x.v.Of(""), x.name)
	}
}
