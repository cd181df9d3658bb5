package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

const stuffed = "From: alice@example.org\r\nSubject: ...\r\n\r\n..dot\r\n...\r\n..\r\ntrailing  \r\n\r\nend\r\n"

func TestSend(t *testing.T) {
	for _, starttls := range []bool{false, true} {
		s := newScript(t)
		s.starttls = starttls
		server := s.start()
		r, err := sendOne(context.Background(), server, newMail("bob@example.org", "carol@example.org"))
		require.NoError(t, err)
		require.Equal(t, []string{"bob@example.org", "carol@example.org"}, r.Which(Accepted))
		require.Empty(t, r.Again())
		require.NoError(t, r.Err())
		require.Equal(t, Reply{Code: 250, Text: "2.0.0 queued"}, r.Recipients[0].Reply)
		require.Equal(t, []string{stuffed}, s.messages())
		require.Contains(t, s.heard(), "EHLO [127.0.0.1]\n")
		require.Contains(t, s.heard(), fmt.Sprintf("MAIL FROM:<alice@example.org> BODY=8BITMIME SIZE=%d\nRCPT TO:<bob@example.org>\nRCPT TO:<carol@example.org>\nDATA", len(testText)))
		require.NotContains(t, s.heard(), "UTF8")
		require.NotContains(t, s.heard(), "AUTH")
	}
}

