package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/batch"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/channel"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/report"
	"github.com/doublekeybox/doublekeybox/internal/atomicfile"
)

// untilSignal returns a context that ends when the program is told to. Told
// twice it ends at once: what is on the wire is then in doubt, as after any other
// death.
func (a *app) untilSignal(ctx context.Context) (context.Context, func()) {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithCancel(ctx)
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, endingSignals()...)
	done := make(chan struct{})
	go func() {
		select {
		case <-ch:
			a.say("interrupted: what is on the wire comes to its end; once more stops at once")
			cancel()
		case <-done:
			return
		}
		select {
		case <-ch:
			os.Exit(exitInterrupted)
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(ch)
		close(done)
		cancel()
	}
}

// softMemory is from where on garbage is collected more often, in octets. What a
// run needs is a fraction of it; what is over is garbage between two collections.
const softMemory = 40 << 20

// garbagePercent is how much garbage there may be below that, beside what is in
// use: collecting it twice as rarely as usual makes a mail a tenth cheaper.
const garbagePercent = 200

// sendBatch sends, and says what became of it.
func (a *app) sendBatch(ctx context.Context, b *built, f *sendFlags) error {
	debug.SetMemoryLimit(softMemory)
	if a.env("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	b.Progress = &batch.Progress{}
	bar := a.progress(b.Progress)
	b.Tell = func(text string) { bar.tell(errorLine(errors.New(text))) }
	result, err := b.Send(ctx)
	bar.stop()
	if result == nil {
		return err
	}
	// First what stays, then what is shown, by which the program may end: nobody
	// may be listening any more.
	if errProof := b.prove(); errProof != nil && !errors.As(err, new(*journal.BrokenError)) {
		err = errors.Join(err, errProof)
	}
	if errEnd := a.sumUp(b, f); errEnd != nil {
		err = errors.Join(err, errEnd)
	}
	switch {
	case errors.Is(err, batch.ErrInterrupted):
		return &statusError{exitInterrupted, fmt.Sprintf("interrupted: %d of %d are sent; the same command goes on with the others", result.Sent, result.Rows)}
	case err != nil:
		return fmt.Errorf("%w; %d of %d are sent, and the same command goes on with the others", err, result.Sent, result.Rows)
	case len(result.Doubt) > 0:
		d := result.Doubt[0]
		return &statusError{exitDoubt, fmt.Sprintf("of %d nobody knows whether they were sent, row %d (%s) first: look with the Message-ID from mailer report whether they were, and say so: mailer settle %s %d sent, or again", len(result.Doubt), d.Row, d.Address, f.run, d.Row)}
	case result.Sent < result.Rows:
		return &statusError{exitNotSent, fmt.Sprintf("%d of %d are sent, %d were refused, %d are put off: the same command tries these again", result.Sent, result.Rows, result.Failed, result.Deferred+result.Waiting)}
	}
	return nil
}

// prove signs the journal as it is at the end, with one of the keys that sign the
// mail: mailer verify, gpg and openssl check that.
func (b *built) prove() error { return sign(b.Journal, b.Signers) }

// sign signs a journal with the first of signers, which are by their format.
func sign(j *journal.Journal, signers map[string][]envelope.Signer) error {
	for _, format := range []string{openPGP, sMIME} {
		if s := signers[format]; len(s) > 0 {
			_, err := j.Sign(&envelope.Sealer{Signers: s})
			return err
		}
	}
	return nil
}

// sumUp writes what is told of a run at its end: report.html and the numbers of
// the passphrases that count, and a table, or JSON, to standard output.
func (a *app) sumUp(b *built, f *sendFlags) error {
	summary, err := readSummary(f.run)
	if err != nil {
		return err
	}
	if err := writeWhole(filepath.Join(f.run, reportName), summary.WriteHTML); err != nil {
		return err
	}
	if err := writeNumbers(f.run); err != nil {
		return err
	}
	if f.asJSON {
		return summary.WriteJSON(a.stdout)
	}
	parts := ""
	if to, ok := b.Channel.(*channel.File); ok {
		parts = to.Dir
	}
	return a.printSummary(summary, f.run, parts)
}

// printSummary writes the table, and where the rest is: the page, and what the
// print shop gets, whose parts are in the folder parts.
func (a *app) printSummary(s *report.Summary, run, parts string) error {
	if err := s.WriteTable(a.stdout); err != nil {
		return err
	}
	rows := [][]string{{"in full", filepath.Join(run, reportName)}}
	if parts != "" && s.Passphrases > 0 {
		rows = append(rows, []string{"for the print shop", parts + " and " + filepath.Join(run, numbersName)})
	}
	fmt.Fprintln(a.stdout)
	printTable(a.stdout, []string{"", ""}, rows)
	return nil
}

// readSummary reads the journal of a run.
func readSummary(dir string) (*report.Summary, error) {
	f, err := openJournal(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := report.Read(f)
	return s, failed("reading the journal of", dir, err)
}

// openJournal opens the journal of a run for reading.
func openJournal(dir string) (*os.File, error) {
	f, err := os.Open(filepath.Join(dir, journalName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, noRun(dir)
	}
	return f, failed("reading the journal of", dir, err)
}

// noRun says that there is no journal in a folder.
func noRun(dir string) error {
	return usagef("%s is no folder of a run: there is no %s in it; mailer send --run DIR makes one", shown(dir), journalName)
}

// writeWhole writes a file that appears whole, in the place of an older one.
func writeWhole(name string, write func(io.Writer) error) error {
	f, err := atomicfile.Create(name, atomicfile.Options{Replace: true, Secret: true})
	if err != nil {
		return failed("writing", name, err)
	}
	defer f.Discard()
	if err := write(f); err != nil {
		return failed("writing", name, err)
	}
	return failed("writing", name, f.Commit())
}

// writeNumbers writes the numbers of the passphrases that count, one a line:
// those of mails that were sent, and of those that may have been: who has such a
// mail cannot open it without the letter. A number that was told and is not among
// them is of a mail that never went out. A run in which nobody was given one has
// no such file.
func writeNumbers(dir string) error {
	in, err := openJournal(dir)
	if err != nil {
		return err
	}
	defer in.Close()
	name := filepath.Join(dir, numbersName)
	_, err = os.Lstat(name)
	known := err == nil         // a list that there is may say what is so no more
	numbers := map[int]string{} // by row: the last one that was begun
	for r, err := range journal.Read(in) {
		if err != nil {
			return failed("reading the journal of", dir, err)
		}
		switch r.Kind {
		case journal.Begun:
			if delete(numbers, r.Row); r.Number != "" {
				numbers[r.Row], known = r.Number, true
			}
		case journal.Deferred, journal.Failed:
			delete(numbers, r.Row)
		case journal.Settled:
			if r.As == journal.Waiting {
				delete(numbers, r.Row)
			}
		}
	}
	if !known {
		return nil
	}
	return writeWhole(name, func(w io.Writer) error {
		for _, number := range sortedValues(numbers) {
			if _, err := fmt.Fprintln(w, number); err != nil {
				return err
			}
		}
		return nil
	})
}

// sortedValues returns the values of m in their order, which says nothing of
// the rows.
func sortedValues(m map[int]string) []string { return slices.Sorted(maps.Values(m)) }
