package smime_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// chainTime is when the tests of paths take place.
var chainTime = time.Date(2030, 6, 15, 12, 0, 0, 0, time.UTC)

func atChainTime() time.Time { return chainTime }

// entity is a certificate with its key.
type entity struct {
	x   *x509.Certificate
	key *ecdsa.PrivateKey
}

// pki is root, an authority below it, and bob@example.org below that.
type pki struct{ root, ca, bob *entity }

// template returns a certificate of today, of an authority or a person.
func template(name string, serial int64, ca bool) *x509.Certificate {
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: chainTime.AddDate(-1, 0, 0), NotAfter: chainTime.AddDate(1, 0, 0),
		BasicConstraintsValid: true, IsCA: ca,
	}
	if ca {
		c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
		return c
	}
	c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
	c.EmailAddresses = []string{"bob@example.org"}
	return c
}

// issue signs a template; without an issuer it is self-signed.
func issue(t testing.TB, c *x509.Certificate, by *entity) *entity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	parent, signer := c, key
	if by != nil {
		parent, signer = by.x, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	require.NoError(t, err)
	x, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &entity{x, key}
}

// newPKI makes one, with the templates as change leaves them.
func newPKI(t testing.TB, change func(root, ca, bob *x509.Certificate)) *pki {
	t.Helper()
	root, ca, bob := template("Root", 1, true), template("CA", 2, true), template("Bob", 3, false)
	if change != nil {
		change(root, ca, bob)
	}
	p := &pki{root: issue(t, root, nil)}
	p.ca = issue(t, ca, p.root)
	p.bob = issue(t, bob, p.ca)
	return p
}

func (e *entity) cert(t testing.TB) *keyring.Certificate {
	t.Helper()
	c, err := smime.ParseCertificate(e.x.Raw)
	require.NoError(t, err)
	return c
}

func (p *pki) authorities(t testing.TB) *smime.Authorities {
	t.Helper()
	return &smime.Authorities{
		Roots: []*keyring.Certificate{p.root.cert(t)}, Intermediates: []*keyring.Certificate{p.ca.cert(t)}, Time: atChainTime,
	}
}

// crl makes a list by e of these serial numbers.
func (e *entity) crl(t testing.TB, change func(*x509.RevocationList), serials ...int64) []byte {
	t.Helper()
	l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: chainTime.Add(-time.Hour), NextUpdate: chainTime.Add(time.Hour)}
	for _, s := range serials {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: big.NewInt(s), RevocationTime: chainTime.AddDate(0, -1, 0), ReasonCode: 1})
	}
	if change != nil {
		change(l)
	}
	der, err := x509.CreateRevocationList(rand.Reader, l, e.x, e.key)
	require.NoError(t, err)
	return der
}

// chain holds bob's certificate against ChainTo.
func chain(t testing.TB, p *pki, a *smime.Authorities, address string) error {
	t.Helper()
	_, err := keyring.Verify(p.bob.cert(t), smime.ChainTo(address, a))
	return err
}

func TestChainTo(t *testing.T) {
	p := newPKI(t, nil)
	for _, address := range []string{"bob@example.org", "bob@EXAMPLE.org"} {
		v, err := keyring.Verify(p.bob.cert(t), smime.ChainTo(address, p.authorities(t)))
		require.NoError(t, err, address)
		require.Equal(t, `an authority's certificate for "`+address+`", revocation not checked`, v.Evidence())
	}
	a := p.authorities(t)
	a.Intermediates = nil
	require.ErrorContains(t, chain(t, p, a, "bob@example.org"), `its issuer is "CN=CA"`)
	_, err := keyring.Verify(p.bob.cert(t), smime.ChainTo("bob@example.org", a, p.ca.cert(t)))
	require.NoError(t, err, "intermediates beside the certificate")
}

