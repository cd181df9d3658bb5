package keyring

import (
	"crypto/sha512"
	"fmt"
	"slices"
	"strings"
)

// Words returns f in words of the PGP word list, to be read out on the
// telephone: 20 of them for 40 digits, 32 for 64. "" for the zero value,
// figures and thumbprints.
func (f Fingerprint) Words() string {
	if f.kind == decimal || f.kind == thumb {
		return ""
	}
	even, odd := strings.Fields(evenWords), strings.Fields(oddWords)
	var out []string
	for i, b := range f.sum[:f.n] {
		if i%2 == 0 {
			out = append(out, even[b])
		} else {
			out = append(out, odd[b])
		}
	}
	return strings.Join(out, " ")
}

// parseWords reads what Words writes. ok is false if s does not look like
// words at all.
func parseWords(s string) (raw []byte, ok bool, err error) {
	fields := strings.Fields(strings.ToLower(strings.ReplaceAll(s, "-", " ")))
	lists := [2][]string{strings.Fields(evenWords), strings.Fields(oddWords)}
	for i, w := range fields {
		n := slices.Index(lists[i%2], w)
		switch {
		case n >= 0:
			raw = append(raw, byte(n))
		case i == 0:
			return nil, false, nil
		case slices.Contains(lists[1-i%2], w):
			return nil, true, fmt.Errorf("keyring: word %d, %q, belongs at another place: a word before it is missing or was said twice", i+1, cut(w))
		default:
			return nil, true, fmt.Errorf("keyring: word %d, %q, is not in the PGP word list", i+1, cut(w))
		}
	}
	return raw, len(fields) > 0, nil
}

// Digits returns f as twelve groups of five decimal digits, for people who
// compare in figures. They are a digest of the fingerprint of which nobody can
// find another fingerprint for the same figures with less than about 2^199
// tries. "" for the zero value, and for 64 digits as typed, of which the kind
// is not known.
func (f Fingerprint) Digits() string {
	d := f.decimal()
	if d.n == 0 {
		return ""
	}
	return strings.Join(fives(d.String()), " ")
}

// fives cuts figures into groups of five, in which they are written.
func fives(s string) (groups []string) {
	for ; len(s) >= 5; s = s[5:] {
		groups = append(groups, s[:5])
	}
	return groups
}

// decimal derives the twelve groups: of each 5 octets of SHA-512 over a domain
// string, the kind and the fingerprint, the remainder by 100,000 (as Signal's
// safety numbers are formed; the bias of 2^40 against 10^5 is below 10^-7).
func (f Fingerprint) decimal() Fingerprint {
	switch f.kind {
	case decimal:
		return f
	case pgp4, pgp6, x509:
	default:
		return Fingerprint{}
	}
	// The kind is hashed, so its numbers are part of the format for good.
	msg := append([]byte("doublekeybox fingerprint digits 1\x00"), byte(f.kind))
	h := sha512.Sum512(append(msg, f.sum[:f.n]...))
	d, _ := fromDecimal(strings.Join(fiveFigures(h[:]), "")) // zeros: nobody has met them, and the zero value is right
	return d
}

// fiveFigures returns twelve groups of five figures of the first 60 octets of h.
func fiveFigures(h []byte) (groups []string) {
	for i := range 12 {
		var v uint64
		for _, b := range h[5*i : 5*i+5] {
			v = v<<8 | uint64(b)
		}
		groups = append(groups, fmt.Sprintf("%05d", v%100_000))
	}
	return groups
}

// decimalDigits is what Digits has without its spaces.
const decimalDigits = 60

// fromDecimal packs 60 decimal digits two to an octet.
func fromDecimal(s string) (f Fingerprint, err error) {
	f.kind, f.n = decimal, decimalDigits/2
	for i := range f.n {
		f.sum[i] = (s[2*i]-'0')<<4 | (s[2*i+1] - '0')
	}
	return f.notZeros()
}

func isDecimal(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
