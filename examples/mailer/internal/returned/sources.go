package returned

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/doublekeybox/doublekeybox/transport/bounce"
	"github.com/doublekeybox/doublekeybox/transport/imap"
)

// Directory reads all messages of a maildir, or of a folder with a file for each.
// They stay where they are.
func Directory(dir string, paths *bounce.Paths) ([]*Message, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("returned: %w", err)
	}
	defer root.Close()
	subs := []string{"new", "cur"} // tmp has what is being written
	if _, err := root.Stat("cur"); errors.Is(err, fs.ErrNotExist) {
		if _, err := root.Stat("new"); errors.Is(err, fs.ErrNotExist) {
			subs = []string{"."}
		}
	}
	var all []*Message
	for _, sub := range subs {
		entries, err := fs.ReadDir(root.FS(), sub)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("returned: %w", err)
		}
		for _, e := range entries {
			if !e.Type().IsRegular() {
				continue
			}
			m, err := inFile(root, filepath.Join(sub, e.Name()), paths)
			if err != nil {
				return nil, fmt.Errorf("returned: %w", err)
			}
			all = append(all, m)
		}
	}
	return all, nil
}

func inFile(root *os.Root, name string, paths *bounce.Paths) (*Message, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(name, f, paths)
}

// Folder reads all messages of a folder of an IMAP server. They stay there, and
// stay unread.
func Folder(ctx context.Context, server *imap.Server, folder string, paths *bounce.Paths) (all []*Message, err error) {
	s, err := server.Dial(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for last := uint32(0); ; {
		entries, err := s.List(ctx, folder, last)
		if err != nil || len(entries) == 0 {
			return all, err
		}
		for _, e := range entries {
			last = e.ID.UID
			m, err := onServer(ctx, s, folder, e.ID, paths)
			if errors.Is(err, imap.ErrNotFound) {
				continue // somebody else took it away
			}
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
	}
}

func onServer(ctx context.Context, s *imap.Session, folder string, id imap.ID, paths *bounce.Paths) (*Message, error) {
	r, w := io.Pipe()
	go func() {
		_, err := s.Fetch(ctx, folder, id, w)
		w.CloseWithError(err) // nil is the end
	}()
	defer r.Close()
	return Read(fmt.Sprintf("%s/%d", folder, id.UID), r, paths)
}
