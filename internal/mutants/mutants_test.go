package mutants

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// mutant is one check, taken out.
type mutant struct {
	name string // what is no longer checked
	file string // from the root of the module
	old  string // occurs exactly once in it
	new  string
	test string // arguments of go test: package, and what to run
}

const (
	// least is how many checks must be listed.
	least = 998
	// workers is how many builds run at the same time.
	workers = 2
)

func load(t *testing.T) (ms []mutant) {
	t.Helper()
	raw, err := os.ReadFile("testdata/mutants.txt")
	require.NoError(t, err)
	kit, err := os.ReadFile("testdata/kit.txt")
	require.NoError(t, err)
	raw = append(append(raw, '\n'), kit...)
	for i, block := range strings.Split(string(raw), "\n\n") {
		var m mutant
		for _, line := range strings.Split(strings.Trim(block, "\n"), "\n") {
			if strings.HasPrefix(line, "#") || line == "" {
				continue
			}
			key, value, ok := strings.Cut(line, ": ")
			if !ok {
				key = strings.TrimSuffix(line, ":")
			}
			switch key {
			case "name":
				require.Empty(t, m.name, "block %d: a line is to be empty between two", i+1)
				m.name = value
			case "file":
				m.file = value
			case "old":
				m.old = value
			case "new":
				m.new = value
			case "test":
				m.test = value
			default:
				require.Failf(t, "unknown key", "block %d: %q", i+1, line)
			}
		}
		if m == (mutant{}) {
			continue
		}
		require.NotEmpty(t, m.name, "block %d", i+1)
		require.NotEmpty(t, m.old, m.name)
		require.NotEqual(t, m.old, m.new, m.name)
		require.NotEmpty(t, m.test, m.name)
		ms = append(ms, m)
	}
	return ms
}

// mutated returns the file with the check taken out.
func (m mutant) mutated(t *testing.T, root string) string {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(root, m.file))
	require.NoError(t, err, m.name)
	require.Equal(t, 1, strings.Count(string(src), m.old), "%s: %q must stand in %s exactly once", m.name, m.old, m.file)
	return strings.Replace(string(src), m.old, m.new, 1)
}

// TestListed holds the list to the code.
func TestListed(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	ms := load(t)
	require.GreaterOrEqual(t, len(ms), least)
	seen := map[string]bool{}
	for _, m := range ms {
		require.False(t, seen[m.name], "%q is listed twice", m.name)
		seen[m.name] = true
		m.mutated(t, root)
	}
}

// TestMutantsAreCaught takes each check out and runs the test that names it.
func TestMutantsAreCaught(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	ms := share(t, load(t), os.Getenv("DKB_MUTANTS"))
	whole(t, root, ms)
	var noticed atomic.Int64
	t.Cleanup(func() { // after the last of the parallel tests
		t.Logf("checks taken out one at a time: %d, noticed by a test: %d", len(ms), noticed.Load())
	})
	slots := make(chan struct{}, workers)
	for _, m := range ms {
		text := m.mutated(t, root)
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			require.Empty(t, run(t.TempDir(), root, text, m), "%s in %s", m.test, m.file)
			noticed.Add(1)
		})
	}
}

// share returns all of ms for "1", and for "2/5" the third of five shares of
// it: each check is a build, which together take longer than anybody waits for
// on every change.
func share(t *testing.T, ms []mutant, which string) (out []mutant) {
	t.Helper()
	if which == "" {
		t.Skip("one build for each of the checks: set DKB_MUTANTS=1, or to a share, 0/8 to 7/8")
	}
	if which == "1" {
		return ms
	}
	var at, of int
	_, err := fmt.Sscanf(which, "%d/%d", &at, &of)
	require.NoError(t, err, "DKB_MUTANTS=%s", which)
	require.True(t, 0 <= at && at < of, "DKB_MUTANTS=%s", which)
	for i, m := range ms {
		if i%of == at {
			out = append(out, m)
		}
	}
	require.NotEmpty(t, out)
	return out
}

// whole requires that the tests are green while nothing is taken out: one that
// is red anyway would notice everything.
func whole(t *testing.T, root string, ms []mutant) {
	t.Helper()
	patterns := map[string][]string{}
	for _, m := range ms {
		pkg, pattern, ok := strings.Cut(m.test, " -run ")
		require.True(t, ok, "%s: %q names no test", m.name, m.test)
		if !slices.Contains(patterns[pkg], pattern) {
			patterns[pkg] = append(patterns[pkg], pattern)
		}
	}
	for pkg, list := range patterns {
		cmd := goTest(root, pkg, "-run", strings.Join(list, "|"))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s with nothing taken out: %.2000s", pkg, out)
	}
}

// goTest is the command that runs tests, quickly and not from the cache.
func goTest(root string, args ...string) *exec.Cmd {
	fast := []string{"test", "-vet=off", "-ldflags=-s -w", "-count=1", "-failfast", "-timeout=60s"}
	cmd := exec.Command("go", append(fast, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "DKB_MUTANTS=", "DKB_REQUIRE_PEERS=", "DKB_VECTORS=")
	return cmd
}

// run returns "" if the tests failed as they must.
func run(dir, root, text string, m mutant) string {
	file := filepath.Join(dir, "mutant.go")
	overlay := filepath.Join(dir, "overlay.json")
	spec, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, m.file): file}})
	if err == nil {
		err = os.WriteFile(file, []byte(text), 0o600)
	}
	if err == nil {
		err = os.WriteFile(overlay, spec, 0o600)
	}
	if err != nil {
		return err.Error()
	}
	out, err := goTest(root, append([]string{"-overlay", overlay}, strings.Fields(m.test)...)...).CombinedOutput()
	switch {
	case err == nil:
		return "no test noticed"
	case strings.Contains(string(out), "--- FAIL") || strings.Contains(string(out), "panic: ") || strings.Contains(string(out), "test timed out"):
		return ""
	}
	return fmt.Sprintf("does not build or run: %.400s", out)
}
