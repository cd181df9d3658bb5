package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// program is one way to seal and to open a file, written as the words of a
// command. IN and OUT stand for files; without OUT standard output is the file.
type program struct {
	name       string
	seal, open []string
}

// makeKeys makes one key of each kind that the programs need.
func (b *bench) makeKeys() error {
	b.keys = map[string]string{}
	for name, args := range map[string][]string{
		"smime": {"--format", "smime", "--algorithm", "rsa3072"},
		"pgp4":  {"--format", "pgp", "--algorithm", "rsa3072"},
		"pgp6":  {"--format", "pgp", "--profile", "modern"},
	} {
		args = append([]string{"keygen", "--address", name + "@example.org", "--out", b.path(name)}, args...)
		out, err := exec.Command(b.box, args...).Output()
		if err != nil {
			return fmt.Errorf("box keygen for %s: %w", name, failure(err))
		}
		b.keys[name] = strings.TrimSpace(string(out))
	}
	if _, err := exec.LookPath("age-keygen"); err != nil {
		return nil
	}
	if err := exec.Command("age-keygen", "-o", b.path("age.key")).Run(); err != nil {
		return fmt.Errorf("age-keygen: %w", failure(err))
	}
	out, err := exec.Command("age-keygen", "-y", b.path("age.key")).Output()
	if err != nil {
		return fmt.Errorf("age-keygen -y: %w", failure(err))
	}
	b.keys["age"] = strings.TrimSpace(string(out))
	return nil
}

// failure adds what a program wrote to standard error.
func failure(err error) error {
	if x, ok := err.(*exec.ExitError); ok && len(x.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(x.Stderr)))
	}
	return err
}

func (b *bench) boxProgram(name, key, profile string) program {
	return program{
		name: name,
		seal: []string{b.box, "seal", "--to", b.path(key+".pub") + "=" + b.keys[key], "--profile", profile, "-o", "OUT", "IN"},
		open: []string{b.box, "open", "--key", b.path(key + ".key"), "-o", "OUT", "IN"},
	}
}

// signedProgram is what the Compatible profile makes of S/MIME: CBC around a
// signature. openssl's CBC beside it is neither signed nor authenticated.
func (b *bench) signedProgram(name string) program {
	p := b.boxProgram(name, "smime", "compatible")
	p.seal = append(p.seal[:2:2], append([]string{"--sign", b.path("smime.key")}, p.seal[2:]...)...)
	p.open = append(p.open[:2:2], append([]string{"--from", b.path("smime.pub") + "=" + b.keys["smime"]}, p.open[2:]...)...)
	return p
}

// programs returns what is installed.
func (b *bench) programs() []program {
	all := []program{
		{"cat", []string{"cat", "IN"}, []string{"cat", "IN"}},
		{"age", []string{"age", "-r", b.keys["age"], "-o", "OUT", "IN"}, []string{"age", "-d", "-i", b.path("age.key"), "-o", "OUT", "IN"}},
		{
			"openssl cms, GCM",
			[]string{"openssl", "cms", "-encrypt", "-binary", "-stream", "-aes-256-gcm", "-outform", "DER", "-in", "IN", "-out", "OUT", "-recip", b.path("smime.pub")},
			[]string{"openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "IN", "-out", "OUT", "-recip", b.path("smime.pub"), "-inkey", b.path("smime.key")},
		},
		b.boxProgram("box, S/MIME GCM", "smime", "modern"),
		{
			"openssl cms, CBC",
			[]string{"openssl", "cms", "-encrypt", "-binary", "-stream", "-aes-256-cbc", "-outform", "DER", "-in", "IN", "-out", "OUT", "-recip", b.path("smime.pub")},
			[]string{"openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "IN", "-out", "OUT", "-recip", b.path("smime.pub"), "-inkey", b.path("smime.key")},
		},
		b.signedProgram("box, S/MIME CBC, signed"),
		b.boxProgram("box, OpenPGP SEIPDv1", "pgp4", "compatible"),
		b.boxProgram("box, OpenPGP SEIPDv2", "pgp6", "modern"),
	}
	return b.installed(all)
}

// installed leaves out what is not, and says so, and what was not asked for.
func (b *bench) installed(all []program) []program {
	var there []program
	for _, p := range all {
		if !strings.Contains(p.name, b.only) {
			continue
		}
		if _, err := exec.LookPath(p.seal[0]); err != nil {
			fmt.Fprintf(os.Stderr, "bench: without %s, which is not installed\n", p.seal[0])
			continue
		}
		there = append(there, p)
	}
	return there
}
