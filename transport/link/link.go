// Package link is what a mail has instead of an attachment: where a sealed
// object lies, how long it is, its SHA-256, and when the link dies.
//
// The object is sealed before it is stored, so that the link is no secret that
// the content depends on. Still it is made to be worth little: it ends after
// seven days at most, it names nobody, and what it leads to is checked against
// what the mail says before anything is done with it.
//
// A [Link] stands in a mail's body as text ([Link.String], [Parse]): the URL
// alone on its line, which is complete for [Fetch], and below it the same in
// words for people and for programs like curl and sha256sum. It can also stand
// behind the address of a page that opens it in a browser ([Link.OnPage]): all
// of it is in the fragment then, which browsers send to no server.
//
// The package needs nothing but the standard library and works in a browser
// (GOOS=js). Package s3, below it, stores objects and makes links.
package link

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"
)

// MaxSize is how many octets the object of a link may have: what S3 stores in
// one request (5 GiB).
const MaxSize = 5 << 30

// maxURL is how long a URL may be, in octets. Pre-signed ones have some 500, and
// with the session token of temporary credentials rarely more than 2,500. Some
// servers and browsers cut what has more than 8,000.
const maxURL = 8000

// ErrFormat is that of a text that is no link, or of which a part is missing or
// changed.
var ErrFormat = errors.New("not a complete link")

// Link says where an object is and what it must be. It is a plain value.
//
// Whoever has the URL can read the object until Expires: it belongs into a mail
// to the recipient and into nothing else. [Link.Object] is for logs, and what
// log/slog writes of a Link; fmt writes all of it.
type Link struct {
	URL     string    // https, pre-signed, without a fragment; ASCII
	Size    int64     // of the object, in octets; 1 to [MaxSize]
	SHA256  [32]byte  // of the object
	Expires time.Time // until when the store answers; whole seconds
	Name    string    // what a file of it may be called: "documents.zip"; says the format and no more; may be ""
}

// Object returns the URL without what gives the right to read: scheme, host and
// path. It is "" where URL is none.
func (l Link) Object() string {
	u, err := url.Parse(l.URL)
	if err != nil || u.Host == "" {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// LogValue implements slog.LogValuer: in a log stands [Link.Object], with which
// nobody can read.
func (l Link) LogValue() slog.Value { return slog.StringValue(l.Object()) }

// Check returns nil where l is complete and can be told in all its forms, and
// else an error that wraps ErrFormat. It does not look at the clock.
func (l Link) Check() error {
	if err := checkURL(l.URL); err != nil {
		return err
	}
	switch {
	case l.Size < 1 || l.Size > MaxSize:
		return badf("the size is %d and must be 1 to %d octets", l.Size, int64(MaxSize))
	case l.SHA256 == [32]byte{}:
		return badf("the SHA-256 is missing")
	case l.Expires.Unix() < 1 || l.Expires.Unix() > lastSecond || l.Expires.Nanosecond() != 0:
		return badf("the time of expiry is missing or not in whole seconds of a year up to 9999")
	}
	return checkName(l.Name)
}

// lastSecond is the last of the year 9999, behind which RFC 3339 has no times.
const lastSecond = 253402300799

// checkURL checks that raw goes to a server over TLS and says nothing else:
// neither a password of its own nor a fragment, where the rest of a link
// stands.
func checkURL(raw string) error {
	if len(raw) > maxURL {
		return badf("the URL has %d octets, at most %d are allowed", len(raw), maxURL)
	}
	// RFC 3986, Section 2: whatever else is in there was not written by who made
	// the link. The URL itself is in no error: it holds a signature.
	if i := strings.IndexFunc(raw, func(r rune) bool { return !isURL(r) }); i >= 0 {
		return badf("the URL holds a character at octet %d that no URL has", i)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return badf("the URL cannot be read")
	}
	switch {
	case !strings.HasPrefix(raw, "https://"):
		return badf("the URL does not begin with https://")
	case u.Hostname() == "":
		return badf("the URL names no server")
	case u.User != nil:
		return badf("the URL holds a name or a password")
	case strings.Contains(raw, "#"):
		return badf("the URL holds a fragment")
	}
	return nil
}

// isURL reports whether RFC 3986 has r in URLs, but for the brackets of IPv6
// addresses, which come only from people who test.
func isURL(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~:/?#[]@!$&'()*+,;=%", r)
}

// checkName checks that name is safe as that of a file wherever it is saved:
// small letters, digits and hyphens, one dot in the middle at most. That also
// leaves no room in it for what it has no business to tell.
func checkName(name string) error {
	const most = 64
	if name == "" {
		return nil
	}
	base, ext, dotted := strings.Cut(name, ".")
	odd := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }
	if len(name) > most || base == "" || base[0] == '-' || dotted && ext == "" || strings.ContainsFunc(base+ext, odd) || isDevice(base) {
		return badf("%.80q is not allowed as the name", name)
	}
	return nil
}

// isDevice reports whether Windows takes files of that name for devices,
// whatever comes behind the dot.
func isDevice(base string) bool {
	switch base {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(base) == 4 && (strings.HasPrefix(base, "com") || strings.HasPrefix(base, "lpt")) && base[3] >= '0' && base[3] <= '9'
}

// badf returns an error that wraps ErrFormat.
func badf(format string, args ...any) error {
	return fmt.Errorf("link: %w: "+format, append([]any{ErrFormat}, args...)...)
}
