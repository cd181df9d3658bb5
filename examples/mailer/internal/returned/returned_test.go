package returned

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/transport/bounce"
)

func paths(key string) *bounce.Paths {
	return &bounce.Paths{Local: "b", Domain: "example.com", Key: []byte(key)}
}

const secret = "0123456789abcdef"

func messageID(row int) string { return fmt.Sprintf("m%d@example.com", row) }

func recipient(row int) string { return fmt.Sprintf("Person.%d@Example.ORG", row) }

// dsn is a bounce as RFC 3464 has it, in its Appendix E.1.
func dsn(t *testing.T, p *bounce.Paths, row int, action, status string) string {
	t.Helper()
	path, err := p.Address(messageID(row), recipient(row))
	require.NoError(t, err)
	return strings.ReplaceAll(`Return-Path: <>
Delivered-To: `+path+`
From: MAILER-DAEMON@example.org
To: `+path+`
Subject: Undelivered Mail
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b

It could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; elsewhere@example.net
Action: `+action+`
Status: `+status+`
Diagnostic-Code: smtp; 550 unknown user

--b--
`, "\n", "\r\n")
}

// run writes the journal of a run of ten rows, of which nine were sent.
func run(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j, err := journal.Open(path, journal.Head{Rows: 10})
	require.NoError(t, err)
	for row := 1; row <= 9; row++ {
		require.NoError(t, j.Append(journal.Record{Kind: journal.Begun, Row: row, Address: recipient(row), MessageID: messageID(row)}, journal.Record{Kind: journal.Sent, Row: row}))
	}
	require.NoError(t, j.Close())
	return path
}

// delivered is the return path of a mail.
func delivered(t *testing.T, p *bounce.Paths, id, to string) string {
	path, err := p.Address(id, to)
	require.NoError(t, err)
	return "Delivered-To: " + path
}

func before(s, sep string) string {
	s, _, _ = strings.Cut(s, sep)
	return s
}

func TestBounces(t *testing.T) {
	t.Parallel()
	ours := paths(secret)
	box := t.TempDir()
	for _, dir := range []string{"new", "cur", "tmp"} {
		require.NoError(t, os.Mkdir(filepath.Join(box, dir), 0o700))
	}
	forged := strings.Replace(dsn(t, ours, 4, "failed", "5.1.1"), "Delivered-To: b+", "Delivered-To: b+x", 1)
	for name, text := range map[string]string{
		"new/1 failed":     dsn(t, ours, 1, "failed", "5.1.1"),
		"cur/1 again:2,S":  strings.ReplaceAll(dsn(t, ours, 1, "failed", "5.1.1"), "\r", ""), // a copy, as another program keeps it
		"cur/2 delayed":    dsn(t, ours, 2, "delayed", "4.2.0"),
		"cur/3 other key":  dsn(t, paths("0123456789abcdeX"), 3, "failed", "5.1.1"),
		"cur/4 forged":     forged,
		"cur/5 answer":     before(dsn(t, ours, 5, "failed", "5.1.1"), "From:") + "Subject: away\r\n\r\nI am on holiday.\r\n",
		"cur/6 other run":  dsn(t, ours, 16, "failed", "5.1.1"),
		"cur/6 other mail": strings.Replace(dsn(t, ours, 16, "failed", "5.1.1"), delivered(t, ours, messageID(16), recipient(16)), delivered(t, ours, "another@example.com", recipient(6)), 1),
		"cur/7 where to":   strings.Replace(dsn(t, ours, 7, "failed", "5.1.1"), "Delivered-To", "X-Delivered", 1),
		"cur/8 no header":  "\r\n" + dsn(t, ours, 8, "failed", "5.1.1"),
		"cur/9 in its own": "Delivered-To: bob@example.com\r\n" + dsn(t, ours, 9, "failed", "5.1.1"), // below what the server wrote
		"tmp/9 half":       dsn(t, ours, 9, "failed", "5.1.1"),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(box, name), []byte(text), 0o600))
	}
	journalPath := run(t)
	messages, err := Directory(box, ours)
	require.NoError(t, err)
	noted, err := Note(journalPath, messages)
	require.NoError(t, err)
	require.Equal(t, 1, noted)
	got := map[string]string{}
	for _, m := range messages {
		got[m.Name] = fmt.Sprintf("%s %d", m.Verdict, m.Row)
		require.Equal(t, m.Verdict == Forged || m.Verdict == Other, m.Problem != "", "%+v", m)
	}
	require.Equal(t, map[string]string{
		"new/1 failed": "bounced 1", "cur/1 again:2,S": "seen 1", "cur/2 delayed": "delayed 2", "cur/3 other key": "forged 0", "cur/4 forged": "forged 0",
		"cur/5 answer": "other 5", "cur/6 other run": "foreign 0", "cur/6 other mail": "foreign 0", "cur/7 where to": "forged 0", "cur/8 no header": "forged 0", "cur/9 in its own": "forged 0",
	}, got)

	// Once more it notes nothing.
	again, err := Directory(box, ours)
	require.NoError(t, err)
	noted, err = Note(journalPath, again)
	require.NoError(t, err)
	require.Zero(t, noted)

	j, err := journal.Resume(journalPath)
	require.NoError(t, err)
	defer j.Close()
	require.Equal(t, journal.State{Status: journal.IsSent, Attempts: 1, Bounced: true}, j.State(1))
	for row := 2; row <= 10; row++ {
		require.False(t, j.State(row).Bounced)
	}
	f, err := os.Open(journalPath)
	require.NoError(t, err)
	defer f.Close()
	for r, err := range journal.Read(f) {
		require.NoError(t, err)
		if r.Kind == journal.Bounced {
			require.Equal(t, "5.1.1", r.Status)
			require.Equal(t, "person.1@example.org", strings.ToLower(r.Address))
			require.Contains(t, r.Reply, "550 unknown user")
		}
	}
}

// A folder without the parts of a maildir has a file for each message.
func TestFolderOfFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.eml"), []byte(dsn(t, paths(secret), 2, "failed", "5.2.2")), 0o600))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "b.eml")))
	messages, err := Directory(dir, paths(secret))
	require.NoError(t, err)
	require.Len(t, messages, 1)
	require.Equal(t, Failed, messages[0].Verdict)
	_, err = Directory(filepath.Join(dir, "none"), paths(secret))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// An error of the source is nobody's verdict, wherever it comes.
func TestSourceFails(t *testing.T) {
	t.Parallel()
	text := dsn(t, paths(secret), 1, "failed", "5.1.1")
	broken := errors.New("broken")
	for n := range len(text) {
		r := iotest.DataErrReader(&failing{strings.NewReader(text[:n]), broken})
		_, err := Read("m", r, paths(secret))
		require.ErrorIs(t, err, broken)
	}
	m, err := Read("m", iotest.OneByteReader(strings.NewReader(text)), paths(secret))
	require.NoError(t, err)
	require.Equal(t, Failed, m.Verdict)
}

type failing struct {
	r   *strings.Reader
	err error
}

func (f *failing) Read(b []byte) (int, error) {
	if f.r.Len() == 0 {
		return 0, f.err
	}
	return f.r.Read(b)
}

// No message is worth an error or a panic, and none without a path of ours is
// believed.
func FuzzRead(f *testing.F) {
	f.Add("Delivered-To: b+x@example.com\r\n\r\n")
	f.Add("\r\n\r\n")
	f.Add(strings.Repeat("x", 5000))
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Read("m", strings.NewReader(text), paths(secret))
		if err != nil || m.Verdict != Forged {
			t.Fatalf("%+v, %v", m, err)
		}
	})
}
