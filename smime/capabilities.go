package smime

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Capabilities is what somebody's mail programs read, as they say in signed
// mail (SMIMECapabilities: RFC 8551, Section 2.5.2) or as the caller states. A
// certificate may say it too (RFC 4262), and needs nothing of this.
//
// They take effect only where they are applied by
//
//	bob, err = bob.With(capabilities.Note())
//
// and then let [envelope.Auto] choose AES-256-GCM for Bob if they list it. They
// never make it choose anything weaker than AES-256. Of two the newer one
// counts, in whatever order they are applied. Immutable, and safe for
// concurrent use; the zero value says nothing.
type Capabilities struct {
	reads reads
	of    *certificate // whose they are; nil: the caller says
}

// reads is what is known of a reader.
type reads struct {
	algorithms []oid
	when       time.Time
	source     string // as reasons name it
}

func (r *reads) list(o oid) bool { return slices.Contains(r.algorithms, o) }

const (
	// maxCapabilities is several times what the longest list in use has.
	maxCapabilities = 128

	// futureCapabilities is how far in the future a signature may be made: a day is
	// what a wrong time zone and a date of tomorrow make. Later ones would
	// win over all that is said in earnest until then.
	futureCapabilities = 24 * time.Hour
)

// CapabilitiesOf returns what a signature says that its signer reads. The
// signature must be valid and by a [envelope.Signature.Sender]: otherwise
// anybody could say what Bob reads. now is the time of day.
//
// The error says why it counts for nothing: not valid, by nobody known,
// without a signing time or with one more than 24 hours in the future, or
// without capabilities. It is no reason not to read the mail.
func CapabilitiesOf(s envelope.Signature, now time.Time) (*Capabilities, error) {
	der := s.Capabilities()
	switch {
	case !s.Valid():
		return nil, fmt.Errorf("smime: a signature that is not valid says nothing of its signer: it %s", s.Problem())
	case s.Sender == nil:
		return nil, errors.New("smime: the signature is valid and not by a known sender: what it says is said of nobody")
	case len(der) == 0:
		return nil, errors.New("smime: the signature does not say what its signer reads")
	case s.Time.IsZero():
		return nil, errors.New("smime: the signature has no time: what it says of its signer may be of any age")
	case s.Time.After(now.Add(futureCapabilities)):
		return nil, fmt.Errorf("smime: the signature was made on %s, which is to come", s.Time.UTC().Format(time.DateOnly))
	}
	of, err := insideOf(s.Sender.Certificate())
	if err != nil {
		return nil, err
	}
	algorithms, ok := parseCapabilities(der)
	if !ok {
		return nil, errors.New("smime: what the signature says of its signer is damaged")
	}
	return &Capabilities{of: of, reads: reads{algorithms, s.Time, "signed mail of " + s.Time.UTC().Format(time.DateOnly)}}, nil
}

// Reads states what somebody reads, as known at the time when: what they said
// on the telephone, or what a list that the caller keeps says. Algorithms are
// named as by [Capabilities.Algorithms], in any case; an unknown name is an
// error. Naming none states that nothing is known.
func Reads(when time.Time, algorithms ...string) (*Capabilities, error) {
	if when.IsZero() {
		return nil, errors.New("smime: since when is it known what they read? Give the time")
	}
	c := &Capabilities{reads: reads{when: when, source: "stated on " + when.UTC().Format(time.DateOnly)}}
	for _, name := range algorithms {
		i := slices.IndexFunc(capabilityNames(), func(n capabilityName) bool { return strings.EqualFold(n.name, name) })
		if i < 0 {
			var all []string
			for _, n := range capabilityNames() {
				all = append(all, n.name)
			}
			return nil, fmt.Errorf("smime: the algorithm %q is not known: give one of %s", cut(name), strings.Join(all, ", "))
		}
		c.reads.algorithms = append(c.reads.algorithms, capabilityNames()[i].oid)
	}
	return c, nil
}

// Time returns when it was said.
func (c *Capabilities) Time() time.Time { return c.reads.when }

