package keyring

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/filelock"
	"github.com/doublekeybox/doublekeybox/internal/storetest"
)

// everything is set for the runs that take minutes.
var everything = os.Getenv("DKB_FULL") == "1"

// child returns the environment and the arguments of this program in another
// role, see TestDirChild.
func child(role, dir string, more ...string) (args, env []string) {
	env = append(os.Environ(), "DKB_DIR_ROLE="+role, "DKB_DIR="+dir, "GOMAXPROCS=2")
	return []string{"-test.run=^TestDirChild$"}, append(env, more...)
}

// TestDirChild is the program that works, and is killed.
func TestDirChild(t *testing.T) {
	role := os.Getenv("DKB_DIR_ROLE")
	if role == "" {
		return // it is no test
	}
	dir := os.Getenv("DKB_DIR")
	if kind, ok := strings.CutPrefix(role, "filled-"); ok {
		filled(t, mount(t, kind, dir))
		return
	}
	storetest.Begin() // tidying up at the opening is looked at too
	s, err := openDir(dir)
	require.NoError(t, err)
	switch role {
	case "step":
		step(t, s)
	case "work":
		work(t, s)
	case "limited":
		limited(t, s, dir)
	}
}

// work has some goroutines, which say what is done.
func work(t *testing.T, s Store) {
	name := os.Getenv("DKB_NAME")
	goroutines, err := strconv.Atoi(os.Getenv("DKB_GOROUTINES"))
	require.NoError(t, err)
	each, err := strconv.Atoi(os.Getenv("DKB_EACH"))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			w := fmt.Sprintf("%s.%d", name, g)
			err := storetest.Work(s, w, each, ErrConflict, func() { os.Stdout.WriteString(w + "\n") }, nil)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func startWork(t *testing.T, dir, name string, goroutines, each int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	args, env := child("work", dir, "DKB_NAME="+name, fmt.Sprint("DKB_GOROUTINES=", goroutines), fmt.Sprint("DKB_EACH=", each))
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, args...)
	cmd.Env = env
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd, bufio.NewScanner(out)
}

