package keyring_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
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

// twins returns two keys and times of birth at which their fingerprints end in
// the same 32 bits: 2^17 times for one make 2^15 for the other enough.
func twins(t testing.TB) (bob, eve *packet.PrivateKey, bobBorn, eveBorn time.Time) {
	const some = 1 << 17
	start := uint32(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Unix())
	short := func(k []byte, born uint32) uint32 {
		binary.BigEndian.PutUint32(k[4:], born) // after 0x99, a length and the version
		sum := sha1.Sum(k)
		return binary.BigEndian.Uint32(sum[16:])
	}
	f := &forge{TB: t, born: time.Unix(int64(start), 0)}
	one, other := f.signingKey(), f.signingKey()
	a, b := signedKey(t, &one.PublicKey), signedKey(t, &other.PublicKey)
	ids := make(map[uint32]uint32, some)
	for i := range uint32(some) {
		ids[short(a, start+i)] = start + i
	}
	for at := start; ; at++ {
		if born, ok := ids[short(b, at)]; ok {
			bobBorn, eveBorn = time.Unix(int64(born), 0), time.Unix(int64(at), 0)
			break
		}
	}
	again := func(k *packet.PrivateKey, born time.Time) *packet.PrivateKey {
		var b bytes.Buffer
		k.CreationTime = born
		require.NoError(t, k.Serialize(&b))
		p, err := packet.Read(&b)
		require.NoError(t, err)
		return p.(*packet.PrivateKey)
	}
	return again(one, bobBorn), again(other, eveBorn), bobBorn, eveBorn
}

// Key IDs can be made to be anybody's: of 32 bits in a moment, and of 64 by who
// wants to. Nothing is decided by one.
func TestEqualKeyIDs(t *testing.T) {
	withoutSHA1(t)
	bobKey, eveKey, bobBorn, eveBorn := twins(t)
	require.Equal(t, uint32(bobKey.KeyId), uint32(eveKey.KeyId))
	person := func(k *packet.PrivateKey, born time.Time) *keyring.Certificate {
		return newForge(t, born, k).userID(bobsID, forSigning).subkey(forSealing).cert()
	}
	bob, eve := person(bobKey, bobBorn), person(eveKey, eveBorn)
	require.NotEqual(t, bob.Fingerprint(), eve.Fingerprint())

	r := ringAt(t, keyring.Policy{}, nil)
	put(t, r, bob, keyring.Addition{})
	_, err := keyring.Verify(eve, keyring.Expect(bob.Fingerprint()))
	var mismatch *keyring.MismatchError
	require.ErrorAs(t, err, &mismatch)
	_, err = r.Add(expected(t, eve), keyring.Addition{})
	var changed *keyring.ChangedError
	require.ErrorAs(t, err, &changed)
	_, err = r.Update(eve)
	var unknown *keyring.UnknownError
	require.ErrorAs(t, err, &unknown)
	full := bob.Fingerprint().String()
	for _, id := range []string{full[32:], "0x" + full[32:], full[24:], "0x" + full[24:]} {
		_, err := keyring.ParseFingerprint(id)
		require.ErrorContains(t, err, "key ID", id)
	}
	requireTo(t, r, bob)
	put(t, r, eve, keyring.Addition{Beside: true})
	to, err := r.Recipients(bobAt)
	require.NoError(t, err)
	require.Equal(t, bob.Fingerprint(), to[0].Fingerprint(), "with both in it")

	// Eve signs, and her signature names Bob's key by all 64 bits, and by its
	// whole fingerprint.
	content := []byte("text")
	as := *eveKey
	as.KeyId, as.Fingerprint = bobKey.KeyId, bobKey.Fingerprint
	verify := func(by *packet.PrivateKey, at time.Time) error {
		f := &forge{TB: t, born: at}
		f.signature(by, packet.SigTypeBinary, nil, content)
		_, err := (&envelope.Opener{Senders: []*keyring.Verified{expected(t, bob)}}).VerifyDetached(&f.out, bytes.NewReader(content))
		return err
	}
	require.ErrorIs(t, verify(&as, bobBorn), envelope.ErrSignature)
	require.NoError(t, verify(bobKey, bobBorn))
}

