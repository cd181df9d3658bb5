package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
)

const rows = 40

// write writes a journal and returns its text.
func write(t testing.TB, rows int, recs ...journal.Record) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j, err := journal.Open(path, journal.Head{List: strings.Repeat("ab", 32), Config: strings.Repeat("cd", 32), Rows: rows})
	require.NoError(t, err)
	require.NoError(t, j.Append(recs...))
	require.NoError(t, j.Close())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

func summary(t testing.TB, rows int, recs ...journal.Record) *Summary {
	t.Helper()
	s, err := Read(bytes.NewReader(write(t, rows, recs...)))
	require.NoError(t, err)
	return s
}

func begins(row int, delivery string) journal.Record {
	return journal.Record{
		Kind: journal.Begun, Row: row, Address: fmt.Sprintf("p%d@d%d.example", row, row%3), MessageID: fmt.Sprintf("m%d@m.example", row),
		Delivery: delivery, Attempt: 1, Size: 1000, Documents: []journal.Document{{Name: "a.pdf"}},
	}
}

func of(kind journal.Kind, row int, reply string) journal.Record {
	return journal.Record{Kind: kind, Row: row, Reply: reply}
}

// story is a run in which everything happens.
func story() []journal.Record {
	zip := begins(3, "zip")
	zip.Number, zip.Weak, zip.Asked = "K7Q2-M4T9-X3WA", "it is a date", "openpgp"
	link := begins(4, "link")
	link.Link = "https://store.example/b/x"
	again := zip
	again.Row, again.Address, again.Attempt = 3, "p3@d0.example", 2
	return []journal.Record{
		{Kind: journal.Started, Memory: 20 << 20},
		begins(1, "openpgp"), of(journal.Sent, 1, "250 ok"),
		begins(2, "smime"), of(journal.Failed, 2, "550 5.1.1 <p2@d2.example> unknown"),
		zip, of(journal.Deferred, 3, "451 4.7.1 later"), again, of(journal.Sent, 3, "250 ok"),
		link, of(journal.Sent, 4, "250 ok"),
		begins(5, "zip"), of(journal.Unknown, 5, "the connection broke"),
		begins(6, "zip"),
		{Kind: journal.Started, Memory: 24 << 20}, // 6 is in doubt from here
		begins(7, "zip"), of(journal.Deferred, 7, "451 4.7.1 later"),
		begins(8, "openpgp"), of(journal.Unknown, 8, ""), {Kind: journal.Settled, Row: 8, As: journal.Sent},
		begins(9, "openpgp"), of(journal.Unknown, 9, ""), {Kind: journal.Settled, Row: 9, As: journal.Waiting},
		{Kind: journal.Failed, Row: 10, Address: "p10@d1.example", Delivery: "smime", Reply: "the key has expired"},
		{Kind: journal.Bounced, Row: 1, Status: "5.2.2", Reply: "mailbox full"},
		{Kind: journal.Bounced, Row: 1, Status: "5.2.2", Reply: "mailbox full"},
		{Kind: journal.Ended, Memory: 30 << 20},
	}
}

