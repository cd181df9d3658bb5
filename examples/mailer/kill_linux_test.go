package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	random "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// What the test does where DKB_KILLS does not say otherwise; with it, there are
// ten mails for each kill.
const (
	defaultKills = 20
	mailsPerKill = 10
	mostMails    = 2000
	killWires    = 4
)

// killMarker stands in each document, and nowhere else.
const killMarker = "marker-of-a-secret-document"

// killed is a run that is killed again and again.
type killed struct {
	dir, program, run string
	rows              int
	rnd               *random.Rand
	relay             *relay
	weather           *weather

	mu     sync.Mutex
	plan   plan
	victim *os.Process // nil: nobody is to be killed

	kills   int
	exposed int64 // connections that were open at the kills, added up
}

// plan is when the next kill comes: at the n-th time that a connection is at a
// stage, after a pause, or some time after the program began.
type plan struct {
	at    stage
	n     int
	pause time.Duration
	begin time.Duration // not 0: counted from there alone
}

// A run that is killed at random points, sending to a real server of mail through
// weather, gives every recipient their mail exactly once, but for those that it
// says are in doubt: at most one for each connection that was open at a kill, or
// that broke between a mail and its answer.
func TestKilled(t *testing.T) {
	kills, rows := defaultKills, defaultKills*mailsPerKill*3/2
	if s := os.Getenv("DKB_KILLS"); s != "" {
		var err error
		kills, err = strconv.Atoi(s)
		require.NoError(t, err)
		rows = min(kills*mailsPerKill, mostMails)
	}
	post := startPostfix(t)
	k := newKilled(t, rows)
	k.relay = newRelay(t, post.dial(t))
	k.relay.mishap, k.relay.saw = k.mishap, k.saw
	k.configure(t)

	for lives := 0; k.kills < kills && lives < 3*kills; lives++ {
		if !k.live(t, kills) {
			break // all was sent
		}
	}
	require.GreaterOrEqual(t, k.kills, kills*9/10, "it ended before it could be killed as often as it should")
	k.finish(t, 3)
	doubt := k.check(t, post.delivered(t))
	bound := k.exposed + k.relay.lost.Load()
	t.Logf("%d mails, %d kills, %d connections open at them, %d broken between mail and answer; %d dropped in all, %d answers of class 4 and 5",
		rows, k.kills, k.exposed, k.relay.lost.Load(), k.relay.drops.Load(), k.relay.refusals.Load())
	t.Logf("in doubt: %d (at most %d): rows %v", len(doubt), bound, doubt)
	require.LessOrEqual(t, int64(len(doubt)), bound)
	require.LessOrEqual(t, k.exposed, int64(k.kills*killWires))
	k.settleAll(t, post, doubt)
	k.searchRun(t)
}

// newKilled makes people, their keys and documents, and the program.
func newKilled(t *testing.T, rows int) *killed {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	k := &killed{dir: t.TempDir(), rows: rows, rnd: random.New(random.NewPCG(seed, 1)), weather: &weather{rnd: random.New(random.NewPCG(seed, 2))}}
	k.program, k.run = filepath.Join(k.dir, "mailer"), filepath.Join(k.dir, "run")
	build := exec.Command("go", "build", "-o", k.program, ".")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	for _, dir := range []string{"papers", "ring"} {
		require.NoError(t, os.Mkdir(filepath.Join(k.dir, dir), 0o700))
	}
	var list strings.Builder
	list.WriteString("name,address,documents,delivery,language\n")
	for row := 1; row <= rows; row++ {
		name := fmt.Sprintf("paper-%d.txt", row)
		text := fmt.Sprintf("%s %d\n%s", killMarker, row, strings.Repeat("A line of a statement.\n", 40))
		k.write(t, filepath.Join("papers", name), []byte(text))
		delivery := []string{"openpgp", "smime", "zip"}[row%3]
		fmt.Fprintf(&list, "Person %d,%s,%s,%s,en\n", row, killAddress(row), name, delivery)
	}
	k.write(t, "people.csv", []byte(list.String()))
	k.makeKeys(t)
	return k
}

// killAddress is a recipient's: some the server behind never takes.
func killAddress(row int) string {
	switch row % 40 {
	case 7:
		return fmt.Sprintf("unknown-%d@example.org", row)
	case 23:
		return fmt.Sprintf("unwanted-%d@example.org", row)
	}
	return fmt.Sprintf("person-%d@example.org", row)
}

func refusedForGood(row int) bool { return row%40 == 7 || row%40 == 23 }

func (k *killed) write(t *testing.T, name string, b []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(k.dir, name), b, 0o600))
}

