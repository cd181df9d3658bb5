package ringsql_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/transport/ringsql"
)

// TestMain is also the program that runs the server, and those that share a ring.
func TestMain(m *testing.M) {
	switch os.Getenv("DKB_RINGSQL_ROLE") {
	case "server":
		os.Exit(serve(os.Args[1], os.Args[2]))
	case "work":
		os.Exit(work())
	case "ring":
		if err := ringWork(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	server.stop()
	os.Exit(code)
}

// server is the one PostgreSQL of all tests, which is started by the first that
// asks for it.
var server cluster

type cluster struct {
	once    sync.Once
	dir     string
	url     string
	err     error
	keeper  *exec.Cmd // ends the server when its input ends, however this program ends
	running io.WriteCloser
}

var errNone = errors.New("PostgreSQL is not installed")

// open returns a database of its own, with the tables, and its URL.
func open(t testing.TB) (*sql.DB, string) {
	t.Helper()
	server.once.Do(func() { server.err = server.start() })
	if errors.Is(server.err, errNone) && os.Getenv("DKB_REQUIRE_PEERS") != "1" {
		t.Skip(server.err)
	}
	require.NoError(t, server.err)
	name := "t" + strings.ToLower(rand.Text())
	admin, err := sql.Open("pgx", server.url+"postgres")
	require.NoError(t, err)
	defer admin.Close()
	_, err = admin.Exec("CREATE DATABASE " + name)
	require.NoError(t, err)
	db := connect(t, server.url+name)
	require.NoError(t, ringsql.Create(context.Background(), db))
	return db, server.url + name
}

func connect(t testing.TB, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

// programs finds where the server's programs are.
func programs() (string, error) {
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.Sort(dirs)
	slices.Reverse(dirs)
	for _, dir := range append(dirs, "/usr/local/bin", "/opt/homebrew/bin") {
		_, e1 := os.Stat(filepath.Join(dir, "initdb"))
		_, e2 := os.Stat(filepath.Join(dir, "postgres"))
		if e1 == nil && e2 == nil {
			return dir, nil
		}
	}
	return "", errNone
}

func (c *cluster) start() (err error) {
	bin, err := programs()
	if err != nil {
		return err
	}
	if c.dir, err = os.MkdirTemp("", "ringsql"); err != nil {
		return err
	}
	data, secret := filepath.Join(c.dir, "data"), filepath.Join(c.dir, "password")
	// Long enough for an HMAC key of FIPS 140.
	password := rand.Text() + rand.Text()
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		return err
	}
	if err := giveAway(c.dir, secret); err != nil {
		return err
	}
	init := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "ring", "-A", "scram-sha-256",
		"--pwfile", secret, "-E", "UTF8", "--locale=C", "-N")
	if out, err := asServer(init).CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c.keeper = exec.Command(self, bin, data)
	c.keeper.Env = append(os.Environ(), "DKB_RINGSQL_ROLE=server", "DKB_RINGSQL_PORT="+strconv.Itoa(port))
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	c.keeper.Stdout, c.keeper.Stderr = log, log
	if c.running, err = c.keeper.StdinPipe(); err != nil {
		return err
	}
	if err := c.keeper.Start(); err != nil {
		return err
	}
	c.url = fmt.Sprintf("postgres://ring:%s@127.0.0.1:%d/", password, port)
	if err := answers(c.url + "postgres"); err != nil {
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("the server does not answer: %w: %s", err, bytes.TrimSpace(text))
	}
	return nil
}

// answers waits until the server does.
func answers(url string) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	defer db.Close()
	for range 1000 {
		if err = db.Ping(); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

func (c *cluster) stop() {
	if c.running != nil {
		c.running.Close()
		c.keeper.Wait()
	}
	if c.dir != "" {
		os.RemoveAll(c.dir)
	}
}

// serve runs the server until the input ends.
func serve(bin, data string) int {
	cmd := asServer(exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", "", "-h", "127.0.0.1",
		"-p", os.Getenv("DKB_RINGSQL_PORT"),
		// What is tested is how clients end, not how the machine does.
		"-c", "fsync=off", "-c", "max_connections=200", "-c", "restart_after_crash=on"))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		fmt.Println(err)
		return 1
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	go func() {
		io.Copy(io.Discard, os.Stdin)
		if runtime.GOOS == "windows" {
			cmd.Process.Kill()
		} else {
			cmd.Process.Signal(os.Interrupt) // the fast shutdown
		}
	}()
	<-done
	return 0
}

// hostOf returns host and port of a URL.
func hostOf(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	return u.Host
}

func replaceHost(url, from, to string) string {
	return strings.Replace(url, "@"+from+"/", "@"+to+"/", 1)
}
