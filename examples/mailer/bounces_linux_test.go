package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/returned"
)

// What a real server cannot deliver comes back, is read where it is, in a maildir
// and by IMAP, and is noted once.
func TestBouncesOfPostfix(t *testing.T) {
	post := startPostfix(t)
	dovecot := startServer(t, "server-dovecot.sh", "dovecot")
	// local(8) takes everybody of other domains, and knows nobody.
	post.set(t, "virtual_mailbox_base="+filepath.Join(dovecot, "mail"), "virtual_mailbox_maps=static:alice/", "default_transport=local", "mailbox_size_limit=0")
	k := newKilled(t, 4)
	k.write(t, "people.csv", []byte("name,address,documents,delivery,language\n"+
		"A,nobody-a@example.net,paper-1.txt,zip,en\nB,person-b@example.org,paper-2.txt,zip,en\nC,nobody-c@example.net,paper-3.txt,zip,de\n"))
	k.write(t, "secret", []byte(bounceSecret))
	file := func(name string) string { return filepath.Join(post.dir, "tls", name) }
	k.writeConfig(t, map[string]string{
		"url": "smtps://127.0.0.1:12465", "user": "alice@example.org", "password_file": "password",
		"authorities": file("ca.pem"), "certificate": file("client.pem"), "key": file("client.key"),
	}, map[string]string{"domain": "example.org", "secret_file": "secret"})
	cmd, out := k.send()
	require.NoError(t, cmd.Run(), "%s", out)
	inbox := filepath.Join(dovecot, "mail", "alice")
	require.Eventually(t, func() bool {
		entries, err := os.ReadDir(filepath.Join(inbox, "new"))
		return err == nil && len(entries) == 3 // two bounces, and a mail that arrived
	}, time.Minute, 50*time.Millisecond)

	file = func(name string) string { return filepath.Join(dovecot, "tls", name) }
	for i, where := range [][]string{
		{"--imap", "imaps://127.0.0.1:12993", "--user", "alice@example.org", "--password-file", "password",
			"--authorities", file("ca.pem"), "--certificate", file("client.pem"), "--key", file("client.key")},
		{"--maildir", inbox},
	} {
		cmd, out := k.mailer(append([]string{"bounces", k.run, "--config", "mailer.json", "--json"}, where...)...)
		require.NoError(t, cmd.Run(), "%s", out)
		var got returnedJSON
		require.NoError(t, json.Unmarshal(out.Bytes(), &got), "%s", out)
		verdicts := map[int]returned.Verdict{}
		for _, m := range got.Messages {
			verdicts[m.Row] = m.Verdict
		}
		want := []returned.Verdict{returned.Failed, returned.Seen}[i]
		require.Equal(t, map[int]returned.Verdict{1: want, 3: want, 0: returned.Forged}, verdicts)
		require.Equal(t, []int{2, 0}[i], got.Noted)
	}
	v, err := journal.Verify(filepath.Join(k.run, journalName), nil)
	require.NoError(t, err)
	require.EqualValues(t, 2, v.Bounced)
}
