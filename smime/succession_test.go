package smime_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// Bob has a new certificate, and says so with the key of the old one.
func ExampleSucceededIn() {
	make := func() *smime.Key {
		key, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
		if err != nil {
			log.Fatal(err)
		}
		return key
	}
	before, after := make(), make()
	message, err := before.Transition(after.Certificate())
	if err != nil {
		log.Fatal(err)
	}

	// Who verified the old certificate before believes the new one.
	old, err := keyring.Verify(before.Certificate(), keyring.Expect(before.Certificate().Fingerprint()))
	if err != nil {
		log.Fatal(err)
	}
	bob, err := keyring.Verify(after.Certificate(), smime.SucceededIn(old, message))
	fmt.Println(err == nil && bob.Fingerprint() == after.Certificate().Fingerprint())
	_, err = keyring.Verify(make().Certificate(), smime.SucceededIn(old, message))
	fmt.Println(err == nil)
	// Output:
	// true
	// false
}

func bobsKey(t testing.TB) *smime.Key {
	t.Helper()
	k, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	require.NoError(t, err)
	return k
}

func known(t testing.TB, c *keyring.Certificate) *keyring.Verified {
	t.Helper()
	v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
	require.NoError(t, err)
	return v
}

// withCertificate returns content in a message signed by k, sealed to others where
// there are any.
func withCertificate(t testing.TB, k *smime.Key, content []byte, to ...*keyring.Verified) []byte {
	t.Helper()
	var out bytes.Buffer
	s := &envelope.Sealer{Signers: []envelope.Signer{k.Signer()}}
	var w *envelope.Writer
	var err error
	if len(to) > 0 {
		w, err = s.Seal(&out, to...)
	} else {
		w, err = s.Sign(&out)
	}
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// Each refusal differs in one thing from what is believed in the first lines.
func TestSucceededIn(t *testing.T) {
	before, after, other, alice := bobsKey(t), bobsKey(t), bobsKey(t), bobsKey(t)
	old, cert := known(t, before.Certificate()), after.Certificate()
	good := withCertificate(t, before, cert.Marshal())
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Marshal()})
	sealed := withCertificate(t, before, cert.Marshal(), known(t, alice.Certificate()))

	for name, ev := range map[string]keyring.Evidence{
		"DER":    smime.SucceededIn(old, good),
		"PEM":    smime.SucceededIn(old, withCertificate(t, before, block)),
		"sealed": smime.SucceededIn(old, sealed, alice.Identity()),
	} {
		v, err := keyring.Verify(cert, ev)
		require.NoError(t, err, name)
		require.Equal(t, "succeeds "+old.Fingerprint().String()+": named in a message that it signed", v.Evidence())
	}

	flip := bytes.Clone(good)
	flip[bytes.Index(good, cert.Marshal())+100] ^= 1
	refused := map[string]struct {
		cert *keyring.Certificate
		ev   keyring.Evidence
		want string
	}{
		"another certificate":         {other.Certificate(), smime.SucceededIn(old, good), "this is another key"},
		"signed by another":           {cert, smime.SucceededIn(old, withCertificate(t, other, cert.Marshal())), "signature"},
		"one bit":                     {cert, smime.SucceededIn(old, flip), "signature"},
		"cut off":                     {cert, smime.SucceededIn(old, good[:len(good)-1]), ""},
		"two certificates":            {cert, smime.SucceededIn(old, withCertificate(t, before, append(bytes.Clone(block), block...))), "not one certificate"},
		"text about it":               {cert, smime.SucceededIn(old, withCertificate(t, before, []byte(cert.Fingerprint().String()))), "not one certificate"},
		"beside a signed message":     {cert, smime.SucceededIn(old, withCertificate(t, after, []byte("hello"))), "signature"},
		"not signed":                  {cert, smime.SucceededIn(old, cert.Marshal()), ""},
		"nothing":                     {cert, smime.SucceededIn(old, nil), ""},
		"sealed, without an identity": {cert, smime.SucceededIn(old, sealed), ""},
		"sealed to somebody else":     {cert, smime.SucceededIn(old, sealed, other.Identity()), ""},
		"the old one itself":          {before.Certificate(), smime.SucceededIn(old, withCertificate(t, before, before.Certificate().Marshal())), "the old certificate itself"},
		"no old one":                  {cert, smime.SucceededIn(nil, good), "no old certificate"},
		"a zero old one":              {cert, smime.SucceededIn(&keyring.Verified{}, good), "no old certificate"},
	}
	for name, c := range refused {
		t.Run(name, func(t *testing.T) {
			_, err := keyring.Verify(c.cert, c.ev)
			require.ErrorIs(t, err, keyring.ErrRefused)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
	_, err := keyring.Verify(cert, smime.SucceededIn(old, make([]byte, 2<<20)))
	require.ErrorIs(t, err, envelope.ErrLimit)
	_, err = keyring.Policy{FingerprintOnly: true}.Verify(cert, smime.SucceededIn(old, good))
	var policy *keyring.PolicyError
	require.ErrorAs(t, err, &policy)
	require.Equal(t, "FingerprintOnly", policy.Field)
}

func TestTransition(t *testing.T) {
	before, after := bobsKey(t), bobsKey(t)
	message, err := before.Transition(after.Certificate())
	require.NoError(t, err)
	_, err = keyring.Verify(after.Certificate(), smime.SucceededIn(known(t, before.Certificate()), message))
	require.NoError(t, err)

	eve, err := smime.GenerateKey(smime.KeyOptions{Address: "eve@example.org", Algorithm: "p256"})
	require.NoError(t, err)
	_, err = before.Transition(before.Certificate())
	require.ErrorIs(t, err, keyring.ErrRefused)
	_, err = before.Transition(eve.Certificate())
	require.ErrorContains(t, err, "none of the addresses")
	_, err = before.Transition(nil)
	require.Error(t, err)
	_, err = (&smime.Key{}).Transition(after.Certificate())
	require.Error(t, err)
}

// reissue is another certificate for bob, by the same authority unless change
// makes it another.
func (p *pki) reissue(t testing.TB, by *entity, change func(*x509.Certificate)) *keyring.Certificate {
	t.Helper()
	c := template("Bob", 4, false)
	if change != nil {
		change(c)
	}
	return issue(t, c, by).cert(t)
}

// Each refusal differs in one thing from what is believed in the first lines.
func TestReissued(t *testing.T) {
	p := newPKI(t, nil)
	a := p.authorities(t)
	old := known(t, p.bob.cert(t))
	const bob = "bob@example.org"
	v, err := keyring.Verify(p.reissue(t, p.ca, nil), smime.Reissued(old, bob, a))
	require.NoError(t, err)
	require.Contains(t, v.Evidence(), "succeeds "+old.Fingerprint().String())

	// Another authority below the same root, in the name of the first and with
	// its key identifier.
	double := template("CA", 9, true)
	double.SubjectKeyId = p.ca.x.SubjectKeyId
	impostor := issue(t, double, p.root)
	with := p.authorities(t)
	with.Intermediates = append(with.Intermediates, impostor.cert(t))
	revoked := p.authorities(t)
	revoked.Revocation = [][]byte{p.ca.crl(t, nil, 4), p.root.crl(t, nil)}

	for name, c := range map[string]struct {
		cert *keyring.Certificate
		ev   keyring.Evidence
		want string
	}{
		"by another authority of the same name": {p.reissue(t, impostor, nil), smime.Reissued(old, bob, with), "by another authority"},
		"another subject":                       {p.reissue(t, p.ca, func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "Eve"} }), smime.Reissued(old, bob, a), `is for the subject "CN=Eve"`},
		"another address":                       {p.reissue(t, p.ca, func(c *x509.Certificate) { c.EmailAddresses = []string{"eve@example.org"} }), smime.Reissued(old, bob, a), "is not for"},
		"an address of the new one alone":       {p.reissue(t, p.ca, func(c *x509.Certificate) { c.EmailAddresses = []string{"eve@example.org"} }), smime.Reissued(old, "eve@example.org", a), "is not for"},
		"expired":                               {p.reissue(t, p.ca, func(c *x509.Certificate) { c.NotAfter = chainTime.Add(-time.Hour) }), smime.Reissued(old, bob, a), "expired"},
		"revoked":                               {p.reissue(t, p.ca, nil), smime.Reissued(old, bob, revoked), "revoked"},
		"itself":                                {p.bob.cert(t), smime.Reissued(old, bob, a), "the old certificate itself"},
		"no authorities":                        {p.reissue(t, p.ca, nil), smime.Reissued(old, bob, nil), "no roots"},
		"no old one":                            {p.reissue(t, p.ca, nil), smime.Reissued(nil, bob, a), "no old certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := keyring.Verify(c.cert, c.ev)
			require.ErrorIs(t, err, keyring.ErrRefused)
			require.ErrorContains(t, err, c.want)
		})
	}
	// The impostor's certificate is refused for its issuer alone.
	_, err = keyring.Verify(p.reissue(t, impostor, nil), smime.ChainTo(bob, with))
	require.NoError(t, err)
	// An old one of which the time is over is no reason: its authority speaks,
	// and now.
	over := template("Bob", 5, false)
	over.NotAfter = chainTime.Add(-time.Hour)
	gone := known(t, issue(t, over, p.ca).cert(t))
	_, err = keyring.Verify(p.reissue(t, p.ca, nil), smime.Reissued(gone, bob, a))
	require.NoError(t, err)
}

