package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sop": main})
}

// The scripts are what the draft demands, subcommand by subcommand, each line
// under the name of the draft's section that it is from. The exit codes are
// those of the draft.
func TestConformance(t *testing.T) {
	allowed(t)
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, scripts, "no scripts were found")
	keys := makeKeys(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			return os.CopyFS(env.WorkDir, os.DirFS(keys))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"flip":  flip,
			"cut":   cut,
			"bytes": writeBytes,
			"join":  join,
		},
	})
}

// exits CODE COMMAND…: the command ends with this exit code and one line on
// standard error that says why, and writes nothing to standard output.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	switch text := ts.ReadFile("stderr"); {
	case got != want:
		ts.Fatalf("exit code %d, expected %d: %s", got, want, text)
	case strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "sop: "):
		ts.Fatalf("not one line that says who speaks: %q", text)
	}
	if n := len(ts.ReadFile("stdout")); n > 0 {
		ts.Fatalf("%d octets on standard output", n)
	}
}

// flip FILE N: one bit of octet N changes, counted from the end if negative.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	change(ts, args, func(b []byte, n int) []byte {
		if n < 0 {
			n += len(b)
		}
		b[n] ^= 1
		return b
	})
}

// cut FILE N: the last N octets go.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	change(ts, args, func(b []byte, n int) []byte { return b[:len(b)-n] })
}

func change(ts *testscript.TestScript, args []string, do func([]byte, int) []byte) {
	if len(args) != 2 {
		ts.Fatalf("usage: flip|cut FILE N")
	}
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), do(b, n), 0o600))
}

// bytes FILE TEXT: the text as Go writes it between quotes.
func writeBytes(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: bytes FILE TEXT")
	}
	s, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(s), 0o600))
}

// join FILE PART…: the parts one after the other.
func join(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: join FILE PART…")
	}
	var all []byte
	for _, name := range args[1:] {
		all = append(all, ts.ReadFile(name)...)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), all, 0o600))
}

// Every subcommand, every option and every exit code stands in a script: what
// is added later cannot be forgotten there.
func TestConformanceIsComplete(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	require.NoError(t, err)
	var all bytes.Buffer
	for _, s := range scripts {
		b, err := os.ReadFile(s)
		require.NoError(t, err)
		script, _, _ := bytes.Cut(b, []byte("\n-- "))
		for line := range strings.Lines(string(script)) {
			if !strings.HasPrefix(line, "#") {
				all.WriteString(line)
			}
		}
	}
	for _, c := range commands() {
		lines := regexp.MustCompile(`(?m)^.*\bsop `+c.name+`( .*)?$`).FindAllString(all.String(), -1)
		require.NotEmpty(t, lines, "no script runs %s", c.name)
		text := strings.Join(lines, "\n") + "\n"
		o := newOptions(c.name)
		c.prepare(&app{}, o)
		o.set.VisitAll(func(f *pflag.Flag) {
			if !regexp.MustCompile(`--` + f.Name + `[= \n]`).MatchString(text) {
				t.Errorf("no script gives %s the option --%s", c.name, f.Name)
			}
		})
	}
	// Two more are about cards, which the draft leaves to those who read them.
	for _, code := range []int{
		noSignature, unsupportedAsymmetric, certCannotEncrypt, missingArg, incompleteVerification,
		cannotDecrypt, passwordNotHumanReadable, unsupportedOption, badData, expectedText, outputExists,
		missingInput, keyIsProtected, unsupportedSubcommand, unsupportedSpecialPrefix, ambiguousInput,
		keyCannotSign, incompatibleOptions, unsupportedProfile, primaryKeyBad, certUserIDNoMatch, keyCannotCertify,
	} {
		if !regexp.MustCompile(`(?m)^(\[.*\] )?exits ` + strconv.Itoa(code) + ` `).MatchString(all.String()) {
			t.Errorf("no script expects the exit code %d", code)
		}
	}
}

// What every subcommand does alike, so that none that is added is forgotten.
func TestEverySubcommand(t *testing.T) {
	for _, c := range commands() {
		t.Run(c.name, func(t *testing.T) {
			for _, x := range []struct {
				args []string
				code int
			}{
				{[]string{"--nonsense"}, unsupportedOption},
				{[]string{"--no-such=value", "a", "b", "c"}, unsupportedOption},
				{[]string{"-x"}, unsupportedOption},
				{[]string{"--help"}, 0},
			} {
				var stdout, stderr bytes.Buffer
				code := run(append([]string{c.name}, x.args...), strings.NewReader(""), &stdout, &stderr)
				require.Equal(t, x.code, code, "%v: %s", x.args, stderr.String())
				require.Equal(t, x.code == 0, stdout.Len() > 0, "%v", x.args)
				require.Equal(t, x.code != 0, stderr.Len() > 0, "%v", x.args)
			}
			if c.least > 0 {
				var stdout, stderr bytes.Buffer
				require.Equal(t, missingArg, run([]string{c.name}, strings.NewReader(""), &stdout, &stderr))
			}
		})
	}
}
