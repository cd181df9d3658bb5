// Command box is the double-key box on a command line: it makes keys, seals
// files so that only the owners of verified keys can open them, opens what was
// sealed, signs and verifies, in OpenPGP and in S/MIME.
//
// Start with
//
//	go run ./examples/box demo
//	go run ./examples/box --help
package main

import (
	"io"
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is main with everything that comes from outside as an argument.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: os.Getenv, files: map[string]string{}}
	stop := a.discardOnSignal()
	defer stop()
	defer a.forget()
	defer a.closeTokens()
	defer a.closeRing()
	cmd := a.root()
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	if err := cmd.Execute(); err != nil {
		a.say("%s", a.errorLine(err))
		return exitCode(err)
	}
	return 0
}