// What becomes of Bob's X.509 certificate when it is renewed.
func TestRenewedCertificates(t *testing.T) {
	root := issued(t, authority("Root"), nil, nil, nil)
	ca := issued(t, authority("CA"), root, nil, func(c *x509.Certificate) { c.SubjectKeyId = []byte("ca") })
	impostor := issued(t, authority("CA"), root, nil, func(c *x509.Certificate) { c.SubjectKeyId = []byte("ca") })
	a := &smime.Authorities{Roots: []*keyring.Certificate{root.cert(t)}, Intermediates: []*keyring.Certificate{ca.cert(t), impostor.cert(t)}}
	chain := func(e *entity) *keyring.Verified {
		v, err := keyring.Verify(e.cert(t), smime.ChainTo(bobAt, a))
		require.NoError(t, err)
		return v
	}
	old := issued(t, forMail(), ca, nil, nil)
	renewed := issued(t, forMail(), ca, old.key, func(c *x509.Certificate) { c.SerialNumber = big.NewInt(4) })
	reissued := issued(t, forMail(), ca, nil, func(c *x509.Certificate) { c.SerialNumber = big.NewInt(5) })
	byOther := issued(t, forMail(), impostor, nil, func(c *x509.Certificate) { c.SerialNumber = big.NewInt(6) })
	forEve := issued(t, forMail(), ca, nil, func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "Eve"} })
	accepts := keyring.Policy{AcceptReissued: true}
	succeeds := func(e *entity) *keyring.Verified {
		v, err := keyring.Verify(e.cert(t), smime.Reissued(chain(old), bobAt, a))
		require.NoError(t, err)
		return v
	}
	for _, c := range []struct {
		name   string
		policy keyring.Policy
		first  *keyring.Verified
		then   *keyring.Verified
		event  string // "": a ChangedError
		hint   string
	}{
		{"the same key", keyring.Policy{}, chain(old), chain(renewed), "renewed", ""},
		{"the same key, compared by hand before", keyring.Policy{}, expected(t, old.cert(t)), chain(renewed), "renewed", ""},
		{"another key", keyring.Policy{}, chain(old), chain(reissued), "", "AcceptReissued"},
		{"another key, reissued", keyring.Policy{}, chain(old), succeeds(reissued), "", "AcceptReissued"},
		{"another key, by policy", accepts, chain(old), chain(reissued), "reissued", ""},
		{"another key, reissued, by policy", accepts, expected(t, old.cert(t)), succeeds(reissued), "reissued", ""},
		{"by an authority of the same name", accepts, chain(old), chain(byOther), "", ""},
		{"for another subject", accepts, chain(old), chain(forEve), "", `another person's name, "Eve" and not "Bob"`},
		{"by one that was compared by hand", accepts, expected(t, old.cert(t)), chain(reissued), "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := ringAt(t, c.policy, nil)
			_, err := r.Add(c.first, keyring.Addition{})
			require.NoError(t, err)
			done, err := r.Add(c.then, keyring.Addition{})
			if c.event != "" {
				require.NoError(t, err)
				require.Equal(t, c.event, done.Event)
				require.Equal(t, []keyring.Fingerprint{old.cert(t).Fingerprint()}, done.Replaced)
				requireTo(t, r, c.then.Certificate())
				return
			}
			var changed *keyring.ChangedError
			require.ErrorAs(t, err, &changed)
			require.Contains(t, changed.Hint, c.hint)
			requireTo(t, r, old.cert(t))
		})
	}
	_, err := keyring.Policy{FingerprintOnly: true}.Verify(old.cert(t), smime.ChainTo(bobAt, a))
	var policy *keyring.PolicyError
	require.ErrorAs(t, err, &policy)
}