// TestSummary: every count of a run in which everything happens, added up by hand.
func TestSummary(t *testing.T) {
	t.Parallel()
	s := summary(t, rows, story()...)
	require.Equal(t, Counts{Rows: 40, Sent: 4, Waiting: 31, Deferred: 1, Failed: 2, InDoubt: 2}, s.Total)
	require.Equal(t, []Delivery{
		{"openpgp", Counts{Rows: 3, Sent: 2, Waiting: 1}},
		{"smime", Counts{Rows: 2, Failed: 2}},
		{"zip", Counts{Rows: 4, Sent: 1, Deferred: 1, InDoubt: 2}},
		{"link", Counts{Rows: 1, Sent: 1}},
		{"", Counts{Rows: 30, Waiting: 30}},
	}, s.Deliveries)
	require.Equal(t, []Domain{
		{"d1.example", Counts{Rows: 4, Sent: 2, Deferred: 1, Failed: 1}},
		{"d0.example", Counts{Rows: 3, Sent: 1, Waiting: 1, InDoubt: 1}},
		{"d2.example", Counts{Rows: 3, Sent: 1, Failed: 1, InDoubt: 1}},
	}, s.Domains)
	require.Equal(t, []int64{4000, 4, 1, 1, 10}, []int64{s.Mail, int64(s.Documents), int64(s.Links), int64(s.Passphrases), int64(s.Attempts)})
	require.Equal(t, []int{2, 2, 1}, []int{s.Starts, s.Settled, s.Bounced})
	require.True(t, s.Ended)
	require.Equal(t, rows, s.Rows)
	require.EqualValues(t, 1+len(story()), s.Records)

	require.Len(t, s.InDoubt, 2)
	require.Equal(t, []any{5, "the connection broke", "m5@m.example", "p5@d2.example"}, []any{s.InDoubt[0].Row, s.InDoubt[0].Reply, s.InDoubt[0].MessageID, s.InDoubt[0].Address})
	require.Equal(t, []any{6, "m6@m.example"}, []any{s.InDoubt[1].Row, s.InDoubt[1].MessageID})
	require.Len(t, s.Failed, 2)
	require.Equal(t, []any{2, "p2@d2.example", "m2@m.example", "550 5.1.1 <p2@d2.example> unknown"}, []any{s.Failed[0].Row, s.Failed[0].Address, s.Failed[0].MessageID, s.Failed[0].Reply})
	require.Equal(t, "p10@d1.example", s.Failed[1].Address)
	require.Len(t, s.Bounces, 2)
	require.Equal(t, []Reply{{Text: "it is a date", Count: 1}}, s.Weak, "once, though it was begun twice")
	require.Equal(t, []Change{{"d0.example", "openpgp", "zip", 1}}, s.Instead)
	require.Equal(t, Reply{"deferred", "451 4.7.1 later", 2}, s.Replies[0])
	require.Equal(t, []int64{20 << 20, 24 << 20, 30 << 20}, []int64{s.Memory[0].Octets, s.Memory[1].Octets, s.Memory[2].Octets})
	require.Equal(t, []int{0, 3, 4}, []int{s.Memory[0].Sent, s.Memory[1].Sent, s.Memory[2].Sent})

	sent, deferred, failed := 0, 0, 0
	for _, b := range s.Speed {
		sent, deferred, failed = sent+b.Sent, deferred+b.Deferred, failed+b.Failed
	}
	require.Equal(t, []int{3, 2, 2}, []int{sent, deferred, failed})
}

// TestUnfinished: what a program that was killed had begun is in doubt.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	s := summary(t, 2, journal.Record{Kind: journal.Started}, begins(1, "zip"))
	require.Equal(t, Counts{Rows: 2, Waiting: 1, InDoubt: 1}, s.Total)
	require.False(t, s.Ended)
	require.Len(t, s.InDoubt, 1)
	s = summary(t, 2, journal.Record{Kind: journal.Started}, begins(1, "zip"), of(journal.Sent, 1, ""), journal.Record{Kind: journal.Ended})
	require.Equal(t, Counts{Rows: 2, Waiting: 1, Sent: 1}, s.Total)
	require.True(t, s.Ended)
}

// TestDamaged: of a journal that somebody changed nothing is told.
func TestDamaged(t *testing.T) {
	t.Parallel()
	text := write(t, rows, story()...)
	for _, bad := range [][]byte{
		bytes.Replace(text, []byte("451"), []byte("250"), 1),
		append([]byte("x"), text...),
		bytes.Join(append(bytes.SplitAfter(text, []byte("\n"))[:5:5], bytes.SplitAfter(text, []byte("\n"))[6:]...), nil),
	} {
		s, err := Read(bytes.NewReader(bad))
		var damage *journal.DamageError
		require.ErrorAs(t, err, &damage)
		require.Nil(t, s)
	}
	_, err := Read(bytes.NewReader(text))
	require.NoError(t, err)
	s, err := Read(strings.NewReader(""))
	require.NoError(t, err)
	require.Equal(t, Counts{}, s.Total)
	require.NoError(t, s.WriteHTML(io.Discard))
	require.NoError(t, s.WriteTable(io.Discard))
}

// hostile is what a server says to whoever opens the report.
const hostile = "550 5.1.1 </td></svg><script>alert(1)</script><img src=https://evil.example/x onerror=alert(1)> \x1b[2J\u202E\" ' & {{.}} --> ]]>"

func hostileStory() (out []journal.Record) {
	bad := begins(1, "zip")
	bad.Address, bad.MessageID = "p1@<script>x</script>.example", hostile
	bad.Weak, bad.Asked = hostile, "<script>"
	failed := of(journal.Failed, 1, hostile)
	doubt := begins(2, "link")
	doubt.Address = hostile + "@" + hostile
	return []journal.Record{
		{Kind: journal.Started, Memory: 1 << 20}, bad, failed, doubt, of(journal.Unknown, 2, hostile),
		{Kind: journal.Bounced, Row: 1, Status: hostile, Reply: hostile}, {Kind: journal.Ended, Memory: 2 << 20},
	}
}

