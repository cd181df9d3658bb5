package mail

import (
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
)

// TestAuthor: the spellings that every program reads alike.
func TestAuthor(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]author{
		"alice@example.org":                                           {name: ""},
		"<alice@example.org>":                                         {name: ""},
		"Alice <alice@example.org>":                                   {name: "Alice"},
		"Alice <alice@EXAMPLE.org>":                                   {name: "Alice"},
		"Alice<alice@example.org>":                                    {name: "Alice"},
		"Alice B. Liddell <alice@example.org>":                        {name: "Alice B. Liddell"},
		"\"Liddell, Alice\" <alice@example.org>":                      {name: "Liddell, Alice"},
		"\"Alice \\\"A\\\"\" <alice@example.org>":                     {name: "Alice \"A\""},
		"=?utf-8?q?Al=C3=AFce?= <alice@example.org>":                  {name: "Al\u00EFce"},
		"=?utf-8?b?QWzDr2Nl?=\r\n =?utf-8?q?_L?= <alice@example.org>": {name: "Al\u00EFce L"},
		"=?iso-8859-15?q?Al=EFce?= <alice@example.org>":               {name: "Al\u00EFce"},
		"=?gb18030?b?1tDOxA==?= <alice@example.org>":                  {name: "\u4E2D\u6587"},
		"Al\u00EFce <alice@example.org>":                              {name: "Al\u00EFce"},
		"Alice\r\n <alice@example.org>":                               {name: "Alice"},
		"\"alice@example.org\" <alice@example.org>":                   {name: "alice@example.org"},
		"\"'alice@example.org'\" <alice@example.org>":                 {name: "'alice@example.org'"},
		"\"Alice@Example.org\" <alice@example.org>":                   {name: "Alice@Example.org"},
		"\"Alice @ work\" <alice@example.org>":                        {name: "Alice @ work"},
		"\"Alice @home\" <alice@example.org>":                         {name: "Alice @home"},
	} {
		a := readAuthor(headerOf("From: " + in + "\r\n"))
		require.Empty(t, a.findings, "%q", in)
		require.True(t, a.clean)
		require.Equal(t, "alice@example.org", a.address.String(), "%q", in)
		require.Equal(t, want.name, a.name, "%q", in)
	}
	require.True(t, readAuthor(headerOf("From: "+strings.Repeat("A", maxFrom-len(" <a@b.c>"))+" <a@b.c>\r\n")).clean)
	a := readAuthor(headerOf("fROM : o'brien+x@b\u00FCcher.example\r\n"))
	require.Empty(t, readAuthor(mimeparse.Header{{Name: "fROM", Raw: []byte("fROM : o'brien+x@b\u00FCcher.example\r\n")}}).findings)
	require.Empty(t, a.address, "the name is cut off by who parses the header")
}

