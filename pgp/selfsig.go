package pgp

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// The signatures that make a certificate, RFC 9580, Section 5.2.1.
const (
	sigCertFirst         = 0x10 // generic certification of a user ID
	sigCertLast          = 0x13 // positive certification
	sigSubkeyBinding     = 0x18
	sigDirectKey         = 0x1F
	sigKeyRevocation     = 0x20
	sigSubkeyRevocation  = 0x28
	sigCertificationRevo = 0x30
)

// hashedKey returns the octets whose digest is a key's fingerprint,
// RFC 9580, Sections 5.5.4.2 and 5.5.4.3.
func hashedKey(public []byte) []byte {
	if public[0] == 6 {
		return append(binary.BigEndian.AppendUint32([]byte{0x9B}, uint32(len(public))), public...)
	}
	return append(binary.BigEndian.AppendUint16([]byte{0x99}, uint16(len(public))), public...) // below 64 KiB: maxKeyBytes
}

func fingerprintOf(public []byte) []byte {
	if public[0] == 6 {
		s := sha256.Sum256(hashedKey(public))
		return s[:]
	}
	s := sha1.Sum(hashedKey(public))
	return s[:]
}

var errKeyPacket = errors.New("pgp: a packet of another kind than its tag says")

// keyGuard runs f and returns a panic of go-crypto on hostile input as an
// error. What cannot be recovered from, an allocation of any size, is refused
// before go-crypto is called.
func keyGuard(f func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = errPanicked
		}
	}()
	return f()
}

var errPanicked = errors.New("pgp: a packet that cannot be parsed")

// readKeyPacket parses one packet with go-crypto.
func readKeyPacket[T packet.Packet](tag int, body []byte) (p T, err error) {
	err = keyGuard(func() error {
		q, err := packet.Read(bytes.NewReader(appendKeyPacket(make([]byte, 0, len(body)+6), tag, body)))
		if err != nil {
			return err
		}
		var ok bool
		if p, ok = q.(T); !ok {
			return errKeyPacket
		}
		return nil
	})
	return p, err
}

// readTolerantly parses a signature that go-crypto refuses for what it says: a
// local one (RFC 9580, Section 5.2.3.19), and a revocation with something
// critical that is not known, which is no reason to go on using a key. The
// octets that say so are changed for go-crypto, and back before anything is
// verified: what is hashed begins with them (Section 5.2.4).
func readTolerantly(body []byte) (*packet.Signature, error) {
	soft := bytes.Clone(body)
	area, at := hashedArea(soft)
	end := at + len(area)
	for len(area) > 0 {
		n, head := subpacketLen(area)
		if n == 0 || head+n > len(area) {
			return nil, errKeyPacket
		}
		if revokes(packet.SignatureType(body[1])) {
			area[head] &= 0x7F
		}
		if area[head]&0x7F == 4 && n == 2 {
			area[head+1] = 1
		}
		area = area[head+n:]
	}
	sig, err := readKeyPacket[*packet.Signature](keyTagSignature, soft)
	if err == nil && copy(sig.HashSuffix, body[:end]) != end {
		err = errKeyPacket
	}
	return sig, err
}

// readPublicKey parses a public key and makes sure that go-crypto takes for
// the key exactly the octets that the fingerprint is computed from: what it
// would read differently is refused.
func readPublicKey(tag int, body []byte) (*packet.PublicKey, error) {
	key, err := readKeyPacket[*packet.PublicKey](tag, body)
	if err != nil {
		return nil, fmt.Errorf("pgp: a public key that is damaged or not supported: %w", err)
	}
	var again bytes.Buffer
	if err := keyGuard(func() error { return key.SerializeForHash(&again) }); err != nil {
		return nil, err
	}
	if !bytes.Equal(again.Bytes(), hashedKey(body)) || !bytes.Equal(key.Fingerprint, fingerprintOf(body)) {
		return nil, errors.New("pgp: a public key in an encoding that RFC 9580 does not allow: its fingerprint would not be unique")
	}
	return key, nil
}

// checker verifies self-signatures of one primary key.
type checker struct {
	primary  *packet.PublicKey
	hashed   []byte
	forged   int // signatures that took a public-key operation to be found wrong
	untagged int // that showed it before
	backs    int // forged, in the name of subkeys
	slow     int // that were verified with a key that is not quick, right or wrong
}

// selfSig is a signature that the primary key made.
type selfSig struct {
	*packet.Signature
	body []byte
	back bool // a signing subkey's binding, signed back by the subkey
}

// keep appends a signature that was verified, unless one that says the same
// is there: anybody can multiply a signature by what he adds where nothing
// protects it. Of two bindings the one that is signed back counts.
func keep(list []selfSig, sig *packet.Signature, body []byte, back bool) []selfSig {
	s := selfSig{Signature: sig, body: bytes.Clone(body), back: back}
	for i := range list {
		if bytes.Equal(list[i].HashSuffix, sig.HashSuffix) {
			if back && !list[i].back {
				list[i] = s
			}
			return list
		}
	}
	return append(list, s)
}

