package keyring

import (
	"bytes"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// safetyRounds is how often the digest is taken anew: an attacker who stands
// between two people needs two keys of theirs that make both see one number,
// about 2^100 tries, each of which costs this much more. It takes a
// millisecond or two.
const safetyRounds = 5200

// SafetyNumber returns the number that the owners of two keys compare, both at
// once: twelve groups of five figures, the same whichever of the two asks. It is
// "" where one of the two is not that of a certificate (the zero value, 64
// digits as typed, figures, thumbprints) or both are the same.
//
// The figures are formed as those of [Fingerprint.Digits] are, of the last of
// 5,200 rounds of SHA-512 over a domain string and both fingerprints with their
// kinds, the smaller one first.
func (f Fingerprint) SafetyNumber(other Fingerprint) string {
	a, b := f.kinded(), other.kinded()
	if a == nil || b == nil || bytes.Equal(a, b) {
		return ""
	}
	if bytes.Compare(a, b) > 0 {
		a, b = b, a
	}
	both := append(bytes.Clone(a), b...)
	h := sha512.Sum512(append([]byte("doublekeybox safety number 1\x00"), both...))
	for range safetyRounds - 1 {
		h = sha512.Sum512(append(h[:], both...))
	}
	return strings.Join(fiveFigures(h[:]), " ")
}

// kinded returns the kind and the octets of a fingerprint that was computed or
// whose kind is known, nil for what is none. They are of one length for one
// kind, so that two of them after each other say where the second begins.
func (f Fingerprint) kinded() []byte {
	switch f.kind {
	case pgp4, pgp6, x509:
		return append([]byte{byte(f.kind)}, f.sum[:f.n]...)
	}
	return nil
}

// Compared is the evidence that the owner of the other key sees the same number
// as the owner of f, who types what the other one reads out or shows:
//
//	theirs, err := mine.Compared("35521 01288 …") // mine is the own certificate's fingerprint
//	bob, err := keyring.Verify(cert, theirs)
//
// It proves both keys at once: that cert is the other one's, and that they have
// this key for f's owner. It proves that to the one who types; the other
// compares for themselves. Who the other one is it does not prove: the number
// has to be compared where that is plain, in the same room or by voices that
// know each other. The numbers are compared here, whole, and not by a person
// who looks at the first group and the last.
//
// The error is for what is no safety number, and for an f that has none. Verify's
// is a [*MismatchError].
func (f Fingerprint) Compared(number string) (Evidence, error) {
	if f.kinded() == nil {
		return Evidence{}, errors.New("keyring: a safety number is of two certificates: give the fingerprint of your own one, not typed digits")
	}
	if len(number) > maxFingerprintText {
		return Evidence{}, fmt.Errorf("keyring: %q is too long for a safety number", cut(number))
	}
	figures := ungroup(number)
	if len(figures) != decimalDigits || !isDecimal(figures) {
		return Evidence{}, fmt.Errorf("keyring: %q is no safety number: it has twelve groups of five figures", cut(number))
	}
	return Evidence(seam.Wrap(seam.Evidence{
		Basis: seam.BasisSafetyNumber,
		Why:   "safety number compared",
		Check: func(c seam.Certificate) error {
			got := digest(c.Kind(), c.Hashed())
			if c.Kind() == seam.PGPv4 && got.IsZero() {
				return errFIPS
			}
			computed := f.SafetyNumber(got)
			if computed == "" {
				return fmt.Errorf("%w: %s is the own certificate: a safety number is of two", ErrRefused, got)
			}
			if subtle.ConstantTimeCompare([]byte(ungroup(computed)), []byte(figures)) == 1 {
				return nil
			}
			return &MismatchError{Got: got, numbers: [2]string{strings.Join(fives(figures), " "), computed}}
		},
	})), nil
}
