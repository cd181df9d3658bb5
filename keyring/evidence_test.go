package keyring_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

func basis(ev keyring.Evidence) seam.Basis {
	return seam.Opaque[seam.Evidence](ev).Unwrap().Basis
}

// TestScan: payloads as they are in the world, each with the same one for
// another key.
func TestScan(t *testing.T) {
	t.Parallel()
	h40, h64 := strings.ToUpper(sum1("alice")), sum256("alice")
	no40, no64 := strings.ToUpper(sum1("eve")), sum256("eve")
	for _, c := range []struct {
		before, after string
		of            *cert
	}{
		{"OPENPGP4FPR:", "", alice4},
		{"openpgp4fpr:", "", alice4},
		{" OPENPGP4FPR:", "\n", alice4},
		// Delta Chat's forms: a contact, a group, one that was encoded once too often, an invitation.
		{"OPENPGP4FPR:", "#a=alice%40example.org&n=Alice&i=rd82URz8_ac&s=MFRLUHvIHlq", alice4},
		{"OPENPGP4FPR:", "#a=alice%40example.org&g=test%20%3F+test%20%21&x=h-0oKQf2CDK&i=9JEXlxAqGM0&s=0V7LzL9cxRL", alice4},
		{"OPENPGP4FPR:", "%23a=alice%40example.org&g=test&x=h-0oKQf2CDK&i=9JEXlxAqGM0&s=0V7LzL9cxRL", alice4},
		{"https://i.delta.chat/#", "&a=alice%40example.org&n=&i=7c5GSncKpIf&s=56k2HTPQCMd", alice4},
		{"HTTPS://I.DELTA.CHAT/#", "&v=3&i=7c5GSncKpIf&s=56k2HTPQCMd", alice4},
		{"OPENPGP4FPR:", "#a=eve%40example.net", alice4}, // what it says of an address does not count
		{"OPENPGP4FPR:", "#%zz&&&==#" + no40, alice4},
		{"OPENPGP4FPR:", "", alice6},
		{"OPENPGP4FPR:", "#a=alice%40example.org", alice6},
		{"x-smimefpr:sha256:", "", alice},
		{"X-SMIMEFPR:SHA256:", "", alice}, // the alphanumeric mode of QR codes has capitals alone
	} {
		digits, other := h64, no64
		if c.of == alice4 {
			if digits, other = h40, no40; fips() {
				continue
			}
		}
		ev, err := keyring.Scan(c.before + digits + c.after)
		require.NoError(t, err, "%q", c)
		require.Equal(t, seam.BasisScanned, basis(ev))
		v, err := keyring.Verify(wrap(c.of), ev)
		require.NoError(t, err, "%q", c)
		require.Equal(t, "scanned QR code", v.Evidence())
		ev, err = keyring.Scan(c.before + other + c.after)
		require.NoError(t, err)
		_, err = keyring.Verify(wrap(c.of), ev)
		require.ErrorIs(t, err, keyring.ErrRefused)
		require.ErrorAs(t, err, new(*keyring.MismatchError))
	}
	// The form says of which kind 64 digits are.
	ev, err := keyring.Scan("OPENPGP4FPR:" + h64)
	require.NoError(t, err)
	_, err = keyring.Verify(wrap(alice), ev)
	require.ErrorIs(t, err, keyring.ErrRefused)
	ev, err = keyring.Scan("x-smimefpr:sha256:" + h64)
	require.NoError(t, err)
	_, err = keyring.Verify(wrap(alice6), ev)
	require.ErrorIs(t, err, keyring.ErrRefused)
	// What is written is read.
	for _, c := range []*cert{alice, alice4, alice6} {
		if uri := wrap(c).Fingerprint().URI(); uri != "" {
			ev, err := keyring.Scan(uri)
			require.NoError(t, err)
			_, err = keyring.Verify(wrap(c), ev)
			require.NoError(t, err)
		}
	}
}

