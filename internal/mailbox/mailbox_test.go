package mailbox

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/idna"
)

// TestParse: what an address is compared as.
func TestParse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"bob@example.org":              "bob@example.org",
		"bob@EXAMPLE.Org":              "bob@example.org",
		"Bob@example.org":              "Bob@example.org", // the case of the local part is the domain's affair
		"@Example.org":                 "@example.org",
		"b@localhost":                  "b@localhost",
		"bob+tag@example.org":          "bob+tag@example.org",
		"b.o.b@example.org":            "b.o.b@example.org",
		"!#$%&'*+-/=?^_`{|}~@a.b":      "!#$%&'*+-/=?^_`{|}~@a.b",
		"bob@b\u00FCcher.example":      "bob@xn--bcher-kva.example",
		"bob@bu\u0308cher.example":     "bob@xn--bcher-kva.example",
		"bob@B\u00DCCHER.example":      "bob@xn--bcher-kva.example",
		"bob@XN--Bcher-KVA.example":    "bob@xn--bcher-kva.example",
		"bob@stra\u00DFe.example":      "bob@xn--strae-oqa.example", // not transitional: not strasse.example
		"bob@3com.example":             "bob@3com.example",
		"bob@1.2.3.example":            "bob@1.2.3.example",
		"b\u00FCcher@example.org":      "b\u00FCcher@example.org",
		"bu\u0308cher@example.org":     "b\u00FCcher@example.org",
		"B\u00DCCHER@example.org":      "B\u00DCCHER@example.org",
		"\u7528\u6237@\u4F8B\u3048.jp": "\u7528\u6237@xn--r8jz45g.jp",
		"\u0E17\u0E33@example.org":     "\u0E17\u0E33@example.org", // Thai is written with a letter that has a compatibility equivalent
	} {
		a, err := Parse(in)
		require.NoError(t, err, "%q", in)
		require.Equal(t, want, a.String(), "%q", in)
		again, err := Parse(a.String())
		require.NoError(t, err)
		require.Equal(t, a, again)
		shown, err := Parse(a.Unicode())
		require.NoError(t, err)
		require.Equal(t, a, shown)
	}
}

