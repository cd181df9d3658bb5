package keyring

import (
	"time"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Policy says which evidence is enough, and which changes of somebody's key
// pass. The zero value is what [Verify] and [OpenRing] use: fingerprints that
// came by another way, introducers and authorities that the caller named, and
// successors that the owner of the old key named with it. It is a plain value.
type Policy struct {
	// FingerprintOnly takes nobody's word: no authority's, no introducer's, and
	// no old key's for its successor.
	FingerprintOnly bool

	// AcceptReissued lets an authority that issued the certificate that is
	// verified put another key in its place, for the same subject and address.
	// Whoever gets that authority to issue one, by mistake or on demand, is
	// then sealed to.
	AcceptReissued bool

	// AcceptFirstUse believes a key because no other one was seen before
	// ([FirstUse]): an attacker who is first is believed, and later noticed at
	// best.
	AcceptFirstUse bool

	// AcceptDomainAttested believes what the server of the address' domain
	// gives out (Web Key Directory, DANE): whoever controls that server, or
	// gets a certificate for it, is believed.
	AcceptDomainAttested bool

	// Own are the fingerprints of the caller's own keys. None of them goes into
	// a ring as somebody else's, or is sealed to in somebody else's place: what
	// is meant for another person would be open to oneself alone.
	Own []Fingerprint

	// Time is the time at which certificates are judged; nil: time.Now.
	Time func() time.Time
}

func (p Policy) now() time.Time {
	if p.Time != nil {
		return p.Time()
	}
	return time.Now()
}

// refuses returns the field by which p does not take evidence of a kind, or "".
func (p Policy) refuses(b seam.Basis) string {
	if p.FingerprintOnly {
		switch b {
		case seam.BasisFingerprint, seam.BasisScanned, seam.BasisSpoken, seam.BasisSafetyNumber:
			return ""
		case seam.BasisUnverified: // enters no ring, see judge
			return ""
		}
		return "FingerprintOnly"
	}
	switch {
	case b == seam.BasisFirstUse && !p.AcceptFirstUse:
		return "AcceptFirstUse"
	case b == seam.BasisDomain && !p.AcceptDomainAttested:
		return "AcceptDomainAttested"
	}
	return ""
}

// Addition says how a certificate goes into a [Ring].
type Addition struct {
	// Addresses are whose it is: "bob@example.org", or "@example.org" for all
	// of a domain, which is what gateways and organisations have. None: all
	// that the certificate states and the evidence is about. A fingerprint is
	// about the key alone, and who made the key wrote any address into it: name
	// the one that you know is theirs, or look at Change.Addresses.
	Addresses []string

	// Alias lets it be for addresses that the certificate does not state: the
	// caller knows that they are its owner's. A key without an address, and a
	// domain, need it.
	Alias bool

	// Beside keeps what the address has of this format, and adds a further one:
	// the six people who read claims@. Without it another key is a
	// [*ChangedError].
	Beside bool

	// Replace puts the certificate in the place of what the address has of this
	// format. It is the caller's word that the change is right, and where the
	// new one is weaker too.
	Replace bool

	// Signer takes the certificate as one that signs for the addresses, as
	// assistants and gateways do, whatever addresses it states. Nothing is
	// sealed to it for that.
	Signer bool

	// Own says that the addresses are the caller's, as a key of Policy.Own needs.
	Own bool
}

// pin is what a ring knows of one certificate for one address.
type pin struct {
	cert     seam.Certificate
	evidence evidence
	signer   bool
	alias    bool
	own      bool             // added with Addition.Own
	removed  bool             // a tombstone: its owner took it out; only revoked counts
	revoked  *RevokedError    // once seen, for good
	was      seam.Description // verdict.now of when it was last judged
}

// verdict is what judge decided.
type verdict struct {
	cert     seam.Certificate // what to keep: merged with the pin of the same key, what its owner reads carried on
	now      seam.Description // of cert, to be kept beside it as pin.was
	basis    seam.Basis       // what the candidate is believed by for this address; BasisNone: what was so far, the evidence says nothing of it
	same     int              // index of the pin that is of the same key, which is updated; -1: it is new
	replaces []int            // indices of pins whose place it takes
	event    string           // what the log calls it: "added", "renewed", "reissued", "succeeded", "replaced", "updated"; "" for what is known already
	findings []string         // what a person should know: a second key, another name, what it is no longer good for
}
