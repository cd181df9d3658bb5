package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// patience is how long a command may take before it shows a progress bar: one
// that flashes by tells nothing.
const patience = time.Second

// progress shows on a terminal how far a long reading is. Its methods do
// nothing where there is no terminal.
type progress struct {
	app   *app
	doing string
	off   bool
	begun time.Time // of the first pass
	pass  int
	total int64 // -1: not known
	n     int64
	bar   *progressbar.ProgressBar
}

func (a *app) progress(doing string) *progress {
	return &progress{app: a, doing: doing, off: a.plain()}
}

// start begins a pass over total octets.
func (p *progress) start(total int64) {
	if p.off {
		return
	}
	if p.begun.IsZero() {
		p.begun = time.Now()
	}
	p.clear()
	p.pass++
	p.total, p.n, p.bar = total, 0, nil
}

func (p *progress) add(n int) {
	if p.off || n == 0 {
		return
	}
	p.n += int64(n)
	if p.bar == nil {
		if time.Since(p.begun) < patience {
			return
		}
		p.show()
	}
	p.bar.Set64(p.n)
}

func (p *progress) show() {
	doing := p.doing
	if p.pass > 1 {
		doing += ", second pass"
	}
	p.bar = progressbar.NewOptions64(p.total,
		progressbar.OptionSetWriter(p.app.stderr),
		progressbar.OptionSetDescription(doing),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetWidth(24),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionEnableColorCodes(false),
	)
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