// TestParseRefuses: each line is an address and, beside it, one that differs in
// one thing and is none.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", maxLabel)
	name := label + "." + label + "." + label + "." + strings.Repeat("b", maxName-3*maxLabel-3)
	total := strings.Repeat("a", maxTotal-1-(3*maxLabel+2)) + "@" + label + "." + label + "." + label
	for _, c := range []struct{ good, bad, why string }{
		{"bob@example.org", "", "no @"},
		{"bob@example.org", "bob.example.org", "no @"},
		{"bob@example.org", "bob@", "nothing stands after the @"},
		{"bob@example.org", "@", "nothing stands after the @"},
		{"bob@example.org", "bob@eve@example.org", "more than one @"},
		{"bob@example.org", "bob@@example.org", "more than one @"},
		{"bob@example.org", "bob@example.org\x00", "control character"},
		{"bob@example.org", "bob\x00@example.org", "control character"},
		{"bob@example.org", "bob@example.org\r\nBcc eve@example.net", "control character"},
		{"bob@example.org", "bob@example.org\n", "control character"},
		{"bob@example.org", "bob@example.org\x7F", "control character"},
		{"bob@example.org", " bob@example.org", "space"},
		{"bob@example.org", "bob @example.org", "space"},
		{"bob@example.org", "bob\u00A0@example.org", "space"},
		{"bob@example.org", "bob@\u3000example.org", "space"},
		{"bob@example.org", "\"bob\"@example.org", "quotes"},
		{"bob@example.org", "\"bob@example.net\"@example.org", "quotes"},
		{"bob@example.org", "bob(eve)@example.org", "brackets"},
		{"bob@example.org", "bob@example.org(eve)", "brackets"},
		{"bob@example.org", "<bob@example.org>", "brackets"},
		{"bob@example.org", "Bob <bob@example.org>", "brackets"},
		{"bob@example.org", "bob@[example.org]", "brackets"},
		{"bob@example.org", "bob@[192.0.2.1]", "brackets"},
		{"bob@example.org", "bob@[IPv6:2001:db8::1]", "brackets"},
		{"bob@example.org", "bob@example.org,eve@example.net", "punctuation"},
		{"bob@example.org", "bob@example.org;", "punctuation"},
		{"bob@example.org", "mailto:bob@example.org", "punctuation"},
		{"bob@example.org", "b\\ob@example.org", "punctuation"},
		{"bob@192.0.2.example", "bob@192.0.2.1", "a number in place of a domain"},
		{"bob@example.org", "bob@example.org.", "edge of its domain"},
		{"bob@example.org", "bob@.example.org", "edge of its domain"},
		{"bob@example.org", "bob@example..org", "edge of its domain"},
		{"bob@example.org", "bob@.", "edge of its domain"},
		{"bob@example.org", ".bob@example.org", "edge of what is before the @"},
		{"bob@example.org", "bob.@example.org", "edge of what is before the @"},
		{"b.ob@example.org", "b..ob@example.org", "edge of what is before the @"},
		{"bob@ex-ample.org", "bob@-example.org", "its domain is none"},
		{"bob@ex-ample.org", "bob@example-.org", "its domain is none"},
		{"bob@exa-mple.org", "bob@ex--ample.org", "IDNA"},
		{"bob@example.org", "bob@exa_mple.org", "IDNA"},
		{"bob@example.org", "bob@exa/mple.org", "IDNA"},
		{"bob@example.org", "bob@example.org%00", "IDNA"},
		{"bob@xn--bcher-kva.example", "bob@xn--bcher-kv.example", "IDNA"},            // decodes to what is encoded otherwise
		{"bob@xn--bcher-kva.example", "bob@xn--bcher-.example", "IDNA"},              // decodes to ASCII
		{"bob@xn--bcher-kva.example", "bob@xn--.example", "edge of its domain"},      // decodes to nothing
		{"bob@xn--bcher-kva.example", "bob@xn--Bcher-Kva-.example", "IDNA"},          // no Punycode
		{"bob@b\u00FCcher.example", "bob@b\u00FC\u05D0cher.example", "IDNA"},         // RFC 5893: two directions in one label
		{"bob@b\u00FCcher.example", "bob@\u0308bcher.example", "IDNA"},               // begins with a mark
		{"bob@xn--mgba3gch31f.com", "bob@xn--mgba3gch31f060k.com", "cannot be seen"}, // UTS 46, Section 2: without and with a joiner
		{"bob@b\u00FCcher.example", "bob@b\xFCcher.example", "UTF-8"},
		{"b\u00FCcher@example.org", "b\xFCcher@example.org", "UTF-8"},
		{"bob@example.org", "b\u0308ob@example.org\u200B", "cannot be seen"},
		{"bob@example.org", "bo\u200Bb@example.org", "cannot be seen"},
		{"bob@example.org", "bob@exam\u200Bple.org", "cannot be seen"}, // UTS 46 takes it for nothing
		{"bob@example.org", "bob@exam\u00ADple.org", "cannot be seen"},
		{"bob@example.org", "bob@exam\uFE0Fple.org", "cannot be seen"},
		{"bob@example.org", "bob\u034F@example.org", "cannot be seen"},
		{"bob@example.org", "bob\u3164@example.org", "cannot be seen"},
		{"bob@example.org", "\uFEFFbob@example.org", "cannot be seen"},
		{"bob@example.org", "\u202Ebob@example.org", "cannot be seen"},
		{"bob@example.org", "bob@\u2066example.org\u2069", "cannot be seen"},
		{"bob@example.org", "bob\U000E0041@example.org", "cannot be seen"},
		{"bob@example.org", "bob\uE000@example.org", "cannot be seen"},
		{"bob@example.org", "bob\uFF20example.org", "stands for another one in ASCII"},
		{"bob@example.org", "bob\uFF20eve@example.org", "stands for another one in ASCII"},
		{"bob@example.org", "\uFF42ob@example.org", "stands for another one in ASCII"},
		{"bob@example.org", "\U0001D41Bob@example.org", "stands for another one in ASCII"},
		{"bob@example.org", "bob@\uFF45xample.org", "stands for another one in ASCII"},
		{"bob@example.org", "bob@example\u3002org", "stands for another one in ASCII"},
		{"bob@example.org", "bob@example\uFF0Eorg", "stands for another one in ASCII"},
		{"bob@example.org", "bob@example\uFF61org", "stands for another one in ASCII"},
		{"bob@sk.example", "bob@\u017Fk.example", "stands for another one in ASCII"},
		{"bob@sk.example", "bob@s\u212A.example", "stands for another one in ASCII"},
		{"Kim@example.org", "\u212Aim@example.org", "stands for another one in ASCII"},
		{"bob@fi.example", "bob@\uFB01.example", "stands for another one in ASCII"},
		{"bu\u0308cher@example.org", "\u0308bucher@example.org", "drawn over another one"},
		{"b.u\u0308@example.org", "b.\u0308u@example.org", "drawn over another one"},
		{strings.Repeat("a", maxLocal) + "@example.org", strings.Repeat("a", maxLocal+1) + "@example.org", "more than 64 octets"},
		{strings.Repeat("\u00FC", maxLocal/2) + "@example.org", strings.Repeat("\u00FC", maxLocal/2) + "a@example.org", "more than 64 octets"},
		{"bob@" + label + ".org", "bob@a" + label + ".org", "more than 63 octets"},
		{"@" + name, "@" + name + "b", "its domain is too long"},
		{total, "a" + total, "it is too long"},
		{"bob@example.org", "bob@" + strings.Repeat("a.", maxInput) + "org", "it is too long"},
	} {
		_, err := Parse(c.good)
		require.NoError(t, err, "%q", c.good)
		a, err := Parse(c.bad)
		require.ErrorContains(t, err, c.why, "%q", c.bad)
		require.Zero(t, a)
		require.NotContains(t, err.Error(), "\n")
		require.Less(t, len(err.Error()), 600)
		require.False(t, Same(c.bad, c.bad))
		require.True(t, Same(c.good, c.good))
		require.False(t, Same(c.good, c.bad) || Same(c.bad, c.good))
	}
}

