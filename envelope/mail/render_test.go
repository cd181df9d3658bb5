package mail

import (
	"fmt"
	"mime"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// settable are all texts of a draft, each with a way to put something into it
// and what the error calls it.
func settable() map[string]func(d *Draft, s string) {
	return map[string]func(*Draft, string){
		"From: the name":               func(d *Draft, s string) { d.From.Name += s },
		"From":                         func(d *Draft, s string) { d.From.Address = "a" + s + d.From.Address },
		"To: the name":                 func(d *Draft, s string) { d.To[0].Name += s },
		"To":                           func(d *Draft, s string) { d.To[0].Address += s },
		"Cc: the name":                 func(d *Draft, s string) { d.Cc[0].Name = s + "x" },
		"Cc":                           func(d *Draft, s string) { d.Cc[0].Address = strings.Replace(d.Cc[0].Address, "@", s+"@", 1) },
		"Bcc: the name":                func(d *Draft, s string) { d.Bcc[0].Name = "x" + s + "y" },
		"Bcc":                          func(d *Draft, s string) { d.Bcc[0].Address = s + d.Bcc[0].Address },
		"Reply-To: the name":           func(d *Draft, s string) { d.ReplyTo[0].Name += s },
		"Reply-To":                     func(d *Draft, s string) { d.ReplyTo[0].Address += s },
		"Subject":                      func(d *Draft, s string) { d.Subject += s + "Bcc: eve@example.net" },
		"Message-ID":                   func(d *Draft, s string) { d.MessageID = "a" + s + "@b" },
		"In-Reply-To":                  func(d *Draft, s string) { d.InReplyTo[0] = "a@b" + s },
		"References":                   func(d *Draft, s string) { d.References[1] = "a@" + s + "b" },
		"attachment 1: the name":       func(d *Draft, s string) { d.Attachments[0].Name = "a" + s + ".txt" },
		"attachment 1: the media type": func(d *Draft, s string) { d.Attachments[0].MediaType = "text/" + s + "plain" },
		"attachment 1: a parameter":    func(d *Draft, s string) { d.Attachments[0].MediaType = `text/plain; charset="a` + s + `b"` },
		"attachment 1: the content ID": func(d *Draft, s string) { d.Attachments[0].ContentID = "a" + s + "@b" },
	}
}

func fullDraft() *Draft {
	d := draft()
	d.Cc = []mail.Address{{Address: "carol@example.org"}}
	d.Bcc = []mail.Address{{Address: "dave@example.org"}}
	d.ReplyTo = []mail.Address{{Address: "alice+reply@example.org"}}
	d.InReplyTo = []string{"1@example.org"}
	d.References = []string{"0@example.org", "1@example.org"}
	d.Attachments = []Attachment{{Name: "a.txt", Body: strings.NewReader("a")}}
	return d
}

// TestInjection: what ends a line, or what a program could take for that, is
// refused in every text, with an error that names it; and a plain letter in
// its place changes the number of no field.
func TestInjection(t *testing.T) {
	t.Parallel()
	_, m := rendered(t, fullDraft())
	fields := len(m.Header)
	for where, put := range settable() {
		for _, s := range []string{"\r", "\n", "\r\n", "\x00", "\v", "\f", "\u2028", "\u2029", "\u0085", "\x7F", "\x1B", "\xFF", "\r\n\r\n", "\r\nBcc: eve@example.net\r\n"} {
			d := fullDraft()
			put(d, s)
			_, err := d.check(testTime)
			name, _, _ := strings.Cut(where, ":")
			require.ErrorContains(t, err, name, "%s with %q", where, s)
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), "\r")
		}
		d := fullDraft()
		put(d, "x")
		_, m := rendered(t, d)
		require.Len(t, m.Header, fields, where)
	}
}

// TestTurnedLines: names and addresses cannot be shown as others.
func TestTurnedLines(t *testing.T) {
	t.Parallel()
	for where, put := range settable() {
		if where == "Subject" {
			continue // nobody is bound to it
		}
		for _, s := range []string{"\u202E", "\u202A", "\u2066", "\u2069"} {
			d := fullDraft()
			put(d, s)
			_, err := d.check(testTime)
			name, _, _ := strings.Cut(where, ":")
			if strings.Contains(where, "a parameter") {
				continue
			}
			require.ErrorContains(t, err, name, "%s with %q", where, s)
		}
	}
}

