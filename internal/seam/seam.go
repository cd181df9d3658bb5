package seam

import (
	"io"
	"time"
)

// Kind says how a certificate's fingerprint is computed.
type Kind uint8

// The kinds of fingerprint. The zero Kind is none.
const (
	PGPv4 Kind = iota + 1 // SHA-1 over the v4 public key packet, RFC 9580, Section 5.5.4.2
	PGPv6                 // SHA-256 over the v6 public key packet, RFC 9580, Section 5.5.4.3
	X509                  // SHA-256 over the whole certificate
)

// Profile is envelope.Profile; the order is the same.
type Profile int

// The profiles, in envelope's order.
const (
	Auto Profile = iota
	Modern
	Compatible
	PostQuantum
)

// Certificate is what a format parsed: immutable, safe for concurrent use,
// and comparable by identity of the pointer behind it only.
type Certificate interface {
	Kind() Kind
	Hashed() []byte   // the octets whose digest is the fingerprint; keyring computes the digest itself
	Encoding() []byte // as Marshal gives it out
	Addresses() []string
	Format() Format

	// Refuse returns why nobody may ever believe this certificate
	// (*keyring.RevokedError for a hard revocation), or nil.
	Refuse() error

	// CheckSeal returns why nothing may be sealed to the certificate at this
	// time under this profile: *keyring.ExpiredError, *keyring.RevokedError or
	// *keyring.UnusableError.
	CheckSeal(now time.Time, p Profile) error

	// Binds returns nil if the certificate states now that it is for address:
	// a user ID that its owner signed and did not revoke, or a subject
	// alternative name, that is exactly this one. address is normalised.
	Binds(address string, now time.Time) error

	// Merge returns c with what another copy of the same certificate holds
	// besides. Nothing that either holds is lost: no revocation ever. The error
	// is *keyring.MismatchError for one of another key.
	Merge(other Certificate) (Certificate, error)

	// Describe says what is there at a time.
	Describe(now time.Time) Description

	// Reads is what was noted by WithReads or is known of the certificate
	// itself; nil: nothing. WithReads returns a copy of which Reads is r.
	Reads() *Reads
	WithReads(r Reads) (Certificate, error)
}

// Evidence is why a certificate is believed.
type Evidence struct {
	Basis Basis                   // what it rests on; BasisNone is refused
	Why   string                  // for reports: "expected fingerprint", "chain to CN=…"
	Check func(Certificate) error // nil: the evidence holds for this certificate

	// Address is whose certificate it is by this evidence, normalised; "" for
	// evidence that is about the key alone.
	Address string

	// Succeeds is set for BasisSuccession.
	Succeeds *Succession

	// Authority, if not nil, returns a digest of the public key of who issued
	// the certificate by the path that Check found, the zero value if that was
	// nobody else. It is asked after Check returned nil.
	Authority func(Certificate) [32]byte

	// Found, if not nil, says what Check found, instead of Why. It is asked
	// after Check returned nil.
	Found func(Certificate) string
}

// Identity opens: a private key, beside its certificate where it has one.
type Identity interface{ Format() Format }

// SessionKeyHolder is an Identity that brings no private key but the content
// key itself. Only internal/unverified makes one.
type SessionKeyHolder interface {
	Identity
	SessionKey() (cipher byte, key []byte) // cipher as the format numbers them
}

// SessionKeyWatcher is an Identity that opens nothing and is told the content
// key that the message is about to be decrypted with, before anything of it is
// known to be authentic. Only internal/unverified makes one.
type SessionKeyWatcher interface {
	Identity
	SawSessionKey(cipher byte, key []byte) // key is wiped later: copy it
}

// Legacy is what a caller allows by name to be read, beside unauthenticated
// content: old archives are full of it.
type Legacy struct {
	TripleDES bool // triple DES in CBC mode, and in OpenPGP's SEIPDv1
	RC2       bool // RC2 in CBC mode, of any effective key length
	RSA1024   bool // RSA keys of 1024 bits and more instead of 2048
	NoMDC     bool // OpenPGP's encrypted data without integrity protection (packet 9)
}

// Note is what is known of the owner of a certificate beside it: what their
// programs read.
type Note interface {
	// Apply returns c with the note. What is hashed stays the same.
	Apply(c Certificate) (Certificate, error)
}

// Signer signs.
type Signer interface {
	Certificate() Certificate
	// CheckSign is CheckSeal's counterpart for making a signature.
	CheckSign(now time.Time, p Profile) error
}