// TestAddress: the parts.
func TestAddress(t *testing.T) {
	t.Parallel()
	bob, err := Parse("Bob@B\u00FCcher.example")
	require.NoError(t, err)
	require.Equal(t, "Bob", bob.Local())
	require.Equal(t, "xn--bcher-kva.example", bob.Domain())
	require.Equal(t, "Bob@b\u00FCcher.example", bob.Unicode())
	require.False(t, bob.IsDomain())
	all, err := Parse("@b\u00FCcher.example")
	require.NoError(t, err)
	require.True(t, all.IsDomain())
	require.Equal(t, all, bob.OfDomain())
	require.Equal(t, all, all.OfDomain())
	var none Address
	require.Empty(t, none.String()+none.Unicode()+none.Local()+none.Domain())
	require.False(t, none.IsDomain())
}

// FuzzParse: what is an address stays the same one when it is read again,
// however it is shown, and has one @ and nothing that is not seen.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"bob@example.org", "@example.org", "B\u00DCcher@b\u00FCcher.example", "a@xn--bcher-kva.example", "bob@xn--bcher-.example", "\"a\"@b", "a@\u0130.example", "a@b\u1E9E", "\u0E33@\u0E33.th", "a@\uFF21", "a@\u1E9B\u0323"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := Parse(s)
		if err != nil {
			require.Zero(t, a)
			require.NotContains(t, err.Error(), "\n")
			return
		}
		for _, form := range []string{a.String(), a.Unicode()} {
			again, err := Parse(form)
			require.NoError(t, err, "%q", form)
			require.Equal(t, a, again, "%q", form)
			require.Equal(t, 1, strings.Count(form, "@"))
		}
		require.LessOrEqual(t, len(a.String()), maxTotal)
		require.Equal(t, strings.ToLower(a.Domain()), a.Domain())
		require.Empty(t, strange(a.String()))
		require.NotContains(t, a.String(), " ")
	})
}

// FuzzPlainDomain: what is not asked of IDNA is what IDNA would say.
func FuzzPlainDomain(f *testing.F) {
	for _, s := range []string{"example.org", "EXAMPLE.org", "a-b.c", "-a.b", "a.b-", "a..b", "a.", "1.2", "a_b", "\u0130.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > maxInput || strange(s) != "" {
			return
		}
		domain, why := aLabels(s)
		want, err := idna.Lookup.ToASCII(s)
		if why == "" {
			require.NoError(t, err, "%q", s)
			require.Equal(t, want, domain, "%q", s)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for name, a := range map[string]string{"ASCII": "robert.smith@example.org", "IDNA": "bob@b\u00FCcher.example"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
