package main

import (
	"fmt"
	"os"
	"os/exec"
)

// detached prints how fast a detached signature over a large file is verified,
// beside programs that only hash it.
func (b *bench) detached(size int64, runs int) error {
	in, err := b.random("in", size)
	if err != nil {
		return err
	}
	if _, err := measure([]string{b.box, "sign", "--key", b.path("smime.key"), "-o", "OUT", "IN"}, in, b.path("sig")); err != nil {
		return err
	}
	rows := []struct {
		name  string
		words []string
		ss    []sample
	}{
		{name: "sha256sum", words: []string{"sha256sum", "IN"}},
		{name: "openssl dgst -sha256", words: []string{"openssl", "dgst", "-sha256", "IN"}},
		{name: "box verify, S/MIME", words: []string{b.box, "verify", "--from", b.path("smime.pub") + "=" + b.keys["smime"], b.path("sig"), "IN"}},
	}
	for range runs {
		for i, r := range rows {
			if _, err := exec.LookPath(r.words[0]); err != nil {
				continue
			}
			s, err := measure(r.words, in, b.path("out"))
			os.Remove(b.path("out"))
			if err != nil {
				return err
			}
			rows[i].ss = append(rows[i].ss, s)
		}
	}
	fmt.Printf("%.0f MiB random, detached signature, medians of %d interleaved runs, MB = 10^6 octets\n", mib(size), runs)
	w := table()
	fmt.Fprintf(w, "verify\tMB/s\tuser+sys s\tpeak MiB\t\n")
	for _, r := range rows {
		if len(r.ss) > 0 {
			fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.1f\t\n", r.name, float64(size)/median(r.ss, wall)/1e6, median(r.ss, cpu), mib(most(r.ss)))
		}
	}
	return w.Flush()
}
