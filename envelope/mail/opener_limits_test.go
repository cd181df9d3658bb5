package mail_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
)

// Each limit holds for the message with all its layers, at n and at n+1.
func TestLimits(t *testing.T) {
	bob := partyOf(t, "bob")
	deep := func(n int) string {
		entity := hello
		for i := range n {
			entity = container("multipart/mixed", fmt.Sprintf("b%dx", i), entity)
		}
		return entity
	}
	many := func(n int) string {
		var all []string
		for range n {
			all = append(all, hello)
		}
		return mixed(all...)
	}
	sealed := func(entity string) string { return sealedTo(t, "OpenPGP", entity, nil, bob) }
	for _, c := range []struct {
		name     string
		limits   mail.Limits
		max      int64
		what     string
		fits     string
		tooLarge string
	}{
		{"depth", mail.Limits{Depth: 4}, 4, "parts in each other", deep(3), deep(4)},
		{"depth in a layer", mail.Limits{Depth: 4}, 4, "parts in each other", sealed(deep(2)), sealed(deep(3))},
		{"depth of the layer itself", mail.Limits{Depth: 2}, 2, "parts in each other", sealed(hello), sealed(deep(1))},
		{"parts", mail.Limits{Parts: 4}, 4, "parts in one message", many(3), many(4)},
		{"parts in a layer", mail.Limits{Parts: 6}, 6, "parts in one message", sealed(many(2)), sealed(many(3))},
		{"parts of a text", mail.Limits{Parts: 4}, 4, "parts in one message",
			plainText + cleartext(t, "x", bob) + "y", plainText + "x\r\n" + cleartext(t, "x", bob) + "y"},
		{"depth of a text", mail.Limits{Depth: 3}, 3, "parts in each other", plainText + cleartext(t, "x", bob), mixed(plainText + cleartext(t, "x", bob))},
		{"source", mail.Limits{Envelope: envelope.Limits{SourceBytes: int64(len(headers + hello))}}, int64(len(headers + hello)), "octets in one message", hello, hello + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := reader(t)
			o.Limits = c.limits
			opened(t, o, headers+c.fits)
			_, err := o.Open(strings.NewReader(headers + c.tooLarge))
			var l *envelope.LimitError
			require.ErrorAs(t, err, &l)
			require.Equal(t, c.max, l.Max)
			require.Equal(t, c.what, l.What)
			_, err = o.Open(struct{ *strings.Reader }{strings.NewReader(headers + c.tooLarge)})
			require.ErrorIs(t, err, envelope.ErrLimit)
		})
	}
	header := func(n int) string { return "X: " + strings.Repeat("x", n-5) + "\r\n" }
	o := &mail.Opener{Limits: mail.Limits{HeaderBytes: 2000}}
	opened(t, o, header(1000)+header(1000)+"\r\nhello")
	_, err := o.Open(strings.NewReader(header(1000) + header(1001) + "\r\nhello"))
	require.ErrorIs(t, err, envelope.ErrLimit)
}

// Strict makes an error of what else is a finding.
func TestStrict(t *testing.T) {
	bob := partyOf(t, "bob")
	twice := strings.Replace(hello, "\r\n", "\r\nContent-Type: text/html\r\n", 1)
	for _, c := range []struct{ name, entity string }{
		{"in the message", twice},
		{"in a part", mixed(hello, twice)},
		{"in a layer", sealedTo(t, "OpenPGP", twice, nil, bob)},
		{"in what makes a layer", strings.Replace(sealedTo(t, "OpenPGP", hello, nil, bob), "--enc\r\nContent-Type: application/pgp-encrypted\r\n",
			"--enc\r\nContent-Type: application/pgp-encrypted\r\nContent-Type: text/plain\r\n", 1)},
		{"in a signature", strings.Replace(signedBy(t, "OpenPGP", hello, bob), "Content-Type: application/pgp-signature\r\n",
			"Content-Type: application/pgp-signature\r\nContent-Type: text/plain\r\n", 1)},
		{"a part beside a signature", strings.Replace(signedBy(t, "OpenPGP", hello, bob), "--sig-pgp--", "--sig-pgp\r\n\r\nmore\r\n--sig-pgp--", 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := reader(t)
			m := opened(t, o, headers+c.entity)
			ambiguous := false
			for _, p := range m.Parts() {
				for _, f := range p.Findings {
					ambiguous = ambiguous || f.Ambiguous
					require.Equal(t, p.Path, f.Path)
				}
			}
			require.True(t, ambiguous)
			require.False(t, m.Summary().Verified)
			o.Strict = true
			_, err := o.Open(strings.NewReader(headers + c.entity))
			var a *mail.AmbiguousError
			require.ErrorAs(t, err, &a)
			require.ErrorIs(t, err, envelope.ErrFormat)
			require.NotEmpty(t, a.Findings)
			require.NotContains(t, err.Error(), "\n")
			opened(t, o, headers+hello)
		})
	}
}

