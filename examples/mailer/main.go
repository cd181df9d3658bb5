// Command mailer sends statements to many people: a folder of documents and a
// list of names become mail that is sealed for each of them, in OpenPGP, in
// S/MIME, as an archive with a passphrase of their own, or as a link that dies.
// What went where is in a journal, by which a run that was killed goes on.
//
// Start with
//
//	go run ./examples/mailer demo
//	go run ./examples/mailer --help
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/doublekeybox/doublekeybox/examples/internal/nocore"
)

func main() {
	if err := nocore.Set(); err != nil {
		fmt.Fprintf(os.Stderr, "mailer: warning: where it crashes the system may write passphrases into a core file: %v\n", err)
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is main with everything that comes from outside as an argument.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: os.Getenv}
	cmd := a.root()
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	if err := cmd.Execute(); err != nil {
		if text := errorLine(err); text != "" {
			a.say("%s", text)
		}
		return exitCode(err)
	}
	return 0
}
