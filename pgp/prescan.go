package pgp

import (
	"errors"
	"fmt"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// What deriving one key from a passphrase may cost. go-crypto passes the
// parameters that a message or a key file states to the key derivation as they
// are, and an Argon2 memory exponent of 31 asks for 2 TiB, which kills the
// process before any recover. So they are read, and refused, here first.
const (
	// RFC 9106, Section 4 suggests 64 MiB where memory matters, which most
	// programs write, and 2 GiB where it does not.
	maxArgon2Memory  = 256 << 10 // KiB
	mostArgon2Memory = 2 << 20   // KiB, that a caller can allow
	maxArgon2Passes  = 10        // RFC 9106 suggests 1 and 3
	maxArgon2Lanes   = 16        // RFC 9106 suggests 4

	// One key file: several subkeys with parameters of their own. Eight times
	// RFC 9106's three passes over 64 MiB for each of 64 subkeys is below it.
	maxArgon2Work = 1 << 22 // KiB times passes, summed: 4 GiB, about four seconds
)

// The string-to-key specifiers, RFC 9580, Section 3.7.1, and GnuPG's.
const (
	s2kSimple   = 0
	s2kSalted   = 1
	s2kIterated = 3
	s2kArgon2   = 4
	s2kGnuPG    = 101 // the secret is not here: offline, or on a card
)

// s2kSpec is a string-to-key specifier, of which nothing was computed.
type s2kSpec struct {
	mode int
	len  int    // octets that it takes
	work uint64 // KiB of memory times passes; 0 for the cheap modes
}

var errS2KCut = errors.New("pgp: a string-to-key specifier is cut off")

// scanS2K reads the specifier that b begins with and refuses what costs more
// than memory, in KiB, and the limits above, with an [*envelope.LimitError]. Iterated S2K needs no
// limit of its own: its count ends at 65,011,712 octets, a fifth of a second.
func scanS2K(b []byte, memory uint64) (s s2kSpec, err error) {
	if len(b) == 0 {
		return s, errS2KCut
	}
	s.mode = int(b[0])
	switch s.mode {
	case s2kSimple:
		s.len = 2
	case s2kSalted:
		s.len = 10
	case s2kIterated:
		s.len = 11
	case s2kArgon2:
		s.len = 20
	case s2kGnuPG:
		s.len = 6
	default:
		return s, fmt.Errorf("pgp: string-to-key specifier %d, which is not supported", s.mode)
	}
	if len(b) < s.len {
		return s, errS2KCut
	}
	if s.mode != s2kArgon2 {
		return s, nil
	}
	passes, lanes, exponent := b[17], b[18], b[19] // RFC 9580, Section 3.7.1.4
	switch {
	case passes == 0 || lanes == 0 || exponent > 31 || uint64(1)<<exponent < 8*uint64(lanes):
		return s, errors.New("pgp: Argon2 parameters that RFC 9580 does not allow")
	case uint64(1)<<exponent > memory && memory >= mostArgon2Memory:
		return s, &envelope.LimitError{What: "KiB of Argon2 memory", Max: int64(memory), Fixed: true}
	case uint64(1)<<exponent > memory:
		return s, &envelope.LimitError{What: "KiB of Argon2 memory", Max: int64(memory)}
	case passes > maxArgon2Passes:
		return s, &envelope.LimitError{What: "passes of Argon2", Max: maxArgon2Passes, Fixed: true}
	case lanes > maxArgon2Lanes:
		return s, &envelope.LimitError{What: "lanes of Argon2", Max: maxArgon2Lanes, Fixed: true}
	}
	s.work = uint64(passes) << exponent
	return s, nil
}

// scanSKESK refuses the body of a Symmetric-Key Encrypted Session Key packet
// whose key derivation costs too much, RFC 9580, Section 5.3.
func scanSKESK(body []byte) (s2kSpec, error) {
	at := 0
	switch {
	case len(body) < 2:
		return s2kSpec{}, errS2KCut
	case body[0] == 4: // version, cipher, specifier
		at = 2
	case body[0] == 5: // LibrePGP: version, cipher, AEAD, specifier
		at = 3
	case body[0] == 6: // version, count, cipher, AEAD, count, specifier
		at = 5
	default:
		return s2kSpec{}, fmt.Errorf("pgp: a version %d password packet, which is not supported", body[0])
	}
	if len(body) < at {
		return s2kSpec{}, errS2KCut
	}
	s, err := scanS2K(body[at:], maxArgon2Memory)
	switch {
	case err != nil:
		return s, err
	case s.mode == s2kGnuPG:
		return s, errors.New("pgp: a password packet without a password")
	case body[0] == 6 && int(body[4]) != s.len:
		return s, errors.New("pgp: a password packet says another length of its specifier than it has")
	}
	return s, nil
}

// The ways in which a secret key packet is protected, RFC 9580, Section 3.7.2.1.
const (
	usagePlain    = 0
	usageAEAD     = 253
	usageCFB      = 254 // with SHA-1 over the secret part
	usageChecksum = 255 // with 16 bits of checksum
)

// secretScan is what can be told of a secret key packet without its secret.
type secretScan struct {
	public []byte // its public part, the body of the public key packet
	usage  int
	s2k    s2kSpec
}

// stub reports whether the packet holds no secret: the primary key is kept
// elsewhere, or on a card.
func (s secretScan) stub() bool { return s.usage != usagePlain && s.s2k.mode == s2kGnuPG }

// scanSecret reads a secret key packet up to its secret.
//
// Usage 255 and those below 253 protect the secret by a checksum of 16 bits or
// by nothing: who can write to the file changes the secret unnoticed, and one
// signature made with the result gives the key away (Klíma and Rosa, 2002).
func scanSecret(body []byte, memory uint64) (s secretScan, err error) {
	n, err := publicPartLen(body)
	if err != nil {
		return s, err
	}
	s.public = body[:n:n]
	rest := body[n:]
	if len(rest) == 0 {
		return s, errKeyCutMaterial
	}
	s.usage, rest = int(rest[0]), rest[1:]
	skip := 1 // cipher
	switch s.usage {
	case usagePlain:
		return s, nil
	case usageAEAD:
		skip++
	case usageCFB:
	case usageChecksum:
		// GnuPG writes stubs so too; they protect nothing, having nothing.
	default:
		return s, errors.New("pgp: a secret key in a protection of the 1990s, which is not supported: import it into gpg, set a new passphrase there, and export it")
	}
	if body[0] == 6 {
		skip += 2 // the counts before the parameters and before the specifier
	}
	if len(rest) < skip {
		return s, errKeyCutMaterial
	}
	if s.s2k, err = scanS2K(rest[skip:], memory); err != nil {
		return s, err
	}
	if body[0] == 6 && int(rest[skip-1]) != s.s2k.len {
		return s, errors.New("pgp: a secret key says another length of its specifier than it has")
	}
	if s.usage == usageChecksum && !s.stub() {
		return s, errors.New("pgp: a secret key that is protected by a checksum only, which whoever can write to the file can forge: import it into gpg, set a new passphrase there, and export it")
	}
	return s, nil
}
