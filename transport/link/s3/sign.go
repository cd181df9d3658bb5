package s3

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/doublekeybox/doublekeybox/transport/link"
)

// signer signs links with credentials that were looked at, and that no refresh
// replaces between that and signing.
type signer struct {
	client      *s3.PresignClient
	credentials aws.Credentials
	bucket      string
	lifetime    time.Duration
}

// signer returns one whose links can last as long as they should from now on.
func (s *Store) signer(ctx context.Context, lifetime time.Duration) (*signer, error) {
	if lifetime < MinLifetime || lifetime > MaxLifetime || lifetime%time.Second != 0 {
		return nil, &LifetimeError{Asked: lifetime}
	}
	if s.Client == nil || s.Bucket == "" {
		return nil, errors.New("s3: the Store has no Client or no Bucket")
	}
	if strings.ContainsFunc(s.Prefix, odd) {
		return nil, fmt.Errorf("s3: %.80q is not allowed as the Prefix: letters, digits and - _ . / are", s.Prefix)
	}
	credentials, err := s.lasting(ctx, lifetime)
	if err != nil {
		return nil, err
	}
	fixed := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil })
	client := s3.NewPresignClient(s.Client, s3.WithPresignExpires(lifetime), s3.WithPresignClientFromClientOptions(func(o *s3.Options) {
		o.Credentials = fixed
		// The client that is made here would write itself into what it shares with
		// s.Client, while another link is made. It is for directory buckets, which
		// fixed credentials sign for as well.
		o.ExpressCredentials, o.DisableS3ExpressSessionAuth = nil, aws.Bool(true)
		// Else the link would ask that whoever opens it sends headers that no
		// browser sends by itself.
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	}))
	g := &signer{client: client, credentials: credentials, bucket: s.Bucket, lifetime: lifetime}
	// What is wrong with every link is wrong with this one, too: a session
	// token, for example, that is too long for one.
	probe, err := g.sign(ctx, link.Link{Size: 1, SHA256: [sha256.Size]byte{1}}, s.Prefix+unguessable())
	if err != nil {
		return nil, err
	}
	if err := probe.Check(); err != nil {
		return nil, fmt.Errorf("s3: links of this Store cannot be used: %w", err)
	}
	return g, nil
}

// odd reports whether r has no place in the name of an object: what URLs escape,
// and some programs twice.
func odd(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_./", r)
}

// lasting returns the credentials that sign links, where they last long enough.
// A link dies with the credentials that signed it.
func (s *Store) lasting(ctx context.Context, lifetime time.Duration) (aws.Credentials, error) {
	from := s.Links
	if from == nil {
		from = s.Client.Options().Credentials
	}
	if from == nil {
		return aws.Credentials{}, errors.New("s3: the Store has no credentials")
	}
	var c aws.Credentials
	for again := false; ; again = true {
		var err error
		if c, err = from.Retrieve(ctx); err != nil {
			return aws.Credentials{}, clean("the credentials cannot be had", err)
		}
		until := s.now().Add(lifetime)
		if !c.HasKeys() {
			return aws.Credentials{}, errors.New("s3: the credentials have no keys: nothing can be signed with them")
		}
		if !c.CanExpire || !c.Expires.Before(until) {
			return c, nil
		}
		cache, ok := from.(interface{ Invalidate() })
		if again || !ok {
			return aws.Credentials{}, &LifetimeError{Asked: lifetime, Until: until, Credentials: c.Expires}
		}
		cache.Invalidate()
	}
}

// sign completes l, which says what the object called name is, with a URL that
// begins to count now.
func (g *signer) sign(ctx context.Context, l link.Link, name string) (link.Link, error) {
	signed, err := g.client.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &g.bucket, Key: &name})
	if err != nil {
		return link.Link{}, clean("the link cannot be signed", err)
	}
	u, err := url.Parse(signed.URL)
	if err != nil || u.Scheme != "https" || signed.Method != http.MethodGet {
		return link.Link{}, errors.New("s3: the Client's endpoint is not https: a link is as good as what it leads to, and would go there in the clear")
	}
	// Whoever opens a link sends the header Host and no other.
	if len(signed.SignedHeader) != 1 || signed.SignedHeader.Get("Host") == "" {
		return link.Link{}, errors.New("s3: the Client is set up to sign headers that no browser sends")
	}
	l.URL, l.Expires = signed.URL, time.Unix(lastSecond, 0).UTC()
	l.Expires = l.Ends()
	if g.credentials.CanExpire && g.credentials.Expires.Before(l.Expires) {
		return link.Link{}, &LifetimeError{Asked: g.lifetime, Until: l.Expires, Credentials: g.credentials.Expires}
	}
	return l, nil
}

// lastSecond is later than any link ends: that of the year 9999.
const lastSecond = 253402300799
