package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/transport/bounce"
)

// finished is the folder of a run of five rows: sent, refused, put off, in doubt,
// and not tried, with a journal that its sender signed.
type finished struct {
	dir, fingerprint string
}

const bounceSecret = "0123456789abcdef"

func newFinished(t *testing.T) *finished {
	t.Helper()
	f := &finished{dir: t.TempDir()}
	key, err := pgp.GenerateKey(pgp.KeyOptions{Address: "sender@example.com"})
	require.NoError(t, err)
	secret, err := key.Marshal(nil)
	require.NoError(t, err)
	public, err := pgp.MarshalArmored(key.Certificate())
	require.NoError(t, err)
	f.fingerprint = key.Certificate().Fingerprint().String()
	f.write(t, "sign.key", string(secret))
	f.write(t, "sender.asc", string(public))
	f.write(t, "secret", bounceSecret+"\n")
	f.write(t, "mailer.json", `{"from": "Sender <sender@example.com>", "sign": [{"key": "sign.key"}],
  "smtp": {"url": "smtps://mx.example.com"}, "bounces": {"domain": "example.com", "secret_file": "secret"}}`)
	j, err := journal.Open(f.path(journalName), journal.Head{Rows: 5})
	require.NoError(t, err)
	for row, end := range map[int]journal.Kind{1: journal.Sent, 2: journal.Failed, 3: journal.Deferred, 4: journal.Unknown} {
		require.NoError(t, j.Append(
			journal.Record{Kind: journal.Begun, Row: row, Address: fmt.Sprintf("p%d@example.org", row), MessageID: fmt.Sprintf("m%d@example.com", row)},
			journal.Record{Kind: end, Row: row, Reply: "what the server said"}))
	}
	_, err = j.Sign(&envelope.Sealer{Signers: []envelope.Signer{key.Signer()}})
	require.NoError(t, err)
	require.NoError(t, j.Close())
	return f
}

func (f *finished) path(name string) string { return filepath.Join(f.dir, name) }

func (f *finished) write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(f.path(name), []byte(text), 0o600))
}

// mailer runs a command that has to end with a status.
func (f *finished) mailer(t *testing.T, status int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	require.Equal(t, status, run(args, strings.NewReader(""), &out, &err), "%v: %s%s", args, &out, &err)
	if status != 0 {
		require.Equal(t, 1, strings.Count(err.String(), "\n"), err.String())
	}
	return out.String(), err.String()
}

func TestVerifyCommand(t *testing.T) {
	t.Parallel()
	f := newFinished(t)
	out, _ := f.mailer(t, 0, "verify", f.dir)
	require.Contains(t, out, "not looked at")
	out, _ = f.mailer(t, 0, "verify", f.dir, "--from", f.path("sender.asc")+"="+f.fingerprint)
	require.Regexp(t, `journal-9.sig +good, by `+f.fingerprint, out)
	out, _ = f.mailer(t, 0, "verify", f.dir, "--config", f.path("mailer.json"), "--json")
	var v verdictJSON
	require.NoError(t, json.Unmarshal([]byte(out), &v))
	require.Equal(t, map[string]int64{"sent": 1, "failed": 1, "deferred": 1, "in doubt": 1, "waiting": 1}, v.Rows)
	require.Equal(t, []int{4}, v.InDoubt)
	require.True(t, v.Proofs[0].Valid)
	require.Equal(t, f.fingerprint, v.Proofs[0].Sender)

	other := newFinished(t)
	_, said := f.mailer(t, 1, "verify", f.dir, "--from", other.path("sender.asc")+"="+f.fingerprint)
	require.Contains(t, said, "--from ")
	_, said = f.mailer(t, 1, "verify", f.dir, "--from", other.path("sender.asc")+"="+other.fingerprint)
	require.Contains(t, said, "journal-9.sig proves nothing")
	f.mailer(t, 1, "verify", f.dir, "--from", f.path("sender.asc"))
	f.mailer(t, 1, "verify")
	f.mailer(t, 1, "verify", f.path("none"))

	// Who can write to the folder can write on in the chain, and cannot sign it.
	text, err := os.ReadFile(f.path(journalName))
	require.NoError(t, err)
	j, err := journal.Resume(f.path(journalName))
	require.NoError(t, err)
	require.NoError(t, j.Append(journal.Record{Kind: journal.Settled, Row: 4, As: journal.Sent}))
	require.NoError(t, j.Close())
	f.mailer(t, 0, "verify", f.dir)
	out, said = f.mailer(t, 1, "verify", f.dir, "--config", f.path("mailer.json"), "--json")
	require.Contains(t, said, "nobody signed what is behind line 9: 1 lines")
	require.NoError(t, json.Unmarshal([]byte(out), &v))
	require.EqualValues(t, 9, v.Signed)
	require.EqualValues(t, 10, v.Lines)

	f.write(t, journalName, strings.Replace(string(text), "p2@", "p3@", 1))
	out, said = f.mailer(t, 1, "verify", f.dir)
	require.Contains(t, said, "is damaged: its hash is not that of its octets")
	require.Contains(t, out, "is damaged")
	f.write(t, journalName, string(text[:bytes.LastIndexByte(text[:len(text)-1], '\n')+1]))
	_, said = f.mailer(t, 1, "verify", f.dir, "--config", f.path("mailer.json"))
	require.Contains(t, said, "the end was cut off")
	require.NoError(t, os.Remove(f.path("journal-9.sig")))
	_, said = f.mailer(t, 1, "verify", f.dir, "--config", f.path("mailer.json"))
	require.Contains(t, said, "nobody signed")
}

