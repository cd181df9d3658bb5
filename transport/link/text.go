package link

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// version begins every fragment. One that begins otherwise is refused, so that
// a later form is never read as this one.
const version = "v1"

// Fragment returns all of l as what may stand behind the "#" of a page's
// address: "v1.URL.size.SHA-256.expiry.name.check". The URL and the hash are in
// base64url without padding (RFC 4648, Section 5), size and expiry (seconds
// since 1970) decimals; the check tells whether all of it arrived. It has only
// letters, digits, "-", "_" and ".", which no mail program escapes or wraps at,
// and does not end in a ".", which some would cut.
func (l Link) Fragment() string {
	return l.fragment(base64.RawURLEncoding.EncodeToString([]byte(l.URL)))
}

// fragment returns what belongs to the URL in its form url, which is "" where
// it stands before the "#".
func (l Link) fragment(url string) string {
	text := version + "." + url + "." + strconv.FormatInt(l.Size, 10) + "." +
		base64.RawURLEncoding.EncodeToString(l.SHA256[:]) + "." + strconv.FormatInt(l.Expires.Unix(), 10) + "." + l.Name
	return text + "." + check(l.URL, text)
}

// check returns what tells a link that was cut or changed in copying from one
// that leads to something else. It keeps nobody from changing a link: who can
// do that makes a check as well.
func check(url, text string) string {
	const octets = 6 // one damaged link in 2^48 is taken for a whole one
	sum := sha256.Sum256([]byte(url + "#" + text))
	return base64.RawURLEncoding.EncodeToString(sum[:octets])
}

// OnPage returns the address under which the page at the address page opens l.
// What page has behind a "#" of its own is left out.
func (l Link) OnPage(page string) string {
	page, _, _ = strings.Cut(page, "#")
	return page + "#" + l.Fragment()
}

// ParseFragment is the other direction of [Link.Fragment]; a leading "#" is
// allowed. Errors wrap ErrFormat.
func ParseFragment(text string) (Link, error) {
	return parseFragment(strings.TrimPrefix(text, "#"), "")
}

// parseFragment reads a fragment that stands behind the URL before, or behind
// that of a page.
func parseFragment(text, before string) (Link, error) {
	if len(text) > 2*maxURL {
		return Link{}, badf("it has more than %d octets", 2*maxURL)
	}
	f := strings.Split(text, ".")
	if f[0] != version || len(f) < 7 || len(f) > 8 {
		return Link{}, badf("what is behind the # is no link, or not all of it")
	}
	l := Link{URL: before, Name: strings.Join(f[5:len(f)-1], ".")}
	if f[1] != "" {
		raw, err := base64.RawURLEncoding.DecodeString(f[1])
		if err != nil {
			return Link{}, badf("the URL in the fragment cannot be read")
		}
		l.URL = string(raw)
	}
	hash, err := base64.RawURLEncoding.DecodeString(f[3])
	if err != nil || len(hash) != sha256.Size {
		return Link{}, badf("%.80q is no SHA-256", f[3])
	}
	l.SHA256 = [sha256.Size]byte(hash)
	if l.Size, err = strconv.ParseInt(f[2], 10, 64); err != nil {
		return Link{}, badf("%.40q is no size", f[2])
	}
	seconds, err := strconv.ParseInt(f[4], 10, 64)
	if err != nil {
		return Link{}, badf("%.40q is no time", f[4])
	}
	l.Expires = time.Unix(seconds, 0).UTC()
	// Also what has a second spelling ("+1", "01", bits behind the end of
	// base64) is not as it was written.
	if l.fragment(f[1]) != text {
		return Link{}, badf("it was cut or changed in copying")
	}
	if err := l.Check(); err != nil {
		return Link{}, err
	}
	return l, nil
}

// Line returns the URL with the rest of l in its fragment: what a program like
// curl takes as it is, and what is complete for [Parse].
func (l Link) Line() string { return l.URL + "#" + l.fragment("") }

// String returns l as it stands in a mail's body: its [Link.Line] alone on a
// line, and below it the same in words. Lines end in
// "\n"; only the first is longer than 78 characters, and it has no place where a
// program may break it.
func (l Link) String() string {
	return l.Line() + "\n" +
		"Size: " + strconv.FormatInt(l.Size, 10) + "\n" +
		"SHA-256: " + hex.EncodeToString(l.SHA256[:]) + "\n" +
		"Expires: " + l.Expires.UTC().Format(time.RFC3339) + "\n"
}
