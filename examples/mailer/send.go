package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
)

// send is the command of that name.
func (a *app) send(ctx context.Context, f *sendFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	if _, err := readConfig(f.config); err != nil {
		return err
	}
	return nil
}

// check says what is missing on the command line, or is not there.
func (f *sendFlags) check() error {
	switch {
	case f.list == "":
		return usagef("who gets mail? --list FILE")
	case f.documents == "":
		return usagef("where are the documents? --documents DIR")
	case f.run == "":
		return usagef("where is what becomes of it noted? --run DIR; it is made")
	case f.rate < 0:
		return usagef("--rate %g: give how many mails go out in a second, 0 for as many as can", f.rate)
	case f.connections < 1 || f.connections > mostConnections:
		return usagef("--connections %d: 1 to %d", f.connections, mostConnections)
	}
	info, err := os.Stat(f.documents)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usagef("there is no folder %s: --documents DIR is where the documents of the list are", shown(f.documents))
	case err != nil:
		return failed("looking into", f.documents, err)
	case !info.IsDir():
		return usagef("--documents %s is a file, and should be the folder that the documents are in", shown(f.documents))
	}
	return nil
}
