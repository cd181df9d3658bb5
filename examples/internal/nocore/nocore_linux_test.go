package nocore_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/doublekeybox/doublekeybox/examples/internal/nocore"
)

// TestMain is also the program that dies.
func TestMain(m *testing.M) {
	switch os.Getenv("NOCORE_TEST") {
	case "protected":
		if err := nocore.Set(); err != nil {
			panic(err)
		}
		fallthrough
	case "bare":
		if os.Args[1] == "limits" {
			printLimits()
			return
		}
		debug.SetTraceback("crash") // as GOTRACEBACK=crash does: it ends with SIGABRT
		switch os.Args[1] {
		case "abort":
			syscall.Kill(os.Getpid(), syscall.SIGABRT)
			select {}
		case "fault":
			var p *int
			*p = 1
		}
	}
	os.Exit(m.Run())
}

// TestSet: the same death leaves a file with memory in it, and none after Set.
func TestSet(t *testing.T) {
	for _, how := range []string{"abort", "fault"} {
		require.Empty(t, die(t, "protected", how), how)
	}
	for _, how := range []string{"abort", "fault"} {
		if len(die(t, "bare", how)) == 0 {
			t.Skip("this system writes no core file into the folder of a program, so there is none to miss")
		}
	}
}

// die returns the files that the program left.
func die(t *testing.T, who, how string) []string {
	t.Helper()
	dir := t.TempDir()
	// The child has its own limit, by ulimit: that of this process stays.
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command("sh", "-c", `ulimit -c unlimited && exec "$0" "$1"`, self, how)
	cmd.Env = append(os.Environ(), "NOCORE_TEST="+who)
	cmd.Dir = dir
	err = cmd.Run()
	require.Error(t, err)
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, status.Signaled(), "%v", err)
	if who == "protected" {
		require.False(t, status.CoreDump())
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	return left
}

// TestLimits: both are set, and a program that is started later has the first.
func TestLimits(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "limits")
	cmd.Env = append(os.Environ(), "NOCORE_TEST=protected")
	out, err := cmd.Output()
	require.NoError(t, err)
	require.Equal(t, "0 0 0\n0\n", string(out))
}

func printLimits() {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &l); err != nil {
		panic(err)
	}
	dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Cur, l.Max, dumpable)
	child := exec.Command("sh", "-c", "ulimit -H -c")
	child.Stdout = os.Stdout
	if err := child.Run(); err != nil {
		panic(err)
	}
}