// A renewal that says nothing of what its owner reads loses nothing, and one
// that says less is refused.
func TestRenewedReads(t *testing.T) {
	cbcAlone, err := asn1.Marshal([]struct{ ID asn1.ObjectIdentifier }{{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}}})
	require.NoError(t, err)
	old := issued(t, forMail(), nil, nil, nil)
	silent := issued(t, forMail(), nil, old.key, func(c *x509.Certificate) { c.ExtraExtensions = nil })
	weaker := issued(t, forMail(), nil, old.key, func(c *x509.Certificate) { c.ExtraExtensions[0].Value = cbcAlone })
	r := ringAt(t, keyring.Policy{}, nil)
	put(t, r, old.cert(t), keyring.Addition{})
	_, err = r.Add(expected(t, weaker.cert(t)), keyring.Addition{})
	var down *keyring.DowngradeError
	require.ErrorAs(t, err, &down)
	require.Equal(t, []string{"authenticated encryption"}, down.Lost)
	requireTo(t, r, old.cert(t))

	done, err := r.Add(expected(t, silent.cert(t)), keyring.Addition{})
	require.NoError(t, err)
	require.Equal(t, "renewed", done.Event)
	requireTo(t, r, silent.cert(t))
	_, err = r.Add(expected(t, weaker.cert(t)), keyring.Addition{Replace: true})
	require.NoError(t, err)
	found, err := r.Lookup(bobAt)
	require.NoError(t, err)
	require.Equal(t, weaker.cert(t).Fingerprint(), found[0].Fingerprint)
}

// What a list of revoked certificates said once is remembered where nobody
// asks the list any more.
func TestRevokedByAuthority(t *testing.T) {
	ca := issued(t, authority("CA"), nil, nil, func(c *x509.Certificate) { c.SubjectKeyId = []byte("ca") })
	bob := issued(t, forMail(), ca, nil, nil)
	list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: bob.x.SerialNumber, RevocationTime: time.Now().Add(-time.Minute), ReasonCode: 1}},
	}, ca.x, ca.key)
	require.NoError(t, err)
	roots := []*keyring.Certificate{ca.cert(t)}
	silent := &smime.Authorities{Roots: roots}
	asking := &smime.Authorities{Roots: roots, Revocation: [][]byte{list}}

	r := ringAt(t, keyring.Policy{}, nil)
	v, err := keyring.Verify(bob.cert(t), smime.ChainTo(bobAt, silent))
	require.NoError(t, err)
	_, err = r.Add(v, keyring.Addition{})
	require.NoError(t, err)
	requireTo(t, r, bob.cert(t))

	_, err = keyring.Verify(bob.cert(t), smime.ChainTo(bobAt, asking))
	var revoked *keyring.RevokedError
	require.ErrorAs(t, err, &revoked)
	require.Equal(t, bob.cert(t).Fingerprint(), revoked.Fingerprint)
	done, err := r.Revoke(revoked.Fingerprint, revoked)
	require.NoError(t, err)
	require.Equal(t, "revoked", done.Event)

	_, err = r.Recipients(bobAt)
	require.ErrorAs(t, err, &revoked)
	require.Equal(t, "key compromise", revoked.Reason)
	again, err := keyring.Verify(bob.cert(t), smime.ChainTo(bobAt, silent))
	require.NoError(t, err, "the authority is not asked")
	for _, a := range []keyring.Addition{{}, {Replace: true}, {Beside: true}} {
		_, err = r.Add(again, a)
		require.ErrorAs(t, err, &revoked)
	}
	renewed := issued(t, forMail(), ca, bob.key, func(c *x509.Certificate) { c.SerialNumber = big.NewInt(9) })
	next, err := keyring.Verify(renewed.cert(t), smime.ChainTo(bobAt, silent))
	require.NoError(t, err)
	_, err = r.Add(next, keyring.Addition{})
	var changed *keyring.ChangedError
	require.ErrorAs(t, err, &changed, "a key that fell into wrong hands is not renewed")
	require.Contains(t, changed.Hint, "revoked")
	require.NoError(t, r.Remove(bobAt, keyring.Fingerprint{}))
	_, err = r.Add(again, keyring.Addition{})
	require.ErrorAs(t, err, &revoked, "nor forgotten with its address")
}

