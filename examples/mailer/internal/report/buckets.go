package report

import (
	"time"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
)

// maxBuckets is how many columns the chart has at most. With more, two become
// one of twice the width: nothing has to be known beforehand of how long a run
// takes.
const maxBuckets = 160

// buckets counts outcomes over time.
type buckets struct {
	begin time.Time
	width time.Duration
	all   []Bucket
}

func (b *buckets) add(r *journal.Record) {
	var sent, deferred, failed int
	switch r.Kind {
	case journal.Sent:
		sent = 1
	case journal.Deferred:
		deferred = 1
	case journal.Failed:
		failed = 1
	default:
		return
	}
	if b.width == 0 {
		b.begin, b.width = r.At.Truncate(time.Second), time.Second
	}
	// A clock that was set back does not make time before the begin.
	at := max(0, r.At.Sub(b.begin))
	for at/b.width >= maxBuckets {
		b.halve()
	}
	for len(b.all) <= int(at/b.width) {
		b.all = append(b.all, Bucket{})
	}
	x := &b.all[at/b.width]
	x.Sent, x.Deferred, x.Failed = x.Sent+sent, x.Deferred+deferred, x.Failed+failed
}

func (b *buckets) halve() {
	half := make([]Bucket, (len(b.all)+1)/2)
	for i, x := range b.all {
		h := &half[i/2]
		h.Sent, h.Deferred, h.Failed = h.Sent+x.Sent, h.Deferred+x.Deferred, h.Failed+x.Failed
	}
	b.all, b.width = half, b.width*2
}

// result returns the buckets with their times, and their width in seconds.
func (b *buckets) result() ([]Bucket, float64) {
	for i := range b.all {
		b.all[i].Begin = b.begin.Add(time.Duration(i) * b.width)
	}
	if b.all == nil {
		return []Bucket{}, 1
	}
	return b.all, b.width.Seconds()
}
