package smime

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

func TestSignerCertificateRules(t *testing.T) {
	allowed(t, "small RSA keys")
	private := secret(t, "p256")
	rsa1024 := FixedRSA("rsa1024")
	now := time.Now()
	year := 365 * 24 * time.Hour
	when := func(from, to time.Duration) func(*x509.Certificate) {
		return func(x *x509.Certificate) { x.NotBefore, x.NotAfter = now.Add(from), now.Add(to) }
	}
	usage := func(u x509.KeyUsage) func(*x509.Certificate) { return func(x *x509.Certificate) { x.KeyUsage = u } }
	for _, c := range []struct {
		name    string
		private crypto.Signer
		change  func(*x509.Certificate)
		claimed time.Duration // 0: no signingTime
		want    seam.SignatureStatus
		detail  string
	}{
		{"good", private, nil, 0, seam.SignatureValid, ""},
		{"digitalSignature", private, usage(x509.KeyUsageDigitalSignature), 0, seam.SignatureValid, ""},
		{"nonRepudiation", private, usage(x509.KeyUsageContentCommitment), 0, seam.SignatureValid, ""},
		{"no key usage", private, usage(0), 0, seam.SignatureValid, ""},
		{"keyAgreement", private, usage(x509.KeyUsageKeyAgreement), 0, seam.SignatureBad, "not for signatures"},
		{"certSign", private, usage(x509.KeyUsageCertSign), 0, seam.SignatureBad, "not for signatures"},
		{"web server", private, func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, 0, seam.SignatureBad, "mail"},
		{"expired", private, when(-2*year, -year), 0, seam.SignatureNotInTime, "expired"},
		{"expired, claims before", private, when(-2*year, -year), -year - 24*time.Hour, seam.SignatureNotInTime, "after the time that the signature claims"},
		{"expired, claims now", private, when(-2*year, -year), -time.Minute, seam.SignatureNotInTime, "expired"},
		{"not yet valid", private, when(year, 2*year), 0, seam.SignatureNotInTime, "not valid before"},
		{"claims now", private, when(-year, year), -time.Minute, seam.SignatureValid, ""},
		{"claims long before the certificate", private, when(-year, year), -year - 48*time.Hour, seam.SignatureNotInTime, "not valid"},
		{"claims just before the certificate", private, when(-year, year), -year - time.Hour, seam.SignatureValid, ""},
		{"claims the future", private, when(-year, year), 48 * time.Hour, seam.SignatureNotInTime, "future"},
		{"clock ahead", private, when(-year, year), 20 * time.Hour, seam.SignatureValid, ""},
		{"RSA 1024", rsa1024, nil, 0, seam.SignatureWeak, "2048"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForge(t, keyFor(t, issue(t, c.private, c.change), c.private))
			if c.claimed != 0 {
				text := now.Add(c.claimed).UTC().Format("060102150405Z")
				f.attributes = append(f.attributes, attribute(t, oidSigningTime, tlv(0x17, []byte(text))))
			}
			got := f.judge(t)
			require.Equal(t, c.want, got.Status, got.Detail)
			require.Contains(t, got.Detail, c.detail)
		})
	}
}

// A certificate with the same name but another key must not be taken for the
// signer, and must not hide the right one.
func TestSignerCandidates(t *testing.T) {
	private, other := secret(t, "p256"), secret(t, "p384")
	right, wrong := issue(t, private, nil), issue(t, other, nil)
	f := newForge(t, keyFor(t, right, private))
	si, err := parseSignerInfo(f.der(t))
	require.NoError(t, err)
	verify := func(certs []*certificate, senders ...seam.Certificate) seam.Signature {
		return si.verify(oidData.tlv(), contentDigest, certs, senders, time.Now())
	}
	got := verify([]*certificate{right}, wrong)
	require.Equal(t, seam.SignatureValid, got.Status)
	require.Equal(t, -1, got.Sender, "not by the sender that was given")
	require.Equal(t, seam.Certificate(right), got.Signer)

	got = verify([]*certificate{wrong}, right)
	require.Equal(t, seam.SignatureValid, got.Status)
	require.Equal(t, 0, got.Sender)

	got = verify([]*certificate{right}, wrong, right)
	require.Equal(t, seam.SignatureValid, got.Status)
	require.Equal(t, 1, got.Sender)

	got = verify(nil, wrong)
	require.Equal(t, seam.SignatureBad, got.Status)
	require.Equal(t, 0, got.Sender)

	got = verify([]*certificate{wrong})
	require.Equal(t, seam.SignatureBad, got.Status)
	require.Equal(t, -1, got.Sender)

	var many []*certificate
	for range maxCandidates {
		many = append(many, issue(t, other, nil))
	}
	require.Equal(t, seam.SignatureValid, verify(append(many[:maxCandidates-1:maxCandidates-1], right)).Status)
	require.Equal(t, seam.SignatureBad, verify(append(many, right)).Status, "no more than so many are tried")
}

