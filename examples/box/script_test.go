package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"box": main})
}

func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, scripts, "no scripts were found")
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: setup,
		Condition: func(cond string) (bool, error) {
			// Whether each command that derives keys is run, as where peers are: or a sample.
			if cond != "whole" {
				return false, fmt.Errorf("no such condition: %q", cond)
			}
			return os.Getenv("DKB_REQUIRE_PEERS") == "1", nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"refused":   refused,
			"setfp":     setFingerprint,
			"truncate":  truncate,
			"flip":      flip,
			"fill":      fill,
			"only":      only,
			"pki":       makePKI,
			"keyserver": keyserver,
			"directory": directory,
			"linkto":    linkto,
		},
	})
}

// setup copies the checked-in certificates, and gives each script a home and a
// folder for temporary files that it can look into.
func setup(env *testscript.Env) error {
	tmp := filepath.Join(env.WorkDir, "tmp")
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return err
	}
	env.Setenv("TMPDIR", tmp)
	return os.CopyFS(filepath.Join(env.WorkDir, "keys"), os.DirFS("testdata/keys"))
}

// refused STATUS REGEXP COMMAND…: box ends with this exit status and exactly one
// line on standard error, which matches, and writes nothing to standard output.
func refused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: refused STATUS REGEXP COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec("box", args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	switch text := ts.ReadFile("stderr"); {
	case got != want:
		ts.Fatalf("exit status %d, expected %d", got, want)
	case strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n"):
		ts.Fatalf("not one line: %q", text)
	case !strings.HasPrefix(text, "box: "):
		ts.Fatalf("the line does not say who speaks: %q", text)
	case !regexp.MustCompile(args[1]).MatchString(text):
		ts.Fatalf("no match for %s in %q", args[1], text)
	}
	if n := len(ts.ReadFile("stdout")); n > 0 {
		ts.Fatalf("%d octets on standard output", n)
	}
}

// setfp NAME FILE: $NAME is the fingerprint that box fingerprint shows.
func setFingerprint(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: setfp NAME FILE")
	}
	ts.Check(ts.Exec("box", "fingerprint", args[1]))
	digits, _, _ := strings.Cut(strings.TrimSpace(ts.ReadFile("stdout")), "\t")
	ts.Setenv(args[0], digits)
}

// truncate FILE N: the last N octets go.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	b, n := change(ts, args)
	if n > len(b) {
		ts.Fatalf("%s has %d octets only", args[0], len(b))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b[:len(b)-n], 0o600))
}

// flip FILE N: one bit of octet N changes, counted from the end if negative.
// A letter becomes another letter: base64 stays base64, so that what refuses
// the file is the check of its content, whatever the letter was.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	b, n := change(ts, args)
	if n < 0 {
		n += len(b)
	}
	switch c := b[n]; {
	case c == 'Q':
		b[n] = 'P'
	case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
		b[n] = 'Q'
	default:
		b[n] ^= 1
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}

func change(ts *testscript.TestScript, args []string) ([]byte, int) {
	if len(args) != 2 {
		ts.Fatalf("usage: truncate|flip FILE N")
	}
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	return b, n
}

// fill FILE N: a file of N octets, all different from their neighbours.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fill FILE N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}

// only DIR NAME…: the folder holds exactly these, temporary files included.
func only(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: only DIR NAME…")
	}
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	var have []string
	for _, e := range entries {
		have = append(have, e.Name())
	}
	if got, want := strings.Join(have, " "), strings.Join(args[1:], " "); got != want {
		ts.Fatalf("%s holds %q, expected %q", args[0], got, want)
	}
}
