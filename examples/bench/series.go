package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"text/tabwriter"
)

func table() *tabwriter.Writer {
	return tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
}

// throughput runs every program once in each round, seal and open, and prints
// medians and their ratios to cat and to what reference names.
func (b *bench) throughput(programs []program, peer string, reference func(name string) string, size int64, runs int) error {
	in, err := b.random("in", size)
	if err != nil {
		return err
	}
	seal, open := make([][]sample, len(programs)), make([][]sample, len(programs))
	for range runs {
		for i, p := range programs {
			s, o, err := b.round(p, in)
			if err != nil {
				return err
			}
			seal[i], open[i] = append(seal[i], s), append(open[i], o)
		}
	}
	fmt.Printf("%.0f MiB random, file to file, one recipient (RSA-3072; X25519 for age and SEIPDv2), medians of %d interleaved runs, MB = 10^6 octets\n", mib(size), runs)
	for _, part := range []struct {
		what string
		ss   [][]sample
	}{{"seal", seal}, {"open", open}} {
		w := table()
		fmt.Fprintf(w, "%s\tMB/s\tx cat\tx %s\tuser+sys s\tpeak MiB\t\n", part.what, peer)
		times := map[string]float64{}
		for i, p := range programs {
			times[p.name] = median(part.ss[i], wall)
		}
		for i, p := range programs {
			t := times[p.name]
			fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%s\t%.2f\t%.1f\t\n", p.name, float64(size)/t/1e6, times["cat"]/t,
				ratio(times[reference(p.name)], t), median(part.ss[i], cpu), mib(most(part.ss[i])))
		}
		w.Flush()
	}
	fmt.Printf("no peak can be shown below %.1f MiB, the memory of this program\n", mib(own()))
	return nil
}

// opensslFor names what a program is held against: openssl with the same mode.
func opensslFor(name string) string {
	if strings.Contains(name, "CBC") {
		return "openssl cms, CBC"
	}
	return "openssl cms, GCM"
}

func ratio(reference, t float64) string {
	if reference == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", reference/t)
}

// round seals and opens once, and compares.
func (b *bench) round(p program, in string) (seal, open sample, err error) {
	sealed, opened := b.path("sealed"), b.path("opened")
	defer os.Remove(sealed)
	defer os.Remove(opened)
	if seal, err = measure(p.seal, in, sealed); err != nil {
		return
	}
	if open, err = measure(p.open, sealed, opened); err != nil {
		return
	}
	return seal, open, same(in, opened)
}

// noSpool is a folder that is not there: with TMPDIR set so, a program that
// wants a temporary file fails. What passes holds everything in its memory.
const noSpool = "TMPDIR=/nonexistent"

// memory prints the peak of box for files, where no temporary file can be
// made, and for pipes, where a message that is verified first must be kept
// somewhere: that file, in the usual folder, is not counted.
func (b *bench) memory(sizes []int64) error {
	w := table()
	fmt.Fprintf(w, "peak MiB\tsize MiB\tseal file\tseal pipe\topen file\topen pipe\t\n")
	for _, size := range sizes {
		in, err := b.random("in", size)
		if err != nil {
			return err
		}
		for _, p := range b.programs() {
			if p.seal[0] != b.box {
				continue
			}
			m, err := b.peaks(p, in)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s\t%.0f\t%.1f\t%.1f\t%.1f\t%.1f\t\n", p.name, mib(size), m[0], m[1], m[2], m[3])
		}
	}
	w.Flush()
	fmt.Printf("no peak can be shown below %.1f MiB, the memory of this program\n", mib(own()))
	return nil
}

// peaks returns the peaks of seal from file and pipe, open from file and pipe.
func (b *bench) peaks(p program, in string) (m [4]float64, err error) {
	sealed, out := b.path("sealed"), b.path("out")
	defer os.Remove(sealed)
	for i, step := range []struct {
		words   []string
		in, out string
		pipe    bool
	}{
		{p.seal, in, sealed, false},
		{p.seal, in, out, true},
		{p.open, sealed, out, false},
		{p.open, sealed, out, true},
	} {
		var s sample
		if step.pipe {
			s, err = piped(step.words, step.in, step.out)
		} else {
			s, err = measure(step.words, step.in, step.out, noSpool)
		}
		if err != nil {
			return m, err
		}
		m[i] = mib(s.peak)
		if step.out == out {
			if i >= 2 {
				if err = same(in, out); err != nil {
					return m, err
				}
			}
			os.Remove(out)
		}
	}
	return m, nil
}

// piped runs a command whose standard input is a pipe that cat fills.
func piped(words []string, in, out string) (s sample, err error) {
	cmd, f, err := command(words, "", out)
	if err != nil {
		return s, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return s, err
	}
	cat := exec.Command("cat", in)
	cat.Stdout, cat.Stderr = w, io.Discard
	if err = cat.Start(); err != nil {
		return s, err
	}
	w.Close()
	cmd.Stdin = r
	s, err = timed(cmd, f)
	r.Close()
	if e := cat.Wait(); err == nil {
		err = e
	}
	return s, err
}
