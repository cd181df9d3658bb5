package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// mail prints how fast a whole mail with one large attachment is composed and
// sealed, and how fast it is read and the attachment saved, beside programs that
// only seal the file in the text form that mail carries.
func (b *bench) mail(size int64, runs int) error {
	in, err := b.random("in", size)
	if err != nil {
		return err
	}
	programs, err := b.mailPrograms()
	if err != nil {
		return err
	}
	seal, open := make([][]sample, len(programs)), make([][]sample, len(programs))
	for range runs {
		for i, p := range programs {
			s, o, err := b.mailRound(p, in)
			if err != nil {
				return err
			}
			seal[i], open[i] = append(seal[i], s), append(open[i], o)
		}
	}
	fmt.Printf("%.1f MB random attached, file to file, one recipient (RSA-3072; X25519 for SEIPDv2), medians of %d interleaved runs\n", float64(size)/1e6, runs)
	for _, part := range []struct {
		what string
		ss   [][]sample
	}{{"seal", seal}, {"read and save", open}} {
		w := table()
		fmt.Fprintf(w, "%s\tMB/s\tx gpg -a\tx openssl, same mode\tuser+sys s\tpeak MiB\t\n", part.what)
		times := map[string]float64{}
		for i, p := range programs {
			times[p.name] = median(part.ss[i], wall)
		}
		for i, p := range programs {
			t := times[p.name]
			fmt.Fprintf(w, "%s\t%.0f\t%s\t%s\t%.2f\t%.1f\t\n", p.name, float64(size)/t/1e6, ratio(times["gpg -a"], t),
				ratio(times[mailReference(p.name)], t), median(part.ss[i], cpu), mib(most(part.ss[i])))
		}
		w.Flush()
	}
	return nil
}

// mailReference names what a program is held against.
func mailReference(name string) string {
	if name == "box mail, S/MIME CBC, signed" {
		return "openssl cms -outform SMIME, CBC"
	}
	return "openssl cms -outform SMIME, GCM"
}

// mailPrograms returns what is installed. box writes into folders: OUT is one.
func (b *bench) mailPrograms() ([]program, error) {
	if err := b.openpgpKeys(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(b.path("text"), []byte("See there.\n"), 0o600); err != nil {
		return nil, err
	}
	for _, name := range []string{"smime", "pgp4", "pgp6"} {
		out, err := exec.Command(b.box, "ring", "add", b.path(name+".pub"), b.keys[name], "--ring", b.path("ring")).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("box ring add: %w: %s", err, out)
		}
	}
	openssl := func(name, cipher string) program {
		return program{
			name,
			[]string{"openssl", "cms", "-encrypt", "-binary", "-stream", cipher, "-outform", "SMIME", "-in", "IN", "-out", "OUT", "-recip", b.path("smime.pub")},
			[]string{"openssl", "cms", "-decrypt", "-binary", "-inform", "SMIME", "-in", "IN", "-out", "OUT", "-recip", b.path("smime.pub"), "-inkey", b.path("smime.key")},
		}
	}
	box := func(name, key, profile string, sign ...string) program {
		return program{
			name,
			append([]string{
				b.box, "mail", "compose", "--ring", b.path("ring"), "--from", key + "@example.org", "--to", key + "@example.org",
				"--subject", "a file", "--text", b.path("text"), "--profile", profile, "--attach", "IN", "--out", "OUT",
			}, sign...),
			[]string{b.box, "mail", "read", "--ring", b.path("ring"), "--key", b.path(key + ".key"), "--save", "OUT", "IN"},
		}
	}
	gpg := b.gpgProgram("gpg -a", "--armor")
	return b.installed([]program{
		{"cat", []string{"cat", "IN"}, []string{"cat", "IN"}},
		gpg,
		openssl("openssl cms -outform SMIME, GCM", "-aes-256-gcm"),
		openssl("openssl cms -outform SMIME, CBC", "-aes-256-cbc"),
		box("box mail, S/MIME GCM", "smime", "modern"),
		box("box mail, S/MIME GCM, signed", "smime", "modern", "--sign", b.path("smime.key")),
		box("box mail, S/MIME CBC, signed", "smime", "compatible", "--sign", b.path("smime.key")),
		box("box mail, OpenPGP SEIPDv1", "pgp4", "compatible"),
		box("box mail, OpenPGP SEIPDv2", "pgp6", "modern"),
	}), nil
}

// mailRound seals and opens once, and compares.
func (b *bench) mailRound(p program, in string) (seal, open sample, err error) {
	sealed, opened := b.path("sealed"), b.path("opened")
	defer os.RemoveAll(sealed)
	defer os.RemoveAll(opened)
	if seal, err = measure(p.seal, in, sealed); err != nil {
		return
	}
	if open, err = measure(p.open, within(sealed, "1.eml"), opened); err != nil {
		return
	}
	return seal, open, same(in, within(opened, filepath.Base(in)))
}

// within returns the file in a folder, or path itself where it is a file.
func within(path, name string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return filepath.Join(path, name)
	}
	return path
}
