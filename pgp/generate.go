package pgp

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// DefaultLifetime is how long a generated key is valid unless
// KeyOptions.Lifetime says otherwise: two years, after which a key that its
// owner lost stops being sealed to. [Key.Extend] gives it two more.
const DefaultLifetime = 2 * 365 * 24 * time.Hour

// KeyOptions says what key [GenerateKey] makes.
type KeyOptions struct {
	// Address is the mail address of the owner, required unless UserIDs are given.
	Address string

	// Name is the owner's name; it may be empty.
	Name string

	// UserIDs, if not nil, stand in the key as they are, the first as the
	// primary one, in place of the one that is made of Address and Name. An
	// empty list makes a key that names nobody.
	UserIDs []string

	// Profile chooses between version 4 keys, which every program imports
	// (Auto, Compatible), version 6 keys of RFC 9580 (Modern), and version 6
	// keys of RFC 9980 (PostQuantum): ML-DSA and ML-KEM, each together with a
	// curve, so that breaking one of the two opens nothing.
	Profile envelope.Profile

	// Algorithm is "curve25519", "rsa3072", "rsa4096", "p256", "p384" or
	// "p521", and for Modern also "curve448"; empty means "curve25519". For
	// PostQuantum it is "mldsa65+mlkem768", which empty means, or
	// "mldsa87+mlkem1024".
	Algorithm string

	// Lifetime is how long the key is valid, in whole seconds: zero means
	// [DefaultLifetime], [Forever] no end.
	Lifetime time.Duration

	// SigningOnly makes a key without a subkey for encryption: nobody can
	// seal to it.
	SigningOnly bool
}

// Forever as KeyOptions.Lifetime makes a key that does not expire.
const Forever time.Duration = math.MaxInt64

// GenerateKey makes a key for signing with a subkey for encryption. A version
// 6 key says that its owner reads SEIPDv2; a version 4 key does not, so that
// what is sealed to it opens in GnuPG 2.2 too.
//
// The error says which of the options cannot be, or is an
// [*envelope.NotApprovedError] under GODEBUG=fips140=only.
func GenerateKey(o KeyOptions) (*Key, error) {
	if err := approved("generating an OpenPGP key"); err != nil {
		return nil, err
	}
	kind, err := findKind(o.Profile, o.Algorithm)
	if err != nil {
		return nil, err
	}
	ids, err := o.userIDs()
	if err != nil {
		return nil, err
	}
	now := time.Now().Truncate(time.Second) // one time for all parts
	lifetime, err := lifetimeFrom(now, now, o.Lifetime)
	if err != nil {
		return nil, err
	}
	primary, sub, err := generatePair(kind, now)
	if err != nil {
		return nil, fmt.Errorf("pgp: cannot generate a key: %w", err)
	}
	if o.SigningOnly {
		sub = nil
	}
	k, err := assemble(primary, sub, ids, lifetime)
	if err != nil {
		return nil, err
	}
	if err := k.private.usable(now, o); err != nil {
		return nil, fmt.Errorf("pgp: the key that was generated is not usable: %w", err)
	}
	return k, nil
}

// usable asks of a new key what will be asked of it.
func (k *privateKey) usable(now time.Time, o KeyOptions) error {
	err := k.CheckSign(now, seam.Profile(o.Profile))
	if err == nil && !o.SigningOnly {
		err = k.cert.CheckSeal(now, seam.Profile(o.Profile))
	}
	return err
}

// generatePair makes the keys. go-crypto signs them too, which costs little
// and is not used: what stands in a key's signatures is decided in assemble.
func generatePair(a keyKind, now time.Time) (primary, sub *packet.PrivateKey, err error) {
	c := config()
	c.Time = func() time.Time { return now }
	c.Algorithm, c.Curve, c.RSABits, c.V6Keys = a.id, a.curve, a.bits, a.six
	e, err := openpgp.NewEntity("", "", "nobody", c)
	if err != nil {
		return nil, nil, err
	}
	return e.PrivateKey, e.Subkeys[0].PrivateKey, nil
}

