package main

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/internal/marks"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/sample"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/sink"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// What the program is told and must not tell anybody.
const (
	smtpPassword = "Sesam-des-Postamts"
	storeKey     = "wJalrXUtnFEMI0K7MDENG0bPxRfiCYEXAMPLEKEY"
	webhookToken = "mF_9.B5f-4.1JqM.webhook"
	knownPhrase  = "quince-Zeppelin-94-umbrage-oktav-Farn-73"
	signPhrase   = "Petschaft & Siegellack, 1784"
)

// written is everything that leaves the program, by where it was seen.
type written struct {
	mu   sync.Mutex
	seen map[string][]byte
}

func (w *written) add(where string, b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[where] = bytes.Clone(b)
}

// all returns what there is: servers may still add to it.
func (w *written) all() map[string][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.seen)
}

// exposed is a program that sends to servers which keep all that they get.
type exposed struct {
	written
	dir, channel  string
	people        *sample.World
	mail          *sink.MailServer
	objects, hook *httptest.Server

	asked       chan struct{} // one for each passphrase that came, where hold is not nil
	hold        chan struct{} // the webhook answers when it is closed; nil: at once
	passphrases []string      // that came by the webhook
}

const secretPeople = 12

func documentMark(n int) string { return fmt.Sprintf("Befund-%04d-vertraulich", n*977%10000) }

func newExposed(t *testing.T, channel string) *exposed {
	t.Helper()
	e := &exposed{written: written{seen: map[string][]byte{}}, dir: t.TempDir(), channel: channel, asked: make(chan struct{}, 100)}
	for _, d := range []string{"in", "out", "out/tmp", "out/home", "out/here"} {
		require.NoError(t, os.Mkdir(e.path(d), 0o700))
	}
	var err error
	e.people, err = sample.Make(e.path("in"), sample.Options{People: secretPeople, Document: func(name string, n int, _ sample.Person) error {
		return os.WriteFile(name, []byte("A statement.\n"+strings.Repeat(documentMark(n)+"\n", 50)), 0o600)
	}})
	require.NoError(t, err)
	e.serveMail(t)
	e.serveObjects(t)
	e.serveHook(t)
	e.addKnown(t)
	e.configure(t)
	return e
}

func (e *exposed) path(name string) string { return filepath.Join(e.dir, filepath.FromSlash(name)) }

func (e *exposed) write(t *testing.T, name, text string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(e.path("in/"+name), []byte(text), 0o600))
	return e.path("in/" + name)
}

func (e *exposed) serveMail(t *testing.T) {
	var err error
	e.mail, err = sink.Mail{User: "insurer", Password: smtpPassword, Deliver: func(from string, to []string, mail io.Reader) error {
		b, err := io.ReadAll(mail)
		e.add(fmt.Sprintf("the mail to %v from %s", to, from), b)
		return err
	}}.Listen()
	require.NoError(t, err)
	t.Cleanup(func() { e.mail.Close() })
}

// serveObjects stands before a store, and keeps each request whole.
func (e *exposed) serveObjects(t *testing.T) {
	store, err := sink.Store{AccessKey: "AKIAIOSFODNN7EXAMPLE", Secret: storeKey, Bucket: "statements"}.Listen()
	require.NoError(t, err)
	t.Cleanup(func() { store.Close() })
	e.objects = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := httputil.DumpRequest(r, true)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		e.add("the request to the store for "+r.URL.Path, b)
		store.ServeHTTP(w, r)
	}))
	t.Cleanup(e.objects.Close)
}

// serveHook is where passphrases may go.
func (e *exposed) serveHook(t *testing.T) {
	e.hook = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var got struct{ Passphrase string }
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil || r.Header.Get("Authorization") != "Bearer "+webhookToken {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		e.mu.Lock()
		e.passphrases = append(e.passphrases, got.Passphrase)
		e.mu.Unlock()
		e.asked <- struct{}{}
		if e.hold != nil {
			select {
			case <-e.hold:
			case <-r.Context().Done():
			}
		}
	}))
	t.Cleanup(e.hook.Close)
}

// addKnown gives the first who gets an archive a passphrase that they know.
func (e *exposed) addKnown(t *testing.T) {
	t.Helper()
	f, err := os.Open(e.people.List)
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	known := false
	for i, row := range rows {
		switch {
		case i == 0:
			row = append(row, "knows")
		case row[3] == "zip" && !known:
			row, known = append(row, knownPhrase), true
		default:
			row = append(row, "")
		}
		rows[i] = row
	}
	require.True(t, known)
	var b bytes.Buffer
	require.NoError(t, csv.NewWriter(&b).WriteAll(rows))
	e.people.List = e.write(t, "people-and-what-they-know.csv", b.String())
}