// TestRefused: each draft differs from one that is good in one thing.
func TestRefused(t *testing.T) {
	t.Parallel()
	_, err := fullDraft().check(testTime)
	require.NoError(t, err)
	for want, change := range map[string]func(*Draft){
		`From: "" is no mail address`:                        func(d *Draft) { d.From = mail.Address{} },
		`To: "bob" is no mail address`:                       func(d *Draft) { d.To[0].Address = "bob" },
		`To: "@example.org" is all of a domain`:              func(d *Draft) { d.To[0].Address = "@example.org" },
		`To: there is no recipient`:                          func(d *Draft) { d.To, d.Cc, d.Bcc = nil, nil, nil },
		`To: "bob@example.org, eve@example.net" is`:          func(d *Draft) { d.To[0].Address += ", eve@example.net" },
		`From: the name has the address "eve@example.net"`:   func(d *Draft) { d.From.Name = "eve@example.net" },
		`Date: no mail can be of the year 1899`:              func(d *Draft) { d.Date = time.Date(1899, 12, 31, 0, 0, 0, 0, time.UTC) },
		`Date: no mail can be of the year 10000`:             func(d *Draft) { d.Date = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		`Message-ID: "<a@b>" is no message ID`:               func(d *Draft) { d.MessageID = "<a@b>" },
		`Message-ID: "a b@c" is no message ID`:               func(d *Draft) { d.MessageID = "a b@c" },
		`Message-ID: "a(b@c" has characters`:                 func(d *Draft) { d.MessageID = "a(b@c" },
		`Message-ID: "a@b@c" has characters`:                 func(d *Draft) { d.MessageID = "a@b@c" },
		`Message-ID: "abc" is no message ID`:                 func(d *Draft) { d.MessageID = "abc" },
		`In-Reply-To: "" is no message ID`:                   func(d *Draft) { d.InReplyTo = []string{""} },
		`Text: it has the control character U+000C`:          func(d *Draft) { d.Text = "a\f" },
		`Text: it is not UTF-8`:                              func(d *Draft) { d.Text = "a\xFF" },
		`HTML: it has the control character U+0000`:          func(d *Draft) { d.HTML = "<p>\x00" },
		`attachment 1: it has no Body`:                       func(d *Draft) { d.Attachments[0].Body = nil },
		`attachment 1: "../a" is no file name`:               func(d *Draft) { d.Attachments[0].Name = "../a" },
		`attachment 1: "a\\b" is no file name`:               func(d *Draft) { d.Attachments[0].Name = `a\b` },
		`attachment 1: ".." is no file name`:                 func(d *Draft) { d.Attachments[0].Name = ".." },
		`has more than 255 characters`:                       func(d *Draft) { d.Attachments[0].Name = strings.Repeat("\u00FC", 256) },
		`attachment 1: "text" is no media type`:              func(d *Draft) { d.Attachments[0].MediaType = "text" },
		`attachment 1: "/" is no media type`:                 func(d *Draft) { d.Attachments[0].MediaType = "/" },
		`a parameter that is not its own: hp`:                func(d *Draft) { d.Attachments[0].MediaType = "text/plain; hp=clear" },
		`a parameter that is not its own: protected-headers`: func(d *Draft) { d.Attachments[0].MediaType = "text/plain; protected-headers=v1" },
		`a parameter that is not its own: name`:              func(d *Draft) { d.Attachments[0].MediaType = "text/plain; name=x" },
		`attachment 1: "image1" is no content ID`:            func(d *Draft) { d.Attachments[0].ContentID = "image1" },
		`another one has the content ID "a@b"`: func(d *Draft) {
			d.Attachments = []Attachment{{ContentID: "a@b", Body: strings.NewReader("")}, {ContentID: "a@b", Body: strings.NewReader("")}}
		},
		`the header has`:               func(d *Draft) { d.Subject = strings.Repeat("a ", maxHeader/2-2) + "a" },
		`Subject: it has 98305 octets`: func(d *Draft) { d.Subject = strings.Repeat("a", maxHeader+1) },
	} {
		d := fullDraft()
		change(d)
		c, err := d.check(testTime)
		require.ErrorContains(t, err, want)
		require.Nil(t, c)
	}
}

// TestAllErrors: one error says everything, up to a length.
func TestAllErrors(t *testing.T) {
	t.Parallel()
	d := fullDraft()
	d.From.Address, d.Subject, d.MessageID, d.Attachments[0].Name = "alice", "a\nb", "x", "a/b"
	_, err := d.check(testTime)
	for _, want := range []string{"From: ", "Subject: ", "Message-ID: ", "attachment 1: "} {
		require.ErrorContains(t, err, want)
	}
	d.To = make([]mail.Address, 1000)
	_, err = d.check(testTime)
	require.ErrorContains(t, err, "and 984 more")
	require.Less(t, len(err.Error()), 10_000)
}

// TestProtectedOrder: the fields inside, in their order, with what the draft left open.
func TestProtectedOrder(t *testing.T) {
	t.Parallel()
	c, err := fullDraft().check(testTime)
	require.NoError(t, err)
	var names []string
	for _, f := range c.protected(&mail.Address{Name: "Dave", Address: "dave@example.org"}) {
		names = append(names, f.name)
	}
	require.Equal(t, []string{"From", "To", "Cc", "Bcc", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References"}, names)
	for _, f := range c.protected(nil) {
		require.NotContains(t, f.name+f.value, "Bcc")
		require.NotContains(t, f.value, "dave")
	}
	require.Regexp(t, `^[a-z2-7]{26}@example\.org$`, c.messageID)
	again, err := fullDraft().check(testTime)
	require.NoError(t, err)
	require.NotEqual(t, again.messageID, c.messageID)
	require.Equal(t, "Wed, 4 Mar 2026 05:06:07 +0100", c.protected(nil)[5].value)
}

// TestOthersIDs: what others call their messages is repeated as it is.
func TestOthersIDs(t *testing.T) {
	t.Parallel()
	d := draft()
	d.MessageID, d.InReplyTo = "a.b+c=d@x-1.example", []string{`"a(b"@[192.0.2.1]`, "a@b@c"}
	c, err := d.check(testTime)
	require.NoError(t, err)
	require.Equal(t, []string{"Message-ID: <a.b+c=d@x-1.example>", `In-Reply-To: <"a(b"@[192.0.2.1]> <a@b@c>`}, written(c.protected(nil)[4:]))
}

// TestZones: a date in a zone that no field can state is the same in UTC.
func TestZones(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	for offset, want := range map[int]string{
		0:               "Wed, 4 Mar 2026 05:06:07 +0000",
		14 * 3600:       "Wed, 4 Mar 2026 19:06:07 +1400",
		-9*3600 - 30*60: "Tue, 3 Mar 2026 19:36:07 -0930",
		24*3600 - 60:    "Thu, 5 Mar 2026 05:05:07 +2359",
		24 * 3600:       "Wed, 4 Mar 2026 05:06:07 +0000",
		-24 * 3600:      "Wed, 4 Mar 2026 05:06:07 +0000",
		3601:            "Wed, 4 Mar 2026 05:06:07 +0000",
	} {
		d := draft()
		d.Date = at.In(time.FixedZone("", offset))
		c, err := d.check(testTime)
		require.NoError(t, err)
		require.Equal(t, want, c.protected(nil)[3].value)
	}
}

// TestUTF8: an address that is not ASCII before its @ stays UTF-8, and is the
// only thing that does.
func TestUTF8(t *testing.T) {
	t.Parallel()
	d := fullDraft()
	d.From.Name, d.Subject, d.To[0].Address = "\u00DC", "\u00DC", "bob@b\u00FCcher.example"
	c, err := d.check(testTime)
	require.NoError(t, err)
	require.False(t, isUTF8(c.protected(nil), nil))
	for _, f := range c.protected(nil) {
		require.True(t, isPrintable(unfold(f.value)), f.value)
	}
	d.To[0].Address = "b\u00FCcher@b\u00FCcher.example"
	c, err = d.check(testTime)
	require.NoError(t, err)
	require.True(t, isUTF8(c.protected(nil), nil))
	require.Equal(t, field{"To", "Bob <b\u00FCcher@xn--bcher-kva.example>"}, c.protected(nil)[1])
}

// TestHeaderWhole: a mail with everything in it is one that the standard
// library reads, with each field once.
func TestHeaderWhole(t *testing.T) {
	t.Parallel()
	d := fullDraft()
	for i := range 1000 {
		d.Cc = append(d.Cc, mail.Address{Name: fmt.Sprintf("Number \u2116 %d", i), Address: fmt.Sprintf("n%d@example.org", i)})
	}
	d.Subject = strings.Repeat("\u4F60\u597D ", 200)
	raw, m := rendered(t, d)
	for _, values := range m.Header {
		require.Len(t, values, 1)
	}
	list, err := m.Header.AddressList("Cc")
	require.NoError(t, err)
	require.Len(t, list, 1001)
	require.Equal(t, "Number \u2116 999", list[1000].Name)
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, d.Subject, subject)
	date, err := m.Header.Date()
	require.NoError(t, err)
	require.True(t, date.Equal(testTime))
	for line := range strings.SplitSeq(raw, "\r\n") {
		require.LessOrEqual(t, len(line), 78)
	}
}