// Algorithms returns what is listed, the preferred first, as far as it has a
// name here: "AES-256-GCM", "3DES-CBC".
func (c *Capabilities) Algorithms() []string {
	var out []string
	for _, o := range c.reads.algorithms {
		for _, n := range capabilityNames() {
			if n.oid == o {
				out = append(out, n.name)
			}
		}
	}
	return out
}

// Note returns c for [keyring.Verified.With]. There it is refused for an
// OpenPGP certificate, and if a signature said it, for a certificate that is
// not the signer's and has no address in common with it: people have one for
// signatures and another one for encryption. What is older than what is known
// already, of the certificate itself by the begin of its validity, changes
// nothing.
func (c *Capabilities) Note() keyring.Note { return keyring.Note(seam.Wrap[seam.Note](c.note())) }

func (c *Capabilities) note() *note { return &note{*c} }

// note implements seam.Note.
type note struct{ c Capabilities }

// Apply implements seam.Note.
func (n *note) Apply(to seam.Certificate) (seam.Certificate, error) {
	c, ok := to.(*certificate)
	if !ok {
		return nil, errNotOurs
	}
	if of := n.c.of; of != nil && of != c && !sameOwner(of, c) {
		return nil, fmt.Errorf("%w: what %s says that its owner reads is not said of %s, which has no address in common with it", keyring.ErrRefused, of.fingerprint(), c.fingerprint())
	}
	if c.reads != nil && !n.c.reads.when.After(c.reads.when) {
		return c, nil
	}
	with := *c
	with.reads = &n.c.reads
	return &with, nil
}

// sameOwner reports whether two certificates are the same or have a mail
// address in common. Domains are compared without regard to case.
func sameOwner(a, b *certificate) bool {
	if string(a.x.Raw) == string(b.x.Raw) {
		return true
	}
	same := func(x, y string) bool {
		i, j := strings.LastIndexByte(x, '@'), strings.LastIndexByte(y, '@')
		return i > 0 && j > 0 && x[:i] == y[:j] && strings.EqualFold(x[i:], y[j:])
	}
	return slices.ContainsFunc(a.addresses, func(x string) bool {
		return slices.ContainsFunc(b.addresses, func(y string) bool { return same(x, y) })
	})
}

// insideOf returns what a certificate of this package holds.
func insideOf(k *keyring.Certificate) (*certificate, error) {
	if k == nil {
		return nil, errNotOurs
	}
	c, ok := seam.Opaque[seam.Certificate](*k).Unwrap().(*certificate)
	if !ok {
		return nil, errNotOurs
	}
	return c, nil
}

// readsOf returns what the certificate itself lists in its capabilities
// extension (RFC 4262, Section 2), nil if it has none.
func readsOf(x *x509.Certificate) *reads {
	for _, e := range x.Extensions {
		if e.Id.String() == smimeCapabilitiesText {
			algorithms, _ := parseCapabilities(e.Value)
			return &reads{algorithms, x.NotBefore, "certificate"}
		}
	}
	return nil
}

// smimeCapabilitiesText is oidSMIMECapabilities in the form that crypto/x509 gives.
const smimeCapabilitiesText = "1.2.840.113549.1.9.15"

// parseCapabilities returns what SMIMECapabilities list; nothing if they are
// damaged anywhere. RFC 8551, Section 2.5.2:
//
//	SMIMECapabilities ::= SEQUENCE OF SMIMECapability
//	SMIMECapability ::= SEQUENCE {
//	   capabilityID OBJECT IDENTIFIER,
//	   parameters ANY DEFINED BY capabilityID OPTIONAL }
func parseCapabilities(der []byte) (out []oid, ok bool) {
	s := cryptobyte.String(der)
	var list cryptobyte.String
	if !s.ReadASN1(&list, asn1.SEQUENCE) || !s.Empty() {
		return nil, false
	}
	for !list.Empty() {
		var one cryptobyte.String
		var id oid
		if !list.ReadASN1(&one, asn1.SEQUENCE) || !readOID(&one, &id) || len(out) == maxCapabilities {
			return nil, false
		}
		out = append(out, id)
	}
	return out, true
}

