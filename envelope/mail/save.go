package mail

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxSameName is how many files of one name Save puts into a directory.
const maxSameName = 1000

// Save writes the content of parts into root, each under its SafeName, or under
// "part-" and its path where it has none: "part-1.2.txt". Where the name is
// taken a number goes before the extension. Nothing is ever overwritten, and no
// link in root is followed out of it. The files are the owner's alone (0600),
// and each appears whole: all of them, or none where an error is returned.
//
// A part that has others in it, a multipart or a layer that was opened, has no
// content but theirs, and no file; a message in the message is saved as a whole,
// whether or not its parts are. So all of Message.Parts can be given.
//
// names are those that the files got, in the order of parts, "" for none. root
// is not closed. The errors are those of reading a part, and those of the file
// system.
func Save(root *os.Root, parts ...*Part) (names []string, err error) {
	defer func() {
		if err != nil {
			for _, name := range names {
				if name != "" {
					root.Remove(name)
				}
			}
			names = nil
		}
	}()
	last := map[string]int{} // of each name, so that many of one are not tried again and again
	for _, p := range parts {
		if holdsOthers(p) {
			names = append(names, "")
			continue
		}
		name, err := saveOne(root, p, last)
		if err != nil {
			return names, fmt.Errorf("mail: saving part %s: %w", p.Path, err)
		}
		names = append(names, name)
	}
	return names, nil
}

func holdsOthers(p *Part) bool {
	if strings.HasPrefix(p.MediaType, "message/") {
		return false
	}
	return len(p.children) > 0 || strings.HasPrefix(p.MediaType, "multipart/")
}

// saveOne writes one file under a temporary name and then gives it its own.
func saveOne(root *os.Root, p *Part, last map[string]int) (name string, err error) {
	temp := ".part-" + rand.Text()
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	defer root.Remove(temp)
	open := p.Open
	if p.ahead != nil {
		open = p.ahead
	}
	src := rereadable(open)
	defer src.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, src, make([]byte, 128<<10))
	if err == nil {
		err = f.Sync() // else a power cut could leave the name and not the content
	}
	err = errors.Join(err, f.Close())
	if err != nil {
		return "", err
	}
	return publish(root, temp, fileName(p), last)
}

// publish gives the file temp a name that nobody has. A link fails where the
// name is there, in one step; where a file system has no links, a file that is
// made empty holds the name.
func publish(root *os.Root, temp, want string, last map[string]int) (name string, err error) {
	for n := last[want] + 1; n <= maxSameName; n++ {
		name = numbered(want, n)
		last[want] = n
		if err = root.Link(temp, name); err == nil {
			return name, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			var f *os.File
			if f, err = root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
				f.Close()
				if err = root.Rename(temp, name); err != nil {
					root.Remove(name)
				}
				return name, err
			}
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
	}
	return "", fmt.Errorf("%d files are called %q already: %w", maxSameName, want, fs.ErrExist)
}

// fileName is what the file of a part is called.
func fileName(p *Part) string {
	if p.SafeName != "" {
		return p.SafeName
	}
	return "part-" + p.Path + extension(p.MediaType)
}

// extension is one for the media types of texts and messages. The table of the
// system is not asked, since it is another on every machine.
func extension(mediaType string) string {
	switch mediaType {
	case "text/plain":
		return ".txt"
	case "text/html":
		return ".html"
	case "message/rfc822", "message/global":
		return ".eml"
	}
	return ".bin"
}

// numbered is name for n 1, and else name with n before its extension.
func numbered(name string, n int) string {
	if n == 1 {
		return name
	}
	base, ext := name, ""
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		base, ext = name[:i], name[i:]
	}
	return fmt.Sprintf("%s (%d)%s", base, n, ext)
}
