package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/channel"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/list"
	"github.com/doublekeybox/doublekeybox/transport/link"
)

// Preflight is what would happen, and what keeps it from happening.
type Preflight struct {
	Rows     int                      `json:"rows"` // of the list, those with problems included
	Totals   map[list.Delivery]*Total `json:"totals"`
	Instead  int                      `json:"instead"`  // how many are delivered in another way than the list says
	Weak     int                      `json:"weak"`     // how many passphrases can be guessed, and are allowed
	Problems []Problem                `json:"problems"` // in the order of the rows, at most 1,000
	Lacking  int                      `json:"lacking"`  // how many problems there are
	First    []Line                   `json:"first"`    // the first rows
}

// Total is of one delivery.
type Total struct {
	Mails  int   `json:"mails"`
	Octets int64 `json:"octets"` // of the mails, estimated
}

// Problem is why a row cannot be sent.
type Problem struct {
	Row     int    `json:"row"` // from 1; 0: it is about the whole
	Address string `json:"address,omitempty"`
	What    string `json:"what"` // may repeat what the list says
}

// Line is what will happen to a row.
type Line struct {
	Row       int           `json:"row"`
	Address   string        `json:"address"`
	Delivery  list.Delivery `json:"delivery"`
	Documents int           `json:"documents"`
	Octets    int64         `json:"octets"` // of the mail, estimated
	Opens     string        `json:"opens"`  // what does: "a key", "a passphrase", "what they know"
	Note      string        `json:"note,omitempty"`
}

// PreflightError says that rows cannot be sent, so that nothing was.
type PreflightError struct{ Preflight *Preflight }

// Error implements error, on one line.
func (e *PreflightError) Error() string {
	return fmt.Sprintf("batch: %d problems with the list: nothing was sent", e.Preflight.Lacking)
}

const (
	mostProblems = 1000 // that are shown; nobody mends more by hand
	firstRows    = 10   // that are shown of those that are well
)

// Preflight looks at every row of the list, whatever is wrong with others:
// whether it is one, its documents are there, it can be sealed to, its letter
// renders. Nothing is sent, uploaded or written. The error is a *PreflightError
// where a row cannot be sent, with what is returned besides; any other says that
// the list could not be read to its end, or the cause of ctx.
func (r *Run) Preflight(ctx context.Context) (*Preflight, error) {
	p := &Preflight{Totals: map[list.Delivery]*Total{}, Problems: []Problem{}, First: []Line{}}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	entries := make(chan list.Entry, 16)
	var workers sync.WaitGroup
	for range max(1, r.Workers) {
		workers.Go(func() {
			for e := range entries {
				w, errs := r.look(e)
				r.looked.take(w)
				mu.Lock()
				p.take(w, errs)
				mu.Unlock()
			}
		})
	}
	rows, err := r.feed(ctx, entries, func(e *list.RowError) {
		mu.Lock()
		defer mu.Unlock()
		p.problem(Problem{Row: e.Row, What: strings.TrimPrefix(e.Error(), "list: ")})
	})
	close(entries)
	workers.Wait()
	if err != nil {
		return nil, err
	}
	p.Rows = rows
	if p.Totals[list.Link] != nil && r.Store != nil {
		if err := r.Store.Check(ctx, r.Lifetime); err != nil {
			p.problem(Problem{What: "links: " + strings.TrimPrefix(err.Error(), "s3: ")})
		}
	}
	if p.Rows == 0 && p.Lacking == 0 {
		p.problem(Problem{What: "the list has no rows"})
	}
	slices.SortFunc(p.First, func(a, b Line) int { return a.Row - b.Row })
	slices.SortStableFunc(p.Problems, func(a, b Problem) int { return a.Row - b.Row })
	if p.Lacking > 0 {
		return p, &PreflightError{p}
	}
	return p, nil
}

