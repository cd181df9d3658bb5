package bounce

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// report is a bounce of the form of RFC 3464, Appendix E.
func report(status string) string {
	return crlf(`From: MAILER-DAEMON@mail.example.org
To: b@example.org
Subject: Undelivered Mail
Message-ID: <bounce@mail.example.org>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Your mail did not arrive.
--b
Content-Type: message/delivery-status

` + status + `
--b
Content-Type: message/rfc822

Message-ID: <1@example.org>
Subject: ...
Content-Type: multipart/encrypted; boundary=c

--c
Content-Type: message/delivery-status

Reporting-MTA: dns; false

Final-Recipient: rfc822; inner@example.org
Action: failed
--c--
--b--
`)
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func TestRead(t *testing.T) {
	const head = "Reporting-MTA: dns; mail.example.org\nOriginal-Envelope-Id: 7\nArrival-Date: Sun, 1 Mar 2026 12:00:00 +0000\n\n"
	bob := Recipient{Address: "bob@example.net", Action: "failed", Status: "5.1.1"}
	for _, c := range []struct {
		name, status string
		want         []Recipient
	}{
		{"one", head + "Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.1.1\n", []Recipient{bob}},
		{"all fields", head + "Original-Recipient: rfc822;Bob@example.net\nFinal-Recipient: rfc822;bob@example.net\nAction: failed (for good)\nStatus: 5.1.1 (no such)\nRemote-MTA: dns; mx.example.net\nDiagnostic-Code: smtp; 550 5.1.1\n  no such user; sorry\n",
			[]Recipient{{Address: "bob@example.net", Original: "Bob@example.net", Action: "failed", Status: "5.1.1", RemoteMTA: "mx.example.net", Diagnostic: "550 5.1.1 no such user; sorry"}}},
		{"two, and other fields", head + "Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.1.1\nX-More: yes\n\nX-Only: this\n\nFinal-Recipient: rfc822; carol@example.net\nAction: delayed\nStatus: 4.4.7\n",
			[]Recipient{bob, {Address: "carol@example.net", Action: "delayed", Status: "4.4.7"}}},
		{"no empty line", strings.TrimSuffix(head, "\n") + "Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.1.1\n", []Recipient{bob}},
		{"many empty lines", head + "\n \n\n" + "Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.1.1\n\n\n", []Recipient{bob}},
		{"brackets, and letters of any case", head + "FINAL-RECIPIENT: RFC822; <bob@example.net>\naction: FAILED\nstatus: 5.1.1\n", []Recipient{bob}},
		{"no type", head + "Final-Recipient: bob@example.net\nAction: failed\nStatus: 5.1.1\n", []Recipient{bob}},
		{"no final one", head + "Original-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.1.1\n", []Recipient{{Address: "bob@example.net", Original: "bob@example.net", Action: "failed", Status: "5.1.1"}}},
		{"twice", head + "Final-Recipient: rfc822; bob@example.net\nFinal-Recipient: rfc822; eve@example.net\nAction: failed\nAction: delivered\nStatus: 5.1.1\nStatus: 2.0.0\n", []Recipient{bob}},
		{"an action that is none", head + "Final-Recipient: rfc822; bob@example.net\nAction: exploded\nStatus: 9.1.1\n", []Recipient{{Address: "bob@example.net"}}},
		{"UTF-8 escaped", head + "Final-Recipient: utf-8; j\\x{FC}rgen@example.net\nAction: failed\nStatus: 5.1.1\n", []Recipient{{Address: "jürgen@example.net", Action: "failed", Status: "5.1.1"}}},
		{"UTF-8", head + "Final-Recipient: utf-8; jürgen@example.net\nAction: failed\nStatus: 5.1.1\n", []Recipient{{Address: "jürgen@example.net", Action: "failed", Status: "5.1.1"}}},
		{"escapes that are none", head + "Final-Recipient: utf-8; \\x{}\\x{D800}\\x{110000}\\x{5C}\\x{41@x\nAction: failed\n", []Recipient{{Address: `\x{}\x{D800}\x{110000}\\x{41@x`, Action: "failed"}}},
		{"escapes where there are none", head + "Final-Recipient: rfc822; \\x{41}@example.net\nAction: failed\n", []Recipient{{Address: `\x{41}@example.net`, Action: "failed"}}},
		{"control characters", head + "Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; a\x1b[31mb\u202ec\xff\n", []Recipient{{Address: "bob@example.net", Action: "failed", Status: "5.1.1", Diagnostic: "a [31mb c\uFFFD"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := Read(strings.NewReader(report(c.status)))
			require.NoError(t, err)
			require.Equal(t, &Report{Standard: true, ReportingMTA: "mail.example.org", EnvelopeID: "7", Arrival: "Sun, 1 Mar 2026 12:00:00 +0000", Recipients: c.want, MessageID: "1@example.org"}, r)
		})
	}
	for _, status := range []string{"", head, head + "Action: failed\nStatus: 5.1.1\n", "no fields\n"} {
		_, err := Read(strings.NewReader(report(status)))
		require.ErrorIs(t, err, ErrNoBounce)
	}
	for r, permanent := range map[Recipient]bool{{Action: "failed", Status: "5.1.1"}: true, {Action: "failed"}: true, {Action: "failed", Status: "4.4.7"}: false,
		{Action: "failed", Status: "2.0.0"}: false, {Action: "delayed", Status: "5.1.1"}: false, {}: false} {
		require.Equal(t, permanent, r.Permanent(), r)
	}
}

// RFC 6533: the parts have other types, and may be encoded.
func TestInternational(t *testing.T) {
	s := report("Reporting-MTA: dns; mail.example.org\n\nFinal-Recipient: utf-8; j=C3=BCrgen@example.net\nAction: failed\nStatus: 5.1.1\n")
	s = strings.Replace(s, "message/delivery-status", "message/global-delivery-status\r\nContent-Transfer-Encoding: quoted-printable", 1)
	i := strings.LastIndex(s, "Content-Type: message/rfc822")
	s = s[:i] + "Content-Type: message/global-headers\r\n\r\nSubject: Grüße\r\nMessage-ID: <1@example.org>\r\n--b--\r\n"
	r, err := Read(strings.NewReader(s))
	require.NoError(t, err)
	require.Equal(t, []Recipient{{Address: "jürgen@example.net", Action: "failed", Status: "5.1.1"}}, r.Recipients)
	require.Equal(t, "1@example.org", r.MessageID)
}

// What is no report by RFC 3464 is read where its form says what it is.
func TestGuess(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []Recipient
	}{
		{"Exim", "X-Failed-Recipients: bob@example.net,\n carol@example.net\nSubject: Mail delivery failed\n\nThis message was created automatically.\n\n  bob@example.net\n    550 5.1.1 no such user\n",
			[]Recipient{{Address: "bob@example.net", Action: "failed", Status: "5.1.1"}, {Address: "carol@example.net", Action: "failed", Status: "5.1.1"}}},
		{"qmail", "Subject: failure notice\n\nHi. This is the qmail-send program at example.org.\nI'm afraid I wasn't able to deliver.\n\n<bob@example.net>:\n1.2.3.4 does not like recipient.\nRemote host said: 550 no such user\n\n<carol@example.net>:\nSorry. (#4.4.7)\n\n--- Below this line is a copy of the message.\n\n<eve@example.net>:\nno\n",
			[]Recipient{{Address: "bob@example.net", Action: "failed", Status: "5.0.0"}, {Address: "carol@example.net", Action: "failed", Status: "4.4.7"}}},
		{"a mail of somebody", "Subject: lunch\n\nHi. bob@example.net was not there: 550 5.1.1\n", nil},
		{"no addresses", "X-Failed-Recipients: nobody, <bob@example.net, \n\nno\n", nil},
		{"the words elsewhere", "Subject: lunch\n\nHello. Hi. This is the qmail-send program\n\n<bob@example.net>:\nno\n", nil},
		{"nothing", "", nil},
	} {
		r, err := Read(strings.NewReader(crlf(c.text)))
		if c.want == nil {
			require.ErrorIs(t, err, ErrNoBounce, c.name)
			continue
		}
		require.NoError(t, err, c.name)
		require.False(t, r.Standard)
		for i := range r.Recipients {
			require.NotEmpty(t, r.Recipients[i].Diagnostic)
			r.Recipients[i].Diagnostic = ""
		}
		require.Equal(t, c.want, r.Recipients, c.name)
	}
}

func TestLimits(t *testing.T) {
	one := "Final-Recipient: rfc822; bob@example.net\nAction: failed\n\n"
	r, err := Read(strings.NewReader(report(strings.Repeat(one, maxRecipients+1))))
	require.NoError(t, err)
	require.Len(t, r.Recipients, maxRecipients)
	r, err = Read(strings.NewReader(report(one[:len(one)-1] + "Diagnostic-Code: smtp; " + strings.Repeat("x", 3*maxValue) + "\n" + strings.Repeat(" folded\n", 1000))))
	require.NoError(t, err)
	require.Len(t, r.Recipients[0].Diagnostic, maxValue-len("smtp; "))
	var limit *envelope.LimitError
	_, err = Read(strings.NewReader(strings.Repeat("X-Long: "+strings.Repeat("x", 90)+"\r\n", 4000) + "\r\n"))
	require.ErrorAs(t, err, &limit)
	_, err = Read(strings.NewReader("Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\n", maxParts+1)))
	require.ErrorAs(t, err, &limit)
	_, err = Read(io.LimitReader(endless{}, maxMessage+1))
	require.ErrorAs(t, err, &limit)
	broken := errors.New("the line is down")
	_, err = Read(iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "x\n"[i%2]
	}
	return len(p), nil
}

