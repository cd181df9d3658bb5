package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/page/internal/pagetest"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/doublekeybox/doublekeybox/transport/link"
)

// visit is what a person does with the page, and what has to be seen.
type visit struct {
	Name          string   `json:"name"`
	URL           string   `json:"url"`
	Locale        string   `json:"locale,omitempty"`
	Width         int      `json:"width,omitempty"`
	File          string   `json:"file,omitempty"`
	Passphrases   []string `json:"passphrases,omitempty"`
	Key           string   `json:"key,omitempty"`
	KeyPassphrase string   `json:"keyPassphrase,omitempty"`

	states []string // one after the other
	object string   // the URL that is fetched; "" for none
	files  []seenFile
	says   string // a part of the message
	both   bool   // for every browser
}

type seenFile struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Size   int    `json:"size"`
}

// seen is what the driver tells of a visit.
type seen struct {
	Name, Failed, Message, Title, Text, Left, Focus string
	Requests, States, Errors                        []string
	Files                                           []seenFile
	Wide                                            bool
	Stored, Milliseconds                            int
}

// bed is what the visits need.
type bed struct {
	*testing.T
	page  string
	store *store
	count int
}

// put stores what arrives for a link that was made for object.
func (b *bed) put(bucket string, object, arrives []byte) (link.Link, string) {
	b.Helper()
	b.count++
	path := fmt.Sprintf("/%s/object%d", bucket, b.count)
	if arrives != nil {
		b.store.request("PUT", path, arrives)
	}
	return b.linkTo(b.store.presigned(path, time.Now(), 600), object)
}

func (b *bed) linkTo(url string, object []byte) (link.Link, string) {
	b.Helper()
	l := link.Link{URL: url, Size: int64(len(object)), SHA256: sha256.Sum256(object), Expires: time.Now().Add(10 * time.Minute).Truncate(time.Second)}
	require.NoError(b, l.Check())
	return l, b.page + "#" + l.Fragment()
}

func (b *bed) file(name string, content []byte) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), name)
	require.NoError(b, os.WriteFile(path, content, 0o600))
	return path
}

func expected(name string, content []byte) seenFile {
	return seenFile{name, fmt.Sprintf("%x", sha256.Sum256(content)), len(content)}
}

// opens are the visits that end with the files.
func (b *bed) opens(p *envelope.Passphrase) (all []visit) {
	statement, long := []byte("%PDF-1.7\nYour statement\n"), bytes.Repeat([]byte("0123456789abcdef"), 300_000)
	secret := p.Reveal()
	add := func(v visit, l link.Link, url string) { v.URL, v.object = url, l.URL; all = append(all, v) }

	zip := pagetest.ZIP(b, p, pagetest.File{Name: "Beitrag Übersicht.pdf", Content: statement}, pagetest.File{Name: "long.bin", Content: long})
	zipFiles := []seenFile{expected("Beitrag Übersicht.pdf", statement), expected("long.bin", long)}
	l, url := b.put("drop", zip, zip)
	add(visit{Name: "ZIP", both: true, Passphrases: []string{secret}, states: []string{"form", "files"}, files: zipFiles}, l, url)
	add(visit{Name: "ZIP, in German, on a telephone, second try", Locale: "de-DE", Width: 320, Passphrases: []string{"wrong", secret},
		states: []string{"form", "error wrong", "files"}, files: zipFiles}, l, url)

	one := []seenFile{expected("document.pdf", statement)}
	message := pagetest.Message(b, pgp.Format(), p, statement)
	l, url = b.put("drop", message, message)
	add(visit{Name: "OpenPGP", both: true, Passphrases: []string{secret}, states: []string{"form", "files"}, files: one}, l, url)

	message = pagetest.Message(b, smime.Format(), p, statement)
	l, url = b.put("drop", message, message)
	add(visit{Name: "CMS", both: true, Passphrases: []string{secret}, states: []string{"form", "files"}, files: one}, l, url)

	bob, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	require.NoError(b, err)
	p12, err := bob.MarshalPKCS12([]byte("secret of bob"))
	require.NoError(b, err)
	message = pagetest.Sealed(b, bob.Certificate(), statement)
	l, url = b.put("drop", message, message)
	add(visit{Name: "sealed to a key", Key: b.file("bob.p12", p12), KeyPassphrase: "secret of bob", states: []string{"form", "files"}, files: one}, l, url)
	add(visit{Name: "sealed to a key, wrong passphrase of it", Key: b.file("bob.p12", p12), KeyPassphrase: "wrong", states: []string{"form", "error keylocked"}}, l, url)

	add(visit{Name: "dropped", File: b.file("box.zip", zip), Passphrases: []string{secret}, states: []string{"drop", "form", "files"}, files: zipFiles}, link.Link{}, b.page)
	l, url = b.put("mute", zip, zip)
	add(visit{Name: "refused by the browser, then dropped", File: b.file("box.zip", zip), Passphrases: []string{secret},
		states: []string{"error unreachable", "form", "files"}, files: zipFiles}, l, url)
	_, url = b.put("drop", zip, zip)
	add(visit{Name: "a link that is cut, then dropped", File: b.file("box.zip", zip), Passphrases: []string{secret},
		states: []string{"error link", "form", "files"}, files: zipFiles}, link.Link{}, url[:len(url)-50])
	return all
}

