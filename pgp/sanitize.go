package pgp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// What a certificate may cost. Certificates are flooded with signatures on key
// servers (CVE-2019-13050), so what is read is more than what is kept, and
// what does not come from the key's owner is dropped before any signature is
// checked.
const (
	maxKeyRead     = 16 << 20 // octets read: 150,000 signatures of strangers
	maxKeyKept     = 2 << 20  // octets kept; the largest honest ones have some 100 KiB
	maxKeyPackets  = 1000     // packets kept
	maxUserIDs     = 32
	maxSubkeys     = 64
	maxForged      = 64       // signatures in somebody's name that are not theirs, each found out by a public-key operation; see quick
	maxSlowSigs    = 300      // verified with a key of a slow kind: up to ten milliseconds each
	maxUserIDBytes = 2 << 10  // as GnuPG
	maxKeyBytes    = 64 << 10 // one key packet
	maxSubpackets  = 1000     // in one signature; go-crypto holds 16 times the two octets of the smallest
	maxSigBytes    = 64 << 10 // one signature; SLH-DSA-256s has 30 KiB
)

// keyPart is a primary key, user ID or subkey with the signatures that follow
// it, RFC 9580, Section 10.1.
type keyPart struct {
	tag  int
	body []byte          // of a secret key its public part
	sigs [][]byte        // bodies of signature packets that may be by the primary key
	seen map[string]bool // the same
	list bool            // it has such a signature; only then it counts
}

// keyParts is a certificate, sorted but not checked. Its slices are parts of
// the input.
type keyParts struct {
	primary keyPart
	users   []*keyPart
	subs    []*keyPart
	secrets map[string][]byte // body of the secret key packet by its public part
	odd     string            // of a subkey that was dropped, why; for the error if no other serves

	issuer  keyIssuer
	current *keyPart // what signatures belong to now; nil: something that is dropped
	packets int
	octets  int
}

// splitKey sorts the packets of one certificate or, with secret set, of one
// secret key.
func splitKey(raw []byte, secret bool) (*keyParts, error) {
	if len(raw) > maxKeyRead {
		return nil, &envelope.LimitError{What: "octets of a key", Max: maxKeyRead, Fixed: true}
	}
	k := &keyParts{secrets: map[string][]byte{}}
	err := splitKeyPackets(raw, func(tag int, body []byte) error {
		if k.primary.body == nil {
			return k.begin(tag, body, secret)
		}
		return k.add(tag, body, secret)
	})
	if err != nil {
		return nil, err
	}
	if k.primary.body == nil {
		return nil, errors.New("pgp: no key: it has no packets")
	}
	return k, nil
}

var (
	errSecretKey = errors.New("pgp: this is a secret key: give the public one (the .pub file, or what gpg --export writes), and keep the secret one to yourself")
	errPublicKey = errors.New("pgp: this is a public key: give the secret one (the .key file, or what gpg --export-secret-keys writes)")
	errSubkey    = errors.New("pgp: this begins with a subkey: the primary key that it belongs to is missing")
	errMessage   = errors.New("pgp: this is a message or a signature, not a key")
)

// begin takes the first packet, which has to be a primary key.
func (k *keyParts) begin(tag int, body []byte, secret bool) error {
	switch {
	case tag == keyTagMarker || tag == keyTagPadding:
		return nil // RFC 9580, Sections 5.8 and 5.14
	case tag == keyTagSecret && !secret:
		return errSecretKey
	case tag == keyTagPublic && secret:
		return errPublicKey
	case tag == keyTagSecretSub || tag == keyTagPublicSub:
		return errSubkey
	case tag != keyTagSecret && tag != keyTagPublic:
		if tag > 0 && tag <= 20 {
			return errMessage
		}
		return errKeyNoPGP
	}
	public, err := k.public(body, secret)
	if err != nil {
		return err
	}
	if public[0] == 4 { // its fingerprint is a SHA-1 digest
		if err := approved("reading an OpenPGP version 4 key"); err != nil {
			return err
		}
	}
	k.primary = keyPart{tag: keyTagPublic, body: public, list: true}
	k.issuer = newKeyIssuer(public)
	k.current = &k.primary
	return k.count(public)
}

