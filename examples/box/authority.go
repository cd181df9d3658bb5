package main

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// authorityFlags are whose word is taken for FILE=ADDRESS.
type authorityFlags struct {
	roots, intermediates, revocation []string
	list                             string
	always                           bool // they decide also where no FILE=ADDRESS is given

	made *smime.Authorities // of the above, once for all recipients
}

// addAuthorityFlags adds them to a command that takes FILE=ADDRESS with the
// flag of this name; a list of them may be given for --to.
func (a *app) addAuthorityFlags(c *cobra.Command, flag string) {
	fl := c.Flags()
	what := "for " + flag + " FILE=ADDRESS: "
	if flag == "FILE" { // that has no address behind it
		what = ""
	}
	fl.StringArrayVar(&a.authority.roots, "roots", nil, what+"take the word of the authorities in this `FILE` (again for more) on whose certificate is whose")
	fl.StringArrayVar(&a.authority.intermediates, "intermediates", nil, "certificates between the roots and FILE, in this `FILE`; those in FILE itself are used anyway")
	fl.StringArrayVar(&a.authority.revocation, "crl", nil, "with --roots: a list of revoked certificates, or an OCSP response, in this `FILE`; with it, all on the way to a root must be known to be good")
	if flag == "--to" {
		fl.StringVar(&a.authority.list, "to-list", "", "a `FILE` with more recipients: on each line what --to takes; # begins a comment")
	}
}

// listed returns the recipients in the file of --to-list.
func (a *app) listed() ([]string, error) {
	if a.authority.list == "" {
		return nil, nil
	}
	b, err := a.readSmall(a.authority.list)
	if err != nil {
		return nil, err
	}
	var out []string
	number := 0
	for line := range strings.Lines(string(b)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if _, err := splitNamed("--to", line); err != nil {
			return nil, failed("reading", a.authority.list, fmt.Errorf("line %d: %w", number, err))
		}
		out = append(out, line)
	}
	if len(out) == 0 {
		return nil, failed("reading", a.authority.list, errors.New("no line of it names a recipient: FILE=ADDRESS or FILE=FINGERPRINT"))
	}
	return out, nil
}

// authorities reads the files of the flags, once.
func (a *app) authorities(flag string) (*smime.Authorities, error) {
	f := &a.authority
	if f.made != nil {
		return f.made, nil
	}
	if len(f.roots) == 0 {
		return nil, usagef("%s FILE=ADDRESS takes an authority's word for whose the certificate is: say which authorities with --roots FILE, or give %s FILE=FINGERPRINT", flag, flag)
	}
	out := &smime.Authorities{}
	for _, in := range []struct {
		names []string
		to    *[]*keyring.Certificate
	}{{f.roots, &out.Roots}, {f.intermediates, &out.Intermediates}} {
		for _, name := range in.names {
			b, err := a.readBundle(name)
			if err != nil {
				return nil, err
			}
			certs, err := smime.ParseCertificates(b)
			if err != nil {
				return nil, failed("reading the certificates", name, err)
			}
			*in.to = append(*in.to, certs...)
		}
	}
	for _, name := range f.revocation {
		b, err := a.readAtMost(name, mostRevocationBytes)
		if err != nil {
			return nil, err
		}
		for _, der := range derOf(b) {
			if err := isRevocation(der); err != nil {
				return nil, failed("reading the list of revoked certificates", name, err)
			}
			out.Revocation = append(out.Revocation, der)
		}
	}
	f.made = out
	return out, nil
}

// authorityInUse refuses flags that would change nothing: who gives a list of
// revoked certificates must not believe that a fingerprint is checked against
// it.
func (a *app) authorityInUse(flag string, all []named) error {
	f := &a.authority
	if len(f.roots)+len(f.intermediates)+len(f.revocation) == 0 || f.always {
		return nil
	}
	for _, n := range all {
		if n.address != "" {
			return nil
		}
	}
	return usagef("--roots, --intermediates and --crl are for %s FILE=ADDRESS, which takes an authority's word: a fingerprint takes nobody's", flag)
}

// isRevocation tells a CRL (RFC 5280, Section 5.1) or an OCSP response (RFC
// 6960, Section 4.2.1) from another file, as long as its name is known.
func isRevocation(der []byte) error {
	var response struct {
		Status asn1.Enumerated
		Bytes  asn1.RawValue `asn1:"optional,explicit,tag:0"`
	}
	if _, err := asn1.Unmarshal(der, &response); err == nil {
		return nil
	}
	if _, err := x509.ParseRevocationList(der); err != nil {
		return fmt.Errorf("it is neither a CRL nor an OCSP response, in DER or PEM, or it is damaged, or of version 1, which openssl ca writes without crl_extensions (%w)", err)
	}
	return nil
}

const (
	// mostBundleBytes is the size of the largest file of certificates read.
	mostBundleBytes = 4 << 20

	// mostRevocationBytes is the size of the largest CRL read.
	mostRevocationBytes = 64 << 20

	// mostFiles is how many files of a folder are looked into.
	mostFiles = 100_000
)

