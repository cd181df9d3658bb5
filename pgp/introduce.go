package pgp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// IntroducedBy is the evidence that a certificate belongs to address because
// one of some people whose certificates were verified says so: they certified
// it with their own keys, as [Key.Certify] and "gpg --sign-key" do. file is
// where their certifications stand, binary or armored: mostly the very file
// that the certificate was parsed from, since [ParseCertificate] keeps nothing
// that somebody else signed.
//
//	cert, err := pgp.ParseCertificate(file)
//	bob, err := keyring.Verify(cert, pgp.IntroducedBy("bob@example.org", file, carol))
//
// The rule, which is all of it: the word of one introducer is enough, and
// nobody's word but theirs counts. It counts if
//
//   - it is a certification (of type 0x10, 0x12 or 0x13; a persona
//     certification, 0x11, states that nothing was verified) over this primary
//     key and a user ID that holds exactly this address, the domain in any
//     case, and that the owner of the certificate signed and did not revoke;
//   - the introducer's primary key made it, with a digest better than SHA-1;
//   - it has been made, it has not expired, and it is the last that this
//     introducer said of that user ID: they did not revoke it, nor certify
//     it anew for a time that is over;
//   - the introducer's certificate says that the key is for certifying, is
//     neither revoked nor expired now, and was in force when it was made.
//
// A certification may be local (not exportable). A trust signature counts as a
// certification of the user ID and makes nobody an introducer, whatever its
// depth and regular expression; with a trust amount below 120 it does not count.
// An introducer's own certificate is not introduced by itself. For introducers
// whose word counts in part, or who may name further ones, see [IntroducedThrough].
//
// It proves what the introducer says, at the time at which it is verified, and
// as far as the file goes: who sends it can leave a revocation out. A
// fingerprint from the owner proves more: [keyring.Expect].
//
// [keyring.Verify] returns a [*keyring.UnusableError] that says what is missing
// for a certificate that is not introduced, [envelope.ErrLimit] for a file
// of more than 16 MiB, with more than 64 forged certifications or 1,000 that
// name the introducers or nobody, and another
// error for what is no certificate; all are [keyring.ErrRefused]. The
// introducer's fingerprint is in Evidence of the Verified that it returns.
func IntroducedBy(address string, file []byte, introducers ...*keyring.Verified) keyring.Evidence {
	return introducedBy(address, file, time.Now, introducers...)
}

func introducedBy(address string, file []byte, now func() time.Time, introducers ...*keyring.Verified) keyring.Evidence {
	in := &introduction{file: file, now: now}
	in.address, in.err = mailbox.Parse(address)
	for _, v := range introducers {
		in.introducers = append(in.introducers, inside(v.Certificate()))
	}
	return keyring.Evidence(seam.Wrap(seam.Evidence{
		Basis:   seam.BasisIntroduced,
		Why:     "introduced",
		Address: in.address.String(),
		Check: func(c seam.Certificate) error {
			_, err := in.find(c)
			return err
		},
		Found: func(c seam.Certificate) string {
			by, err := in.find(c)
			if err != nil {
				return "introduced" // a key expired between two looks at the clock
			}
			return fmt.Sprintf("certified to be %.80q's by %s", in.address.String(), by.fingerprint())
		},
	}))
}

// introduction is what IntroducedBy was asked. It is not changed.
type introduction struct {
	address     mailbox.Address
	err         error // why there is none
	file        []byte
	now         func() time.Time
	introducers []*certificate // nil: one that is none
}

// maxIntroducers bounds how often every signature of a file is looked at.
const maxIntroducers = 100

