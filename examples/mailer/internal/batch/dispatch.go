package batch

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/channel"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
)

// dispatcher gives out the rows of a round. It belongs to one goroutine.
type dispatcher struct {
	*sending
	jobs   chan<- *job
	untold []*job            // whose passphrases are not told yet
	slow   map[string][]*job // by domain: those whose turn has not come
	slows  int               // how many those are
	silent int               // how often in a row the second channel took nothing
}

// mostSilent is how often the second channel may take nothing before it is left
// alone until the next round: a webhook that answers to nobody takes minutes to
// say so, and all other mail would wait for it each time.
const mostSilent = 3

// mostSlow is how many rows wait for the rate of their domain before all others
// wait with them.
const mostSlow = 1000

// dispatch gives out each row that can be begun, and that is one of before where
// that is not nil.
func (s *sending) dispatch(ctx context.Context, jobs chan<- *job, before map[int]*kept) error {
	d := &dispatcher{sending: s, jobs: jobs, slow: map[string][]*job{}}
	for e, err := range s.run.List.All() {
		if err != nil {
			return err // the preflight found none: the list was changed
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		old, was := before[e.Row]
		if before != nil && !was || !s.run.Journal.State(e.Row).Open() {
			continue
		}
		w, errs := s.run.row(e)
		j := &job{row: w}
		if old != nil {
			j.kept = *old
		}
		if len(errs) == 0 && !s.run.looked.same(w) {
			errs = append(errs, errors.New("the row, its documents or its key was changed"))
		}
		if len(errs) > 0 {
			// The preflight found nothing wrong, and the next one will say what is.
			if err := s.notSealed(j, &changedError{problemText(errors.Join(errs...))}); err != nil {
				return err
			}
			continue
		}
		if err := d.tellFirst(ctx, j); err != nil {
			return err
		}
	}
	if err := d.tell(ctx); err != nil {
		return err
	}
	for d.slows > 0 {
		if err := d.release(ctx, true); err != nil {
			return err
		}
	}
	return nil
}

// tellFirst sees to it that the passphrase of j reaches its recipient before j
// is sealed.
func (d *dispatcher) tellFirst(ctx context.Context, j *job) error {
	if j.row.known != nil {
		j.pass = j.row.known
	}
	if !j.row.passphrase() || j.pass != nil {
		return d.pass(ctx, j)
	}
	d.untold = append(d.untold, j)
	if len(d.untold) >= max(1, d.run.ChannelBatch) {
		return d.tell(ctx)
	}
	return nil
}

// tell tells the passphrases of those that wait for it, and passes them on. Only
// what was told, durably, comes near a connection: a mail whose passphrase is
// lost would be one that nobody ever opens. Where telling fails nothing of those
// rows is sent, and each gets another passphrase at its next try: nobody knows
// which of them arrived.
func (d *dispatcher) tell(ctx context.Context) error {
	jobs := d.untold
	d.untold = nil
	if len(jobs) == 0 {
		return nil
	}
	items := make([]channel.Item, len(jobs))
	for i, j := range jobs {
		var err error
		if j.pass, err = d.run.Passphrase(); err != nil {
			return err
		}
		j.number = channel.NewNumber()
		items[i] = channel.Item{
			Number: j.number, Name: j.row.Name, Address: j.row.Address, Language: j.row.Language,
			Passphrase: j.pass, Fields: j.row.Fields,
		}
	}
	err := d.deliver(ctx, items)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var some *channel.UndeliveredError
	partly := errors.As(err, &some)
	var records []journal.Record
	for _, j := range jobs {
		why := err
		if partly {
			why = some.Numbers[j.number]
		}
		if why == nil {
			if err := d.pass(ctx, j); err != nil {
				return err
			}
			continue
		}
		j.kept = kept{}
		records = append(records, journal.Record{
			Kind: journal.Deferred, Row: j.row.Row, Address: j.row.Address, Delivery: string(j.row.Delivery),
			Reply: oneLine("the second channel: " + why.Error()),
		})
		d.putOff(j)
		d.because(records[len(records)-1].Reply)
	}
	if len(records) == 0 {
		return nil
	}
	return d.run.Journal.Append(records...)
}

// errSilent is why a row waits for the next round.
var errSilent = errors.New("it took nothing several times in a row, and is asked again later")

// deliver tells items, unless the channel is left alone.
func (d *dispatcher) deliver(ctx context.Context, items []channel.Item) error {
	if d.silent >= mostSilent {
		return errSilent
	}
	err := d.run.Channel.Deliver(ctx, items)
	var some *channel.UndeliveredError
	if d.silent++; err == nil || errors.As(err, &some) && len(some.Numbers) < len(items) {
		d.silent = 0
	}
	return err
}

// pass gives j out, or keeps it until its domain's turn comes.
func (d *dispatcher) pass(ctx context.Context, j *job) error {
	domain := domainOf(j.row.Address)
	if d.domains[domain] == nil {
		if err := d.give(ctx, j); err != nil {
			return err
		}
		return d.release(ctx, false)
	}
	d.slow[domain] = append(d.slow[domain], j)
	d.slows++
	return d.release(ctx, d.slows > mostSlow)
}

// release gives out those whose turn has come, and with wait set waits for at
// least one.
func (d *dispatcher) release(ctx context.Context, wait bool) error {
	for {
		next := time.Duration(math.MaxInt64)
		released := false
		for domain, waiting := range d.slow {
			limiter := d.domains[domain]
			for len(waiting) > 0 && limiter.Allow() {
				if err := d.give(ctx, waiting[0]); err != nil {
					return err
				}
				waiting, released = waiting[1:], true
				d.slows--
			}
			if d.slow[domain] = waiting; len(waiting) == 0 {
				delete(d.slow, domain)
				continue
			}
			next = min(next, time.Duration((1-limiter.Tokens())/float64(limiter.Limit())*float64(time.Second)))
		}
		if released || !wait || d.slows == 0 {
			return nil
		}
		if err := sleep(ctx, max(next, time.Millisecond)); err != nil {
			return err
		}
	}
}

func (d *dispatcher) give(ctx context.Context, j *job) error {
	select {
	case d.jobs <- j:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// mostReply is how many octets of what a server says are in the journal.
const mostReply = 500

// oneLine makes one line of s, not too long.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.ToValidUTF8(s[:min(len(s), mostReply)], "?")
}
