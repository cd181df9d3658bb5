package imap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

func dial(t *testing.T, s *Server) *Session {
	session, err := s.Dial(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { _ = session.Close() })
	return session
}

// What was kept is found, listed, and fetched as it was.
func TestAppendAndFetch(t *testing.T) {
	ctx := context.Background()
	s := newServer(t)
	session := dial(t, s.start(t))
	date := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	large := newMail("large@example.org")
	large.text += strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n", 20_000)
	mails := []*testMail{newMail("a@example.org"), newMail("aa@example.org"), newMail("A@example.org"), large}
	var ids []ID
	for _, m := range mails {
		id, err := session.append(ctx, "Sent", m, date)
		require.NoError(t, err)
		require.NotZero(t, id.UID)
		require.NotZero(t, id.Validity)
		ids = append(ids, id)
	}
	entries, err := session.List(ctx, "Sent", 0)
	require.NoError(t, err)
	require.Len(t, entries, 4)
	for i, e := range entries {
		require.Equal(t, ids[i], e.ID)
		require.Equal(t, mails[i].Size(), e.Size)
		require.Contains(t, e.Flags, string(goimap.FlagSeen))
		require.True(t, date.Equal(e.Received))
	}
	for i, m := range mails {
		found, err := session.Search(ctx, "Sent", m.id)
		require.NoError(t, err)
		require.Equal(t, []ID{ids[i]}, found)
		var got bytes.Buffer
		n, err := session.Fetch(ctx, "Sent", ids[i], &got)
		require.NoError(t, err)
		require.Equal(t, m.text, got.String())
		require.Equal(t, m.Size(), n)
	}
	for after, n := range map[uint32]int{ids[0].UID: 3, ids[3].UID - 1: 1, ids[3].UID: 0, ids[3].UID + 9: 0, math.MaxUint32: 0} {
		entries, err := session.List(ctx, "Sent", after)
		require.NoError(t, err)
		require.Len(t, entries, n)
	}
	entries, err = session.List(ctx, "INBOX", 0)
	require.NoError(t, err)
	require.Empty(t, entries)
	found, err := session.Search(ctx, "INBOX", "a@example.org")
	require.NoError(t, err)
	require.Empty(t, found)
	// What another session adds is seen.
	other := dial(t, s.start(t))
	_, err = other.append(ctx, "INBOX", newMail("new@example.org"), date)
	require.NoError(t, err)
	found, err = session.Search(ctx, "INBOX", "new@example.org")
	require.NoError(t, err)
	require.Len(t, found, 1)
}

func TestList(t *testing.T) {
	ctx := context.Background()
	session := dial(t, newServer(t).start(t))
	for i := range most + 1 {
		_, err := session.append(ctx, "Sent", &testMail{id: fmt.Sprint(i), text: "A: b\r\n\r\n"}, time.Time{})
		require.NoError(t, err)
	}
	first, err := session.List(ctx, "Sent", 0)
	require.NoError(t, err)
	require.Len(t, first, most)
	next, err := session.List(ctx, "Sent", first[most-1].ID.UID)
	require.NoError(t, err)
	require.Len(t, next, 1)
	require.Greater(t, next[0].ID.UID, first[most-1].ID.UID)
}

