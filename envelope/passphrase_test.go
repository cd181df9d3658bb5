package envelope_test

import (
	"bytes"
	"crypto/fips140"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

func TestNewPassphrase(t *testing.T) {
	form := regexp.MustCompile(`^[a-hjkmnp-z2-9]{4}(-[a-hjkmnp-z2-9]{4}){4}$`)
	seen, count := map[string]bool{}, map[rune]int{}
	for range 1000 {
		text := envelope.NewPassphrase().Reveal()
		require.Regexp(t, form, text)
		require.False(t, seen[text])
		seen[text] = true
		for _, r := range strings.ReplaceAll(text, "-", "") {
			count[r]++
		}
	}
	// 20,000 draws of 31: 645 of each are expected, and 390 to 900 are ten
	// standard deviations around it.
	require.Len(t, count, 31)
	for r, n := range count {
		require.Greater(t, n, 390, string(r))
		require.Less(t, n, 900, string(r))
	}
}

// What is drawn of each kind, and how evenly, internal/phrase tests.
func TestNewPassphraseOf(t *testing.T) {
	for kind, form := range map[string]string{
		"letters": `^[a-hjkmnp-z2-9]{4}(-[a-hjkmnp-z2-9]{4}){4}$`,
		"words":   `^[a-z]{4,7}(-[a-z]{4,7}){9}$`,
		"digits":  `^[0-9]{5}(-[0-9]{5}){5}$`,
	} {
		p, err := envelope.NewPassphraseOf(kind)
		require.NoError(t, err)
		require.Regexp(t, form, p.Reveal())
		require.True(t, p.Generated())
		require.False(t, p.OpensOnly())
	}
	for _, kind := range []string{"", "Words", "word", "letters ", strings.Repeat("x", 1000)} {
		p, err := envelope.NewPassphraseOf(kind)
		require.ErrorContains(t, err, "letters, words or digits", kind)
		require.Nil(t, p)
		require.Less(t, len(err.Error()), 200)
	}
}

func TestPassphraseText(t *testing.T) {
	for name, c := range map[string]struct {
		text       string
		weak, open bool
	}{
		"one letter":        {"x", true, true},
		"spaces":            {" correct horse ", true, true},
		"umlauts":           {"Schlüssel", true, true},
		"longest":           {strings.Repeat("x", 1024), true, true},
		"one more":          {strings.Repeat("x", 1025), false, false},
		"empty":             {"", false, false},
		"a line end":        {"horse\n", false, true},
		"NUL":               {"a\x00b", false, true},
		"not UTF-8":         {"Schl\xfcssel", false, true},
		"a C1 control code": {"a\u0085", false, true},
	} {
		p, err := envelope.WeakPassphrase(c.text)
		require.Equal(t, c.weak, err == nil, name)
		if err == nil {
			require.Equal(t, c.text, p.Reveal(), name)
		}
		p, err = envelope.OpenPassphrase(c.text)
		require.Equal(t, c.open, err == nil, name)
		if err == nil {
			require.Equal(t, c.text, p.Reveal(), name)
		}
	}
	_, err := envelope.WeakPassphrase(strings.Repeat("x", 1025))
	require.ErrorIs(t, err, envelope.ErrLimit)
	require.Empty(t, new(envelope.Passphrase).Reveal())
}

// TestPassphraseIsNotShown prints, marshals and logs it in every way.
func TestPassphraseIsNotShown(t *testing.T) {
	const text = "correct horse battery staple"
	p, err := envelope.WeakPassphrase(text)
	require.NoError(t, err)
	type config struct {
		Shown  *envelope.Passphrase
		Value  envelope.Passphrase
		hidden envelope.Passphrase
		list   []*envelope.Passphrase
	}
	c := config{p, *p, *p, []*envelope.Passphrase{p}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p"} {
		fmt.Fprintf(&out, verb+"\n", p)
		fmt.Fprintf(&out, verb+"\n", *p)
		fmt.Fprintf(&out, verb+"\n", c)
		fmt.Fprintf(&out, verb+"\n", &c)
		fmt.Fprintf(&out, verb+"\n", envelope.Sealer{Passphrases: c.list})
	}
	fmt.Fprintln(&out, p, *p, c, p.String(), p.GoString())
	b, err := json.Marshal(c)
	require.NoError(t, err)
	out.Write(b)
	b, err = xml.Marshal(c)
	require.NoError(t, err)
	out.Write(b)
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("sealing", "with", p, "value", *p, "config", c)
	}
	require.NotContains(t, out.String(), "horse")
	require.NotContains(t, out.String(), fmt.Sprintf("%x", "horse"))
	require.Contains(t, out.String(), "[passphrase]")
	require.Equal(t, text, p.Reveal())
}