// What a server refuses, and what that is for each recipient.
func TestReplies(t *testing.T) {
	const bob, carol = "bob@example.org", "carol@example.org"
	for _, c := range []struct {
		name, verb, answer string
		bob, carol         Outcome
		enhanced           string
		over               bool
	}{
		{"nothing refused", "RCPT TO:<nobody@example.org>", "550 no", Accepted, Accepted, "", false},
		{"sender for good", "MAIL", "550 5.7.1 not you", Refused, Refused, "5.7.1", false},
		{"sender for now", "MAIL", "451 4.3.0 later", Deferred, Deferred, "4.3.0", false},
		{"sender, and goodbye", "MAIL", "421 4.3.2 closing", Deferred, Deferred, "4.3.2", true},
		{"one for good", "RCPT TO:<bob@example.org>", "550 5.1.1 unknown", Refused, Accepted, "5.1.1", false},
		{"one for now", "RCPT TO:<bob@example.org>", "450 4.2.0 greylisted", Deferred, Accepted, "4.2.0", false},
		{"code and class differ", "RCPT TO:<bob@example.org>", "450 5.1.1 odd", Deferred, Accepted, "", false},
		{"the second for good", "RCPT TO:<carol@example.org>", "550 5.1.1 unknown", Accepted, Refused, "5.1.1", false},
		{"both", "RCPT", "550 5.1.1 unknown", Refused, Refused, "5.1.1", false},
		{"goodbye to the first", "RCPT TO:<bob@example.org>", "421 4.3.2 closing", Deferred, NotSent, "4.3.2", true},
		{"goodbye to the second", "RCPT TO:<carol@example.org>", "421 4.3.2 closing", NotSent, Deferred, "4.3.2", true},
		{"a recipient, and no answer", "RCPT TO:<carol@example.org>", "", NotSent, NotSent, "", true},
		{"data for good", "DATA", "554 5.5.1 no", Refused, Refused, "5.5.1", false},
		{"data for now", "DATA", "452 4.3.1 full", Deferred, Deferred, "4.3.1", false},
		{"data, and no answer", "DATA", "", NotSent, NotSent, "", true},
		{"message for good", ".", "554 5.6.0 spam", Refused, Refused, "5.6.0", false},
		{"message for now", ".", "451 4.3.0 later", Deferred, Deferred, "4.3.0", false},
		{"message, and goodbye", ".", "421 4.3.2 closing", Deferred, Deferred, "4.3.2", true},
		{"message, and no answer", ".", "", Unknown, Unknown, "", true},
		{"message, and no sense", ".", "354 go on", Unknown, Unknown, "", true},
		{"message, and no reply", ".", "what?", Unknown, Unknown, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t)
			if c.verb == "." {
				s.dot = c.answer
			} else {
				s.reply = func(_ *tls.Conn, line string) (string, bool) { return c.answer, strings.HasPrefix(line, c.verb) }
			}
			session, err := s.start().Dial(context.Background())
			require.NoError(t, err)
			defer session.Close()
			r, err := session.send(context.Background(), newMail(bob, carol), nil)
			require.Equal(t, []Outcome{c.bob, c.carol}, []Outcome{r.Recipients[0].Outcome, r.Recipients[1].Outcome})
			require.Equal(t, c.over, session.over())
			if c.bob == Accepted && c.carol == Accepted {
				require.NoError(t, err)
			} else {
				var partial *PartialError
				require.ErrorAs(t, err, &partial)
				require.Same(t, r, partial.Result)
				require.NotContains(t, err.Error(), "\n")
			}
			var reply *ReplyError
			if c.enhanced != "" {
				require.ErrorAs(t, err, &reply)
				require.Equal(t, c.enhanced, reply.Reply.Enhanced)
			}
			for _, to := range r.Recipients {
				require.Equal(t, to.Outcome == Accepted, to.Err == nil)
			}
			taken := 0
			if c.verb == "." || c.bob == Accepted || c.carol == Accepted {
				taken = 1
			}
			require.Len(t, s.messages(), taken)
			// The next message goes its own way.
			s.mu.Lock()
			s.reply, s.dot = nil, "250 2.0.0 queued"
			s.mu.Unlock()
			r, err = session.send(context.Background(), newMail(bob), nil)
			if c.over {
				require.Error(t, err)
				require.Equal(t, NotSent, r.Recipients[0].Outcome)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

// Wherever a connection ends, no message is called sent that was not taken, and
// none is called not sent that was.
func TestCutAtEveryOctet(t *testing.T) {
	m := newMail("bob@example.org", "carol@example.org")
	for _, side := range []string{"says", "hears"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			outcomes := map[Outcome]int{}
			for k := 1; outcomes[Accepted] == 0; k++ {
				require.Less(t, k, 2000)
				s := newScript(t)
				s.ehlo = nil
				if side == "says" {
					s.cutWrite = k
				} else {
					s.cutRead = k
				}
				session, err := s.start().Dial(context.Background())
				if err != nil {
					require.Empty(t, s.messages())
					continue
				}
				mail := *m
				r, err := session.send(context.Background(), &mail, nil)
				_ = session.Close()
				o := r.Recipients[0].Outcome
				outcomes[o]++
				require.Equal(t, o, r.Recipients[1].Outcome)
				require.Equal(t, o == Accepted, err == nil)
				switch taken := len(s.messages()) == 1; {
				case taken:
					require.Contains(t, []Outcome{Accepted, Unknown}, o, k)
				default:
					require.Contains(t, []Outcome{NotSent, Unknown}, o, k)
				}
			}
			require.Positive(t, outcomes[NotSent])
			require.Positive(t, outcomes[Unknown])
			require.Zero(t, outcomes[Refused]+outcomes[Deferred])
		})
	}
}

// Half a message is never ended: the connection goes first.
func TestChangedFile(t *testing.T) {
	for stop := 1; stop < len(testText); stop += 7 {
		s := newScript(t)
		session, err := s.start().Dial(context.Background())
		require.NoError(t, err)
		m := newMail("bob@example.org")
		m.stop = stop
		r, err := session.send(context.Background(), m, nil)
		require.ErrorContains(t, err, "the file has changed")
		require.Equal(t, NotSent, r.Recipients[0].Outcome)
		require.NoError(t, session.Close())
		require.Empty(t, s.messages())
		require.NotContains(t, s.heard(), "QUIT")
	}
}

func TestRefusedBeforeSending(t *testing.T) {
	long := func(n int) string { return "A: b\r\n\r\n" + strings.Repeat("x", n) + "\r\n" }
	for _, c := range []struct {
		name, ok, refused, says string
	}{
		{"a line too long", long(998), long(999), "more than 998"},
		{"a bare LF", "A: b\r\n\r\nx\r\ny\r\n", "A: b\r\n\r\nx\ny\r\n", "CRLF"},
		{"a bare CR", "A: b\r\n\r\nx\r\ny\r\n", "A: b\r\n\r\nx\ry\r\n", "CRLF"},
		{"an end that smuggles", "A: b\r\n\r\nx\r\n.\r\n", "A: b\r\n\r\nx\n.\r\n", "CRLF"},
		{"CR and CRLF", "A: b\r\n\r\nx\r\n\r\n", "A: b\r\n\r\nx\r\r\n", "CRLF"},
		{"a NUL", "A: b\r\n\r\nx\r\n", "A: b\r\n\r\n\x00\r\n", "NUL"},
		{"no last line end", "A: b\r\n\r\nx\r\n", "A: b\r\n\r\nx", "last line"},
		{"CR at the end", "A: b\r\n\r\nx\r\n", "A: b\r\n\r\nx\r", "last line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t)
			server := s.start()
			m := newMail("bob@example.org")
			m.text = c.ok
			_, err := sendOne(context.Background(), server, m)
			require.NoError(t, err)
			m.text = c.refused
			r, err := sendOne(context.Background(), server, m)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, NotSent, r.Recipients[0].Outcome)
			require.Len(t, s.messages(), 1)
			require.Equal(t, 1, strings.Count(s.heard(), "MAIL"))
		})
	}
}