// Each case differs from newPKI's in one thing; its twin is a certificate that
// is accepted, and differs from the case in that thing alone.
func TestChainToRefuses(t *testing.T) {
	emailConstraint := func(permitted ...string) func(_, ca, _ *x509.Certificate) {
		return func(_, ca, _ *x509.Certificate) {
			ca.PermittedEmailAddresses, ca.PermittedDNSDomainsCritical = permitted, true
		}
	}
	unknownCritical := func(critical bool) func(_, _, bob *x509.Certificate) {
		return func(_, _, bob *x509.Certificate) {
			bob.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: critical, Value: []byte{5, 0}}}
		}
	}
	for _, c := range []struct {
		name      string
		bad, good func(root, ca, bob *x509.Certificate)
		want      string
	}{
		{"another address", func(_, _, b *x509.Certificate) { b.EmailAddresses = []string{"eve@example.org"} }, nil, `is not for "bob@example.org", but for "eve@example.org"`},
		{"local part in another case", func(_, _, b *x509.Certificate) { b.EmailAddresses = []string{"Bob@example.org"} }, nil, `but for "Bob@example.org"`},
		{"no address", func(_, _, b *x509.Certificate) { b.EmailAddresses = nil }, nil, "states no mail address at all"},
		{"address in the subject alone", func(_, _, b *x509.Certificate) {
			b.EmailAddresses = nil
			b.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: "bob@example.org"}}
		}, nil, "in its subject alone"},
		{"expired", func(_, _, b *x509.Certificate) { b.NotAfter = chainTime.Add(-time.Second) },
			func(_, _, b *x509.Certificate) { b.NotAfter = chainTime }, "expired on 2030-06-15"},
		{"not yet valid", func(_, _, b *x509.Certificate) { b.NotBefore = chainTime.Add(time.Second) },
			func(_, _, b *x509.Certificate) { b.NotBefore = chainTime }, "is not valid before 2030-06-15"},
		{"authority expired", func(_, ca, _ *x509.Certificate) { ca.NotAfter = chainTime.Add(-time.Second) },
			func(_, ca, _ *x509.Certificate) { ca.NotAfter = chainTime }, `certificate of "CN=CA" expired`},
		{"root expired", func(r, _, _ *x509.Certificate) { r.NotAfter = chainTime.Add(-time.Second) },
			func(r, _, _ *x509.Certificate) { r.NotAfter = chainTime }, `certificate of "CN=Root" expired`},
		{"not for mail", func(_, _, b *x509.Certificate) { b.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} },
			func(_, _, b *x509.Certificate) { b.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }, "is not for mail protection"},
		{"authority not for mail", func(_, ca, _ *x509.Certificate) { ca.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} },
			func(_, ca, _ *x509.Certificate) { ca.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }, `"CN=CA" is not for mail protection`},
		{"no authority", func(_, ca, _ *x509.Certificate) { ca.IsCA = false }, nil, `"CN=CA" may not issue certificates`},
		{"may not sign", func(_, ca, _ *x509.Certificate) { ca.KeyUsage = x509.KeyUsageDigitalSignature },
			func(_, ca, _ *x509.Certificate) { ca.KeyUsage = 0 }, `"CN=CA" may not issue certificates, as its key usage says`},
		{"path too long", func(r, _, _ *x509.Certificate) { r.MaxPathLen, r.MaxPathLenZero = 0, true },
			func(r, _, _ *x509.Certificate) { r.MaxPathLen = 1 }, "longer than an authority"},
		{"host not permitted", emailConstraint("example.com"), emailConstraint("example.org"), "does not permit"},
		{"host below not permitted", emailConstraint(".example.org"), emailConstraint("bob@EXAMPLE.org"), "does not permit"},
		{"last of several constraints", emailConstraint("example.com", "example.net"), emailConstraint("example.org", "example.net"), "does not permit"},
		{"host excluded", func(_, ca, _ *x509.Certificate) { ca.ExcludedEmailAddresses = []string{"example.org"} },
			func(_, ca, _ *x509.Certificate) { ca.ExcludedEmailAddresses = []string{".example.org"} }, "excludes"},
		{"constraints of the root", func(r, _, _ *x509.Certificate) { r.PermittedEmailAddresses = []string{"example.com"} },
			func(r, _, _ *x509.Certificate) { r.PermittedEmailAddresses = []string{"example.org"} }, "does not permit"},
		{"unknown critical extension", unknownCritical(true), unknownCritical(false), "critical extension that is not known: 1.2.3.4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			good := newPKI(t, c.good)
			require.NoError(t, chain(t, good, good.authorities(t), "bob@example.org"), "the twin")
			bad := newPKI(t, c.bad)
			err := chain(t, bad, bad.authorities(t), "bob@example.org")
			require.ErrorIs(t, err, keyring.ErrRefused)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestChainToTypes(t *testing.T) {
	var expired *keyring.ExpiredError
	p := newPKI(t, func(_, _, b *x509.Certificate) { b.NotAfter = chainTime.Add(-time.Hour) })
	require.ErrorAs(t, chain(t, p, p.authorities(t), "bob@example.org"), &expired)
	p = newPKI(t, nil)
	for _, a := range []*smime.Authorities{nil, {}, {Roots: []*keyring.Certificate{nil}}} {
		require.Error(t, chain(t, p, a, "bob@example.org"))
	}
	for _, address := range []string{"", "bob", "bob@", "@example.org", "bob@exa mple.org", "bob@example.org\x00", "bob@example.org\n", "bob@bücher.example", "Bob <bob@example.org>"} {
		require.ErrorIs(t, chain(t, p, p.authorities(t), address), keyring.ErrRefused, "%q", address)
	}
	// The names are right, the keys are others.
	other := newPKI(t, nil)
	require.ErrorContains(t, chain(t, p, other.authorities(t), "bob@example.org"), "no path of certificates")
	// A root among the intermediates is none.
	a := p.authorities(t)
	a.Intermediates = append(a.Intermediates, p.root.cert(t))
	a.Roots = []*keyring.Certificate{other.root.cert(t)}
	require.ErrorContains(t, chain(t, p, a, "bob@example.org"), "no path of certificates")
}

func TestChainToRevocation(t *testing.T) {
	p := newPKI(t, nil)
	rootList, caList := p.root.crl(t, nil), p.ca.crl(t, nil)
	stranger := newPKI(t, nil)
	unknownExtension := func(critical bool) func(*x509.RevocationList) {
		return func(l *x509.RevocationList) {
			l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: critical, Value: []byte{5, 0}}}
		}
	}
	for _, c := range []struct {
		name    string
		lists   [][]byte
		revoked bool
		good    bool
	}{
		{"both good", [][]byte{rootList, caList}, false, true},
		{"bob's is revoked", [][]byte{rootList, p.ca.crl(t, nil, 9, 3)}, true, false},
		{"others are revoked", [][]byte{rootList, p.ca.crl(t, nil, 9, 4)}, false, true},
		{"the authority is revoked", [][]byte{p.root.crl(t, nil, 2), caList}, true, false},
		{"nothing of the authority", [][]byte{caList}, false, false},
		{"nothing of bob", [][]byte{rootList}, false, false},
		{"too old", [][]byte{rootList, p.ca.crl(t, func(l *x509.RevocationList) { l.NextUpdate = chainTime.Add(-time.Second) })}, false, false},
		{"just fresh", [][]byte{rootList, p.ca.crl(t, func(l *x509.RevocationList) { l.NextUpdate = chainTime })}, false, true},
		{"of the future", [][]byte{rootList, p.ca.crl(t, func(l *x509.RevocationList) { l.ThisUpdate = chainTime.Add(6 * time.Minute) })}, false, false},
		{"of a clock that is ahead", [][]byte{rootList, p.ca.crl(t, func(l *x509.RevocationList) { l.ThisUpdate = chainTime.Add(4 * time.Minute) })}, false, true},
		{"by another of the same name", [][]byte{rootList, stranger.ca.crl(t, nil)}, false, false},
		{"unknown critical extension", [][]byte{rootList, p.ca.crl(t, unknownExtension(true))}, false, false},
		{"unknown extension", [][]byte{rootList, p.ca.crl(t, unknownExtension(false))}, false, true},
		{"two lists, one with it", [][]byte{rootList, caList, p.ca.crl(t, nil, 3)}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := p.authorities(t)
			a.Revocation = c.lists
			err := chain(t, p, a, "bob@example.org")
			var revoked *keyring.RevokedError
			require.Equal(t, c.good, err == nil, "%v", err)
			require.Equal(t, c.revoked, errors.As(err, &revoked), "%v", err)
			if c.good {
				return
			}
			a = p.authorities(t)
			a.Revocation, a.AcceptUnknown = c.lists, true
			require.Equal(t, c.revoked, chain(t, p, a, "bob@example.org") != nil, "unknown is accepted, revoked is not")
		})
	}
	a := p.authorities(t)
	a.Revocation = [][]byte{[]byte("no list")}
	require.Error(t, chain(t, p, a, "bob@example.org"))
}

