package main

import (
	"bufio"
	"os"
	"os/signal"
	"sync"

	"github.com/doublekeybox/doublekeybox/examples/internal/terminal"
	"github.com/doublekeybox/doublekeybox/internal/atomicfile"
)

// output is where a command writes: a file that appears whole or not at all,
// standard output, or a device.
type output struct {
	buf  *bufio.Writer
	name string
	file *atomicfile.File // nil: standard output or a device
	dev  *os.File         // a device, a pipe: nothing to make whole
	app  *app
}

// outputBuffer is large enough that the small writes of base64 and of headers
// cost nothing, and smaller than what the formats write at once.
const outputBuffer = 64 << 10

// create starts the output. binary output is not written to a terminal.
func (a *app) create(name string, force, binary bool) (*output, error) {
	o := &output{name: name, app: a}
	if name == "" || name == "-" {
		if binary && isTerminal(a.stdout) {
			return nil, usagef("the output is binary and would confuse this terminal: give -o FILE, or a pipe, or --armor where there is one")
		}
		o.name = "-"
		o.buf = bufio.NewWriterSize(a.stdout, outputBuffer)
		return o, nil
	}
	// Devices and pipes are written to: /dev/null, /dev/stdout, a named pipe.
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return nil, failed("writing", name, err)
		}
		o.dev, o.buf = f, bufio.NewWriterSize(f, outputBuffer)
		return o, nil
	}
	f, err := atomicfile.Create(name, atomicfile.Options{Replace: force})
	if err != nil {
		return nil, failed("writing", name, err)
	}
	a.pending.add(f)
	o.file, o.buf = f, bufio.NewWriterSize(f, outputBuffer)
	return o, nil
}

// commit ends the output. Only now a file has its name.
func (o *output) commit() error {
	err := o.buf.Flush()
	switch {
	case err != nil:
	case o.file != nil:
		err = o.file.Commit()
	case o.dev != nil:
		err = o.dev.Close()
	}
	if err != nil {
		return o.failed(err)
	}
	return nil
}

// commitAll ends several outputs: all files appear, or none.
func commitAll(outs ...*output) error {
	var files []*atomicfile.File
	for _, o := range outs {
		if o.file == nil {
			if err := o.commit(); err != nil {
				return err
			}
			continue
		}
		if err := o.buf.Flush(); err != nil {
			return o.failed(err)
		}
		files = append(files, o.file)
	}
	if err := atomicfile.CommitAll(files...); err != nil {
		return failed("writing", outs[0].name, err)
	}
	return nil
}

// discard removes what was written. After commit it does nothing.
func (o *output) discard() {
	if o.file != nil {
		o.file.Discard()
		o.app.pending.remove(o.file)
	}
	if o.dev != nil {
		o.dev.Close()
	}
}

// failed names the output in an error that it caused.
func (o *output) failed(err error) error {
	if o.name == "-" {
		return &terminal.FileError{Doing: "writing", Name: "standard output", Err: err}
	}
	return failed("writing", o.name, err)
}

// Write names the output in its errors, so that a message blames it and not
// the input.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.buf.Write(p)
	if err != nil {
		err = o.failed(err)
	}
	return n, err
}

// pending are the files being written. Who presses Ctrl-C wants nothing left.
type pending struct {
	mu    sync.Mutex
	files map[*atomicfile.File]bool
	dir   string // removed with all that is in it
	last  func() // done at last; nil: nothing
}

// onDiscard sets what is done when the program is told to end; nil: nothing.
func (p *pending) onDiscard(last func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = last
}

func (p *pending) removeAtEnd(dir string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dir = dir
}

func (p *pending) add(f *atomicfile.File) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files == nil {
		p.files = map[*atomicfile.File]bool{}
	}
	p.files[f] = true
}

func (p *pending) remove(f *atomicfile.File) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.files, f)
}

func (p *pending) discard() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for f := range p.files {
		f.Discard()
	}
	if p.dir != "" {
		os.RemoveAll(p.dir)
	}
	if p.last != nil {
		p.last()
	}
}

// discardOnSignal removes half-written files when the program is told to end.
// stop ends it.
func (a *app) discardOnSignal() (stop func()) {
	ignoreFileSize()
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, endingSignals...)
	done := make(chan struct{})
	go func() {
		select {
		case <-ch:
			a.pending.discard()
			a.say("interrupted: nothing was left behind")
			os.Exit(exitOther)
		case <-done:
		}
	}()
	return func() {
		signal.Stop(ch)
		close(done)
	}
}
