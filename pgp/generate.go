package pgp

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"math"
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
// owner lost stops being sealed to.
const DefaultLifetime = 2 * 365 * 24 * time.Hour

// KeyOptions says what key [GenerateKey] makes.
type KeyOptions struct {
	// Address is the mail address of the owner, required.
	Address string

	// Name is the owner's name; it may be empty.
	Name string

	// Profile chooses between version 4 keys, which every program imports
	// (Auto, Compatible), and version 6 keys of RFC 9580 (Modern). A
	// PostQuantum key is not made yet: that is an error.
	Profile envelope.Profile

	// Algorithm is "curve25519", "rsa3072", "rsa4096", "p256", "p384" or
	// "p521"; empty means "curve25519".
	Algorithm string

	// Lifetime is how long the key is valid, in whole seconds: zero means
	// [DefaultLifetime], [Forever] no end.
	Lifetime time.Duration
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
	config, err := generateConfig(o)
	if err != nil {
		return nil, err
	}
	if addrSpec(o.Address) != o.Address || o.Address == "" {
		return nil, fmt.Errorf("pgp: %.80q is no mail address: give it alone, without a name or brackets", o.Address)
	}
	if !plainName(o.Name) {
		return nil, fmt.Errorf("pgp: the name %.80q cannot stand in a user ID: give up to %d octets of text without brackets and @", o.Name, maxName)
	}
	e, err := openpgp.NewEntity(o.Name, "", o.Address, config)
	if err != nil {
		return nil, fmt.Errorf("pgp: cannot generate a key: %w", err)
	}
	// Written and read again: the key that is handed out is the one that a
	// file will hold, and passed every check that a stranger's would.
	var out bytes.Buffer
	if err := e.SerializePrivateWithoutSigning(&out, config); err != nil {
		return nil, fmt.Errorf("pgp: cannot generate a key: %w", err)
	}
	k, err := ParseKey(&out, nil)
	if err != nil {
		return nil, err
	}
	if err := k.private.cert.CheckSeal(config.Now(), seam.Profile(o.Profile)); err != nil {
		return nil, fmt.Errorf("pgp: the key that was generated is not usable: %w", err)
	}
	return k, nil
}

// maxName is far below maxUserIDBytes and above every name.
const maxName = 256

// plainName reports whether a name leaves no doubt which part of a user ID is
// the address.
func plainName(s string) bool {
	odd := func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune("()<>@", r) }
	return len(s) <= maxName && utf8.ValidString(s) && !strings.ContainsFunc(s, odd)
}

// generateConfig is what go-crypto is told. DefaultCipher and DefaultHash are
// what the key's preferences begin with.
func generateConfig(o KeyOptions) (*packet.Config, error) {
	c := &packet.Config{DefaultCipher: packet.CipherAES256, DefaultHash: crypto.SHA512}
	now := time.Now().Truncate(time.Second) // one time for all parts
	c.Time = func() time.Time { return now }
	switch o.Profile {
	case envelope.Auto, envelope.Compatible:
	case envelope.Modern:
		c.V6Keys = true
		c.AEADConfig = &packet.AEADConfig{DefaultMode: packet.AEADModeOCB}
	case envelope.PostQuantum:
		return nil, errors.New("pgp: generating post-quantum keys is not yet supported; choose another profile")
	default:
		return nil, fmt.Errorf("pgp: profile %d does not exist", o.Profile)
	}
	switch o.Algorithm {
	case "", "curve25519":
		c.Algorithm, c.Curve = packet.PubKeyAlgoEdDSA, packet.Curve25519
		if c.V6Keys {
			c.Algorithm = packet.PubKeyAlgoEd25519 // RFC 9580, Section 5.5.5.4: not the legacy kind
		}
	case "rsa3072", "rsa4096":
		c.Algorithm, c.RSABits = packet.PubKeyAlgoRSA, 3072
		if o.Algorithm == "rsa4096" {
			c.RSABits = 4096
		}
	case "p256":
		c.Algorithm, c.Curve = packet.PubKeyAlgoECDSA, packet.CurveNistP256
	case "p384":
		c.Algorithm, c.Curve = packet.PubKeyAlgoECDSA, packet.CurveNistP384
	case "p521":
		c.Algorithm, c.Curve = packet.PubKeyAlgoECDSA, packet.CurveNistP521
	default:
		return nil, fmt.Errorf("pgp: the algorithm %.80q is not known: choose curve25519, rsa3072, rsa4096, p256, p384 or p521", o.Algorithm)
	}
	return c, setLifetime(c, o.Lifetime)
}

func setLifetime(c *packet.Config, l time.Duration) error {
	switch {
	case l == Forever:
		return nil
	case l == 0:
		l = DefaultLifetime
	case l < time.Second || l/time.Second > math.MaxUint32:
		return fmt.Errorf("pgp: a key cannot live for %v: give one second to 136 years, or Forever", l)
	}
	c.KeyLifetimeSecs = uint32(l / time.Second)
	return nil
}
