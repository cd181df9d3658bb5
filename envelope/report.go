package envelope

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Report says what a message is. Its texts come from the message: quote them
// before a person sees them. It is the caller's, and nothing changes it later.
// The zero value claims nothing.
type Report struct {
	Format     string // "OpenPGP" or "S/MIME"
	Container  string // "SEIPDv2", "AuthEnvelopedData", "SignedData"
	Content    string // "AES-256-GCM"; "" where nothing is encrypted
	Encrypted  bool
	Armored    bool // text instead of binary
	Beside     bool // in the report of [Inspect] only: parts that readers pass over hold what is not encrypted
	Recipients []Recipient

	// Unauthenticated is true for CBC content that no valid signature covers
	// and for OpenPGP's of before 2003 (packet 9), whatever signs it:
	// released only because [Legacy] allowed it; and in the report of
	// [Inspect], where no key was at hand to find out.
	Unauthenticated bool

	OpenedBy   int         // index in Opener.Identities; -1 where no identity opened it
	Signatures []Signature // in the order of the message; none means unsigned, or, in a Receipt and from Inspect, that they are inside the encryption

	// Certificates came with the message, those that signatures were checked
	// with among them; only [Opener.Examine] and its like return them. NOT
	// trusted: they help to find a chain to an authority that is.
	Certificates []*keyring.Certificate

	LoweredBy []*keyring.Certificate // whose abilities made the container weaker than the best of the profile
	Findings  []string               // what a person should know: weak algorithms, odd encodings
}

// Recipient is what anybody can see of one recipient.
type Recipient struct {
	ID        string // as the message names the recipient: an issuer and serial number, a key ID
	Algorithm string // of the key encryption
	Hidden    bool   // the message names nobody
}

// Signature is the verdict on one signature. The zero value is not valid.
type Signature struct {
	// Sender is the one of Opener.Senders whose key made the signature, nil
	// if it is none of them. Only a Sender says who signed.
	Sender *keyring.Verified

	// Certificate is the one that the signature was checked with, as the
	// message brought it. NOT trusted: it proves that the content is whole,
	// not who signed. Nil if there was none.
	Certificate *keyring.Certificate

	SignerID  string    // as the message names the signer; where it was checked by a key of OpenPGP, that key with its whole fingerprint
	Algorithm string    // "RSA PKCS#1 v1.5, SHA-256"
	Time      time.Time // as the signer claims; zero if not stated
	Text      bool      // made over text: it holds for every kind of line ends

	// CounterSignatures are others' signatures over this one: their word that
	// they saw it. They say nothing of the content. Anybody can add and remove
	// them on the way: they make this signature neither valid nor invalid.
	CounterSignatures []Signature

	// Intended are the OpenPGP keys that the signature says it was made for, by
	// their whole fingerprints in hexadecimal digits (RFC 9580, Section
	// 5.2.3.36). None: it does not say, and whoever received it can have sealed
	// it again for others.
	Intended []string

	status       seam.SignatureStatus
	detail       string
	capabilities []byte
}

// Capabilities returns what the signer's programs read, as the signature
// covers it: SMIMECapabilities in DER for S/MIME. Nil if it is not stated, and
// of a signature that is not valid. smime.CapabilitiesOf reads it.
func (s Signature) Capabilities() []byte {
	if !s.Valid() {
		return nil
	}
	return bytes.Clone(s.capabilities)
}

// Valid reports whether the signature covers exactly the content and its key
// was fit to make it then. Who made it is the question of Sender.
func (s Signature) Valid() bool { return s.status == seam.SignatureValid }

// Bad reports whether the signature was checked with the key of who it says
// made it, and is none over this content: one that was not checked, or that
// proves too little, is not valid and not bad.
func (s Signature) Bad() bool { return s.status == seam.SignatureBad }

// Misdirected reports whether the signature covers exactly the content, and
// names others than who opened it as those whom it was made for: one of them
// can have sealed it again.
func (s Signature) Misdirected() bool { return s.status == seam.SignatureNotIntended }

