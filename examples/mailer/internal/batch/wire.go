package batch

import (
	"context"
	"fmt"
	"time"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/carrier"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

const (
	// connectTries is how often in a row connecting is tried, with pauses that
	// double from connectPause: about two minutes, in which a server restarts.
	connectTries = 8
	connectPause = time.Second
	connectMost  = 30 * time.Second

	// idle is how long a connection may lie: servers wait five minutes (RFC 5321,
	// Section 4.5.3.2.7), and many less.
	idle = 45 * time.Second
)

// wire sends mail by one connection at a time. It belongs to one goroutine.
type wire struct {
	*sending
	hard     context.Context // of what is on the wire
	finished <-chan struct{} // closed when no mail comes any more
	conn     carrier.Connection
	used     time.Time
	lost     error            // why connecting failed
	held     []journal.Record // the outcome of the last mail, which is not durable yet
}

// sendAll sends what comes, until the channel is closed or ctx ends.
//
// Why nobody is sent a mail twice, and nobody is forgotten, however the program
// ends:
//
//   - Before the first octet of a mail is written to a connection its record
//     "begun" is durable: Append has returned. A row that is begun is sent by
//     nobody again, unless there is an outcome which says that the server does not
//     have it (deferred, or a person's word): the journal itself refuses another
//     "begun". So there is no way to a second mail but an outcome that is wrong.
//   - An outcome is only what the server answered, or that the connection broke
//     before the mail was sent to its end, and then the server has nothing of it
//     (package smtp). A break after that is "unknown", and no outcome.
//   - A row without "begun", or deferred, is tried at each Send until it has an
//     end; Send goes by the list and not by what is in memory. So nobody is
//     forgotten who has not an end in the journal.
//   - What is begun and has no outcome when the program ends is in doubt. A wire
//     makes the outcome of its mail durable not after the "begun" of its next: they
//     are one Append, the outcome first, and of that a file keeps a beginning. So
//     there is at most one in doubt for each connection that was open.
//   - In one process no row is in two hands: a round gives out each row once, and
//     ends before the next begins. A second process does not get the journal.
//
// Waiting for the rate and connecting come before "begun": a program that is
// killed while it waits leaves nothing in doubt.
func (w *wire) sendAll(ctx context.Context, mails <-chan *ready) error {
	err := w.each(ctx, mails)
	if errFlush := w.flush(); err == nil {
		err = errFlush
	}
	w.disconnect()
	return err
}

// drain takes what somebody may be waiting to hand over. None of it was begun.
func (w *wire) drain(mails <-chan *ready) {
	for m := range mails {
		w.putOff(m.job)
		m.mail.Close()
	}
}

func (w *wire) each(ctx context.Context, mails <-chan *ready) error {
	for {
		if w.lost != nil {
			if again, err := w.reconnect(ctx); err != nil || !again {
				return err
			}
		}
		m, ok := w.next(mails)
		if !ok {
			return nil
		}
		if m == nil {
			// There is time: what is known is made durable before waiting.
			if err := w.flush(); err != nil {
				return err
			}
			if m, ok = <-mails; !ok {
				return nil
			}
		}
		err := w.one(ctx, m)
		m.mail.Close()
		if err != nil {
			return err
		}
	}
}

// next returns a mail if there is one already, else nil; false at the end.
func (w *wire) next(mails <-chan *ready) (*ready, bool) {
	select {
	case m, ok := <-mails:
		return m, ok
	default:
		return nil, true
	}
}

// flush makes the outcome of the last mail durable.
func (w *wire) flush() error {
	if len(w.held) == 0 {
		return nil
	}
	held := w.held
	w.held = nil
	return w.run.Journal.Append(held...)
}

// one sends one mail.
func (w *wire) one(ctx context.Context, m *ready) error {
	if ctx.Err() != nil {
		return nil // it was not begun, and has no record
	}
	if err := w.wait(ctx, w.pace.delay()); err != nil {
		return err
	}
	if w.conn != nil && time.Since(w.used) > idle {
		w.disconnect()
	}
	if w.conn == nil {
		if err := w.connect(ctx); err != nil {
			w.putOff(m.job) // it was not begun, and others may have a connection
			return w.flush()
		}
	}
	records := append(w.held, m.begun)
	w.held = nil
	if err := w.run.Journal.Append(records...); err != nil {
		return err // nothing was sent, and nothing will be
	}
	o := w.conn.Send(w.hard, m.mail)
	w.used = time.Now()
	w.note(m, o)
	if o.Stop != nil {
		return fmt.Errorf("batch: the server takes no mail: %w", o.Stop)
	}
	return nil
}

// wait waits, what is known being durable by then.
func (w *wire) wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	return sleep(ctx, d)
}

// memoryEvery is after how many mails the journal says how much memory there is:
// often enough for a curve.
const memoryEvery = 250

// note takes down what became of a mail.
func (w *wire) note(m *ready, o carrier.Outcome) {
	record := journal.Record{Row: m.row.Row, Attempt: m.begun.Attempt, Reply: oneLine(o.Reply)}
	switch o.What {
	case smtp.Accepted:
		record.Kind = journal.Sent
		if w.progress.Sent.Add(1)%memoryEvery == 0 {
			record.Memory = resident()
		}
		w.progress.Done.Add(1)
	case smtp.Refused:
		record.Kind = journal.Failed
		w.progress.Done.Add(1)
	case smtp.Unknown:
		record.Kind = journal.Unknown
		w.progress.Done.Add(1)
	default: // Deferred, NotSent: the server does not have it
		record.Kind = journal.Deferred
		w.putOff(m.job)
		w.because(record.Reply)
	}
	w.pace.outcome(o.What == smtp.Accepted, o.Slow)
	w.held = append(w.held, record)
	if o.Over {
		w.disconnect()
	}
}

// connect connects, and notes where that is not possible.
func (w *wire) connect(ctx context.Context) error {
	if err := w.flush(); err != nil {
		return err
	}
	w.conn, w.lost = w.run.Carrier.Connect(ctx)
	if w.lost != nil {
		w.conn = nil
		return w.lost
	}
	w.used = time.Now()
	w.live.Add(1)
	return nil
}

// reconnect tries until there is a connection. False is that there is none, and
// nothing to send either. A server that lets in fewer than we would like is no
// reason to stop: the error is for when nobody has a connection.
func (w *wire) reconnect(ctx context.Context) (bool, error) {
	for try, pause := 1, connectPause; w.lost != nil; try, pause = try+1, min(2*pause, connectMost) {
		if err := context.Cause(ctx); err != nil {
			return false, err
		}
		if carrier.Hopeless(w.lost) || try >= connectTries && w.live.Load() == 0 {
			return false, fmt.Errorf("batch: no connection to the server: %w", w.lost)
		}
		finished := w.finished
		if w.live.Load() == 0 {
			finished = nil // what is left is for this one
		}
		w.tellOnce(fmt.Sprintf("no connection to the server: %.300s; it is tried again for a while", oneLine(w.lost.Error())))
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-t.C:
			_ = w.connect(ctx) // w.lost has the error
		case <-finished:
			t.Stop()
			return false, nil
		}
		t.Stop()
	}
	return true, nil
}

func (w *wire) disconnect() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
		w.live.Add(-1)
	}
}