// public returns the public part of a key packet, the whole of a public one.
func (k *keyParts) public(body []byte, secret bool) ([]byte, error) {
	if len(body) > maxKeyBytes {
		return nil, &envelope.LimitError{What: "octets of a key packet", Max: maxKeyBytes, Fixed: true}
	}
	n, err := publicPartLen(body)
	if err != nil {
		return nil, err
	}
	if !secret {
		if n != len(body) {
			err = errors.New("pgp: a public key has something behind its end")
		}
		return body, err
	}
	if p := string(body[:n]); k.secrets[p] == nil {
		if len(k.secrets) > maxSubkeys {
			return nil, &envelope.LimitError{What: "secret subkeys of a key", Max: maxSubkeys, Fixed: true}
		}
		k.secrets[p] = body
	}
	return body[:n:n], nil
}

// add takes every packet after the first.
func (k *keyParts) add(tag int, body []byte, secret bool) error {
	switch tag {
	case keyTagPublic, keyTagSecret:
		return errSeveralKeys
	case keyTagUserID:
		return k.addUser(body)
	case keyTagPublicSub, keyTagSecretSub:
		return k.addSubkey(tag, body, secret)
	case keyTagSignature:
		return k.addSignature(body)
	case keyTagMarker, keyTagPadding, keyTagTrust:
		return nil
	case keyTagAttribute:
		k.current = nil // pictures: of no use here, and CVE-2026-59649 hides in their lengths
		return nil
	}
	if tag <= keyTagCritical {
		return fmt.Errorf("pgp: a packet with tag %d, which has no place in a key", tag)
	}
	k.current = nil
	return nil
}

func (k *keyParts) count(body []byte) error {
	k.packets++
	k.octets += len(body)
	switch {
	case k.packets > maxKeyPackets:
		return &envelope.LimitError{What: "packets of a key", Max: maxKeyPackets, Fixed: true}
	case k.octets > maxKeyKept:
		return &envelope.LimitError{What: "octets of a key", Max: maxKeyKept, Fixed: true}
	}
	return nil
}

// addUser and addSubkey merge what occurs twice, as joined exports have it.
func (k *keyParts) addUser(body []byte) error {
	if len(body) > maxUserIDBytes {
		k.current = nil
		return nil
	}
	for _, u := range k.users {
		if bytes.Equal(u.body, body) {
			k.current = u
			return nil
		}
	}
	k.current = &keyPart{tag: keyTagUserID, body: body}
	return nil
}

func (k *keyParts) addSubkey(tag int, body []byte, secret bool) error {
	if tag == keyTagSecretSub && !secret {
		return errSecretKey
	}
	public, err := k.public(body, tag == keyTagSecretSub)
	if err != nil {
		// Anybody can add a subkey that is damaged, and new ones are of kinds
		// that are not known here: the others serve.
		k.odd = "has a subkey that cannot be used, " + strings.TrimPrefix(err.Error(), "pgp: ")
		k.current = nil
		return nil
	}
	for _, s := range k.subs {
		if bytes.Equal(s.body, public) {
			k.current = s
			return nil
		}
	}
	k.current = &keyPart{tag: keyTagPublicSub, body: public}
	return nil
}

// enlist counts a user ID or subkey when its first signature comes: those
// without one are anybody's, and any number of them costs nothing.
func (k *keyParts) enlist(p *keyPart) error {
	if p.list {
		return nil
	}
	p.list = true
	if p.tag == keyTagUserID {
		k.users = append(k.users, p)
	} else {
		k.subs = append(k.subs, p)
	}
	return k.count(p.body)
}

