package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/doublekeybox/doublekeybox/examples/internal/sizes"
	"github.com/doublekeybox/doublekeybox/examples/internal/terminal"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/batch"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/list"
)

// The files in the folder of a run.
const (
	journalName = "journal.jsonl"
	reportName  = "report.html"
	numbersName = "numbers.txt" // of the passphrases that count, for the print shop
)

// send is the command of that name.
func (a *app) send(ctx context.Context, f *sendFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	c, err := readConfig(f.config)
	if err != nil {
		return err
	}
	f.settle(c)
	resumes, err := isRun(f.run)
	if err != nil {
		return err
	}
	b, err := c.build(ctx, f)
	if err != nil {
		return err
	}
	defer b.Close()
	head := journal.Head{List: hexOf(b.List), Config: c.essence(b.Letters)}
	if resumes && !f.dryRun {
		if b.Journal, err = resumeRun(f.run, head); err != nil {
			return err
		}
		if b.Journal != nil {
			defer b.Journal.Close()
		}
	}
	ctx, stop := a.untilSignal(ctx)
	defer stop()
	p, err := a.preflight(ctx, b, f)
	if err != nil || f.dryRun {
		return err
	}
	if b.Journal == nil {
		head.Rows = p.Rows
		if b.Journal, err = beginRun(f.run, head); err != nil {
			return err
		}
		defer b.Journal.Close()
	}
	return a.sendBatch(ctx, b, f)
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
	if err := isFolder("documents", f.documents); err != nil || f.keys == "" {
		return err
	}
	return isFolder("keys", f.keys)
}

// isFolder says what is wrong with the folder that a flag names.
func isFolder(flag, dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usagef("there is no folder %s: --%s DIR is where the %s of the list are", shown(dir), flag, flag)
	case err != nil:
		return failed("looking into", dir, err)
	case !info.IsDir():
		return usagef("--%s %s is a file, and should be the folder that the %s are in", flag, shown(dir), flag)
	}
	return nil
}

// settle takes from the configuration what the command line does not say.
func (f *sendFlags) settle(c *config) {
	if !f.rateSet && c.Rate != nil {
		f.rate = *c.Rate
	}
	if !f.connectionsSet && c.Connections > 0 {
		f.connections = c.Connections
	}
}

// isRun reports whether there is a run to go on with. A folder that is something
// else is not written into.
func isRun(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, failed("looking into", dir, err)
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return false, failed("looking into", dir, err)
	case info.Mode().Perm()&0o002 != 0 && runtime.GOOS != "windows": // where all have these bits
		return false, usagef("everybody on this machine can write to %s, and so have mail sent twice, or not at all: take that away with chmod o-w", shown(dir))
	case len(entries) == 0:
		return false, nil
	}
	if _, err := os.Stat(filepath.Join(dir, journalName)); err != nil {
		return false, usagef("%s is no folder of a run: other things are in it, and no %s; give one that is not there yet", shown(dir), journalName)
	}
	return true, nil
}

// beginRun makes the folder of a run with a new journal in it.
func beginRun(dir string, head journal.Head) (*journal.Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, failed("making", dir, err)
	}
	j, err := journal.Open(filepath.Join(dir, journalName), head)
	return j, failed("beginning", dir, err)
}

