package link_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/transport/link"
)

// What a mail's body has of an object is read again from what somebody copied
// out of a reply, where it was quoted and broken.
func ExampleParse() {
	l := link.Link{
		URL:     "https://drop.example.org/outgoing/mzxw6ytboi2gk3tf?X-Amz-Date=20261122T140000Z&X-Amz-Expires=604800&X-Amz-Signature=aeee",
		Size:    12345,
		SHA256:  sha256.Sum256([]byte("sealed")),
		Expires: time.Date(2026, 11, 29, 14, 0, 0, 0, time.UTC),
		Name:    "documents.zip",
	}
	line, words, _ := strings.Cut(l.String(), "\n")
	fmt.Print(words)
	got, err := link.Parse("On Sunday you wrote:\n> " + line[:70] + "\n> " + line[70:] + "\n> " + words)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(got == l, got.Object())

	_, err = link.Parse(strings.Replace(line, "12345", "12346", 1))
	fmt.Println(err)
	// Output:
	// Size: 12345
	// SHA-256: c9d0036bed6744bcdf692fc980d8717d7e5f5a4f4e8266b4a84982602fb1cd09
	// Expires: 2026-11-29T14:00:00Z
	// true https://drop.example.org/outgoing/mzxw6ytboi2gk3tf
	// link: not a complete link: it was cut or changed in copying
}

// The page's address brings the link to the page, and to nobody else: browsers
// keep what is behind the "#".
func ExampleParseFragment() {
	l := link.Link{URL: "https://drop.example.org/mzxw6ytb?X-Amz-Signature=aeee", Size: 1, SHA256: sha256.Sum256(nil), Expires: time.Unix(1795960800, 0).UTC()}
	page, fragment, _ := strings.Cut(l.OnPage("https://page.example/open.html"), "#")
	got, err := link.ParseFragment(fragment)
	fmt.Println(page, got == l, err, base64.RawURLEncoding.EncodeToString([]byte(l.URL)) == strings.Split(fragment, ".")[1])
	// Output: https://page.example/open.html true <nil> true
}

// After nil the object is there; after an error nothing is.
func ExampleFetch() {
	store := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "sealed") }))
	defer store.Close()
	l := link.Link{URL: store.URL + "/name", Size: 6, SHA256: sha256.Sum256([]byte("sealed")), Expires: time.Now().Add(time.Hour).Truncate(time.Second)}

	var dst link.Memory // or an *os.File
	err := link.Fetch(context.Background(), store.Client(), l, &dst)
	fmt.Printf("%s %v\n", dst.Bytes(), err)

	l.SHA256 = sha256.Sum256([]byte("SEALED"))
	err = link.Fetch(context.Background(), store.Client(), l, &dst)
	fmt.Printf("%q %v\n", dst.Bytes(), errors.Is(err, link.ErrReplaced))
	// Output:
	// sealed <nil>
	// "" true
}