// addSignature keeps a signature that claims to be by the primary key, or does
// not say by whom it is. All others are somebody else's opinion.
func (k *keyParts) addSignature(body []byte) error {
	if len(body) > maxSigBytes || !k.issuer.mayHaveMade(body) {
		return nil
	}
	to := k.current
	if body[1] == sigKeyRevocation {
		// Whoever appends a revocation certificate to a key file has revoked
		// the key, wherever RFC 9580 wants it to stand, and behind what is
		// dropped too.
		to = &k.primary
	}
	if to == nil || to.seen[string(body)] {
		return nil
	}
	if to.seen == nil {
		to.seen = map[string]bool{}
	}
	to.seen[string(body)] = true
	to.sigs = append(to.sigs, body)
	if err := k.enlist(to); err != nil {
		return err
	}
	return k.count(body)
}

// keyIssuer is the primary key as signatures name it.
type keyIssuer struct {
	version     byte
	fingerprint []byte
	id          []byte
}

func newKeyIssuer(public []byte) keyIssuer {
	f := fingerprintOf(public)
	if public[0] == 6 {
		return keyIssuer{6, f, f[:8]}
	}
	return keyIssuer{4, f, f[12:]}
}

// mayHaveMade reads who a signature says that it is by. Both areas count: this
// only decides what is worth checking. A signature is of its key's version,
// RFC 9580, Section 5.2.
func (k keyIssuer) mayHaveMade(body []byte) bool {
	if len(body) < 8 || body[0] != k.version {
		return false
	}
	rest, size := body[4:], 2
	if k.version == 6 {
		size = 4
	}
	for range 2 { // the hashed and the unhashed area
		if len(rest) < size {
			return false
		}
		n := uint32(binary.BigEndian.Uint16(rest))
		if size == 4 {
			n = binary.BigEndian.Uint32(rest)
		}
		rest = rest[size:]
		if uint64(n) > uint64(len(rest)) || !k.namedIn(rest[:n]) {
			return false
		}
		rest = rest[n:]
	}
	return true
}

// namedIn reports whether an area of subpackets names no other issuer than k,
// RFC 9580, Sections 5.2.3.7, 5.2.3.12 and 5.2.3.35, and is of a sane number.
func (k keyIssuer) namedIn(area []byte) bool {
	for count := 0; len(area) > 0; count++ {
		n, head := subpacketLen(area)
		if count == maxSubpackets || n == 0 || n > len(area)-head {
			return false
		}
		area = area[head:]
		kind, value := area[0]&0x7f, area[1:n]
		switch {
		case kind == 16 && !bytes.Equal(value, k.id),
			kind == 33 && (len(value) == 0 || value[0] != k.version || !bytes.Equal(value[1:], k.fingerprint)):
			return false
		}
		area = area[n:]
	}
	return true
}

// subpacketLen returns the length of the subpacket that area begins with and
// how many octets say so, RFC 9580, Section 5.2.3.7; n is 0 if they are cut off.
func subpacketLen(area []byte) (n, head int) {
	switch {
	case area[0] < 192:
		return int(area[0]), 1
	case area[0] < 255 && len(area) >= 2:
		return (int(area[0])-192)<<8 + int(area[1]) + 192, 2
	case area[0] == 255 && len(area) >= 5 && area[1] == 0: // below 16 MiB, as every packet is
		return int(binary.BigEndian.Uint32(area[1:])), 5
	}
	return 0, 1
}

// hashedArea returns the subpackets of a signature that its digest covers, and
// where in body they begin.
func hashedArea(body []byte) (area []byte, at int) {
	at = 6
	if body[0] == 6 {
		at = 8
	}
	if len(body) < at {
		return nil, at
	}
	n := int(binary.BigEndian.Uint16(body[at-2:]))
	if body[0] == 6 {
		n = int(binary.BigEndian.Uint32(body[4:]) & 0xFFFFFF)
	}
	return body[at:min(at+n, len(body))], at
}