// answer makes an OCSP response about the certificate with this serial number.
func answer(t testing.TB, issuer, signer *entity, serial int64, status int, change func(*ocsp.Response)) []byte {
	t.Helper()
	r := ocsp.Response{
		Status: status, SerialNumber: big.NewInt(serial), ThisUpdate: chainTime.Add(-time.Hour), NextUpdate: chainTime.Add(time.Hour),
		RevokedAt: chainTime.AddDate(0, -1, 0),
	}
	if signer != issuer {
		r.Certificate = signer.x
	}
	if change != nil {
		change(&r)
	}
	der, err := ocsp.CreateResponse(issuer.x, signer.x, r, signer.key)
	require.NoError(t, err)
	return der
}

func TestChainToOCSP(t *testing.T) {
	allowed(t, "SHA-1 in the names of OCSP")
	p := newPKI(t, nil)
	rootList := p.root.crl(t, nil)
	responder := func(by *entity, change func(*x509.Certificate)) *entity {
		c := template("Responder", 7, false)
		c.ExtKeyUsage, c.EmailAddresses = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}, nil
		if change != nil {
			change(c)
		}
		return issue(t, c, by)
	}
	stranger := newPKI(t, nil)
	for _, c := range []struct {
		name          string
		response      []byte
		revoked, good bool
	}{
		{"good", answer(t, p.ca, p.ca, 3, ocsp.Good, nil), false, true},
		{"revoked", answer(t, p.ca, p.ca, 3, ocsp.Revoked, nil), true, false},
		{"unknown", answer(t, p.ca, p.ca, 3, ocsp.Unknown, nil), false, false},
		{"another serial number", answer(t, p.ca, p.ca, 4, ocsp.Good, nil), false, false},
		{"another issuer", answer(t, p.root, p.ca, 3, ocsp.Good, nil), false, false},
		{"too old", answer(t, p.ca, p.ca, 3, ocsp.Good, func(r *ocsp.Response) { r.NextUpdate = chainTime.Add(-time.Second) }), false, false},
		{"of the future", answer(t, p.ca, p.ca, 3, ocsp.Good, func(r *ocsp.Response) { r.ThisUpdate = chainTime.Add(time.Hour) }), false, false},
		{"no next, of today", answer(t, p.ca, p.ca, 3, ocsp.Good, func(r *ocsp.Response) { r.NextUpdate = time.Time{} }), false, true},
		{"no next, of the day before", answer(t, p.ca, p.ca, 3, ocsp.Good, func(r *ocsp.Response) {
			r.NextUpdate, r.ThisUpdate = time.Time{}, chainTime.Add(-25*time.Hour)
		}), false, false},
		{"delegated", answer(t, p.ca, responder(p.ca, nil), 3, ocsp.Good, nil), false, true},
		{"delegated, revoked", answer(t, p.ca, responder(p.ca, nil), 3, ocsp.Revoked, nil), true, false},
		{"delegated without the purpose", answer(t, p.ca, responder(p.ca, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
		}), 3, ocsp.Good, nil), false, false},
		{"delegated, expired", answer(t, p.ca, responder(p.ca, func(c *x509.Certificate) { c.NotAfter = chainTime.Add(-time.Second) }), 3, ocsp.Good, nil), false, false},
		{"delegated by another authority", answer(t, p.ca, responder(p.root, nil), 3, ocsp.Good, nil), false, false},
		{"delegated by another of the same name", answer(t, p.ca, responder(stranger.ca, nil), 3, ocsp.Good, nil), false, false},
		{"by another of the same name", answer(t, p.ca, stranger.ca, 3, ocsp.Good, nil), false, false},
		{"by bob", answer(t, p.ca, p.bob, 3, ocsp.Good, nil), false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := p.authorities(t)
			a.Revocation = [][]byte{rootList, c.response}
			err := chain(t, p, a, "bob@example.org")
			var revoked *keyring.RevokedError
			require.Equal(t, c.good, err == nil, "%v", err)
			require.Equal(t, c.revoked, errors.As(err, &revoked), "%v", err)
		})
	}
}

