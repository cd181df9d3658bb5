package main

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/doublekeybox/doublekeybox/internal/atomicfile"
)

// output is a file named by an option, or a file descriptor. It is there only
// if the whole subcommand succeeds: what is written is held until then.
type output struct {
	name string
	file *atomicfile.File
	fd   *os.File
	held []byte
}

// output prepares what name says. A file must not exist: nothing that is there
// is written over.
func (a *app) output(name string) (*output, error) {
	return a.begin(name, atomicfile.Options{})
}

// secret is output of what opens a message: a file is for its owner alone.
func (a *app) secret(name string) (*output, error) {
	return a.begin(name, atomicfile.Options{Secret: true})
}

func (a *app) begin(name string, options atomicfile.Options) (*output, error) {
	o := &output{name: name}
	switch prefix, rest, err := designator(name); {
	case err != nil:
		return nil, err
	case prefix == prefixEnv:
		return nil, fail(unsupportedSpecialPrefix, "nothing can be written to %.80q", name)
	case prefix == prefixFD:
		if o.fd, err = openFD(rest, unspecified); err != nil {
			return nil, err
		}
	default:
		if _, err := os.Lstat(name); err == nil {
			return nil, fail(outputExists, "%.80q exists already", name)
		}
		if o.file, err = atomicfile.Create(name, options); err != nil {
			return nil, exists(err)
		}
	}
	a.outputs = append(a.outputs, o)
	return o, nil
}

func exists(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return as(outputExists, err)
	}
	return err
}

// Write implements io.Writer. What comes here is small.
func (o *output) Write(p []byte) (int, error) {
	o.held = append(o.held, p...)
	return len(p), nil
}

var _ io.Writer = (*output)(nil)

// finish writes all outputs, or none.
func (a *app) finish(ok bool) error {
	var files []*atomicfile.File
	for _, o := range a.outputs {
		if o.file != nil {
			defer o.file.Discard() // after Commit it does nothing
		}
	}
	if !ok {
		return nil
	}
	for _, o := range a.outputs {
		if o.file != nil {
			if _, err := o.file.Write(o.held); err != nil {
				return err
			}
			files = append(files, o.file)
			continue
		}
		if _, err := o.fd.Write(o.held); err != nil {
			return err
		}
		if err := o.fd.Close(); err != nil {
			return err
		}
	}
	if len(files) == 0 {
		return nil
	}
	return exists(atomicfile.CommitAll(files...))
}
