package mail

import (
	"fmt"
	"io"
	"mime"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doublekeybox/doublekeybox/internal/base64lines"
	"github.com/doublekeybox/doublekeybox/internal/full"
)

// attachment is one of a draft's that was checked.
type attachment struct {
	name, kind string
	params     []param // of the media type
	contentID  string
	src        io.Reader
	where      string // in the draft, for errors
}

// maxName is how many characters a file name may have: no file system takes more.
const maxName = 255

func (c *checker) attachments(as []Attachment) []attachment {
	var all []attachment
	seen := make(map[string]bool)
	for i, a := range as {
		where := fmt.Sprintf("attachment %d", i+1)
		c.fileName(where, a.Name)
		if a.Body == nil {
			c.problem(where, "it has no Body")
		}
		if a.ContentID != "" {
			c.contentID(where, a.ContentID)
			if seen[a.ContentID] {
				c.problem(where, "another one has the content ID %.80q", a.ContentID)
			}
			seen[a.ContentID] = true
		}
		kind, params := c.mediaType(where, a)
		all = append(all, attachment{a.Name, kind, params, a.ContentID, a.Body, where})
	}
	return all
}

func (c *checker) fileName(where, name string) {
	c.oneLine(where+": the name", name)
	switch {
	case strings.ContainsFunc(name, turns):
		c.problem(where, "the name %.80q has a character that turns the direction of the line: its ending could not be seen", name)
	case strings.ContainsAny(name, `/\`), name == ".", name == "..":
		c.problem(where, "%.80q is no file name: give it without a path", name)
	case utf8.RuneCountInString(name) > maxName:
		c.problem(where, "the name %.80q… has more than %d characters", name, maxName)
	}
}

// contentID refuses what is no msg-id (RFC 2045, Section 7), or has to be
// encoded in a URL (RFC 2392).
func (c *checker) contentID(where, id string) {
	left, right, ok := strings.Cut(id, "@")
	if bad := func(r rune) bool { return !isAlphanumeric(byte(r)) && !strings.ContainsRune("!$*+-._=", r) || r > '~' }; !ok || left == "" ||
		right == "" || len(id) > maxName || strings.ContainsFunc(left+right, bad) {
		c.problem(where, `%.80q is no content ID: it looks like an address, "image1@example.org"`, id)
	}
}

const octets = "application/octet-stream"

// mediaType returns the type that an attachment goes by.
func (c *checker) mediaType(where string, a Attachment) (string, []param) {
	stated := a.MediaType
	if stated == "" {
		stated, _, _ = mime.ParseMediaType(mime.TypeByExtension(path.Ext(a.Name)))
		if stated == "" {
			stated = octets
		}
	}
	kind, ps, err := mime.ParseMediaType(stated)
	top, sub, _ := strings.Cut(kind, "/")
	if err != nil || top == "" || sub == "" || len(stated) > maxName || strings.ContainsFunc(stated, unicode.IsControl) {
		c.problem(where, "%.80q is no media type", a.MediaType)
		return "", nil
	}
	// These must not be base64 (RFC 2046, Sections 5.1 and 5.2.1; RFC 2045,
	// Section 6.4), and a file is to arrive octet by octet.
	if top == "multipart" || top == "message" {
		return octets, nil
	}
	var params []param
	for name, value := range ps {
		switch {
		case name == "name" || name == "boundary" || name == "protected-headers" || strings.HasPrefix(name, "hp"):
			c.problem(where, "the media type %.80q has a parameter that is not its own: %s", a.MediaType, name)
		case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) || strings.ContainsFunc(value, endsLine):
			c.problem(where, "the media type %.80q has a parameter that cannot be in a header field: %s", a.MediaType, name)
		}
		params = append(params, param{name, value})
	}
	slices.SortFunc(params, func(a, b param) int { return strings.Compare(a.name, b.name) })
	return kind, params
}

// entity returns the part: base64, whatever is in the file.
func (a attachment) entity() *entity {
	e := &entity{kind: a.kind, params: a.params, rest: []field{{"Content-Transfer-Encoding", "base64"}}}
	disposition := "attachment"
	if a.contentID != "" {
		disposition = "inline"
		e.rest = append(e.rest, field{"Content-ID", fold("Content-ID", "<"+a.contentID+">")})
	}
	var ps []param
	if a.name != "" {
		e.params = append(e.params[:len(e.params):len(e.params)], param{"name", a.name})
		// Without another one in ASCII for programs that know nothing of RFC
		// 2231: NeoMutt takes the last of two names, and others the first.
		ps = []param{{"filename", a.name}}
	}
	e.rest = append(e.rest, field{"Content-Disposition", withParams("Content-Disposition", disposition, ps...)})
	e.write = a.writeTo
	return e
}

// readBlock is how much of an attachment is read at a time: whole lines of
// base64.
const readBlock = 57 * 840

func (a attachment) writeTo(w io.Writer) error {
	b := base64lines.NewWriter(w)
	buf := make([]byte, readBlock)
	for {
		n, err := full.Read(a.src, buf)
		if _, err := b.Write(buf[:n]); err != nil {
			return err
		}
		if err == io.EOF {
			return b.Close()
		}
		if err != nil {
			return fmt.Errorf("mail: %s, %.80q: %w", a.where, a.name, err)
		}
	}
}
