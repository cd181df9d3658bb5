package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// patience is how long a command may take before it shows a progress bar: one
// that flashes by tells nothing.
const patience = time.Second

// redraw is how often the bar is told of what was read: telling costs more
// than reading a few octets does.
const redraw = 100 * time.Millisecond

// progress shows on a terminal how far a long reading is. Its methods do
// nothing where there is no terminal.
type progress struct {
	app   *app
	doing string
	off   bool
	begun time.Time // of the first pass
	pass  int
	n     int       // octets that the bar does not know of yet
	drawn time.Time // when it was told last
	bar   *progressbar.ProgressBar
}

func (a *app) progress(doing string) *progress {
	return &progress{app: a, doing: doing, off: a.plain()}
}

// start begins a pass over total octets, -1: not known.
func (p *progress) start(total int64) {
	if p.off {
		return
	}
	if p.begun.IsZero() {
		p.begun = time.Now()
	}
	p.clear()
	p.pass++
	p.n = 0
	doing := p.doing
	if p.pass > 1 {
		doing += ", second pass"
	}
	p.bar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(p),
		progressbar.OptionSetDescription(doing),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowCount(),
		progressbar.OptionSetWidth(20),
		progressbar.OptionSetTheme(progressbar.ThemeASCII),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionEnableColorCodes(false),
	)
}

// Write is where the bar is drawn: on nothing at first, so that it measures
// from the beginning and is seen only when it is worth while.
func (p *progress) Write(b []byte) (int, error) {
	if time.Since(p.begun) < patience {
		return len(b), nil
	}
	return p.app.stderr.Write(b)
}

func (p *progress) add(n int) {
	if p.off || n <= 0 {
		return
	}
	p.n += n
	if now := time.Now(); now.Sub(p.drawn) >= redraw {
		p.bar.Add(p.n)
		p.n, p.drawn = 0, now
	}
}

func (p *progress) clear() {
	if p.bar != nil {
		p.bar.Clear()
		p.bar = nil
	}
}

// stop removes the bar, so that the next line begins at the margin.
func (p *progress) stop() {
	if !p.off {
		p.clear()
		p.off = true
	}
}