// What makes a layer and is shown to nobody has names that nobody goes by.
func TestMachineryNames(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	names := "; name=a.asc\r\nContent-Disposition: attachment; filename=b.asc"
	entity := strings.Replace(signedBy(t, "OpenPGP", hello, alice), "application/pgp-signature\r\n", "application/pgp-signature"+names+"\r\n", 1)
	require.Contains(t, entity, names)
	for _, e := range []string{entity, sealedTo(t, "OpenPGP", entity, nil, bob)} {
		m := opened(t, reader(t), headers+e)
		require.Empty(t, codes(m))
		require.True(t, m.Summary().Verified)
	}
	part := strings.Replace(hello, "text/plain; charset=utf-8", "application/pdf"+names, 1)
	require.Contains(t, codes(opened(t, reader(t), headers+signedBy(t, "OpenPGP", part, alice))), "name-differs")
}

// What many layers beside each other decompress to is bounded together.
func TestGrowth(t *testing.T) {
	part := compressed(t, plainText+strings.Repeat("0", 10_000))
	grows := int64(len(plainText)) + 10_000 - int64(len(part))
	o := reader(t)
	for _, n := range []int{1, 2, 3} {
		o.Limits.Envelope.Decompressed = 2*grows + 100
		if n > 1 { // each alone may be as large as that
			require.Greater(t, o.Limits.Envelope.Decompressed, grows+int64(len(part)))
		}
		m := opened(t, o, headers+mixed([]string{part, part, part}[:n]...))
		for i, l := range m.Layers() {
			if i < 2 {
				require.NoError(t, l.Err)
			} else {
				require.ErrorIs(t, l.Err, envelope.ErrLimit)
			}
		}
		require.Len(t, m.Layers(), n)
	}
}

// What reached the limit of growth used it up: none beside it grows again. One
// that is within the limits is opened first, and nothing after.
func TestGrowthIsSpent(t *testing.T) {
	small := compressed(t, plainText+strings.Repeat("0", 10_000))
	bomb := compressed(t, plainText+strings.Repeat("0", 1_000_000))
	o := reader(t)
	o.Limits.Envelope.Decompressed = 100_000
	for _, c := range []struct {
		parts []string
		opens []bool
	}{
		{[]string{small, small}, []bool{true, true}},
		{[]string{small, bomb}, []bool{true, false}},
		{[]string{bomb, small}, []bool{false, false}},
	} {
		m := opened(t, o, headers+mixed(c.parts...))
		for i, l := range m.Layers() {
			if c.opens[i] {
				require.NoError(t, l.Err)
			} else {
				require.ErrorIs(t, l.Err, envelope.ErrLimit)
			}
		}
		require.Len(t, m.Layers(), len(c.opens))
	}
}

// All layers of a message share the memory for copies: the rest is in files.
func TestHeldMemory(t *testing.T) {
	o := reader(t)
	o.Limits.Envelope.SpoolDir = filepath.Join(t.TempDir(), "nowhere")
	part := opaque(t, plainText+strings.Repeat("0", 10_000), partyOf(t, "alice"))
	o.Limits.Envelope.SpoolMemory = 25_000
	opened(t, o, headers+mixed(part, part))
	_, err := o.Open(strings.NewReader(headers + mixed(part, part, part)))
	require.Error(t, err, "the third has to go into a file")
	require.NotErrorIs(t, err, envelope.ErrFormat)
}
