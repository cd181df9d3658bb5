package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// ID is which message of a folder it is. UIDs are given anew when Validity
// changes (RFC 9051, Section 2.3.1.1).
type ID struct {
	Validity uint32 // the folder's UIDVALIDITY
	UID      uint32
}

// Entry is a message as a folder lists it. All of it is the server's word.
type Entry struct {
	ID       ID
	Size     int64 // octets
	Flags    []string
	Received time.Time
}

// most is how many messages List returns at once, and how many with one
// Message-ID Search looks at.
const most = 1000

// maxField is as much of a Message-ID field as is looked at: the longest that is
// searched for, folded.
const maxField = 2 << 10

// List returns the messages of a folder whose UIDs are greater than after, in
// their order, and at most 1000: the next ones are those after the last. With
// none there are no more.
func (s *Session) List(ctx context.Context, folder string, after uint32) (entries []Entry, err error) {
	end, err := s.begin(ctx, "list", maxTalk)
	if err != nil {
		return nil, err
	}
	if err = s.reopen(folder); err == nil {
		var set goimap.UIDSet
		set.AddRange(goimap.UID(after)+1, 0) // to the last one, whichever that is
		var found []goimap.UID
		if after+1 == 0 {
			found = nil
		} else if found, err = s.search(&goimap.SearchCriteria{UID: []goimap.UIDSet{set}}); err == nil {
			// "n:*" is the last message too where n is beyond it.
			found = slices.DeleteFunc(found, func(u goimap.UID) bool { return uint32(u) <= after })
			entries, err = s.entries(found[:min(len(found), most)])
		}
	}
	return entries, end(err)
}

// search returns the UIDs of what fits, in their order.
func (s *Session) search(c *goimap.SearchCriteria) ([]goimap.UID, error) {
	data, err := s.client.UIDSearch(c, nil).Wait()
	if err != nil {
		return nil, err
	}
	set, ok := data.All.(goimap.UIDSet)
	if !ok {
		return nil, nil
	}
	n := uint64(0)
	for _, r := range set { // a range takes some octets and names any number
		if r.Start == 0 || r.Stop == 0 || r.Stop < r.Start {
			return nil, errors.New("the server's list of messages makes no sense")
		}
		if n += uint64(r.Stop-r.Start) + 1; n > maxTalk {
			return nil, &envelope.LimitError{What: "messages in a folder", Max: maxTalk}
		}
	}
	found, _ := set.Nums()
	slices.Sort(found)
	return slices.Compact(found), nil
}

// entries returns what the folder says of some messages.
func (s *Session) entries(uids []goimap.UID) ([]Entry, error) {
	if len(uids) == 0 {
		return nil, nil
	}
	command := s.client.Fetch(goimap.UIDSetNum(uids...), &goimap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true})
	entries := []Entry{}
	var last *imapclient.FetchMessageData
	err := s.items(command, func(m *imapclient.FetchMessageData, item imapclient.FetchItemData) error {
		if m != last {
			last, entries = m, append(entries, Entry{ID: ID{Validity: s.valid}})
		}
		e := &entries[len(entries)-1]
		switch x := item.(type) {
		case imapclient.FetchItemDataUID:
			e.ID.UID = uint32(x.UID)
		case imapclient.FetchItemDataRFC822Size:
			e.Size = x.Size
		case imapclient.FetchItemDataInternalDate:
			e.Received = x.Time
		case imapclient.FetchItemDataFlags:
			e.Flags = nil
			for _, f := range x.Flags {
				e.Flags = append(e.Flags, string(f))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return !slices.Contains(uids, goimap.UID(e.ID.UID)) })
	slices.SortFunc(entries, func(a, b Entry) int { return int(int64(a.ID.UID) - int64(b.ID.UID)) })
	return entries, nil
}

// Search returns the messages of a folder whose Message-ID is exactly id, which
// is without angle brackets. None is no error.
func (s *Session) Search(ctx context.Context, folder, id string) (found []ID, err error) {
	end, err := s.begin(ctx, "search", maxTalk)
	if err != nil {
		return nil, err
	}
	if err = plainID(id); err == nil {
		err = s.reopen(folder)
	}
	if err == nil {
		found, err = s.withID(id)
	}
	return found, end(err)
}

// withID returns the messages whose Message-ID is id. A server compares parts
// of the field, and letters of either case: it is compared again.
func (s *Session) withID(id string) (found []ID, err error) {
	candidates, err := s.search(&goimap.SearchCriteria{Header: []goimap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: "<" + id + ">"}}})
	if err != nil || len(candidates) == 0 {
		return nil, err
	}
	section := &goimap.FetchItemBodySection{Specifier: goimap.PartSpecifierHeader, HeaderFields: []string{"Message-ID"}, Peek: true}
	command := s.client.Fetch(goimap.UIDSetNum(candidates[:min(len(candidates), most)]...), &goimap.FetchOptions{UID: true, BodySection: []*goimap.FetchItemBodySection{section}})
	uids := make(map[*imapclient.FetchMessageData]uint32)
	err = s.items(command, func(m *imapclient.FetchMessageData, item imapclient.FetchItemData) error {
		switch x := item.(type) {
		case imapclient.FetchItemDataUID: // before any literal, as the client needs it
			uids[m] = uint32(x.UID)
		case imapclient.FetchItemDataBodySection:
			if x.Literal == nil {
				return nil
			}
			field, err := io.ReadAll(io.LimitReader(x.Literal, maxField))
			_, value, _ := strings.Cut(string(field), ":")
			if strings.TrimSpace(value) == "<"+id+">" {
				found = append(found, ID{Validity: s.valid, UID: uids[m]})
			}
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b ID) int { return int(int64(a.UID) - int64(b.UID)) })
	return slices.Compact(found), nil
}