// Limits are envelope.Limits with every default filled in.
type Limits struct {
	Recipients   int   // RecipientInfos or PKESKs parsed
	PrivateTrial int   // private-key operations for one message
	Certificates int   // certificates in one message
	Signatures   int   // SignerInfos or signatures parsed
	HeaderBytes  int64 // everything that is not content, and for one such element
	Decompressed int64 // octets that come out of a decompressor
}

// SealPlan is what envelope asks a format to seal. All certificates and
// signers are of that format; CheckSeal and CheckSign have passed.
type SealPlan struct {
	Profile              Profile
	Recipients           []Certificate
	Signers              []Signer
	Now                  time.Time
	Armor                bool     // text instead of binary: OpenPGP armor, PEM
	Entity               bool     // the content is a MIME entity: wrap inner layers as mail programs expect (RFC 8551, Section 3.7)
	Passphrases          [][]byte // each opens the message too
	Hidden               bool     // the message names no recipient
	Text                 bool     // signatures are over text, whatever its line ends
	RefuseLowering       bool
	AllowUnauthenticated bool // Legacy.UnauthenticatedCBC
	Limits               Limits

	// SessionKey, where it is not nil, is told the content key. Only a
	// FormatOver of internal/unverified sets it. key is wiped later.
	SessionKey func(cipher byte, key []byte)
}

// OpenPlan is what envelope asks a format to open with.
type OpenPlan struct {
	Identities           []Identity    // of this format
	Passphrases          [][]byte      // tried after the identities
	Senders              []Certificate // of this format; Signature.Sender indexes it
	RequireSignature     bool          // by one of Senders: everything is verified before a byte is released
	Now                  time.Time
	AllowUnauthenticated bool // Legacy.UnauthenticatedCBC
	Legacy               Legacy
	Limits               Limits
	Certificates         bool // Facts.Certificates is asked for
}

// Auth says when content is authenticated.
type Auth uint8

// How content is authenticated.
const (
	AuthNone  Auth = iota // not at all: CBC without an inner signature, OpenPGP's packet 9
	AuthAtEnd             // by something at its end: SEIPDv1, CMS GCM, an inner signature
	AuthChunk             // chunk by chunk: SEIPDv2
)

// SignatureStatus is the verdict on one signature. Only a verifier that ran
// to the end sets SignatureValid; the zero value claims nothing.
type SignatureStatus uint8

// The verdicts.
const (
	SignatureUnchecked   SignatureStatus = iota // no key to check it with, or not yet at the end
	SignatureValid                              // covers exactly the content released
	SignatureBad                                // checked with the signer's key, and wrong
	SignatureWeak                               // correct, but made with a digest or key that proves nothing today
	SignatureNotInTime                          // signer's key expired, revoked or not yet valid when it signed
	SignatureNotIntended                        // valid, but names other recipients than the one that opened it
	SignatureUnsupported                        // an algorithm or version that is not supported
)

// Signature is one signature over the content.
type Signature struct {
	Status    SignatureStatus
	Sender    int         // index in OpenPlan.Senders, -1: none of them
	Signer    Certificate // the certificate that it was checked with, nil if none
	SignerID  string      // how the message names the signer; once checked, its key by the whole fingerprint
	Text      bool        // over text: it does not tell one kind of line ends from another
	Algorithm string
	When      time.Time // as the signer claims; zero: not stated
	Detail    string    // for people, why Status is what it is

	// Capabilities is what the signer's programs read, as the signature covers
	// it (SMIMECapabilities in DER, RFC 8551, Section 2.5.2); nil unless Status
	// is SignatureValid. When says how new it is. Whose it is, Sender says.
	Capabilities []byte

	// Intended are the whole fingerprints of the keys that an OpenPGP signature
	// says it was made for (RFC 9580, Section 5.2.3.36); none: it does not say.
	Intended [][]byte

	// CounterSignatures are signatures over this one's value: others' word that
	// they saw it. They change nothing of its Status.
	CounterSignatures []Signature
}

// Recipient is one PKESK or RecipientInfo, as a keyless reader sees it.
type Recipient struct {
	ID        string // how the message names the recipient: "key ID …", "issuer …, serial …", "key identifier …"
	Algorithm string // "RSA-OAEP-SHA256", "ECDH P-256, AES-256 wrap", "X25519"
	Hidden    bool   // names nobody
}