// resumeRun opens the journal of a run that was begun with the same list and
// configuration. It is nil where the program was killed while it wrote the first
// line: nothing was begun, and beginRun begins.
func resumeRun(dir string, head journal.Head) (*journal.Journal, error) {
	j, err := journal.Resume(filepath.Join(dir, journalName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, failed("going on with", dir, err)
	}
	have := j.Head()
	for _, m := range []journal.MismatchError{{What: "list", Have: have.List, Want: head.List}, {What: "configuration", Have: have.Config, Want: head.Config}} {
		if m.Have != m.Want {
			j.Close()
			return nil, failed("going on with", dir, &m)
		}
	}
	return j, nil
}

func hexOf(l *list.List) string {
	sum := l.SHA256()
	return hex.EncodeToString(sum[:])
}

// preflight looks through the list, and shows what was found: all of it where
// nothing is to be sent, else what keeps it from being sent.
func (a *app) preflight(ctx context.Context, b *built, f *sendFlags) (*batch.Preflight, error) {
	p, err := b.Preflight(ctx)
	var problems *batch.PreflightError
	switch {
	case ctx.Err() != nil:
		return nil, &statusError{exitInterrupted, "interrupted: nothing was sent"}
	case err != nil && !errors.As(err, &problems):
		return nil, failed("reading the list", f.list, err)
	case f.asJSON && (f.dryRun || problems != nil):
		if err := a.writeJSON(p); err != nil {
			return nil, err
		}
	case f.dryRun || problems != nil:
		a.printPreflight(p)
	}
	if problems != nil {
		what := "problems"
		if p.Lacking == 1 {
			what = "problem"
		}
		return nil, &statusError{exitPreflight, fmt.Sprintf("%d %s with the list, as shown: mend it and run the same again; nothing was sent to anybody", p.Lacking, what)}
	}
	return p, nil
}

func (a *app) writeJSON(v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	// Of strangers there are addresses in it, and what bounces say.
	_, err = a.stdout.Write(append(terminal.JSON(b), '\n'))
	return err
}

// mostSame is how many rows are shown that have the same problem.
const mostSame = 3

// printPreflight shows problems first, then what happens to the first rows, then
// the totals.
func (a *app) printPreflight(p *batch.Preflight) {
	if p.Lacking > 0 {
		var rows [][]string
		same := map[string]int{}
		for _, x := range p.Problems {
			// What all rows have is one mistake, which many lines would hide.
			if same[x.What]++; same[x.What] > mostSame {
				continue
			}
			row := ""
			if x.Row > 0 {
				row = fmt.Sprint(x.Row)
			}
			rows = append(rows, []string{row, x.Address, x.What})
		}
		for _, x := range p.Problems {
			if n := same[x.What]; n > mostSame {
				rows = append(rows, []string{"", fmt.Sprintf("and %d more", n-mostSame), x.What})
				delete(same, x.What)
			}
		}
		printTable(a.stdout, []string{"ROW", "ADDRESS", "PROBLEM"}, rows)
		if more := p.Lacking - len(p.Problems); more > 0 {
			fmt.Fprintf(a.stdout, "and %d more\n", more)
		}
		fmt.Fprintln(a.stdout)
	}
	var rows [][]string
	for _, l := range p.First {
		rows = append(rows, []string{fmt.Sprint(l.Row), l.Address, string(l.Delivery), fmt.Sprint(l.Documents), sizes.Text(l.Octets), l.Opens, l.Note})
	}
	if len(rows) > 0 {
		printTable(a.stdout, []string{"ROW", "ADDRESS", "DELIVERY", "DOCUMENTS", "MAIL", "OPENED BY", "NOTE"}, rows)
		if more := p.Rows - len(rows); more > 0 {
			fmt.Fprintf(a.stdout, "and %d more rows\n", more)
		}
		fmt.Fprintln(a.stdout)
	}
	rows = nil
	mails, octets := 0, int64(0)
	for _, d := range []list.Delivery{list.OpenPGP, list.SMIME, list.ZIP, list.Link} {
		if t := p.Totals[d]; t != nil {
			rows = append(rows, []string{string(d), fmt.Sprint(t.Mails), sizes.Text(t.Octets)})
			mails, octets = mails+t.Mails, octets+t.Octets
		}
	}
	rows = append(rows, []string{"all", fmt.Sprint(mails), sizes.Text(octets)})
	printTable(a.stdout, []string{"DELIVERY", "MAILS", "ABOUT"}, rows)
	for _, note := range []struct {
		n    int
		text string
	}{{p.Instead, "by another delivery than the list says, for their domain"}, {p.Weak, "with a passphrase that can be guessed, which the configuration allows"}} {
		if note.n > 0 {
			fmt.Fprintf(a.stdout, "%d %s\n", note.n, note.text)
		}
	}
}
