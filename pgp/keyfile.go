package pgp

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"

	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/s2k"
	"github.com/ProtonMail/go-crypto/openpgp/slhdsa"
	circl "github.com/cloudflare/circl/sign/slhdsa"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// ErrPassphrase says that the secret key did not open with the passphrase
// given. A wrong passphrase and a damaged file cannot be told apart.
var ErrPassphrase = errors.New("pgp: the secret key does not open: wrong passphrase, or the file is damaged")

var (
	errNeedsPassphrase = fmt.Errorf("%w: it is protected by a passphrase, and none was given", ErrPassphrase)
	errUnprotected     = errors.New("pgp: the secret key is not protected by a passphrase, though one was given: somebody may have exchanged it; to use it as it is give no passphrase")
	errPair            = errors.New("pgp: the secret and the public part of the key do not belong together: the file was tampered with or is damaged; do not use it")
)

// ParseKey reads exactly one secret key of version 4 or 6, binary or armored,
// and unlocks it. An empty passphrase is for a key that is not protected, and
// for nothing else: a key that is protected opens only with its passphrase,
// and one that is not does not open with one.
//
// Errors: [ErrPassphrase]; [*envelope.LimitError] where unlocking would cost
// more than 256 MiB (see [KeyLimits]), 10 passes or 16 lanes of Argon2;
// [*envelope.NotApprovedError] under GODEBUG=fips140=only for version 4 and for
// what a passphrase protects; else what r returned or what is wrong. Secret
// keys that are protected by a checksum only are refused, and each secret is
// held against its public part: a key file that somebody could write to can
// give the key away with the first signature (Klíma and Rosa, 2002;
// Bruseghini, Huigens and Paterson, 2022).
//
// r is read to its end, at most 16 MiB. Secrets that the file does not hold,
// of a primary key that is kept elsewhere or on a card, are missing from the
// Key; what remains works.
func ParseKey(r io.Reader, passphrase []byte) (*Key, error) {
	return KeyLimits{}.ParseKey(r, passphrase)
}

// KeyLimits bounds what unlocking a key file may cost. The zero value is what
// [ParseKey] uses.
type KeyLimits struct {
	// Argon2Memory is in octets; zero means 256 MiB, and 2 GiB is the most.
	// RFC 9106's first choice, which a few programs write, is 2 GiB: raise it
	// for a key file of your own only.
	Argon2Memory int64
}

// ParseKey is the function [ParseKey] under these limits.
func (l KeyLimits) ParseKey(r io.Reader, passphrase []byte) (*Key, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	parts, cert, err := splitKeyFile(b)
	if err != nil {
		return nil, err
	}
	k := &privateKey{cert: cert, secrets: map[string]*packet.PrivateKey{}, stubs: map[string][]byte{}}
	if err := k.unlock(parts.secrets, passphrase, l.argon2()); err != nil {
		return nil, err
	}
	return &Key{k}, nil
}

// splitKeyFile reads a file with one secret key, none of whose secrets is unlocked.
func splitKeyFile(b []byte) (*keyParts, *certificate, error) {
	if len(b) > maxKeyFile {
		return nil, nil, &envelope.LimitError{What: "octets of a key file", Max: maxKeyFile, Fixed: true}
	}
	raw, kind, err := dearmorKey(b)
	switch {
	case err != nil:
		return nil, nil, err
	case kind == armorPublic:
		return nil, nil, errPublicKey
	}
	parts, err := splitKey(raw, true)
	if err != nil {
		return nil, nil, err
	}
	c, err := newCertificate(parts)
	return parts, c, err
}

// argon2 returns the limit in KiB, as the specifier counts.
func (l KeyLimits) argon2() uint64 {
	switch {
	case l.Argon2Memory <= 0:
		return maxArgon2Memory
	case l.Argon2Memory>>10 > mostArgon2Memory:
		return mostArgon2Memory
	}
	return uint64(l.Argon2Memory >> 10)
}

// maxKeyFile is far above any key with the certifications of many people,
// which exports of secret keys do not even carry, in armor.
const maxKeyFile = 16 << 20

// maxSlowKeys bounds the Elgamal and SLH-DSA keys of a key file: to hold one
// against its public part takes up to a second, and with Elgamal, where
// go-crypto asks a quarter of a million times whether the order of the group is
// small, more with every bit. Four keys of 2,048 bits are within maxElgamalWork.
const (
	maxSlowKeys    = 4
	maxElgamalWork = 8192 // bits
)

// slowKey reports whether a key of an algorithm is one of those.
func slowKey(a packet.PublicKeyAlgorithm) bool {
	switch a {
	case packet.PubKeyAlgoElGamal, packet.PubKeyAlgoSlhdsaShake128s, packet.PubKeyAlgoSlhdsaShake128f, packet.PubKeyAlgoSlhdsaShake256s:
		return true
	}
	return false
}