func TestScanRefuses(t *testing.T) {
	t.Parallel()
	h40, h64 := sum1("alice"), sum256("alice")
	for _, c := range []struct{ in, says string }{
		{"", "those begin with OPENPGP4FPR"},
		{h40, "those begin with OPENPGP4FPR"},
		{h64, "those begin with OPENPGP4FPR"},
		{"https://example.org/#" + h40, "those begin with OPENPGP4FPR"},
		{"http://i.delta.chat/#" + h40, "those begin with OPENPGP4FPR"},
		{"https://i.delta.chat/" + h40, "those begin with OPENPGP4FPR"},
		{"OPENPGP4FPR" + h40, "those begin with OPENPGP4FPR"},
		{"sha1:" + h40, "those begin with OPENPGP4FPR"},
		{"OPENPGP4FPR:", "not a fingerprint"},
		{"OPENPGP4FPR:#" + h40, "not a fingerprint"},
		{"OPENPGP4FPR:" + h40[24:], "key ID"},
		{"OPENPGP4FPR:" + h40[:38], "stands for 38"},
		{"OPENPGP4FPR:" + h40 + "?a=b", "not a fingerprint"},
		{"OPENPGP4FPR:" + h40 + "&a=b", "not a fingerprint"},
		{"OPENPGP4FPR:sha1:" + h40, "not a fingerprint"},
		{"OPENPGP4FPR:" + strings.Repeat("0", 40), "zeros"},
		{"x-smimefpr:sha256:" + h40, "stands for 40"},
		{"x-smimefpr:sha1:" + h40, "those begin with OPENPGP4FPR"},
		{"x-smimefpr:" + h64, "those begin with OPENPGP4FPR"},
		{"OPENPGP4FPR:" + h40 + "#a=b\nOPENPGP4FPR:" + h40, "characters that are in no such QR code"},
		{"OPENPGP4FPR:" + h40 + "#a=\x1b[2J", "characters that are in no such QR code"},
		{"OPENPGP4FPR:" + h40 + "#a=\u202e", "characters that are in no such QR code"},
		{"OPENPGP4FPR:" + h40 + "#a=\x00", "characters that are in no such QR code"},
		{"OPENPGP4FPR:" + h40 + "#" + strings.Repeat("a", 4296-52), "too long"},
	} {
		ev, err := keyring.Scan(c.in)
		require.ErrorContains(t, err, c.says, "%q", c.in)
		require.NotContains(t, err.Error(), "\n")
		require.Less(t, len(err.Error()), 500)
		_, err = keyring.Verify(wrap(alice4), ev)
		require.ErrorIs(t, err, keyring.ErrRefused, "what is no evidence convinces nobody")
	}
	_, err := keyring.Scan("OPENPGP4FPR:" + h40 + "#" + strings.Repeat("a", 4296-53))
	require.NoError(t, err)
}

// FuzzScan: what is scanned and what is typed of it say the same, whatever
// stands behind it.
func FuzzScan(f *testing.F) {
	for _, s := range []string{"OPENPGP4FPR:" + sum1("alice") + "#a=b", "x-smimefpr:sha256:" + sum256("alice"), "https://i.delta.chat/#" + sum256("alice") + "&n=", "OPENPGP4FPR:%23", "OPENPGP4FPR:abandon"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ev, err := keyring.Scan(s)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		for _, c := range []*cert{alice, alice4, alice6} {
			if _, err := keyring.Verify(wrap(c), ev); err == nil {
				require.Contains(t, strings.ToUpper(strings.NewReplacer(":", "", " ", "", "-", "").Replace(s)), wrap(c).Fingerprint().String()[:4])
			}
		}
		_, err = keyring.Verify(wrap(eve), ev)
		require.True(t, err != nil || strings.Contains(strings.ToLower(s), sum256("eve")[60:]))
	})
}