// TestHostileReply: nothing that a server says becomes HTML, and nothing of it is
// obeyed by a terminal.
func TestHostileReply(t *testing.T) {
	t.Parallel()
	s := summary(t, 3, hostileStory()...)
	var page, table, text bytes.Buffer
	require.NoError(t, s.WriteHTML(&page))
	require.NotContains(t, page.String(), "<script")
	require.NotContains(t, page.String(), "<img")
	require.Contains(t, page.String(), "&lt;script&gt;alert(1)")

	// Each element and attribute is one of ours.
	d := xml.NewDecoder(bytes.NewReader(page.Bytes()))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	allowed := map[string]bool{}
	for _, n := range strings.Fields("html head meta title style body main h1 h2 small p section strong div b span table thead tbody tfoot tr th td svg rect line text path circle code dl dt dd br") {
		allowed[n] = true
	}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if e, ok := tok.(xml.StartElement); ok {
			require.True(t, allowed[strings.ToLower(e.Name.Local)], e.Name.Local)
			for _, a := range e.Attr {
				require.False(t, strings.HasPrefix(strings.ToLower(a.Name.Local), "on") || a.Name.Local == "src" || a.Name.Local == "href" || a.Name.Local == "style", a.Name.Local)
			}
		}
	}

	require.NoError(t, s.WriteTable(&table))
	require.NoError(t, s.WriteJSON(&text))
	for _, out := range []string{table.String(), text.String(), page.String()} {
		require.NotContains(t, out, "\x1b")
		require.NotContains(t, out, "\u202E")
	}
	var back Summary
	require.NoError(t, json.Unmarshal(text.Bytes(), &back))
	require.Equal(t, s.Failed[0].Reply, back.Failed[0].Reply)
}

// TestPage: it stands alone, and says what is to be done.
func TestPage(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	require.NoError(t, summary(t, rows, story()...).WriteHTML(&page))
	text := page.String()
	require.NotRegexp(t, `(?i)<script|javascript:|https?://|url\(|@import|src=|href=|style="`, text)
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(text)
	require.NotNil(t, policy)
	require.Contains(t, policy[1], "default-src &#39;none&#39;")
	require.NotContains(t, policy[1], "unsafe")
	// The hash is that of what a browser finds between the tags.
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(text)
	require.NotNil(t, style)
	sum := sha256.Sum256([]byte(style[1]))
	require.Contains(t, html.UnescapeString(policy[1]), "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';")
	for _, want := range []string{
		"2 mails are in doubt", "mailer settle RUN ROW sent", "m5@m.example", "550 5.1.1 &lt;p2@d2.example&gt; unknown", "Weak passphrases",
		"it is a date", "Deliveries changed for a domain", "Came back (1)", "By domain", "Throughput", "Memory", "abababab abababab",
	} {
		require.Contains(t, text, want)
	}
}

// TestVerdict: the first line is the worst that there is.
func TestVerdict(t *testing.T) {
	t.Parallel()
	start, end := journal.Record{Kind: journal.Started}, journal.Record{Kind: journal.Ended}
	for want, recs := range map[string][]journal.Record{
		"Every mail was sent":      {start, begins(1, "zip"), of(journal.Sent, 1, ""), begins(2, "zip"), of(journal.Sent, 2, ""), end},
		"1 mail is not sent yet":   {start, begins(1, "zip"), of(journal.Sent, 1, ""), end},
		"2 mails are not sent yet": {start, begins(1, "zip"), of(journal.Deferred, 1, ""), end},
		"1 mail was refused":       {start, begins(1, "zip"), of(journal.Failed, 1, ""), end},
		"1 mail is in doubt":       {start, begins(1, "zip"), of(journal.Failed, 1, ""), begins(2, "zip"), of(journal.Unknown, 2, ""), end},
	} {
		s := summary(t, 2, recs...)
		require.Equal(t, want, s.verdict().Text)
		var page bytes.Buffer
		require.NoError(t, s.WriteHTML(&page))
		require.Contains(t, page.String(), "<strong>"+want+"</strong>")
	}
}

// TestTable: for the terminal.
func TestTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, summary(t, rows, story()...).WriteTable(&out))
	require.Equal(t, []string{
		"delivery        rows      sent  deferred   refused  in doubt   waiting",
		"OpenPGP            3         2         0         0         0         1",
		"S/MIME             2         0         0         2         0         0",
		"locked ZIP         4         1         1         0         2         0",
		"link               1         1         0         0         0         0",
		"not begun         30         0         0         0         0        30",
		"all               40         4         1         2         2        31",
		"", "In doubt: look whether they arrived, then settle each:",
	}, strings.Split(out.String(), "\n")[:9])
}

