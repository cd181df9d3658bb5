package mail

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

func TestSameField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, a, b string
		same       bool
	}{
		{"Subject", "a secret", "a  secret", true},
		{"Subject", "a secret", "=?utf-8?q?a_secret?=", true},
		{"Subject", "=?utf-8?b?w7Y=?=", "=?iso-8859-1?q?=F6?=", true},
		{"Subject", "a secret", "a Secret", false},
		{"Subject", "a secret", "", false},
		{"To", "bob@example.org", "<bob@EXAMPLE.org>", true},
		{"To", "\"Bob\" <bob@example.org>", "Bob <bob@example.org>", true},
		{"To", "Bob <bob@example.org>", "bob@example.org", false},
		{"To", "bob@example.org", "Bob@example.org", false},
		{"To", "bob@example.org", "bob@example.org, eve@example.net", false},
		{"To", "a@b.c, d@e.f", "d@e.f, a@b.c", false},
		{"To", "not an address", "not  an address", true},
		{"To", "not an address", "bob@example.org", false},
		{"Date", "Sun, 01 Mar 2026 12:00:00 +0000", "Sun, 1 Mar 2026 13:00:00 +0100", true},
		{"Date", "Sun, 01 Mar 2026 12:00:00 +0000", "Sun, 1 Mar 2026 13:00:00 +0000", false},
		{"Date", "yesterday", "yesterday", true},
		{"Date", "yesterday", "today", false},
	} {
		require.Equal(t, c.same, sameField(c.name, []string{c.a}, []string{c.b}), "%+v", c)
		require.Equal(t, c.same, sameField(c.name, []string{c.b}, []string{c.a}), "%+v", c)
	}
	require.True(t, sameField("To", []string{"a@b.c", "d@e.f"}, []string{"a@b.c, d@e.f"}))
	require.False(t, sameField("Subject", []string{"a"}, []string{"a", "b"}))
	require.False(t, sameField("Subject", []string{"a"}, nil))
}

// field returns what people are shown of one field.
func (s Summary) field(name string) (f Field) {
	for _, f := range s.Fields {
		if f.Name == name {
			return f
		}
	}
	return Field{}
}

// TestConfidential: what was not to be read on the way is what HP-Outer does not
// have outside, RFC 9788, Section 4.3, and does not stand there.
func TestConfidential(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.inner += "Cc: carol@example.org\r\n" // taken away outside
	s := p.judge()
	require.Equal(t, Field{Name: "Cc", Value: "carol@example.org", Encrypted: true, Signed: true}, s.field("Cc"))
	require.Equal(t, Field{Name: "Subject", Value: "a secret", Outer: "[...]", Encrypted: true, Signed: true}, s.field("Subject"))
	require.Equal(t, Field{Name: "To", Value: "bob@example.org", Outer: "bob@example.org", Signed: true}, s.field("To"))

	p.outer += "Cc: carol@example.org\r\n" // somebody put it there again
	s = p.judge()
	require.Equal(t, Field{Name: "Cc", Value: "carol@example.org", Outer: "carol@example.org", Signed: true, Differs: true}, s.field("Cc"))
	require.False(t, s.Verified)

	p = newPlay(t)
	p.replaceInner("HP-Outer: To: bob@example.org\r\n", "")
	p.replaceOuter("To: bob@example.org\r\n", "")
	s = p.judge()
	require.True(t, s.Verified)
	require.True(t, s.field("To").Encrypted)

	p = newPlay(t)
	p.facts().Signatures = nil
	s = p.judge()
	require.True(t, s.field("Subject").Encrypted)
	require.False(t, s.field("Subject").Signed)
}

// TestUnprotectedFields: nothing inside, nothing to believe.
func TestUnprotectedFields(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.content = "text/plain"
	s := p.judge()
	require.Equal(t, "[...]", s.Subject)
	require.Equal(t, Field{Name: "Subject", Value: "[...]", Outer: "[...]"}, s.field("Subject"))
	require.Equal(t, []string{"headers-unprotected"}, codes(s))

	p.content = `text/plain; hp="other"`
	require.Equal(t, []string{"headers-unprotected"}, codes(p.judge()))

	// A field of its own outside, beside those inside.
	p = newPlay(t)
	p.outer += "Reply-To: eve@example.net\r\n"
	s = p.judge()
	require.Equal(t, Field{Name: "Reply-To", Outer: "eve@example.net", Differs: true}, s.field("Reply-To"))
}

