package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// app is one run of the program.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    func(string) (string, bool)
	now    time.Time

	debug   bool
	outputs []*output // committed, or all discarded, at the end
}

// clock is the time of this run: everything in it happens at once.
func (a *app) clock() time.Time { return a.now }

// run is main with everything that comes from outside as an argument.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: os.LookupEnv, now: time.Now()}
	err := a.dispatch(args)
	if e := a.finish(err == nil); err == nil {
		err = e
	}
	if err != nil {
		fmt.Fprintf(stderr, "sop: %s\n", strings.Join(strings.Fields(err.Error()), " "))
		for e := err; a.debug && e != nil; e = errors.Unwrap(e) {
			fmt.Fprintf(stderr, "sop: %T: %q\n", e, e.Error())
		}
		return exitCode(err)
	}
	return 0
}
