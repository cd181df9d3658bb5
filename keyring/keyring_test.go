package keyring_test

import (
	"crypto/fips140"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// cert is a certificate of no format: keyring knows none.
type cert struct {
	seam.Certificate
	kind    seam.Kind
	hashed  string
	refusal error
}

func (c *cert) Kind() seam.Kind     { return c.kind }
func (c *cert) Hashed() []byte      { return []byte(c.hashed) }
func (c *cert) Encoding() []byte    { return []byte("encoding of " + c.hashed) }
func (c *cert) Addresses() []string { return []string{c.hashed + "@example.org"} }
func (c *cert) Refuse() error       { return c.refusal }

func wrap(c *cert) *keyring.Certificate {
	k := keyring.Certificate(seam.Wrap[seam.Certificate](c))
	return &k
}

// fips reports that SHA-1 is forbidden: what needs it must then be refused,
// which TestWithoutSHA1 holds.
func fips() bool { return fips140.Enforced() }

func parse(t *testing.T, s string) keyring.Fingerprint {
	t.Helper()
	f, err := keyring.ParseFingerprint(s)
	require.NoError(t, err)
	return f
}

var (
	alice  = &cert{kind: seam.X509, hashed: "alice"}
	alice4 = &cert{kind: seam.PGPv4, hashed: "alice"}
	alice6 = &cert{kind: seam.PGPv6, hashed: "alice"}
	eve    = &cert{kind: seam.X509, hashed: "eve"}
)

func sum256(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
func sum1(s string) string {
	if fips() {
		return sum256(s)[:40] // stands for one
	}
	h := sha1.Sum([]byte(s))
	return hex.EncodeToString(h[:])
}

// The digest is keyring's own, of the octets that the format says are hashed.
func TestFingerprintIsComputedHere(t *testing.T) {
	require.Equal(t, strings.ToUpper(sum256("alice")), wrap(alice).Fingerprint().String())
	require.Equal(t, strings.ToUpper(sum256("alice")), wrap(alice6).Fingerprint().String())
	if !fips() {
		require.Equal(t, strings.ToUpper(sum1("alice")), wrap(alice4).Fingerprint().String())
	}
	unknown := &cert{kind: 99, hashed: "alice"}
	require.True(t, wrap(unknown).Fingerprint().IsZero(), "a kind that nobody knows has no fingerprint")
}

func TestParseFingerprint(t *testing.T) {
	h64, h40 := sum256("alice"), sum1("alice")
	grouped := parse(t, h40).Grouped()
	for _, s := range []string{
		h40, strings.ToUpper(h40), "0x" + h40, "  " + h40 + "\n", grouped, strings.ReplaceAll(grouped, " ", ":"),
		strings.ReplaceAll(grouped, " ", "\u00a0"), "OPENPGP4FPR:" + h40, "openpgp4fpr:" + strings.ToUpper(h40),
		parse(t, h40).Words(), strings.ToUpper(parse(t, h40).Words()),
		parse(t, h40).Digits(), strings.ReplaceAll(parse(t, h40).Digits(), " ", ""),
	} {
		require.True(t, parse(t, s).Matches(parse(t, h40)), "%q", s)
		require.True(t, parse(t, h40).Matches(parse(t, s)), "%q", s)
		require.Equal(t, !fips(), parse(t, s).Matches(wrap(alice4).Fingerprint()), "%q", s)
		require.False(t, parse(t, s).Matches(wrap(alice).Fingerprint()), "%q", s)
	}
	for _, s := range []string{h64, wrap(alice).Fingerprint().Words()} { // of either kind
		require.True(t, parse(t, s).Matches(wrap(alice).Fingerprint()), "%q", s)
		require.True(t, parse(t, s).Matches(wrap(alice6).Fingerprint()), "%q", s)
		require.False(t, parse(t, s).Matches(wrap(eve).Fingerprint()), "%q", s)
	}
	for _, c := range []*cert{alice, alice6} { // that say their kind
		other := map[*cert]*cert{alice: alice6, alice6: alice}[c]
		for _, s := range []string{wrap(c).Fingerprint().URI(), wrap(c).Fingerprint().Digits()} {
			require.True(t, parse(t, s).Matches(wrap(c).Fingerprint()), "%q", s)
			require.False(t, parse(t, s).Matches(wrap(other).Fingerprint()), "%q", s)
		}
	}
}

func TestParseFingerprintRefuses(t *testing.T) {
	h40 := sum1("alice")
	words := strings.Fields(parse(t, h40).Words())
	swapped := append([]string{}, words...)
	swapped[3], swapped[4] = swapped[4], swapped[3]
	for _, row := range []struct{ in, says string }{
		{"", "not a fingerprint"},
		{"alice@example.org", "not a fingerprint"},
		{h40[32:], "key ID"},
		{h40[24:], "key ID"},
		{"0x" + h40[24:], "key ID"},
		{h40[:38], "stands for 38"},
		{h40 + "00", "stands for 42"},
		{sum256("alice")[:62], "stands for 62"},
		{h40[:39], "not a fingerprint"},
		{strings.Repeat("0", 40), "zeros"},
		{strings.Repeat("0", 64), "zeros"},
		{strings.Repeat("ab ", 400), "too long"},
		{strings.Join(words[:19], " "), "stands for 38"},
		{strings.Join(swapped, " "), "another place"},
		{strings.Join(append(words[:1:1], words[2:]...), " "), "another place"},
		{words[0] + " elephant", "not in the PGP word list"},
		{"x-smimefpr:sha256:" + h40, "stands for 40"},
		{"x-smimefpr:sha256:" + h40, "has 64 hexadecimal digits in this form"},
		{"sha1:" + sum256("alice"), "stands for 64"},
		{"sha1:" + sum256("alice"), "has 40 hexadecimal digits in this form"},
		{strings.Repeat("0", 60), "zeros"},
		{strings.Repeat("1", 59), "not a fingerprint"},
		{strings.Repeat("1", 61), "not a fingerprint"},
		{strings.Repeat("1", 58) + "ab", "stands for 60"},
		{"0x" + strings.Repeat("1", 60), "stands for 60"}, // figures are decimal: they have no prefix
		{"sha1:" + strings.Repeat("1", 60), "stands for 60"},
		{"OPENPGP4FPR:" + strings.Repeat("1", 60), "stands for 60"},
		{"x-smimefpr:sha256:" + strings.Repeat("1", 60), "stands for 60"},
		{"0x0X" + h40, "not a fingerprint"},
		{h40[:20] + "0x" + h40[20:], "not a fingerprint"},
		{"sha1:sha1:" + h40, "not a fingerprint"},
		{"sha1:OPENPGP4FPR:" + h40, "not a fingerprint"},
		{"OPENPGP4FPR:" + h40[24:], "key ID"},
		{h40[:20] + "." + h40[20:], "not a fingerprint"},
		{h40[:20] + "\u200b" + h40[20:], "not a fingerprint"},
		{h40[:39] + "\uff11", "not a fingerprint"}, // a digit, and none of these
		{strings.Repeat("\u0661", 60), "not a fingerprint"},
		{"--", "not a fingerprint"},
		{"0x", "not a fingerprint"},
		{"sha1:", "not a fingerprint"},
		{"decade", "stands for 6"},
		{"facade facade", "stands for 12"},
		{words[0] + " " + h40, "not in the PGP word list"},
	} {
		f, err := keyring.ParseFingerprint(row.in)
		require.ErrorContains(t, err, row.says, "%q", row.in)
		require.True(t, f.IsZero())
		require.NotContains(t, err.Error(), "\n")
		require.Less(t, len(err.Error()), 300)
	}
}

// Whatever stands between the digits, it is the same fingerprint, and what
// writes one is read again as the same.
func TestGroupings(t *testing.T) {
	for _, digits := range []string{sum1("alice"), sum256("alice")} {
		want := parse(t, digits)
		for _, sep := range []string{" ", ":", "-", "--", ":::", "\t", "\n", "\r\n", " : ", "\u00a0", "\u202f", "\u2009"} {
			var out []string
			for i := 0; i < len(digits); i += 4 {
				out = append(out, digits[i:i+4])
			}
			require.Equal(t, want, parse(t, strings.Join(out, sep)), "%q", sep)
			require.Equal(t, want, parse(t, "0x"+sep+strings.Join(out, sep)), "%q", sep)
		}
	}
	typed := parse(t, sum1("alice"))
	for _, f := range []keyring.Fingerprint{typed, parse(t, sum256("alice")), wrap(alice).Fingerprint(), wrap(alice6).Fingerprint(),
		parse(t, "sha1:"+sum1("alice")), parse(t, typed.Digits())} {
		for _, s := range []string{f.String(), f.Grouped(), f.Words(), f.Digits(), f.URI()} {
			if s != "" {
				g := parse(t, s)
				require.True(t, f.Matches(g), "%q", s)
				require.True(t, g.Matches(f), "%q", s)
			}
		}
	}
}

// No word of the list can be read as digits, alone or beside others.
func TestWordsAreNoDigits(t *testing.T) {
	for i := range 256 {
		raw := strings.Repeat(fmt.Sprintf("%02x", i), 20)
		if i == 0 {
			raw = "00" + strings.Repeat("01", 18) + "00"
		}
		for _, w := range strings.Fields(parse(t, raw).Words()) {
			require.NotRegexp(t, "^[0-9a-f]+$", w)
		}
	}
}

// Matches is symmetric, and only 64 typed digits match two kinds.
func TestMatchesPairwise(t *testing.T) {
	h40, h64 := sum1("alice"), sum256("alice")
	typed40, typed64, thumb := parse(t, h40), parse(t, h64), parse(t, "sha1:"+h40)
	x, six, other := wrap(alice).Fingerprint(), wrap(alice6).Fingerprint(), wrap(eve).Fingerprint()
	all := []keyring.Fingerprint{{}, typed40, typed64, thumb, x, six, other,
		parse(t, typed40.Digits()), parse(t, x.Digits()), parse(t, six.Digits())}
	class := []string{"zero", "40", "64 xs", "thumb", "64 x", "64 s", "other", "40", "figures x", "figures s"}
	match := func(a, b string) bool {
		if a == "zero" || b == "zero" {
			return false
		}
		pair := func(p, q string) bool { return a == p && b == q || a == q && b == p }
		return a == b || pair("64 xs", "64 x") || pair("64 xs", "64 s") || pair("figures x", "64 x") || pair("figures s", "64 s")
	}
	for i, f := range all {
		for j, g := range all {
			require.Equal(t, match(class[i], class[j]), f.Matches(g), "%s %s", class[i], class[j])
		}
	}
}

// The example that the word list's own description gives.
func TestWordsAsPublished(t *testing.T) {
	const words = "topmost istanbul pluto vagabond treadmill pacific brackish dictator goldfish medusa " +
		"afflict bravado chatter revolver dupont midsummer stopwatch whimsical cowbell bottomless"
	f := parse(t, "E582 94F2 E9A2 2748 6E8B 061B 31CC 528F D7FA 3F19")
	require.Equal(t, words, f.Words())
	require.True(t, parse(t, words).Matches(f))
}

func TestDigits(t *testing.T) {
	d := wrap(alice).Fingerprint().Digits()
	require.Regexp(t, `^(\d{5} ){11}\d{5}$`, d)
	require.NotEqual(t, d, wrap(alice6).Fingerprint().Digits(), "the kind is part of it")
	changed := "1" + d[1:]
	if d[0] == '1' {
		changed = "2" + d[1:]
	}
	require.False(t, parse(t, changed).Matches(wrap(alice).Fingerprint()))
	require.Empty(t, parse(t, sum256("alice")).Digits(), "64 typed digits do not say their kind")
	require.False(t, parse(t, sum256("alice")).Matches(parse(t, d)))
}

func TestZeroFingerprint(t *testing.T) {
	var zero keyring.Fingerprint
	require.False(t, zero.Matches(zero))
	require.False(t, zero.Matches(wrap(alice).Fingerprint()))
	require.False(t, wrap(alice).Fingerprint().Matches(zero))
	require.Empty(t, zero.String()+zero.Grouped()+zero.URI()+zero.Words()+zero.Digits())
	require.True(t, zero.IsZero())
}

func TestVerify(t *testing.T) {
	want := parse(t, sum256("alice"))
	v, err := keyring.Verify(wrap(alice), keyring.Expect(want))
	require.NoError(t, err)
	require.Equal(t, wrap(alice).Fingerprint(), v.Fingerprint())
	require.Equal(t, "expected fingerprint", v.Evidence())
	require.Equal(t, []string{"alice@example.org"}, v.Certificate().Addresses())
	require.Equal(t, []byte("encoding of alice"), v.Certificate().Marshal())

	if fips() {
		return
	}
	v, err = keyring.Verify(wrap(alice), keyring.Expect(parse(t, "SHA1:"+sum1("alice"))))
	require.NoError(t, err, "a thumbprint by its name")
	require.NotNil(t, v)
}

// Under fips140=only a SHA-1 fingerprint is a refusal, not std's panic.
func TestWithoutSHA1(t *testing.T) {
	for _, c := range []*cert{alice4, alice} {
		_, err := keyring.Verify(wrap(c), keyring.Expect(parse(t, "sha1:"+sum1("alice"))))
		if fips() {
			require.ErrorIs(t, err, keyring.ErrRefused)
			require.ErrorContains(t, err, "fips140=only")
		} else {
			require.Equal(t, c == alice, err == nil)
		}
	}
	require.Equal(t, fips(), wrap(alice4).Fingerprint().IsZero())
}

func TestVerifyRefuses(t *testing.T) {
	good := keyring.Expect(parse(t, sum256("alice")))
	revoked := &cert{kind: seam.X509, hashed: "alice", refusal: &keyring.RevokedError{Reason: "lost\nit"}}
	anything := keyring.Evidence(seam.Wrap(seam.Evidence{Basis: seam.BasisChain, Why: "chain", Check: func(seam.Certificate) error { return nil }}))
	_, err := keyring.Verify(wrap(alice), anything) // the positive twin
	require.NoError(t, err)
	for name, row := range map[string]struct {
		cert *keyring.Certificate
		ev   keyring.Evidence
		is   any
	}{
		"nil certificate":        {nil, good, nil},
		"zero certificate":       {new(keyring.Certificate), good, nil},
		"zero evidence":          {wrap(alice), keyring.Evidence{}, nil},
		"zero fingerprint":       {wrap(alice), keyring.Expect(keyring.Fingerprint{}), new(*keyring.MismatchError)},
		"somebody else":          {wrap(eve), good, new(*keyring.MismatchError)},
		"same digest, SHA-1":     {wrap(alice), keyring.Expect(parse(t, sum1("alice"))), new(*keyring.MismatchError)},
		"thumbprint of another":  {wrap(eve), keyring.Expect(parse(t, "sha1:"+sum1("alice"))), new(*keyring.MismatchError)},
		"thumbprint and OpenPGP": {wrap(alice4), keyring.Expect(parse(t, "sha1:"+sum1("alice"))), new(*keyring.MismatchError)},
		"revoked":                {wrap(revoked), good, new(*keyring.RevokedError)},
		"refused otherwise":      {wrap(&cert{kind: seam.X509, hashed: "alice", refusal: errors.New("smime: no")}), good, nil},
		"without a fingerprint":  {wrap(&cert{kind: 99, hashed: "alice"}), anything, nil},
	} {
		v, err := keyring.Verify(row.cert, row.ev)
		require.ErrorIs(t, err, keyring.ErrRefused, name)
		require.Nil(t, v, name)
		if row.is != nil && !(fips() && strings.Contains(err.Error(), "fips140=only")) {
			require.ErrorAs(t, err, row.is, name)
		}
		require.NotContains(t, err.Error(), "\n", name)
	}
	require.Equal(t, "", (*keyring.Verified)(nil).Evidence())
	require.Nil(t, (*keyring.Verified)(nil).Certificate())
	require.Nil(t, new(keyring.Verified).Certificate())
	require.True(t, new(keyring.Verified).Fingerprint().IsZero())
}

// An error of evidence made elsewhere is a refusal too.
func TestEvidenceErrorsAreRefusals(t *testing.T) {
	boom := errors.New("smime: no chain to these roots")
	ev := keyring.Evidence(seam.Wrap(seam.Evidence{Basis: seam.BasisChain, Why: "chain", Check: func(seam.Certificate) error { return boom }}))
	_, err := keyring.Verify(wrap(alice), ev)
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorIs(t, err, boom)
}

// What is overwritten after Verify is a copy.
func TestOverwrittenAfterVerify(t *testing.T) {
	c := wrap(alice)
	v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
	require.NoError(t, err)
	*c = *wrap(eve)
	require.Equal(t, wrap(alice).Fingerprint(), v.Fingerprint())
	*v.Certificate() = *wrap(eve)
	require.Equal(t, wrap(alice).Fingerprint(), v.Fingerprint())
	v.Certificate().Marshal()[0] ^= 1
	v.Certificate().Addresses()[0] = "eve@example.org"
	require.Equal(t, []string{"alice@example.org"}, v.Certificate().Addresses())
}

func TestErrorTexts(t *testing.T) {
	f := wrap(alice).Fingerprint()
	day := time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		err  error
		says string
	}{
		{&keyring.MismatchError{Want: parse(t, sum1("x")), Got: f}, "openssl x509 -noout -fingerprint -sha256"},
		{&keyring.MismatchError{Want: parse(t, sum256("x")), Got: f}, "this is another key"},
		{&keyring.ExpiredError{Fingerprint: f, NotAfter: day, At: day.Add(time.Hour)}, "expired on 2026-03-01"},
		{&keyring.ExpiredError{Fingerprint: f, NotBefore: day, At: day.Add(-time.Hour)}, "not valid before 2026-03-01"},
		{&keyring.ExpiredError{Fingerprint: f, NotBefore: day, At: day.Add(time.Hour)}, "not valid at this time"},
		{&keyring.MismatchError{Got: f}, "no fingerprint was expected"},
		{&keyring.MismatchError{Want: parse(t, parse(t, sum1("x")).Digits()), Got: f}, "the figures are " + f.Digits()},
		{&keyring.MismatchError{Want: parse(t, "sha1:"+sum1("x")), Got: f}, "thumbprint is not the expected"},
		{&keyring.RevokedError{Fingerprint: f, When: day}, "is revoked since 2026-03-01"},
		{&keyring.RevokedError{Fingerprint: f, Reason: "a\x1b[2Jb"}, `"a\x1b[2Jb"`},
		{&keyring.UnusableError{Fingerprint: f, Reason: "is for signatures only"}, "is for signatures only"},
	} {
		require.ErrorIs(t, row.err, keyring.ErrRefused)
		require.ErrorContains(t, row.err, row.says)
		require.True(t, strings.Contains(row.err.Error(), f.String()) || strings.Contains(row.err.Error(), f.Digits()))
		require.NotContains(t, row.err.Error(), "\n")
		require.False(t, errors.Is(row.err, errors.New("other")))
	}
}

func ExampleParseFingerprint() {
	f, err := keyring.ParseFingerprint("E582 94F2 E9A2 2748 6E8B  061B 31CC 528F D7FA 3F19")
	fmt.Println(f, err)
	_, err = keyring.ParseFingerprint("D7FA 3F19")
	fmt.Println(err)
	// Output:
	// E58294F2E9A227486E8B061B31CC528FD7FA3F19 <nil>
	// keyring: "D7FA 3F19" is a key ID, and other keys can be made to have it: give the whole fingerprint, 40 or 64 digits
}

func FuzzParseFingerprint(f *testing.F) {
	for _, s := range []string{sum1("a"), sum256("a"), "OPENPGP4FPR:" + sum1("a"), "x-smimefpr:sha256:" + sum256("a"), "sha1:" + sum1("a"),
		"topmost istanbul", strings.Repeat("12345 ", 12), wrap(alice).Fingerprint().Words()} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, err := keyring.ParseFingerprint(s)
		if err != nil {
			require.True(t, g.IsZero())
			require.NotContains(t, err.Error(), "\n")
			return
		}
		again, err := keyring.ParseFingerprint(g.String())
		require.NoError(t, err)
		require.True(t, g.Matches(again), "%q reads back as another", s)
	})
}