// asked is a source that answers from a table of lists, and counts.
type asked struct {
	answers func(*smime.RevocationQuery) [][]byte
	times   int
}

func (s *asked) Fetch(q *smime.RevocationQuery) ([][]byte, error) {
	s.times++
	if s.answers == nil {
		return nil, errors.New("no network")
	}
	return s.answers(q), nil
}

func TestChainToSource(t *testing.T) {
	allowed(t, "SHA-1 in the names of OCSP")
	p := newPKI(t, func(_, _, b *x509.Certificate) {
		b.OCSPServer, b.CRLDistributionPoints = []string{"http://ocsp.example"}, []string{"http://crl.example/1"}
	})
	issuers := map[keyring.Fingerprint]*entity{p.root.cert(t).Fingerprint(): p.root, p.ca.cert(t).Fingerprint(): p.ca}
	status := ocsp.Good
	withNonce := func(nonce []byte) func(q *smime.RevocationQuery) [][]byte {
		return func(q *smime.RevocationQuery) [][]byte {
			r, err := ocsp.ParseRequest(q.Request)
			require.NoError(t, err)
			by := issuers[q.Issuer.Fingerprint()]
			return [][]byte{[]byte("rubbish"), answer(t, by, by, r.SerialNumber.Int64(), status, func(r *ocsp.Response) {
				if nonce != nil {
					value, err := asn1.Marshal(nonce)
					require.NoError(t, err)
					// CreateResponse has no place for it but the answer's own extensions.
					r.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}, Value: value}}
				}
			})}
		}
	}
	s := &asked{answers: withNonce(nil)}
	a := p.authorities(t)
	a.Source = s
	require.NoError(t, chain(t, p, a, "bob@example.org"))
	require.Equal(t, 2, s.times, "once for bob, once for the authority")

	status = ocsp.Revoked
	var revoked *keyring.RevokedError
	require.ErrorAs(t, chain(t, p, a, "bob@example.org"), &revoked)
	s.answers = nil
	require.ErrorContains(t, chain(t, p, a, "bob@example.org"), "may be revoked")
	a.AcceptUnknown = true
	require.NoError(t, chain(t, p, a, "bob@example.org"))
}