// Facts is what can be read without a key, and, where a key was used, what it
// showed. Everything in it comes from outside: quote it before printing.
type Facts struct {
	Format     string // "OpenPGP", "S/MIME"
	Container  string // "SEIPDv2", "AuthEnvelopedData", "SignedData", …
	Content    string // "AES-256-GCM"; "" where nothing is encrypted
	Encrypted  bool
	Armored    bool
	Beside     bool // of a message that Inspect read: there is content outside of the encryption
	Auth       Auth
	Recipients []Recipient
	OpenedBy   int // index in OpenPlan.Identities, -1 without
	Signatures []Signature

	// Certificates came with the message, for whoever looks for a chain; only
	// where OpenPlan.Certificates is set, and once the message was read to its
	// end. Nothing vouches for them.
	Certificates []Certificate

	Reason    string        // of a writer: why Container and Content are what they are
	LoweredBy []Certificate // whose abilities made the container weaker than the profile's best
	Findings  []string      // what a person should know: weak algorithms, odd encodings
}

// Session is a message whose header was read and whose content key is held:
// no second private-key operation, ever. It belongs to one goroutine.
type Session interface {
	// Facts is live: signatures are complete after Verify, or after io.EOF of Plain.
	Facts() *Facts

	// Verify reads on to the end of the message and releases nothing. Where
	// it returns nil everything in Facts is final, and the content is
	// authenticated unless Facts().Auth is AuthNone and that was allowed.
	// A signature that is bad is no error here: envelope judges.
	Verify() error

	// Plain releases content while it reads on. Only where Facts().Auth is
	// AuthChunk; io.EOF only after every check passed.
	Plain() io.Reader

	// Again releases the content after Verify, reading src from byte 0 of the
	// same source (armor included), whose octets the caller proved unchanged.
	Again(src io.Reader) io.Reader

	// Close wipes the content key and stops what runs. Idempotent.
	Close() error
}

// Rereader is a Session that has to read the message more than once before it
// can say what Verify says: content that is judged only after it is known to be
// authentic, or whose length has to be known first.
type Rereader interface {
	Session

	// Rereads reports whether Reread has to be called (again). It is asked
	// after Verify returned nil.
	Rereads() bool

	// Reread reads src from byte 0 of the same source, as Again does, to its
	// end, and releases nothing. Facts are final when Rereads says no more.
	Reread(src io.Reader) error
}

// Rewrapper is a Session that can be given to further readers without its
// content being encrypted anew.
type Rewrapper interface {
	Session

	// Rewrap writes the message, which src has from byte 0 of the same source,
	// to dst, with readers for p.Recipients and p.Passphrases added and none
	// removed. It is called after Verify (and Reread) found the content
	// authentic, and returns what a keyless reader must find in dst.
	Rewrap(dst io.Writer, src io.Reader, p *SealPlan) (*Facts, error)
}

// Writer is a message being written. Close writes the end of the message and
// does not close dst. Abort makes sure that what was written never opens, and
// frees everything; after Close it does nothing, so that it can be deferred.
// A Writer that also is an io.ReaderFrom is fed through it.
type Writer interface {
	io.Writer
	Close() error
	Abort()
	// Planned is what a keyless reader must find in the output: container,
	// content, recipients with their algorithms, and LoweredBy.
	Planned() *Facts
}

// Format is one message format. Implementations are comparable: one value each.
type Format interface {
	Name() string

	// Sniff tells from up to SniffLen leading octets whether this may be a
	// message of the format, binary or armored.
	Sniff(prefix []byte) bool

	// Seal checks everything before it writes the first byte to dst.
	Seal(dst io.Writer, p *SealPlan) (Writer, error)

	// Sign writes an opaque signed message, or with detached set a signature
	// over what is written to the Writer. p.Recipients is empty.
	Sign(dst io.Writer, p *SealPlan, detached bool) (Writer, error)

	// Open reads exactly the header of a sealed message. One that is only
	// signed is refused with envelope.ErrFormat.
	Open(src io.Reader, p *OpenPlan) (Session, error)

	// OpenSigned reads the header of an opaque signed message that is not sealed.
	OpenSigned(src io.Reader, p *OpenPlan) (Session, error)

	// VerifyDetached reads both to their ends.
	VerifyDetached(sig, content io.Reader, p *OpenPlan) (*Facts, error)

	// Inspect parses a whole message without keys, in constant memory.
	Inspect(src io.Reader, l Limits) (*Facts, error)
}

// FormatOver is a Format that does what another one does, and something beside
// it: it takes the keys of that one. Only internal/unverified makes one.
type FormatOver interface {
	Format
	Over() Format
}

// SniffLen is how much of a message Sniff is given.
const SniffLen = 128