func (a *app) readBundle(name string) ([]byte, error) { return a.readAtMost(name, mostBundleBytes) }

// derOf returns the contents of the PEM blocks in b, or b.
func derOf(b []byte) (all [][]byte) {
	for rest := b; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		all = append(all, block.Bytes)
	}
	if all == nil {
		return [][]byte{b}
	}
	return all
}

// offered is a certificate with those that came in the same file.
type offered struct {
	cert   *keyring.Certificate
	beside []*keyring.Certificate
}

// folder holds the certificates of a folder by the addresses that they state,
// in small letters: who it is for is checked later.
type folder struct {
	byAddress map[string][]offered
	unread    int // files that are none
}

// certificatesFor returns those in the file, or in all files of the folder,
// that may be address's.
func (a *app) certificatesFor(flag string, n named) ([]offered, error) {
	if info, err := os.Stat(n.file); err == nil && info.IsDir() {
		f, err := a.folder(n.file)
		if err != nil {
			return nil, err
		}
		all := f.byAddress[strings.ToLower(n.address)]
		if len(all) == 0 {
			err := fmt.Errorf("no certificate in it is for %q", n.address)
			if f.unread > 0 {
				err = fmt.Errorf("%w (%d files in it hold none)", err, f.unread)
			}
			return nil, failed(flag, n.file, &nobodyError{err})
		}
		return all, nil
	}
	b, err := a.readBundle(n.file)
	if err != nil {
		return nil, err
	}
	switch k, err := kindOf(b); {
	case err != nil:
		return nil, failed("reading", n.file, err)
	case k == kindPGP:
		return nil, failed(flag, n.file, errors.New("no authority speaks for OpenPGP keys: give FILE=FINGERPRINT, with the fingerprint that the owner told you"))
	}
	return a.offers(n.file, b)
}

// nobodyError is a refusal: nobody was found whose certificate it would be.
type nobodyError struct{ error }

func (nobodyError) Is(target error) bool { return target == keyring.ErrRefused }

func (a *app) offers(name string, b []byte) ([]offered, error) {
	certs, err := smime.ParseCertificates(b)
	if err != nil {
		return nil, failed("reading the certificates", name, err)
	}
	var all []offered
	for _, c := range certs {
		a.files[c.Fingerprint().String()] = name
		all = append(all, offered{c, certs})
	}
	return all, nil
}

// folder reads all files of a folder, once; not those of folders in it.
func (a *app) folder(name string) (*folder, error) {
	if f := a.folders[name]; f != nil {
		return f, nil
	}
	entries, err := os.ReadDir(name)
	switch {
	case err != nil:
		return nil, failed("reading", name, err)
	case len(entries) > mostFiles:
		return nil, failed("reading", name, fmt.Errorf("a folder of more than %d files", mostFiles))
	}
	f := &folder{byAddress: map[string][]offered{}}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		file := filepath.Join(name, e.Name())
		b, err := a.readBundle(file)
		var all []offered
		if err == nil {
			all, err = a.offers(file, b)
		}
		if err != nil {
			f.unread++
			continue
		}
		for _, o := range all {
			for _, address := range o.cert.Addresses() {
				key := strings.ToLower(address)
				f.byAddress[key] = append(f.byAddress[key], o)
			}
		}
	}
	if a.folders == nil {
		a.folders = map[string]*folder{}
	}
	a.folders[name] = f
	return f, nil
}

// verifyAddress returns those of the certificates that an authority says are
// the address's: to seal, all that are for encryption (people have one for
// that and one for signatures, and for a while an old and a new one of each);
// else all.
func (a *app) verifyAddress(flag string, n named) ([]*keyring.Verified, error) {
	authorities, err := a.authorities(flag)
	if err != nil {
		return nil, err
	}
	all, err := a.certificatesFor(flag, n)
	if err != nil {
		return nil, err
	}
	var good, toSeal []*keyring.Verified
	var first error
	for _, o := range all {
		v, err := keyring.Verify(o.cert, smime.ChainTo(n.address, authorities, o.beside...))
		switch {
		case err == nil:
			good = append(good, v)
			if encrypts(o.cert) {
				toSeal = append(toSeal, v)
			}
		case first == nil || states(o.cert, n.address) && !states(all[0].cert, n.address):
			first = err
		}
	}
	switch {
	case len(good) == 0:
		return nil, failed(flag, n.file, first)
	case flag == "--to" && len(toSeal) > 0:
		return toSeal, nil
	}
	return good, nil
}

// states reports whether the certificate may be address's.
func states(c *keyring.Certificate, address string) bool {
	for _, a := range c.Addresses() {
		if strings.EqualFold(a, address) {
			return true
		}
	}
	return false
}

// encrypts reports whether the key usage of the certificate allows that, or
// says nothing.
func encrypts(c *keyring.Certificate) bool {
	x, err := x509.ParseCertificate(bytes.Clone(c.Marshal()))
	return err == nil && (x.KeyUsage == 0 || x.KeyUsage&(x509.KeyUsageKeyEncipherment|x509.KeyUsageKeyAgreement) != 0)
}
