package mail

import (
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sample is the mail of the examples in RFC 9788, Appendix C.
func sample(t testing.TB) *checked {
	t.Helper()
	d := &Draft{
		From:      mail.Address{Name: "Alice", Address: "alice@smime.example"},
		To:        []mail.Address{{Name: "Bob", Address: "bob@smime.example"}},
		Subject:   "smime-signed-enc-hp-baseline",
		Date:      time.Date(2021, 2, 20, 10, 9, 2, 0, time.FixedZone("", -5*3600)),
		MessageID: "smime-signed-enc-hp-baseline@example",
		Text:      "This is the\nsmime-signed-enc-hp-baseline\nmessage.\n",
	}
	c, err := d.check(testTime)
	require.NoError(t, err)
	return c
}

// written returns fields as lines, unfolded.
func written(fs []field) []string {
	var all []string
	for _, f := range fs {
		all = append(all, f.name+": "+unfold(f.value))
	}
	return all
}

// TestPolicies: what goes outside under each policy of RFC 9788, Section 3.2,
// with the values that its Appendix C has for the same mail.
func TestPolicies(t *testing.T) {
	t.Parallel()
	for p, want := range map[HeaderPolicy][]string{
		Baseline: { // Appendix C.3.1
			"From: Alice <alice@smime.example>",
			"To: Bob <bob@smime.example>",
			"Subject: [...]",
			"Date: Sat, 20 Feb 2021 10:09:02 -0500",
			"Message-ID: <smime-signed-enc-hp-baseline@example>",
		},
		Shy: {
			"From: alice@smime.example",
			"To: bob@smime.example",
			"Subject: [...]",
			"Date: Sat, 20 Feb 2021 15:09:02 +0000",
			"Message-ID: <smime-signed-enc-hp-baseline@example>",
		},
		NoConfidentiality: {
			"From: Alice <alice@smime.example>",
			"To: Bob <bob@smime.example>",
			"Subject: smime-signed-enc-hp-baseline",
			"Date: Sat, 20 Feb 2021 10:09:02 -0500",
			"Message-ID: <smime-signed-enc-hp-baseline@example>",
		},
	} {
		c := sample(t)
		inner := c.protected(nil)
		outer, hpOuter := c.outer(p, inner)
		require.Equal(t, want, written(outer))
		var hp []string
		for _, w := range want {
			hp = append(hp, "HP-Outer: "+w)
		}
		require.Equal(t, hp, written(hpOuter))
		require.Equal(t, "Subject: smime-signed-enc-hp-baseline", written(inner)[2])
	}
}

// TestOuterDrops: what must not be outside under any policy, and what under two.
func TestOuterDrops(t *testing.T) {
	t.Parallel()
	c := sample(t)
	inner := append(c.protected(&mail.Address{Address: "dave@example.org"}), field{"Keywords", "a"}, field{"Comments", "b"})
	for p, want := range map[HeaderPolicy]int{Baseline: 5, Shy: 5, NoConfidentiality: 7} {
		outer, hpOuter := c.outer(p, inner)
		require.Len(t, outer, want)
		require.Len(t, hpOuter, want)
		require.NotContains(t, strings.Join(written(append(outer, hpOuter...)), "\n"), "dave")
	}
}

// TestNoSubject: a mail without a subject has an empty one, which is hidden like
// any other: that there is none is for nobody on the way to know.
func TestNoSubject(t *testing.T) {
	t.Parallel()
	d := draft()
	d.Subject = ""
	c, err := d.check(testTime)
	require.NoError(t, err)
	for p, want := range map[HeaderPolicy]string{Baseline: "Subject: [...]", NoConfidentiality: "Subject:"} {
		outer, hpOuter := c.outer(p, c.protected(nil))
		var b strings.Builder
		require.NoError(t, writeFields(&b, outer[2], hpOuter[2]))
		require.Equal(t, want+"\r\nHP-Outer: "+want+"\r\n", b.String())
		requireFolded(t, outer[2])
		requireFolded(t, hpOuter[2])
	}
}

// TestHPOuterFolds: a long field is folded anew behind HP-Outer, and says the same.
func TestHPOuterFolds(t *testing.T) {
	t.Parallel()
	d := draft()
	d.From.Name = strings.Repeat("\u4F60\u597D ", 40)
	for range 40 {
		d.To = append(d.To, mail.Address{Name: "Somebody Else", Address: "somebody@example.org"})
	}
	d.References = []string{"a@b", strings.Repeat("a", 900) + "@" + strings.Repeat("b", 94)}
	d.MessageID = d.References[1]
	c, err := d.check(testTime)
	require.NoError(t, err)
	outer, hpOuter := c.outer(Baseline, c.protected(nil))
	for i := range outer {
		requireFolded(t, outer[i])
		requireFolded(t, hpOuter[i])
		require.Equal(t, outer[i].name+": "+unfold(outer[i].value), strings.ReplaceAll(unfold(hpOuter[i].value), ":  ", ": "))
	}
}

// TestPayload: the payload of RFC 9788, Appendix C.3.1.2, in the order in which
// we write it.
func TestPayload(t *testing.T) {
	t.Parallel()
	c := sample(t)
	var b strings.Builder
	inner := c.protected(nil)
	_, hpOuter := c.outer(Baseline, inner)
	body := c.body(Baseline, false)
	require.NoError(t, writeFields(&b, append(append(inner, hpOuter...), body.fields("cipher")...)...))
	b.WriteString("\r\n")
	require.NoError(t, body.writeTo(&b))
	require.Equal(t, strings.ReplaceAll(`From: Alice <alice@smime.example>
To: Bob <bob@smime.example>
Subject: smime-signed-enc-hp-baseline
Date: Sat, 20 Feb 2021 10:09:02 -0500
Message-ID: <smime-signed-enc-hp-baseline@example>
HP-Outer: From: Alice <alice@smime.example>
HP-Outer: To: Bob <bob@smime.example>
HP-Outer: Subject: [...]
HP-Outer: Date: Sat, 20 Feb 2021 10:09:02 -0500
HP-Outer: Message-ID: <smime-signed-enc-hp-baseline@example>
MIME-Version: 1.0
Content-Type: text/plain; charset="utf-8"; protected-headers="v1";
 hp="cipher"
Content-Transfer-Encoding: 7bit

This is the
smime-signed-enc-hp-baseline
message.
`, "\n", "\r\n"), b.String())
	require.ErrorIs(t, body.writeTo(&b), errBodyUsed)
}

// TestLegacyDisplay: the fields that a policy hides stand in the texts, as in
// RFC 9788, Appendix E.
func TestLegacyDisplay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p          HeaderPolicy
		text, html string
	}{
		{Baseline, "Subject: <Dinner> & pl\u00E4ns\r\n\r\nHi.\r\n", "<html><head><title></title></head><body>\r\n<div class=\"header-protection-legacy-display\">\r\n<pre>Subject: &lt;Dinner&gt; &amp; pl\u00E4ns</pre>\r\n</div>\r\n<p>Hi.</p></body></html>\r\n"},
		{Shy, "From: Alice <alice@example.org>\r\nTo: Bob <bob@example.org>\r\nSubject: <Dinner> & pl\u00E4ns\r\nDate: Wed, 4 Mar 2026 05:06:07 +0100\r\n\r\nHi.\r\n", ""},
		{NoConfidentiality, "Hi.\r\n", "<html><head><title></title></head><body><p>Hi.</p></body></html>\r\n"},
	} {
		d := draft()
		d.Subject, d.Text, d.HTML = "<Dinner> & pl\u00E4ns", "Hi.\n", "<html><head><title></title></head><body><p>Hi.</p></body></html>"
		checked, err := d.check(testTime)
		require.NoError(t, err)
		b := checked.body(c.p, true)
		parts := b.root.parts
		require.Len(t, parts, 2)
		require.Equal(t, c.text, textOf(t, parts[0]))
		if c.html != "" {
			require.Equal(t, c.html, textOf(t, parts[1]))
		}
		for _, e := range parts {
			marked := strings.Contains(e.fields()[0].value, `hp-legacy-display="1"`)
			require.Equal(t, c.p != NoConfidentiality, marked)
		}
		for _, e := range checked.body(c.p, false).root.parts {
			require.NotContains(t, e.fields()[0].value, "hp-legacy-display")
			require.NotContains(t, textOf(t, e), "Dinner")
		}
	}
}

// TestContentStart: where the element goes in a document.
func TestContentStart(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"<html><body>|x</body></html>",
		"<HTML><BODY CLASS='a>b' data-x=\"<body>\">|x</BODY></HTML>",
		"<html><head><title><body></title><script>'<body>'</script><style><body></style></head><body\n>|x",
		"<html><!-- <body> --><body>|x",
		"<html><head></head>|<p>x",
		"<!DOCTYPE html><html>|<p>x</html>",
		"|<p>1 < 2 <bodyguard> it's",
		"|",
		"|x <!-- <body>",
		"<html><body>|<body>",
	} {
		before, rest, _ := strings.Cut(s, "|")
		require.Equal(t, len(before), contentStart(before+rest), s)
	}
	for _, s := range []string{"<body", "<body x='", "<script>", "<title></titl", "<!--", "<"} {
		require.LessOrEqual(t, contentStart(s), len(s))
	}
}