// TestAuthorRefused: what somebody writes to be read as alice by one program, or
// by a person, and as somebody else by another.
func TestAuthorRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, code string }{
		{"", "from-missing"},
		{"Resent-From: alice@example.org\r\n", "from-missing"},
		{"X-From: alice@example.org\r\nSender: alice@example.org\r\n", "from-missing"},
		{"From:\r\n", "from-empty"},
		{"From: \t\r\n", "from-empty"},
		{"From: <>\r\n", "from-empty"},
		{"From: Alice\r\n", "from-unreadable"},
		{"From: Alice <>\r\n", "from-unreadable"},
		{"From: Alice <alice>\r\n", "from-unreadable"},
		{"From: <@example.org>\r\n", "from-unreadable"},
		{"From: alice@example.org\r\nFrom: alice@example.org\r\n", "two-from"},
		{"From: alice@example.org\r\nfrom: eve@example.net\r\n", "two-from"},
		{"X: y\rFrom: eve@example.net\r\nFrom: alice@example.org\r\n", "two-from"},
		{"X: y\x00From : eve@example.net\r\nFrom: alice@example.org\r\n", "two-from"},
		{"From: alice@example.org\rFrom: eve@example.net\r\n", "two-from"},
		{"From: alice@example.org, eve@example.net\r\n", "from-addresses"},
		{"From: alice@example.org,\r\n", "from-addresses"},
		{"From: Alice <alice@example.org> , Eve <eve@example.net>\r\n", "from-addresses"},
		{"From: Alice, <alice@example.org>\r\n", "from-addresses"},
		{"From: Alice: alice@example.org;\r\n", "from-addresses"},
		{"From: undisclosed:;\r\n", "from-addresses"},
		{"From: <@example.net:alice@example.org>\r\n", "from-unreadable"},
		{"From: alice@example.org <eve@example.net>\r\n", "from-unreadable"},
		{"From: alice@example.org eve@example.net\r\n", "from-unreadable"},
		{"From: <alice@example.org> <eve@example.net>\r\n", "from-unreadable"},
		{"From: <alice@example.org> eve\r\n", "from-unreadable"},
		{"From: <alice@example.org>> \r\n", "from-unreadable"},
		{"From: <<alice@example.org>>\r\n", "from-unreadable"},
		{"From: <alice@example.org\r\n", "from-unreadable"},
		{"From: \"Alice <alice@example.org>\r\n", "from-unreadable"},
		{"From: \"Alice\\\r\n", "from-unreadable"},
		{"From: \"alice\"@example.org\r\n", "from-unreadable"},
		{"From: <\"alice\"@example.org>\r\n", "from-unreadable"},
		{"From: alice@[192.0.2.1]\r\n", "from-unreadable"},
		{"From: alice@example.org (Alice)\r\n", "from-unreadable"},
		{"From: (eve@example.net) alice@example.org\r\n", "from-unreadable"},
		{"From: alice@example.org(\r\n", "from-unreadable"},
		{"From: alice@example.org@example.net\r\n", "from-unreadable"},
		{"From: alice @ example.org\r\n", "from-unreadable"},
		{"From: alice@example.org.\r\n", "from-unreadable"},
		{"From: al\u200Bice@example.org\r\n", "from-unreadable"},
		{"From: alice\uFF20example.org\r\n", "from-unreadable"},
		{"From: al\xFFice@example.org\r\n", "from-unreadable"},
		{"From: Al\xEFce <alice@example.org>\r\n", "from-unreadable"},
		{"From: alice@example.org\x00eve@example.net\r\n", "from-unreadable"},
		{"From: \x00alice@example.org\r\n", "from-unreadable"},
		{"From: alice@example.org\x08\r\n", "from-unreadable"},
		{"From: Alice\u2028 <alice@example.org>\r\n", "from-unreadable"},
		{"From: " + strings.Repeat("A", maxFrom) + " <alice@example.org>\r\n", "from-unreadable"},
		// Mailsploit: what is decoded where nothing may be, and ends at a NUL.
		{"From: =?utf-8?b?YWxpY2VAZXhhbXBsZS5vcmc=?=@example.net\r\n", "from-unreadable"},
		{"From: =?utf-8?b?YWxpY2VAZXhhbXBsZS5vcmc=?==?utf-8?q?=00?=@example.net\r\n", "from-unreadable"},
		{"From: <=?utf-8?q?alice=40example.org=0A=00?=@example.net>\r\n", "from-unreadable"},
		{"From: =?utf-8?q?Alice=00?= <alice@example.org>\r\n", "from-unreadable"},
		{"From: =?utf-8?q?Alice=0D=0A?= <alice@example.org>\r\n", "from-unreadable"},
		{"From: =?utf-8?q?alice=40example=2Eorg?=\r\n", "from-unreadable"},
		{"From: \"\u202Egro.elpmaxe@ecila\" <eve@example.net>\r\n", "from-unreadable"},
		{"From: =?utf-8?q?=E2=81=A7gro=2Eelpmaxe=40ecila?= <eve@example.net>\r\n", "from-unreadable"},
		// Names that are addresses.
		{"From: \"alice@example.org\" <eve@example.net>\r\n", "name-is-address"},
		{"From: \"Alice <alice@example.org>\" <eve@example.net>\r\n", "name-is-address"},
		{"From: \"alice@example.org via the list\" <eve@example.net>\r\n", "name-is-address"},
		{"From: \"alice @ example.org\" <eve@example.net>\r\n", "name-is-address"},
		{"From: =?utf-8?q?alice=40example=2Eorg?= <eve@example.net>\r\n", "name-is-address"},
		{"From: =?utf-8?b?YWxpY2VAZXhhbXBsZS5vcmc=?= <eve@example.net>\r\n", "name-is-address"},
		{"From: \"alice\uFF20example.org\" <eve@example.net>\r\n", "name-is-address"},
		{"From: \"alice@example\u3002org\" <eve@example.net>\r\n", "name-is-address"},
		{"From: \"ali\u200Bce@exam\u00ADple.org\" <eve@example.net>\r\n", "name-is-address"},
		{"From: \"alice@ex\u0430mple.org\" <eve@example.net>\r\n", "name-is-address"},
		{"From: \"alice@example.org@\" <eve@example.net>\r\n", "name-is-address"},
	} {
		a := readAuthor(headerOf(c.in))
		require.False(t, a.clean, "%q", c.in)
		var codes []string
		for _, f := range a.findings {
			codes = append(codes, f.Code)
			require.False(t, strings.ContainsAny(f.Text, "\r\n\x00\u2028"), "%q", f.Text)
			require.True(t, utf8.ValidString(f.Text))
		}
		require.Contains(t, codes, c.code, "%q", c.in)
		if c.code != "name-is-address" && c.code != "two-from" {
			require.Empty(t, a.address, "%q", c.in)
		}
	}
}