// assemble signs a new key together. It is written and read again: the key
// that is handed out is the one that a file will hold, and passed every check
// that a stranger's would.
func assemble(primary, sub *packet.PrivateKey, ids []string, lifetime uint32) (*Key, error) {
	b := newBinder(primary, primary.CreationTime)
	six := primary.Version == 6
	secret := func(tag int, k *packet.PrivateKey) error {
		body, err := secretBody(k)
		b.add(tag, body)
		return err
	}
	if err := secret(keyTagSecret, primary); err != nil {
		return nil, err
	}
	// RFC 9580, Section 10.1.1: what a version 6 key is for stands in a
	// direct-key signature. That of a version 4 key stands in its user IDs,
	// where GnuPG looks; without any it has nowhere else to be.
	if six || len(ids) == 0 {
		b.direct(properties(six, lifetime))
	}
	for i, id := range ids {
		sig := &packet.Signature{}
		if !six {
			sig = properties(six, lifetime)
		}
		sig.IsPrimaryId = new(i == 0)
		b.add(keyTagUserID, []byte(id))
		b.userID([]byte(id), sig)
	}
	if sub != nil {
		if err := secret(keyTagSecretSub, sub); err != nil {
			return nil, err
		}
		b.subkey(sub, &sub.PublicKey, &packet.Signature{
			KeyLifetimeSecs: &lifetime, FlagsValid: true, FlagEncryptCommunications: true, FlagEncryptStorage: true,
		})
	}
	if b.err != nil {
		return nil, fmt.Errorf("pgp: cannot generate a key: %w", b.err)
	}
	return ParseKey(bytes.NewReader(b.out), nil)
}

// properties is what a generated key says of itself: what the primary key is
// for, and what its owner reads. No compression: what it saves tells of the
// content.
func properties(six bool, lifetime uint32) *packet.Signature {
	sig := &packet.Signature{
		KeyLifetimeSecs: &lifetime,
		FlagsValid:      true, FlagCertify: true, FlagSign: true,
		SEIPDv1:              true,
		PreferredSymmetric:   []uint8{uint8(packet.CipherAES256), uint8(packet.CipherAES128)},
		PreferredHash:        []uint8{hashSHA512, hashSHA256},
		PreferredCompression: []uint8{uint8(packet.CompressionNone)},
	}
	if six {
		sig.SEIPDv2 = true
		for _, c := range sig.PreferredSymmetric {
			sig.PreferredCipherSuites = append(sig.PreferredCipherSuites, [2]uint8{c, uint8(packet.AEADModeOCB)})
		}
	}
	return sig
}

// maxName is far below maxUserIDBytes and above every name.
const maxName = 256

// plainName reports whether a name leaves no doubt which part of a user ID is
// the address.
func plainName(s string) bool {
	odd := func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune("()<>@", r) }
	return len(s) <= maxName && utf8.ValidString(s) && !strings.ContainsFunc(s, odd)
}

// userIDs returns what stands in the key.
func (o *KeyOptions) userIDs() ([]string, error) {
	if o.UserIDs != nil {
		return o.givenUserIDs()
	}
	if addrSpec(o.Address) != o.Address || o.Address == "" {
		return nil, fmt.Errorf("pgp: %.80q is no mail address: give it alone, without a name or brackets", o.Address)
	}
	if !plainName(o.Name) {
		return nil, fmt.Errorf("pgp: the name %.80q cannot stand in a user ID: give up to %d octets of text without brackets and @", o.Name, maxName)
	}
	if o.Name == "" {
		return []string{"<" + o.Address + ">"}, nil
	}
	return []string{o.Name + " <" + o.Address + ">"}, nil
}

func (o *KeyOptions) givenUserIDs() ([]string, error) {
	if o.Address != "" || o.Name != "" {
		return nil, fmt.Errorf("pgp: UserIDs are in place of Address and Name: leave those empty")
	}
	if len(o.UserIDs) > maxUserIDs {
		return nil, &envelope.LimitError{What: "user IDs of a key", Max: maxUserIDs, Fixed: true}
	}
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	for i, id := range o.UserIDs {
		switch {
		case id == "" || len(id) > maxUserIDBytes || !utf8.ValidString(id) || strings.ContainsFunc(id, odd):
			return nil, fmt.Errorf("pgp: the user ID %.80q is none: give up to %d octets of printable UTF-8", id, maxUserIDBytes)
		case slices.Contains(o.UserIDs[:i], id):
			return nil, fmt.Errorf("pgp: the user ID %.80q is there twice", id)
		}
	}
	return o.UserIDs, nil
}

// lifetimeFrom returns the seconds from a key's creation to the end of a
// lifetime that begins now, 0 where there is no end.
func lifetimeFrom(created, now time.Time, l time.Duration) (uint32, error) {
	switch {
	case l == Forever:
		return 0, nil
	case l == 0:
		l = DefaultLifetime
	case l < time.Second:
		return 0, fmt.Errorf("pgp: a key cannot live for %v: give one second to 136 years, or Forever", l)
	}
	all := now.Sub(created)/time.Second + l/time.Second
	if all <= 0 || all > math.MaxUint32 { // four octets, RFC 9580, Section 5.2.3.13
		return 0, fmt.Errorf("pgp: a key cannot live for %v: give one second to 136 years, or Forever", l)
	}
	return uint32(all), nil
}