// Problem says in a few words why the signature is not valid, "" if it is. It
// is one line, and what it repeats of the message is quoted.
func (s Signature) Problem() string {
	switch s.status {
	case seam.SignatureValid:
		return ""
	case seam.SignatureBad:
		return withDetail("does not match the content", s.detail)
	case seam.SignatureWeak:
		return withDetail("is too weak to prove anything", s.detail)
	case seam.SignatureNotInTime:
		return withDetail("was made when its key was not valid", s.detail)
	case seam.SignatureNotIntended:
		return withDetail("was made for other recipients", s.detail)
	case seam.SignatureUnsupported:
		return withDetail("is of a kind that is not supported", s.detail)
	}
	return withDetail("was not checked: its key is not at hand", s.detail)
}

func withDetail(s, detail string) string {
	if detail == "" {
		return s
	}
	return s + ": " + printable(detail)
}

// printable cuts text that may repeat a part of the message, and quotes it
// where it could do more to a terminal or a log than be read.
func printable(s string) string {
	const most = 160
	if len(s) > most {
		s = s[:most] + "…"
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// Receipt is the proof of what was written: the message was parsed again,
// without keys, while it was written, and is exactly what was asked for.
type Receipt struct {
	Report
	Sealed      []keyring.Fingerprint // the recipients asked for, in order
	Evidence    []string              // why each of Sealed is believed, and as whose: keyring.Verified.Evidence
	Passphrases int                   // how many passphrases open it
	Reason      string                // why the content is encrypted as it is, in a few words; "" where there was nothing to choose
	Bytes       int64                 // octets of content; 0 from Rewrap, which does not encrypt it
	Written     int64                 // octets of the message, as dst took them

	Opened *Report // what was opened for it, by Rewrap and Reseal; else nil

	// ContentKeyReused says that the message was rewrapped: who could open
	// the one that it was made from can open this one too, also where that
	// one's recipients were to lose their access.
	ContentKeyReused bool
}

// report makes the public form of f. senders are the Verified that
// OpenPlan.Senders was made of, senderAt their places.
func report(f *seam.Facts, senders []*keyring.Verified) *Report {
	r := &Report{
		Format: f.Format, Container: f.Container, Content: f.Content,
		Encrypted: f.Encrypted, Armored: f.Armored, Beside: f.Beside,
		Unauthenticated: f.Encrypted && f.Auth == seam.AuthNone,
		OpenedBy:        f.OpenedBy,
		Findings:        slices.Clone(f.Findings),
	}
	for _, x := range f.Recipients {
		r.Recipients = append(r.Recipients, Recipient(x))
	}
	for _, c := range f.LoweredBy {
		r.LoweredBy = append(r.LoweredBy, certificate(c))
	}
	for _, c := range f.Certificates {
		r.Certificates = append(r.Certificates, certificate(c))
	}
	for _, s := range f.Signatures {
		r.Signatures = append(r.Signatures, signature(s, senders))
	}
	return r
}

func signature(s seam.Signature, senders []*keyring.Verified) Signature {
	sig := Signature{
		SignerID: s.SignerID, Algorithm: s.Algorithm, Time: s.When, Text: s.Text,
		status: s.Status, detail: s.Detail, capabilities: s.Capabilities,
	}
	if s.Sender >= 0 && s.Sender < len(senders) {
		sig.Sender = senders[s.Sender]
	}
	if s.Signer != nil {
		sig.Certificate = certificate(s.Signer)
	}
	for _, f := range s.Intended {
		sig.Intended = append(sig.Intended, fmt.Sprintf("%X", f))
	}
	// One level: a counter signature on a counter signature is not read.
	for _, c := range s.CounterSignatures {
		c.CounterSignatures = nil
		sig.CounterSignatures = append(sig.CounterSignatures, signature(c, senders))
	}
	return sig
}

func certificate(c seam.Certificate) *keyring.Certificate {
	k := keyring.Certificate(seam.Wrap(c))
	return &k
}

func inside(v *keyring.Verified) seam.Certificate {
	c := v.Certificate()
	if c == nil {
		return nil
	}
	return seam.Opaque[seam.Certificate](*c).Unwrap()
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
