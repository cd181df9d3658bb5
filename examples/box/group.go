package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/doublekeybox/doublekeybox/internal/atomicfile"
	"github.com/doublekeybox/doublekeybox/smime"
)

// The files of a group's authority.
const (
	groupKey         = "ca.key"     // PKCS#8, for its owner alone
	groupCertificate = "ca.crt"     // what the members trust
	groupIndex       = "index.json" // what was issued and revoked
	groupCRL         = "ca.crl"
	groupLock        = "lock"

	// groupLifetime is how long the authority is good for; members' keys end
	// after two years.
	groupLifetime = 10 * 365 * 24 * time.Hour
)

// group is a small authority for a closed group: it issues certificates for
// mail, and revokes them.
type group struct {
	dir   string
	key   crypto.Signer
	cert  *x509.Certificate
	index groupList
}

// groupList is what is in index.json.
type groupList struct {
	CRLNumber int64     `json:"crl_number"`        // of the last list; RFC 5280, Section 5.2.3: they grow
	CRLURL    string    `json:"crl_url,omitempty"` // where the lists are published, if anywhere
	Issued    []*member `json:"issued"`
}

// member is one certificate.
type member struct {
	Serial      string     `json:"serial"` // hexadecimal
	Address     string     `json:"address"`
	Fingerprint string     `json:"fingerprint"` // SHA-256 of the certificate
	Issued      time.Time  `json:"issued"`
	NotAfter    time.Time  `json:"not_after"`
	Revoked     *time.Time `json:"revoked,omitempty"`
	Reason      int        `json:"reason,omitempty"` // RFC 5280, Section 5.3.1
}

