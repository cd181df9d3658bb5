package keyring_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/storetest"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// everything is set for the runs that take minutes.
var everything = os.Getenv("DKB_FULL") == "1"

// What works in another process, and is killed there, works on one ring, whose
// directory is beside the certificates that it adds.
const (
	ringDir  = "ring"
	sharedBy = "shared.crt" // has an address of each worker
	newOne   = "new.crt"
)

func readCert(t *testing.T, dir, name string) *keyring.Verified {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	c, err := smime.ParseCertificate(b)
	require.NoError(t, err)
	return expected(t, c)
}

func openRing(t *testing.T, dir string) *keyring.Ring {
	t.Helper()
	r, err := keyring.OpenRing(filepath.Join(dir, ringDir), parsers()...)
	require.NoError(t, err)
	return r
}

// crashDir has a ring with the shared certificate for one address, and the
// certificates.
func crashDir(t *testing.T) string {
	t.Helper()
	dir := storetest.DiskDir(t)
	for name, address := range map[string]string{sharedBy: "shared@example.org", newOne: "new@example.org"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), certOf(t, address).Marshal(), 0o600))
	}
	r := openRing(t, dir)
	defer r.Close()
	_, err := r.Add(readCert(t, dir, sharedBy), keyring.Addition{})
	require.NoError(t, err)
	return dir
}