// find returns the first introducer whose word counts.
func (in *introduction) find(s seam.Certificate) (*certificate, error) {
	c, ok := s.(*certificate)
	switch {
	case !ok || c == nil:
		return nil, errors.New("pgp: IntroducedBy: this is no OpenPGP certificate")
	case len(in.introducers) == 0 || slices.Contains(in.introducers, nil):
		return nil, errors.New("pgp: IntroducedBy: no introducer was given, or one that is no verified OpenPGP certificate")
	case len(in.introducers) > maxIntroducers:
		return nil, &envelope.LimitError{What: "introducers", Max: maxIntroducers, Fixed: true}
	case in.err != nil:
		return nil, fmt.Errorf("pgp: IntroducedBy: %w", in.err)
	}
	now := in.now()
	opinions, err := in.opinions(c, now)
	if err != nil {
		return nil, err
	}
	if len(opinions) == 0 {
		return nil, c.unusable("has no user ID of its owner for %.80q", in.address.String())
	}
	why := "nobody of those named certified it"
	forged := 0
	for _, by := range in.introducers {
		if bytes.Equal(by.fullFingerprint(), c.fullFingerprint()) {
			continue
		}
		for _, o := range opinions {
			reason, err := o.heldBy(by, c, now, &forged)
			switch {
			case err != nil:
				return nil, err
			case reason == "":
				return by, nil
			case reason != notCertified:
				why = reason
			}
		}
	}
	return nil, c.unusable("is not introduced as %.80q's: %s", in.address.String(), why)
}

// opinion is what a file says of one user ID: certifications and their
// revocations, as far as they may be by an introducer and are no forgeries that
// cost nothing.
type opinion struct {
	what []byte // the user ID as it is hashed
	sigs []heard
}

type heard struct {
	*packet.Signature
	body []byte
}

// maxOpinions is how many signatures of a file are kept to be verified. Each is
// parsed once, however many introducers there are.
const maxOpinions = 1000

// opinions returns one for every user ID with the address.
func (in *introduction) opinions(c *certificate, now time.Time) ([]*opinion, error) {
	if len(in.file) > maxKeyRead*2 {
		return nil, &envelope.LimitError{What: "octets of a key", Max: maxKeyRead, Fixed: true}
	}
	raw, kind, err := dearmorKey(in.file)
	switch {
	case err != nil:
		return nil, err
	case kind == armorSecret:
		return nil, errSecretKey
	case len(raw) > maxKeyRead:
		return nil, &envelope.LimitError{What: "octets of a key", Max: maxKeyRead, Fixed: true}
	}
	ids := map[string]*opinion{}
	var list []*opinion
	for i := range c.users {
		u := &c.users[i]
		if s := newest(u.certs, now); s == nil || u.revoked(s, endOfTime) || !u.isOf(in.address) {
			continue
		}
		o := &opinion{what: hashedUserID(u.id)}
		ids[string(u.id)], list = o, append(list, o)
	}
	var issuers []keyIssuer
	for _, by := range in.introducers {
		issuers = append(issuers, newKeyIssuer(by.hashed[hashedHead(by.primary):]))
	}
	own := c.hashed[hashedHead(c.primary):]
	kept := 0
	ours, current := false, (*opinion)(nil)
	return list, splitKeyPackets(raw, func(tag int, body []byte) error {
		switch tag {
		case keyTagSecret, keyTagSecretSub:
			return errSecretKey
		case keyTagPublic:
			ours, current = bytes.Equal(body, own), nil
		case keyTagUserID:
			if current = nil; ours {
				current = ids[string(body)]
			}
		case keyTagSignature:
			may := func(k keyIssuer) bool { return k.mayHaveMade(body) }
			if current == nil || len(body) > maxSigBytes || !slices.ContainsFunc(issuers, may) {
				return nil
			}
			sig := readCertification(body)
			if sig == nil || !tagged(sig, c.hashed, current.what) {
				return nil
			}
			if kept++; kept > maxOpinions {
				return &envelope.LimitError{What: "certifications by introducers", Max: maxOpinions, Fixed: true}
			}
			current.sigs = append(current.sigs, heard{sig, body})
		case keyTagMarker, keyTagTrust, keyTagPadding:
		default:
			current = nil
		}
		return nil
	})
}