// TestScale: fifteen thousand rows, each with words of its own, are a page of a
// few kilobytes, made in little memory.
func TestScale(t *testing.T) {
	const n = 15_000
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j, err := journal.Open(path, journal.Head{List: "ab", Config: "cd", Rows: n})
	require.NoError(t, err)
	batch := []journal.Record{}
	for i := 1; i <= n; i++ {
		b := journal.Record{Kind: journal.Begun, Row: i, Address: fmt.Sprintf("p%d@d%d.example", i, i%60_000), Delivery: "zip", Weak: fmt.Sprint("reason ", i), Asked: "link"}
		o := of([]journal.Kind{journal.Sent, journal.Failed, journal.Deferred}[i%3], i, fmt.Sprintf("550 because%d %s", i, strings.Repeat("x", 300)))
		if i%3 == 0 {
			o.Reply = ""
		}
		if batch = append(batch, b, o); len(batch) >= 4000 {
			require.NoError(t, j.Append(batch...))
			batch = batch[:0]
		}
	}
	require.NoError(t, j.Append(batch...))
	require.NoError(t, j.Close())
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s, err := Read(f)
	require.NoError(t, err)
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Less(t, after.HeapAlloc-min(after.HeapAlloc, before.HeapAlloc), uint64(2<<20), "what is kept of a run")
	require.Equal(t, Counts{Rows: n, Sent: n / 3, Failed: n / 3, Deferred: n / 3}, s.Total)
	var page, text bytes.Buffer
	require.NoError(t, s.WriteHTML(&page))
	require.NoError(t, s.WriteJSON(&text))
	require.Less(t, page.Len(), 1<<20)
	require.Contains(t, page.String(), "4\u202F500 more")
	require.Less(t, text.Len(), 1<<20)
	require.Len(t, s.Failed, maxRows)
	require.Len(t, s.Domains, topDomains)
	weak := 0
	for _, w := range s.Weak {
		weak += w.Count
	}
	require.Equal(t, n, weak)
	require.LessOrEqual(t, len(s.Weak), maxReplies+1)
	require.LessOrEqual(t, len(s.Replies), maxReplies+1)
	require.LessOrEqual(t, len(s.Instead), maxReplies+1)
}

// TestBuckets: however long a run takes and whatever the clock does, each outcome
// is in one column, and there are few.
func TestBuckets(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 11, 22, 10, 0, 0, 5e8, time.UTC)
	for _, c := range []struct {
		every time.Duration
		n     int
		width float64
		count int
	}{
		{time.Second, 1, 1, 1},
		{time.Second, maxBuckets, 1, maxBuckets},
		{time.Second, maxBuckets + 1, 2, maxBuckets/2 + 1},
		{time.Minute, 1000, 512, 118},
		{-time.Hour, 5, 1, 1}, // a clock that is set back
		{1000 * time.Hour, 3, 65536, 110},
	} {
		var b buckets
		for i := range c.n {
			b.add(&journal.Record{Kind: journal.Sent, At: begin.Add(time.Duration(i) * c.every)})
			b.add(&journal.Record{Kind: journal.Begun, At: begin})
		}
		all, width := b.result()
		sum := 0
		for _, x := range all {
			sum += x.Sent
		}
		require.Equal(t, c.n, sum)
		require.Equal(t, c.width, width, "%+v", c)
		require.Len(t, all, c.count, "%+v", c)
		require.Equal(t, begin.Truncate(time.Second), all[0].Begin)
	}
}

// TestScaleOfAxis: labels are round, few, and reach over the highest value.
func TestScaleOfAxis(t *testing.T) {
	t.Parallel()
	for _, most := range []float64{0, 1e-3, 0.5, 1, 3, 7, 9.99, 10, 168, 999, 1e6} {
		top, step := scale(most)
		require.GreaterOrEqual(t, top, most)
		require.LessOrEqual(t, top/step, 6.0)
		require.GreaterOrEqual(t, top/step, 1.0)
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for in, want := range map[any]string{0: "0", 999: "999", 1000: "1\u202F000", 1234567: "1\u202F234\u202F567", -1234: "-1\u202F234", uint64(100000): "100\u202F000"} {
		require.Equal(t, want, grouped(in))
	}
}

// FuzzReply: whatever a server says, the page has no element and no attribute of
// its making, and JSON gives it back.
func FuzzReply(f *testing.F) {
	f.Add(hostile)
	f.Add("550 <b>no</b>")
	f.Add("\xff\x00'\"`")
	plain := summary(f, 3, journal.Record{Kind: journal.Started}, begins(1, "zip"), of(journal.Failed, 1, "x"))
	f.Fuzz(func(t *testing.T, reply string) {
		if reply == "" {
			return // there is no element for it
		}
		s := *plain
		s.Failed = []Row{{Row: 1, Reply: cut(reply)}}
		s.Replies = []Reply{{Kind: "failed", Text: shape(reply), Count: 1}}
		var page, without bytes.Buffer
		require.NoError(t, s.WriteHTML(&page))
		s.Failed[0].Reply, s.Replies[0].Text = "x", "x"
		require.NoError(t, s.WriteHTML(&without))
		for _, c := range []string{"<", ">", `"`} {
			require.Equal(t, strings.Count(without.String(), c), strings.Count(page.String(), c), "%q", reply)
		}
	})
}
