package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/unverified"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// sealTold seals to a fresh key and returns the session key too.
func sealTold(t *testing.T, p envelope.Profile) (message []byte, k unverified.SessionKey, owner *pgp.Key) {
	t.Helper()
	owner, err := pgp.GenerateKey(pgp.KeyOptions{Address: "a@example.org", Profile: p})
	require.NoError(t, err)
	to, err := believe(owner.Certificate())
	require.NoError(t, err)
	s := &envelope.Sealer{Profile: p, Signers: []envelope.Signer{owner.Signer()}}
	s.Format = envelope.Format(unverified.Telling(unverified.Format(pgp.Format()), &k))
	var b bytes.Buffer
	w, err := s.Seal(&b, to)
	require.NoError(t, err)
	_, err = io.WriteString(w, "content")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes(), k, owner
}

func openHolding(message []byte, ks ...unverified.SessionKey) (string, unverified.SessionKey, *envelope.Report, error) {
	f := unverified.Format(pgp.Format())
	var seen unverified.SessionKey
	o := &envelope.Opener{Identities: []envelope.Identity{envelope.Identity(unverified.Watch(f, &seen))}}
	for _, k := range ks {
		o.Identities = append(o.Identities, envelope.Identity(unverified.Holding(f, k)))
	}
	m, err := o.Open(bytes.NewReader(message))
	if err != nil {
		return "", seen, nil, err
	}
	defer m.Close()
	b, err := io.ReadAll(m)
	return string(b), seen, m.Report(), err
}

// What a message was sealed with opens it, in both containers, and is what a
// watcher sees; a key that does not fit opens nothing.
func TestSessionKeys(t *testing.T) {
	allowed(t)
	for name, p := range map[string]envelope.Profile{"SEIPDv1": envelope.Compatible, "SEIPDv2": envelope.Modern} {
		t.Run(name, func(t *testing.T) {
			message, k, owner := sealTold(t, p)
			require.Equal(t, byte(9), k.Cipher) // AES-256, RFC 9580, Section 9.3
			require.Len(t, k.Key, 32)
			text, seen, r, err := openHolding(message, k)
			require.NoError(t, err)
			require.Equal(t, "content", text)
			require.Equal(t, k, seen)
			require.Equal(t, name, r.Container)
			require.Equal(t, 1, r.OpenedBy)

			// The same key is seen where the owner opens.
			var own unverified.SessionKey
			o := &envelope.Opener{Identities: []envelope.Identity{
				owner.Identity(), envelope.Identity(unverified.Watch(unverified.Format(pgp.Format()), &own)),
			}}
			m, err := o.Open(bytes.NewReader(message))
			require.NoError(t, err)
			require.NoError(t, m.Close())
			require.Equal(t, k, own)

			// One that cannot be for this message is passed over.
			short := unverified.SessionKey{Cipher: 9, Key: k.Key[:16]}
			text, _, r, err = openHolding(message, short, k)
			require.NoError(t, err)
			require.Equal(t, "content", text)
			require.Equal(t, 2, r.OpenedBy)

			wrong := unverified.SessionKey{Cipher: 9, Key: bytes.Clone(k.Key)}
			wrong.Key[31] ^= 1
			for _, c := range []struct {
				why  string
				key  unverified.SessionKey
				want error
			}{
				{"one bit", wrong, envelope.ErrDecrypt},
				{"too short for its cipher", short, envelope.ErrNotForYou},
				{"a cipher that is not read", unverified.SessionKey{Cipher: 10, Key: k.Key}, envelope.ErrNotForYou},
				{"no key", unverified.SessionKey{}, envelope.ErrNotForYou},
			} {
				_, _, _, err := openHolding(message, c.key)
				require.ErrorIs(t, err, c.want, c.why)
			}
			// AES-128 in the place of AES-256: SEIPDv2 says which it is.
			_, _, _, err = openHolding(message, unverified.SessionKey{Cipher: 7, Key: k.Key[:16]})
			if name == "SEIPDv2" {
				require.ErrorIs(t, err, envelope.ErrNotForYou)
			} else {
				require.ErrorIs(t, err, envelope.ErrDecrypt)
			}
		})
	}
}

// The evidence holds for everything but what nobody may believe, and says what
// it is worth.
func TestHandedOver(t *testing.T) {
	allowed(t)
	k, err := pgp.GenerateKey(pgp.KeyOptions{Address: "a@example.org"})
	require.NoError(t, err)
	v, err := believe(k.Certificate())
	require.NoError(t, err)
	require.Contains(t, v.Evidence(), "not verified")
	k, err = k.Revoke(pgp.Compromised, "")
	require.NoError(t, err)
	_, err = believe(k.Certificate())
	require.ErrorIs(t, err, keyring.ErrRefused)
}

// A format over another one takes the keys of that one, and of no other.
func TestTellingIsOfOneFormat(t *testing.T) {
	allowed(t)
	_, _, owner := sealTold(t, envelope.Compatible)
	var k unverified.SessionKey
	s := &envelope.Sealer{Signers: []envelope.Signer{owner.Signer()}}
	s.Format = envelope.Format(unverified.Telling(unverified.Format(smime.Format()), &k))
	_, err := s.Sign(io.Discard)
	require.ErrorIs(t, err, envelope.ErrMixed)
}
