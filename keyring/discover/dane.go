package discover

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"fmt"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/keyring"
	"golang.org/x/net/dns/dnsmessage"
)

// The types of records.
const (
	typeOpenPGPKey dnsmessage.Type = 61 // RFC 7929
	typeSMIMEA     dnsmessage.Type = 53 // RFC 8162
)

// OpenPGPKey looks up the OPENPGPKEY records of an address (RFC 7929), and
// returns their certificates with the user IDs of this address alone; one
// without is left out. parse is pgp.ParseCertificate.
//
// They are attested by the domain, see [Result.Attested], only where the
// resolver is Trusted and said that it validated them. Else they are candidates
// with a note.
//
// The error is [ErrNotFound] where there is no record, and
// [keyring.ErrRefused] where none is taken. Any other error is one of the
// network, or the resolver's.
func (d *DNS) OpenPGPKey(ctx context.Context, address string, parse func([]byte) (*keyring.Certificate, error)) ([]Result, error) {
	a, err := person(address)
	if err != nil {
		return nil, err
	}
	answer, err := d.lookup(ctx, daneName(a, "_openpgpkey"), typeOpenPGPKey)
	if err != nil {
		return nil, err
	}
	var found []Result
	var trouble error
	for _, data := range answer.data {
		certs, err := ofAddress(data, a, parse)
		if err != nil {
			trouble = err
		}
		for _, c := range certs {
			found = append(found, d.result(c, a, "OPENPGPKEY record", answer))
		}
	}
	if len(found) == 0 {
		return nil, trouble
	}
	return found, nil
}