// What is refused leaves the session as it was, unless it has to be over.
func TestRefused(t *testing.T) {
	ctx := context.Background()
	server := newServer(t).start(t)
	server.MaxSize = newMail("a@example.org").Size()
	session := dial(t, server)
	id, err := session.append(ctx, "Sent", newMail("a@example.org"), time.Time{})
	require.NoError(t, err)
	larger, err := session.append(ctx, "Sent", newMail("aa@example.org"), time.Time{})
	require.NoError(t, err)
	still := func() {
		t.Helper()
		n, err := session.Fetch(ctx, "Sent", id, io.Discard)
		require.NoError(t, err)
		require.Equal(t, server.MaxSize, n)
	}
	still()
	_, err = session.Fetch(ctx, "Sent", larger, io.Discard)
	var limit *envelope.LimitError
	require.ErrorAs(t, err, &limit)
	require.Equal(t, server.MaxSize, limit.Max)
	still()
	for _, wrong := range []ID{{id.Validity, 0}, {id.Validity, larger.UID + 1}, {id.Validity + 1, id.UID}, {}} {
		_, err = session.Fetch(ctx, "Sent", wrong, io.Discard)
		require.ErrorIs(t, err, ErrNotFound)
		still()
	}
	for _, folder := range []string{"", "Nowhere", "a\r\nb", "a\x00", strings.Repeat("x", 1001), "\xff"} {
		_, err = session.Fetch(ctx, folder, id, io.Discard)
		require.Error(t, err, folder)
		_, err = session.List(ctx, folder, 0)
		require.Error(t, err, folder)
		_, err = session.Search(ctx, folder, "a@example.org")
		require.Error(t, err, folder)
		still()
	}
	for _, odd := range []string{"", "<a@example.org>", "a b", "a\r\nb", "ä@example.org", strings.Repeat("x", 999)} {
		_, err = session.Search(ctx, "Sent", odd)
		require.ErrorContains(t, err, "no Message-ID", odd)
		still()
	}
	// A folder that is not there: the message is not taken, and the server says why.
	_, err = session.append(ctx, "Nowhere", newMail("b@example.org"), time.Time{})
	var reply *ReplyError
	require.ErrorAs(t, err, &reply)
	require.Equal(t, "NO", reply.Kind)
	require.Equal(t, "TRYCREATE", reply.Code)
	require.NotErrorIs(t, err, ErrUnknown)

	broken := errors.New("the disk is full")
	session = dial(t, server)
	_, err = session.Fetch(ctx, "Sent", id, failing{broken})
	require.ErrorIs(t, err, broken)
	_, err = session.Fetch(ctx, "Sent", id, io.Discard)
	require.ErrorContains(t, err, "cannot be used any more")

	for _, m := range []*testMail{{id: "c", text: "A: b\r\n\r\n", fails: true}, {id: "c", text: "A: b\r\n\r\n", size: 9}, {id: "c", text: "A: b\r\n\r\n", size: 7}} {
		session = dial(t, server)
		_, err = session.append(ctx, "Sent", m, time.Time{})
		require.Error(t, err)
		require.NotErrorIs(t, err, ErrUnknown)
	}
	entries, err := dial(t, server).List(ctx, "Sent", 0)
	require.NoError(t, err)
	require.Len(t, entries, 2)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestAppendLimit(t *testing.T) {
	ctx := context.Background()
	m := newMail("a@example.org")
	for d, ok := range map[int64]bool{-1: false, 0: true, 1: true} {
		s := newServer(t)
		n := uint32(m.Size() + d)
		s.limit, s.caps = &n, append(s.caps, goimap.CapAppendLimit)
		session := dial(t, s.start(t))
		_, err := session.append(ctx, "Sent", m, time.Time{})
		if ok {
			require.NoError(t, err)
			continue
		}
		var limit *envelope.LimitError
		require.ErrorAs(t, err, &limit)
		require.EqualValues(t, n, limit.Max)
		_, err = session.List(ctx, "Sent", 0) // nothing was begun
		require.NoError(t, err)
	}
}

// Wherever a connection ends, a message that was fetched is whole, and one that
// was kept is not said to be if it may not be.
func TestCutAtEveryOctet(t *testing.T) {
	const text = "Message-ID: <a@example.org>\r\n\r\nhello\r\n"
	reply := func(command, arguments string) string {
		if command != "UID FETCH" {
			return plain(command, arguments)
		}
		if strings.Contains(arguments, "BODY.PEEK") {
			return fmt.Sprintf("* 1 FETCH (UID 3 BODY[] {%d}\r\n%s)\r\nOK done", len(text), text)
		}
		return fmt.Sprintf("* 1 FETCH (UID 3 RFC822.SIZE %d FLAGS () INTERNALDATE \"01-Mar-2026 12:00:00 +0000\")\r\nOK done", len(text))
	}
	for k, whole := 1, false; !whole; k++ {
		require.Less(t, k, 2000)
		s := &script{reply: reply, cut: k}
		session, err := s.start(t).Dial(context.Background())
		if err != nil {
			continue
		}
		var got strings.Builder
		_, err = session.Fetch(context.Background(), "INBOX", ID{7, 3}, &got)
		require.True(t, strings.HasPrefix(text, got.String()))
		if err == nil {
			require.Equal(t, text, got.String())
			whole = true
		} else {
			require.NotContains(t, err.Error(), "\n")
		}
		_ = session.Close()
	}
	unknown := 0
	for k, kept := 1, false; !kept; k++ {
		require.Less(t, k, 2000)
		s := &script{reply: func(command, arguments string) string {
			if command == "APPEND" {
				return "OK [APPENDUID 7 4] done"
			}
			return plain(command, arguments)
		}, cut: k}
		session, err := s.start(t).Dial(context.Background())
		if err != nil {
			continue
		}
		id, err := session.append(context.Background(), "Sent", newMail("a@example.org"), time.Time{})
		_ = session.Close()
		taken := strings.Contains(s.heard(), "literal")
		switch {
		case err == nil:
			require.True(t, taken)
			require.Contains(t, []ID{{}, {7, 4}}, id) // an OK is one also where its line ends early
			kept = id.UID != 0
		case errors.Is(err, ErrUnknown):
			unknown++
		default:
			require.False(t, taken, k)
		}
	}
	require.Positive(t, unknown)
}
