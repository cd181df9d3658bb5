package smime_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// signedBy returns the one signature of a message that by signed, as somebody
// sees it who knows senders.
func signedBy(t testing.TB, by *person, at time.Time, senders ...*keyring.Verified) envelope.Signature {
	t.Helper()
	msg := signedMessage(t, envelope.Sealer{Signers: by.signers(), Time: func() time.Time { return at }}, []byte("hello"), true)
	r, _ := (&envelope.Opener{Senders: senders}).VerifyDetached(bytes.NewReader(msg), bytes.NewReader([]byte("hello")))
	require.Len(t, r.Signatures, 1)
	return r.Signatures[0]
}

// chosen is what Auto makes of recipients, signed or not.
func chosen(t testing.TB, signers []envelope.Signer, to ...*keyring.Verified) (*envelope.Receipt, error) {
	t.Helper()
	var out bytes.Buffer
	w, err := (&envelope.Sealer{Signers: signers}).Seal(&out, to...)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	require.NoError(t, w.Close())
	return w.Receipt(), nil
}

func with(t testing.TB, v *keyring.Verified, c *smime.Capabilities) *keyring.Verified {
	t.Helper()
	got, err := v.With(c.Note())
	require.NoError(t, err)
	require.Equal(t, v.Fingerprint(), got.Fingerprint())
	require.Equal(t, v.Evidence(), got.Evidence())
	require.Equal(t, v.Certificate().Marshal(), got.Certificate().Marshal())
	return got
}

// TestCapabilitiesOfSignedMail learns from a mail what its sender reads.
func TestCapabilitiesOfSignedMail(t *testing.T) {
	allowed(t, "AES-GCM")
	bob, alice := fresh["P-256"](), fresh["P-384"]()
	_, err := chosen(t, nil, bob.verified)
	var unknown *envelope.UnknownReaderError
	require.ErrorAs(t, err, &unknown)

	now := time.Now()
	c, err := smime.CapabilitiesOf(signedBy(t, bob, now, bob.verified), now)
	require.NoError(t, err)
	require.Contains(t, c.Algorithms(), "AES-256-GCM")
	require.WithinDuration(t, now, c.Time(), 2*time.Second)
	told := with(t, bob.verified, c)
	r, err := chosen(t, nil, told)
	require.NoError(t, err)
	require.Equal(t, "AES-256-GCM with CEK-HKDF-SHA256", r.Content)
	require.Equal(t, "AES-256-GCM with CEK-HKDF-SHA256: every recipient lists it (signed mail of "+now.UTC().Format(time.DateOnly)+")", r.Reason)
	require.Empty(t, r.LoweredBy)

	// It is no knowledge of others, and none of what was there before.
	_, err = chosen(t, nil, told, alice.verified)
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, []keyring.Fingerprint{alice.verified.Fingerprint()}, unknown.Recipients)
	_, err = chosen(t, nil, bob.verified)
	require.Error(t, err)
	r, err = chosen(t, alice.signers(), told, alice.verified)
	require.NoError(t, err)
	require.Equal(t, "AES-256-CBC: 1 of 2 recipients not known to read AES-256-GCM", r.Reason)
	require.Len(t, r.LoweredBy, 1)
}

// TestCapabilitiesRefused: one good case, and each other is one step away.
func TestCapabilitiesRefused(t *testing.T) {
	bob, eve := fresh["P-256"](), fresh["P-384"]()
	now := time.Now()
	good := signedBy(t, bob, now, bob.verified)
	bad := func() envelope.Signature {
		msg := signedMessage(t, envelope.Sealer{Signers: bob.signers()}, []byte("hello"), true)
		r, err := (&envelope.Opener{Senders: bob.senders()}).VerifyDetached(bytes.NewReader(msg), bytes.NewReader([]byte("hellO")))
		require.ErrorIs(t, err, envelope.ErrSignature)
		return r.Signatures[0]
	}()
	undated := good
	undated.Time = time.Time{}
	for name, c := range map[string]struct {
		s   envelope.Signature
		now time.Time
		has string // "": taken
	}{
		"good":                 {good, now, ""},
		"by nobody known":      {signedBy(t, bob, now, eve.verified), now, "not by a known sender"},
		"other content":        {bad, now, "is not valid"},
		"zero":                 {envelope.Signature{}, now, "is not valid"},
		"zero with a sender":   {envelope.Signature{Sender: bob.verified}, now, "is not valid"},
		"no time":              {undated, now, "has no time"},
		"a day ahead":          {good, good.Time.Add(-24 * time.Hour), ""},
		"more than that":       {good, good.Time.Add(-24*time.Hour - time.Second), "is to come"},
		"when it had long run": {good, now.Add(1000 * time.Hour), ""},
	} {
		got, err := smime.CapabilitiesOf(c.s, c.now)
		if c.has == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.has, name)
		require.Nil(t, got, name)
	}
	require.NotNil(t, good.Capabilities())
	require.Nil(t, bad.Capabilities())
}