// TestRingChild is the program that works, and is killed.
func TestRingChild(t *testing.T) {
	role, dir := os.Getenv("DKB_RING_ROLE"), os.Getenv("DKB_DIR")
	switch role {
	case "":
		return // it is no test
	case "add":
		v := readCert(t, dir, newOne)
		storetest.Begin()
		r := openRing(t, dir)
		done, err := r.Add(v, keyring.Addition{})
		storetest.End()
		require.NoError(t, err)
		require.Equal(t, "added", done.Event)
	case "limited":
		limitedAdd(t, dir)
	case "work":
		r := openRing(t, dir)
		goroutines, err := strconv.Atoi(os.Getenv("DKB_GOROUTINES"))
		require.NoError(t, err)
		each, err := strconv.Atoi(os.Getenv("DKB_EACH"))
		require.NoError(t, err)
		v := readCert(t, dir, sharedBy)
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				w := fmt.Sprint(os.Getenv("DKB_NAME"), "-", g)
				if err := operate(r, v, w, each, func(i int) { os.Stdout.WriteString(fmt.Sprintln(w, i)) }); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

func address(worker string) string { return worker + "@example.org" }
func team(worker string) string    { return "team-" + worker + "@example.org" }

// operate changes the ring n times. All workers change the record of one
// certificate, in which each has an address of its own; and each has a group.
// After each change the ring must have it.
func operate(r *keyring.Ring, v *keyring.Verified, worker string, n int, done func(i int)) error {
	for i := range n {
		var err error
		switch i % 4 {
		case 0:
			_, err = r.Add(v, keyring.Addition{Addresses: []string{address(worker)}, Alias: true})
		case 1:
			err = r.Group(team(worker), address(worker))
		case 2:
			err = r.Group(team(worker))
		case 3:
			err = r.Remove(address(worker), v.Fingerprint())
		}
		if err != nil {
			return fmt.Errorf("operation %d of %s: %w", i, worker, err)
		}
		if err := has(r, v, worker, i+1); err != nil {
			return fmt.Errorf("after operation %d of %s: %w", i, worker, err)
		}
		done(i)
	}
	return nil
}

// has reports what is wrong with what a ring has of a worker after n operations.
func has(r *keyring.Ring, v *keyring.Verified, worker string, n int) error {
	var unknown *keyring.UnknownError
	found, err := r.Lookup(address(worker))
	switch inIt := n%4 != 0; {
	case inIt && err != nil:
		return err
	case inIt && (len(found) != 1 || found[0].Verified.Fingerprint() != v.Fingerprint()):
		return fmt.Errorf("%d entries", len(found))
	case !inIt && !errors.As(err, &unknown):
		return fmt.Errorf("%d entries, and the error %w", len(found), err)
	}
	to, err := r.Recipients(team(worker))
	switch inIt := n%4 == 2; {
	case inIt && err != nil:
		return err
	case inIt && len(to) != 1:
		return fmt.Errorf("%d recipients", len(to))
	case !inIt && !errors.As(err, &unknown):
		return fmt.Errorf("%d recipients, and the error %w", len(to), err)
	}
	return nil
}

func ringChild(role, dir string, more ...string) (args, env []string) {
	env = append(os.Environ(), "DKB_RING_ROLE="+role, "DKB_DIR="+dir, "GOMAXPROCS=2")
	return []string{"-test.run=^TestRingChild$"}, append(env, more...)
}

func startRing(t *testing.T, dir, name string, goroutines, each int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	args, env := ringChild("work", dir, "DKB_NAME="+name, fmt.Sprint("DKB_GOROUTINES=", goroutines), fmt.Sprint("DKB_EACH=", each))
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, args...)
	cmd.Env, cmd.Stderr = env, os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd, bufio.NewScanner(out)
}

// Many processes with many goroutines each change one ring, and most of them one
// record: each change is there at once, none is lost, and who reads at the same
// time reads nothing torn.
func TestRingFleet(t *testing.T) {
	t.Parallel()
	processes, goroutines, each, pause := 4, 3, 5, time.Millisecond
	if everything {
		goroutines, each, pause = 16, 1001, 200*time.Millisecond // the log becomes long
	}
	dir := crashDir(t)
	begin := time.Now()
	var wg sync.WaitGroup
	for p := range processes {
		cmd, out := startRing(t, dir, fmt.Sprint("p", p), goroutines, each)
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
	r := openRing(t, dir)
	defer r.Close()
	reads := 0
	for over := false; !over; reads++ {
		select {
		case <-done:
			over = true
		case <-time.After(pause):
		}
		found, err := r.Lookup("shared@example.org")
		require.NoError(t, err)
		require.Len(t, found, 1)
		again := openRing(t, dir)
		require.NoError(t, again.Close())
	}
	t.Logf("%d processes x %d goroutines x %d operations: %v, opened and read %d times meanwhile", processes, goroutines, each, time.Since(begin), reads)
	require.NoError(t, r.Check())
	v := readCert(t, dir, sharedBy)
	for p := range processes {
		for g := range goroutines {
			require.NoError(t, has(r, v, fmt.Sprintf("p%d-%d", p, g), each))
		}
	}
	// Each change has its one line, after those that made the ring.
	events, err := r.Events()
	require.NoError(t, err)
	require.Len(t, events, 2+processes*goroutines*each)
}

// A program that is killed at any moment lost nothing that it was told is done,
// and did nothing by half.
func TestRingKilled(t *testing.T) {
	t.Parallel()
	points := 12
	if everything {
		points = 500
	}
	const goroutines = 2
	dir := crashDir(t)
	v := readCert(t, dir, sharedBy)
	operations := 0
	for p := range points {
		cmd, out := startRing(t, dir, fmt.Sprint("k", p), goroutines, 1<<30)
		told := map[string]int{}
		next := func() bool {
			if !out.Scan() {
				return false
			}
			w, i, _ := strings.Cut(out.Text(), " ")
			n, err := strconv.Atoi(i)
			require.NoError(t, err)
			told[w] = n + 1
			return true
		}
		require.True(t, next(), "it did nothing")
		kill := time.AfterFunc(rand.N(20*time.Millisecond), func() { cmd.Process.Kill() })
		for next() {
		}
		kill.Stop()
		require.Error(t, cmd.Wait())
		r := openRing(t, dir)
		require.NoError(t, r.Check(), "kill %d", p)
		for g := range goroutines {
			w := fmt.Sprintf("k%d-%d", p, g)
			n := told[w]
			operations += n
			// The one more that nobody was told of was made, or was not.
			if old := has(r, v, w, n); old != nil {
				require.NoError(t, has(r, v, w, n+1), old)
			}
			// It goes on, and what is left goes.
			if _, err := r.Recipients(team(w)); err == nil {
				require.NoError(t, r.Group(team(w)))
			}
			if _, err := r.Lookup(address(w)); err == nil {
				require.NoError(t, r.Remove(address(w), v.Fingerprint()))
			}
			require.NoError(t, has(r, v, w, 0))
		}
		require.NoError(t, r.Check())
		require.NoError(t, r.Close())
	}
	t.Logf("killed %d times, %d operations", points, operations)
}

// One Add is killed when it enters any of its system calls: the ring opens, has
// the old state or the new one, and takes the next Add.
func TestRingEverySystemCall(t *testing.T) {
	t.Parallel()
	from := crashDir(t)
	base := storetest.DiskDir(t)
	v := readCert(t, from, newOne)
	olds, news := 0, 0
	for n := 1; ; n++ {
		dir := filepath.Join(base, strconv.Itoa(n))
		require.NoError(t, os.CopyFS(dir, os.DirFS(from)))
		for _, d := range []string{ringDir, ringDir + "/records"} {
			require.NoError(t, os.Chmod(filepath.Join(dir, d), 0o700))
		}
		args, env := ringChild("add", dir)
		calls, killed, err := storetest.KillAt(n, args, env)
		if errors.Is(err, storetest.ErrNoTrace) {
			t.Skip(err)
		}
		require.NoError(t, err)
		r := openRing(t, dir)
		require.NoError(t, r.Check())
		_, err = r.Lookup("shared@example.org")
		require.NoError(t, err)
		found, err := r.Lookup("new@example.org")
		if err == nil {
			require.Len(t, found, 1)
			require.Equal(t, v.Fingerprint(), found[0].Verified.Fingerprint())
			news++
		} else {
			var unknown *keyring.UnknownError
			require.ErrorAs(t, err, &unknown)
			olds++
		}
		_, err = r.Add(v, keyring.Addition{Addresses: []string{"further@example.org"}, Alias: true})
		require.NoError(t, err)
		_, err = r.Lookup("further@example.org")
		require.NoError(t, err)
		require.NoError(t, r.Check())
		require.NoError(t, r.Close())
		if !killed {
			require.NoError(t, found[0].Problem)
			require.Positive(t, olds)
			require.Greater(t, news, 1)
			t.Logf("killed at %d of %d system calls: %d times old, %d times new", olds+news-1, calls, olds, news-1)
			return
		}
	}
}

// limitedAdd adds while files may grow up to a size only, which stands for a disk
// that is full at that octet, until it is enough.
func limitedAdd(t *testing.T, dir string) {
	every := uint64(97)
	if everything {
		every = 1
	}
	signal.Ignore(syscall.SIGXFSZ)
	v := readCert(t, dir, newOne)
	r := openRing(t, dir)
	defer r.Close()
	var was syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was))
	limit := func(n uint64) {
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: was.Max}))
	}
	for n := uint64(0); ; n += every {
		limit(n)
		_, err := r.Add(v, keyring.Addition{})
		limit(was.Cur)
		_, in := r.Lookup("new@example.org")
		_, old := r.Lookup("shared@example.org")
		require.NoError(t, old)
		require.NoError(t, r.Check())
		if err == nil {
			require.NoError(t, in)
			require.Positive(t, n)
			t.Logf("no room for any of %d sizes, and enough with %d octets", n/every, n)
			return
		}
		require.ErrorIs(t, err, syscall.EFBIG)
		require.ErrorContains(t, err, "nothing was changed")
		var unknown *keyring.UnknownError
		require.ErrorAs(t, in, &unknown)
	}
}

// A disk that is full at any octet leaves the ring as it was, also for who had it
// open, and with more room it goes on.
func TestRingFull(t *testing.T) {
	t.Parallel()
	dir := crashDir(t)
	self, err := os.Executable()
	require.NoError(t, err)
	args, env := ringChild("limited", dir)
	cmd := exec.Command(self, append(args, "-test.v")...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	t.Logf("%s", bytes.TrimSpace(out))
	r := openRing(t, dir)
	defer r.Close()
	require.NoError(t, r.Check())
	_, err = r.Lookup("new@example.org")
	require.NoError(t, err)
}
