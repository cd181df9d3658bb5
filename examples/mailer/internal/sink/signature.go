package sink

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	unsigned = "UNSIGNED-PAYLOAD"
	date     = "20060102T150405Z"
	service  = "s3"

	longest = 7 * 24 * 60 * 60 // seconds that a link may live
	drift   = 15 * time.Minute // of clocks that sign requests
)

// authorize returns nil if the request was signed with the credentials: in its
// header, or as a pre-signed link that has not expired. The signature is made
// again, by the signer that clients use, and compared.
func authorize(r *http.Request, c aws.Credentials, region string, now time.Time) error {
	if r.URL.Query().Has("X-Amz-Signature") {
		return authorizeLink(r, c, region, now)
	}
	return authorizeHeader(r, c, region, now)
}

func authorizeLink(r *http.Request, c aws.Credentials, region string, now time.Time) error {
	q := r.URL.Query()
	at, err := time.Parse(date, q.Get("X-Amz-Date"))
	if err != nil {
		return denied("X-Amz-Date is no time")
	}
	seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || seconds < 1 || seconds > longest {
		return denied("X-Amz-Expires must be 1 to 604800 seconds")
	}
	if now.After(at.Add(time.Duration(seconds) * time.Second)) {
		return denied("Request has expired")
	}
	if at.After(now.Add(drift)) {
		return denied("Request is not valid yet")
	}
	signature := q.Get("X-Amz-Signature")
	// The signer adds what it signs, which must not be there twice.
	for _, name := range []string{"X-Amz-Signature", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Security-Token"} {
		q.Del(name)
	}
	again := &http.Request{Method: r.Method, Host: r.Host, Header: http.Header{}, URL: &url.URL{
		Scheme: "https", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: q.Encode(),
	}}
	signed, _, err := v4.NewSigner(single).PresignHTTP(r.Context(), c, again, unsigned, service, region, at)
	if err != nil {
		return err
	}
	u, err := url.Parse(signed)
	if err != nil {
		return err
	}
	return compare(signature, u.Query().Get("X-Amz-Signature"))
}

// single is how S3 signs: it escapes a path once, where others do it twice.
func single(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }

func authorizeHeader(r *http.Request, c aws.Credentials, region string, now time.Time) error {
	_, signature, ok := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	_, list, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	list, _, _ = strings.Cut(list, ",")
	names := strings.Split(list, ";")
	if !ok || !slices.Contains(names, "host") || !slices.Contains(names, "x-amz-date") {
		return denied("the request is not signed")
	}
	at, err := time.Parse(date, r.Header.Get("X-Amz-Date"))
	if err != nil || at.Before(now.Add(-drift)) || at.After(now.Add(drift)) {
		return &problem{status: http.StatusForbidden, code: "RequestTimeTooSkewed", message: "the clocks differ by more than 15 minutes"}
	}
	again := &http.Request{Method: r.Method, Host: r.Host, Header: http.Header{}, URL: &url.URL{
		Scheme: "https", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery,
	}}
	for _, name := range names {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	hash := r.Header.Get("X-Amz-Content-Sha256")
	if err := v4.NewSigner(single).SignHTTP(r.Context(), c, again, hash, service, region, at); err != nil {
		return err
	}
	_, want, _ := strings.Cut(again.Header.Get("Authorization"), "Signature=")
	return compare(signature, want)
}

func compare(got, want string) error {
	if want == "" || subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
		return &problem{status: http.StatusForbidden, code: "SignatureDoesNotMatch", message: "the signature is not that of the key"}
	}
	return nil
}