// TestFromMismatch: the protected From counts where a signature binds it: RFC
// 9788, Section 4.4. Else whoever encrypts could choose any.
func TestFromMismatch(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.replaceOuter("alice@example.org", "list@example.com")
	s := p.judge()
	require.Equal(t, "alice@example.org", s.From)
	require.True(t, s.SignerMatchesFrom)
	require.False(t, s.Verified)
	require.Equal(t, []string{"from-mismatch", "outer-differs"}, codes(s))

	p.facts().Signatures = nil
	s = p.judge()
	require.Equal(t, "list@example.com", s.From)
	require.Equal(t, "Alice <list@example.com>", s.field("From").Value)
	require.False(t, s.Verified)

	p = newPlay(t) // signed by eve, who is known, in the name of alice
	p.sign(p.by(1, p.eve))
	p.replaceOuter("Alice <alice@example.org>", "eve@example.net")
	s = p.judge()
	require.Equal(t, "eve@example.net", s.From)
	require.False(t, s.Verified || s.SignerMatchesFrom)

	p = newPlay(t) // no From inside: eve's signature, and alice's From outside
	p.sign(p.by(1, p.eve))
	p.replaceInner("From: Alice <alice@example.org>\r\n", "")
	s = p.judge()
	require.False(t, s.Verified || s.SignerMatchesFrom)
	require.Contains(t, codes(s), "from-missing")
}

// TestOldParameter: protected-headers="v1" as it was written before RFC 9788.
func TestOldParameter(t *testing.T) {
	t.Parallel()
	begin := func() *play {
		p := newPlay(t)
		p.content = `text/plain; protected-headers="v1"`
		p.inner, _, _ = strings.Cut(p.inner, "HP-Outer")
		return p
	}
	for _, subject := range []string{"...", "[...]", "Encrypted Message", "=?utf-8?b?cOKJoXA=?="} {
		p := begin()
		p.replaceOuter("[...]", subject)
		s := p.judge()
		require.Empty(t, s.Findings)
		require.True(t, s.Verified, subject)
		require.Equal(t, "a secret", s.Subject)
		require.True(t, s.field("Subject").Encrypted)
	}
	p := begin()
	p.replaceOuter("[...]", "pay at once")
	require.Contains(t, codes(p.judge()), "outer-differs")

	p = begin() // as Thunderbird and Enigmail wrote it: the subject alone
	p.inner = "Subject: a secret\r\n"
	s := p.judge()
	require.True(t, s.Verified)
	require.Equal(t, "a secret", s.Subject)
	require.Equal(t, Field{Name: "To", Value: "bob@example.org", Outer: "bob@example.org"}, s.field("To"))

	p = begin()
	p.replaceOuter("To: bob@example.org", "To: undisclosed-recipients:;")
	s = p.judge()
	require.True(t, s.Verified, "%v", s.Findings)
	p.replaceOuter("To: undisclosed-recipients:;", "To: eve@example.net")
	require.Contains(t, codes(p.judge()), "outer-differs")

	p = begin()
	p.content = `text/plain; protected-headers="v2"`
	require.Contains(t, codes(p.judge()), "headers-unprotected")
}