// TestAuthorNotBelieved: no such From is verified, whoever signs.
func TestAuthorNotBelieved(t *testing.T) {
	t.Parallel()
	for _, from := range []string{
		"Alice <alice@example.org>, eve@example.net",
		"\"eve@example.net\" <alice@example.org>",
		"Alice (x) <alice@example.org>",
	} {
		p := newSigned(t)
		require.True(t, p.judge().Verified)
		p.replaceOuter("Alice <alice@example.org>", from)
		p.replaceInner("Alice <alice@example.org>", from)
		require.False(t, p.judge().Verified, from)
	}
}

var anyAddress = regexp.MustCompile(`[^\s<>",;:()\[\]]+@[^\s<>",;:()\[\]]+`)

// FuzzAuthor: a From that is accepted has exactly one address, and it is the
// only one that net/mail sees, or that any program can find in the octets.
func FuzzAuthor(f *testing.F) {
	for _, seed := range []string{
		"alice@example.org", "Alice <alice@example.org>", "\"a@b.c\" <alice@example.org>", "a@b.c, d@e.f", "g: a@b.c;",
		"=?utf-8?q?alice=40example=2Eorg?= <eve@example.net>", "\x00 <a@b.c>", "a@b.c (d@e.f)", "<@a:b@c.d>", "\"a\\\"\" <b@c.d>",
		"a\rFrom: b@c.d", "\u202Ea@b.c", "a@b\u3002c",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if len(value) > 1000 || strings.Contains(value, "\n") {
			return // what a line of a header is
		}
		a := readAuthor(headerOf("From: " + value + "\r\n"))
		if !a.clean {
			if len(a.findings) == 0 {
				t.Fatalf("%q: refused without a reason", value)
			}
			return
		}
		if a.address == (mailbox.Address{}) || len(a.findings) > 0 {
			t.Fatalf("%q: accepted with %+v", value, a)
		}
		list, err := mail.ParseAddressList(value)
		if err == nil && (len(list) != 1 || !mailbox.Same(list[0].Address, a.address.String())) {
			t.Fatalf("%q: net/mail sees %v, we %v", value, list, a.address)
		}
		for _, found := range append(anyAddress.FindAllString(value, -1), anyAddress.FindAllString(a.name, -1)...) {
			if _, domain, _ := strings.Cut(found, "@"); !strings.Contains(strings.TrimRight(domain, ".!?@"), ".") {
				continue // nobody takes "me@work" for an address to write to
			}
			x, err := mailbox.Parse(strings.TrimRight(strings.Trim(found, "'`|/"), ".!?"))
			if err != nil || !strings.EqualFold(x.String(), a.address.String()) {
				t.Fatalf("%q: there is %q beside %v", value, found, a.address)
			}
		}
	})
}
