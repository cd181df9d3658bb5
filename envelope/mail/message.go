package mail

import (
	"io"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Opener reads mail. It must not be changed while in use; used so it is safe
// for concurrent use. The zero value reads what is neither encrypted nor signed.
type Opener struct {
	Identities  []envelope.Identity
	Passphrases []*envelope.Passphrase
	Formats     []envelope.Format // to see a format that neither an identity nor a sender brings

	// Whose signatures are believed: those whom the ring knows for the address
	// in From, the signers that it allows for it included, and Senders, each for
	// what its certificate states as far as it was verified: keyring.Verified.Of.
	Ring    *keyring.Ring
	Senders []*keyring.Verified

	// Evidence, if not nil, returns the evidence by which a certificate that a
	// message brought is believed to be of address: smime.ChainTo with the
	// authorities that are trusted. beside are the other certificates that came.
	Evidence func(address string, beside ...*keyring.Certificate) keyring.Evidence

	// Addresses are the reader's own, beside those that the certificates of the
	// identities state: by them a message that was meant for somebody else is told.
	Addresses []string

	// Strict makes a message that two programs can read in two ways an error:
	// double fields, double or prefix boundaries, missing ends, two authors.
	Strict bool

	// InsecureNested decrypts encrypted parts also where they are not the whole
	// message but stand in a tree that somebody else can have put around them
	// (EFAIL, "Re: What's up Johnny?", arXiv 1904.07550). Each is then an
	// island of its own, and never protected. An answer that quotes it gives
	// it away.
	InsecureNested bool

	Limits Limits
	Legacy envelope.Legacy
	Time   func() time.Time // the time that keys and signatures are checked at; nil: time.Now
}

// Limits bounds what a message from outside may cost. Each zero field is the
// default named; a limit that is reached is an *envelope.LimitError.
type Limits struct {
	Depth       int   // of parts in parts; default 32, at most 100
	Parts       int   // in one message; default 10,000, at most 100,000
	HeaderBytes int64 // octets of the header of one part; default 256 KiB, at most 1 MiB
	Layers      int   // cryptographic layers in each other; default 8, at most 16

	Envelope envelope.Limits // of each cryptographic layer; SourceBytes of the message too
}

// Message is a mail that was read: everything in it that can be checked was
// checked. Its parts are read from a copy that is kept until Close, encrypted
// in memory and then in a file without a name, or from the source itself where
// that can be read at any place: which must then stay open, and where it
// changes reading fails. Safe for concurrent use.
type Message struct {
	summary Summary
	parts   []*Part // in the order of the message, each before what is in it
	layers  []*Layer
	sources []io.Closer // what parts are read from
}

// Part is one part of a message: a leaf with content, or one that has others
// in it. The content of a cryptographic layer is one part in it.
//
// A part claims nothing for its neighbours: show each text for itself, and
// never make one document of several. It belongs to its Message, with whose Close
// it ends; the zero value is empty.
type Part struct {
	Path      string // "1" is the message, "1.2" the second part in it
	MediaType string // in small letters, without parameters
	Name      string // of the file as the message states it; untrusted
	SafeName  string // a single name that can be a file's everywhere; "" where Name is ""
	Size      int64  // octets of the content, decoded

	Encrypted bool // was in a layer that was encrypted and authenticated
	Signed    bool // a signature covers it, whatever it is worth
	Verified  bool // a valid signature covers it, by one who is believed
	Protected bool // is inside the cryptographic envelope of the message, and that holds

	// Findings are what is odd about this part alone; those that make its
	// reading ambiguous have Ambiguous set.
	Findings []Finding

	layer    *Layer          // that this part is, nil for most
	within   []*Layer        // from the outermost to the innermost
	island   int             // parts of one number may be shown as one document, others never
	node     *mimeparse.Node // nil for a piece of text of inline OpenPGP
	parent   *Part
	children []*Part          // the content is the first, where layer is not nil
	open     func() io.Reader // the content, decoded
	ahead    func() io.Reader // the same, read ahead; nil where it is not all that is decoded
	raw      func() io.Reader // header and content as received

	src   *source // what node stands in
	spine bool    // nothing but layers is around it: it is the message
	depth int     // parts that it is in, and itself
}

// Layer is one cryptographic layer (RFC 9787, Section 3): content that was
// encrypted, signed or compressed as a whole.
type Layer struct {
	Path   string // of the part that is the layer
	Kind   string // "encrypted", "signed", "compressed", "certificates"
	Format string // "OpenPGP", "S/MIME"

	// Report is what was found out, nil where nothing could be. Of a layer that
	// is sealed to others it is what anybody can see.
	//
	// Err is why the layer could not be opened: then the part that it is has
	// none in it. Or it is envelope.ErrSignature: what is in the layer is there
	// to be shown, and is not what anybody signed. It is one of package
	// envelope's errors.
	Report *envelope.Report
	Err    error

	// Errant is set for a layer that is not of the cryptographic envelope of
	// the message: it says something of its own content, and nothing of the mail.
	Errant bool

	intended intended // whether the signer named the reader
}

// intended says for whom a signature was made.
type intended uint8

const (
	intendedAbsent intended = iota // the signature does not say
	intendedUs
	intendedOthers
)

// Summary is what can be said of the message as a whole: RFC 9787, Section 3.
type Summary struct {
	Encrypted bool // the whole body, for the reader
	Signed    bool // the whole body, whatever the signature is worth

	// Verified is true only if a valid signature by a verified key covers the
	// whole body, and that key is bound to the one address in From, and no
	// header field that is shown says anything else outside than inside.
	// Where the message does not protect its header fields, all but From are
	// the word of whoever carried it: Fields and a Finding say so.
	Verified bool

	Signer            string // address of the signer if Verified or believed, else how the message names the key
	From              string // the one address in From, protected where it is; "" where there is not exactly one
	SignerMatchesFrom bool   // by exact address
	DeliveredBy       string // the mailing list that passed the message on, as its header says; untrusted
	Subject           string // protected where it is

	Fields   []Field // header fields that people are shown
	Findings []Finding
}

// Field is a header field as a person is shown it, beside what it says outside.
// The values are decoded, and untrusted unless Verified.
type Field struct {
	Name      string
	Value     string
	Outer     string // in the outer header; "" where it is not there
	Encrypted bool   // was not to be read on the way
	Signed    bool   // the signature covers Value
	Differs   bool   // Outer is not what the sender put there
}

// Finding is something that a person or a program should know. Text repeats
// parts of the message only quoted and cut.
//
// Beside those about single parts, a [Summary] has these codes. About who wrote
// the message: from-missing, from-empty, from-addresses, from-unreadable,
// two-from, name-is-address, from-mismatch (inside and outside), from-odd and
// from-similar (looks like another address), sender-differs, resent. About who
// signed it: signer-differs, signer-unknown, signature-bad, signature-invalid
// (weak, or when the key was not valid), signature-unchecked (no key at hand),
// signature-future, no-signature, signed-outside-only, signed-parts, date-differs.
// About whom it is for: not-intended, not-addressed. About its header fields:
// outer-differs, headers-unprotected, headers-wrapped, hp-outside, hp-cipher-clear,
// hp-clear-encrypted, and two-subject and its like. About its layers:
// not-decrypted, layer-failed, errant-layer, unauthenticated, cryptography. And
// list, where a mailing list delivered it, and more-findings.
type Finding struct {
	Code string // stable: "two-from", "boundary-prefix"
	Path string // of the part; "" for the message
	Text string // one line

	Ambiguous bool // another program may read the message in another way
}
