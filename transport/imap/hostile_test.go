package imap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/transport/internal/secure"
)

const listed = "* 1 FETCH (UID 3 RFC822.SIZE 5 FLAGS () INTERNALDATE \"01-Mar-2026 12:00:00 +0000\")\r\nOK done"

// What a server says that lies, beside one that does not.
func TestLyingServer(t *testing.T) {
	for _, c := range []struct {
		name, sizes, body string
		want              string // "" for an error
		says              string
	}{
		{"the truth", listed, "* 1 FETCH (UID 3 BODY[] {5}\r\nhello)\r\nOK done", "hello", ""},
		{"a quoted string", listed, "* 1 FETCH (UID 3 BODY[] \"hello\")\r\nOK done", "hello", ""},
		{"nothing", listed, "OK done", "", "no such message"},
		{"not there", "OK done", "* 1 FETCH (UID 3 BODY[] {5}\r\nhello)\r\nOK done", "", "no such message"},
		{"another message", listed, "* 1 FETCH (UID 4 BODY[] {5}\r\nhello)\r\nOK done", "", "no such message"},
		{"another section", listed, "* 1 FETCH (UID 3 BODY[1] {5}\r\nhello)\r\nOK done", "", "no such message"},
		{"a part of it", listed, "* 1 FETCH (UID 3 BODY[]<5> {5}\r\nhello)\r\nOK done", "", "no such message"},
		{"larger than it said", listed, "* 1 FETCH (UID 3 BODY[] {2000}\r\n" + strings.Repeat("x", 2000) + ")\r\nOK done", "", "limit"},
		{"huge by its word", listed, "* 1 FETCH (UID 3 BODY[] {9223372036854775807}\r\nhello)\r\nOK done", "", "limit"},
		{"more than a number", listed, "* 1 FETCH (UID 3 BODY[] {99999999999999999999}\r\nhello)\r\nOK done", "", ""},
		{"NIL", listed, "* 1 FETCH (UID 3 BODY[] NIL)\r\nOK done", "", "no such message"},
		{"refused", listed, "NO [INUSE] not now", "", "NO [INUSE]"},
		{"no sense", listed, "* what {}\r\nOK done", "", ""},
		{"goodbye", listed, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &script{reply: func(command, arguments string) string {
				switch {
				case command != "UID FETCH":
					return plain(command, arguments)
				case strings.Contains(arguments, "BODY.PEEK"):
					return c.body
				}
				return c.sizes
			}}
			server := s.start(t)
			server.MaxSize = 1000
			session := dial(t, server)
			var got bytes.Buffer
			_, err := session.Fetch(context.Background(), "INBOX", ID{7, 3}, &got)
			if c.want != "" {
				require.NoError(t, err)
				require.Equal(t, c.want, got.String())
				return
			}
			require.Error(t, err)
			if c.says == "limit" {
				var limit *envelope.LimitError
				require.ErrorAs(t, err, &limit)
				require.Zero(t, got.Len())
			} else {
				require.ErrorContains(t, err, c.says)
			}
		})
	}
}

// A list of all the numbers there are costs nothing.
func TestHugeAnswers(t *testing.T) {
	for name, answer := range map[string]string{
		"a range":  "* ESEARCH UID ALL 1:4294967295\r\nOK done",
		"a flood":  "* SEARCH" + strings.Repeat(" 1234567890", maxTalk/11+1) + "\r\nOK done",
		"an atom":  "* " + strings.Repeat("A", maxTalk+1) + "\r\nOK done",
		"backward": "* ESEARCH UID ALL 9:*\r\nOK done",
	} {
		s := &script{reply: func(command, arguments string) string {
			if command == "UID SEARCH" {
				return answer
			}
			return plain(command, arguments)
		}}
		_, err := dial(t, s.start(t)).List(context.Background(), "INBOX", 0)
		require.Error(t, err, name)
	}
	s := &script{reply: func(command, arguments string) string {
		switch command {
		case "UID SEARCH":
			return "* SEARCH 3\r\nOK done"
		case "UID FETCH":
			return listed
		}
		return plain(command, arguments)
	}}
	entries, err := dial(t, s.start(t)).List(context.Background(), "INBOX", 0)
	require.NoError(t, err)
	require.Equal(t, []Entry{{ID: ID{7, 3}, Size: 5, Received: entries[0].Received}}, entries)
}

// Search compares what it finds by itself.
func TestSearchIsExact(t *testing.T) {
	for field, found := range map[string]bool{
		"Message-ID: <a@example.org>\r\n\r\n":     true,
		"MESSAGE-ID:\r\n <a@example.org>\r\n\r\n": true,
		"Message-ID: <A@example.org>\r\n\r\n":     false,
		"Message-ID: <xa@example.org>\r\n\r\n":    false,
		"Message-ID: <a@example.org> x\r\n\r\n":   false,
		"\r\n":                                    false,
	} {
		s := &script{reply: func(command, arguments string) string {
			switch command {
			case "UID SEARCH":
				return "* SEARCH 3\r\nOK done"
			case "UID FETCH":
				return fmt.Sprintf("* 1 FETCH (UID 3 BODY[HEADER.FIELDS (Message-ID)] {%d}\r\n%s)\r\nOK done", len(field), field)
			}
			return plain(command, arguments)
		}}
		got, err := dial(t, s.start(t)).Search(context.Background(), "INBOX", "a@example.org")
		require.NoError(t, err)
		require.Equal(t, found, len(got) == 1, field)
	}
}