// TestBothParameters: as Thunderbird 153 writes both, without an HP-Outer. One
// HP-Outer, or hp alone, and RFC 9788 holds.
func TestBothParameters(t *testing.T) {
	t.Parallel()
	begin := func(content string) *play {
		p := newPlay(t)
		p.content = content
		p.inner, _, _ = strings.Cut(p.inner, "HP-Outer")
		return p
	}
	const both = `text/plain; protected-headers="v1"; hp="cipher"`
	p := begin(both)
	p.replaceOuter("[...]", "...")
	s := p.judge()
	require.Empty(t, s.Findings)
	require.True(t, s.Verified)
	require.Equal(t, "a secret", s.Subject)
	require.True(t, s.field("Subject").Encrypted)

	p.replaceOuter("To: bob@example.org", "To: eve@example.net")
	require.Contains(t, codes(p.judge()), "outer-differs")

	p = begin(both)
	p.inner += "HP-Outer: Subject: [...]\r\n" // and so From was not outside
	require.Contains(t, codes(p.judge()), "outer-differs")

	require.Contains(t, codes(begin(`text/plain; hp="cipher"`).judge()), "outer-differs")
}

// TestOldOpen: what the older parameter leaves open is said.
func TestOldOpen(t *testing.T) {
	t.Parallel()
	p := newSigned(t)
	p.content = `text/plain; protected-headers="v1"`
	p.outer += "Reply-To: eve@example.net\r\n"
	s := p.judge()
	require.True(t, s.Verified)
	require.False(t, s.field("Reply-To").Signed)
	require.Equal(t, []string{"headers-unprotected"}, codes(s))
	require.Contains(t, s.Findings[0].Text, "protect Reply-To:")

	p = newSigned(t) // the twin
	p.content = `text/plain; protected-headers="v1"`
	require.Empty(t, p.judge().Findings)
}

// TestWrapped: a whole message inside, as S/MIME 3.1 did it.
func TestWrapped(t *testing.T) {
	t.Parallel()
	begin := func(wrapper, content string) *play {
		p := newSigned(t)
		inner := p.inner
		p.inner, p.content = "", wrapper
		p.change = func(m *Message) {
			payload := m.parts[1]
			child := &Part{Path: "1.1.1", node: node(t, inner, content), MediaType: "text/plain", parent: payload, within: payload.within}
			payload.children = []*Part{child}
			m.parts = append(m.parts, child)
		}
		return p
	}
	for _, wrapper := range []string{"message/rfc822; forwarded=no", "message/rfc822", "message/global; forwarded=No"} {
		s := begin(wrapper, "text/plain").judge()
		require.True(t, s.Verified, "%v", s.Findings)
		if wrapper == "message/rfc822" { // which may have been forwarded alone
			require.Equal(t, []string{"headers-wrapped"}, codes(s))
		} else {
			require.Empty(t, s.Findings)
		}
		require.True(t, s.field("Subject").Signed)
	}
	for name, p := range map[string]*play{
		"forwarded":            begin("message/rfc822; forwarded=yes", "text/plain"),
		"not a message":        begin("text/rfc822-headers", "text/plain"),
		"with a parameter":     begin("message/rfc822", `text/plain; hp="clear"`),
		"by nobody":            begin("message/rfc822", "text/plain"),
		"by nobody that is so": begin("message/rfc822; forwarded=maybe", "text/plain"),
	} {
		if name == "by nobody" {
			p.replaceOuter("From: Alice <alice@example.org>\r\n", "")
		}
		require.Contains(t, codes(p.judge()), "headers-unprotected", name)
	}

	p := begin("message/rfc822", "text/plain") // forwarded by eve: it is her mail
	p.replaceOuter("Alice <alice@example.org>", "eve@example.net")
	p.sign(p.by(1, p.eve))
	s := p.judge()
	require.True(t, s.Verified)
	require.Equal(t, "eve@example.net", s.From)
	require.Contains(t, codes(s), "headers-unprotected")

	p = begin("message/rfc822; forwarded=no", "text/plain")
	p.replaceOuter("a secret", "pay at once")
	require.Contains(t, codes(p.judge()), "outer-differs")
}