// capabilityName is how an algorithm is named to people.
type capabilityName struct {
	name string
	oid  oid
}

func capabilityNames() []capabilityName {
	return []capabilityName{
		{nameGCM, oidAES256GCM}, {"AES-192-GCM", oidAES192GCM}, {"AES-128-GCM", oidAES128GCM},
		{nameCBC, oidAES256CBC}, {"AES-192-CBC", oidAES192CBC}, {"AES-128-CBC", oidAES128CBC},
		{nameChaCha, oidChaCha20Poly1305}, {"CEK-HKDF-SHA256", oidCEKHKDF},
		{"3DES-CBC", oidDESEDE3CBC}, {"RSA-OAEP", oidRSAOAEP}, {"RSA-PSS", oidRSAPSS},
	}
}

// ourCapabilities returns the SMIMECapabilities that we write, the preferred
// first: what this package reads. A certificate outlives the program that made
// it, and its key goes into others: only signed mail, which says what reads
// today, lists more, what few others know.
func ourCapabilities(more ...oid) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, o := range append([]oid{
			oidAES256GCM, oidAES128GCM, oidChaCha20Poly1305, oidAES256CBC, oidAES128CBC,
			oidStdDHSHA256KDF, oidStdDHSHA384KDF, oidRSAOAEP,
		}, more...) {
			b.AddASN1(asn1.SEQUENCE, o.add)
		}
	})
	return b.Bytes()
}

// mailCapabilities is what signed mail says beside what certificates say: RFC
// 9709, Section 5 for the derived key, RFC 8418, Section 2.2 for X25519 and X448,
// RFC 9936, Section 2.3 for ML-KEM, RFC 4056, Section 4 for PSS.
func mailCapabilities() ([]byte, error) {
	return ourCapabilities(oidCEKHKDF, oidStdDHHKDFSHA256, oidStdDHHKDFSHA384, oidStdDHHKDFSHA512,
		oidMLKEM768, oidMLKEM1024, oidRSAPSS)
}

// knownToRead reports whether c's owner is known to read what is encrypted or
// signed with o. One who lists AES-128-GCM alone does not say that they read
// the one of 256 bits, which is what we would write.
func (c *certificate) knownToRead(o oid) bool { return c.reads != nil && c.reads.list(o) }

// allRead reports whether there are recipients, and each one is known to read
// what is encrypted or signed with o.
func allRead(to []seam.Certificate, o oid) bool {
	return len(to) > 0 && !slices.ContainsFunc(to, func(x seam.Certificate) bool {
		c, ok := x.(*certificate)
		return !ok || !c.knownToRead(o)
	})
}

// reason says why the content is encrypted as it is.
func (s *sealing) reason() string {
	if s.plan.Profile != seam.Auto {
		return s.facts.Content + ": the " + [...]string{seam.Modern: "Modern", seam.Compatible: "Compatible", seam.PostQuantum: "PostQuantum"}[s.plan.Profile] + " profile"
	}
	n := len(s.recipients)
	if !s.aead {
		return fmt.Sprintf("%s: %d of %d recipients not known to read %s", s.facts.Content, len(s.facts.LoweredBy), n, nameGCM)
	}
	count := map[string]int{}
	for _, c := range s.recipients {
		if c.reads != nil {
			count[c.reads.source]++
		}
	}
	var parts []string
	for source, k := range count {
		if k > 1 {
			source = fmt.Sprintf("%s, %d", source, k)
		}
		parts = append(parts, source)
	}
	slices.SortFunc(parts, func(a, b string) int { return cmp.Or(-cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	const most = 5
	if len(parts) > most {
		parts = append(parts[:most], "and others")
	}
	if n == 0 {
		return s.facts.Content
	}
	return fmt.Sprintf("%s: every recipient lists it (%s)", s.facts.Content, strings.Join(parts, "; "))
}
