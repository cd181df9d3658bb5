package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/doublekeybox/doublekeybox/examples/internal/terminal"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/journal"
)

// WriteJSON writes s as one JSON object, indented. What a terminal would obey is
// escaped in it.
func (s *Summary) WriteJSON(w io.Writer) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(terminal.JSON(b), '\n'))
	return err
}

// WriteTable writes s for a terminal: what became of the rows by delivery, and
// what a person has to look at.
func (s *Summary) WriteTable(w io.Writer) error {
	var rows [][]string
	line := func(name string, n Counts) {
		row := []string{name}
		for _, v := range []int{n.Rows, n.Sent, n.Deferred, n.Failed, n.InDoubt, n.Waiting} {
			row = append(row, fmt.Sprintf("%8s", strconv.Itoa(v)))
		}
		rows = append(rows, row)
	}
	for _, d := range s.Deliveries {
		if d.Counts.Rows > 0 {
			line(deliveryName(d.Name), d.Counts)
		}
	}
	line("all", s.Total)
	titles := []string{"delivery"}
	for _, t := range []string{"rows", "sent", "deferred", "refused", "in doubt", "waiting"} {
		titles = append(titles, fmt.Sprintf("%8s", t))
	}
	if err := terminal.Table(w, titles, rows); err != nil {
		return err
	}
	for _, part := range []struct {
		title string
		rows  []Row
		all   int
	}{
		{"In doubt: look whether they arrived, then settle each", s.InDoubt, s.Total.InDoubt},
		{"Refused", s.Failed, s.Total.Failed},
		{"Came back", s.Bounces, s.Bounced},
	} {
		if err := writeRows(w, part.title, part.rows, part.all); err != nil {
			return err
		}
	}
	if s.Total.Deferred == 0 {
		return nil
	}
	return writeReasons(w, s.Replies)
}

// writeReasons writes why mails were put off, the most frequent first.
func writeReasons(w io.Writer, replies []Reply) error {
	var rows [][]string
	for _, r := range replies {
		if r.Kind == string(journal.Deferred) && len(rows) < maxListed {
			rows = append(rows, []string{strconv.Itoa(r.Count), r.Text})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprint(w, "\nPut off:\n"); err != nil {
		return err
	}
	return terminal.Table(w, []string{"times", "why"}, rows)
}

// maxListed is how many rows of a kind a terminal is given.
const maxListed = 20

func writeRows(w io.Writer, title string, list []Row, all int) error {
	if len(list) == 0 {
		return nil
	}
	if _, err := fmt.Fprintf(w, "\n%s:\n", title); err != nil {
		return err
	}
	var rows [][]string
	for _, r := range list[:min(len(list), maxListed)] {
		rows = append(rows, []string{strconv.Itoa(r.Row), r.Address, r.At.Format("2006-01-02 15:04:05"), r.Reply})
	}
	if err := terminal.Table(w, []string{"row", "address", "when (UTC)", "reply"}, rows); err != nil {
		return err
	}
	if more := all - len(rows); more > 0 {
		_, err := fmt.Fprintf(w, "and %d more: see the report\n", more)
		return err
	}
	return nil
}

// deliveryName is how a delivery is called in what people read.
func deliveryName(name string) string {
	switch name {
	case "openpgp":
		return "OpenPGP"
	case "smime":
		return "S/MIME"
	case "zip":
		return "locked ZIP"
	case "link":
		return "link"
	}
	return "not begun"
}