// TestNotInPayload: what protects header fields counts in the payload alone.
func TestNotInPayload(t *testing.T) {
	t.Parallel()
	p := newSigned(t)
	p.content = "multipart/mixed"
	p.change = func(m *Message) {
		payload := m.parts[1]
		child := &Part{Path: "1.1.1", node: node(t, "Subject: forged\r\n", `text/plain; hp="clear"`), parent: payload, within: payload.within}
		payload.children = []*Part{child}
		m.parts = append(m.parts, child)
	}
	s := p.judge()
	require.Equal(t, "a secret", s.Subject)
	require.Contains(t, codes(s), "headers-unprotected")

	p = newPlay(t) // HP-Outer outside: nobody reads it
	p.outer += "HP-Outer: Subject: pay at once\r\n"
	p.replaceOuter("[...]", "pay at once")
	s = p.judge()
	require.False(t, s.Verified)
	require.Contains(t, codes(s), "outer-differs")
	require.Contains(t, codes(s), "hp-outside")

	p = newPlay(t) // no cryptographic layer at all
	p.layers = nil
	s = p.judge()
	require.False(t, s.Verified || s.Signed || s.Encrypted)
	require.False(t, s.field("Subject").Signed || s.field("Subject").Encrypted)
	require.Contains(t, codes(s), "hp-outside")
}

func TestListOf(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"List-Post: <mailto:team@example.org>\r\nList-Id: The team <team.example.org>\r\n": "team@example.org", // Mailman, Google Groups
		"List-Post: <mailto:team@example.org?subject=x>\r\n":                               "team@example.org",
		"List-Post: NO\r\nList-Id: The team <team.example.org>\r\n":                        "team.example.org",
		"List-Id: team.example.org\r\n":                                                    "team.example.org",
		"List-Id: =?utf-8?q?B=C3=BCro?= <team.example.org>\r\n":                            "team.example.org",
		"X-BeenThere: team@example.org\r\n":                                                "team@example.org",
		"Mailing-list: list team@example.org; contact team+owners@example.org\r\n":         "team@example.org",
		"Mailing-List: contact team-help@example.org; run by ezmlm\r\n":                    "team-help@example.org",
		"X-Mailing-List: <team@example.org> archive/latest/1\r\n":                          "team@example.org",
		"Precedence: list\r\nSender: owner-team@example.org\r\n":                           "owner-team@example.org",
		"Precedence: bulk\r\nSender: news@example.org\r\n":                                 "",
		"Precedence: list\r\n":                                                             "",
		"Sender: bob@example.org\r\n":                                                      "",
		"List-Post: <https://example.org>\r\n":                                             "",
		"":                                                                                 "",
	} {
		require.Equal(t, want, listOf(headerOf(in)), "%q", in)
	}
}

// TestList: signed by one, passed on by a list: never a bare false.
func TestList(t *testing.T) {
	t.Parallel()
	p := newSigned(t)
	p.outer += "List-Id: <team.example.org>\r\n"
	s := p.judge()
	require.True(t, s.Verified)
	require.Equal(t, "team.example.org", s.DeliveredBy)
	require.Equal(t, []Finding{{Code: "list", Text: `signed by "alice@example.org", delivered by the list "team.example.org"`}}, s.Findings)

	p.replaceOuter("a secret", "[team] a secret")
	s = p.judge()
	require.False(t, s.Verified)
	require.Contains(t, codes(s), "list")
	require.Equal(t, "a secret", s.Subject)

	p = newSigned(t) // the list put itself into From, and the message protects nothing
	p.content = "text/plain"
	p.outer += "List-Id: <team.example.org>\r\n"
	p.replaceOuter("Alice <alice@example.org>", "Alice via team <team@example.org>")
	s = p.judge()
	require.False(t, s.Verified || s.SignerMatchesFrom)
	require.Equal(t, "alice@example.org", s.Signer)
	require.Contains(t, s.Findings, Finding{Code: "list", Text: `signed by "alice@example.org", delivered by the list "team.example.org"`})

	p = newSigned(t)
	p.outer += "List-Id: <" + strings.Repeat("x", 500) + "\x1b[31m>\r\n"
	for _, f := range p.judge().Findings {
		require.Less(t, len(f.Text), 300)
		require.NotContains(t, f.Text, "\x1b")
	}
}