// Many processes with many goroutines each: nothing is lost, and who reads at the
// same time reads nothing torn.
func TestDirFleet(t *testing.T) {
	t.Parallel()
	processes, goroutines, each := 4, 4, 6
	if everything {
		goroutines, each = 16, 1000
	}
	dir := filepath.Join(storetest.DiskDir(t), "ring")
	begin := time.Now()
	var wg sync.WaitGroup
	for p := range processes {
		cmd, out := startWork(t, dir, fmt.Sprint("p", p), goroutines, each)
		wg.Go(func() {
			for out.Scan() {
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	s, err := openDir(dir)
	require.NoError(t, err)
	defer s.Close()
	for reads, over := 0, false; !over; reads++ {
		select {
		case <-done:
			over = true
			t.Logf("%d processes x %d goroutines x %d operations: %v, read %d times meanwhile", processes, goroutines, each, time.Since(begin), reads)
		case <-time.After(time.Millisecond):
		}
		_, err := storetest.Check(s)
		require.NoError(t, err)
	}
	got, err := storetest.Check(s)
	require.NoError(t, err)
	require.Len(t, got, processes*goroutines)
	for w, n := range got {
		require.Equal(t, each, n, w)
	}
	requireClean(t, dir, processes*goroutines)
}

// requireClean wants that many records, and nothing that a commit left behind.
func requireClean(t *testing.T, dir string, records int) {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(dir, dirRecords))
	require.NoError(t, err)
	require.Len(t, list, records)
	left, err := filepath.Glob(filepath.Join(dir, "*~"))
	require.NoError(t, err)
	require.Empty(t, left)
	info, err := os.Stat(filepath.Join(dir, dirLock))
	require.NoError(t, err)
	require.Zero(t, info.Size(), "the lock file still has a plan")
}

// A program that is killed at any moment loses nothing that it was told is done,
// and does nothing by half.
func TestDirKilled(t *testing.T) {
	t.Parallel()
	points := 20
	if everything {
		points = 500
	}
	const goroutines = 4
	dir := filepath.Join(storetest.DiskDir(t), "ring")
	told, workers := map[string]int{}, 0
	for p := range points {
		cmd, out := startWork(t, dir, fmt.Sprint("k", p), goroutines, 1<<30)
		require.True(t, out.Scan(), "it did nothing")
		told[out.Text()]++
		kill := time.AfterFunc(rand.N(20*time.Millisecond), func() { cmd.Process.Kill() })
		for out.Scan() {
			told[out.Text()]++
		}
		kill.Stop()
		require.Error(t, cmd.Wait())

		s, err := openDir(dir)
		require.NoError(t, err)
		got, err := storetest.Check(s)
		require.NoError(t, err, "kill %d", p)
		workers = len(got)
		for w, n := range told {
			require.Contains(t, []int{n, n + 1}, got[w], "%s was told of %d, and the log has %d", w, n, got[w])
		}
		for w, n := range got {
			require.LessOrEqual(t, n, told[w]+1, w)
			told[w] = n
		}
		require.NoError(t, s.Close())
	}
	// The next writer tidies up: one record of each worker remains.
	s, err := openDir(dir)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, storetest.Work(s, "last", 1, ErrConflict, nil, nil))
	requireClean(t, dir, workers+1)
	n := 0
	for _, each := range told {
		n += each
	}
	t.Logf("killed %d times, %d operations", points, n)
}

// The ring whose next commit is looked at, system call by system call, has had
// none, one or two of these commits after the first.
func steps() []Commit {
	text := func(s string) []byte { return []byte(s) }
	return []Commit{
		{Append: text("first\n"), Put: map[string][]byte{"old": text("old"), "stays": text("stays"), "index": text("index 1")}},
		{Append: text("second\n"), Put: map[string][]byte{"new": text("new"), "index": text("index 2")}, Drop: []string{"old"}},
		{Append: text("third\n"), Put: map[string][]byte{"third": text("third"), "index": text("index 3")}, Drop: []string{"new"}},
		{Append: text("fourth\n"), Put: map[string][]byte{"fourth": text("fourth")}},
	}
}

// step makes the next commit that a ring lacks.
func step(t *testing.T, s Store) {
	log, err := s.Log(0)
	require.NoError(t, err)
	c := steps()[strings.Count(string(log), "\n")]
	err = s.Commit(int64(len(log)), c)
	storetest.End()
	require.NoError(t, err)
}

// requireSteps looks at a ring after a kill, and returns how many commits it has.
// Where nobody tidied up yet, what the last of them drops and replaces may be
// there as it was; who reads does not tidy up while another holds the lock.
func requireSteps(t *testing.T, dir string, tidy bool) (n int) {
	t.Helper()
	if !tidy {
		held, err := os.OpenFile(filepath.Join(dir, dirLock), os.O_RDWR, 0)
		require.NoError(t, err)
		defer held.Close()
		mine, err := filelock.TryLock(held)
		require.NoError(t, err)
		require.True(t, mine, "who was killed holds the lock")
	}
	s, err := openDir(dir)
	require.NoError(t, err)
	defer s.Close()
	log, err := s.Log(0)
	require.NoError(t, err)
	n = strings.Count(string(log), "\n")
	require.Less(t, n, 5)
	lines, want := "", map[string][]string{}
	for i, c := range steps()[:n] {
		lines += string(c.Append)
		untidy := i == n-1 && !tidy
		for name, b := range c.Put {
			var was []string
			if untidy {
				was = want[name]
			}
			want[name] = append(was, string(b))
		}
		for _, name := range c.Drop {
			if !untidy {
				want[name] = nil
			}
			want[name] = append(want[name], "(dropped)")
		}
	}
	require.Equal(t, lines, string(log))
	records := 0
	for name, bodies := range want {
		b, err := s.Record(name)
		if errors.Is(err, fs.ErrNotExist) {
			b, err = []byte("(dropped)"), nil
		} else if name != "index" {
			records++
		}
		require.NoError(t, err)
		require.Contains(t, bodies, string(b), name)
	}
	if tidy {
		requireClean(t, dir, records)
	}
	return n
}

// A commit that is killed when it enters any of its system calls leaves the old
// state or the new one, and so does the one after it, which tidies up.
func TestDirEverySystemCall(t *testing.T) {
	t.Parallel()
	base := storetest.DiskDir(t)
	clean := filepath.Join(base, "clean")
	s, err := openDir(clean)
	require.NoError(t, err)
	step(t, s)
	require.NoError(t, s.Close())

	every := 6 // TestRingEverySystemCall leaves out none
	if everything {
		every = 1
	}
	early, late := killEverywhere(t, clean, filepath.Join(base, "a"), every)
	t.Log("after one that was killed just before it was made:")
	killEverywhere(t, early, filepath.Join(base, "b"), every)
	t.Log("after one that was killed just after that:")
	killEverywhere(t, late, filepath.Join(base, "c"), every)
}

// killEverywhere kills a commit on a copy of a ring at each of its system calls,
// or at every so manieth. It returns the last copy that has the old state, and the first with the new.
func killEverywhere(t *testing.T, from, to string, every int) (early, late string) {
	t.Helper()
	was := requireSteps(t, from, false)
	news, kills := 0, 0
	for n := 1; ; n += every {
		dir := filepath.Join(to, strconv.Itoa(n))
		require.NoError(t, copyDir(dir, from))
		args, env := child("step", dir)
		calls, killed, err := storetest.KillAt(n, args, env)
		if errors.Is(err, storetest.ErrNoTrace) {
			t.Skip(err)
		}
		require.NoError(t, err)
		is := requireSteps(t, dir, false)
		require.Contains(t, []int{was, was + 1}, is, "neither old nor new")
		keep := filepath.Join(to, "keep"+strconv.Itoa(n))
		require.NoError(t, copyDir(keep, dir))
		switch {
		case is == was:
			early = keep
		case news == 0:
			late = keep
			fallthrough
		default:
			news++
		}
		// Who opens it tidies up, the next one goes on, and nothing of what was
		// killed is left.
		require.Equal(t, is, requireSteps(t, dir, true))
		s, err := openDir(dir)
		require.NoError(t, err)
		step(t, s)
		require.NoError(t, s.Close())
		require.Equal(t, is+1, requireSteps(t, dir, true))
		if killed {
			kills++
		} else {
			require.Equal(t, was+1, is, "it came to its end")
			require.NotEmpty(t, early)
			require.Greater(t, news, 1, "it was never killed after it was made")
			t.Logf("killed at %d of %d system calls: %d times old, %d times new", kills, calls, kills+1-news, news-1)
			return early, late
		}
	}
}

func copyDir(to, from string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	return filepath.WalkDir(to, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return os.Chmod(path, 0o700)
	})
}
