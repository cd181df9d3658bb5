package bounce

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
	"github.com/doublekeybox/doublekeybox/internal/reread"
)

// ErrNoBounce is that of a message that says of nobody that a mail did not
// reach them.
var ErrNoBounce = errors.New("bounce: the message is no report of a delivery")

// What a bounce may cost. One returns the message, of any size, and says of
// each recipient some lines.
const (
	maxMessage    = 256 << 20 // octets
	maxStatus     = 1 << 20   // octets of a delivery status
	maxRecipients = 1000
	maxValue      = 1000      // octets of one value; longer ones are cut
	maxText       = 256 << 10 // octets of a text that nothing but people reads
	maxParts      = 1000
	maxDepth      = 16
	maxHeader     = 256 << 10
)

// Report is what a bounce says. All of it is untrusted, in UTF-8, and without
// control characters.
type Report struct {
	// Standard is set for a report of RFC 3464. Others are texts for people, and
	// what is found in them is a guess.
	Standard bool

	ReportingMTA string // "mail.example.org"
	EnvelopeID   string // RFC 3461: what the sender called the transaction
	Arrival      string // when the message came there, as it is written
	Recipients   []Recipient

	// MessageID is that of the message that did not arrive, as far as it was
	// returned; without angle brackets. Origin.Is says whether it was.
	MessageID string
}

// Recipient is what a bounce says of one recipient.
type Recipient struct {
	Address    string // Final-Recipient; else as Original
	Original   string // Original-Recipient: as the sender gave it; "" where it is not said
	Action     string // "failed", "delayed", "delivered", "relayed", "expanded"; "" for any other
	Status     string // RFC 3463: "5.1.1"; "" where there is none
	RemoteMTA  string // who refused
	Diagnostic string // by which words
}

// Permanent reports whether the bounce says that trying again is of no use.
func (r Recipient) Permanent() bool {
	return r.Action == "failed" && !strings.HasPrefix(r.Status, "4.") && !strings.HasPrefix(r.Status, "2.")
}

// Read reads a bounce: a whole message, with its header.
//
// Errors are ErrNoBounce, an *envelope.LimitError where the message has more
// of something than any bounce has, and those of r and of the file in which a
// large message is kept meanwhile, encrypted.
func Read(r io.Reader) (*Report, error) {
	src, err := reread.Hold(r, reread.Options{Max: maxMessage})
	var long *reread.LimitError
	if errors.As(err, &long) {
		return nil, fmt.Errorf("bounce: %w", &envelope.LimitError{What: "octets of a bounce", Max: long.Max})
	}
	if err != nil {
		return nil, fmt.Errorf("bounce: %w", err)
	}
	defer src.Close()
	root, err := mimeparse.Parse(src, src.Size(), mimeparse.Limits{Depth: maxDepth, Parts: maxParts, HeaderBytes: maxHeader})
	var limit *mimeparse.LimitError
	if errors.As(err, &limit) {
		return nil, fmt.Errorf("bounce: %w", &envelope.LimitError{What: limit.What, Max: limit.Max})
	}
	if err != nil {
		return nil, fmt.Errorf("bounce: %w", err)
	}
	report := &Report{}
	for _, n := range parts(root) {
		switch n.MediaType {
		case "message/delivery-status", "message/global-delivery-status": // RFC 6533, Section 4
			b, err := head(n.Decoded(src), maxStatus)
			if err != nil {
				return nil, err
			}
			report.status(b)
		}
	}
	report.Standard = len(report.Recipients) > 0
	if !report.Standard {
		if err := report.guess(root, src); err != nil {
			return nil, err
		}
	}
	if len(report.Recipients) == 0 {
		return nil, ErrNoBounce
	}
	return report, report.returned(root, src)
}

// parts returns the parts of a message in order, without what is in a message
// that it has with it: that is the returned one.
func parts(root *mimeparse.Node) (out []*mimeparse.Node) {
	stack := []*mimeparse.Node{root}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		out = append(out, n)
		if strings.HasPrefix(n.MediaType, "message/") {
			continue
		}
		for i := len(n.Children) - 1; i >= 0; i-- {
			stack = append(stack, n.Children[i])
		}
	}
	return out
}

// head returns up to n octets of a part. Damage in its encoding ends it.
func head(r io.Reader, n int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, n))
	if errors.Is(err, mimeparse.ErrEncoding) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("bounce: %w", err)
	}
	return b, nil
}

// returned finds the Message-ID of the message that was sent.
func (r *Report) returned(root *mimeparse.Node, src io.ReaderAt) error {
	for _, n := range parts(root) {
		var header mimeparse.Header
		switch {
		case n == root:
		case len(n.Children) == 1 && strings.HasPrefix(n.MediaType, "message/"):
			header = n.Children[0].Header
		case n.MediaType == "text/rfc822-headers" || n.MediaType == "message/global-headers" || n.MediaType == "message/global" || n.MediaType == "message/rfc822-headers":
			b, err := head(n.Decoded(src), maxHeader/2)
			if err != nil {
				return err
			}
			b = append(b, "\r\n\r\n"...)
			top, err := mimeparse.Parse(bytes.NewReader(b), int64(len(b)), mimeparse.Limits{Depth: maxDepth, Parts: maxParts, HeaderBytes: maxHeader})
			if err != nil {
				continue // a header too long: nothing is lost but a hint
			}
			header = top.Header
		}
		if id := strings.Trim(clean(header.Get("Message-ID")), "<> "); id != "" {
			r.MessageID = id
			return nil
		}
	}
	return nil
}
