package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/batch"
)

// redraw is how often the bar looks how far it is.
const redraw = 200 * time.Millisecond

// progress shows on a terminal how far a run is. It does nothing where there is
// none.
type progress struct {
	done, gone chan struct{}
	lines      chan string // that the bar makes room for
	app        *app
	mu         sync.Mutex // of what app says
}

func (a *app) progress(p *batch.Progress) *progress {
	x := &progress{done: make(chan struct{}), gone: make(chan struct{}), lines: make(chan string), app: a}
	if a.plain() {
		close(x.gone)
		return x
	}
	go func() {
		defer close(x.gone)
		bar := progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(a.stderr),
			progressbar.OptionSetDescription("sending"),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("mails"),
			progressbar.OptionSetWidth(20),
			progressbar.OptionSetTheme(progressbar.ThemeASCII),
			progressbar.OptionEnableColorCodes(false),
			progressbar.OptionSetPredictTime(true),
		)
		t := time.NewTicker(redraw)
		defer t.Stop()
		defer bar.Clear()
		for {
			select {
			case <-x.done:
				return
			case line := <-x.lines:
				bar.Clear()
				a.say("%s", line)
			case <-t.C:
			}
			if rows := p.Rows.Load(); rows > 0 && bar.GetMax64() != rows {
				bar.ChangeMax64(rows)
			}
			doing := "sending"
			if n := p.Deferred.Load(); n > 0 {
				doing = fmt.Sprintf("sending, %d put off", n)
			}
			bar.Describe(doing)
			bar.Set64(p.Done.Load())
		}
	}()
	return x
}

// tell says something to the person who waits.
func (x *progress) tell(line string) {
	select {
	case x.lines <- line:
	case <-x.gone:
		x.mu.Lock()
		defer x.mu.Unlock()
		x.app.say("%s", line)
	}
}

// stop removes the bar, so that the next line begins at the margin.
func (x *progress) stop() {
	close(x.done)
	<-x.gone
}
