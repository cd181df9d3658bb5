package pgp

import (
	"bytes"
	"errors"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/s2k"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// password is a symmetric-key encrypted session key packet, RFC 9580, Section
// 5.3, of which nothing was computed.
type password struct {
	version byte                  // 4, 6, or LibrePGP's 5
	cipher  packet.CipherFunction // of the derived key
	mode    packet.AEADMode       // versions 5 and 6
	spec    []byte                // string-to-key specifier
	cost    s2kCost
	nonce   []byte // versions 5 and 6
	key     []byte // encrypted session key; empty: the derived key is the session key
	refuse  error  // why it is not tried; nil: it is
}

// errPassword is what parsing says; what callers see is in parsePassword.
var errPassword = errors.New("pgp: a passphrase packet that is not supported")

// parsePassword reads the body of the packet. What is wrong with it matters
// only to those who need it: others may have a key that opens the message.
func parsePassword(raw []byte) *password {
	p := &password{}
	spec, err := scanSKESK(raw)
	if len(raw) > 0 {
		p.version = raw[0]
	}
	if err == nil {
		err = p.parse(raw, spec)
	}
	switch limit := limitIn(err); {
	case limit != nil:
		p.refuse = limit
	case err != nil:
		p.refuse = malformed("it is sealed to a passphrase in a way that is not supported")
	}
	return p
}

// parse reads a body of which scanSKESK read the specifier.
func (p *password) parse(raw []byte, spec s2kSpec) (err error) {
	rest := raw[1:]
	if p.version == 6 {
		rest = rest[1:] // a count, see below
	}
	p.cipher, rest = packet.CipherFunction(rest[0]), rest[1:]
	nonce, tag := 0, 0
	if p.version != 4 {
		p.mode, rest = packet.AEADMode(rest[0]), rest[1:]
		if contentV2(p.cipher, p.mode) == "" {
			return errPassword
		}
		nonce, tag = p.mode.IvLength(), p.mode.TagLength()
	}
	if p.version == 6 {
		rest = rest[1:] // the length of the specifier, which scanSKESK compared
	}
	// GnuPG took CAST5 for its own passphrases until 2.1.
	if cipherName(p.cipher)+oldName(p.cipher) == "" || len(rest) < spec.len+nonce {
		return errPassword
	}
	p.spec, rest = rest[:spec.len:spec.len], rest[spec.len:]
	p.nonce, p.key = rest[:nonce:nonce], rest[nonce:]
	switch size := len(p.key) - tag; {
	case p.version == 4 && size == 0:
	case p.version == 4 && !aesKeySize(size-1), p.version != 4 && !aesKeySize(size):
		return errPassword
	}
	// RFC 9580, Section 5.3.2: it counts cipher, mode, the length of the
	// specifier, that, and the nonce.
	if p.version == 6 && int(raw[1]) != 3+spec.len+nonce {
		return errPassword
	}
	p.cost, err = costOf(p.spec, spec, p.cipher.KeySize())
	return err
}

func aesKeySize(n int) bool { return n == 16 || n == 24 || n == 32 }

// recipient is how reports name the packet: it names nobody.
func (p *password) recipient() seam.Recipient {
	r := seam.Recipient{ID: passphraseID, Algorithm: "unknown"}
	if len(p.spec) > 0 {
		r.Algorithm = specName(p.spec) + ", " + cipherName(p.cipher) + oldName(p.cipher)
		if p.version != 4 {
			r.Algorithm = specName(p.spec) + ", " + contentV2(p.cipher, p.mode)
		}
	}
	return r
}

const passphraseID = "passphrase"

// specName names a string-to-key specifier.
func specName(spec []byte) string {
	switch spec[0] {
	case s2kArgon2:
		return "Argon2"
	case s2kIterated:
		return "S2K iterated " + digestByID(spec[1]).name
	case s2kSalted:
		return "S2K salted " + digestByID(spec[1]).name
	}
	return "S2K"
}

// s2kCost is what deriving one key costs.
type s2kCost struct {
	octets uint64 // that are hashed
	work   uint64 // of Argon2: KiB of memory times passes
}

// costOf says what a key of so many octets costs, and refuses specifiers that
// no key is derived with.
//
// Simple S2K is one of them: without a salt one table of passphrases serves
// for all messages, RFC 9580, Section 3.7.1.1 forbids to write it, and none of
// the programs that are still in use ever did unless told to.
func costOf(raw []byte, spec s2kSpec, size int) (c s2kCost, err error) {
	c.work = spec.work
	if spec.mode == s2kSimple {
		return c, errPassword
	}
	if err := keyGuard(func() error { _, err := deriver(raw); return err }); err != nil {
		return c, err
	}
	if spec.mode == s2kIterated {
		count := (16 + uint64(raw[10]&15)) << (raw[10]>>4 + 6) // RFC 9580, Section 3.7.1.3
		digest := 32
		switch raw[1] {
		case hashSHA1:
			digest = 20
		case 11: // SHA-224
			digest = 28
		}
		c.octets = count * uint64((size+digest-1)/digest) // each digest begins anew
	}
	return c, nil
}

// deriver returns the function that derives a key from a passphrase.
func deriver(spec []byte) (func(key, passphrase []byte), error) {
	params, err := s2k.ParseIntoParams(bytes.NewReader(spec))
	if err != nil {
		return nil, err
	}
	return params.Function()
}