func TestRecipients(t *testing.T) {
	s := newScript(t)
	server := s.start()
	ctx := context.Background()
	_, err := sendOne(ctx, server, newMail())
	require.ErrorContains(t, err, "own copy")
	_, err = sendOne(ctx, server, newMail("bob@example.org"), "mallory@example.org")
	require.ErrorContains(t, err, "not among the recipients")
	for _, odd := range []string{"bob", "b>ob@example.org", "bob@example.org> SIZE=1", "bob@example.org\r\nRSET", "", "@example.org", "bob @example.org"} {
		_, err = sendOne(ctx, server, newMail(odd))
		require.Error(t, err, odd)
		m := newMail("bob@example.org")
		m.from = odd
		_, err = sendOne(ctx, server, m)
		require.Error(t, err, odd)
	}
	require.NotContains(t, s.heard(), "MAIL")
	r, err := sendOne(ctx, server, newMail("bob@example.org", "carol@example.org"), "carol@example.org")
	require.NoError(t, err)
	require.Len(t, r.Recipients, 1)
	require.NotContains(t, s.heard(), "bob")
}

func TestSize(t *testing.T) {
	n := int64(len(testText))
	for _, c := range []struct {
		offered string
		domain  int64
		ok      bool
	}{
		{"SIZE", 0, true}, {"SIZE 0", 0, true}, {fmt.Sprint("SIZE ", n), 0, true}, {fmt.Sprint("SIZE ", n-1), 0, false},
		{"SIZE", n, true}, {"SIZE", n - 1, false}, {"HELP", n - 1, false}, {"HELP", 0, true},
	} {
		s := newScript(t)
		s.ehlo = []string{c.offered}
		server := s.start()
		server.MaxSize = func(domain string) int64 {
			if domain == "small.example" {
				return c.domain
			}
			return 0
		}
		r, err := sendOne(context.Background(), server, newMail("bob@example.org", "bob@SMALL.example"))
		if c.ok {
			require.NoError(t, err)
			continue
		}
		var limit *envelope.LimitError
		require.ErrorAs(t, err, &limit, c.offered)
		require.Equal(t, n-1, limit.Max)
		require.Equal(t, []string{"bob@example.org", "bob@SMALL.example"}, r.Which(NotSent))
		require.NotContains(t, s.heard(), "MAIL")
	}
}