func TestSettleCommand(t *testing.T) {
	t.Parallel()
	f := newFinished(t)
	out, said := f.mailer(t, exitDoubt, "settle", f.dir)
	require.Contains(t, out, "m4@example.com")
	require.Contains(t, said, "1 in doubt")
	f.mailer(t, 1, "settle", f.dir, "4")
	f.mailer(t, 1, "settle", f.dir, "4", "lost")
	f.mailer(t, 1, "settle", f.dir, "four", "sent")
	f.mailer(t, 1, "settle", f.path("none"), "4", "sent")
	_, said = f.mailer(t, 1, "settle", f.dir, "4", "1", "again") // none, for one that is not in doubt
	require.Contains(t, said, "row 1 is sent")
	j, err := journal.Resume(f.path(journalName))
	require.NoError(t, err)
	_, said = f.mailer(t, 1, "settle", f.dir, "4", "again")
	require.Contains(t, said, "another mailer is at work")
	require.NoError(t, j.Close())
	f.mailer(t, 0, "settle", f.dir, "4", "again")
	out, _ = f.mailer(t, 0, "settle", f.dir)
	require.Equal(t, "Nothing is in doubt.\n", out)
	j, err = journal.Resume(f.path(journalName))
	require.NoError(t, err)
	require.True(t, j.State(4).Open())
	require.NoError(t, j.Close())
}

func TestBouncesCommand(t *testing.T) {
	t.Parallel()
	f := newFinished(t)
	box := f.path("box")
	require.NoError(t, os.Mkdir(box, 0o700))
	for name, key := range map[string]string{"ours.eml": bounceSecret, "forged.eml": strings.Repeat("x", 16)} {
		p := &bounce.Paths{Local: "b", Domain: "example.com", Key: []byte(key)}
		to, err := p.Address("m1@example.com", "p1@example.org")
		require.NoError(t, err)
		f.write(t, filepath.Join("box", name), "Delivered-To: "+to+"\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"+
			"--b\n\ngone\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; p1@example.org\nAction: failed\nStatus: 5.1.1\n\n--b--\n")
	}
	out, _ := f.mailer(t, 0, "bounces", f.dir, "--config", f.path("mailer.json"), "--maildir", box)
	require.Regexp(t, `bounced +1 +p1@example.org +5\.1\.1 +ours.eml`, out)
	require.Regexp(t, `forged +forged.eml`, out)
	require.Contains(t, out, "2 messages, 1 noted as bounced;")
	f.mailer(t, 0, "verify", f.dir, "--config", f.path("mailer.json")) // what was noted is signed, too
	out, _ = f.mailer(t, 0, "bounces", f.dir, "--config", f.path("mailer.json"), "--maildir", box, "--json")
	var got returnedJSON
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	require.Zero(t, got.Noted)
	require.Len(t, got.Messages, 2)
	f.mailer(t, 1, "bounces", f.dir, "--config", f.path("mailer.json"))
	f.mailer(t, 1, "bounces", f.dir, "--config", f.path("mailer.json"), "--maildir", box, "--imap", "imaps://127.0.0.1:1")
	f.mailer(t, 1, "bounces", f.path("none"), "--config", f.path("mailer.json"), "--maildir", box)
	f.write(t, "mailer.json", `{"from": "Sender <sender@example.com>", "smtp": {"url": "smtps://mx.example.com"}}`)
	_, said := f.mailer(t, 1, "bounces", f.dir, "--config", f.path("mailer.json"), "--maildir", box)
	require.Contains(t, said, `has no "bounces"`)
}

// An address that does not fit into a return path is sent its mail all the same.
func TestReturnPath(t *testing.T) {
	t.Parallel()
	f := newFinished(t)
	c, err := readConfig(f.path("mailer.json"))
	require.NoError(t, err)
	path, err := c.returnPath()
	require.NoError(t, err)
	const domain = "@assurance.example.org"
	for n, own := range map[int]bool{1: true, 41 - len(domain): true, 42 - len(domain): false, 64: false} {
		to, err := path("m@example.com", strings.Repeat("a", n)+domain)
		require.NoError(t, err)
		if own {
			require.Regexp(t, `^b\+[a-z0-9]{20}\+a+=assurance\.example\.org@example\.com$`, to)
		} else {
			require.Equal(t, "b@example.com", to)
		}
	}
	_, err = path("m@example.com", "nobody")
	require.ErrorContains(t, err, "no address")
}

// A program that was killed while it wrote the first line of a journal has begun
// nothing, and the same command begins.
func TestTornBegin(t *testing.T) {
	t.Parallel()
	f := newFinished(t)
	j, err := resumeRun(f.dir, journal.Head{})
	require.NoError(t, err)
	require.NoError(t, j.Close())
	text, err := os.ReadFile(f.path(journalName))
	require.NoError(t, err)
	f.write(t, journalName, string(text[:20]))
	_, err = resumeRun(f.dir, journal.Head{})
	require.ErrorContains(t, err, "older copy", "a signature says that there was more")
	require.NoError(t, os.Remove(f.path("journal-9.sig")))
	j, err = resumeRun(f.dir, journal.Head{})
	require.NoError(t, err)
	require.Nil(t, j)
	j, err = beginRun(f.dir, journal.Head{Rows: 7})
	require.NoError(t, err)
	require.Equal(t, 7, j.Head().Rows)
	require.NoError(t, j.Close())
}
