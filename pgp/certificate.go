package pgp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// ParseCertificate reads exactly one OpenPGP certificate of version 4 or 6,
// binary or armored; text around armor is ignored. A file with two, with a
// secret key or with a message is an error that says so, as is LibrePGP's
// version 5.
//
// Keys may be post-quantum as RFC 9980 has them. GnuPG's own Kyber is
// something else and not read: where a certificate has no other encryption key,
// sealing to it is an error that says so.
//
// Of a signature only what it covers is believed. One that says something
// critical that is not known does not count, unless it revokes; nor does one
// with MD5, RIPEMD-160 or, made after 2019, SHA-1. Only the key itself revokes
// it: revocations by others whom it names for that (RFC 9580, Section 5.2.3.23)
// are dropped like all that others sign.
//
// What is kept is what the certificate's owner signed: user IDs, subkeys and
// revocations whose signatures are right. Everything else is dropped: the
// certifications of other people, pictures, and whatever anybody could have
// added. Marshal gives out what was kept.
//
// The result is parsed and not trusted: anybody can make a certificate in
// anybody's name. Whether it can be sealed to is asked when it is.
//
// Limits: 16 MiB, of which 2 MiB in 1,000 packets are kept, 32 user IDs and 64
// subkeys; beyond, the error is an [*envelope.LimitError]. Under
// GODEBUG=fips140=only version 4 is an [*envelope.NotApprovedError].
func ParseCertificate(b []byte) (*keyring.Certificate, error) {
	c, err := parseCertificate(b)
	if err != nil {
		return nil, err
	}
	return c.public(), nil
}

func parseCertificate(b []byte) (*certificate, error) {
	if len(b) > maxKeyRead*2 { // armor adds a third and line ends
		return nil, &envelope.LimitError{What: "octets of a key", Max: maxKeyRead, Fixed: true}
	}
	raw, kind, err := dearmorKey(b)
	if err != nil {
		return nil, err
	}
	if kind == armorSecret {
		return nil, errSecretKey
	}
	parts, err := splitKey(raw, false)
	if err != nil {
		return nil, err
	}
	return newCertificate(parts)
}

// certificate is a parsed OpenPGP certificate: seam.Certificate, always used
// by pointer. Nothing in it changes after newCertificate, and go-crypto's
// packets are only read, so it is safe for concurrent use.
type certificate struct {
	primary  *packet.PublicKey
	hashed   []byte // what the fingerprint is the digest of
	encoding []byte

	revocations []selfSig
	direct      []selfSig
	users       []userID
	subs        []subkey
	addresses   []string
	odd         string // why a subkey that the file held is none here; "": there was no such
}

// userID and subkey hold what the primary key signed of them. It may be a
// revocation alone, which is what programs that clean certificates leave: it
// counts as soon as another copy brings the rest.
type userID struct {
	id          []byte
	certs       []selfSig
	revocations []selfSig
}

type subkey struct {
	key         *packet.PublicKey
	body        []byte
	bindings    []selfSig
	revocations []selfSig
}

// newCertificate checks every self-signature and keeps what they hold.
func newCertificate(k *keyParts) (*certificate, error) {
	primary, err := readPublicKey(keyTagPublic, k.primary.body)
	if err != nil {
		return nil, err
	}
	if !primary.PubKeyAlgo.CanSign() {
		return nil, errors.New("pgp: the primary key is of a kind that cannot sign, so that nothing holds this certificate together")
	}
	c := &certificate{primary: primary, hashed: hashedKey(k.primary.body), odd: k.odd}
	check := &checker{primary: primary, hashed: c.hashed}
	for _, add := range []func(*keyParts, *checker) error{c.addPrimary, c.addUsers, c.addSubkeys} {
		if err := add(k, check); err != nil {
			return nil, err
		}
	}
	c.addresses = c.claimed()
	c.encoding = c.encode(nil)
	return c, nil
}

func (c *certificate) addPrimary(k *keyParts, check *checker) error {
	for _, body := range k.primary.sigs {
		t := body[1]
		if t != sigKeyRevocation && t != sigDirectKey {
			continue
		}
		sig, err := check.verify(body, nil)
		switch {
		case err != nil:
			return err
		case sig == nil:
		case t == sigKeyRevocation:
			c.revocations = keep(c.revocations, sig, body, false)
		default:
			c.direct = keep(c.direct, sig, body, false)
		}
	}
	return nil
}