// feed gives out the entries of the list that have no end yet, and returns how
// many rows it has.
func (r *Run) feed(ctx context.Context, entries chan<- list.Entry, bad func(*list.RowError)) (rows int, _ error) {
	for e, err := range r.List.All() {
		rows = max(rows, e.Row)
		var row *list.RowError
		switch {
		case errors.As(err, &row):
			bad(row)
			continue
		case err != nil:
			return rows, err
		}
		if r.Journal != nil && !r.Journal.State(e.Row).Open() {
			continue // it has its end already, and its documents may be gone
		}
		select {
		case entries <- e:
		case <-ctx.Done():
			return rows, context.Cause(ctx)
		}
	}
	return rows, nil
}

// take adds what was found out about a row.
func (p *Preflight) take(w *row, errs []error) {
	for _, err := range errs {
		p.problem(Problem{w.Row, w.Address, problemText(err)})
	}
	if len(errs) > 0 {
		return
	}
	t := p.Totals[w.Delivery]
	if t == nil {
		t = &Total{}
		p.Totals[w.Delivery] = t
	}
	t.Mails++
	t.Octets += w.estimate()
	if w.instead != "" {
		p.Instead++
	}
	if w.weak != "" {
		p.Weak++
	}
	if w.Row <= firstRows {
		p.First = append(p.First, w.line())
	}
}

func (w *row) line() Line {
	l := Line{Row: w.Row, Address: w.Address, Delivery: w.Delivery, Documents: len(w.documents), Octets: w.estimate(), Note: w.instead}
	switch {
	case len(w.keys) > 0:
		l.Opens = "a key"
	case w.known != nil:
		l.Opens = "what they know"
	default:
		l.Opens = "a passphrase"
	}
	if w.weak != "" {
		l.Note = strings.TrimPrefix(l.Note+"; the passphrase can be guessed: "+w.weak, "; ")
	}
	return l
}

// problem notes a problem.
func (p *Preflight) problem(x Problem) {
	if p.Lacking++; len(p.Problems) < mostProblems {
		p.Problems = append(p.Problems, x)
	}
}

// problemText says what is wrong, without the address that stands beside it.
func problemText(err error) string {
	var gaps *mail.GapsError
	if errors.As(err, &gaps) && len(gaps.Gaps) > 0 {
		// There is one recipient: more of them are the sender's, by key.
		err = gaps.Gaps[0].Err
	}
	s := strings.TrimPrefix(err.Error(), "keyring: ")
	if rest, ok := strings.CutPrefix(s, "nothing is sealed: "); ok {
		if _, why, ok := strings.Cut(rest, ": "); ok {
			s = why // what stood before it is the address
		}
	}
	for _, pkg := range []string{"keyring", "mail", "envelope", "letter", "zipbox"} {
		s = strings.TrimPrefix(s, pkg+": ")
	}
	return strings.TrimPrefix(s, "refused: ") // of keyring.ErrRefused: a problem is one
}

// look finds out what the mail for an entry will be, and begins it.
func (r *Run) look(e list.Entry) (*row, []error) {
	w, errs := r.row(e)
	if w.Delivery == list.Link && r.Store == nil {
		errs = append(errs, errors.New(`it goes by link, and nothing says where the documents are stored: "s3" in the configuration`))
	}
	number := ""
	if w.passphrase() {
		number = channel.NewNumber()
	}
	var to *link.Link
	if w.Delivery == list.Link {
		to = &link.Link{URL: "https://store.example/documents", Size: max(1, w.size), SHA256: [32]byte{1}, Expires: time.Now().Add(r.Lifetime).Truncate(time.Second), Name: "documents.zip"}
	}
	d, err := r.draft(w, number, to)
	if err != nil {
		return w, append(errs, err)
	}
	if len(errs) > 0 {
		return w, errs
	}
	if err := r.begin(w, d); err != nil {
		errs = append(errs, err)
	}
	return w, errs
}

// begin begins the mail, without the documents.
func (r *Run) begin(w *row, d *mail.Draft) error {
	if w.sealed() {
		if w.Delivery != list.Link {
			for _, doc := range w.documents {
				d.Attachments = append(d.Attachments, mail.Attachment{Name: doc.name, Body: strings.NewReader("")})
			}
		}
		_, err := r.composer(w).Plan(d)
		return err
	}
	n, err := r.composer(w).Notify(d, nil)
	if err != nil {
		return err
	}
	return n.Close()
}
