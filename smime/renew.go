package smime

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Renew returns the key with a new certificate, signed with the key itself:
// for the same subject, addresses, purposes and capabilities, from now on for
// lifetime, where zero means two years, and 100 years are the most. k's own
// certificate may have expired. What was sealed to that still opens with k
// alone, which names it: keep both.
//
// The new certificate has another fingerprint. [Key.Transition] names it to all
// who have the old one; the certificate is also what an authority of one's own
// issues from. Where an authority issued the old one, ask it for the next.
//
// Errors: [keyring.ErrRefused] where the key signs nothing, as that of a pair
// which opens; else what the kind of key or the lifetime is, or what a hardware
// module returned.
func (k *Key) Renew(lifetime time.Duration) (*Key, error) {
	if k == nil || k.in == nil {
		return nil, errNoKey
	}
	c := k.in.cert
	switch {
	case lifetime < 0 || lifetime > maxLifetime:
		return nil, errors.New("smime: the lifetime of a certificate must be between 0 (two years) and 100 years")
	case lifetime == 0:
		lifetime = defaultLifetime
	}
	if k.in.signer == nil {
		return nil, c.unusable("has a key that signs nothing, not even its own certificate: make a new pair")
	}
	now := time.Now()
	t := &x509.Certificate{
		RawSubject:      c.x.RawSubject,
		NotBefore:       now.Add(-time.Hour).Truncate(time.Second), // for clocks that are behind
		NotAfter:        now.Add(lifetime).Truncate(time.Second),
		ExtraExtensions: ownExtensions(c.x),
	}
	der, err := signCertificate(t, c.x.RawSubjectPublicKeyInfo, t, k.in.signer)
	if err != nil {
		return nil, fmt.Errorf("smime: making a certificate: %w", err)
	}
	renewed, err := parseCertificate(der)
	if err != nil {
		return nil, err
	}
	private, err := newPrivateKey(renewed, k.in.private)
	if err != nil {
		return nil, err
	}
	return &Key{private}, nil
}

// ownExtensions are those by which a certificate says whose it is and what for,
// as they are. Others are about its issuer: where that is found, what it
// revoked, by which rules it issued (RFC 5280, Section 4.2).
func ownExtensions(x *x509.Certificate) (own []pkix.Extension) {
	for _, e := range x.Extensions {
		if slices.Contains([]string{
			"2.5.29.14", // subjectKeyIdentifier
			"2.5.29.15", // keyUsage
			"2.5.29.17", // subjectAltName
			"2.5.29.19", // basicConstraints
			"2.5.29.37", // extKeyUsage
			smimeCapabilitiesText,
		}, e.Id.String()) {
			own = append(own, e)
		}
	}
	return own
}
