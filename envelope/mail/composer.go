package mail

import (
	"io"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Composer makes of a Draft the messages that go out. It must not be changed
// while in use; used so it is safe for concurrent use.
type Composer struct {
	// To whose keys is sealed: those in Keys for an address, else those that
	// the ring has for it. An address in Keys is compared as addresses are.
	Ring *keyring.Ring
	Keys map[string][]*keyring.Verified

	// Signers sign each message inside the encryption: those of its format.
	// With signers of one format alone a message of the other is an error,
	// unless AllowUnsigned is set; without any, nothing is signed.
	Signers       []envelope.Signer
	AllowUnsigned bool

	// OwnCopy are keys of the sender's own: with some, there is one more message,
	// sealed to them and delivered to nobody, for the folder of what was sent.
	OwnCopy []*keyring.Verified

	// As in envelope.Sealer: which algorithms, and whether a recipient whose
	// program reads less is a gap.
	Profile        envelope.Profile
	RefuseLowering bool

	Headers       HeaderPolicy
	LegacyDisplay bool // repeats the hidden fields in the text, for programs that know nothing of RFC 9788

	// Autocrypt, where it is not nil, is the sender's OpenPGP certificate, which
	// the outer header then carries for programs that learn keys from it.
	Autocrypt *keyring.Certificate

	Limits envelope.Limits // SpoolMemory and SpoolDir: where the body is kept, encrypted, where several messages need it
	Legacy envelope.Legacy
	Time   func() time.Time // nil: time.Now
}

// HeaderPolicy says what of the header is kept from whoever carries the
// message: a header confidentiality policy of RFC 9788, Section 3. Inside the
// encryption all fields are protected in any case.
type HeaderPolicy int

// The policies.
const (
	// Baseline hides the subject, and drops Keywords and Comments: hcp_baseline.
	Baseline HeaderPolicy = iota

	// Shy hides display names and the sender's time zone too: hcp_shy.
	Shy

	// NoConfidentiality hides no field: hcp_no_confidentiality. The subject
	// then goes over the wire for everybody to read.
	NoConfidentiality
)

// File is where a sealed message is kept: an *os.File, for example.
type File interface {
	io.Writer
	io.ReaderAt
}