// fails are the visits that end with an error, and nothing is offered.
func (b *bed) fails(p *envelope.Passphrase) (all []visit) {
	zip := pagetest.ZIP(b, p, pagetest.File{Name: "statement.pdf", Content: []byte("Your statement")})
	another := pagetest.ZIP(b, p, pagetest.File{Name: "statement.pdf", Content: []byte("Mallory's word")})
	require.Len(b, another, len(zip))
	flipped := bytes.Clone(zip)
	flipped[len(flipped)/2] ^= 1
	add := func(name, state, says string, fetched bool, l link.Link, url string, passphrases ...string) {
		v := visit{Name: name, URL: url, states: []string{state}, says: says, Passphrases: passphrases}
		if len(passphrases) > 0 {
			v.states = []string{"form", state}
		}
		if fetched {
			v.object = l.URL
		}
		all = append(all, v)
	}
	for _, c := range []struct {
		name    string
		arrives []byte
		state   string
		says    string
	}{
		{"tampered", flipped, "error replaced", "changed or replaced"},
		{"replaced", another, "error replaced", "changed or replaced"},
		{"replaced by more", append(bytes.Clone(zip), 0), "error replaced", "changed or replaced"},
		{"truncated", zip[:len(zip)-1], "error truncated", "not complete"},
		{"deleted", nil, "error gone", "no longer there"},
	} {
		l, url := b.put("drop", zip, c.arrives)
		add(c.name, c.state, c.says, true, l, url)
	}
	l, url := b.put("drop", zip, zip)
	add("wrong passphrase", "error wrong", "passphrase or key is wrong", true, l, url, envelope.NewPassphrase().Reveal())
	add("no passphrase", "error nosecret", "Type the passphrase", true, l, url, "")
	add("cut", "error link", "not complete", false, l, url[:len(url)-50])

	expired := l
	expired.Expires = time.Now().Add(-time.Second).Truncate(time.Second)
	add("expired", "error expired", "expired", false, expired, b.page+"#"+expired.Fragment())

	// The clock of the device is wrong, or the link says more than the store grants. versitygw
	// answers so that browsers do not let a page see it.
	l, url = b.linkTo(b.store.presigned("/drop/object1", time.Now().Add(-time.Hour), 60), zip)
	add("expired at the store", "error unreachable", "no longer valid", true, l, url)

	letter := []byte("Dear customer, this is not locked.")
	l, url = b.put("drop", letter, letter)
	add("not a box", "error nobox", "not a locked file", true, l, url)
	return all
}