// plainID refuses what is no Message-ID.
func plainID(id string) error {
	if id == "" || len(id) > 998 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r >= 0x7F || r == '<' || r == '>' }) {
		return &localError{fmt.Errorf("%.80q is no Message-ID", id)}
	}
	return nil
}

// Fetch writes a message to w as the server has it, octet by octet, and returns
// how many there were. It stays unread where it was.
//
// The error is ErrNotFound, an *envelope.LimitError where the message is larger
// than MaxSize, w's, a *ReplyError, or one of the network: then w may have got
// some of the message, which has to be thrown away.
func (s *Session) Fetch(ctx context.Context, folder string, id ID, w io.Writer) (n int64, err error) {
	end, err := s.begin(ctx, "fetch", maxTalk)
	if err != nil {
		return 0, err
	}
	n, err = s.fetch(folder, id, w)
	return n, end(err)
}

func (s *Session) fetch(folder string, id ID, w io.Writer) (int64, error) {
	if err := s.open(folder); err != nil {
		return 0, err
	}
	if id.Validity != s.valid || id.UID == 0 {
		return 0, &localError{fmt.Errorf("%w: the folder has given its messages other numbers since", ErrNotFound)}
	}
	entries, err := s.entries([]goimap.UID{goimap.UID(id.UID)})
	if err != nil {
		return 0, err
	}
	if len(entries) == 0 {
		return 0, &localError{ErrNotFound}
	}
	limit := &envelope.LimitError{What: "octets of a message that is fetched", Max: s.server.maxSize()}
	if entries[0].Size > limit.Max {
		return 0, &localError{limit}
	}
	s.conn.Allow(limit.Max + maxTalk)
	section := &goimap.FetchItemBodySection{Peek: true}
	command := s.client.Fetch(goimap.UIDSetNum(goimap.UID(id.UID)), &goimap.FetchOptions{UID: true, BodySection: []*goimap.FetchItemBodySection{section}})
	n, found := int64(0), false
	err = s.items(command, func(_ *imapclient.FetchMessageData, item imapclient.FetchItemData) (err error) {
		body, ok := item.(imapclient.FetchItemDataBodySection)
		if !ok || found || !body.MatchCommand(section) || body.Literal == nil {
			return nil
		}
		if body.Literal.Size() > limit.Max {
			return limit
		}
		found = true
		s.saslConn.literal.Store(true)
		n, err = io.Copy(w, body.Literal)
		s.saslConn.literal.Store(false)
		return err
	})
	if err == nil && !found {
		err = &localError{ErrNotFound}
	}
	return n, err
}
