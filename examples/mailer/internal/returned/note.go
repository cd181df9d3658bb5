package returned

import (
	"fmt"
	"os"
	"strings"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

// noteAtOnce is how many records go to the disk together.
const noteAtOnce = 500

// Note finds for which rows of the run, whose journal is at path, the messages are,
// and appends a record for each that is Failed and new. What it finds it sets: Row,
// and the Verdict of those that are Foreign or Seen. It returns how many it noted.
//
// Errors are those of package journal.
func Note(path string, messages []*Message) (noted int, err error) {
	j, err := journal.Resume(path)
	if err != nil {
		return 0, err
	}
	defer j.Close()
	seen, err := match(path, messages)
	if err != nil {
		return 0, err
	}
	var records []journal.Record
	flush := func() error {
		err := j.Append(records...)
		if err == nil {
			noted += len(records)
		}
		records = records[:0]
		return err
	}
	for _, m := range messages {
		switch {
		case m.Recipient == "": // Forged
		case m.Row == 0:
			m.Verdict = Foreign
		case m.Verdict == Failed && seen[m.SHA256]:
			m.Verdict = Seen
		case m.Verdict == Failed:
			seen[m.SHA256] = true // one may be there twice, in two folders
			records = append(records, journal.Record{Kind: journal.Bounced, Row: m.Row, Address: m.Recipient, SHA256: m.SHA256, Status: m.Status, Reply: m.Diagnostic})
			if len(records) == noteAtOnce {
				if err := flush(); err != nil {
					return noted, err
				}
			}
		}
	}
	return noted, flush()
}

// match sets the rows of messages, and returns the hashes of those that are in the
// journal. The journal is read once, whatever its size; what is kept is as much as
// there are messages.
func match(path string, messages []*Message) (seen map[string]bool, err error) {
	byRecipient := map[string][]*Message{}
	for _, m := range messages {
		if m.Recipient != "" {
			byRecipient[m.Recipient] = append(byRecipient[m.Recipient], m)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("returned: %w", err)
	}
	defer f.Close()
	seen = map[string]bool{}
	for r, err := range journal.Read(f) {
		if err != nil {
			return nil, err
		}
		switch r.Kind {
		case journal.Bounced:
			seen[r.SHA256] = true
		case journal.Begun:
			for _, m := range byRecipient[compared(r.Address)] {
				if m.origin.Is(r.MessageID) {
					m.Row = r.Row
				}
			}
		}
	}
	return seen, nil
}

// compared is the form of an address in which Origin has it.
func compared(address string) string {
	a, err := mailbox.Parse(address)
	if err != nil {
		return strings.ToLower(address)
	}
	return a.String()
}
