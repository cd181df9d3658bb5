// Command page makes a web page on which a person without any program opens a
// locked file in the browser: one that a link leads to, or one that is dropped
// on it. The page is one file that needs no server of its own and makes no
// request but for what the link leads to; the library is in it, compiled to
// WebAssembly.
//
//	go run ./examples/page -o open.html
//	go run ./examples/page -verify open.html
//
// The same source and the same version of Go make the same octets on every
// machine: whoever puts the page on a server publishes its SHA-256, and everybody
// else makes it once more and compares. examples/page/SHA256 has that of this
// source; -check compares it with the page, -record writes it anew.
//
// Any server of static files does, over TLS, and so does a disk. It should send
// Content-Security-Policy: frame-ancestors 'none', which a page cannot say of
// itself. Mails lead there with link.Link's OnPage, and the bucket must allow the
// page's origin to read (CORS); where it does not, people download the file by
// themselves and drop it on the page.
//
// What has more than 256 MiB is refused: browsers on telephones end pages that
// hold more than about a gigabyte.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
}

// run is main with everything that comes from outside as an argument.
func run(args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("page", flag.ContinueOnError)
	f.SetOutput(stderr)
	out := f.String("o", "", "write the page to this `FILE`")
	verify := f.String("verify", "", "compare this `FILE` with the page")
	check := f.Bool("check", false, "compare the page with the SHA-256 that is written down for this version of Go")
	record := f.Bool("record", false, "write the page's SHA-256 down")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 || *out == "" && *verify == "" && !*check && !*record {
		f.Usage()
		return errors.New("page: one of -o, -verify, -check and -record is needed, and nothing behind it")
	}
	t, err := findToolchain()
	if err != nil {
		return err
	}
	page, err := t.page()
	if err != nil {
		return err
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(page))
	fmt.Fprintf(stdout, "%s  %d octets  %s\n", sum, len(page), t.version)
	return errors.Join(
		on(*out != "", func() error { return os.WriteFile(*out, page, 0o644) }),
		on(*verify != "", func() error { return same(*verify, page, t.version) }),
		on(*check, func() error { return checkSum(t, sum, stdout) }),
		on(*record, func() error { return recordSum(t, sum) }),
	)
}

func on(asked bool, do func() error) error {
	if !asked {
		return nil
	}
	return do()
}

// same compares a file with the page.
func same(name string, page []byte, version string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if !bytes.Equal(b, page) {
		return fmt.Errorf("page: %s is not the page of this source and %s: it has SHA-256 %x", name, version, sha256.Sum256(b))
	}
	return nil
}

// sumFile is where the page's SHA-256 is written down.
func sumFile(t *toolchain) string { return filepath.Join(t.module, "page", "SHA256") }

// recordSum writes the page's SHA-256 down, and into the README, where people
// look for it.
func recordSum(t *toolchain, sum string) error {
	old, err := os.ReadFile(sumFile(t))
	if err != nil {
		return err
	}
	_, before, _ := strings.Cut(strings.TrimSpace(string(old)), "  ")
	name := filepath.Join(t.module, "..", "README.md")
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if before == "" || !bytes.Contains(text, []byte(before)) {
		return fmt.Errorf("page: %s does not name the SHA-256 of before, %.64q: put it there first", name, before)
	}
	if err := os.WriteFile(name, bytes.ReplaceAll(text, []byte(before), []byte(sum)), 0o644); err != nil {
		return err
	}
	return os.WriteFile(sumFile(t), []byte(t.version+"  "+sum+"\n"), 0o644)
}

// checkSum compares the page's SHA-256 with the one that is written down, which
// holds for one version of Go.
func checkSum(t *toolchain, sum string, stdout io.Writer) error {
	b, err := os.ReadFile(sumFile(t))
	if err != nil {
		return err
	}
	version, want, ok := strings.Cut(strings.TrimSpace(string(b)), "  ")
	switch {
	case !ok:
		return fmt.Errorf("page: %s does not hold a version of Go and a SHA-256", sumFile(t))
	case version != t.version:
		fmt.Fprintf(stdout, "not compared: the SHA-256 that is written down is that of %s\n", version)
		return nil
	case want != sum:
		return fmt.Errorf("page: the SHA-256 that is written down is %s: go run ./examples/page -record writes the new one down, here and in the README", want)
	}
	return nil
}