// groupDir returns the directory of a group: a name is one in the user's
// configuration, and what has a slash is a directory itself.
func groupDir(name string) (string, error) {
	if strings.ContainsAny(name, `/\`) {
		return filepath.Clean(name), nil
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' {
			return "", usagef("--group %q: a name of letters, digits, - and _, or a directory with a / in it", cut(name))
		}
	}
	if name == "" {
		return "", usagef("the name of the group is missing")
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(config, "box", "groups", name), nil
}

// lockGroup makes sure that no other process changes the group: two lists at
// the same time would lose a serial number.
func lockGroup(dir string) (unlock func(), err error) {
	path := filepath.Join(dir, groupLock)
	if err := os.Mkdir(path, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, failed("locking the group", dir, fmt.Errorf("another box is at work in it; if there is none, remove %s", shown(path)))
		}
		return nil, failed("locking the group", dir, err)
	}
	return func() { os.Remove(path) }, nil
}

// openGroup reads an authority that is there.
func openGroup(dir string) (*group, error) {
	g := &group{dir: dir}
	block, err := g.readPEM(groupKey, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	defer clear(block)
	private, err := x509.ParsePKCS8PrivateKey(block)
	if err != nil {
		return nil, failed("reading", g.path(groupKey), err)
	}
	var ok bool
	if g.key, ok = private.(crypto.Signer); !ok {
		return nil, failed("reading", g.path(groupKey), errors.New("the key signs nothing"))
	}
	if block, err = g.readPEM(groupCertificate, "CERTIFICATE"); err != nil {
		return nil, err
	}
	if g.cert, err = x509.ParseCertificate(block); err != nil {
		return nil, failed("reading", g.path(groupCertificate), err)
	}
	b, err := os.ReadFile(g.path(groupIndex))
	if err != nil {
		return nil, failed("reading", g.path(groupIndex), err)
	}
	if err := json.Unmarshal(b, &g.index); err != nil {
		return nil, failed("reading", g.path(groupIndex), err)
	}
	if slices.Contains(g.index.Issued, nil) {
		return nil, failed("reading", g.path(groupIndex), errors.New("it lists a certificate that is null"))
	}
	return g, nil
}

func (g *group) path(name string) string { return filepath.Join(g.dir, name) }

func (g *group) readPEM(name, kind string) ([]byte, error) {
	b, err := os.ReadFile(g.path(name))
	if err != nil {
		return nil, failed("reading", g.path(name), err)
	}
	block, _ := pem.Decode(b)
	if block == nil || block.Type != kind {
		return nil, failed("reading", g.path(name), fmt.Errorf("no PEM block %q", kind))
	}
	return block.Bytes, nil
}

// save writes the index in one step.
func (g *group) save() error {
	b, err := json.MarshalIndent(&g.index, "", "  ")
	if err != nil {
		return err
	}
	return failed("writing", g.path(groupIndex), atomicfile.WriteFile(g.path(groupIndex), append(b, '\n'), atomicfile.Options{Replace: true, Secret: true}))
}

// newGroup makes an authority. RSA is what every mail program reads.
func newGroup(dir string) (*group, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, failed("making the group", dir, err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Mail authority " + filepath.Base(dir)},
		NotBefore:    now.Add(-time.Hour).Truncate(time.Second),
		NotAfter:     now.Add(groupLifetime).Truncate(time.Second),
		// RFC 5280, Section 4.2.1.3: it signs certificates and lists of revoked
		// ones, and nothing else.
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true, // it issues to people, not to authorities
		// Whoever trusts it trusts it for mail, and not for the web.
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	g := &group{dir: dir, key: key}
	if g.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	defer clear(private)
	// All three or none, and over nothing that is there: an authority whose
	// key was lost is not to be mixed with a new one.
	var files []*atomicfile.File
	for _, f := range []struct {
		name     string
		contents []byte
	}{
		{groupKey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})},
		{groupCertificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})},
		{groupIndex, []byte("{}\n")},
	} {
		file, err := atomicfile.Create(g.path(f.name), atomicfile.Options{Secret: f.name != groupCertificate})
		if err != nil {
			return nil, failed("making the group", g.path(f.name), err)
		}
		defer file.Discard()
		if _, err := file.Write(f.contents); err != nil {
			return nil, failed("making the group", g.path(f.name), err)
		}
		files = append(files, file)
	}
	return g, failed("making the group", dir, atomicfile.CommitAll(files...))
}

// newSerial returns a random number of 127 bits, which nobody can foresee and
// which is positive in 16 octets (RFC 5280, Section 4.1.2.2).
func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	return n.SetBit(n, 126, 1), nil
}

// issueFromGroup returns k with a certificate of the group's authority, which
// is made if it is not there. A crlURL that is not empty is where the lists of
// revoked certificates are from now on.
func (a *app) issueFromGroup(name, crlURL string, k *smime.Key) (*smime.Key, error) {
	dir, err := groupDir(name)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, failed("making the group", dir, err)
	}
	unlock, err := lockGroup(dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	g, err := openGroup(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if g, err = newGroup(dir); err == nil {
			a.say("made the authority of the group: its members trust %s; keep %s secret, whoever has it is everybody", shown(g.path(groupCertificate)), shown(g.path(groupKey)))
		}
	}
	if err != nil {
		return nil, err
	}
	if crlURL != "" {
		g.index.CRLURL = crlURL
	}
	return g.issue(k)
}

// mostURL is longer than any address that somebody types.
const mostURL = 1024

// checkCRLURL refuses what programs would not fetch: the field holds ASCII, and
// of the schemes in RFC 5280, Section 4.2.1.13, all know http.
func checkCRLURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || len(s) > mostURL ||
		strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return usagef("--crl-url %q: give an address such as http://example.org/club.crl", cut(s))
	}
	return nil
}

// issue issues for the name, the addresses and the key usage of a self-signed
// certificate. The index has it before anybody else does: a certificate that
// is not in it could not be revoked.
func (g *group) issue(k *smime.Key) (*smime.Key, error) {
	x, err := x509.ParseCertificate(k.Certificate().Marshal())
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: x.Subject.CommonName},
		NotBefore:             maxTime(x.NotBefore, g.cert.NotBefore),
		NotAfter:              minTime(x.NotAfter, g.cert.NotAfter),
		KeyUsage:              x.KeyUsage,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		EmailAddresses:        x.EmailAddresses,
		SubjectKeyId:          x.SubjectKeyId,
		BasicConstraintsValid: true,
		ExtraExtensions:       capabilitiesIn(x),
	}
	if g.index.CRLURL != "" {
		template.CRLDistributionPoints = []string{g.index.CRLURL}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, g.cert, x.PublicKey, g.key)
	if err != nil {
		return nil, fmt.Errorf("issuing from the group: %w", err)
	}
	sum := sha256.Sum256(der)
	g.index.Issued = append(g.index.Issued, &member{
		Serial: serial.Text(16), Address: strings.Join(x.EmailAddresses, " "), Fingerprint: hex.EncodeToString(sum[:]),
		Issued: time.Now().UTC().Truncate(time.Second), NotAfter: template.NotAfter,
	})
	if err := g.save(); err != nil {
		return nil, err
	}
	return withCertificate(k, der)
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// find returns the member with a serial number, a fingerprint, or an address
// that has one certificate that is not revoked.
func (g *group) find(what string) (*member, error) {
	var found []*member
	for _, m := range g.index.Issued {
		switch {
		case strings.EqualFold(m.Serial, what), strings.EqualFold(m.Fingerprint, what):
			return m, nil
		case strings.EqualFold(m.Address, what) && m.Revoked == nil:
			found = append(found, m)
		}
	}
	switch len(found) {
	case 0:
		return nil, failed("looking in the group", g.dir, fmt.Errorf("it issued nothing with the serial number, fingerprint or address %q that is not revoked", cut(what)))
	case 1:
		return found[0], nil
	}
	return nil, failed("looking in the group", g.dir, fmt.Errorf("%q has %d certificates: give the serial number, such as %q", cut(found[0].Address), len(found), cut(found[0].Serial)))
}

// crl makes the list of what is revoked, good until next, in DER: programs take
// no other from a file or over HTTP (RFC 2585, Section 3). Certificates that
// have ended by themselves are left out (RFC 5280, Section 3.3).
func (g *group) crl(now, next time.Time) ([]byte, error) {
	g.index.CRLNumber++
	list := &x509.RevocationList{Number: big.NewInt(g.index.CRLNumber), ThisUpdate: now, NextUpdate: next}
	for _, m := range g.index.Issued {
		if m.Revoked == nil || m.NotAfter.Before(now) {
			continue
		}
		serial, ok := new(big.Int).SetString(m.Serial, 16)
		if !ok {
			return nil, failed("reading", g.path(groupIndex), fmt.Errorf("%q is no serial number", cut(m.Serial)))
		}
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: serial, RevocationTime: *m.Revoked, ReasonCode: m.Reason})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, g.cert, g.key)
	if err != nil {
		return nil, err
	}
	// The number is used up whether the list is published or not.
	if err := g.save(); err != nil {
		return nil, err
	}
	return der, nil
}
