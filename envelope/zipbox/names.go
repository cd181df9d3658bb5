package zipbox

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doublekeybox/doublekeybox/internal/filename"
)

// maxName is how long a name is that is read, in octets: longer than any path
// that Linux or Windows takes from a program.
const maxName = 4096

// maxDepth is how many folders may be in each other.
const maxDepth = 32

// names are those of one archive, folded: true for files, false for folders.
type names map[string]bool

// add notes a file, and reports false where a file system would take it for
// another one, or for a folder of another one.
func (ns names) add(path string) bool {
	folded := filename.Fold(path)
	if _, there := ns[folded]; there {
		return false
	}
	for i, c := range folded {
		if c != '/' {
			continue
		}
		if ns[folded[:i]] {
			return false
		}
		ns[folded[:i]] = false
	}
	ns[folded] = true
	return true
}

// safePath makes of an entry's name a path of which each part is a
// filename.Safe. A name that means another place is refused and not mended:
// nobody but an attacker writes one.
func safePath(name string) (string, error) {
	var why string
	path := strings.TrimSuffix(name, "/")
	parts := strings.Split(path, "/")
	switch {
	case path == "":
		why = "it has no name"
	case len(name) > maxName || len(parts) > maxDepth:
		why = "its name is too long"
	case !utf8.ValidString(name):
		why = "its name is in no character set that is known"
	case strings.ContainsFunc(name, unicode.IsControl):
		why = "there is a control character in its name"
	case strings.HasPrefix(name, "/"), strings.Contains(name, `\`), len(name) > 1 && name[1] == ':':
		why = "its name is an absolute path, or one of Windows"
	}
	for i, p := range parts {
		if p == "" || p == "." || p == ".." {
			if why == "" {
				why = "its name leads elsewhere"
			}
		}
		parts[i] = filename.Safe(p)
	}
	if why != "" {
		return "", refuse(codeUnsafe, name, why)
	}
	return strings.Join(parts, "/"), nil
}
