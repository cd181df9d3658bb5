package keyring_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// TestSafetyNumber: the figures were computed by another program from what the
// comment says.
func TestSafetyNumber(t *testing.T) {
	t.Parallel()
	eve4 := &cert{kind: seam.PGPv4, hashed: "eve"}
	for _, c := range []struct {
		a, b *cert
		want string
	}{
		{alice, eve, "69389 44824 52903 93928 56085 95878 91722 25597 91897 36444 80921 47355"},
		{alice6, alice, "52898 18808 54759 28861 27740 96934 38450 22303 61898 83790 73850 02286"},
		{alice4, eve4, "57739 82804 57464 85778 29389 58712 14965 41920 29691 04621 12283 18990"},
	} {
		a, b := wrap(c.a).Fingerprint(), wrap(c.b).Fingerprint()
		if fips() && c.a == alice4 {
			require.Empty(t, a.SafetyNumber(b))
			continue
		}
		require.Equal(t, c.want, a.SafetyNumber(b))
		require.Equal(t, c.want, b.SafetyNumber(a))
		for _, typed := range []string{c.want, strings.ReplaceAll(c.want, " ", ""), strings.ReplaceAll(c.want, " ", "-"), c.want[:35] + "\n" + c.want[36:] + "\n"} {
			for own, other := range map[*cert]*cert{c.a: c.b, c.b: c.a} {
				ev, err := wrap(own).Fingerprint().Compared(typed)
				require.NoError(t, err)
				require.Equal(t, seam.BasisSafetyNumber, basis(ev))
				v, err := keyring.Verify(wrap(other), ev)
				require.NoError(t, err)
				require.Equal(t, "safety number compared", v.Evidence())
			}
		}
	}
	// Of the same digits as OpenPGP and as X.509 it is another one.
	require.NotEqual(t, wrap(alice).Fingerprint().SafetyNumber(wrap(eve).Fingerprint()), wrap(alice6).Fingerprint().SafetyNumber(wrap(eve).Fingerprint()))
	for _, f := range []keyring.Fingerprint{{}, parse(t, sum256("eve")), parse(t, wrap(eve).Fingerprint().Digits()), parse(t, "sha1:"+sum1("eve")), wrap(alice).Fingerprint()} {
		require.Empty(t, f.SafetyNumber(wrap(alice).Fingerprint()))
		require.Empty(t, wrap(alice).Fingerprint().SafetyNumber(f))
	}
}

func TestComparedRefuses(t *testing.T) {
	t.Parallel()
	mine, theirs := wrap(alice).Fingerprint(), wrap(eve).Fingerprint()
	number := mine.SafetyNumber(theirs)
	for in, says := range map[string]string{
		"": "is no safety number", number[1:]: "is no safety number", number + "0": "is no safety number",
		"a" + number[1:]: "is no safety number", theirs.String(): "is no safety number", theirs.Words(): "is no safety number",
		strings.Replace(number, " ", "\uFF11", 1): "is no safety number",
		strings.Repeat(" ", 600) + number:         "too long",
	} {
		ev, err := mine.Compared(in)
		require.ErrorContains(t, err, says, "%q", in)
		_, err = keyring.Verify(wrap(eve), ev)
		require.ErrorIs(t, err, keyring.ErrRefused)
	}
	for _, f := range []keyring.Fingerprint{{}, parse(t, mine.String()), parse(t, mine.Digits())} {
		_, err := f.Compared(number)
		require.ErrorContains(t, err, "give the fingerprint of your own one")
	}

	ev, err := mine.Compared(number)
	require.NoError(t, err)
	var mismatch *keyring.MismatchError
	_, err = keyring.Verify(wrap(&cert{kind: seam.X509, hashed: "mallory"}), ev)
	require.ErrorAs(t, err, &mismatch)
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, number)
	require.NotContains(t, err.Error(), "\n")
	_, err = keyring.Verify(wrap(&cert{kind: seam.PGPv6, hashed: "eve"}), ev)
	require.ErrorAs(t, err, &mismatch, "the same digits of another kind")
	_, err = keyring.Verify(wrap(alice), ev)
	require.ErrorContains(t, err, "is the own certificate")
	if fips() {
		_, err = keyring.Verify(wrap(alice4), ev)
		require.ErrorContains(t, err, "fips140=only")
	}
	// Each figure counts.
	for i := range number {
		if number[i] == ' ' {
			continue
		}
		wrong := number[:i] + string('0'+(number[i]-'0'+1)%10) + number[i+1:]
		ev, err := mine.Compared(wrong)
		require.NoError(t, err)
		_, err = keyring.Verify(wrap(eve), ev)
		require.ErrorAs(t, err, &mismatch, "figure %d", i)
	}
}