func (e *exposed) configure(t *testing.T) {
	t.Helper()
	authority := func(s *httptest.Server) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	}
	passphrases := map[string]any{"file": map[string]any{"to": e.people.PrintShop}}
	if e.channel == "webhook" {
		passphrases = map[string]any{"webhook": map[string]any{"url": e.hook.URL, "token_file": e.write(t, "token", webhookToken+"\n"), "authorities": e.write(t, "hook.pem", authority(e.hook))}}
	}
	b, err := json.Marshal(map[string]any{
		"from": "Example Insurance <" + e.people.From + ">", "sign": e.signers(t), "ring": e.people.Ring, "rate": 0,
		"smtp": map[string]any{"url": e.mail.URL, "user": "insurer", "password_file": e.write(t, "password", smtpPassword+"\n"), "authorities": e.write(t, "mail.pem", string(e.mail.Authority))},
		"s3": map[string]any{"endpoint": e.objects.URL, "region": "us-east-1", "bucket": "statements", "lifetime": "1h", "authorities": e.write(t, "store.pem", authority(e.objects)),
			"credentials_file": e.write(t, "credentials", "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = "+storeKey+"\n")},
		"passphrases": passphrases,
	})
	require.NoError(t, err)
	e.write(t, "mailer.json", string(b))
}

// signers are the insurer's keys; that of OpenPGP is under a passphrase.
func (e *exposed) signers(t *testing.T) (all []map[string]string) {
	t.Helper()
	secret := e.write(t, "sign.passphrase", signPhrase+"\n")
	for _, name := range e.people.Keys {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		k, err := pgp.ParseKey(bytes.NewReader(b), nil)
		if err != nil {
			all = append(all, map[string]string{"key": name})
			continue
		}
		locked, err := k.Marshal([]byte(signPhrase))
		require.NoError(t, err)
		all = append(all, map[string]string{"key": e.write(t, "locked.key", string(locked)), "passphrase_file": secret})
	}
	require.Len(t, all, 2)
	return all
}

// start runs the program, with nothing in its environment that it does not need,
// and a core file wanted wherever it can be had.
func (e *exposed) start(t *testing.T) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command("sh", "-c", `ulimit -c unlimited; exec "$@"`, "sh", program, "send", "--config", e.path("in/mailer.json"),
		"--list", e.people.List, "--documents", e.people.Documents, "--run", e.path("out/run"), "--rate", "0")
	cmd.Dir = e.path("out/here")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + e.path("out/home"), "TMPDIR=" + e.path("out/tmp"), "GOTRACEBACK=crash", "MAILER_IS_RUN=yes"}
	for i, w := range []*io.Writer{&cmd.Stdout, &cmd.Stderr} {
		f, err := os.Create(e.path(fmt.Sprintf("out/std%d", i+1)))
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		*w = f
	}
	require.NoError(t, cmd.Start())
	return cmd
}

// look keeps what others can see of the process: its arguments, its environment,
// and the files that it has open, also those without a name. It reports whether
// there was something.
func (e *exposed) look(pid int) bool {
	proc := fmt.Sprintf("/proc/%d/", pid)
	some := false
	for _, name := range []string{"cmdline", "environ"} {
		b, err := os.ReadFile(proc + name)
		if err == nil && bytes.Contains(b, []byte(e.dir)) {
			e.add("the process's "+name, b)
			some = true
		}
	}
	fds, _ := os.ReadDir(proc + "fd")
	for _, fd := range fds {
		target, err := os.Readlink(proc + "fd/" + fd.Name())
		if err != nil || !strings.HasPrefix(target, "/") || strings.HasPrefix(target, e.path("in")) {
			continue
		}
		if info, err := os.Stat(proc + "fd/" + fd.Name()); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if b, err := os.ReadFile(proc + "fd/" + fd.Name()); err == nil {
			e.add("the open file "+target, b)
		}
	}
	return some
}

// files keeps what was written below out, names of files too.
func (e *exposed) files(t *testing.T) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(e.path("out"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		e.add("the file "+name, append([]byte(name+"\n"), b...))
		return err
	}))
}

// secrets are all marks; of a passphrase also its halves, and without what stands
// between its groups.
func (e *exposed) secrets(passphrases []string) (all []marks.Mark) {
	phrases := append([]string{knownPhrase, signPhrase, smtpPassword, storeKey, webhookToken}, passphrases...)
	for i, p := range phrases {
		plain := strings.NewReplacer("-", "", " ", "").Replace(p)
		for _, part := range []string{p, plain, plain[:len(plain)/2], plain[len(plain)/2:]} {
			all = append(all, marks.New(fmt.Sprintf("passphrase %d", i), []byte(part)))
		}
	}
	for n := range secretPeople {
		all = append(all, marks.New(fmt.Sprintf("document %d", n+1), []byte(documentMark(n+1))))
	}
	return all
}

