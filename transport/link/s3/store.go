// Package s3 stores sealed objects in a bucket of S3 or of a store that speaks
// the same, and makes links to them.
//
// Only what is sealed is taken, which is looked at and not believed. It gets a
// name that nobody can guess and that tells nothing, is encrypted once more by
// the store, and never replaces anything.
//
// The bucket should be private, and have a rule that deletes objects a day or
// two after the last link to them ends: nothing here does. So that a page in a
// browser may fetch from it ([link.Link.OnPage]), it must allow that page's
// origin (CORS): AllowedOrigins ["https://page.example"], AllowedMethods ["GET"],
// and neither AllowedHeaders nor ExposeHeaders.
package s3

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// Store is a bucket, and the rights to use it. It is a plain value, is not
// changed by its methods, and may be used concurrently.
type Store struct {
	// Client uploads. Its endpoint must be https. Its credentials need
	// s3:PutObject and nothing else, and s3:DeleteObject for [Store.Delete].
	Client *s3.Client

	// Links are the credentials that sign links, which give whoever has a link
	// what they may do: they need s3:GetObject and nothing else. Signing asks
	// the store nothing. nil means those of Client, whose links lead to nothing
	// where it may only write.
	//
	// A provider that has a method Invalidate, as *aws.CredentialsCache does, is
	// asked for newer credentials where those it holds end too early.
	Links aws.CredentialsProvider

	Bucket string
	Prefix string // what all names of objects begin with: "" or "outgoing/"; it can be read in every link

	// Formats are those of which an object may be, beside the single-key box of
	// package zipbox.
	Formats []envelope.Format

	// InsecureUnconfirmedEncryption takes a store that does not say in its
	// answer that it encrypted the object with AES-256. Some do not know the
	// question. What is stored is sealed in any case.
	InsecureUnconfirmedEncryption bool

	// Now returns the time; nil means time.Now. Links begin when the clock of
	// this computer says so, whatever it is.
	Now func() time.Time
}

// Lifetimes of a link: what Signature Version 4 knows.
const (
	MinLifetime = time.Second
	MaxLifetime = 7 * 24 * time.Hour
)

// LifetimeError says that a link cannot last as long as it was asked to.
type LifetimeError struct {
	Asked time.Duration
	Until time.Time // when the link would end; zero where no link lasts as long as Asked, or as short

	// Credentials is when the credentials end that would sign the link, and so
	// the link whatever stands in it; zero where Until is.
	Credentials time.Time
}

// Error implements error, on one line.
func (e *LifetimeError) Error() string {
	if e.Until.IsZero() {
		return fmt.Sprintf("s3: a link lasts %s to %s, in whole seconds, and not %s", MinLifetime, MaxLifetime, e.Asked)
	}
	return fmt.Sprintf("s3: the link is to last until %s, and the credentials that sign it end on %s: use ones that last longer, or a shorter lifetime",
		e.Until.UTC().Format(time.RFC3339), e.Credentials.UTC().Format(time.RFC3339))
}

// Errors of Put that a caller may want to tell apart.
var (
	// ErrNotSealed is that of an object that is no single-key box and no
	// encrypted message of one of the Formats.
	ErrNotSealed = errors.New("only what is sealed is stored, and this is not")

	// ErrUnconfirmed is that of a store that did not confirm that it encrypted
	// the object with AES-256.
	ErrUnconfirmed = errors.New("the store does not confirm that it encrypts with AES-256")

	// ErrChecksum is that of a store that has another SHA-256 than was sent.
	ErrChecksum = errors.New("the store has something else than was sent")
)

// Check finds out whether links of that lifetime can be made, without asking the
// store: before a run is begun, and everything is sealed. Put does the same again.
//
// The error is a *LifetimeError, or says what is wrong with s or its
// credentials.
func (s *Store) Check(ctx context.Context, lifetime time.Duration) error {
	_, err := s.signer(ctx, lifetime)
	return err
}

// now returns the time.
func (s *Store) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}
