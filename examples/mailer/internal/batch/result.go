package batch

import (
	"sync/atomic"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
)

// Result is how far a run is, this time and those before it.
type Result struct {
	Rows     int              `json:"rows"`
	Sent     int              `json:"sent"`
	Deferred int              `json:"deferred"` // to be tried again by the next Send
	Failed   int              `json:"failed"`
	Waiting  int              `json:"waiting"` // that were not tried yet
	Doubt    []journal.Record `json:"doubt"`   // by which those were begun of which nobody knows more
}

// Progress is how far Send is. It may be read at any time.
type Progress struct {
	Rows     atomic.Int64 // of the list
	Done     atomic.Int64 // sent, failed, or in doubt, before and now
	Sent     atomic.Int64 // now
	Deferred atomic.Int64 // that wait for another try
}

// result counts what the journal says of each row.
func (r *Run) result() *Result {
	out := &Result{Rows: r.Journal.Head().Rows, Doubt: append([]journal.Record{}, r.Journal.InDoubt()...)}
	for row := 1; row <= out.Rows; row++ {
		switch r.Journal.State(row).Status {
		case journal.IsSent:
			out.Sent++
		case journal.IsDeferred:
			out.Deferred++
		case journal.IsFailed:
			out.Failed++
		case journal.IsWaiting:
			out.Waiting++
		}
	}
	return out
}