// A field that was cut off finds nothing, and is an error.
func TestSearchCut(t *testing.T) {
	const field = "Message-ID: <a@example.org>\r\n\r\n"
	for k, whole := 1, false; !whole; k++ {
		require.Less(t, k, 2000)
		s := &script{cut: k, reply: func(command, arguments string) string {
			switch command {
			case "UID SEARCH":
				return "* SEARCH 3\r\nOK done"
			case "UID FETCH":
				return fmt.Sprintf("* 1 FETCH (UID 3 BODY[HEADER.FIELDS (Message-ID)] {%d}\r\n%s)\r\nOK done", len(field), field)
			}
			return plain(command, arguments)
		}}
		session, err := s.start(t).Dial(context.Background())
		if err != nil {
			continue
		}
		got, err := session.Search(context.Background(), "INBOX", "a@example.org")
		_ = session.Close()
		if err != nil {
			require.Empty(t, got)
		}
		whole = len(got) == 1
	}
}

func TestContext(t *testing.T) {
	why := errors.New("the user has gone")
	for _, command := range []string{"AUTHENTICATE", "EXAMINE", "UID FETCH", "APPEND"} {
		ctx, cancel := context.WithCancelCause(context.Background())
		s := &script{reply: func(c, arguments string) string {
			if c != command {
				return plain(c, arguments)
			}
			if c != "APPEND" {
				cancel(why)
				time.Sleep(20 * time.Millisecond)
			}
			return ""
		}}
		if command == "APPEND" {
			s.reply = func(c, arguments string) string {
				if c == command {
					time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
					return strings.Repeat("* 1 EXISTS\r\n", 3) + "+ what"
				}
				return plain(c, arguments)
			}
		}
		session, err := s.start(t).Dial(ctx)
		if command == "AUTHENTICATE" {
			require.ErrorIs(t, err, why)
			continue
		}
		require.NoError(t, err)
		if command == "APPEND" {
			_, err = session.append(ctx, "Sent", newMail("a@example.org"), time.Time{})
			require.ErrorIs(t, err, ErrUnknown)
		} else {
			_, err = session.Fetch(ctx, "INBOX", ID{7, 3}, io.Discard)
			require.ErrorIs(t, err, why, command)
			_, err = session.List(context.Background(), "INBOX", 0)
			require.ErrorContains(t, err, "cannot be used any more")
		}
		_, err = session.List(ctx, "INBOX", 0)
		require.Error(t, err)
		_ = session.Close()
	}
}

// The client reads some answers in a recursion: what nests too deep is not given
// to it, in a line or with literals between. In a message anything may stand.
func TestNesting(t *testing.T) {
	deep := strings.Repeat("(", maxNesting)
	apart := strings.Repeat("((\"a\" \"b\" NIL NIL NIL {4}\r\n7bit 1)", maxNesting/2+1)
	for _, c := range []struct {
		name, answer string
		fits         bool
	}{
		{"as deep as may be", "* OK " + deep[:maxNesting-1000] + "\r\nOK done", true},
		{"too deep", "* OK " + deep + "(\r\nOK done", false},
		{"a structure", "* 1 FETCH (BODYSTRUCTURE " + strings.Repeat("(", maxTalk-1000) + "\r\nOK done", false},
		{"with literals", "* 1 FETCH (BODYSTRUCTURE " + apart + "\r\nOK done", false},
	} {
		s := &script{reply: func(command, arguments string) string {
			if command == "UID SEARCH" {
				return c.answer
			}
			return plain(command, arguments)
		}}
		_, err := dial(t, s.start(t)).List(context.Background(), "INBOX", 0)
		if c.fits {
			require.NoError(t, err, c.name)
		} else {
			require.ErrorIs(t, err, secure.ErrFlood, c.name)
		}
	}
	text := strings.Repeat("(", 2*maxNesting)
	s := &script{reply: func(command, arguments string) string {
		switch {
		case command != "UID FETCH":
			return plain(command, arguments)
		case strings.Contains(arguments, "BODY.PEEK"):
			return fmt.Sprintf("* 1 FETCH (UID 3 BODY[] {%d}\r\n%s)\r\nOK done", len(text), text)
		}
		return listed
	}}
	session := dial(t, s.start(t))
	for range 2 {
		var got bytes.Buffer
		_, err := session.Fetch(context.Background(), "INBOX", ID{7, 3}, &got)
		require.NoError(t, err)
		require.Equal(t, text, got.String())
	}
}
