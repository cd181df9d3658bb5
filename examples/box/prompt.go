package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/term"
)

// errNoTerminal says what to do where nobody can be asked.
var errNoTerminal = errors.New("there is no terminal to ask for the passphrase on: give --passphrase-file FILE (the first line of FILE)")

// terminal opens what the person at the keyboard reads and types on, also where
// standard input is the message. Nobody sits there where standard error is no
// terminal: then nothing waits for an answer.
func (a *app) terminal() (*os.File, error) {
	if !isTerminal(a.stderr) {
		return nil, errNoTerminal
	}
	name := "/dev/tty"
	if runtime.GOOS == "windows" {
		name = "CONIN$"
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, errNoTerminal
	}
	return f, nil
}

// ask shows a prompt on the terminal and reads a line without showing it. The
// caller clears what it returns.
func (a *app) ask(prompt string) ([]byte, error) {
	tty, err := a.terminal()
	if err != nil {
		return nil, err
	}
	defer tty.Close()
	fd := int(tty.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, errNoTerminal
	}
	// Who presses Ctrl-C at the prompt wants to see what they type afterwards.
	restore := func() { term.Restore(fd, before) }
	a.pending.onDiscard(restore)
	defer a.pending.onDiscard(nil)
	fmt.Fprintf(a.stderr, "%s: ", oneLine(prompt))
	line, err := term.ReadPassword(fd)
	fmt.Fprintln(a.stderr)
	if err != nil {
		return nil, fmt.Errorf("reading the passphrase: %w", err)
	}
	return line, nil
}

// askNew asks for a new passphrase, twice: nobody sees what they type.
func (a *app) askNew(prompt string) ([]byte, error) {
	for range promptTries {
		one, err := a.ask(prompt)
		if err != nil {
			return nil, err
		}
		if len(one) == 0 {
			return nil, errors.New("the passphrase is empty: nothing was changed")
		}
		two, err := a.ask("once more")
		same := err == nil && bytes.Equal(one, two)
		clear(two)
		if same {
			return one, nil
		}
		clear(one)
		if err != nil {
			return nil, err
		}
		a.say("the two are different: once again")
	}
	return nil, errors.New("the passphrase was not typed the same twice: nothing was changed")
}

// promptTries is how often a person may mistype.
const promptTries = 3
