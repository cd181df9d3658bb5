// Package letter writes the mail that goes with the documents, in the language
// of each recipient: what it is, and what to do to open it.
//
// The texts are templates (text/template, html/template) in a folder for each
// language: subject.txt, body.txt and, if there is to be HTML, body.html. Those
// of the package are in English and German. Templates are given a [Data], and
// have three functions beside the standard ones, which write as the language
// does: size (octets), date and datetime. None reads a file.
package letter

import (
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	html "html/template"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	text "text/template"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/list"
	"github.com/doublekeybox/doublekeybox/transport/link"
)

// Data is what a template is given.
type Data struct {
	Entry     list.Entry // without what its recipient knows
	Documents []Document // none where Locked
	Link      *link.Link // of the delivery by link; else nil
	Page      string     // where a link is opened in a browser; "" for nowhere
	Number    string     // of the passphrase that comes by another way; "" for none
	From      string     // who sends, as people call them

	// Locked: what there is to open is locked with a passphrase, that of Number
	// or one that the recipient knows, and the mail itself can be read by whoever
	// carries it. A template is then given no names of documents: the archive
	// hides them. It is set where Number is, and for the delivery zip.
	Locked bool
}

// Document is one document.
type Document struct {
	Name string
	Size int64 // octets
}

// Limits of templates and of what becomes of them.
const (
	maxTemplate  = 256 << 10 // octets of a file
	maxBody      = 512 << 10 // octets of a text: a mail, and not its documents
	maxSubject   = 200       // characters
	maxLanguages = 200
)

// Letters are the templates of all languages. Safe for concurrent use.
type Letters struct {
	from      string // the folder, for errors
	languages map[string]*language
	sum       [sha256.Size]byte
}

type language struct {
	subject, body *text.Template
	html          *html.Template // nil: there is none
}

//go:embed default
var defaults embed.FS

// LanguageError says that there are no letters in a language.
type LanguageError struct {
	Language string
	Have     []string
}

// Error implements error, on one line.
func (e *LanguageError) Error() string {
	return fmt.Sprintf("letter: there are no templates for the language %.40q, only for %s", e.Language, strings.Join(e.Have, ", "))
}

// Load reads the templates in the folder dir, one folder for each language:
// those, and no others, are there then. With "" it is those of the package. The
// error names the file and the line.
func Load(dir string) (*Letters, error) {
	fsys, from := os.DirFS(dir), dir
	if dir == "" {
		from = "default"
		fsys, _ = fs.Sub(defaults, from) // which is there
	}
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("letter: %w", err)
	}
	l := &Letters{from: from, languages: map[string]*language{}}
	hash := sha256.New()
	for _, e := range entries {
		name := e.Name()
		info, err := fs.Stat(fsys, name) // follows a link
		if err != nil || !info.IsDir() || name[0] == '.' {
			continue
		}
		code := strings.ToLower(name)
		if l.languages[code] != nil || len(l.languages) == maxLanguages {
			return nil, fmt.Errorf("letter: %s: there are two folders for it, or more than %d", path.Join(from, name), maxLanguages)
		}
		if l.languages[code], err = l.load(fsys, name, hash); err != nil {
			return nil, err
		}
	}
	hash.Sum(l.sum[:0])
	if len(l.languages) == 0 {
		return nil, fmt.Errorf("letter: %.200q has no folder with templates: make one for each language, called en, de and so on", dir)
	}
	return l, nil
}

// SHA256 returns the hash of all templates, by which others are told.
func (l *Letters) SHA256() [sha256.Size]byte { return l.sum }