// A signature with an expired certificate names nobody, whatever time it states.
func TestSucceededInExpired(t *testing.T) {
	old := newEntity(t, "bob@example.org", time.Now().Add(-2*time.Hour), time.Now().Add(2*time.Second))
	after := bobsKey(t)
	message := withCertificate(t, old, after.Certificate().Marshal())
	v := known(t, old.Certificate())
	_, err := keyring.Verify(after.Certificate(), smime.SucceededIn(v, message))
	require.NoError(t, err, "within its time")
	_, err = keyring.Verify(after.Certificate(), smime.SucceededAt(v, message, time.Now().Add(time.Hour)))
	var expired *keyring.ExpiredError
	require.ErrorAs(t, err, &expired)
	_, err = keyring.Verify(after.Certificate(), smime.SucceededAt(v, message, time.Now().Add(-3*time.Hour)))
	require.ErrorAs(t, err, &expired)
}

// newEntity is a key with a certificate of a validity.
func newEntity(t testing.TB, address string, from, to time.Time) *smime.Key {
	t.Helper()
	c := template("Bob", 7, false)
	c.NotBefore, c.NotAfter, c.EmailAddresses = from, to, []string{address}
	e := issue(t, c, nil)
	k, err := smime.NewKey(e.cert(t), e.key)
	require.NoError(t, err)
	return k
}
