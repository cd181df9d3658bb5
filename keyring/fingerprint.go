package keyring

import (
	"crypto/fips140"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Fingerprint is the whole digest that identifies a certificate. The zero
// value matches nothing, itself included. Compare with [Fingerprint.Matches]:
// == is false for a typed X.509 fingerprint and the computed one, since 64
// digits do not say of which kind they are.
type Fingerprint struct {
	kind kind
	n    uint8 // octets of sum that count
	sum  [sha256.Size]byte
}

type kind uint8

const (
	either  kind = iota // 64 digits or 32 words as typed: OpenPGP v6 or X.509
	pgp4                // SHA-1, RFC 9580, Section 5.5.4.2
	pgp6                // SHA-256, RFC 9580, Section 5.5.4.3
	x509                // SHA-256 of the DER certificate
	decimal             // twelve groups of five figures, see Digits
	thumb               // SHA-1 of the DER certificate: never computed of one, only asked for by name
	none                // no fingerprint has it
)

// digest is the one place where a certificate becomes a fingerprint. It takes
// the octets from the format and computes the digest itself, so that a mistake
// in a format can make a certificate unusable but not pass for another.
func digest(k seam.Kind, hashed []byte) (f Fingerprint) {
	switch k {
	case seam.PGPv4:
		if fips140.Enforced() {
			return Fingerprint{} // crypto/sha1 would panic; see errFIPS
		}
		s := sha1.Sum(hashed)
		f.kind, f.n = pgp4, uint8(copy(f.sum[:], s[:]))
	case seam.PGPv6:
		f = Fingerprint{pgp6, sha256.Size, sha256.Sum256(hashed)}
	case seam.X509:
		f = Fingerprint{x509, sha256.Size, sha256.Sum256(hashed)}
	}
	return f
}

// ParseFingerprint reads a whole fingerprint: 40 hexadecimal digits (OpenPGP
// version 4) or 64 (OpenPGP version 6; SHA-256 of an X.509 certificate), in
// either case, with white space, colons and hyphens between them or without,
// and with or without 0x before them; and what [Fingerprint.String],
// [Fingerprint.Grouped], [Fingerprint.URI], [Fingerprint.Words] and
// [Fingerprint.Digits] write. The error repeats at most 80 octets of s, quoted.
//
// 40 digits after "sha1:" are the thumbprint of an X.509 certificate, as
// Windows and gpgsm show it. Whoever makes two certificates can make them
// share one (SHA-1 collisions), so that the person who confirmed the
// thumbprint confirmed both: only [Expect] takes it, and only by this name.
//
// What a camera read belongs to [Scan], which takes what other programs put
// behind the digits; words that were read out may as well go to [Spoken]; the
// number that two people compare ([Fingerprint.SafetyNumber]) is no fingerprint.
//
// A key ID (8 or 16 digits) is an error that says so: other keys with the same
// ID can be made at will.
func ParseFingerprint(s string) (Fingerprint, error) {
	text := strings.TrimSpace(s)
	if len(text) > maxFingerprintText {
		return Fingerprint{}, fmt.Errorf("keyring: %q is too long for a fingerprint", cut(text))
	}
	// No word of the list consists of hexadecimal digits alone, so that words
	// and digits cannot be taken for each other.
	if raw, ok, err := parseWords(text); err != nil {
		return Fingerprint{}, err
	} else if ok {
		return fromOctets(raw, pgp4, either, s)
	}
	if figures := ungroup(text); len(figures) == decimalDigits && isDecimal(figures) {
		return fromDecimal(figures)
	}
	kind40, kind64 := pgp4, either
	if rest, ok := cutFold(text, "openpgp4fpr:"); ok {
		text, kind64 = rest, pgp6
	} else if rest, ok := cutFold(text, "x-smimefpr:sha256:"); ok {
		text, kind40, kind64 = rest, none, x509
	} else if rest, ok := cutFold(text, "sha1:"); ok {
		text, kind40, kind64 = rest, thumb, none
	}
	return fromDigits(text, kind40, kind64, s)
}

// fromDigits reads digits in any grouping. whole is what they stood in.
func fromDigits(text string, kind40, kind64 kind, whole string) (Fingerprint, error) {
	text = strings.TrimSpace(text)
	if rest, ok := cutFold(text, "0x"); ok {
		text = rest
	}
	raw, err := hex.DecodeString(ungroup(text))
	if err != nil || len(raw) == 0 {
		return Fingerprint{}, fmt.Errorf("keyring: %q is not a fingerprint: give 40 or 64 hexadecimal digits", cut(whole))
	}
	return fromOctets(raw, kind40, kind64, whole)
}

// ungroup removes what people and programs put between the groups of digits.
func ungroup(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ':' || r == '-' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// fromOctets makes a Fingerprint of the octets that text stood for, of the kind
// that so many octets are in the form that text has.
func fromOctets(raw []byte, kind40, kind64 kind, text string) (Fingerprint, error) {
	f := Fingerprint{kind: none}
	switch len(raw) {
	case sha1.Size:
		f.kind = kind40
	case sha256.Size:
		f.kind = kind64
	case 4, 8:
		return Fingerprint{}, fmt.Errorf("keyring: %q is a key ID, and other keys can be made to have it: give the whole fingerprint, 40 or 64 digits", cut(text))
	}
	if f.kind == none {
		want := "40 or 64"
		if kind40 == none {
			want = "64"
		} else if kind64 == none {
			want = "40"
		}
		return Fingerprint{}, fmt.Errorf("keyring: a whole fingerprint has %s hexadecimal digits in this form, %q stands for %d", want, cut(text), 2*len(raw))
	}
	f.n = uint8(copy(f.sum[:], raw))
	return f.notZeros()
}

// notZeros refuses what nobody's certificate has and an empty form might.
func (f Fingerprint) notZeros() (Fingerprint, error) {
	if f.sum == [sha256.Size]byte{} {
		return Fingerprint{}, errors.New("keyring: a fingerprint of zeros matches nothing")
	}
	return f, nil
}

// cutFold cuts prefix off s, in either case.
func cutFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// maxFingerprintText is more than 64 digits in any grouping that people print,
// and than the longest 32 words.
const maxFingerprintText = 512

// Matches reports whether f and g are the same fingerprint of the same kind;
// 64 digits that were typed are of either kind that has 64. The figures of
// [Fingerprint.Digits] match the fingerprint that they were derived of.
func (f Fingerprint) Matches(g Fingerprint) bool {
	if f.kind == decimal || g.kind == decimal {
		f, g = f.decimal(), g.decimal() // zero where it cannot be derived
	}
	if f.n == 0 || f.n != g.n || f.sum != g.sum {
		return false
	}
	return f.kind == g.kind ||
		f.kind == either && (g.kind == pgp6 || g.kind == x509) ||
		g.kind == either && (f.kind == pgp6 || f.kind == x509)
}

// isThumbprintOf reports whether f was given as a thumbprint, by that name,
// and is the one of c.
func (f Fingerprint) isThumbprintOf(c seam.Certificate) bool {
	if f.kind != thumb || c.Kind() != seam.X509 || fips140.Enforced() {
		return false
	}
	s := sha1.Sum(c.Hashed())
	return string(f.sum[:f.n]) == string(s[:])
}

// IsZero reports whether f is the zero value, which identifies nothing.
func (f Fingerprint) IsZero() bool { return f.n == 0 }

// String returns the digits in upper case and without gaps, after "sha1:" those
// of a thumbprint, and "" for the zero value. [ParseFingerprint] reads it.
func (f Fingerprint) String() string {
	s := strings.ToUpper(hex.EncodeToString(f.sum[:f.n]))
	if f.kind == thumb {
		return "sha1:" + s
	}
	return s
}

// Grouped returns the digits in groups of four, as people compare them;
// figures as [Fingerprint.Digits] groups them.
func (f Fingerprint) Grouped() string {
	if f.kind == decimal {
		return f.Digits()
	}
	s := strings.ToUpper(hex.EncodeToString(f.sum[:f.n]))
	var groups []string
	for ; len(s) > 0; s = s[4:] {
		groups = append(groups, s[:4])
	}
	grouped := strings.Join(groups, " ")
	if f.kind == thumb {
		return "sha1: " + grouped
	}
	return grouped
}

// URI returns f as a QR code holds it: OPENPGP4FPR: with the digits, for
// OpenPGP, and x-smimefpr:sha256: with the digits in lower case for X.509,
// which has no registered scheme. It returns "" for the zero value, for 64
// typed digits, of which the kind is not known, for figures and for thumbprints.
func (f Fingerprint) URI() string {
	switch f.kind {
	case pgp4, pgp6:
		return "OPENPGP4FPR:" + f.String()
	case x509:
		return "x-smimefpr:sha256:" + strings.ToLower(f.String())
	}
	return ""
}

// cut shortens untrusted text for an error message; %q does the rest.
func cut(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
