package smime_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// TestWrittenCiphers: ChaCha20-Poly1305, and a derived key, are written only
// where every reader lists them and the profile leaves the choice.
func TestWrittenCiphers(t *testing.T) {
	t.Parallel()
	allowed(t, "other ciphers than AES-CBC")
	key := smime.FixedRSA("rsa2048")
	lists := func(name string, oids ...[]byte) *person {
		var all []byte
		for _, o := range oids {
			all = append(all, tlv(0x30, o)...)
		}
		return newPerson(name, key, tlv(0x30, all)...)
	}
	chacha, hkdf := lists("chacha", chachaOID), lists("hkdf", hkdfOID)
	both, gcm := lists("both", chachaOID, hkdfOID), lists("gcm", gcm256)
	gcmHKDF, every := lists("gcm and hkdf", gcm256, hkdfOID), lists("every", gcm256, chachaOID, hkdfOID)
	none := newPerson("none", key)
	signer := fresh["P-256"]()
	password := envelope.NewPassphrase()
	auto := envelope.Sealer{Signers: signer.signers()}
	entity := envelope.Sealer{Signers: signer.signers(), Entity: true}
	for name, c := range map[string]struct {
		s    envelope.Sealer
		to   []*person
		want string
	}{
		"ChaCha20":                  {auto, []*person{chacha}, "ChaCha20-Poly1305"},
		"ChaCha20, not signed":      {envelope.Sealer{}, []*person{chacha}, "ChaCha20-Poly1305"},
		"ChaCha20, entity":          {entity, []*person{chacha}, "ChaCha20-Poly1305"},
		"ChaCha20 and somebody":     {auto, []*person{chacha, none}, "AES-256-CBC"},
		"ChaCha20 and GCM":          {auto, []*person{chacha, gcm}, "AES-256-CBC"},
		"ChaCha20, Compatible":      {envelope.Sealer{Profile: envelope.Compatible, Signers: signer.signers()}, []*person{chacha}, "AES-256-CBC"},
		"ChaCha20, Modern":          {envelope.Sealer{Profile: envelope.Modern}, []*person{chacha}, "AES-256-GCM"},
		"ChaCha20 and a passphrase": {envelope.Sealer{Signers: signer.signers(), Passphrases: []*envelope.Passphrase{password}}, []*person{chacha}, "AES-256-CBC"},
		"GCM before ChaCha20":       {auto, []*person{every, gcm}, "AES-256-GCM"},
		"derived":                   {auto, []*person{hkdf}, "AES-256-CBC with CEK-HKDF-SHA256"},
		"derived ChaCha20":          {auto, []*person{both, both}, "ChaCha20-Poly1305 with CEK-HKDF-SHA256"},
		"derived GCM":               {entity, []*person{gcmHKDF, every}, "AES-256-GCM with CEK-HKDF-SHA256"},
		"derived, but not for all":  {auto, []*person{gcmHKDF, gcm}, "AES-256-GCM"},
		"derived, Modern":           {envelope.Sealer{Profile: envelope.Modern}, []*person{every}, "AES-256-GCM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{0, 1, 5000, 300_000} {
				text := bytes.Repeat([]byte{'x'}, size)
				var to []*keyring.Verified
				for _, p := range c.to {
					to = append(to, p.verified)
				}
				var out bytes.Buffer
				w, err := c.s.Seal(&out, to...)
				require.NoError(t, err)
				_, err = w.Write(text)
				require.NoError(t, err)
				require.NoError(t, w.Close(), "the receipt, which finds what was planned")
				require.Equal(t, c.want, w.Receipt().Content)
				lowered := c.s.Profile == envelope.Auto && strings.HasPrefix(c.want, "AES-256-CBC")
				require.Equal(t, lowered, len(w.Receipt().LoweredBy) > 0)
				for _, p := range c.to {
					got, r, err := open(envelope.Opener{Identities: p.identities()}, bytes.NewReader(out.Bytes()))
					require.NoError(t, err)
					require.True(t, bytes.Equal(text, got))
					require.Equal(t, c.want, r.Content)
					require.Len(t, r.Signatures, len(c.s.Signers))
				}
			}
		})
	}
}

// TestOfOpenPGPOnly: what S/MIME has no word for is refused before a byte, not
// left out.
func TestOfOpenPGPOnly(t *testing.T) {
	t.Parallel()
	who := fresh["P-256"]()
	for name, c := range map[string]struct {
		s    envelope.Sealer
		want string
	}{
		"neither": {envelope.Sealer{Signers: who.signers()}, ""},
		"Hidden":  {envelope.Sealer{Signers: who.signers(), Hidden: true}, "hidden recipients are OpenPGP's"},
		"Text":    {envelope.Sealer{Signers: who.signers(), Text: true}, "signatures over text are OpenPGP's"},
	} {
		var out bytes.Buffer
		_, err := c.s.Seal(&out, who.verified)
		_, signErr := c.s.SignDetached(&out)
		if c.want == "" {
			require.NoError(t, err, name)
			require.NoError(t, signErr, name)
			continue
		}
		require.ErrorContains(t, err, c.want, name)
		require.ErrorContains(t, signErr, c.want, name)
		require.Zero(t, out.Len(), name)
	}
}

// TestOtherPermission: what allows OpenPGP's packet 9 allows nothing of S/MIME.
func TestOtherPermission(t *testing.T) {
	t.Parallel()
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	who := newPerson("somebody", smime.FixedRSA("rsa2048"))
	msg := sealed(t, envelope.Sealer{Profile: envelope.Compatible, Legacy: envelope.Legacy{UnauthenticatedCBC: true}}, []byte("text"), who.verified)
	for _, c := range []struct {
		legacy envelope.Legacy
		opens  bool
	}{
		{envelope.Legacy{NoMDC: true}, false},
		{envelope.Legacy{UnauthenticatedCBC: true}, true},
	} {
		o := &envelope.Opener{Identities: []envelope.Identity{who.key.Identity()}, Legacy: c.legacy}
		m, err := o.Open(bytes.NewReader(msg))
		if !c.opens {
			require.True(t, err == envelope.ErrDecrypt)
			continue
		}
		require.NoError(t, err)
		require.True(t, m.Report().Unauthenticated)
		require.NoError(t, m.Close())
	}
}
