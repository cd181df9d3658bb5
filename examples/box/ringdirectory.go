package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net/http"

	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/doublekeybox/doublekeybox/transport/ldap"
)

// inDirectory asks an LDAP directory, which has the same authorities as the
// servers of the web.
func (a *app) inDirectory(ctx context.Context, address string, f *findFlags, w discover.Web) ([]found, error) {
	switch {
	case f.ldap == "":
		return nil, usagef("--ldap-base %s: of which directory? --ldap URL", shown(f.base))
	case f.base == "":
		return nil, usagef("--ldap needs --ldap-base NAME, below which the people are: ou=people,dc=example,dc=org")
	}
	d := ldap.Directory{URL: f.ldap, Base: f.base, AllowPrivate: f.private, TLS: authoritiesOf(w)}
	all, problems, err := d.Search(ctx, address, smime.ParseCertificate)
	if err != nil && !errors.Is(err, discover.ErrNotFound) {
		return nil, err
	}
	for _, p := range problems {
		a.say("note: %s: %v", shown(p.Where), p.Err)
	}
	var out []found
	for _, c := range all {
		out = append(out, found{Candidate: c})
	}
	return out, nil
}

// authoritiesOf returns those of --ca, nil for those of the system.
func authoritiesOf(w discover.Web) *tls.Config {
	if w.Client == nil {
		return nil
	}
	return w.Client.Transport.(*http.Transport).TLSClientConfig
}

// writeFound writes what was found to a file: each has to be verified like any
// other that came from somewhere.
func (a *app) writeFound(all []found, out string, force bool) error {
	var b bytes.Buffer
	for _, c := range all {
		if isX509(c.Certificate) {
			b.Write(certificatePEM(c.Certificate))
			continue
		}
		text, err := pgp.MarshalArmored(c.Certificate)
		if err != nil {
			return err
		}
		b.Write(text)
	}
	w, err := a.create(out, force, false)
	if err != nil {
		return err
	}
	defer w.discard()
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	return w.commit()
}