// Bounces of real servers, as other projects keep them.
func TestCorpora(t *testing.T) {
	vectors := os.Getenv("DKB_VECTORS")
	if vectors == "" {
		t.Skip("skipped: DKB_VECTORS is not set")
	}
	ruby, mimekit := "ruby-mail/emails/multipart_report_emails", "mimekit/messages"
	for _, c := range []struct {
		dir, name         string
		n                 int
		address, status   string
		action, messageID string
	}{
		{ruby, "multi_address_bounce1.eml", 5, "bbbbvhvbbvkjbhfbvbvjhb@gmail.com", "5.1.1", "failed", ""},
		{ruby, "multipart_report_multiple_status.eml", 1, "u@ci.com", "5.3.0", "failed", "4c2a146147ac8_61ff157c4ec1652df@s.h.c.mail"},
		{ruby, "report_422.eml", 1, "fraser@oooooooo.com.au", "4.2.2", "delayed", "15655788.13.1200472642578.JavaMail.Administrator@mail.ttttt.com.au"},
		{ruby, "report_530.eml", 1, "edwin@zzzzzzz.com", "5.3.0", "failed", "200712232303.lBNN3jDq002941@mail12.rrrr.com.au"},
		{mimekit, "delivery-status.txt", 1, "newsletter-request@imusic.com", "", "failed", "31FC7EB4.41C6@netscape.com"},
		{mimekit, "delivery-status-no-blank-line.txt", 1, "newsletter-request@imusic.com", "", "failed", "31FC7EB4.41C6@netscape.com"},
		{mimekit, "delivery-status-multiple-blank-lines.txt", 1, "orig_recip@customer.com", "5.5.0", "", ""},
		{mimekit, "delivery-status2.txt", 1, "source@domain.com", "5.0.0", "failed", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := os.Open(filepath.Join(vectors, c.dir, c.name))
			require.NoError(t, err)
			defer f.Close()
			r, err := Read(f)
			require.NoError(t, err)
			require.True(t, r.Standard)
			require.Len(t, r.Recipients, c.n)
			require.Equal(t, c.address, r.Recipients[0].Address)
			require.Equal(t, c.status, r.Recipients[0].Status)
			require.Equal(t, c.action, r.Recipients[0].Action)
			if c.messageID != "" {
				require.Equal(t, c.messageID, r.MessageID)
			}
		})
	}
}