// A certificate says where its list is; nobody asks there but the source, which
// is told.
func TestChainToSourceIsTold(t *testing.T) {
	allowed(t, "SHA-1 in the names of OCSP")
	p := newPKI(t, func(_, _, b *x509.Certificate) {
		b.OCSPServer, b.CRLDistributionPoints = []string{"http://ocsp.example"}, []string{"http://crl.example/1"}
	})
	var of []*smime.RevocationQuery
	a := p.authorities(t)
	a.AcceptUnknown = true
	a.Source = &asked{answers: func(q *smime.RevocationQuery) [][]byte { of = append(of, q); return nil }}
	require.NoError(t, chain(t, p, a, "bob@example.org"))
	require.Len(t, of, 2)
	require.Equal(t, p.bob.x.Raw, of[1].Certificate.Marshal())
	require.Equal(t, []string{"http://crl.example/1"}, of[1].CRLs)
	require.Equal(t, []string{"http://ocsp.example"}, of[1].Responders)
	require.NotEqual(t, of[0].Request, of[1].Request)
}

// Certificates that all bear one name and one key identifier, and all issue
// each other: the work ends, and not in "yes".
func TestChainToWork(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p := newPKI(t, nil)
	a := p.authorities(t)
	a.Intermediates = nil
	for i := range int64(200) {
		c := template("CA", 100+i, true)
		der, err := x509.CreateCertificate(rand.Reader, c, p.ca.x, key.Public(), p.ca.key)
		if i%2 == 0 {
			der, err = x509.CreateCertificate(rand.Reader, c, c, p.ca.key.Public(), p.ca.key)
		}
		require.NoError(t, err)
		one, err := smime.ParseCertificate(der)
		require.NoError(t, err)
		a.Intermediates = append(a.Intermediates, one)
	}
	err = chain(t, p, a, "bob@example.org")
	require.ErrorIs(t, err, envelope.ErrLimit)
	require.ErrorIs(t, err, keyring.ErrRefused)
}

// Many certificates of the right name, of which none has the right key.
func TestChainToSignatures(t *testing.T) {
	p := newPKI(t, nil)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for n, work := range map[int64]bool{99: false, 101: true} {
		a := p.authorities(t)
		a.Intermediates = nil
		for i := range n {
			c := template("CA", 100+i, true)
			der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
			require.NoError(t, err)
			one, err := smime.ParseCertificate(der)
			require.NoError(t, err)
			a.Intermediates = append(a.Intermediates, one)
		}
		err := chain(t, p, a, "bob@example.org")
		require.ErrorIs(t, err, keyring.ErrRefused)
		require.Equal(t, work, errors.Is(err, envelope.ErrLimit), "%d: %v", n, err)
	}
}

// The policies are those of the options; without any it does not matter.
func TestChainToPolicies(t *testing.T) {
	mailbox, err := x509.ParseOID("2.23.140.1.5.1.3")
	require.NoError(t, err)
	other, err := x509.ParseOID("2.23.140.1.5.2.3")
	require.NoError(t, err)
	p := newPKI(t, func(_, ca, b *x509.Certificate) {
		ca.Policies, b.Policies = []x509.OID{mailbox, other}, []x509.OID{mailbox}
	})
	for _, c := range []struct {
		want []x509.OID
		good bool
	}{{nil, true}, {[]x509.OID{mailbox}, true}, {[]x509.OID{other}, false}, {[]x509.OID{other, mailbox}, true}} {
		a := p.authorities(t)
		a.Policies = c.want
		require.Equal(t, c.good, chain(t, p, a, "bob@example.org") == nil, "%v", c.want)
	}
	none := newPKI(t, nil)
	a := none.authorities(t)
	a.Policies = []x509.OID{mailbox}
	require.ErrorContains(t, chain(t, none, a, "bob@example.org"), "policies")
}