// verify returns the signature if the primary key made it over its own
// octets followed by what. Signatures that cannot be parsed count as absent:
// newer kinds come with critical parts that are made to be skipped.
func (c *checker) verify(body, what []byte) (*packet.Signature, error) {
	read := readKeyPacket[*packet.Signature]
	if revokes(packet.SignatureType(body[1])) {
		read = func(_ int, body []byte) (*packet.Signature, error) { return readTolerantly(body) }
	}
	sig, err := read(keyTagSignature, body)
	if err != nil || unknownCritical(sig) && !revokes(sig.SigType) {
		return nil, nil
	}
	if forbiddenDigest(sig.Hash) || postQuantumSigner(sig.PubKeyAlgo) && shortDigest(sig.Hash) && !revokes(sig.SigType) {
		return nil, nil
	}
	if !tagged(sig, c.hashed, what) {
		// A forgery at no cost. Honest signatures have been written so too,
		// and in version 4 nobody has to look at these two octets.
		if c.untagged++; c.untagged > maxForged || !signedOver(c.primary, sig, c.hashed, what) {
			return nil, nil
		}
		return sig, nil
	}
	if err := c.spend(c.primary); err != nil {
		return nil, err
	}
	if !signedOver(c.primary, sig, c.hashed, what) {
		// One that was not looked at any more could be a revocation.
		if c.forged++; c.forged > c.mostForged() {
			return nil, &envelope.LimitError{What: "forged signatures on a key", Max: int64(c.mostForged()), Fixed: true}
		}
		return nil, nil
	}
	return sig, nil
}

// spend counts what is verified with a key that is not quick: its owner can
// sign without end.
func (c *checker) spend(key *packet.PublicKey) error {
	if quick(key) {
		return nil
	}
	if c.slow++; c.slow > maxSlowSigs {
		return &envelope.LimitError{What: "signatures on a key of a slow kind", Max: maxSlowSigs, Fixed: true}
	}
	return nil
}

// mostForged is how many forged signatures are found out. With keys of which
// one operation takes up to a fifth of a millisecond it is as many as there
// can be: nobody makes such a certificate useless by what he appends to it,
// short of the limit of packets.
func (c *checker) mostForged() int {
	if quick(c.primary) {
		return maxKeyPackets
	}
	return maxForged
}

// signedOver reports whether key made sig over parts.
func signedOver(key *packet.PublicKey, sig *packet.Signature, parts ...[]byte) bool {
	return keyGuard(func() error {
		h, err := sig.PrepareVerify()
		if err != nil {
			return err
		}
		for _, p := range parts {
			h.Write(p)
		}
		return key.VerifySignature(h, sig)
	}) == nil
}

// tagged reports whether the two octets of sig that repeat the beginning of
// the digest are right, RFC 9580, Section 5.2.3: what can be told of a forgery
// at the cost of a hash.
func tagged(sig *packet.Signature, parts ...[]byte) bool {
	return keyGuard(func() error {
		h, err := sig.PrepareVerify()
		if err != nil {
			return err
		}
		for _, p := range parts {
			h.Write(p)
		}
		h.Write(sig.HashSuffix)
		if [2]byte(h.Sum(nil)) != sig.HashTag {
			return errPanicked
		}
		return nil
	}) == nil
}

// unknownCritical reports a critical notation: none is known here, and RFC
// 9580, Section 5.2.3.24 makes such a signature one in error. go-crypto itself
// refuses unknown critical subpackets.
func unknownCritical(sig *packet.Signature) bool {
	for _, n := range sig.Notations {
		if n.IsCritical {
			return true
		}
	}
	return false
}

// revokes reports whether signatures of type t take something back. What is
// not understood in them is no reason to go on using the key.
func revokes(t packet.SignatureType) bool {
	return t == sigKeyRevocation || t == sigSubkeyRevocation || t == sigCertificationRevo
}

// sha1Ends is when a SHA-1 signature of a key stopped to prove that its owner
// made it: the first practical chosen-prefix collision, which was one on
// OpenPGP keys, was published in January 2020 ("SHA-1 is a Shambles").
var sha1Ends = time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)

// weakDigest reports whether sig's digest proves nothing at the time that sig
// states. MD5 and RIPEMD-160 never get here: go-crypto does not read them.
func weakDigest(sig *packet.Signature) bool {
	switch sig.Hash {
	case crypto.SHA224, crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA3_256, crypto.SHA3_512:
		return false
	case crypto.SHA1:
		return !sig.CreationTime.Before(sha1Ends)
	}
	return true
}

// hashedUserID is what a certification covers besides the key,
// RFC 9580, Section 5.2.4.
func hashedUserID(id []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0xB4}, uint32(len(id))), id...)
}

// signedBack verifies the signature by which a signing subkey says that it
// belongs to this primary key; without it anybody could claim another's
// subkey, and its signatures, RFC 9580, Section 5.2.1.9. It stands in either
// area: it is signed itself.
//
// Whoever appends copies of one binding, each with something else where nothing
// protects it, has every one looked at: it is a forgery like those of verify.
func (c *checker) signedBack(sub *packet.PublicKey, subHashed []byte, binding *packet.Signature) (bool, error) {
	back := binding.EmbeddedSignature
	if back == nil || back.Version != sub.Version || postQuantumSigner(back.PubKeyAlgo) && shortDigest(back.Hash) ||
		unknownCritical(back) || weakDigest(back) || forbiddenDigest(back.Hash) {
		return false, nil
	}
	if err := c.spend(sub); err != nil {
		return false, err
	}
	if signedOver(sub, back, c.hashed, subHashed) {
		return true, nil
	}
	if !quick(sub) {
		if c.backs++; c.backs > maxForged {
			return false, &envelope.LimitError{What: "forged signatures on a key", Max: maxForged, Fixed: true}
		}
	}
	return false, nil
}