func (c *certificate) addUsers(k *keyParts, check *checker) error {
	for _, p := range k.users {
		u := userID{id: bytes.Clone(p.body)}
		what := hashedUserID(u.id)
		for _, body := range p.sigs {
			t := body[1]
			if t != sigCertificationRevo && (t < sigCertFirst || t > sigCertLast) {
				continue
			}
			sig, err := check.verify(body, what)
			switch {
			case err != nil:
				return err
			case sig == nil:
			case t == sigCertificationRevo:
				u.revocations = keep(u.revocations, sig, body, false)
			default:
				u.certs = keep(u.certs, sig, body, false)
			}
		}
		if len(u.certs)+len(u.revocations) == 0 {
			continue
		}
		if c.users = append(c.users, u); len(c.users) > maxUserIDs {
			return &envelope.LimitError{What: "user IDs of a key", Max: maxUserIDs, Fixed: true}
		}
	}
	return nil
}

func (c *certificate) addSubkeys(k *keyParts, check *checker) error {
	for _, p := range k.subs {
		s := subkey{body: bytes.Clone(p.body)}
		if int(s.body[0]) != c.primary.Version { // RFC 9580, Section 10.1; and the other subkeys serve
			c.odd = fmt.Sprintf("has a version %d subkey, which a version %d key cannot have", s.body[0], c.primary.Version)
			continue
		}
		key, err := readPublicKey(keyTagPublicSub, s.body)
		if err != nil {
			continue
		}
		s.key = key
		what := hashedKey(s.body)
		for _, body := range p.sigs {
			t := body[1]
			if t != sigSubkeyBinding && t != sigSubkeyRevocation {
				continue
			}
			sig, err := check.verify(body, what)
			switch {
			case err != nil:
				return err
			case sig == nil:
			case t == sigSubkeyRevocation:
				s.revocations = keep(s.revocations, sig, body, false)
			case postQuantum(key) && shortDigest(sig.Hash):
				c.odd = "has a post-quantum key that is bound by a digest of less than 256 bits, which RFC 9980 forbids"
			default:
				back, err := check.signedBack(key, what, sig)
				if err != nil {
					return err
				}
				s.bindings = keep(s.bindings, sig, body, back)
			}
		}
		if len(s.bindings)+len(s.revocations) == 0 {
			continue
		}
		if c.subs = append(c.subs, s); len(c.subs) > maxSubkeys {
			return &envelope.LimitError{What: "subkeys of a key", Max: maxSubkeys, Fixed: true}
		}
	}
	return nil
}

// encode writes the certificate, or with secret, which returns the body of a
// secret key packet or nil, the transferable secret key.
func (c *certificate) encode(secret func(*packet.PublicKey) []byte) []byte {
	var out []byte
	key := func(k *packet.PublicKey, body []byte, public, private int) {
		if secret != nil {
			if s := secret(k); s != nil {
				out = appendKeyPacket(out, private, s)
				return
			}
		}
		out = appendKeyPacket(out, public, body)
	}
	sigs := func(lists ...[]selfSig) {
		for _, s := range slices.Concat(lists...) {
			out = appendKeyPacket(out, keyTagSignature, s.body)
		}
	}
	key(c.primary, c.hashed[hashedHead(c.primary):], keyTagPublic, keyTagSecret)
	sigs(c.revocations, c.direct)
	for _, u := range c.users {
		out = appendKeyPacket(out, keyTagUserID, u.id)
		sigs(u.revocations, u.certs)
	}
	for _, s := range c.subs {
		key(s.key, s.body, keyTagPublicSub, keyTagSecretSub)
		sigs(s.revocations, s.bindings)
	}
	return out
}

// hashedHead is how much hashedKey puts before a key.
func hashedHead(k *packet.PublicKey) int {
	if k.Version == 6 {
		return 5
	}
	return 3
}

// public returns c as other packages know it.
func (c *certificate) public() *keyring.Certificate {
	k := keyring.Certificate(seam.Wrap[seam.Certificate](c))
	return &k
}

func (c *certificate) fingerprint() keyring.Fingerprint { return c.public().Fingerprint() }

// Kind implements seam.Certificate.
func (c *certificate) Kind() seam.Kind {
	if c.primary.Version == 6 {
		return seam.PGPv6
	}
	return seam.PGPv4
}

// Hashed implements seam.Certificate.
func (c *certificate) Hashed() []byte { return c.hashed }

// Encoding implements seam.Certificate: the packets that were kept.
func (c *certificate) Encoding() []byte { return c.encoding }

// Addresses implements seam.Certificate: the addr-specs of the user IDs that
// the owner signed and did not revoke.
func (c *certificate) Addresses() []string { return c.addresses }

// Format implements seam.Certificate.
func (c *certificate) Format() seam.Format { return format{} }

// fullFingerprint returns the 20 or 32 octets of the primary key's fingerprint.
func (c *certificate) fullFingerprint() []byte { return c.primary.Fingerprint }