func TestBrowsers(t *testing.T) {
	peers(t)
	playwright := filepath.Join(interopHome(), "node_modules", "playwright-core")
	needs(t, "node", playwright, "chromium", "firefox-esr")
	tc, err := findToolchain()
	require.NoError(t, err)
	page, err := tc.page()
	require.NoError(t, err)
	requireClosed(t, string(page))
	t.Logf("the page has %d octets", len(page))

	server := serve(t, page)
	b := &bed{T: t, page: server.URL + "/open.html", store: startStore(t, server.URL)}
	p := envelope.NewPassphrase()
	visits, made := append(b.opens(p), b.fails(p)...), 0
	t.Run("browser", func(t *testing.T) {
		for i, browser := range []struct{ name, program string }{{"chromium", "chromium"}, {"firefox", "firefox-esr"}} {
			mine := visits
			if os.Getenv("DKB_FULL") != "1" {
				mine = half(visits, i)
			}
			made += len(mine)
			t.Run(browser.name, func(t *testing.T) {
				t.Parallel()
				drive(t, playwright, browser.name, browser.program, mine, p.Reveal())
			})
		}
	})
	server.mu.Lock()
	defer server.mu.Unlock()
	require.Equal(t, map[string]int{"GET /open.html": made}, server.asked)
}

// half are the visits that both browsers make and every other one of the rest,
// from the ith on: each compiles the page anew. With DKB_FULL=1 both make all.
func half(visits []visit, i int) (mine []visit) {
	for _, v := range visits {
		if !v.both {
			i++
		}
		if v.both || i%2 == 0 {
			mine = append(mine, v)
		}
	}
	return mine
}

// drive lets a browser make all visits and looks at what it saw.
func drive(t *testing.T, playwright, name, program string, visits []visit, secret string) {
	job, err := json.Marshal(map[string]any{"playwright": playwright, "browser": name, "executable": lookPath(t, program), "visits": visits})
	require.NoError(t, err)
	script, err := filepath.Abs("testdata/drive.cjs")
	require.NoError(t, err)
	var got struct {
		Version string
		Visits  []seen
	}
	require.NoError(t, json.Unmarshal(execute(t, job, nil, "node", script), &got))
	t.Logf("%s %s", name, got.Version)
	require.Len(t, got.Visits, len(visits))
	for i, v := range visits {
		s := got.Visits[i]
		t.Run(strings.ReplaceAll(v.Name, " ", "-"), func(t *testing.T) {
			t.Logf("%d ms", s.Milliseconds)
			v.require(t, s, secret)
		})
	}
}

// require holds what was seen to what was to be seen.
func (v visit) require(t *testing.T, s seen, secret string) {
	require.Empty(t, s.Failed)
	require.Equal(t, v.states, s.States, s.Message)
	want := []string{"GET " + strings.SplitN(v.URL, "#", 2)[0]}
	if v.object != "" {
		want = append(want, "GET "+v.object)
	}
	for i := range s.Requests { // some tools say the fragment too, which no server is sent
		s.Requests[i], _, _ = strings.Cut(s.Requests[i], "#")
	}
	require.Equal(t, want, s.Requests, "no other request")
	require.Equal(t, append([]seenFile{}, v.files...), s.Files)
	require.Contains(t, s.Message, v.says)
	require.Zero(t, s.Stored)
	require.Empty(t, s.Left, "what was typed stays in no field")
	require.False(t, s.Wide, "nothing is wider than the screen")
	for _, text := range append(s.Errors, s.Title, s.Text, s.Message) {
		require.NotContains(t, text, secret)
	}
	if v.states[0] != "error unreachable" { // of which browsers tell
		require.Empty(t, s.Errors)
	}
	title := "Open a locked file"
	if v.Locale == "de-DE" {
		title = "Verschlossene Datei öffnen"
	}
	require.Equal(t, title, s.Title)
	// Who cannot see hears at once where it goes on.
	if last := v.states[len(v.states)-1]; strings.HasPrefix(last, "error") {
		require.Equal(t, "error", s.Focus)
		require.NotEmpty(t, s.Message)
	} else {
		require.Equal(t, "resultTitle", s.Focus)
		require.Empty(t, s.Message)
	}
}
