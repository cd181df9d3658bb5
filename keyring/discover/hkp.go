package discover

import (
	"context"
	"crypto/fips140"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// maxKeyServer is the size of a key server's answer in octets: anybody may add
// signatures to what it has, and somebody once added 150,000 of them to one.
// The parser drops what is not the owner's.
const maxKeyServer = 16 << 20

// KeyServer is an OpenPGP key server (HKP over TLS, draft-ietf-openpgp-hkp). It
// holds what anybody gave it in anybody's name, and may answer with whatever it
// likes: nothing that it says is evidence.
type KeyServer struct {
	// Web is how it is asked.
	Web Web

	// URL is "hkps://keys.example.org" or "https://keys.example.org", a port and
	// a path before "/pks" being allowed. Without TLS everybody on the way would
	// learn whose keys are looked for, and could leave a revocation out.
	URL string

	// Path, if not nil, returns where the server has the certificate with a
	// fingerprint: a path with its query below URL. It is for servers that speak
	// another version of the protocol. nil: "/pks/lookup?…" of version 1, which
	// all servers have.
	Path func(f keyring.Fingerprint) string
}

// Get returns the certificate with this whole fingerprint, that of its primary
// key; never by a key ID, which others can be made to have. What is learned of
// it, a revocation or a new subkey, is verified by its own signatures, so that
// a copy of a key that is believed already can be merged with it. parse is
// pgp.ParseCertificate.
//
// The error is [ErrNotFound] where the server has none, and [keyring.ErrRefused]
// where its answer is not taken: a [*keyring.MismatchError] if what came has
// another fingerprint. Any other error is one of the network.
func (s *KeyServer) Get(ctx context.Context, f keyring.Fingerprint, parse func([]byte) (*keyring.Certificate, error)) (*Candidate, error) {
	digits := f.String()
	x509 := strings.HasPrefix(f.URI(), "x-smimefpr:")
	switch {
	case x509 || strings.Trim(digits, "0123456789ABCDEF") != "" || len(digits) != 2*sha1.Size && len(digits) != 2*sha256.Size:
		return nil, refuse("a key server is asked by the fingerprint of an OpenPGP key, 40 or 64 hexadecimal digits, and not by %.80q", f)
	case fips140.Enforced() && len(digits) == 2*sha1.Size:
		return nil, refuse("a fingerprint of OpenPGP version 4 is SHA-1, which GODEBUG=fips140=only does not allow")
	}
	path := "/pks/lookup?" + url.Values{"op": {"get"}, "options": {"mr"}, "exact": {"on"}, "search": {"0x" + digits}}.Encode()
	if s.Path != nil {
		path = s.Path(f)
	}
	found, err := s.fetch(ctx, path, parse)
	if err != nil {
		return nil, err
	}
	for _, c := range found {
		if f.Matches(c.Certificate.Fingerprint()) {
			return &c, nil
		}
	}
	return nil, &keyring.MismatchError{Want: f, Got: found[0].Certificate.Fingerprint()}
}

// Search returns the certificates that state an address, of which any number
// may be made by others than its owner. parse is pgp.ParseCertificate. Errors
// are those of [KeyServer.Get].
func (s *KeyServer) Search(ctx context.Context, address string, parse func([]byte) (*keyring.Certificate, error)) ([]Candidate, error) {
	a, err := person(address)
	if err != nil {
		return nil, err
	}
	found, err := s.fetch(ctx, "/pks/lookup?"+url.Values{"op": {"get"}, "options": {"mr"}, "exact": {"on"}, "search": {a.String()}}.Encode(), parse)
	if err != nil {
		return nil, err
	}
	var theirs []Candidate
	for _, c := range found {
		for _, stated := range c.Certificate.Addresses() {
			if mailbox.Same(stated, a.String()) {
				c.Address = a.String()
				theirs = append(theirs, c)
				break
			}
		}
	}
	if len(theirs) == 0 {
		return nil, fmt.Errorf("%w: %.80q has certificates, and none states %s", ErrNotFound, s.URL, a)
	}
	return theirs, nil
}

// fetch returns what is at a path, which is one certificate or more.
func (s *KeyServer) fetch(ctx context.Context, path string, parse func([]byte) (*keyring.Certificate, error)) ([]Candidate, error) {
	u, err := s.at(path)
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.Web.limit(ctx)
	defer cancel()
	p, err := s.Web.get(ctx, u, maxKeyServer)
	if err != nil {
		return nil, err
	}
	found, problems := Read("key server "+p.host, p.body, parse)
	switch {
	case len(found) == 0 && len(problems) > 0:
		return nil, refuse("%v", problems[0])
	case len(found) == 0:
		return nil, refuse("%s answered without a certificate", p.host)
	}
	return found, nil
}

// at returns the whole address of a path.
func (s *KeyServer) at(path string) (string, error) {
	u, err := url.Parse(s.URL)
	if err == nil && u.User != nil {
		return "", refuse("the key server %.80q has a password in it: hkps://%.80s", u.Redacted(), u.Host)
	}
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return "", refuse("%.80q is no address of a key server: hkps://keys.example.org", s.URL)
	}
	switch u.Scheme {
	case "hkps", "https":
		u.Scheme = "https"
	default:
		return "", refuse("the key server %.80q is not asked over TLS: hkps://%.80s", s.URL, u.Host)
	}
	if !strings.HasPrefix(path, "/") {
		return "", refuse("%.80q is no path of a key server: it begins with a slash", path)
	}
	return strings.TrimSuffix(u.String(), "/") + path, nil
}
