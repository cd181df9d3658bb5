package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
)

func TestPage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j, err := journal.Open(path, journal.Head{List: "ab", Config: "cd", Rows: 200})
	require.NoError(t, err)
	ds := []string{"openpgp", "smime", "zip", "link"}
	for i := 1; i <= 180; i++ {
		r := journal.Record{Kind: journal.Begun, Row: i, Address: fmt.Sprintf("p%d@d%d.example", i, i%7), MessageID: fmt.Sprintf("x%d@m.example", i), Delivery: ds[i%4], Attempt: 1}
		require.NoError(t, j.Append(r))
		if i%50 == 0 {
			continue
		}
		r.Kind = journal.Sent
		if i%31 == 0 {
			r.Kind, r.Reply = journal.Failed, "550 5.1.1 <script>alert(1)</script> no such user"
		}
		if i%41 == 0 {
			r.Kind, r.Reply = journal.Deferred, "451 4.7.1 try again later"
		}
		require.NoError(t, j.Append(r))
	}
	require.NoError(t, j.Close())
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	s, err := Read(f)
	require.NoError(t, err)
	var page strings.Builder
	require.NoError(t, s.WriteHTML(&page))
	require.Contains(t, page.String(), "&lt;script&gt;alert(1)")
	require.NotContains(t, page.String(), "<script")
}
