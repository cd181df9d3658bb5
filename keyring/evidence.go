package keyring

import (
	"crypto/fips140"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Expect is the evidence that whoever calls was told the whole fingerprint by
// a way that an attacker on the mail's path does not control: typed from
// paper or read out on the telephone.
//
// It proves that this is the key that was meant. It does not prove that the
// person who wrote it down or read it out is who they claim to be. For what a
// camera read there is [Scan], for words that were read out [Spoken].
func Expect(want Fingerprint) Evidence {
	return expect(seam.BasisFingerprint, "expected fingerprint", want)
}

// expect is evidence by a whole fingerprint, however it came.
func expect(basis seam.Basis, why string, want Fingerprint) Evidence {
	return Evidence(seam.Wrap(seam.Evidence{
		Basis: basis,
		Why:   why,
		Check: func(c seam.Certificate) error {
			got := digest(c.Kind(), c.Hashed())
			if fips140.Enforced() && (c.Kind() == seam.PGPv4 || want.kind == thumb) {
				return errFIPS
			}
			if want.Matches(got) || want.isThumbprintOf(c) {
				return nil
			}
			return &MismatchError{Want: want, Got: got}
		},
	}))
}

// Scan is the evidence of a QR code that a camera read off somebody's paper or
// screen. payload is the text in it:
//
//   - "OPENPGP4FPR:" and 40 or 64 digits, as [Fingerprint.URI] writes it and
//     OpenKeychain, and Delta Chat with "#a=…&n=…&i=…&s=…" behind it;
//   - an invitation of Delta Chat, "https://i.delta.chat/#" and the same;
//   - "x-smimefpr:sha256:" and 64 digits, which is this package's own form for
//     X.509 certificates, as none is registered: SHA-256 of the certificate.
//
// It proves what [Expect] proves, without a digit that was misread: this is the
// key that the QR code is for. It does not prove whose QR code it is: that is
// known of one on a person's own screen or card, and not of one in a mail or on
// a poster. Nothing that stands behind the fingerprint counts, the address
// least: it says what who made the QR code wished.
//
// The error is about what is no such text; a key ID is one.
func Scan(payload string) (Evidence, error) {
	text := strings.TrimSpace(payload)
	if len(text) > maxPayload {
		return Evidence{}, fmt.Errorf("keyring: %q is too long for a QR code", cut(text))
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return Evidence{}, fmt.Errorf("keyring: %q has characters that are in no such QR code", cut(text))
	}
	digits, isPGP := cutFold(text, "openpgp4fpr:")
	kind40, kind64 := pgp4, pgp6
	if rest, ok := cutFold(text, "https://i.delta.chat/#"); !isPGP && ok {
		digits, _, _ = strings.Cut(rest, "&")
	} else if isPGP {
		digits, _, _ = strings.Cut(digits, "#")
		digits, _, _ = strings.Cut(digits, "%23") // a # that went through one encoder too many
	} else if digits, ok = cutFold(text, "x-smimefpr:sha256:"); ok {
		kind40, kind64 = none, x509
	} else {
		return Evidence{}, fmt.Errorf("keyring: %q is no fingerprint in a QR code: those begin with OPENPGP4FPR: or x-smimefpr:sha256: and go on", cut(text))
	}
	want, err := fromDigits(digits, kind40, kind64, text)
	if err != nil {
		return Evidence{}, err
	}
	return expect(seam.BasisScanned, "scanned QR code", want), nil
}

// maxPayload is more octets than a QR code holds: 4,296 letters in the largest,
// ISO/IEC 18004, Table 7.
const maxPayload = 4296

// Spoken is the evidence of a fingerprint that was read out in the words of
// the PGP word list ([Fingerprint.Words]), to somebody who typed them. A word
// that is left out, said twice or exchanged with the next one is noticed,
// since even and odd places have lists of their own.
//
// It proves what [Expect] proves. The voice has to be known: whoever answers
// the telephone can read out words, and a voice can be imitated.
//
// The error is about what is not 20 or 32 words of the list.
func Spoken(words string) (Evidence, error) {
	if len(words) > maxFingerprintText {
		return Evidence{}, fmt.Errorf("keyring: %q is too long for a fingerprint", cut(words))
	}
	raw, ok, err := parseWords(words)
	switch {
	case err != nil:
		return Evidence{}, err
	case !ok:
		return Evidence{}, fmt.Errorf("keyring: %q does not begin with a word of the PGP word list: what is written in digits is compared with Expect", cut(words))
	case len(raw) != sha1.Size && len(raw) != sha256.Size:
		return Evidence{}, fmt.Errorf("keyring: a whole fingerprint has %d or %d words, these are %d", sha1.Size, sha256.Size, len(raw))
	}
	want, err := fromOctets(raw, pgp4, either, words)
	if err != nil {
		return Evidence{}, err
	}
	return expect(seam.BasisSpoken, "words read out", want), nil
}

// FirstUse is no evidence but that this certificate came first for an address
// that it states. The zero [Policy] refuses it; with [Policy.AcceptFirstUse] a
// ring takes it where the address has no other key.
//
// It proves nothing: whoever is first is believed, and it is an attacker who
// makes sure to be. What it is good for is noticed later: another key for the
// address is a [*ChangedError]. Compare the fingerprint when there is a chance
// to, and add the certificate again with [Expect].
//
// Verify's error says what is wrong with the address, or that the certificate
// does not state it.
func FirstUse(address string) Evidence {
	a, err := mailbox.Parse(address)
	return Evidence(seam.Wrap(seam.Evidence{
		Basis:   seam.BasisFirstUse,
		Why:     fmt.Sprintf("first use for %.80q, nothing was compared", a.String()),
		Address: a.String(),
		Check: func(c seam.Certificate) error {
			if err != nil {
				return fmt.Errorf("keyring: FirstUse: %w", err)
			}
			if a.IsDomain() {
				return errors.New("keyring: FirstUse: a whole domain is nobody's by first use: name one address")
			}
			return c.Binds(a.String(), time.Now())
		},
	}))
}