// unlock fills k.secrets from secret key packets, which are found by their
// public part. Of subkeys that nothing binds to the primary key the secret is
// not touched: anybody could have added them.
func (k *privateKey) unlock(packets map[string][]byte, passphrase []byte, memory uint64) error {
	type job struct {
		tag  int
		body []byte
		scan secretScan
	}
	var jobs []job
	work, slow, elgamal := uint64(0), 0, 0
	add := func(tag int, public []byte) error {
		body := packets[string(public)]
		if body == nil {
			return nil
		}
		s, err := scanSecret(body, memory)
		if err != nil {
			return err
		}
		if slowKey(packet.PublicKeyAlgorithm(body[5])) {
			slow++
		}
		if slow > maxSlowKeys {
			return &envelope.LimitError{What: "Elgamal and SLH-DSA keys in one key file", Max: maxSlowKeys, Fixed: true}
		}
		if elgamal += elgamalBits(s.public); elgamal > maxElgamalWork {
			return &envelope.LimitError{What: "bits of all Elgamal keys in one key file", Max: maxElgamalWork, Fixed: true}
		}
		if work += s.s2k.work; work > maxArgon2Work {
			return &envelope.LimitError{What: "KiB times passes of Argon2 in one key file", Max: maxArgon2Work, Fixed: true}
		}
		jobs = append(jobs, job{tag, body, s})
		return nil
	}
	if err := add(keyTagSecret, k.cert.hashed[hashedHead(k.cert.primary):]); err != nil {
		return err
	}
	for i := range k.cert.subs {
		if err := add(keyTagSecretSub, k.cert.subs[i].body); err != nil {
			return err
		}
	}
	for _, j := range jobs {
		if j.scan.stub() {
			k.stubs[string(fingerprintOf(j.scan.public))] = bytes.Clone(j.body)
			continue
		}
		s, err := unlockSecret(j.tag, j.body, j.scan, passphrase)
		if err != nil {
			return err
		}
		k.secrets[string(s.Fingerprint)] = s
	}
	if len(k.secrets) == 0 {
		return errors.New("pgp: the key file holds no secret: the key is kept elsewhere or on a card")
	}
	return nil
}

// unlockSecret parses and decrypts one secret key packet that was scanned.
// go-crypto computes the public part from the secret, for every algorithm but
// SLH-DSA, and compares; for RSA crypto/rsa does, and proves that the primes
// multiply to n. (Signatures by RSA are verified by crypto/rsa before it hands
// them out, so that a fault in one prime does not give away the other.)
func unlockSecret(tag int, body []byte, scan secretScan, passphrase []byte) (*packet.PrivateKey, error) {
	switch {
	case scan.usage == usagePlain && len(passphrase) > 0:
		return nil, errUnprotected
	case scan.usage != usagePlain && len(passphrase) == 0:
		return nil, errNeedsPassphrase
	}
	if scan.usage != usagePlain {
		if err := approved("unlocking an OpenPGP key"); err != nil {
			return nil, err
		}
	}
	if why := hugeRSA(scan.public); why != nil {
		return nil, why
	}
	s, err := readKeyPacket[*packet.PrivateKey](tag, body)
	if err == nil && s.Encrypted {
		err = keyGuard(func() error { return s.Decrypt(passphrase) })
	} else if err == nil && scan.usage != usagePlain {
		err = errKeyPacket // what was scanned as protected is to be seen as protected
	}
	if err == nil {
		err = keyGuard(func() error { return checkSLHDSA(s) })
	}
	var invalid pgperrors.KeyInvalidError
	var unsupported pgperrors.UnsupportedError
	switch {
	case err == nil:
	case errors.As(err, &invalid):
		return nil, errPair
	case errors.As(err, &unsupported):
		return nil, fmt.Errorf("pgp: the secret key is of a kind that is not supported: %w", err)
	case scan.usage == usagePlain:
		return nil, fmt.Errorf("pgp: the secret key is damaged: %w", err)
	default:
		return nil, ErrPassphrase
	}
	if s.PrivateKey == nil || s.Encrypted || !bytes.Equal(s.Fingerprint, fingerprintOf(scan.public)) {
		return nil, errPair
	}
	return s, nil
}

