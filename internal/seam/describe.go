package seam

import "time"

// Description is what is compared when an address gets another certificate,
// and what people are shown of one. It claims nothing that the certificate does
// not: who made it wrote it. All but the counts at Describe's time is fixed.
type Description struct {
	Names      []string // user IDs, or the subject; untrusted text
	Algorithms []string // of the keys, the primary one first: "Ed25519", "RSA 3072"
	Created    time.Time
	NotBefore  time.Time // zero: no bound
	NotAfter   time.Time // until when it can be sealed to, or if it never can until when it signs; zero: no bound

	CanSeal     bool // has a key to seal to, whatever the time
	CanSign     bool // has a key that signs content, whatever the time
	PostQuantum bool // what is sealed to it now stays closed to who can break the classical part alone
	Version     int  // of an OpenPGP key: 4 or 6; 0 for X.509
	AEAD        bool // its owner is known to read authenticated encryption: SEIPDv2, AES-GCM

	// Key is a digest of the public key alone: equal for a certificate that was
	// renewed with its key. Of OpenPGP it is that of the primary key.
	Key [32]byte

	// Subject and Issuer are the distinguished names in DER, IssuerKey the
	// issuer's key identifier; nil for OpenPGP.
	Subject, Issuer, IssuerKey []byte
	SelfIssued                 bool // X.509: nobody else vouches for it

	// ReplacedBy are the whole fingerprints of the keys that the owner of an
	// OpenPGP key named as its successors, Replaces of those that it succeeds.
	ReplacedBy, Replaces [][]byte
}

// Reads is what is known of the owner of a certificate beside it, as a ring
// keeps it.
type Reads struct {
	Algorithms []string // as the format names them
	When       time.Time
	Source     string // in a few words, whose word it is
}

// Basis is what evidence rests on. Policies decide by it, and rings keep it.
type Basis uint8

// The bases, in the order in which they were added: a ring keeps their names.
const (
	BasisNone         Basis = iota // of no evidence: refused everywhere
	BasisFingerprint               // the whole fingerprint, typed or read from paper
	BasisScanned                   // a scanned QR code
	BasisSpoken                    // the word list, read out
	BasisSafetyNumber              // both parties compared one number
	BasisChain                     // a path to an authority
	BasisIntroduced                // certified by somebody who was verified
	BasisSuccession                // the owner of a verified key, or its issuer, named this one in its place
	BasisFirstUse                  // nothing but that no other one was seen
	BasisDomain                    // the server of the address' domain gave it out
	BasisUnverified                // none at all: internal/unverified alone
)

// Succession is whose place a certificate takes, where Basis is
// BasisSuccession.
type Succession struct {
	Old Certificate // was verified
	How string      // "reissued by …", "named in a message that it signed"

	// Stands returns why old, of which there may be another copy now, names new
	// no more: it is over, or its owner said something else. nil: nothing to ask.
	Stands func(old, new Certificate, now time.Time) error

	// Reissued is set where it is an authority's word that this is the same
	// person's, and not that of whoever has the old key.
	Reissued bool
}
