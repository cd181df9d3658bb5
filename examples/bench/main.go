// Command bench runs box side by side with cat, age, openssl, gpg and go-crypto,
// file to file, and prints medians: throughput, processor time and peak memory.
//
//	go run ./examples/bench                      256 MiB, 7 rounds of every program in turn
//	go run ./examples/bench -openpgp             the same for OpenPGP, beside gpg and go-crypto
//	go run ./examples/bench -memory              peak memory of box at 1 MiB, 256 MiB and 4 GiB
//	go run ./examples/bench -detached -size 4294967296   a detached signature beside sha256sum
//	go run ./examples/bench -recipients          1, 10, 100 and 1000 recipients
//	go run ./examples/bench -mail -size 25000000 whole mails with one attachment, beside gpg -a and openssl
//	go run ./examples/bench -zip                 archives with a passphrase, beside 7-Zip
//
// Machines vary by a factor over minutes: only ratios inside one interleaved
// series mean anything. A program that is not installed is left out, and named.
// Everything lies in a new folder below -dir, which is deleted at the end;
// -dir has to hold about four times -size.
package main

import (
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	size := flag.Int64("size", 256<<20, "octets of the file")
	runs := flag.Int("runs", 7, "rounds")
	dir := flag.String("dir", "/dev/shm", "where to work: a file system in memory, so that no disk is measured")
	only := flag.String("only", "", "measure programs with this in their names alone")
	box := flag.String("box", "", "the program box (default: built from ./examples/box)")
	memory := flag.Bool("memory", false, "measure peak memory")
	recipients := flag.Bool("recipients", false, "measure by the number of recipients")
	openpgp := flag.Bool("openpgp", false, "measure OpenPGP beside gpg and go-crypto")
	gocrypto := flag.Bool("gocrypto", false, "be go-crypto, as the other series call it")
	detached := flag.Bool("detached", false, "measure verifying a detached signature")
	mail := flag.Bool("mail", false, "measure composing and reading whole mails")
	zip := flag.Bool("zip", false, "measure locking and unlocking archives with a passphrase")
	flag.Parse()
	if *gocrypto {
		if err := goCrypto(flag.Args()); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	series := func(b *bench) error {
		return b.throughput(b.programs(), "openssl", opensslFor, *size, *runs)
	}
	switch {
	case *openpgp:
		series = func(b *bench) error {
			programs, err := b.openpgp()
			if err != nil {
				return err
			}
			return b.throughput(programs, "peer", openpgpReference, *size, *runs)
		}
	case *memory:
		series = func(b *bench) error { return b.memory([]int64{1 << 20, 256 << 20, 4 << 30}) }
	case *recipients:
		series = func(b *bench) error { return b.recipients([]int{1, 10, 100, 1000}, *runs) }
	case *mail:
		series = func(b *bench) error { return b.mail(*size, *runs) }
	case *zip:
		series = func(b *bench) error { return b.zip(*size, *runs) }
	case *detached:
		series = func(b *bench) error { return b.detached(*size, *runs) }
	}
	if err := run(*dir, *box, *only, series); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(dir, box, only string, series func(*bench) error) (err error) {
	work, err := os.MkdirTemp(dir, "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if box == "" {
		box = filepath.Join(work, "box")
		if out, err := exec.Command("go", "build", "-o", box, "github.com/doublekeybox/doublekeybox/examples/box").CombinedOutput(); err != nil {
			return fmt.Errorf("building box: %w\n%s", err, out)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b := &bench{dir: work, box: box, only: only, self: self}
	defer b.stopAgents()
	if err := b.makeKeys(); err != nil {
		return err
	}
	return series(b)
}

// bench is one series: a folder with keys and files, and the program measured.
type bench struct {
	dir, box, only string
	self           string            // this program
	keys           map[string]string // fingerprints, by the name of the key
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// random writes a file that no program can compress.
func (b *bench) random(name string, size int64) (string, error) {
	f, err := os.Create(b.path(name))
	if err != nil {
		return "", err
	}
	if _, err = io.CopyN(f, rand.Reader, size); err != nil {
		f.Close()
		return "", err
	}
	return f.Name(), f.Close()
}

// same compares two files without holding them in memory.
func same(a, b string) error {
	if out, err := exec.Command("cmp", a, b).CombinedOutput(); err != nil {
		return fmt.Errorf("what came out is not what went in: %s", out)
	}
	return nil
}