// Whatever comes, what is returned is short, and safe to show.
func FuzzRead(f *testing.F) {
	f.Add(report("Reporting-MTA: dns; a\n\nFinal-Recipient: utf-8; \\x{FC}@b\nAction: failed\nStatus: 5.1.1\n"))
	f.Add("X-Failed-Recipients: bob@example.net\r\n\r\nno\r\n")
	f.Add("\r\nHi. This is \r\n\r\n<bob@example.net>:\r\n550 no\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Read(strings.NewReader(s))
		if err != nil {
			return
		}
		require.NotEmpty(t, r.Recipients)
		require.LessOrEqual(t, len(r.Recipients), maxRecipients)
		check := func(s string) {
			require.True(t, utf8.ValidString(s))
			require.NotContains(t, s, "\n")
			require.LessOrEqual(t, len(s), 3*maxValue)
			require.False(t, strings.ContainsFunc(s, unicode.IsControl))
		}
		for _, s := range []string{r.ReportingMTA, r.EnvelopeID, r.Arrival, r.MessageID} {
			check(s)
		}
		for _, to := range r.Recipients {
			require.NotEmpty(t, to.Address)
			for _, s := range []string{to.Address, to.Original, to.Action, to.Status, to.RemoteMTA, to.Diagnostic} {
				check(s)
			}
		}
	})
}
