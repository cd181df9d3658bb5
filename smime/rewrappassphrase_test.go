package smime_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

// TestRewrapPassphrases adds a passphrase to a message, and a key to one that
// a passphrase opens.
func TestRewrapPassphrases(t *testing.T) {
	allowed(t, "AES-GCM")
	alice, bob := fresh["P-256"](), fresh["P-384"]()
	one, two := envelope.NewPassphrase(), envelope.NewPassphrase()
	spoken := func(p *envelope.Passphrase) envelope.Opener {
		again, err := envelope.OpenPassphrase(p.Reveal())
		require.NoError(t, err)
		return envelope.Opener{Passphrases: []*envelope.Passphrase{again}, Formats: []envelope.Format{smime.Format()}}
	}
	modern := envelope.Sealer{Profile: envelope.Modern}
	withOne, withTwo := modern, modern
	withOne.Passphrases = []*envelope.Passphrase{one}
	withTwo.Passphrases = []*envelope.Passphrase{two}

	msg := sealed(t, modern, []byte("content"), alice.verified)
	_, _, err := open(spoken(one), bytes.NewReader(msg))
	require.ErrorIs(t, err, envelope.ErrNotForYou) // there is no passphrase to be wrong
	var out bytes.Buffer
	r, err := envelope.Rewrap(&out, bytes.NewReader(msg), &envelope.Opener{Identities: alice.identities()}, &withOne)
	require.NoError(t, err)
	require.Equal(t, 1, r.Passphrases)
	require.Len(t, r.Recipients, 2)

	// Sealed anew for another one alone: the format is the message's.
	var anew bytes.Buffer
	r, err = withTwo.Reseal(&anew, bytes.NewReader(out.Bytes()), &envelope.Opener{Identities: alice.identities()})
	require.NoError(t, err)
	require.Equal(t, 1, r.Passphrases)
	got, _, err := open(spoken(two), bytes.NewReader(anew.Bytes()))
	require.NoError(t, err)
	require.Equal(t, "content", string(got))

	// Who knows it adds Bob and another one.
	o := spoken(one)
	msg = bytes.Clone(out.Bytes())
	out.Reset()
	r, err = envelope.Rewrap(&out, bytes.NewReader(msg), &o, &withTwo, bob.verified)
	require.NoError(t, err)
	require.Len(t, r.Recipients, 4)
	require.Equal(t, -1, r.Opened.OpenedBy)
	for _, o := range []envelope.Opener{{Identities: alice.identities()}, {Identities: bob.identities()}, spoken(one), spoken(two)} {
		got, _, err := open(o, bytes.NewReader(out.Bytes()))
		require.NoError(t, err)
		require.Equal(t, "content", string(got))
	}
	o = spoken(envelope.NewPassphrase())
	_, _, err = open(o, bytes.NewReader(out.Bytes()))
	require.Equal(t, envelope.ErrDecrypt, err)
	msg = bytes.Clone(out.Bytes())
	out.Reset()
	_, err = envelope.Rewrap(&out, bytes.NewReader(msg), &o, &modern, alice.verified)
	require.Equal(t, envelope.ErrDecrypt, err)
	require.Zero(t, out.Len())
}