// makeKeys makes the sender's keys, and a ring in which all recipients share one
// of each format.
func (k *killed) makeKeys(t *testing.T) {
	t.Helper()
	sign, err := pgp.GenerateKey(pgp.KeyOptions{Address: "statements@example.org"})
	require.NoError(t, err)
	b, err := sign.Marshal(nil)
	require.NoError(t, err)
	k.write(t, "sign.pgp", b)
	signX, err := smime.GenerateKey(smime.KeyOptions{Address: "statements@example.org", Algorithm: "p256"})
	require.NoError(t, err)
	b, err = signX.Marshal(nil)
	require.NoError(t, err)
	k.write(t, "sign.pem", b)

	ring, err := keyring.OpenRing(filepath.Join(k.dir, "ring"), pgp.ParseCertificate, smime.ParseCertificate)
	require.NoError(t, err)
	defer ring.Close()
	theirs, err := pgp.GenerateKey(pgp.KeyOptions{Address: "gateway@example.org"})
	require.NoError(t, err)
	theirsX, err := smime.GenerateKey(smime.KeyOptions{Address: "gateway@example.org", Algorithm: "p256"})
	require.NoError(t, err)
	for _, c := range []*keyring.Certificate{theirs.Certificate(), theirsX.Certificate()} {
		v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
		require.NoError(t, err)
		_, err = ring.Add(v, keyring.Addition{Addresses: []string{"@example.org"}, Alias: true})
		require.NoError(t, err)
	}
}

// configure writes mailer.json.
func (k *killed) configure(t *testing.T) {
	t.Helper()
	k.write(t, "relay.pem", k.relay.pem)
	k.writeConfig(t, map[string]string{
		"url": "smtps://" + k.relay.listener.Addr().String(), "user": "alice@example.org", "password_file": "password", "authorities": "relay.pem",
	}, nil)
}

func (k *killed) writeConfig(t *testing.T, smtp, bounces map[string]string) {
	t.Helper()
	k.write(t, "password", []byte("secret-pass\n")) // that of the peers' scripts
	b, err := json.Marshal(map[string]any{
		"from":        "Statements <statements@example.org>",
		"sign":        []map[string]string{{"key": "sign.pgp"}, {"key": "sign.pem"}},
		"ring":        "ring",
		"smtp":        smtp,
		"bounces":     bounces,
		"passphrases": map[string]any{"file": map[string]string{"to": "print@example.org"}},
		"pauses":      []string{"20ms", "100ms"},
		"rate":        0,
		"connections": killWires,
	})
	require.NoError(t, err)
	k.write(t, "mailer.json", b)
}

// mailer returns a command of the program.
func (k *killed) mailer(args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.Command(k.program, args...)
	cmd.Dir = k.dir
	cmd.Env = append(os.Environ(), "TERM=dumb", "TMPDIR="+k.dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

func (k *killed) send() (*exec.Cmd, *bytes.Buffer) {
	return k.mailer("send", "--config", "mailer.json", "--list", "people.csv", "--documents", "papers", "--run", k.run)
}

// mishap refuses for good those who are never taken, and leaves the rest to the
// weather.
func (k *killed) mishap(at stage, recipient string) mishap {
	switch {
	case at == atRecipient && strings.HasPrefix(recipient, "unknown-"):
		return mishap{reply: "550 5.1.1 no such user"}
	case at == atDot && strings.HasPrefix(recipient, "unwanted-"):
		return mishap{reply: "554 5.7.1 not wanted"}
	}
	return k.weather.mishap(at)
}

// saw kills where that is planned.
func (k *killed) saw(at stage) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.victim == nil || k.plan.begin > 0 || at != k.plan.at {
		return
	}
	if k.plan.n--; k.plan.n > 0 {
		return
	}
	if k.plan.pause > 0 {
		victim := k.victim
		time.AfterFunc(k.plan.pause, func() {
			k.mu.Lock()
			defer k.mu.Unlock()
			if k.victim == victim {
				k.kill()
			}
		})
		return
	}
	k.kill()
}

// kill ends the program as a power cut does. The caller holds mu.
func (k *killed) kill() {
	if k.victim.Kill() == nil {
		k.kills++
		k.exposed += min(k.relay.open.Load(), killWires)
	}
	k.victim = nil
}

// live starts the program once, and kills it if it does not end before. It
// returns false where all was sent.
func (k *killed) live(t *testing.T, kills int) bool {
	t.Helper()
	// As far as the last life brought it connections may still be ending.
	require.Eventually(t, func() bool { return k.relay.open.Load() == 0 }, time.Minute, time.Millisecond)
	p := plan{at: stage(k.rnd.IntN(int(stages))), n: 1 + k.rnd.IntN(mailsPerKill)}
	switch k.rnd.IntN(10) {
	case 0: // before the first connection, or soon after
		p.begin = time.Duration(1 + k.rnd.IntN(int(400*time.Millisecond)))
	case 1, 2, 3, 4:
		p.pause = time.Duration(1 + k.rnd.IntN(int(20*time.Millisecond)))
	}
	if p.at == atConnect || p.at == atHello || p.at == atLogin {
		p.n = 1 + k.rnd.IntN(killWires)
	}
	cmd, out := k.send()
	k.mu.Lock()
	require.NoError(t, cmd.Start())
	k.plan, k.victim = p, cmd.Process
	k.mu.Unlock()
	patience := 20 * time.Second
	if p.begin > 0 {
		patience = p.begin
	}
	var stuck atomic.Bool
	timer := time.AfterFunc(patience, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.victim == cmd.Process {
			stuck.Store(p.begin == 0)
			k.kill()
		}
	})
	err := cmd.Wait()
	timer.Stop()
	k.mu.Lock()
	k.victim = nil
	k.mu.Unlock()
	require.False(t, stuck.Load(), "nothing more happened: %s", lastLine(out))
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == -1 {
		return true // killed
	}
	return k.open(t, cmd, out) > 0
}

