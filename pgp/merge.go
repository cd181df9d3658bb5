package pgp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Merge returns what either of two copies of one OpenPGP certificate holds:
// all user IDs, subkeys, signatures and revocations. So an old copy, which
// somebody sent again, takes back no revocation that is known already.
//
// The order of the two does not matter: the result is the same octets, as it
// is however often and in whatever order copies are merged. Neither argument
// is changed. That the result is of the same key is certain; it is as little
// trusted as a was: verify it by a's fingerprint.
//
// Where the two together are beyond what a certificate may hold (see
// [ParseCertificate]), what is kept are the revocations, then what is newest
// or lasts longest.
//
// The error is a [*keyring.MismatchError] for certificates of different keys,
// and [keyring.ErrRefused] for two keys that were made to have one fingerprint.
// It is another for nil, the zero value and other formats.
func Merge(a, b *keyring.Certificate) (*keyring.Certificate, error) {
	x, y := inside(a), inside(b)
	if x == nil || y == nil {
		return nil, errors.New("pgp: Merge: this is no OpenPGP certificate")
	}
	m, err := merge(x, y)
	if err != nil {
		return nil, err
	}
	return m.public(), nil
}

// Update is [Merge] with what a file or a key server holds: another copy of
// the certificate, as [ParseCertificate] takes it, or a revocation certificate
// alone, as [Key.Revocation] and gpg --gen-revoke write it, binary or armored.
// (The one that gpg keeps unasked has a colon before its first dash, against
// mistakes: remove it.)
//
// Besides Merge's errors there are those of ParseCertificate, and
// [keyring.ErrRefused] for a revocation that is not by c's key.
func Update(c *keyring.Certificate, b []byte) (*keyring.Certificate, error) {
	x := inside(c)
	if x == nil {
		return nil, errors.New("pgp: Update: this is no OpenPGP certificate")
	}
	if len(b) > maxKeyRead*2 {
		return nil, &envelope.LimitError{What: "octets of a key", Max: maxKeyRead, Fixed: true}
	}
	raw, kind, err := dearmorKey(b)
	if err != nil {
		return nil, err
	}
	var y *certificate
	if tag, _, _, err := keyPacketHeader(raw); err == nil && tag == keyTagSignature && kind != armorSecret {
		y, err = x.revokedBy(raw)
		if err != nil {
			return nil, err
		}
	} else if y, err = parseCertificate(b); err != nil {
		return nil, err
	}
	m, err := merge(x, y)
	if err != nil {
		return nil, err
	}
	return m.public(), nil
}

// inside returns nil for what is no OpenPGP certificate.
func inside(c *keyring.Certificate) *certificate {
	if c == nil {
		return nil
	}
	in, _ := seam.Opaque[seam.Certificate](*c).Unwrap().(*certificate)
	return in
}

// revokedBy returns a certificate of the same key that holds nothing but the
// revocations in raw, a sequence of signatures.
func (c *certificate) revokedBy(raw []byte) (*certificate, error) {
	r := &certificate{primary: c.primary, hashed: c.hashed}
	check := &checker{primary: c.primary, hashed: c.hashed}
	issuer := newKeyIssuer(c.hashed[hashedHead(c.primary):])
	packets := 0
	err := splitKeyPackets(raw, func(tag int, body []byte) error {
		if packets++; packets > maxKeyPackets {
			return &envelope.LimitError{What: "packets of a key", Max: maxKeyPackets, Fixed: true}
		}
		switch {
		case tag == keyTagMarker || tag == keyTagPadding || tag == keyTagTrust:
			return nil
		case tag != keyTagSignature:
			return errMessage
		case len(body) > maxSigBytes || !issuer.mayHaveMade(body) || body[1] != sigKeyRevocation:
			return nil
		}
		sig, err := check.verify(body, nil)
		if sig != nil {
			r.revocations = keep(r.revocations, sig, body, false)
		}
		return err
	})
	if err == nil && len(r.revocations) == 0 {
		err = fmt.Errorf("%w: there is no revocation of %s in it: it is of another key, or damaged", keyring.ErrRefused, c.fingerprint())
	}
	return r, err
}

// merge joins what was verified already, so that nothing is verified again.
func merge(a, b *certificate) (*certificate, error) {
	if a.Kind() != b.Kind() || !bytes.Equal(a.fullFingerprint(), b.fullFingerprint()) {
		return nil, &keyring.MismatchError{Want: a.fingerprint(), Got: b.fingerprint()}
	}
	if !bytes.Equal(a.hashed, b.hashed) {
		return nil, fmt.Errorf("%w: two different keys have the fingerprint %X: one of them was made to have it", keyring.ErrRefused, a.fullFingerprint())
	}
	if bytes.Equal(a.encoding, b.encoding) {
		return a, nil
	}
	m := &certificate{
		primary: a.primary, hashed: a.hashed, odd: max(a.odd, b.odd),
		revocations: union(a.revocations, b.revocations),
		direct:      union(a.direct, b.direct),
		users:       mergeUsers(a.users, b.users),
		subs:        mergeSubkeys(a.subs, b.subs),
	}
	m = m.fit()
	m.addresses = m.claimed()
	m.encoding = m.encode(nil)
	return m, nil
}

func mergeUsers(a, b []userID) (all []userID) {
	for _, u := range slices.Concat(a, b) {
		i := slices.IndexFunc(all, func(v userID) bool { return bytes.Equal(u.id, v.id) })
		if i < 0 {
			all = append(all, userID{id: u.id})
			i = len(all) - 1
		}
		all[i].certs = union(all[i].certs, u.certs)
		all[i].revocations = union(all[i].revocations, u.revocations)
	}
	slices.SortFunc(all, func(u, v userID) int {
		return cmp.Or(u.since().Compare(v.since()), bytes.Compare(u.id, v.id))
	})
	return all
}

// since is when a user ID was first signed, or if only its revocation is there
// when it was revoked. The signatures are in order.
func (u *userID) since() time.Time { return slices.Concat(u.certs, u.revocations)[0].CreationTime }

func mergeSubkeys(a, b []subkey) (all []subkey) {
	for _, s := range slices.Concat(a, b) {
		i := slices.IndexFunc(all, func(o subkey) bool { return bytes.Equal(s.body, o.body) })
		if i < 0 {
			all = append(all, subkey{key: s.key, body: s.body})
			i = len(all) - 1
		}
		all[i].bindings = union(all[i].bindings, s.bindings)
		all[i].revocations = union(all[i].revocations, s.revocations)
	}
	slices.SortFunc(all, func(s, o subkey) int {
		return cmp.Or(s.key.CreationTime.Compare(o.key.CreationTime), bytes.Compare(s.body, o.body))
	})
	return all
}

// union returns the signatures of both lists, by their time, each once. Of two
// that say the same, and differ in what anybody can change, one is chosen by
// what it is: signed back, naming its issuer as old programs want it, short.
func union(a, b []selfSig) []selfSig {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(s, o selfSig) int {
		return cmp.Or(
			s.CreationTime.Compare(o.CreationTime),
			bytes.Compare(s.HashSuffix, o.HashSuffix),
			first(s.back, o.back),
			first(s.IssuerKeyId != nil, o.IssuerKeyId != nil),
			cmp.Compare(len(s.body), len(o.body)),
			bytes.Compare(s.body, o.body))
	})
	return slices.CompactFunc(all, func(s, o selfSig) bool { return bytes.Equal(s.HashSuffix, o.HashSuffix) })
}

// first sorts what is before what is not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