func TestUTF8(t *testing.T) {
	utf8, ascii := []string{"SIZE", "8BITMIME", "SMTPUTF8"}, []string{"SIZE", "8BITMIME"}
	header := strings.Replace(testText, "...", "Grüße", 1)
	for _, c := range []struct {
		name, from, to, text string
		needed               bool
		sent                 string
	}{
		{"ASCII", "alice@example.org", "bob@example.org", testText, false, "RCPT TO:<bob@example.org>"},
		{"a domain has A-labels", "alice@example.org", "bob@bücher.example", testText, false, "RCPT TO:<bob@xn--bcher-kva.example>"},
		{"a local part", "alice@example.org", "jürgen@example.org", testText, true, "RCPT TO:<jürgen@example.org>"},
		{"the sender's", "jürgen@example.org", "bob@example.org", testText, true, "MAIL FROM:<jürgen@example.org>"},
		{"the header", "alice@example.org", "bob@example.org", header, true, "RCPT TO:<bob@example.org>"},
	} {
		for _, offered := range [][]string{utf8, ascii} {
			s := newScript(t)
			s.ehlo = offered
			m := newMail(c.to)
			m.from, m.text = c.from, c.text
			_, err := sendOne(context.Background(), s.start(), m)
			if c.needed && len(offered) == 2 {
				require.ErrorIs(t, err, ErrUTF8, c.name)
				require.NotContains(t, s.heard(), "MAIL")
				continue
			}
			require.NoError(t, err, c.name)
			require.Contains(t, s.heard(), c.sent)
			require.Equal(t, c.needed, strings.Contains(s.heard(), " SMTPUTF8"), c.name)
		}
	}
	eight := newMail("bob@example.org")
	eight.text = "A: b\r\n\r\nGrüße\r\n"
	for _, offered := range []string{"8BITMIME", "HELP"} {
		s := newScript(t)
		s.ehlo = []string{offered}
		_, err := sendOne(context.Background(), s.start(), eight)
		if offered == "HELP" {
			require.ErrorContains(t, err, "8BITMIME")
			continue
		}
		require.NoError(t, err)
	}
}

func TestReturnPath(t *testing.T) {
	s := newScript(t)
	server := s.start()
	server.ReturnPath = func(id, to string) (string, error) {
		if strings.HasPrefix(to, "dave") {
			return "", errors.New("no room")
		}
		local, _, _ := strings.Cut(to, "@")
		return "b+" + local + "@bounces.example", nil
	}
	r, err := sendOne(context.Background(), server, newMail("bob@example.org", "dave@example.org", "carol@example.org"))
	require.ErrorContains(t, err, "no room")
	require.Equal(t, []string{"bob@example.org", "carol@example.org"}, r.Which(Accepted))
	require.Equal(t, []string{"dave@example.org"}, r.Again())
	require.Equal(t, "b+carol@bounces.example", r.Recipients[2].ReturnPath)
	require.Len(t, s.messages(), 2)
	require.Contains(t, s.heard(), "MAIL FROM:<b+bob@bounces.example>")
	require.NotContains(t, s.heard(), "MAIL FROM:<alice")
}

func TestContext(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	for _, verb := range []string{"EHLO", "MAIL", "RCPT", "DATA", "RSET"} {
		s := newScript(t)
		ctx, cancel := context.WithCancelCause(context.Background())
		why := errors.New("the user has gone")
		first := true
		s.reply = func(_ *tls.Conn, line string) (string, bool) {
			if strings.HasPrefix(line, "RCPT") && verb == "RSET" && first {
				first = false
				return "550 5.1.1 unknown", true
			}
			if !strings.HasPrefix(line, verb) {
				return "", false
			}
			cancel(why)
			select {
			case <-hang:
			case <-time.After(50 * time.Millisecond):
			}
			return "", true
		}
		session, err := s.start().Dial(ctx)
		if verb == "EHLO" {
			require.ErrorIs(t, err, why)
			continue
		}
		require.NoError(t, err)
		r, err := session.send(ctx, newMail("bob@example.org"), nil)
		if verb == "RSET" {
			require.Equal(t, Refused, r.Recipients[0].Outcome)
			r, err = session.send(ctx, newMail("bob@example.org"), nil)
		}
		require.ErrorIs(t, err, why, verb)
		require.Equal(t, NotSent, r.Recipients[0].Outcome)
		_ = session.Close()
	}
}

