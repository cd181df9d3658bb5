package confusable

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// TestSkeleton: pairs that have been taken for each other, and beside each one
// that is not.
func TestSkeleton(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ real, alike, other string }{
		// Registered in 2017 to show what browsers did not: all Cyrillic.
		{"a@apple.com", "a@xn--80ak6aa92e.com", "a@applet.com"},
		{"a@apple.com", "a@xn--pple-43d.com", "a@xn--bcher-kva.com"}, // only the first letter
		{"a@paypal.com", "a@p\u0430yp\u0430l.com", "a@p\u0439ypal.com"},
		{"a@paypal.com", "a@paypaI.com", "a@paypax.com"},
		{"a@paypal.com", "a@paypa1.com", "a@paypa2.com"},
		{"a@google.com", "a@g\u03BF\u03BFgle.com", "a@g\u03C0\u03C0gle.com"},
		{"a@google.com", "a@g00gle.com", "a@g88gle.com"},
		{"a@google.com", "a@\u0261oogle.com", "a@\u03BBoogle.com"},
		{"a@twitter.com", "a@tvvitter.com", "a@tvitter.com"},
		{"a@modern.com", "a@rnodem.com", "a@nodern.com"},
		{"a@bmw.de", "a@brnw.de", "a@bnw.de"},
		{"a@delta.com", "a@clelta.com", "a@celta.com"},
		{"a@cielta.com", "a@cIelta.com", "a@clelta.com"}, // of the domain no capitals are shown
		{"a@facebook.com", "a@face\u00DFook.com", "a@facehook.com"},
		{"a@microsoft.com", "a@micr\u043Es\u043Eft.com", "a@micr\u0436s\u0436ft.com"},
		{"a@microsoft.com", "a@rnicrosoft.com", "a@nicrosoft.com"},
		{"a@whatsapp.com", "a@wha\u1E6D\u0161app.com", "a@whalsapp.com"}, // accents
		{"a@example.org", "a@ex\u00E4mple.org", "a@exumple.org"},
		{"a@example.org", "a@\u0435\u0445\u0430\u043Cple.org", "a@\u0436xample.org"},
		{"a@hospital.example", "a@\u04BBospital.example", "a@kospital.example"},
		{"a@hospital.example", "a@\u0570ospital.example", "a@\u057Aospital.example"}, // Armenian
		{"a@example.org", "a@exa\u217Fple.org", "a@exa\u2170ple.org"},                // Roman numerals
		{"bob@example.org", "\uFF42\uFF4F\uFF42@example.org", "\uFF42\uFF4F\uFF43@example.org"},
		{"bob@example.org", "\U0001D41B\U0001D428\U0001D41B@example.org", "\U0001D41C\U0001D428\U0001D41B@example.org"},
		{"bob@example.org", "b\u043Eb@example.org", "b\u0443b@example.org"},
		{"bob@example.org", "Bob@example.org", "Rob@example.org"},
		{"bob@example.org", "BOB@EXAMPLE.ORG", "BOB@EXAMPLE.COM"},
		{"bob@example.org", "bo\u200Bb@example.org", "bo.b@example.org"},
		{"info@example.org", "lnfo@example.org", "unfo@example.org"},
		{"info@example.org", "Info@example.org", "Enfo@example.org"},
		{"bill@example.org", "biII@example.org", "boll@example.org"},
		{"anna-b@example.org", "anna\u2010b@example.org", "anna_b@example.org"},
		{"anna@example.org", "anna@example\u2024org", "anna@example-org"}, // a one dot leader
		{"@example.org", "@ex\u0430mple.org", "@exymple.org"},
		{"\u0438\u0432\u0430\u043D@example.org", "\u0438bah@example.org", "\u0438vah@example.org"},
	} {
		require.Equal(t, Skeleton(c.real), Skeleton(c.alike), "%q", c.alike)
		require.NotEqual(t, Skeleton(c.real), Skeleton(c.other), "%q", c.other)
	}
	require.Less(t, len(Skeleton(strings.Repeat("\u0430", 1<<20))), 2*maxText)
}

// TestOdd: who writes so wants to be taken for somebody else.
func TestOdd(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"bob@example.org":         "",
		"bob@b\u00FCcher.example": "",
		"\u0438\u0432\u0430\u043D@\u043F\u0440\u0438\u043C\u0435\u0440.example": "",
		"user@\u043F\u0440\u0438\u043C\u0435\u0440.example":                     "", // each label for itself
		"a@\u65E5\u672C\u8A9E\u3072\u3089\u30AB\u30CAabc.example":               "",
		"a@\uD55C\uAD6D\u6F22abc.example":                                       "",
		"a@123-4.example":                                                       "",
		"a@xn--pple-43d.com":                                                    "its domain mixes Cyrillic and Latin letters",
		"a@xn--80ak6aa92e.com":                                                  "its domain is written in Cyrillic letters, which all look like Latin ones",
		"a@g\u03BF\u03BFgle.com":                                                "its domain mixes Greek and Latin letters",
		"a@\u0561\u0430.example":                                                "its domain mixes Armenian and Cyrillic letters",
		"a@\u3072\uD55C.example":                                                "its domain mixes Hangul and Hiragana letters",
		"b\u043Eb@example.org":                                                  "what stands before its @ mixes Cyrillic and Latin letters",
		"no address":                                                            "",
	} {
		require.Equal(t, want, Odd(address), "%q", address)
	}
}

// TestNear: one typing error, and two.
func TestNear(t *testing.T) {
	t.Parallel()
	const bob = "robert@example.org"
	for _, near := range []string{
		"robert@exmple.org", "robert@exammple.org", "robert@exanple.org", "robert@exmaple.org", "robert@example.rog",
		"obert@example.org", "roberts@example.org", "rodert@example.org", "robetr@example.org",
	} {
		require.True(t, Near(bob, near), near)
		require.True(t, Near(near, bob), near)
	}
	for _, far := range []string{
		bob, "robert@EXAMPLE.org", "robert@exmpl.org", "robert@exmaple.com", "rodert@exmple.org", "robert", "", "robert@example.org.",
		"robert@example.com", "treber@example.org",
	} {
		require.False(t, Near(bob, far), far)
		require.False(t, Near(far, bob), far)
	}
	require.False(t, Near("bob@example.org", "rob@example.org"), "of three letters one is much")
	require.True(t, Near("a@b\u00FCcher.example", "a@b\u00FCchr.example"), "of U-labels")
}

// FuzzSkeleton: a skeleton is text of bounded length, and the same each time.
func FuzzSkeleton(f *testing.F) {
	for _, s := range []string{"bob@example.org", "a@xn--80ak6aa92e.com", "\xFF", "rrnn", "ccll", "\u0130@\u1E9E", "vvv"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k := Skeleton(s)
		require.True(t, utf8.ValidString(k))
		require.LessOrEqual(t, len(k), 20*maxText)
		require.Equal(t, k, Skeleton(s))
		Odd(s)
		require.False(t, Near(s, s))
	})
}