// load reads the templates of one language.
func (l *Letters) load(fsys fs.FS, dir string, hash io.Writer) (out *language, err error) {
	out = &language{}
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("letter: %w", err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		shown := path.Join(l.from, name)
		if e.Name()[0] == '.' {
			continue
		}
		b, err := read(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("letter: %s: %w", shown, err)
		}
		fmt.Fprintf(hash, "%q %q\n", name, b)
		switch e.Name() {
		case "subject.txt":
			out.subject, err = parseText(shown, dir, b)
		case "body.txt":
			out.body, err = parseText(shown, dir, b)
		case "body.html":
			out.html, err = html.New(shown).Option("missingkey=error").Funcs(html.FuncMap(functions(dir))).Parse(b)
		default:
			err = fmt.Errorf("letter: %s: only subject.txt, body.txt and body.html are read", shown)
		}
		if err != nil {
			return nil, templateError(err)
		}
	}
	if out.subject == nil || out.body == nil {
		return nil, fmt.Errorf("letter: %s: subject.txt and body.txt are needed", path.Join(l.from, dir))
	}
	return out, nil
}

func parseText(shown, dir, b string) (*text.Template, error) {
	return text.New(shown).Option("missingkey=error").Funcs(functions(dir)).Parse(b)
}

func read(fsys fs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxTemplate+1))
	if err == nil && len(b) > maxTemplate {
		err = fmt.Errorf("it is larger than %d octets", maxTemplate)
	}
	return strings.TrimPrefix(string(b), "\uFEFF"), err
}

// templateError takes the prefix of the template packages off.
func templateError(err error) error {
	s := err.Error()
	if rest, ok := strings.CutPrefix(s, "template: "); ok {
		return errors.New("letter: " + rest)
	}
	if rest, ok := strings.CutPrefix(s, "html/template:"); ok {
		return errors.New("letter: " + strings.TrimSpace(rest))
	}
	return err
}

// Languages returns the languages in which there are letters, in order.
func (l *Letters) Languages() []string {
	var out []string
	for code := range l.languages {
		out = append(out, code)
	}
	slices.Sort(out)
	return out
}

// find returns the templates of a language, "de-at", or of the same without a
// region.
func (l *Letters) find(code string) (*language, error) {
	code = strings.ToLower(code)
	for {
		if t := l.languages[code]; t != nil {
			return t, nil
		}
		i := strings.LastIndexByte(code, '-')
		if i < 0 {
			return nil, &LanguageError{Language: code, Have: l.Languages()}
		}
		code = code[:i]
	}
}

// Render writes one letter. html is "" where the language has none. Errors:
// *LanguageError; one that names file and line of the template, where that asks
// for what is not there; a subject of more than one line, and a text that is
// longer than any letter.
func (l *Letters) Render(lang string, d Data) (subject, plain, html string, err error) {
	t, err := l.find(lang)
	if err != nil {
		return "", "", "", err
	}
	d.Entry.Knows = "" // it stands in no mail, whatever a template asks for
	if d.Locked = d.Locked || d.Number != "" || d.Entry.Delivery == list.ZIP; d.Locked {
		d.Documents, d.Entry.Documents = nil, nil
	}
	if subject, err = execute(t.subject, d); err != nil {
		return "", "", "", err
	}
	subject = strings.TrimSpace(subject)
	if subject == "" || strings.ContainsAny(subject, "\r\n") || len([]rune(subject)) > maxSubject {
		return "", "", "", fmt.Errorf("letter: %s: a subject is one line of 1 to %d characters", t.subject.Name(), maxSubject)
	}
	if plain, err = execute(t.body, d); err != nil {
		return "", "", "", err
	}
	if t.html != nil {
		if html, err = execute(t.html, d); err != nil {
			return "", "", "", err
		}
	}
	return subject, plain, html, nil
}

// template is either kind.
type template interface {
	Name() string
	Execute(w io.Writer, data any) error
}

func execute(t template, d Data) (string, error) {
	var b bounded
	if err := t.Execute(&b, d); err != nil {
		if b.full {
			return "", fmt.Errorf("letter: %s: what it writes is longer than %d octets", t.Name(), maxBody)
		}
		return "", templateError(err)
	}
	return b.String(), nil
}

// bounded is a strings.Builder that takes no more than a letter has.
type bounded struct {
	strings.Builder
	full bool
}

var errFull = errors.New("too long")

func (b *bounded) Write(p []byte) (int, error) {
	if b.full = b.full || b.Len()+len(p) > maxBody; b.full {
		return 0, errFull
	}
	return b.Builder.Write(p)
}
