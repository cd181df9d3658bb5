package pgp_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// TestHidden: the message names nobody, each of its readers opens it, and its
// signature names them all.
func TestHidden(t *testing.T) {
	for _, kinds := range [][]string{{"curve25519", "other", "p256"}, {"v6", "other6"}} {
		var to []*keyring.Verified
		for _, kind := range kinds {
			to = append(to, verified(t, key(t, kind)))
		}
		s := &envelope.Sealer{Hidden: true, Signers: []envelope.Signer{key(t, kinds[0]).Signer()}}
		msg, receipt := seal(t, s, []byte("text"), to...)
		require.Len(t, receipt.Recipients, len(to))
		for _, r := range receipt.Recipients {
			require.True(t, r.Hidden)
			require.Empty(t, r.ID)
			require.NotEmpty(t, r.Algorithm)
		}
		require.Empty(t, receipt.Findings)
		for i, kind := range kinds {
			pub := subkey(t, key(t, kind))
			for what, id := range map[string][]byte{
				"key ID": be64(pub.KeyId), "fingerprint": pub.Fingerprint[:8], "primary": entity(t, key(t, kind)).PrimaryKey.Fingerprint[:8],
			} {
				require.False(t, bytes.Contains(msg, id), what)
			}
			o := opener(key(t, kind))
			o.Senders, o.RequireSignature = to[:1], true
			got, report, err := open(o, bytes.NewReader(msg))
			require.NoError(t, err, kind)
			require.Equal(t, "text", string(got))
			require.Equal(t, receipt.Recipients, report.Recipients)
			require.True(t, report.Signatures[0].Valid(), i)
			require.Empty(t, report.Findings)
		}
		_, _, err := open(opener(key(t, "third")), bytes.NewReader(msg))
		if kinds[0] == "v6" {
			require.True(t, err == envelope.ErrNotForYou, err) // a key of another algorithm
		} else {
			require.True(t, err == envelope.ErrDecrypt, err) // it could have been the one
		}

		// The added reader is hidden only if asked.
		last := verified(t, key(t, kinds[0]))
		for _, hidden := range []bool{false, true} {
			out, r, err := rewrap(t, key(t, kinds[1]), msg, &envelope.Sealer{Hidden: hidden}, last)
			require.NoError(t, err)
			require.Len(t, r.Recipients, len(to)+1)
			require.Equal(t, hidden, r.Recipients[0].Hidden)
			_, _, err = open(opener(key(t, kinds[0])), bytes.NewReader(out))
			require.NoError(t, err)
		}
	}
}

func be64(v uint64) []byte { return append(be32(int(v>>32)), be32(int(v&0xFFFFFFFF))...) }

// TestHiddenMany: more than readers try is said, and Limits open it all the same.
func TestHiddenMany(t *testing.T) {
	k, other := verified(t, key(t, "curve25519")), verified(t, key(t, "other"))
	to := make([]*keyring.Verified, 33)
	for i := range to {
		to[i] = other
	}
	to[32] = k
	s := &envelope.Sealer{Hidden: true}
	_, receipt := seal(t, s, nil, to[1:]...)
	require.Empty(t, receipt.Findings)
	msg, receipt := seal(t, s, nil, to...)
	require.Len(t, receipt.Findings, 1)
	o := opener(key(t, "curve25519"))
	require.Equal(t, "private-key operations", limited(t, o, msg))
	o.Limits.PrivateKeys = 33
	require.Empty(t, limited(t, o, msg))

	// Those that a message has already count, where readers are added to it.
	for n, findings := range map[int]int{31: 0, 32: 1} {
		msg, _ = seal(t, s, nil, to[33-n:]...)
		_, receipt, err := rewrap(t, key(t, "curve25519"), msg, s, other)
		require.NoError(t, err)
		require.Len(t, receipt.Recipients, n+1)
		require.Len(t, receipt.Findings, findings, n)
	}
}

// TestHiddenAndPassphrase: where nobody is named, keys come first, and
// passphrases after them.
func TestHiddenAndPassphrase(t *testing.T) {
	p := envelope.NewPassphrase()
	k, other := key(t, "curve25519"), key(t, "other")
	msg, _ := seal(t, &envelope.Sealer{Hidden: true, Passphrases: []*envelope.Passphrase{p}}, []byte("text"), verified(t, k))
	for name, c := range map[string]struct {
		key  *pgp.Key
		text string
		by   int
		err  error
	}{
		"both": {k, p.Reveal(), 0, nil}, "key": {k, "wrong", 0, nil}, "passphrase": {other, p.Reveal(), -1, nil}, "neither": {other, "wrong", 0, envelope.ErrDecrypt},
	} {
		o := spoken(t, c.text)
		o.Identities = opener(c.key).Identities
		got, report, err := open(o, bytes.NewReader(msg))
		require.True(t, err == c.err, "%s: %v", name, err)
		if err == nil {
			require.Equal(t, "text", string(got))
			require.Equal(t, c.by, report.OpenedBy, name)
		}
	}
}