// An address that its owner took back is no longer sealed to, and comes back
// with a newer signature alone.
func TestAddressLeft(t *testing.T) {
	withoutSHA1(t)
	born := time.Now().AddDate(0, -1, 0)
	const second = "Bob <robert@example.org>"
	key := newForge(t, born, nil).primary
	copyOf := func(more func(*forge)) *keyring.Certificate {
		f := newForge(t, born, key).userID(second, forSigning).userID(bobsID, forSigning)
		if more != nil {
			more(f)
		}
		return f.subkey(forSealing).cert()
	}
	later := madeAt(born.AddDate(0, 0, 7))
	gone := copyOf(func(f *forge) { f.takenBack(bobsID, both(later, because(packet.UserIDNotValid))) })
	back := copyOf(func(f *forge) {
		f.signature(key, packet.SigTypePositiveCert, both(forSigning, madeAt(born.AddDate(0, 0, 14))), signedKey(t, &key.PublicKey), signedID(bobsID))
	})
	r := ringAt(t, keyring.Policy{}, nil)
	put(t, r, copyOf(nil), keyring.Addition{})
	_, err := r.Recipients(bobAt, "robert@example.org")
	require.NoError(t, err)
	done, err := r.Update(gone)
	require.NoError(t, err)
	require.Equal(t, "updated", done.Event)
	require.NotEmpty(t, done.Findings)
	_, err = r.Recipients(bobAt)
	var notBound *keyring.NotBoundError
	require.ErrorAs(t, err, &notBound)
	require.Equal(t, []string{"robert@example.org"}, notBound.Has)
	_, err = r.Recipients("robert@example.org")
	require.NoError(t, err, "the other address stays")
	_, err = r.Add(expected(t, copyOf(nil)), keyring.Addition{Addresses: []string{bobAt}})
	require.ErrorAs(t, err, &notBound, "a copy from before takes nothing back")
	_, err = r.Update(back)
	require.NoError(t, err)
	_, err = r.Recipients(bobAt)
	require.NoError(t, err)
}

// One's own key is told apart from the recipient's, whoever gave it.
func TestOwnKey(t *testing.T) {
	own := bobX509(t, func(c *x509.Certificate) { c.EmailAddresses = []string{"alice@example.org", bobAt} })
	p := keyring.Policy{Own: []keyring.Fingerprint{own.Fingerprint()}}
	r := ringAt(t, p, nil)
	for _, a := range []keyring.Addition{{}, {Addresses: []string{bobAt}}, {Addresses: []string{bobAt}, Alias: true}, {Addresses: []string{bobAt}, Replace: true}} {
		_, err := r.Add(expected(t, own), a)
		var unusable *keyring.UnusableError
		require.ErrorAs(t, err, &unusable)
		require.Contains(t, unusable.Reason, "is your own key")
	}
	_, err := r.Add(expected(t, own), keyring.Addition{Addresses: []string{"alice@example.org"}, Own: true})
	require.NoError(t, err)
	_, err = r.Recipients("alice@example.org")
	require.NoError(t, err, "a copy to oneself")
	_, err = r.Add(expected(t, own), keyring.Addition{Addresses: []string{bobAt}})
	require.ErrorContains(t, err, bobAt)

	// It was taken for Bob's before it was known to be one's own.
	store := newMem()
	before, err := keyring.Policy{}.NewRing(store, parsers()...)
	require.NoError(t, err)
	put(t, before, own, keyring.Addition{Addresses: []string{bobAt}})
	_, err = before.Recipients(bobAt)
	require.NoError(t, err)
	after, err := p.NewRing(store, parsers()...)
	require.NoError(t, err)
	_, err = after.Recipients(bobAt)
	require.ErrorContains(t, err, "is your own key")
	require.ErrorContains(t, err, bobAt)
}

