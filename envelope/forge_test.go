package envelope_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A module of another path tries to forge what only this module may make.
// Each file of testdata/forge is a program: "refused: TEXT" in its first line
// means that the compiler must refuse it with that text, "runs" that it must
// run and find everything refused.
func TestForgeryFromOutside(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	dir := t.TempDir()
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(mod), "\n")
	const path = "github.com/doublekeybox/doublekeybox"
	write := func(name, text string) {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	write("go.mod", "module example.org/forge\n"+rest+"\nrequire "+path+" v0.0.0\nreplace "+path+" => "+root+"\n")
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	write("go.sum", string(sum))

	files, err := filepath.Glob("testdata/forge/*.go.txt")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 12)
	expect := map[string]string{}
	for _, f := range files {
		src, err := os.ReadFile(f)
		require.NoError(t, err)
		name := strings.TrimSuffix(filepath.Base(f), ".go.txt")
		first, _, _ := strings.Cut(string(src), "\n")
		expect[name] = strings.TrimPrefix(first, "// ")
		write(filepath.Join(name, "main.go"), string(src))
	}
	run := func(args ...string) (string, error) {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	// One run of the compiler for all that it must refuse: it goes on with the
	// next package. What is not even loaded stops the others, and is tried alone.
	const notLoaded = "refused: use of internal package"
	refused, said := []string{"vet"}, map[string]string{}
	for name, want := range expect {
		if strings.HasPrefix(want, notLoaded) {
			out, err := run("vet", "./"+name)
			require.Error(t, err, "%s compiles", name)
			said[name] = out
		} else if want != "runs" {
			refused = append(refused, "./"+name)
		}
	}
	out, err := run(refused...)
	require.Error(t, err)
	for line := range strings.Lines(out) { // "vet: NAME/main.go:8:26: …"
		name, text, _ := strings.Cut(strings.TrimPrefix(line, "vet: "), "/")
		said[name] += text
	}
	for name, want := range expect {
		text, refused := strings.CutPrefix(want, "refused: ")
		if refused {
			require.Contains(t, said[name], text, "%s: %s", name, out)
			continue
		}
		require.Equal(t, "runs", want, name)
		out, err := run("run", "./"+name)
		require.NoError(t, err, "%s: %s", name, out)
		require.Contains(t, out, "all refused", name)
	}
}