func TestSpoken(t *testing.T) {
	t.Parallel()
	for _, c := range []*cert{alice, alice4, alice6} {
		words := wrap(c).Fingerprint().Words()
		if words == "" {
			continue // of no SHA-1
		}
		for _, said := range []string{words, strings.ToUpper(words), strings.ReplaceAll(words, " ", "-"), "  " + words + "\n"} {
			ev, err := keyring.Spoken(said)
			require.NoError(t, err)
			require.Equal(t, seam.BasisSpoken, basis(ev))
			v, err := keyring.Verify(wrap(c), ev)
			require.NoError(t, err)
			require.Equal(t, "words read out", v.Evidence())
			_, err = keyring.Verify(wrap(&cert{kind: c.kind, hashed: "eve"}), ev)
			require.ErrorAs(t, err, new(*keyring.MismatchError))
		}
	}
	words := strings.Fields(parse(t, sum256("alice")).Words())
	join := func(w ...string) string { return strings.Join(w, " ") }
	for _, c := range []struct{ in, says string }{
		{"", "does not begin with a word"},
		{sum256("alice"), "does not begin with a word"},
		{parse(t, sum1("alice")).Digits(), "does not begin with a word"},
		{"x-smimefpr:sha256:" + sum256("alice"), "does not begin with a word"},
		{join(words[:31]...), "has 20 or 32 words, these are 31"},
		{join(words[:8]...), "these are 8"}, // as many as make a key ID
		{join(append(words[:32:32], words[0])...), "these are 33"},
		{join(words[:21]...), "these are 21"},
		{join(words[1:]...), "does not begin with a word"}, // of the other list
		{join(append(words[:5:5], words[6:]...)...), "belongs at another place"},
		{join(append(words[:5:5], "elephant")...), "is not in the PGP word list"},
		{strings.Repeat("aardvark ", 100), "too long"},
	} {
		ev, err := keyring.Spoken(c.in)
		require.ErrorContains(t, err, c.says, "%q", c.in)
		_, err = keyring.Verify(wrap(alice), ev)
		require.ErrorIs(t, err, keyring.ErrRefused)
	}
}

// dated is a cert that states an address.
type dated struct {
	cert
	binds string
}

func (d *dated) Binds(address string, _ time.Time) error {
	if a, err := mailbox.Parse(address); err == nil && a.String() == d.binds {
		return nil
	}
	return errors.New("states another address")
}

func TestFirstUse(t *testing.T) {
	t.Parallel()
	d := &dated{cert: *alice, binds: "alice@example.org"}
	k := keyring.Certificate(seam.Wrap[seam.Certificate](d))
	willing := keyring.Policy{AcceptFirstUse: true}
	for _, address := range []string{"alice@example.org", "alice@EXAMPLE.org"} {
		ev := keyring.FirstUse(address)
		require.Equal(t, seam.BasisFirstUse, basis(ev))
		require.Equal(t, "alice@example.org", seam.Opaque[seam.Evidence](ev).Unwrap().Address)
		v, err := willing.Verify(&k, ev)
		require.NoError(t, err)
		require.Contains(t, v.Evidence(), "nothing was compared")
		_, err = keyring.Verify(&k, ev)
		require.ErrorAs(t, err, new(*keyring.PolicyError), "the default refuses it")
		_, err = keyring.Policy{AcceptDomainAttested: true, AcceptReissued: true}.Verify(&k, ev)
		require.ErrorAs(t, err, new(*keyring.PolicyError), "and no other permission is this one")
		_, err = keyring.Policy{AcceptFirstUse: true, FingerprintOnly: true}.Verify(&k, ev)
		require.ErrorAs(t, err, new(*keyring.PolicyError))
	}
	for address, says := range map[string]string{
		"bob@example.org": "states another address", "Alice@example.org": "states another address",
		"": "is no mail address", "Alice <alice@example.org>": "is no mail address", "@example.org": "a whole domain",
	} {
		_, err := willing.Verify(&k, keyring.FirstUse(address))
		require.ErrorIs(t, err, keyring.ErrRefused, address)
		require.ErrorContains(t, err, says)
	}
}
