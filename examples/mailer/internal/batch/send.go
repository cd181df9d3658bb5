package batch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
)

// ErrInterrupted is the cause of an end that ctx asked for.
var ErrInterrupted = errors.New("batch: interrupted")

// grace is how long a mail that is on the wire has to come to its end after the
// run was told to.
const grace = 30 * time.Second

// Send sends what the journal has not yet seen the end of, after a Preflight.
// Those that are put off get further rounds after each of Pauses; what is put
// off still is for another Send.
//
// Where ctx ends, what is on the wire comes to its end, and nothing more is
// begun; the error is then ErrInterrupted. Other errors are those by which
// nothing more can be sent: of the journal, of the list, of a server that does
// not answer or does not let us in. With each there is a Result.
func (r *Run) Send(ctx context.Context) (*Result, error) {
	if err := r.Journal.Append(journal.Record{Kind: journal.Started, Memory: resident()}); err != nil {
		return nil, err
	}
	s := &sending{run: r, pace: newPace(r.Rate, r.Connections), again: map[int]*kept{}, domains: map[string]*rate.Limiter{}}
	for name, d := range r.Domains {
		if d.Rate > 0 {
			s.domains[name] = rate.NewLimiter(rate.Limit(d.Rate), 1)
		}
	}
	if r.Progress == nil {
		s.progress = &Progress{}
	} else {
		s.progress = r.Progress
	}
	err := s.rounds(ctx)
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Cause(ctx))) {
		err = ErrInterrupted
	}
	if errEnd := r.Journal.Append(journal.Record{Kind: journal.Ended, Memory: resident()}); err == nil {
		err = errEnd
	}
	return r.result(), err
}

// sending is one Send.
type sending struct {
	run      *Run
	pace     *pace
	domains  map[string]*rate.Limiter // those with a rate of their own
	progress *Progress
	live     atomic.Int64 // connections that there are

	mu    sync.Mutex
	again map[int]*kept // those that were put off, by their row; nil where nothing is kept
	why   string        // the first of this round was put off; "" where none was
	said  string        // what was told last
}

// because keeps why a mail was put off, to tell it where there is to be waited.
func (s *sending) because(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why == "" {
		s.why = why
	}
}

// tellOnce tells the person who waits something, but not the same twice in a row.
func (s *sending) tellOnce(text string) {
	s.mu.Lock()
	known := s.said == text
	s.said = text
	s.mu.Unlock()
	if s.run.Tell != nil && !known {
		s.run.Tell(text)
	}
}

// rounds goes through the list once, and then again for those that were put off.
func (s *sending) rounds(ctx context.Context) error {
	rows := s.run.Journal.Head().Rows
	s.progress.Rows.Store(int64(rows))
	done := 0
	for row := 1; row <= rows; row++ {
		if !s.run.Journal.State(row).Open() {
			done++
		}
	}
	s.progress.Done.Add(int64(done))
	if done < rows && s.run.Channel != nil {
		if err := s.knock(ctx); err != nil {
			return err
		}
	}
	var before map[int]*kept
	for n := 0; ; n++ {
		if err := s.round(ctx, before); err != nil {
			return err
		}
		before, s.again = s.again, map[int]*kept{}
		if len(before) == 0 || n == len(s.run.Pauses) {
			return context.Cause(ctx)
		}
		s.tellOnce(fmt.Sprintf("%d put off, and tried again in %v: %.300s", len(before), s.run.Pauses[n], s.why))
		s.why = ""
		if err := sleep(ctx, s.run.Pauses[n]); err != nil {
			return err
		}
	}
}

// knock makes a connection, and ends it: nobody is told a passphrase, on paper or
// on their telephone, of a mail that goes to no server.
func (s *sending) knock(ctx context.Context) error {
	w := &wire{sending: s, hard: ctx}
	defer w.disconnect()
	if err := w.connect(ctx); err == nil {
		return nil
	}
	_, err := w.reconnect(ctx)
	return err
}

// round sends every row that can be begun: all, or those of before. It returns
// when each that was begun has its outcome in the journal, so that no two rounds
// have the same row in hand.
func (s *sending) round(ctx context.Context, before map[int]*kept) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := func(err error) {
		if err != nil {
			cancel(err)
		}
	}
	// What is on the wire outlives ctx a while.
	hard, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	defer kill(nil)
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(grace, func() { kill(ErrInterrupted) })
	})()

	// Both channels are short: what is between two stages is sealed mail in
	// memory.
	jobs := make(chan *job)
	mails := make(chan *ready, max(1, s.run.Connections/2))
	finished := make(chan struct{})
	var sealers, wires sync.WaitGroup
	for range max(1, s.run.Workers) {
		sealers.Go(func() { stop(s.sealAll(ctx, jobs, mails)) })
	}
	for range max(1, s.run.Connections) {
		wires.Go(func() {
			w := &wire{sending: s, hard: hard, finished: finished}
			stop(w.sendAll(ctx, mails))
			w.drain(mails)
		})
	}
	stop(s.dispatch(ctx, jobs, before))
	close(jobs)
	sealers.Wait()
	close(mails)
	close(finished)
	wires.Wait()
	return context.Cause(ctx)
}

// sealAll makes mails of jobs. After ctx ended it only empties the channel.
func (s *sending) sealAll(ctx context.Context, jobs <-chan *job, mails chan<- *ready) error {
	for j := range jobs {
		if ctx.Err() != nil {
			continue
		}
		m, err := s.run.seal(ctx, j)
		if ctx.Err() != nil && err != nil {
			continue
		}
		if err != nil {
			if err := s.notSealed(j, err); err != nil {
				return err
			}
			continue
		}
		select {
		case mails <- m:
		case <-ctx.Done():
			m.mail.Close()
		}
	}
	return nil
}

// notSealed notes that there is no mail for j: nothing of it was on the wire.
func (s *sending) notSealed(j *job, why error) error {
	record := journal.Record{Kind: journal.Failed, Row: j.row.Row, Address: j.row.Address, Delivery: string(j.row.Delivery), Reply: oneLine(problemText(why))}
	switch {
	case errors.As(why, new(*storeError)), errors.As(why, new(*fs.PathError)), errors.As(why, new(syscall.Errno)):
		// A store that does not answer, a disk that is full, a server of files
		// that is away: what all of them have would else be refused for good.
		record.Kind = journal.Deferred
		s.putOff(j)
		s.because(record.Reply)
	case errors.As(why, new(*changedError)):
		record.Kind = journal.Deferred // for another Send: this one would find the same
	default:
		s.progress.Done.Add(1)
	}
	if err := s.run.Journal.Append(record); err != nil {
		return err
	}
	if errors.Is(why, ErrNoStore) {
		return why
	}
	return nil
}

// putOff keeps j for the next round.
func (s *sending) putOff(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.again[j.row.Row] = nil
	if j.pass != nil || j.link != nil {
		s.again[j.row.Row] = &j.kept
	}
	s.progress.Deferred.Store(int64(len(s.again)))
}