// SMIMEA looks up the SMIMEA records of an address (RFC 8162). A record holds a
// certificate, or says by the digest or the public key which one it is of those
// that the caller has: known. parse is smime.ParseCertificate.
//
// A record that names the person's own certificate without an authority (usage
// 3) makes it attested by the domain, see [Result.Attested], where the resolver
// is Trusted and said that it validated the record; where the record has the
// public key alone, that key is what the domain stands by, whoever signed the
// certificate that was known. Usage 1 asks for a path to a
// public authority besides, which is other evidence: smime.ChainTo. Usages 0
// and 2 are about an authority, and what is returned is that authority's
// certificate. Those come as candidates with notes.
//
// The error is [ErrNotFound] where there is no record, and
// [keyring.ErrRefused] where there are and none fits: a certificate of known
// that is for the address is then not one that its domain names. Any other
// error is one of the network, or the resolver's.
func (d *DNS) SMIMEA(ctx context.Context, address string, parse func([]byte) (*keyring.Certificate, error), known ...*keyring.Certificate) ([]Result, error) {
	a, err := person(address)
	if err != nil {
		return nil, err
	}
	answer, err := d.lookup(ctx, daneName(a, "_smimecert"), typeSMIMEA)
	if err != nil {
		return nil, err
	}
	var found []Result
	var trouble error
	for _, data := range answer.data {
		as, err := parseAssociation(data)
		if err != nil {
			trouble = err
			continue
		}
		list := known
		if as.selector == wholeCertificate && as.matching == matchExact {
			c, err := parse(as.data)
			if err != nil {
				trouble = refuse("the SMIMEA record of %s: %v", a, err)
				continue
			}
			list = []*keyring.Certificate{c}
		}
		for _, c := range list {
			if !as.names(c) {
				continue
			}
			r, err := d.associated(c, a, as, answer)
			if err != nil {
				trouble = err
				continue
			}
			found = append(found, r)
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case trouble != nil:
		return nil, trouble
	}
	return nil, refuse("the SMIMEA records of %s name other certificates than the %d given, by digests alone", a, len(known))
}

// associated returns a certificate as a record says that it is to be used.
func (d *DNS) associated(c *keyring.Certificate, a mailbox.Address, as association, answer *dnsAnswer) (Result, error) {
	r := d.result(c, a, "SMIMEA record", answer)
	note := ""
	switch as.usage {
	case usagePublicAuthority, usageOwnAuthority:
		note = fmt.Sprintf("the certificate of an authority, and not of a person: the domain says that it issues those of %s (usage %d)", a, as.usage)
		r.Address = ""
	case usagePublic:
		note = "the record asks for a path to a public authority besides (usage 1)"
	}
	if as.usage == usagePublic || as.usage == usageOwn {
		if err := states(c, a); err != nil {
			return Result{}, err
		}
	}
	if note != "" {
		r.Notes = append(r.Notes, note)
		r.evidence = keyring.Evidence{}
	}
	return r, nil
}

// result is a candidate that a record holds.
func (d *DNS) result(c *keyring.Certificate, a mailbox.Address, what string, answer *dnsAnswer) Result {
	source := what + " of " + a.Domain()
	r := Result{Candidate: Candidate{Certificate: c, Source: source, Address: a.String()}}
	switch {
	case !d.Trusted:
		r.Notes = append(r.Notes, "the resolver is not one that is trusted: anybody on the way could have answered")
	case !answer.validated:
		r.Notes = append(r.Notes, "not validated by DNSSEC: anybody on the way could have answered")
	default:
		r.evidence = attest(c, a, fmt.Sprintf("given out by %s for %s, validated by DNSSEC", source, a))
	}
	return r
}

// daneName returns where the records of an address are, RFC 7929, Section 3 and
// RFC 8162, Section 3: the local part as it is, not in lower case, since only
// its server knows whether that is the same.
func daneName(a mailbox.Address, service string) string {
	sum := sha256.Sum256([]byte(a.Local()))
	return hex.EncodeToString(sum[:28]) + "." + service + "." + a.Domain()
}

// What is in an SMIMEA record, RFC 8162, Section 2, as in a TLSA record: RFC
// 6698, Section 2.1, with the names that RFC 7218 gave them.
const (
	usagePublicAuthority = 0 // PKIX-TA
	usagePublic          = 1 // PKIX-EE
	usageOwnAuthority    = 2 // DANE-TA
	usageOwn             = 3 // DANE-EE

	wholeCertificate = 0 // Cert
	publicKey        = 1 // SPKI

	matchExact  = 0 // Full
	matchSHA256 = 1
	matchSHA512 = 2
)

// association is an SMIMEA record.
type association struct {
	usage, selector, matching byte
	data                      []byte
}

func parseAssociation(b []byte) (association, error) {
	if len(b) < 4 {
		return association{}, refuse("an SMIMEA record is cut off")
	}
	as := association{b[0], b[1], b[2], b[3:]}
	wants := map[byte]int{matchSHA256: sha256.Size, matchSHA512: sha512.Size}[as.matching]
	switch {
	case as.usage > usageOwn || as.selector > publicKey || as.matching > matchSHA512:
		return association{}, refuse("an SMIMEA record is of a kind that is not known: usage %d, selector %d, matching type %d", as.usage, as.selector, as.matching)
	case wants != 0 && len(as.data) != wants:
		return association{}, refuse("an SMIMEA record has a digest of %d octets, %d were expected", len(as.data), wants)
	}
	return as, nil
}

// names reports whether c is the certificate, or has the key, that as is about.
func (as association) names(c *keyring.Certificate) bool {
	if c == nil {
		return false
	}
	octets := c.Marshal()
	if as.selector == publicKey {
		parsed, err := x509.ParseCertificate(octets)
		if err != nil {
			return false
		}
		octets = parsed.RawSubjectPublicKeyInfo
	}
	switch as.matching {
	case matchSHA256:
		sum := sha256.Sum256(octets)
		return bytes.Equal(sum[:], as.data)
	case matchSHA512:
		sum := sha512.Sum512(octets)
		return bytes.Equal(sum[:], as.data)
	}
	return len(octets) > 0 && bytes.Equal(octets, as.data)
}
