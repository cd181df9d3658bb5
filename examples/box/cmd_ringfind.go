package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// findFlags are where keys are looked for.
type findFlags struct {
	wkd     bool
	hkp     string
	ca      string
	private bool
	dane    string
	trusted bool
	ldap    string
	base    string
}

func (f *findFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.BoolVar(&f.wkd, "wkd", false, "ask the Web Key Directory of the address' domain")
	fl.StringVar(&f.hkp, "hkp", "", "ask the key server at this `URL`")
	fl.StringVar(&f.dane, "dane", "", "ask for the DNS records of the address (OPENPGPKEY, SMIMEA), at the resolver `HOST:PORT`")
	fl.BoolVar(&f.trusted, "trusted-resolver", false, "the resolver of --dane validates by DNSSEC, and nobody is between it and this machine")
	f.servers(c)
}

// addDirectory adds the flags of an LDAP directory.
func (f *findFlags) addDirectory(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.ldap, "ldap", "", "ask the LDAP directory at this `URL`, as companies have one: ldaps://HOST, or ldap://HOST for StartTLS")
	fl.StringVar(&f.base, "ldap-base", "", "the `NAME` below which people are in it: ou=people,dc=example,dc=org")
}

// servers adds what says which servers are believed.
func (f *findFlags) servers(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.ca, "ca", "", "servers are certified by an authority in this `FILE` (default: those of the system)")
	fl.BoolVar(&f.private, "allow-private", false, "servers may be in a private network, or on this machine")
}

func (a *app) ringFindCommand() *cobra.Command {
	var f findFlags
	var asJSON, force bool
	var out string
	c := &cobra.Command{
		Use:   "find [--wkd] [--hkp URL] [--dane RESOLVER] [--ldap URL --ldap-base NAME] ADDRESS",
		Short: "Look for somebody's key on the network; nothing is remembered",
		Long: `Look for the keys of an address: in the Web Key Directory of its domain unless
another source is named. What is found is shown and not believed: anybody can
put a key in anybody's name on a key server, and a domain's server can give out
what it wants, and a directory what somebody wrote into it. With -o what is found
is written to a file, too. Compare the fingerprint with what the owner tells you,
and add it: box ring add FILE FINGERPRINT, or from the Web Key Directory box ring
add ADDRESS FINGERPRINT.`,
		Example: `  box ring find bob@example.org
  box ring find --hkp https://keys.openpgp.org -o bob.pub bob@example.org
  box ring find --ldap ldaps://ldap.example.org --ldap-base dc=example,dc=org bob@example.org`,
		Args: exactly(1, "ADDRESS"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.wkd = f.wkd || f.hkp == "" && f.dane == "" && f.ldap == "" && f.base == ""
			all, err := a.find(cmd.Context(), args[0], &f)
			if err != nil {
				return err
			}
			if err := a.printFound(args[0], all, asJSON); err != nil || out == "" {
				return err
			}
			return a.writeFound(all, out, force)
		},
	}
	f.add(c)
	f.addDirectory(c)
	outputFlags(c, &out, &force)
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON, for programs")
	return c
}

func (a *app) printFound(address string, all []found, asJSON bool) error {
	out := []importedJSON{}
	var rows [][]string
	for _, c := range all {
		f := c.Certificate.Fingerprint().String()
		out = append(out, importedJSON{f, c.Certificate.Addresses(), c.Source, c.Notes, "found"})
		rows = append(rows, []string{f, strings.Join(c.Certificate.Addresses(), ", "), c.Source, strings.Join(c.Notes, "; ")})
	}
	switch {
	case asJSON:
		if err := a.writeIndented(out); err != nil {
			return err
		}
	case len(rows) > 0:
		printTable(a.stdout, []string{"FINGERPRINT", "STATES", "FROM", "NOTES"}, rows)
	}
	if len(all) == 0 {
		return failed("looking up", address, &nobodyError{errors.New("nobody there has a key for it: ask its owner for the file")})
	}
	return nil
}

// web is how the network is asked.
func (a *app) web(f *findFlags) (discover.Web, error) {
	w := discover.Web{AllowPrivate: f.private}
	if f.ca == "" {
		return w, nil
	}
	b, err := a.readSmall(f.ca)
	if err != nil {
		return w, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(b) {
		return w, failed("reading the certificates", f.ca, errors.New("there is none in PEM in it"))
	}
	w.Client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	return w, nil
}

// find asks the sources for the keys of an address.
func (a *app) find(ctx context.Context, address string, f *findFlags) ([]found, error) {
	if !isAddress(address) {
		return nil, usagef("%s is no mail address", shown(address))
	}
	w, err := a.web(f)
	if err != nil {
		return nil, err
	}
	var out []found
	if f.wkd {
		all, err := w.WKD(ctx, address, pgp.ParseCertificate)
		if err != nil && !errors.Is(err, discover.ErrNotFound) {
			return nil, failed("looking up", address, err)
		}
		for _, c := range all {
			out = append(out, found{c.Candidate, c.Attested()})
		}
	}
	if f.hkp != "" {
		s := discover.KeyServer{URL: f.hkp, Web: w}
		all, err := s.Search(ctx, address, pgp.ParseCertificate)
		if err != nil && !errors.Is(err, discover.ErrNotFound) {
			return nil, failed("looking up", address, err)
		}
		for _, c := range all {
			out = append(out, found{Candidate: c})
		}
	}
	if f.dane != "" {
		d := discover.DNS{Server: f.dane, Trusted: f.trusted}
		for _, ask := range []func() ([]discover.Result, error){
			func() ([]discover.Result, error) { return d.OpenPGPKey(ctx, address, pgp.ParseCertificate) },
			func() ([]discover.Result, error) { return d.SMIMEA(ctx, address, smime.ParseCertificate) },
		} {
			all, err := ask()
			if err != nil && !errors.Is(err, discover.ErrNotFound) {
				return nil, failed("looking up", address, err)
			}
			for _, c := range all {
				out = append(out, found{c.Candidate, c.Attested()})
			}
		}
	}
	if f.ldap != "" || f.base != "" {
		all, err := a.inDirectory(ctx, address, f, w)
		if err != nil {
			return nil, failed("looking up", address, err)
		}
		out = append(out, all...)
	}
	return out, nil
}

// fetch asks the sources for another copy of a key of the ring.
func (a *app) fetch(ctx context.Context, f *findFlags, e keyring.Entry) ([]found, error) {
	w, err := a.web(f)
	if err != nil {
		return nil, err
	}
	var out []found
	var problem error
	if f.hkp != "" {
		s := discover.KeyServer{URL: f.hkp, Web: w}
		c, err := s.Get(ctx, e.Fingerprint, pgp.ParseCertificate)
		if err == nil {
			out = append(out, found{Candidate: *c})
		}
		problem = err
	}
	if f.wkd && isAddress(e.Address) {
		all, err := w.WKD(ctx, e.Address, pgp.ParseCertificate)
		for _, c := range all {
			out = append(out, found{Candidate: c.Candidate})
		}
		problem = errors.Join(problem, err)
	}
	if len(out) == 0 && problem == nil {
		problem = fmt.Errorf("%w: a domain has no directory", discover.ErrNotFound)
	}
	if len(out) > 0 {
		return out, nil
	}
	return nil, problem
}
