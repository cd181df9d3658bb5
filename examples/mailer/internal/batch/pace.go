package batch

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace is how fast mail goes out: a token bucket whose rate halves where the
// server wants less, and comes back slowly. It is safe for concurrent use.
type pace struct {
	mu      sync.Mutex
	limiter *rate.Limiter
	asked   float64 // mails a second; 0: as fast as it goes
	full    float64 // as asked, or how fast it went before it was halved
	now     float64 // 0: as fast as it goes
	wires   int
	settled int // how many outcomes are still those of mails from before the last halving
	sent    int // since begun, to know how fast it goes where nothing limits it
	begun   time.Time
}

const (
	// leastPace is the smallest part of the full rate: by six refusals in a row.
	leastPace = 1.0 / 64

	// leastFull is what is halved first where no rate was asked for, in mails a
	// second: a run that just began has not shown how fast it goes.
	leastFull = 100

	// recoverSteps is how many mails have to be accepted before a rate that is
	// zero would be the full one: a server that asks for less once in a hundred
	// mails settles near the rate that it can bear.
	recoverSteps = 200
)

func newPace(asked float64, wires int) *pace {
	p := &pace{asked: asked, full: asked, wires: wires, limiter: rate.NewLimiter(rate.Inf, 1), begun: time.Now()}
	p.set(asked)
	return p
}

func (p *pace) set(now float64) {
	p.now = now
	if now <= 0 {
		p.limiter.SetLimit(rate.Inf)
		return
	}
	p.limiter.SetLimit(rate.Limit(now))
}

// delay takes the place of the next mail, and returns how long it has to wait
// for it.
func (p *pace) delay() time.Duration { return p.limiter.Reserve().Delay() }

// outcome is told of each: whether the server took the mail, and whether it wants
// less.
func (p *pace) outcome(accepted, slow bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if accepted {
		p.sent++
	}
	switch {
	case slow && p.settled == 0:
		if p.now == 0 {
			p.full = max(leastFull, float64(p.sent)/max(time.Since(p.begun).Seconds(), 1e-3))
			p.now = p.full
		}
		p.set(max(p.now/2, p.full*leastPace))
		// What the other connections have on the wire was begun at the old rate:
		// one bad moment of a server halves it once, and not once for each.
		p.settled = p.wires
	case accepted && p.now != p.asked:
		if next := p.now + p.full/recoverSteps; next < p.full {
			p.set(next)
		} else {
			p.set(p.asked)
		}
	}
	p.settled = max(p.settled-1, 0)
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
