package ringsql_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/storetest"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/transport/ringsql"
)

// everything is set for the runs that take minutes.
var everything = os.Getenv("DKB_FULL") == "1"

// work is a process that shares a ring, and takes it that connections break.
func work() int {
	db, err := sql.Open("pgx", os.Getenv("DKB_URL"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer db.Close()
	var s keyring.Store
	for range 100 { // it may be cut off while it opens, too
		if s, err = ringsql.Open(context.Background(), db, "fleet"); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	goroutines, _ := strconv.Atoi(os.Getenv("DKB_GOROUTINES"))
	each, _ := strconv.Atoi(os.Getenv("DKB_EACH"))
	var flaky func(error) bool
	if os.Getenv("DKB_FLAKY") == "1" {
		flaky = func(error) bool { time.Sleep(5 * time.Millisecond); return true }
	}
	var wg sync.WaitGroup
	var failed atomic.Bool
	for g := range goroutines {
		wg.Go(func() {
			w := fmt.Sprintf("%s.%d", os.Getenv("DKB_NAME"), g)
			err := storetest.Work(s, w, each, keyring.ErrConflict, func() { os.Stdout.WriteString(w + "\n") }, flaky)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				failed.Store(true)
			}
		})
	}
	wg.Wait()
	if failed.Load() {
		return 1
	}
	return 0
}

func startWork(t *testing.T, url, name string, goroutines, each int, flaky bool) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "DKB_RINGSQL_ROLE=work", "DKB_URL="+url, "DKB_NAME="+name,
		fmt.Sprint("DKB_GOROUTINES=", goroutines), fmt.Sprint("DKB_EACH=", each))
	if flaky {
		cmd.Env = append(cmd.Env, "DKB_FLAKY=1")
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd, bufio.NewScanner(out)
}

// fleet runs processes to their end while during is called again and again, and
// checks that nothing is lost. It returns for how long it ran.
func fleet(t *testing.T, db *sql.DB, url string, processes, goroutines, each int, flaky bool, during func()) time.Duration {
	t.Helper()
	begin := time.Now()
	var wg sync.WaitGroup
	for p := range processes {
		cmd, out := startWork(t, url, fmt.Sprint("p", p), goroutines, each, flaky)
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
	s, err := ringsql.Open(t.Context(), db, "fleet")
	require.NoError(t, err)
	for over := false; !over; {
		select {
		case <-done:
			over = true
		case <-time.After(5 * time.Millisecond):
			during()
		}
		_, err := storetest.Check(s)
		require.NoError(t, err)
	}
	took := time.Since(begin)
	got, err := storetest.Check(s)
	require.NoError(t, err)
	require.Len(t, got, processes*goroutines)
	for w, n := range got {
		require.Equal(t, each, n, w)
	}
	// A record for each who works, and no other.
	var records int
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM doublekeybox_record`).Scan(&records))
	require.Equal(t, processes*goroutines, records)
	return took
}

// Several processes, as several machines would be.
func TestFleet(t *testing.T) {
	t.Parallel()
	processes, goroutines, each := 4, 4, 6
	if everything {
		goroutines, each = 16, 100
	}
	db, url := open(t)
	took := fleet(t, db, url, processes, goroutines, each, false, func() {})
	t.Logf("%d processes x %d goroutines x %d operations: %v", processes, goroutines, each, took)
}

// The server ends its side of connections while they work: what was asked for
// happened or did not, and whoever asked finds out by reading.
func TestTerminated(t *testing.T) {
	t.Parallel()
	each := 10
	if everything {
		each = 200
	}
	db, url := open(t)
	ended := 0
	fleet(t, db, url+"?application_name=worker", 3, 3, each, true, func() {
		var n int
		require.NoError(t, db.QueryRow(`SELECT count(pg_terminate_backend(pid)) FROM (
			SELECT pid FROM pg_stat_activity WHERE application_name = 'worker' AND datname = current_database()
			ORDER BY random() LIMIT 1) x`).Scan(&n))
		ended += n
	})
	require.Positive(t, ended)
	t.Logf("%d connections ended", ended)
}

// Processes that are killed leave nothing half done, and keep nobody waiting.
func TestKilled(t *testing.T) {
	t.Parallel()
	points := 10
	if everything {
		points = 500
	}
	db, url := open(t)
	s, err := ringsql.Open(t.Context(), db, "fleet")
	require.NoError(t, err)
	told := map[string]int{}
	for p := range points {
		cmd, out := startWork(t, url, fmt.Sprint("k", p), 4, 1<<30, false)
		for i := 0; out.Scan(); i++ {
			told[out.Text()]++
			if i == p%7 {
				require.NoError(t, cmd.Process.Kill())
			}
		}
		require.Error(t, cmd.Wait())
		got, err := storetest.Check(s)
		require.NoError(t, err)
		for w, n := range told {
			require.Contains(t, []int{n, n + 1}, got[w], w)
		}
	}
}

// cutter is the network between a client and the server. It breaks after some
// octets in one of the directions.
type cutter struct {
	net.Listener
	server      string
	up, down    atomic.Int64 // what may still pass
	connections sync.WaitGroup
}

func (c *cutter) run() {
	for {
		client, err := c.Accept()
		if err != nil {
			return
		}
		c.connections.Go(func() {
			defer client.Close()
			server, err := net.Dial("tcp", c.server)
			if err != nil {
				return
			}
			defer server.Close()
			var wg sync.WaitGroup
			wg.Go(func() { pass(server, client, &c.up); server.Close(); client.Close() })
			wg.Go(func() { pass(client, server, &c.down); server.Close(); client.Close() })
			wg.Wait()
		})
	}
}

// pass copies what may pass, to the last octet of it.
func pass(to, from net.Conn, left *atomic.Int64) {
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		after := left.Add(-int64(n))
		ends := after < 0
		if ends {
			n = max(0, n+int(after))
		}
		if _, e := to.Write(b[:n]); e != nil || err != nil || ends {
			return
		}
	}
}

// A commit whose connection breaks after any octet, in either direction, was made
// or was not.
func TestCutOff(t *testing.T) {
	t.Parallel()
	step := int64(37)
	if everything {
		step = 1
	}
	db, url := open(t)
	direct, err := ringsql.Open(t.Context(), db, "cut")
	require.NoError(t, err)
	at := hostOf(t, url)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &cutter{Listener: l, server: at}
	go c.run()
	defer l.Close()
	const much = 1 << 40
	var size int64
	commit := func(n int) keyring.Commit {
		k := keyring.Commit{Append: fmt.Appendf(nil, "%d\n", n), Put: map[string][]byte{fmt.Sprint("r", n): make([]byte, 100)}}
		if n > 0 {
			k.Drop = []string{fmt.Sprint("r", n-1)}
		}
		return k
	}
	made := 0
	for _, way := range []*atomic.Int64{&c.up, &c.down} {
		olds, news := 0, 0
		for cut := int64(0); ; cut += step {
			c.up.Store(much)
			c.down.Store(much)
			through, err := sql.Open("pgx", replaceHost(url, at, l.Addr().String())+"?default_query_exec_mode=exec")
			require.NoError(t, err)
			s, err := ringsql.Open(t.Context(), through, "cut")
			require.NoError(t, err)
			way.Store(cut)
			e := s.Commit(size, commit(made))
			require.NotErrorIs(t, e, keyring.ErrConflict)
			through.Close()

			var log []byte
			// The server may not have noticed yet, and commits still.
			for range 2 {
				log, err = direct.Log(size)
				require.NoError(t, err)
				if len(log) == 0 && e != nil {
					err := direct.Commit(size, keyring.Commit{Put: map[string][]byte{"probe": nil}})
					if err != nil {
						require.ErrorIs(t, err, keyring.ErrConflict)
					}
				}
			}
			if e == nil {
				require.NotEmpty(t, log, "it was told that it was made")
			}
			if len(log) == 0 {
				olds++
				_, err := direct.Record(fmt.Sprint("r", made))
				require.ErrorIs(t, err, fs.ErrNotExist)
				if made > 0 {
					_, err = direct.Record(fmt.Sprint("r", made-1))
					require.NoError(t, err)
				}
			} else {
				news++
				require.Equal(t, string(commit(made).Append), string(log))
				_, err := direct.Record(fmt.Sprint("r", made))
				require.NoError(t, err)
				if made > 0 {
					_, err = direct.Record(fmt.Sprint("r", made-1))
					require.ErrorIs(t, err, fs.ErrNotExist)
				}
				made++
				size += int64(len(log))
			}
			if e == nil {
				break
			}
		}
		require.Positive(t, olds)
		require.Positive(t, news)
		t.Logf("cut off at %d places of %d octets: %d times old, %d times new", olds+news, int64(olds+news)*step, olds, news)
	}
}
