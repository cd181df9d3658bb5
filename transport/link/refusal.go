package link

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxAnswer is how much of a refusal is read, in octets. Those of S3 have less
// than 2 KiB.
const maxAnswer = 16 << 10

// Ends returns until when the store answers by what is known without asking: the
// earlier of Expires and what X-Amz-Date and X-Amz-Expires of the URL say, which
// the store goes by.
func (l Link) Ends() time.Time {
	if signed, ok := signedUntil(l.URL); ok && signed.Before(l.Expires) {
		return signed
	}
	return l.Expires
}

// signedUntil returns when the signature of a pre-signed URL ends (Signature
// Version 4 in the query).
func signedUntil(raw string) (time.Time, bool) {
	const (
		form = "20060102T150405Z"
		most = 7 * 24 * 60 * 60 // seconds; S3 refuses more
	)
	u, err := url.Parse(raw)
	if err != nil {
		return time.Time{}, false
	}
	q := u.Query()
	begin, err := time.Parse(form, q.Get("X-Amz-Date"))
	if err != nil {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseInt(q.Get("X-Amz-Expires"), 10, 64)
	if err != nil || seconds < 0 || seconds > most {
		return time.Time{}, false
	}
	return begin.Add(time.Duration(seconds) * time.Second), true
}

// refusal returns the error for an answer that is not the object.
func (f *fetcher) refusal(l Link, resp *http.Response) error {
	// A refusal that cannot be read is one all the same.
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	code, message := element(answer, "Code"), element(answer, "Message")
	said := fmt.Sprintf("%d %.40q", resp.StatusCode, code)
	switch status := resp.StatusCode; {
	case status >= 300 && status < 400:
		return fmt.Errorf("%w: it sends elsewhere (%d), where the link counts for nothing", ErrRefused, status)
	// S3 says AccessDenied to a link whose time is over and ExpiredToken where
	// the credentials that signed it have ended.
	case strings.Contains(message, "Request has expired"), code == "ExpiredToken", status == http.StatusForbidden && !f.now().Before(l.Ends()):
		return fmt.Errorf("%w (the store says %s); it was made to last until %s", ErrExpired, said, l.Ends().Format(time.RFC3339))
	case status == http.StatusNotFound, status == http.StatusGone:
		return fmt.Errorf("%w (the store says %s)", ErrGone, said)
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests:
		return fmt.Errorf("%w (it says %s)", ErrRefused, said)
	}
	return fmt.Errorf("the store answers %s: try again later", said)
}

// element returns the text of the first XML element called name. An XML parser
// would double what a page in a browser has to load, to read two words that
// nothing but the wording of an error depends on.
func element(answer []byte, name string) string {
	_, rest, _ := strings.Cut(string(answer), "<"+name+">")
	text, _, closed := strings.Cut(rest, "</"+name+">")
	if !closed {
		return ""
	}
	return text
}
