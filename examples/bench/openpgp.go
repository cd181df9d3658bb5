package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// openpgp returns what OpenPGP is measured beside: gpg, and go-crypto as this
// program calls it (see gocrypto.go), with the same keys.
func (b *bench) openpgp() ([]program, error) {
	if err := b.openpgpKeys(); err != nil {
		return nil, err
	}
	all := []program{
		{"cat", []string{"cat", "IN"}, []string{"cat", "IN"}},
		{"age", []string{"age", "-r", b.keys["age"], "-o", "OUT", "IN"}, []string{"age", "-d", "-i", b.path("age.key"), "-o", "OUT", "IN"}},
		b.gpgProgram("gpg, SEIPDv1"),
		b.goProgram("go-crypto, SEIPDv1", "cfb", "pgp4"),
		b.boxProgram("box, SEIPDv1", "pgp4", "compatible"),
		b.goProgram("go-crypto, SEIPDv2 OCB", "ocb", "pgp6"),
		b.boxProgram("box, SEIPDv2 OCB", "pgp6", "modern"),
		b.goProgram("go-crypto, SEIPDv2 GCM", "gcm", "gcm6"),
		b.boxProgram("box, SEIPDv2 GCM", "gcm6", "modern"),
		b.gpgProgram("gpg -a, SEIPDv1", "--armor"),
		b.armored(b.boxProgram("box --armor, SEIPDv1", "pgp4", "compatible")),
		b.armored(b.boxProgram("box --armor, SEIPDv2 OCB", "pgp6", "modern")),
		b.armored(b.boxProgram("box --armor, SEIPDv2 GCM", "gcm6", "modern")),
	}
	return b.installed(all), nil
}

// openpgpReference names what a program is held against.
func openpgpReference(name string) string {
	switch {
	case strings.Contains(name, "--armor"), strings.Contains(name, "gpg -a"):
		return "gpg -a, SEIPDv1"
	case strings.Contains(name, "SEIPDv2"):
		return "go-crypto, SEIPDv2 " + name[len(name)-3:]
	}
	return "go-crypto, SEIPDv1"
}

// openpgpKeys makes gcm6, a version 6 key that lists GCM, and gives gpg the
// version 4 key.
func (b *bench) openpgpKeys() error {
	f, err := generateGCM(b.path("gcm6.key"), b.path("gcm6.pub"))
	if err != nil {
		return err
	}
	b.keys["gcm6"] = f
	if _, err := exec.LookPath("gpg"); err != nil {
		return nil // installed says so
	}
	if err := os.Mkdir(b.path("gpg"), 0o700); err != nil {
		return err
	}
	out, err := b.gpg("--import", b.path("pgp4.key")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("gpg --import: %w: %s", err, out)
	}
	return nil
}

// gpg is a call of gpg with a home of its own.
func (b *bench) gpg(args ...string) *exec.Cmd {
	return exec.Command("gpg", append(b.gpgWords(), args...)...)
}

func (b *bench) gpgWords() []string {
	return []string{"--homedir", b.path("gpg"), "--batch", "--yes", "--quiet", "--no-tty", "--trust-model", "always", "--pinentry-mode", "loopback", "--passphrase", ""}
}

// stopAgents ends what gpg leaves running.
func (b *bench) stopAgents() {
	for _, home := range []string{"gpg", "gpg-many"} {
		if _, err := os.Stat(b.path(home)); !errors.Is(err, os.ErrNotExist) {
			exec.Command("gpgconf", "--homedir", b.path(home), "--kill", "all").Run() // without gpg there is no agent either
		}
	}
}

func (b *bench) gpgProgram(name string, options ...string) program {
	words := append([]string{"gpg"}, b.gpgWords()...)
	// gpg compresses what is not known to be compressed; random octets would
	// only cost it time, so it is spared that.
	seal := append(append(words[:len(words):len(words)], options...), "--compress-algo", "none", "--recipient", b.keys["pgp4"], "--encrypt", "--output", "OUT", "IN")
	return program{name, seal, append(words[:len(words):len(words)], "--output", "OUT", "--decrypt", "IN")}
}

func (b *bench) goProgram(name, mode, key string) program {
	return program{
		name: name,
		seal: []string{b.self, "-gocrypto", "seal", mode, b.path(key + ".pub"), "IN", "OUT"},
		open: []string{b.self, "-gocrypto", "open", mode, b.path(key + ".key"), "IN", "OUT"},
	}
}

func (b *bench) armored(p program) program {
	p.seal = append(p.seal[:2:2], append([]string{"--armor"}, p.seal[2:]...)...)
	return p
}
