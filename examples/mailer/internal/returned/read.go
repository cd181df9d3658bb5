// Package returned reads what came back of a run of the mailer, and writes it into
// the run's journal. Anybody can write a bounce: one is believed only where it was
// sent to a return path that was given out for the mail (transport/bounce), which
// whoever has not seen that mail cannot make.
package returned

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/mail"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/transport/bounce"
)

// Verdict is what a message that came back is worth.
type Verdict string

// What becomes of messages. Those up to Failed are not written into the journal.
const (
	Forged  Verdict = "forged"  // it was sent to no return path that was given out
	Foreign Verdict = "foreign" // to one of a mail of another run
	Other   Verdict = "other"   // it is no bounce: an automatic answer, mostly
	Delayed Verdict = "delayed" // it says that somebody still tries, or nothing of failure
	Seen    Verdict = "seen"    // it is in the journal already
	Failed  Verdict = "bounced"
)

// Message is a message that came back.
type Message struct {
	Name    string  // where it is, as Each was told
	Verdict Verdict // of Read: Forged, Other, Delayed, or Failed
	Problem string  // of Forged and Other
	SHA256  string  // of the message without CR, in hexadecimal: a maildir and IMAP differ in them

	Row        int    // of the list; 0: not known
	Recipient  string // for whom the mail was, by its return path; "" where that is forged
	Status     string // RFC 3463, "5.1.1"; what stands here and below is claimed by the bounce
	Diagnostic string

	origin *bounce.Origin
}

// maxHeader is what the header of a message may have.
const maxHeader = 256 << 10

// Read reads a message that came back, to its end. The error is that of r alone.
func Read(name string, r io.Reader, paths *bounce.Paths) (*Message, error) {
	sum := sha256.New()
	in := &tee{r: r, sum: sum}
	m := &Message{Name: name, Verdict: Forged}
	head, to, err := header(bufio.NewReaderSize(in, 4096))
	if in.err != nil {
		return nil, in.err
	}
	report, errReport := bounce.Read(head)
	if in.err != nil {
		return nil, in.err
	}
	// What nobody read belongs to the message, too.
	if _, errRest := io.Copy(io.Discard, in); errRest != nil {
		return nil, errRest
	}
	m.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if err != nil {
		m.Problem = err.Error()
		return m, nil
	}
	if m.origin, err = paths.Origin(to); err != nil {
		m.Problem = fmt.Sprintf("%v: %.80q", err, to)
		return m, nil
	}
	m.Recipient = m.origin.Recipient
	m.judge(report, errReport)
	return m, nil
}

// judge takes over what the bounce says.
func (m *Message) judge(report *bounce.Report, err error) {
	var limit *envelope.LimitError
	switch {
	case errors.Is(err, bounce.ErrNoBounce), errors.As(err, &limit):
		m.Verdict, m.Problem = Other, err.Error()
		return
	case err != nil:
		m.Verdict, m.Problem = Other, fmt.Sprintf("it cannot be read: %v", err)
		return
	}
	m.Verdict = Delayed
	// There is one recipient for each mail, whatever address the bounce has for
	// them: mail is forwarded.
	for _, r := range report.Recipients {
		if m.Status == "" || r.Action == "failed" {
			m.Status, m.Diagnostic = r.Status, r.Diagnostic
		}
		if r.Action == "failed" {
			m.Verdict = Failed
		}
	}
}

// header returns the message with its header, and the address that it was sent
// to, as the server says that took it.
func header(r *bufio.Reader) (message io.Reader, to string, err error) {
	var head bytes.Buffer
	for err == nil {
		var line []byte
		line, err = r.ReadSlice('\n')
		head.Write(line)
		if errors.Is(err, bufio.ErrBufferFull) { // a long line is read in parts
			err = nil
			if head.Len() > maxHeader {
				break
			}
			continue
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 || head.Len() > maxHeader {
			break
		}
	}
	message = io.MultiReader(bytes.NewReader(head.Bytes()), r)
	parsed, err := mail.ReadMessage(bytes.NewReader(head.Bytes()))
	if err != nil {
		return message, "", errors.New("it has no header")
	}
	// The server that took it writes them at the top: what a sender wrote is below.
	for _, name := range []string{"Delivered-To", "X-Original-To", "Envelope-To"} {
		if to := parsed.Header.Get(name); to != "" {
			return message, strings.Trim(strings.TrimSpace(to), "<>"), nil
		}
	}
	return message, "", errors.New("its header does not say to which address it was sent (Delivered-To, X-Original-To): the server has to write that")
}

// tee hashes what is read, without CR, and keeps the error that is the source's own.
type tee struct {
	r   io.Reader
	sum hash.Hash
	err error
}

func (t *tee) Read(b []byte) (int, error) {
	n, err := t.r.Read(b)
	for rest := b[:n]; len(rest) > 0; {
		before, after, _ := bytes.Cut(rest, []byte("\r"))
		t.sum.Write(before)
		rest = after
	}
	if err != nil && err != io.EOF {
		t.err = err
	}
	return n, err
}
