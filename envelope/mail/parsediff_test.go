package mail_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-message"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
)

// diffMails returns the mails of the collections that other projects test their
// readers with, by name.
func diffMails(t *testing.T) map[string][]byte {
	t.Helper()
	root := os.Getenv("DKB_VECTORS")
	if root == "" {
		t.Skip("DKB_VECTORS is not set: no mails of other projects")
	}
	mails := make(map[string][]byte)
	for _, dir := range []string{"chatmail", "comm-central", "enmime", "ruby-mail", "mimekit/messages", "mimekit/partial", "mime4j"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, name)
			switch {
			case strings.HasSuffix(name, ".tar.gz"):
				return untarMails(rel, data, mails)
			case strings.HasSuffix(name, ".gz"):
				z, err := gzip.NewReader(bytes.NewReader(data))
				if err != nil {
					return err
				}
				data, err = io.ReadAll(z)
				mails[rel] = data
				return err
			case isDiffMail(rel):
				mails[rel] = data
			}
			return err
		})
		require.NoError(t, err)
	}
	return mails
}

func isDiffMail(name string) bool {
	switch base := path.Base(name); {
	case base == "SOURCE.md", base == "LICENSE", base == "MIT-LICENSE", base == "NOTICE":
		return false
	case strings.Contains(name, "jsmime/test/unit/data/"):
		return true
	}
	return slices.Contains([]string{".eml", ".msg", ".raw", ".txt", ".mime"}, path.Ext(name)) && !strings.Contains(name, "_decoded")
}

func untarMails(name string, data []byte, mails map[string][]byte) error {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if !strings.HasSuffix(h.Name, ".msg") && (!strings.HasSuffix(h.Name, ".xml") || strings.Contains(h.Name, "_decoded")) {
			continue
		}
		if mails[path.Join(path.Dir(name), h.Name)], err = io.ReadAll(r); err != nil {
			return err
		}
	}
}

// other is a part as another reader finds it.
type other struct {
	kind  string
	body  []byte // nil where it cannot be compared
	plain bool   // body is decoded
	parts []*other
	err   error // it does not read on here
}

// stdRead reads a message with net/mail and mime/multipart.
func stdRead(data []byte) *other {
	m, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return &other{err: err}
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		return &other{err: err}
	}
	return stdPart(m.Header.Get, body, "text/plain", 0)
}

func stdPart(get func(string) string, body []byte, kind string, depth int) *other {
	o := &other{kind: kind, body: body}
	params := map[string]string{}
	if value := get("Content-Type"); value != "" {
		var err error
		if o.kind, params, err = mime.ParseMediaType(value); err != nil {
			o.err = err
			return o
		}
	}
	if depth == 32 {
		o.err = errors.New("deep")
		return o
	}
	encoding := strings.ToLower(get("Content-Transfer-Encoding"))
	switch {
	case o.kind == "message/rfc822" && encoding != "base64" && encoding != "quoted-printable":
		o.parts = []*other{stdRead(body)}
	case strings.HasPrefix(o.kind, "multipart/"):
		kind = "text/plain"
		if o.kind == "multipart/digest" {
			kind = "message/rfc822"
		}
		for r := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
			p, err := r.NextRawPart()
			if err == io.EOF {
				return o
			}
			if err == nil {
				body, err = io.ReadAll(p)
			}
			if err != nil {
				o.err = err
				return o
			}
			o.parts = append(o.parts, stdPart(p.Header.Get, body, kind, depth+1))
		}
	}
	return o
}

// compareTrees says where the readers differ. refused is set where the other one
// stops at something of which ours says nothing at all.
func compareTrees(src io.ReaderAt, n *mimeparse.Node, o *other, at string) (differs string, node *mimeparse.Node) {
	switch {
	case o.err != nil && len(nearFindings(n)) == 0:
		return fmt.Sprintf("%s: no finding where the other reader says %v", at, o.err), n
	case o.err != nil:
		return "", nil
	case o.kind != "" && n.MediaType != o.kind:
		return fmt.Sprintf("%s: %s, %s", at, n.MediaType, o.kind), n
	case len(n.Children) != len(o.parts):
		return fmt.Sprintf("%s: %d parts, %d", at, len(n.Children), len(o.parts)), n
	}
	for i, c := range n.Children {
		if differs, node := compareTrees(src, c, o.parts[i], fmt.Sprintf("%s.%d", at, i+1)); differs != "" {
			return differs, node
		}
	}
	if len(n.Children) > 0 {
		return "", nil
	}
	body, err := io.ReadAll(n.RawBody(src))
	if o.plain {
		body, err = io.ReadAll(n.Decoded(src))
	}
	if o.body != nil && (err != nil || !bytes.Equal(body, o.body)) {
		return fmt.Sprintf("%s: %.60q, %.60q", at, body, o.body), n
	}
	return "", nil
}

// nearFindings are those of n, of what is in it and of what it is in.
func nearFindings(n *mimeparse.Node) []mimeparse.Finding {
	var all []mimeparse.Finding
	for up := n.Parent; up != nil; up = up.Parent {
		all = append(all, up.Findings...)
	}
	for todo := []*mimeparse.Node{n}; len(todo) > 0; todo = todo[1:] {
		all = append(all, todo[0].Findings...)
		todo = append(todo, todo[0].Children...)
	}
	return all
}

func anyAmbiguous(all []mimeparse.Finding) bool {
	return slices.ContainsFunc(all, func(f mimeparse.Finding) bool { return f.Ambiguous })
}