// search finds none of the secrets in anything, and all of them where they are
// put beside it.
func (e *exposed) search(t *testing.T) {
	t.Helper()
	// What the program asked last may still be taken down where it was killed.
	e.mu.Lock()
	passphrases := slices.Clone(e.passphrases)
	e.mu.Unlock()
	all := e.secrets(passphrases)
	for where, b := range e.all() {
		require.Empty(t, marks.Find(b, all...), where)
		if !strings.HasPrefix(where, "the mail to ") { // where a link has to be whole
			require.Empty(t, marks.Find(b, marks.New("what a link is signed with", []byte("X-Amz-Signature"))), where)
		}
	}
	journal := e.all()["the file "+e.path("out/run/"+journalName)]
	require.NotEmpty(t, journal)
	for _, p := range append([]string{knownPhrase, documentMark(1)}, passphrases...) {
		quoted, err := json.Marshal(p)
		require.NoError(t, err)
		for _, b := range [][]byte{quoted, []byte(base64.StdEncoding.EncodeToString([]byte(p)))} {
			require.NotEmpty(t, marks.Find(append(bytes.Clone(journal), b...), all...))
		}
	}
}

// TestSecretsAreNowhere: of a run over all deliveries nothing that was written,
// sent, stored or could be seen of the process has a passphrase or a word of a
// document in it, in any form that is known.
func TestSecretsAreNowhere(t *testing.T) {
	for _, channel := range []string{"webhook", "file"} {
		t.Run(channel, func(t *testing.T) {
			t.Parallel()
			e := newExposed(t, channel)
			cmd := e.start(t)
			done := make(chan error, 1)
			go func() { done <- cmd.Wait() }()
			looks, ended := 0, false
			var err error
			for !ended {
				select {
				case err = <-done:
					ended = true
				case <-time.After(2 * time.Millisecond):
					if e.look(cmd.Process.Pid) {
						looks++
					}
				}
			}
			e.files(t)
			require.NoError(t, err, string(e.all()["the file "+e.path("out/std2")]))
			require.Positive(t, looks)
			require.Equal(t, int64(secretPeople), e.mail.Mails())
			if channel == "file" {
				e.openParts(t)
			}
			require.Len(t, e.passphrases, e.keyless()-1) // one knows theirs
			e.search(t)
		})
	}
}

// keyless is how many open what they get with a passphrase.
func (e *exposed) keyless() (n int) {
	for _, p := range e.people.People {
		if p.Identities == nil {
			n++
		}
	}
	return n
}

// openParts takes the passphrases from what the print shop gets, the parts of
// which are sealed to it.
func (e *exposed) openParts(t *testing.T) {
	t.Helper()
	parts, err := filepath.Glob(e.path("out/run/passphrases/passphrases-*"))
	require.NoError(t, err)
	require.NotEmpty(t, parts)
	for _, name := range parts {
		f, err := os.Open(name)
		require.NoError(t, err)
		m, err := (&envelope.Opener{Identities: e.people.Printer, Formats: []envelope.Format{pgp.Format(), smime.Format()}}).Open(f)
		require.NoError(t, err)
		table := csv.NewReader(m)
		head, err := table.Read()
		require.NoError(t, err)
		for {
			row, err := table.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			for i, column := range head {
				if column == "passphrase" {
					e.passphrases = append(e.passphrases, row[i])
				}
			}
		}
		require.NoError(t, m.Close())
		require.NoError(t, f.Close())
	}
}

// TestSecretsLeaveNoCore: a program that dies with passphrases and documents in
// its memory leaves neither a core file nor a word of them. That the same death
// leaves one of a program that does not see to it is shown in package nocore.
func TestSecretsLeaveNoCore(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGABRT, syscall.SIGSEGV} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			e := newExposed(t, "webhook")
			e.hold = make(chan struct{})
			cmd := e.start(t)
			<-e.asked // a passphrase is in memory, and waits to be confirmed
			require.True(t, e.look(cmd.Process.Pid))
			require.NoError(t, cmd.Process.Signal(signal))
			require.Error(t, cmd.Wait())
			close(e.hold)
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			require.True(t, status.Signaled(), "it ended by itself: %v", cmd.ProcessState)
			require.False(t, status.CoreDump())
			left, err := os.ReadDir(e.path("out/here"))
			require.NoError(t, err)
			require.Empty(t, left)
			e.files(t)
			require.Contains(t, string(e.all()["the file "+e.path("out/std2")]), "goroutine", "it died in another way")
			e.search(t)
		})
	}
}
