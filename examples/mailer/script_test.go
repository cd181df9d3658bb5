package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/sample"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/sink"
)

func TestMain(m *testing.M) {
	if os.Getenv("MAILER_IS_RUN") == "yes" { // the search for secrets runs the program in a process of its own
		main()
	}
	testscript.Main(m, map[string]func(){"mailer": main})
}

func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, scripts, "no scripts were found")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("TMPDIR", env.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"world": world, "ends": ends, "config": changeConfig, "got": got, "until": until,
		},
	})
}

// world PEOPLE [DELIVERY…]: people in this folder, with servers and mailer.json.
// Each mail that comes is a file in mails/; one to an address in the file refuse
// gets the code that stands there before it.
func world(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: world PEOPLE [DELIVERY…]")
	}
	people, err := strconv.Atoi(args[0])
	ts.Check(err)
	w, err := sample.Make(ts.MkAbs("."), sample.Options{People: people, Deliveries: args[1:], Document: sample.Fixed(2000)})
	ts.Check(err)
	mails, refuse := ts.MkAbs("mails"), ts.MkAbs("refuse")
	ts.Check(os.Mkdir(mails, 0o700))
	server, err := sink.Mail{
		Deliver: func(_ string, to []string, mail io.Reader) error {
			f, err := os.CreateTemp(mails, to[0]+"-*.eml")
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(f, mail)
			return err
		},
		Fail: func(stage sink.Stage, _, to string) sink.Failure {
			b, _ := os.ReadFile(refuse)
			for line := range strings.Lines(string(b)) {
				code, address, _ := strings.Cut(strings.TrimSpace(line), " ")
				if n, _ := strconv.Atoi(code); stage == sink.AtRecipient && address == to {
					return sink.Failure{Code: n}
				} else if stage == sink.AtEnd && n == 0 && address == to {
					return sink.Failure{Drop: true}
				}
			}
			return sink.Failure{}
		},
	}.Listen()
	ts.Check(err)
	ts.Defer(func() { server.Close() })
	objects, err := sink.Store{AccessKey: "mailer", Secret: "no secret", Bucket: "statements"}.Listen()
	ts.Check(err)
	ts.Defer(func() { objects.Close() })
	write := func(name, text string) { ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600)) }
	write("mails.pem", string(server.Authority))
	write("objects.pem", string(objects.Authority))
	write("credentials", "[default]\naws_access_key_id = mailer\naws_secret_access_key = no secret\n")
	var sign []map[string]string
	for _, k := range w.Keys {
		sign = append(sign, map[string]string{"key": filepath.Base(k)})
	}
	b, err := json.MarshalIndent(map[string]any{
		"from": "Example Insurance <" + w.From + ">", "sign": sign, "ring": "ring", "rate": 0, "pauses": []string{"1ms"},
		"smtp":        map[string]any{"url": server.URL, "authorities": "mails.pem"},
		"s3":          map[string]any{"endpoint": objects.URL, "region": "us-east-1", "bucket": "statements", "lifetime": "1h", "credentials_file": "credentials", "authorities": "objects.pem"},
		"passphrases": map[string]any{"file": map[string]string{"to": w.PrintShop}},
	}, "", "  ")
	ts.Check(err)
	write("mailer.json", string(b))
}

// config OLD NEW: mailer.json with something else in it.
func changeConfig(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: config OLD NEW")
	}
	text := ts.ReadFile("mailer.json")
	if strings.Count(text, args[0]) != 1 {
		ts.Fatalf("%q is not there once", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs("mailer.json"), []byte(strings.Replace(text, args[0], args[1], 1)), 0o600))
}

// got N: so many mails came, no two to one address.
func got(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	entries, err := os.ReadDir(ts.MkAbs("mails"))
	ts.Check(err)
	seen := map[string]bool{}
	for _, e := range entries {
		to, _, _ := strings.Cut(e.Name(), "-")
		if seen[to] {
			ts.Fatalf("%s got two mails", to)
		}
		seen[to] = true
	}
	if len(seen) != want {
		ts.Fatalf("%d mails came, expected %d", len(seen), want)
	}
}

// ends STATUS REGEXP COMMAND…: mailer ends with this exit status, and the one
// line on standard error, "" for none, matches. Lines on what is put off are
// beside it.
func ends(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: ends STATUS REGEXP COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec("mailer", args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	text := regexp.MustCompile(`(?m)^mailer: .* put off, and tried again in .*\n`).ReplaceAllString(ts.ReadFile("stderr"), "")
	switch {
	case got != want:
		ts.Fatalf("exit status %d, expected %d: %s", got, want, text)
	case args[1] == "" && text == "":
	case strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "mailer: "):
		ts.Fatalf("not one line of ours: %q", text)
	case !regexp.MustCompile(args[1]).MatchString(text):
		ts.Fatalf("no match for %s in %q", args[1], text)
	}
	fmt.Fprint(ts.Stdout(), ts.ReadFile("stdout"))
}

// until N: waits until so many mails came.
func until(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	for range 3000 {
		entries, err := os.ReadDir(ts.MkAbs("mails"))
		ts.Check(err)
		if len(entries) >= want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%d mails did not come", want)
}