// A server that never stops talking is not listened to.
func TestFlood(t *testing.T) {
	s := newScript(t)
	s.reply = func(_ *tls.Conn, line string) (string, bool) {
		return strings.Repeat("250-and\n", maxReply/9+1) + "250 so on", strings.HasPrefix(line, "MAIL")
	}
	r, err := sendOne(context.Background(), s.start(), newMail("bob@example.org"))
	require.ErrorContains(t, err, "says more")
	require.Equal(t, NotSent, r.Recipients[0].Outcome)

	s = newScript(t)
	s.reply = func(_ *tls.Conn, line string) (string, bool) {
		return strings.Repeat("250-and\n", 1000) + "250 so on", strings.HasPrefix(line, "MAIL")
	}
	_, err = sendOne(context.Background(), s.start(), newMail("bob@example.org"))
	require.NoError(t, err)
}

// Many messages go by one connection; where it ends, by the next, and what may
// have been taken is not sent again.
func TestSendMany(t *testing.T) {
	mails := func() (out []message) {
		for i := range 4 {
			m := newMail("bob@example.org")
			m.id = fmt.Sprint(i, "@example.org")
			out = append(out, m)
		}
		return out
	}
	s := newScript(t)
	server := s.start()
	results, err := server.send(context.Background(), mails())
	require.NoError(t, err)
	require.Len(t, results, 4)
	require.Len(t, s.messages(), 4)
	require.Equal(t, 1, s.conns)

	// The second RCPT finds the server gone.
	s = newScript(t)
	var n atomic.Int32
	s.reply = func(_ *tls.Conn, line string) (string, bool) {
		if strings.HasPrefix(line, "RCPT") {
			return "", n.Add(1) == 2
		}
		return "", false
	}
	results, err = s.start().send(context.Background(), mails())
	require.NoError(t, err)
	require.Len(t, s.messages(), 4)
	require.Equal(t, 2, s.conns)
	require.Equal(t, "1@example.org", results[1].MessageID)

	// No answer to any message: each was sent once.
	s = newScript(t)
	s.dot = ""
	results, err = s.start().send(context.Background(), mails())
	require.Error(t, err)
	require.Len(t, s.messages(), 4)
	require.Equal(t, 4, s.conns)
	for _, r := range results {
		require.Equal(t, []string{"bob@example.org"}, r.Which(Unknown))
		require.Empty(t, r.Again())
	}

	// The server says goodbye to every message: each is tried once by answer.
	s = newScript(t)
	s.reply = func(_ *tls.Conn, line string) (string, bool) {
		return "421 4.3.2 busy", strings.HasPrefix(line, "MAIL")
	}
	results, err = s.start().send(context.Background(), mails())
	require.Error(t, err)
	require.Empty(t, s.messages())
	for _, r := range results {
		require.Equal(t, []string{"bob@example.org"}, r.Which(Deferred))
	}

	// Nobody there.
	server = s.start()
	server.URL = "smtps://127.0.0.1:1"
	results, err = server.send(context.Background(), mails())
	require.Error(t, err)
	for _, r := range results {
		require.Equal(t, []string{"bob@example.org"}, r.Which(NotSent))
	}
}

// What went wrong with several messages is one line, and each cause is found.
func TestErrorsOnOneLine(t *testing.T) {
	require.NoError(t, joined(nil))
	one := (&Result{MessageID: "a@example.org", Recipients: []Recipient{{Address: "x@example.org", Outcome: Refused, Err: ErrUTF8}}}).Err()
	two := (&Result{MessageID: "b@example.org", Recipients: []Recipient{{Address: "y@example.org", Outcome: NotSent, Err: ErrLogin}}}).Err()
	err := joined([]error{one, two})
	require.NotContains(t, err.Error(), "\n")
	require.ErrorIs(t, err, ErrUTF8)
	require.ErrorIs(t, err, ErrLogin)
	require.NotErrorIs(t, err, ErrTLS)
	require.NotEmpty(t, new(PartialError).Error())
	require.Empty(t, new(PartialError).Unwrap())
}