// open returns how many rows are not at their end, after the program ended by
// itself.
func (k *killed) open(t *testing.T, cmd *exec.Cmd, out *bytes.Buffer) int64 {
	t.Helper()
	code := cmd.ProcessState.ExitCode()
	require.Contains(t, []int{0, exitNotSent, exitDoubt}, code, "%s", lastLine(out))
	v, err := journal.Verify(filepath.Join(k.run, journalName), nil)
	require.NoError(t, err)
	require.Zero(t, v.Torn)
	require.Equal(t, v.Rows[journal.IsDoubtful] > 0, code == exitDoubt)
	return v.Rows[journal.IsWaiting] + v.Rows[journal.IsDeferred]
}

// lastLine is what the program said at its end, behind the tables.
func lastLine(out *bytes.Buffer) string {
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	return lines[len(lines)-1]
}

// finish sends until nothing is left to be sent, some times in bad weather.
func (k *killed) finish(t *testing.T, bad int) {
	t.Helper()
	for tries := 0; ; tries++ {
		require.Less(t, tries, 10, "it does not come to an end")
		k.weather.mu.Lock()
		k.weather.off = tries >= bad
		k.weather.mu.Unlock()
		cmd, out := k.send()
		_ = cmd.Run()
		if k.open(t, cmd, out) == 0 {
			return
		}
	}
}

// row is what the journal says of one.
type killedRow struct {
	id     string
	status journal.Status
}

// rowsOf reads the journal, which was verified.
func (k *killed) rowsOf(t *testing.T) map[int]killedRow {
	t.Helper()
	name := filepath.Join(k.run, journalName)
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	rows := map[int]killedRow{}
	for r, err := range journal.Read(f) {
		require.NoError(t, err)
		if r.Kind == journal.Begun {
			if old := rows[r.Row].id; old != "" {
				require.Equal(t, old, r.MessageID, "row %d has another Message-ID at another try", r.Row)
			}
			rows[r.Row] = killedRow{id: r.MessageID}
		}
	}
	j, err := journal.Resume(name)
	require.NoError(t, err)
	defer j.Close()
	for row := 1; row <= k.rows; row++ {
		rows[row] = killedRow{id: rows[row].id, status: j.State(row).Status}
	}
	return rows
}

// check holds what the journal says against what the server delivered, and
// returns the rows in doubt.
func (k *killed) check(t *testing.T, delivered map[string]int) (doubt []int) {
	t.Helper()
	known := 0
	for row, r := range k.rowsOf(t) {
		n := delivered[r.id]
		known += n
		switch {
		case refusedForGood(row) && n > 0:
			t.Errorf("row %d was refused, and delivered %d times", row, n)
		case r.status == journal.IsDoubtful:
			doubt = append(doubt, row)
			require.LessOrEqual(t, n, 1, "row %d is in doubt", row)
		case refusedForGood(row):
			require.Equal(t, journal.IsFailed, r.status, "row %d", row)
		default:
			require.Equal(t, journal.IsSent, r.status, "row %d", row)
			require.Equal(t, 1, n, "row %d was sent", row)
		}
	}
	all := 0
	for _, n := range delivered {
		all += n
	}
	require.Equal(t, all, known, "something was delivered that is no row's")
	slices.Sort(doubt)
	return doubt
}

// settleAll does what a person does with the server's log, and then everybody has
// their mail, once.
func (k *killed) settleAll(t *testing.T, post *postfix, doubt []int) {
	t.Helper()
	delivered, rows := post.delivered(t), k.rowsOf(t)
	settled := map[string][]string{}
	for _, row := range doubt {
		as := map[bool]string{true: "sent", false: "again"}[delivered[rows[row].id] > 0]
		settled[as] = append(settled[as], strconv.Itoa(row))
	}
	for as, rows := range settled {
		cmd, out := k.mailer(append(append([]string{"settle", k.run}, rows...), as)...)
		require.NoError(t, cmd.Run(), "%s", out)
	}
	k.finish(t, 0)
	require.Empty(t, k.check(t, post.delivered(t)))
	cmd, out := k.mailer("verify", k.run, "--config", "mailer.json")
	require.NoError(t, cmd.Run(), "%s", out)
}

// searchRun finds nothing of a document in the folder of the run.
func (k *killed) searchRun(t *testing.T) {
	t.Helper()
	markers := [][]byte{[]byte(killMarker)}
	for shift := range 3 { // wherever a group of three octets begins
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", shift) + killMarker))
		markers = append(markers, []byte(text[4:len(text)-4]))
	}
	files := 0
	require.NoError(t, filepath.WalkDir(k.run, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		files++
		b, err := os.ReadFile(name)
		for _, m := range markers {
			require.False(t, bytes.Contains(b, m), "%s has %s", name, m)
		}
		return err
	}))
	require.Positive(t, files)
}
