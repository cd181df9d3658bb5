package interop_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// peer is a program at the other end. A method that it lacks stands in no cell.
type peer interface {
	// seal makes what c describes: sealed, signed, or both.
	seal(t *testing.T, c cell, content []byte) []byte
	// open returns the content of msg after checking what c says is signed.
	// A detached signature is checked over content.
	open(t *testing.T, c cell, msg, content []byte) []byte
}

// required reports whether a missing peer is a failure.
func required() bool { return os.Getenv("DKB_REQUIRE_PEERS") == "1" }

// missing skips the test for want of a peer, or fails it where that is asked for.
func missing(t *testing.T, what string) {
	t.Helper()
	if required() {
		t.Fatalf("%s is missing, and DKB_REQUIRE_PEERS=1", what)
	}
	t.Skipf("%s is missing", what)
}

// drivers returns the folder of the peers' drivers, "" without.
func drivers() string {
	dir := os.Getenv("DKB_PEERS")
	if dir == "" {
		return ""
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	if _, err := os.Stat(filepath.Join(dir, "lib.sh")); err != nil {
		return ""
	}
	return dir
}

// programs says what a peer needs beside its driver.
var programs = map[string][]string{
	"gpg": {"gpg"}, "sq": {"sq"}, "sqop": {"sqop"}, "rnp": {"rnp", "rnpkeys"}, "pgpainless": {"pgpainless-cli"},
	"bc": {"java", "javac"}, "openpgpjs": {"node"}, "gopenpgp": nil, "openssl": {"openssl"},
	"gpgsm": {"gpgsm", "openssl"}, "nss": {"cmsutil", "certutil", "pk12util", "openssl"},
	"thunderbird": {"thunderbird", "python3", "openssl"},
}

// peer returns the peer of that name, or ends the test.
func (w *world) peer(t *testing.T, name string) peer {
	for _, p := range programs[name] {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, name+" ("+p+")")
		}
	}
	switch name {
	case "gpg":
		return gpg{w}
	case "openssl":
		return openssl{w}
	case "gpgsm":
		return newGpgsm(t, w, "rsa2048", "rsa3072", "rsa4096")
	case "thunderbird":
		return newThunderbird(t, w)
	case "bc", "openpgpjs":
		if _, err := run(nil, w.driver(name), "version"); err != nil {
			missing(t, name)
		}
		if name == "bc" {
			w.bouncyCastle(t) // which runs until the last cell
		}
	case "gopenpgp": // says "unsupported", exit 2, where it is there
		_, err := run(nil, w.driver(name), "version")
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 {
			missing(t, name)
		}
	}
	return driven{w, name}
}

func (w *world) driver(name string) string { return filepath.Join(w.drivers, "peer-"+name) }

// patience ends a peer that hangs; the slowest starts in a few seconds.
const patience = 2 * time.Minute

// run runs a program to its end and returns what it wrote; the error carries
// the end of its messages.
func run(in []byte, name string, args ...string) ([]byte, error) {
	out, _, err := runBoth(in, name, args...)
	return out, err
}

func runBoth(in []byte, name string, args ...string) (out, messages []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var o, e bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &o, &e
	// A program in Java ends before it was worth compiling well: half the work. Its launcher says
	// so in a line beginning with NOTE, beside the program's own messages.
	cmd.Env = append(os.Environ(), "JDK_JAVA_OPTIONS=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(e.String())
		return nil, e.Bytes(), fmt.Errorf("%s: %w: %s", filepath.Base(name), err, text[max(0, len(text)-800):])
	}
	return o.Bytes(), e.Bytes(), nil
}

// must runs a program that has to succeed.
func must(t *testing.T, in []byte, name string, args ...string) []byte {
	t.Helper()
	out, err := run(in, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// file writes b into a new file of the test.
func file(t *testing.T, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