// Of several certificates with one key, as renewing makes them, the one counts
// by which the signature is in time; a stranger's never goes before a sender's.
func TestRenewedCertificates(t *testing.T) {
	private := secret(t, "p256")
	ski := func(x *x509.Certificate) { x.SubjectKeyId = []byte("the same for all") }
	old := func(x *x509.Certificate) { ski(x); x.NotAfter = x.NotBefore.Add(time.Minute) }
	expired, current := issue(t, private, old), issue(t, private, ski)
	f := newForge(t, keyFor(t, current, private))
	f.version, f.sid = 3, tlv(0x80, []byte("the same for all"))
	si, err := parseSignerInfo(f.der(t))
	require.NoError(t, err)
	many := slices.Repeat([]seam.Certificate{expired}, 2*maxCandidates)
	for i := range many {
		many[i] = issue(t, private, old)
	}
	for _, c := range []struct {
		name    string
		certs   []*certificate
		senders []seam.Certificate
		status  seam.SignatureStatus
		sender  int
	}{
		{"current", nil, []seam.Certificate{current}, seam.SignatureValid, 0},
		{"expired", nil, []seam.Certificate{expired}, seam.SignatureNotInTime, 0},
		{"both", nil, []seam.Certificate{expired, current}, seam.SignatureValid, 1},
		{"many", nil, append(many, current), seam.SignatureValid, len(many)},
		{"expired, and a stranger's", []*certificate{current}, []seam.Certificate{expired}, seam.SignatureNotInTime, 0},
		{"strangers", []*certificate{expired, current}, nil, seam.SignatureValid, -1},
	} {
		got := si.verify(oidData.tlv(), contentDigest, c.certs, c.senders, time.Now())
		require.Equal(t, c.status, got.Status, c.name)
		require.Equal(t, c.sender, got.Sender, c.name)
	}
}

// faulty is a hardware module that signs something else.
type faulty struct{ crypto.Signer }

func (f faulty) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	digest = bytes.Clone(digest)
	digest[0] ^= 1
	return f.Signer.Sign(r, digest, opts)
}

func TestSignChecksItsResult(t *testing.T) {
	for _, algorithm := range []string{"rsa3072", "p256"} {
		k := testKey(t, algorithm)
		_, _, err := (&signer{key: keyFor(t, k.cert, struct{ crypto.Signer }{k.signer})}).signerInfo(oidData.tlv(), contentDigest, time.Now())
		require.NoError(t, err)
		der, _, err := (&signer{key: keyFor(t, k.cert, faulty{k.signer})}).signerInfo(oidData.tlv(), contentDigest, time.Now())
		require.ErrorContains(t, err, "wrong signature")
		require.Nil(t, der)
	}
	ec := testKey(t, "p256")
	silent := &signer{key: keyFor(t, ec.cert, ec.exchanger)}
	requireUnusable(t, silent.CheckSign(time.Now(), seam.Auto), "does not sign")
	_, _, err := silent.signerInfo(oidData.tlv(), contentDigest, time.Now())
	requireUnusable(t, err, "does not sign")
}

func TestCheckSign(t *testing.T) {
	private := secret(t, "p256").(*ecdsa.PrivateKey)
	for u, reason := range map[x509.KeyUsage]string{
		0:                              "",
		x509.KeyUsageDigitalSignature:  "",
		x509.KeyUsageContentCommitment: "",
		x509.KeyUsageKeyAgreement:      "is not for signatures",
		x509.KeyUsageCertSign:          "is not for signatures",
		x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement: "",
	} {
		c := issue(t, private, func(x *x509.Certificate) { x.KeyUsage = u })
		err := (&signer{key: keyFor(t, c, private)}).CheckSign(time.Now(), seam.Auto)
		if reason == "" {
			require.NoError(t, err)
		} else {
			requireUnusable(t, err, reason)
		}
	}
}
