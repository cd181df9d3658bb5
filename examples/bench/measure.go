package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// sample is what one run of a program took.
type sample struct {
	wall, cpu time.Duration
	peak      int64 // octets resident at most
}

// command puts files into the words of a command. Without OUT standard output
// is the file; in "" leaves IN out, so that standard input is read.
func command(words []string, in, out string) (*exec.Cmd, *os.File, error) {
	var args []string
	toFile := false
	for _, w := range words {
		switch w {
		case "IN":
			if in == "" {
				continue
			}
			w = in
		case "OUT":
			w, toFile = out, true
		}
		args = append(args, w)
	}
	cmd := exec.Command(args[0], args[1:]...)
	var f *os.File
	if !toFile {
		var err error
		if f, err = os.Create(out); err != nil {
			return nil, nil, err
		}
		cmd.Stdout = f
	}
	return cmd, f, nil
}

// measure runs a command once; out must not exist.
func measure(words []string, in, out string, env ...string) (sample, error) {
	cmd, f, err := command(words, in, out)
	if err != nil {
		return sample{}, err
	}
	cmd.Env = append(os.Environ(), env...)
	return timed(cmd, f)
}

func timed(cmd *exec.Cmd, out *os.File) (sample, error) {
	var messages strings.Builder
	cmd.Stderr = &messages
	begin := time.Now()
	err := cmd.Run()
	s := sample{wall: time.Since(begin)}
	if out != nil {
		out.Close()
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, messages.String())
	}
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	s.peak = peak(cmd.ProcessState.SysUsage())
	return s, nil
}

// median of what get takes from the samples.
func median(ss []sample, get func(sample) float64) float64 {
	var v []float64
	for _, s := range ss {
		v = append(v, get(s))
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func wall(s sample) float64 { return s.wall.Seconds() }
func cpu(s sample) float64  { return s.cpu.Seconds() }
func mib(n int64) float64   { return float64(n) / (1 << 20) }

// most is the largest peak of all samples: memory is a bound, not an average.
func most(ss []sample) int64 {
	var n int64
	for _, s := range ss {
		n = max(n, s.peak)
	}
	return n
}