// checkSLHDSA computes the root of an SLH-DSA key from its seeds. The secret
// holds a copy of the public part (FIPS 205, Section 9.1), and go-crypto
// compares that alone: signatures by a seed under another root give parts of
// one-time keys away twice.
func checkSLHDSA(s *packet.PrivateKey) error {
	k, ok := s.PrivateKey.(*slhdsa.PrivateKey)
	if !ok {
		return nil
	}
	secret, err := k.SecretSlhdsa.MarshalBinary()
	if err != nil {
		return err
	}
	id, err := circl.IDByName(k.Slhdsa.Name())
	if err != nil {
		return err
	}
	public, _, err := circl.GenerateKey(bytes.NewReader(secret), id) // which reads the seeds in the order that they stand in
	if err != nil {
		return err
	}
	if !public.Equal(k.PublicSlhdsa) {
		return pgperrors.KeyInvalidError("the root is not that of the seeds")
	}
	return nil
}

// Marshal returns the key as an armored "PGP PRIVATE KEY BLOCK", protected by
// passphrase, or by nothing if that is empty: whoever reads such a file has
// the key.
//
// A version 4 key is written as GnuPG and all others read it: iterated and
// salted SHA-256 at the highest count, AES-256 with a digest. A version 6 key:
// Argon2 and AES-256 in OCB, RFC 9580, Section 3.7.2.1. A key whose secrets are
// kept elsewhere ([NewKey]) is not written, and the error says so.
func (k *Key) Marshal(passphrase []byte) ([]byte, error) {
	if k == nil || k.private == nil {
		return nil, errors.New("pgp: Marshal of the zero Key")
	}
	if len(passphrase) > 0 {
		if err := approved("protecting an OpenPGP key by a passphrase"); err != nil {
			return nil, err
		}
	}
	bodies, err := k.private.lock(passphrase)
	if err != nil {
		return nil, err
	}
	c := k.private.cert
	raw := c.encode(func(p *packet.PublicKey) []byte { return bodies[string(p.Fingerprint)] })
	return armorKey(armorSecret, raw, c.primary.Version == 4)
}

// lock returns the bodies of secret key packets by fingerprint.
func (k *privateKey) lock(passphrase []byte) (map[string][]byte, error) {
	bodies := map[string][]byte{}
	var keys []*packet.PrivateKey
	for _, s := range k.secrets {
		if heldIn(s) != nil {
			return nil, errElsewhere
		}
		c := *s // EncryptPrivateKeys changes the struct and nothing that it points to
		keys = append(keys, &c)
	}
	if len(passphrase) > 0 {
		err := keyGuard(func() error { return packet.EncryptPrivateKeys(keys, passphrase, lockConfig(k.cert.primary.Version)) })
		if err != nil {
			return nil, fmt.Errorf("pgp: cannot lock the key: %w", err)
		}
	}
	for _, s := range keys {
		body, err := secretBody(s)
		if err != nil {
			return nil, fmt.Errorf("pgp: cannot write the key: %w", err)
		}
		bodies[string(s.Fingerprint)] = body
	}
	for f, body := range k.stubs {
		bodies[f] = body
	}
	return bodies, nil
}

func lockConfig(version int) *packet.Config {
	if version == 6 {
		return &packet.Config{
			DefaultCipher: packet.CipherAES256,
			AEADConfig:    &packet.AEADConfig{DefaultMode: packet.AEADModeOCB},
			// RFC 9106, Section 4, second choice: 64 MiB, three passes, four lanes.
			S2KConfig: &s2k.Config{S2KMode: s2k.Argon2S2K, Argon2Config: &s2k.Argon2Config{
				NumberOfPasses: 3, DegreeOfParallelism: 4, Memory: 64 << 10,
			}},
		}
	}
	return &packet.Config{
		DefaultCipher: packet.CipherAES256,
		S2KConfig:     &s2k.Config{S2KMode: s2k.IteratedSaltedS2K, Hash: crypto.SHA256, S2KCount: 65011712},
	}
}

// hugeRSA refuses RSA keys that are not used because each operation would take
// seconds, before the first one.
func hugeRSA(public []byte) error {
	switch packet.PublicKeyAlgorithm(public[5]) {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSAEncryptOnly, packet.PubKeyAlgoRSASignOnly:
	default:
		return nil
	}
	if firstBits(public) > maxRSABits {
		return &envelope.LimitError{What: "bits of an RSA key", Max: maxRSABits, Fixed: true}
	}
	return nil
}

// firstBits returns the length of the number that a public key's material
// begins with. That it is there was checked by publicPartLen.
func firstBits(public []byte) int {
	at := 6
	if public[0] == 6 {
		at += 4
	}
	return int(public[at])<<8 | int(public[at+1])
}

func elgamalBits(public []byte) int {
	if packet.PublicKeyAlgorithm(public[5]) != packet.PubKeyAlgoElGamal {
		return 0
	}
	return firstBits(public)
}