// goMessageRead reads a message with go-message, which decodes as it reads.
func goMessageRead(r io.Reader, depth int) *other {
	e, err := message.Read(r)
	if err != nil && !message.IsUnknownCharset(err) {
		return &other{err: err}
	}
	return goMessagePart(e, depth)
}

func goMessagePart(e *message.Entity, depth int) *other {
	o := &other{plain: true}
	var err error
	if o.kind, _, err = e.Header.ContentType(); err != nil {
		o.err = err
		return o
	}
	if depth == 32 {
		o.err = errors.New("deep")
		return o
	}
	parts := e.MultipartReader()
	switch {
	case parts != nil:
		for {
			p, err := parts.NextPart()
			if err == io.EOF {
				return o
			}
			if err != nil && !message.IsUnknownCharset(err) {
				o.err = err
				return o
			}
			o.parts = append(o.parts, goMessagePart(p, depth+1))
		}
	case o.kind == "message/rfc822" && !slices.Contains([]string{"base64", "quoted-printable"}, strings.ToLower(e.Header.Get("Content-Transfer-Encoding"))):
		o.parts = []*other{goMessageRead(e.Body, depth+1)}
		return o
	}
	body, err := io.ReadAll(e.Body)
	if o.err = err; err == nil && !strings.HasPrefix(o.kind, "text/") { // text is made UTF-8
		o.body = append([]byte{}, body...)
	}
	return o
}

// mime4jRead reads what mime4j found in a message, which stands beside it.
func mime4jRead(outcome []byte) (*other, error) {
	d := xml.NewDecoder(bytes.NewReader(bytes.Map(func(r rune) rune { // the texts are of any character set
		if r < ' ' && r != '\n' {
			return -1
		}
		return r
	}, bytes.ToValidUTF8(outcome, nil))))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	root := &other{}
	stack := []*other{root}
	for {
		token, err := d.Token()
		if err == io.EOF {
			return root.parts[0], nil
		}
		if err != nil {
			return nil, err
		}
		switch e := token.(type) {
		case xml.StartElement:
			// A body-part with a message in it is one part with one in it; a
			// multipart is what its part is.
			if name := e.Name.Local; name == "message" || name == "body-part" {
				o := &other{}
				up := stack[len(stack)-1]
				up.parts = append(up.parts, o)
				stack = append(stack, o)
			}
		case xml.EndElement:
			if name := e.Name.Local; name == "message" || name == "body-part" {
				stack = stack[:len(stack)-1]
			}
		}
	}
}

// parseDecisions are the mails that another reader reads in another way though
// nothing in them is ambiguous, and why ours stays as it is.
var parseDecisions = map[string]string{
	"mime4j/core/src/test/resources/mimetools-testmsgs/multi-digest.msg":          "Content-Type: text is text/plain (RFC 2045, Section 5.2), and what is in a digest a message (RFC 2046, Section 5.1.5)",
	"mime4j/core/src/test/resources/testmsgs/multipartdigestnestedemptyparts.msg": "what is in a digest is a message (RFC 2046, Section 5.1.5)",
}

// TestParseDifferential reads the mails of the corpora with the standard
// library and with go-message too, and those of mime4j as mime4j says it does. Where one finds other parts, ours must have
// said that programs may.
func TestParseDifferential(t *testing.T) {
	mails := diffMails(t)
	readers := map[string]func(string, []byte) *other{
		"net/mail":   func(_ string, data []byte) *other { return stdRead(data) },
		"go-message": func(_ string, data []byte) *other { return goMessageRead(bytes.NewReader(data), 0) },
		"mime4j": func(name string, _ []byte) *other {
			outcome := mails[strings.TrimSuffix(name, ".msg")+".xml"]
			if outcome == nil {
				return nil
			}
			o, err := mime4jRead(outcome)
			require.NoError(t, err, name)
			return o
		},
	}
	used := make(map[string]bool)
	for with, reader := range readers {
		t.Run(with, func(t *testing.T) {
			var differ, own, limited, read, parts, refused int
			for name, data := range mails {
				if path.Ext(name) == ".xml" {
					continue
				}
				o := reader(name, data)
				if o == nil {
					continue
				}
				read++
				src := bytes.NewReader(data)
				n, err := mimeparse.Parse(src, src.Size(), mimeparse.Limits{Depth: 100, Parts: 10_000, HeaderBytes: 1 << 20})
				if err != nil {
					require.IsType(t, (*mimeparse.LimitError)(nil), err, name)
					limited++
					continue
				}
				for todo := []*other{o}; len(todo) > 0; todo = todo[1:] {
					parts++
					if todo[0].err != nil {
						refused++
					}
					todo = append(todo, todo[0].parts...)
				}
				differs, node := compareTrees(src, n, o, "1")
				if differs == "" {
					continue
				}
				differ++
				if anyAmbiguous(nearFindings(node)) {
					continue
				}
				own++
				why := parseDecisions[name]
				used[name] = true
				t.Logf("%s: %s: %s", name, differs, why)
				assert.NotEmpty(t, why, name)
			}
			t.Logf("%d mails of %d parts, of which the other reader refuses %d: %d differ, %d of them decided here, %d over a limit", read, parts, refused, differ, own, limited)
			require.LessOrEqual(t, own*20, read, "more than one in twenty decided here")
			require.GreaterOrEqual(t, read, map[string]int{"mime4j": 80}[with])
			require.Greater(t, len(mails), 450)
		})
	}
	require.Len(t, used, len(parseDecisions), "a decision is needed no more")
}