// TestCut: texts are repeated on one line and not at length.
func TestCut(t *testing.T) {
	t.Parallel()
	require.Equal(t, `"a\r\n\x1b"`, cut("a\r\n\x1b"))
	require.Equal(t, `"`+strings.Repeat("x", 80)+`"`, cut(strings.Repeat("x", 80)))
	require.Equal(t, `"`+strings.Repeat("x", 80)+`"…`, cut(strings.Repeat("x", 81)))
	require.Equal(t, `"`+strings.Repeat("x", 79)+`"…`, cut(strings.Repeat("x", 79)+"\u00FC"))
}

// TestPlain: what people are shown does nothing but be read.
func TestPlain(t *testing.T) {
	t.Parallel()
	p := newSigned(t)
	p.outer = strings.Replace(p.outer, "a secret", "=?utf-8?q?a=1B[31m=00=E2=80=AE?= secret", 1)
	p.replaceInner("a secret", "=?utf-8?q?a=1B[31m=00=E2=80=AE?= secret")
	p.facts().Signatures[0].SignerID = "a\x1b[31m\r\n\u202Eb" + strings.Repeat("x", 1000)
	p.facts().Signatures[0].Status = seam.SignatureBad
	s := p.judge()
	require.Equal(t, "a\uFFFD[31m\uFFFD\uFFFD secret", s.Subject)
	require.Equal(t, s.Subject, s.field("Subject").Value)
	require.True(t, strings.HasPrefix(s.Signer, "a [31m bxxx"), "%q", s.Signer)
	require.Less(t, len(s.Signer), 400)
	require.NotContains(t, oneLine("\xff\n\x00"), "\n")
}

// FuzzJudge: whatever two headers say, nothing is verified but what alice
// signed, under her one address; and no field that is shown says anything else
// outside than she put there.
func FuzzJudge(f *testing.F) {
	f.Add(playOuter, playInner, `text/plain; hp="cipher"`)
	f.Add(playOuter, playOuter, `text/plain; hp="clear"`)
	f.Add(playOuter, "", "text/plain")
	f.Add(playOuter+"List-Id: x\r\n", "Subject: y\r\n", `text/plain; protected-headers=v1`)
	f.Fuzz(func(t *testing.T, outer, inner, content string) {
		if len(outer)+len(inner) > 10_000 || strings.HasPrefix(outer, " ") || strings.HasPrefix(outer, "\t") || strings.HasPrefix(inner, " ") || strings.HasPrefix(inner, "\t") {
			return
		}
		p := newPlay(t)
		p.outer, p.inner, p.content = outer, inner, "text/plain"
		p.change = func(m *Message) {
			m.parts[1].node.Params = map[string]string{}
			if _, value, ok := strings.Cut(content, "="); ok {
				m.parts[1].node.Params["hp"], m.parts[1].node.Params["protected-headers"] = strings.Trim(value, `"`), strings.Trim(value, `"`)
			}
		}
		outerHeader := headerOf(outer)
		s := p.judge()
		if s.Verified && (s.From != "alice@example.org" || s.Signer != s.From || !s.SignerMatchesFrom || outerHeader.Count("From") > 1) {
			t.Fatalf("verified: %+v", s)
		}
		for _, field := range s.Fields {
			if s.Verified && field.Differs {
				t.Fatalf("verified with %+v", field)
			}
		}
		p.sign(p.by(1, p.eve)) // eve can sign whatever she likes
		if s := p.judge(); s.Verified && s.From != "eve@example.net" {
			t.Fatalf("eve verified as %+v", s)
		}
	})
}

// Words of a charset that needs a decoder each are decoded up to a number, in
// one field; UTF-8 needs none.
func TestManyWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		word, is string
		n        int
		decoded  bool
	}{
		{"=?koi8-r?q?=C1?=", "\u0430", maxWords, true},
		{"=?koi8-r?q?=C1?=", "\u0430", maxWords + 1, false},
		{"=?utf-8?q?=C3=BC?=", "\u00FC", maxWords + 1, true},
	} {
		text := strings.TrimSpace(strings.Repeat(c.word+" ", c.n))
		want := text
		if c.decoded {
			want = strings.Repeat(c.is, c.n)
		}
		require.Equal(t, want, decoded(text))
	}
}