// A key that only signs goes in as what it is, and is never sealed to.
func TestSignOnlyKeys(t *testing.T) {
	assistant := bobX509(t, func(c *x509.Certificate) {
		c.KeyUsage, c.EmailAddresses = x509.KeyUsageDigitalSignature, []string{"assistant@example.org"}
	})
	r := ringAt(t, keyring.Policy{}, nil)
	for _, a := range []keyring.Addition{{}, {Addresses: []string{bobAt}, Alias: true}, {Addresses: []string{bobAt}, Alias: true, Beside: true}} {
		_, err := r.Add(expected(t, assistant), a)
		var unusable *keyring.UnusableError
		require.ErrorAs(t, err, &unusable)
		require.Contains(t, unusable.Reason, "for signatures only")
	}
	bob := bobX509(t, nil)
	put(t, r, assistant, keyring.Addition{Addresses: []string{bobAt}, Signer: true})
	_, err := r.Recipients(bobAt)
	var unknown *keyring.UnknownError
	require.ErrorAs(t, err, &unknown)
	put(t, r, bob, keyring.Addition{})
	requireTo(t, r, bob)
	senders, err := r.Senders(bobAt)
	require.NoError(t, err)
	require.Len(t, senders, 2)
	opens := bobX509(t, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement })
	_, err = r.Add(expected(t, opens), keyring.Addition{Addresses: []string{"claims@example.org"}, Signer: true})
	require.ErrorContains(t, err, "cannot sign")
}

// A successor takes the place of the one that named it, and of nobody else; a
// key that was revoked names nobody.
func TestSuccessors(t *testing.T) {
	withoutSHA1(t)
	key := func(address string) *pgp.Key {
		k, err := pgp.GenerateKey(pgp.KeyOptions{Address: address, Name: "Bob"})
		require.NoError(t, err)
		return k
	}
	old, colleague, next := key(bobAt), key(bobAt), key(bobAt)
	message, err := old.Transition(next.Certificate())
	require.NoError(t, err)
	v, err := keyring.Verify(next.Certificate(), pgp.SucceededIn(expected(t, old.Certificate()), message))
	require.NoError(t, err)

	r := ringAt(t, keyring.Policy{}, nil)
	put(t, r, old.Certificate(), keyring.Addition{})
	put(t, r, colleague.Certificate(), keyring.Addition{Beside: true})
	done, err := r.Add(v, keyring.Addition{})
	require.NoError(t, err)
	require.Equal(t, "succeeded", done.Event)
	require.Equal(t, []keyring.Fingerprint{old.Certificate().Fingerprint()}, done.Replaced)
	found, err := r.Lookup(bobAt)
	require.NoError(t, err)
	require.Len(t, found, 2)
	events, err := r.Events()
	require.NoError(t, err)
	require.Equal(t, "succeeded", events[len(events)-1].Event)

	var changed *keyring.ChangedError
	for name, add := range map[string]func(*keyring.Ring){
		"the place of another": func(r *keyring.Ring) { put(t, r, colleague.Certificate(), keyring.Addition{}) },
		"revoked": func(r *keyring.Ring) {
			put(t, r, old.Certificate(), keyring.Addition{})
			_, err := r.Revoke(old.Certificate().Fingerprint(), &keyring.RevokedError{Reason: "stolen"})
			require.NoError(t, err)
		},
	} {
		r := ringAt(t, keyring.Policy{}, nil)
		add(r)
		_, err := r.Add(v, keyring.Addition{})
		require.ErrorAs(t, err, &changed, name)
	}
	only := ringAt(t, keyring.Policy{FingerprintOnly: true}, nil)
	put(t, only, old.Certificate(), keyring.Addition{})
	_, err = only.Add(v, keyring.Addition{})
	var policy *keyring.PolicyError
	require.ErrorAs(t, err, &policy)
	require.Equal(t, "FingerprintOnly", policy.Field)
}
