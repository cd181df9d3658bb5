package discover

import (
	"context"
	"crypto/fips140"
	"crypto/sha1"
	"encoding/base32"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// maxDirectory is the size of a Web Key Directory's answer in octets: as much
// as is ever kept of one certificate. Who serves it is who its owner gave it
// to, so that it is not flooded with signatures.
const maxDirectory = 2 << 20

// maxPolicy is the size of a Web Key Directory's policy in octets. Most are
// empty.
const maxPolicy = 16 << 10

// WKD asks the Web Key Directory of the address' domain
// (draft-koch-openpgp-webkey-service) for OpenPGP certificates: by the advanced
// method, at openpgpkey.DOMAIN, and by the direct one, at DOMAIN, only where
// there is no such name. A name that cannot be resolved at the moment, or a
// server that does not answer, is an error and not a reason to ask elsewhere.
// The server learns who asks for whom. parse is pgp.ParseCertificate.
//
// There may be several: the present key beside others that are revoked. They
// hold the user IDs of this address alone; a certificate without one is left
// out. Each is attested by the domain, see [Result.Attested].
//
// The error is [ErrNotFound] where the directory has nothing for the address or
// there is none, and [keyring.ErrRefused] for an answer that is not taken: too
// large, no certificate, none for this address, from an address that is not
// public; and under GODEBUG=fips140=only, since the names in the directory are
// SHA-1. Any other error is one of the network.
func (w *Web) WKD(ctx context.Context, address string, parse func([]byte) (*keyring.Certificate, error)) ([]Result, error) {
	a, err := person(address)
	if err != nil {
		return nil, err
	}
	if fips140.Enforced() {
		return nil, refuse("the names in a Web Key Directory are SHA-1 digests, which GODEBUG=fips140=only does not allow")
	}
	ctx, cancel := w.limit(ctx)
	defer cancel()
	d := directory{host: "openpgpkey." + a.Domain(), path: "/.well-known/openpgpkey/" + a.Domain(), port: w.port}
	p, err := w.get(ctx, d.url("/hu/"+wkdName(a.Local()), a.Local()), maxDirectory)
	if noSuchHost(err, d.host) {
		d = directory{host: a.Domain(), path: "/.well-known/openpgpkey", port: w.port}
		p, err = w.get(ctx, d.url("/hu/"+wkdName(a.Local()), a.Local()), maxDirectory)
	}
	switch {
	case noSuchHost(err, d.host):
		return nil, fmt.Errorf("%w: there is no server %s", ErrNotFound, d.host)
	case errors.Is(err, ErrNotFound):
		return nil, w.nothing(ctx, d, a)
	case err != nil:
		return nil, err
	}
	certs, err := ofAddress(p.body, a, parse)
	if err != nil {
		return nil, err
	}
	source := "Web Key Directory at " + p.host
	var found []Result
	for _, c := range certs {
		found = append(found, Result{
			Candidate: Candidate{Certificate: c, Source: source, Address: a.String()},
			evidence:  attest(c, a, fmt.Sprintf("given out by %s for %s", source, a)),
		})
	}
	return found, nil
}

// directory is a Web Key Directory.
type directory struct{ host, path, port string }

// url returns where something of it is. local is the local part as it was
// given, for servers that distinguish what the digest does not (Section 3.1).
func (d directory) url(path, local string) string {
	u := url.URL{Scheme: "https", Host: d.host, Path: d.path + path}
	if d.port != "" {
		u.Host = net.JoinHostPort(d.host, d.port)
	}
	if local != "" {
		u.RawQuery = url.Values{"l": {local}}.Encode()
	}
	return u.String()
}

// nothing says whether the domain has a directory at all: every directory has a
// policy (Section 4.5).
func (w *Web) nothing(ctx context.Context, d directory, a mailbox.Address) error {
	_, err := w.get(ctx, d.url("/policy", ""), maxPolicy)
	if err == nil {
		return fmt.Errorf("%w: the Web Key Directory at %s has no key for %s", ErrNotFound, d.host, a)
	}
	return fmt.Errorf("%w: %s has no Web Key Directory that knows %s", ErrNotFound, d.host, a)
}

// noSuchHost reports whether err is that there is no such name in DNS, or none
// with an address, and not that nobody could be asked.
func noSuchHost(err error, host string) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound && !e.IsTemporary && strings.TrimSuffix(e.Name, ".") == host
}

// wkdName returns the name of what is in a directory for a local part, Section
// 3.1: SHA-1 of it with what is ASCII in lower case, in Z-Base-32 (RFC 6189,
// Section 5.1.6).
func wkdName(local string) string {
	const alphabet = "ybndrfg8ejkmcpqxot1uwisza345h769"
	sum := sha1.Sum([]byte(lowerASCII(local)))
	return base32.NewEncoding(alphabet).WithPadding(base32.NoPadding).EncodeToString(sum[:])
}

// lowerASCII maps the capital letters of ASCII alone.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