// TestNewestCapabilities: in whatever order they come, the newest counts.
func TestNewestCapabilities(t *testing.T) {
	allowed(t, "AES-GCM")
	alice := fresh["P-384"]()
	plain := fresh["P-256"]()
	listing := newPerson("listing", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), gcmCapability...) // valid since an hour ago
	now := time.Now()
	at := func(d time.Duration, names ...string) *smime.Capabilities {
		return must(smime.Reads(now.Add(d), names...))
	}
	const hour = time.Hour
	for name, c := range map[string]struct {
		who  *person
		say  []*smime.Capabilities
		want string
	}{
		"nothing known":                {plain, nil, "AES-256-CBC"},
		"the certificate says it":      {listing, nil, "AES-256-GCM"},
		"stated":                       {plain, []*smime.Capabilities{at(0, "AES-256-GCM")}, "AES-256-GCM"},
		"stated in small letters":      {plain, []*smime.Capabilities{at(0, "aes-256-cbc", "aes-256-gcm")}, "AES-256-GCM"},
		"newer last":                   {plain, []*smime.Capabilities{at(-2*hour, "AES-256-GCM"), at(-hour, "AES-256-CBC")}, "AES-256-CBC"},
		"newer first":                  {plain, []*smime.Capabilities{at(-hour, "AES-256-GCM"), at(-2*hour, "AES-256-CBC")}, "AES-256-GCM"},
		"of one time the first":        {plain, []*smime.Capabilities{at(-hour, "AES-256-GCM"), at(-hour, "AES-256-CBC")}, "AES-256-GCM"},
		"older than the certificate":   {listing, []*smime.Capabilities{at(-2*hour, "AES-256-CBC")}, "AES-256-GCM"},
		"newer than the certificate":   {listing, []*smime.Capabilities{at(0, "AES-256-CBC")}, "AES-256-CBC"},
		"nothing is known any more":    {listing, []*smime.Capabilities{at(0)}, "AES-256-CBC"},
		"the smaller key is another":   {plain, []*smime.Capabilities{at(0, "AES-128-GCM")}, "AES-256-CBC"},
		"only 3DES is no weaker":       {plain, []*smime.Capabilities{at(0, "3DES-CBC")}, "AES-256-CBC"},
		"AES of 128 bits is no weaker": {plain, []*smime.Capabilities{at(0, "AES-128-CBC")}, "AES-256-CBC"},
	} {
		v := c.who.verified
		for _, s := range c.say {
			v = with(t, v, s)
		}
		r, err := chosen(t, alice.signers(), v)
		require.NoError(t, err, name)
		require.Equal(t, c.want, r.Content, name)
		require.NotEmpty(t, r.Reason, name)
	}
}

// TestCapabilitiesAreOfOnePerson: a note is not about others, nor about
// anything but what is read.
func TestCapabilitiesAreOfOnePerson(t *testing.T) {
	key := func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }
	signing, encrypting, eve := newPerson("bob", key()), newPerson("bob", key()), newPerson("eve", key())
	now := time.Now()
	c, err := smime.CapabilitiesOf(signedBy(t, signing, now, signing.verified), now)
	require.NoError(t, err)
	with(t, signing.verified, c)
	with(t, encrypting.verified, c) // another certificate of the same address
	_, err = eve.verified.With(c.Note())
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, "no address in common")
	stated := must(smime.Reads(now, "AES-256-GCM"))
	with(t, eve.verified, stated)

	_, err = new(keyring.Verified).With(stated.Note())
	require.ErrorIs(t, err, keyring.ErrRefused)
	_, err = (*keyring.Verified)(nil).With(stated.Note())
	require.ErrorIs(t, err, keyring.ErrRefused)
	_, err = eve.verified.With(keyring.Note{})
	require.ErrorIs(t, err, keyring.ErrRefused)
	_, err = smime.Reads(time.Time{}, "AES-256-GCM")
	require.ErrorContains(t, err, "Give the time")
	_, err = smime.Reads(now, "AES-256-GCM", "ROT13\n")
	require.ErrorContains(t, err, `"ROT13\n" is not known: give one of AES-256-GCM`)
}

// TestCapabilitiesOfSMIME: they say nothing of an OpenPGP key.
func TestCapabilitiesOfSMIME(t *testing.T) {
	allowed(t, "OpenPGP")
	k, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	require.NoError(t, err)
	v, err := keyring.Verify(k.Certificate(), keyring.Expect(k.Certificate().Fingerprint()))
	require.NoError(t, err)
	_, err = v.With(must(smime.Reads(time.Now(), "AES-256-GCM")).Note())
	require.ErrorIs(t, err, keyring.ErrRefused)
}

// TestCapabilitiesChooseSignatures: PSS only where every recipient lists it.
func TestCapabilitiesChooseSignatures(t *testing.T) {
	rsa, bob := fresh["RSA-3072"](), fresh["P-256"]()
	knows := with(t, bob.verified, must(smime.Reads(time.Now(), "RSA-PSS")))
	for name, c := range map[string]struct {
		to   []*keyring.Verified
		want string
	}{
		"all":     {[]*keyring.Verified{knows}, "PSS"},
		"not all": {[]*keyring.Verified{knows, fresh["P-384"]().verified}, "PKCS#1 v1.5"},
		"none":    {[]*keyring.Verified{bob.verified}, "PKCS#1 v1.5"},
	} {
		msg := sealed(t, envelope.Sealer{Signers: rsa.signers()}, []byte("x"), c.to...)
		_, r, err := open(envelope.Opener{Identities: bob.identities()}, bytes.NewReader(msg))
		require.NoError(t, err, name)
		require.Contains(t, r.Signatures[0].Algorithm, c.want, name)
	}
}