// TestPassphrasesReachTheFormat is about what envelope does with them.
func TestPassphrasesReachTheFormat(t *testing.T) {
	f := newFake()
	bob := &fakeCert{f: f, name: "bob"}
	good := envelope.NewPassphrase()
	openOnly, err := envelope.OpenPassphrase("x")
	require.NoError(t, err)
	seal := func(s envelope.Sealer, to ...*keyring.Verified) (*envelope.Receipt, error) {
		var out bytes.Buffer
		w, err := s.Seal(&out, to...)
		if err != nil {
			require.Zero(t, out.Len())
			return nil, err
		}
		defer w.Abort()
		if err := w.Close(); err != nil {
			return nil, err
		}
		return w.Receipt(), nil
	}
	for name, c := range map[string]struct {
		s   envelope.Sealer
		to  []*keyring.Verified
		err string // "": sealed
	}{
		"one":            {s: envelope.Sealer{Passphrases: []*envelope.Passphrase{good}, Format: formatOf(f)}},
		"beside Bob":     {s: envelope.Sealer{Passphrases: []*envelope.Passphrase{good}}, to: []*keyring.Verified{bob.verified()}},
		"no format":      {s: envelope.Sealer{Passphrases: []*envelope.Passphrase{good}}, err: "set Sealer.Format"},
		"another format": {s: envelope.Sealer{Format: pgp.Format()}, to: []*keyring.Verified{bob.verified()}, err: "different formats"},
		"for opening":    {s: envelope.Sealer{Passphrases: []*envelope.Passphrase{good, openOnly}, Format: formatOf(f)}, err: "passphrase 2 is for opening only"},
		"zero":           {s: envelope.Sealer{Passphrases: []*envelope.Passphrase{new(envelope.Passphrase)}, Format: formatOf(f)}, err: "zero value"},
		"nil":            {s: envelope.Sealer{Passphrases: []*envelope.Passphrase{nil}, Format: formatOf(f)}, err: "zero value"},
		"eight":          {s: envelope.Sealer{Passphrases: repeated(good, 8), Format: formatOf(f)}},
		"nine":           {s: envelope.Sealer{Passphrases: repeated(good, 9), Format: formatOf(f)}, err: "more than 8 passphrases"},
	} {
		r, err := seal(c.s, c.to...)
		if c.err != "" {
			require.ErrorContains(t, err, c.err, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, len(c.s.Passphrases), r.Passphrases, name)
		require.Len(t, r.Recipients, len(c.to)+len(c.s.Passphrases), name)
		require.Len(t, r.Sealed, len(c.to), name)
	}

	// A format that forgets one and does not even plan it.
	f.plan = func(x *seam.Facts) { x.Recipients = x.Recipients[:1] }
	f.drop = true
	_, err = seal(envelope.Sealer{Passphrases: []*envelope.Passphrase{good}}, bob.verified())
	require.ErrorContains(t, err, "planned for 1 recipients, and 2 were asked for")

	o := envelope.Opener{Passphrases: []*envelope.Passphrase{openOnly}, Formats: []envelope.Format{formatOf(f)}}
	o.Passphrases = append(o.Passphrases, nil)
	_, err = o.Open(strings.NewReader("x"))
	require.ErrorContains(t, err, "passphrase 2 is the zero value")
	o.Passphrases = repeated(openOnly, 9)
	_, err = o.Open(io.LimitReader(nil, 0))
	require.ErrorIs(t, err, envelope.ErrLimit)
}

func repeated(p *envelope.Passphrase, n int) (ps []*envelope.Passphrase) {
	for range n {
		ps = append(ps, p)
	}
	return ps
}

// TestPassphrasesAndOpenPGP: what the passphrases of OpenPGP are made with is
// not approved, which is said before anything is read or written.
func TestPassphrasesAndOpenPGP(t *testing.T) {
	p := envelope.NewPassphrase()
	var out bytes.Buffer
	w, err := (&envelope.Sealer{Passphrases: []*envelope.Passphrase{p}, Format: pgp.Format()}).Seal(&out)
	o := envelope.Opener{Passphrases: []*envelope.Passphrase{p}, Formats: []envelope.Format{pgp.Format()}}
	if fips140.Enforced() {
		require.ErrorContains(t, err, "GODEBUG=fips140=only")
		require.Zero(t, out.Len())
		_, err = o.Open(bytes.NewReader([]byte{0xc1, 0x00}))
		require.ErrorContains(t, err, "GODEBUG=fips140=only")
		return
	}
	require.NoError(t, err)
	_, err = w.Write([]byte("text"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Equal(t, 1, w.Receipt().Passphrases)
	m, err := o.Open(&out)
	require.NoError(t, err)
	defer m.Close()
	got, err := io.ReadAll(m)
	require.NoError(t, err)
	require.Equal(t, "text", string(got))
}
