package s3

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// storeError is an error of the SDK, told without what it may hold of URLs and
// of what a store says.
type storeError struct {
	text string
	err  error
}

func (e *storeError) Error() string { return e.text }
func (e *storeError) Unwrap() error { return e.err }

// clean returns err, which is kept for errors.As and Is, in words that hold no
// URL: its query may have a signature, and its path is the name of an object.
func clean(what string, err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		status := ""
		if answered, ok := errors.AsType[interface {
			error
			HTTPStatusCode() int
		}](err); ok {
			status = fmt.Sprintf(" (%d)", answered.HTTPStatusCode())
		}
		return &storeError{fmt.Sprintf("s3: %s: the store says %.60q%s", what, api.ErrorCode(), status), err}
	}
	inner := err
	for {
		u, ok := errors.AsType[*url.Error](inner)
		if !ok {
			break
		}
		inner = u.Err
	}
	return &storeError{fmt.Sprintf("s3: %s: %v", what, inner), err}
}

// remove deletes an object that no link is made to, where that is possible: it
// is sealed, and the bucket's rules delete it otherwise.
func (s *Store) remove(ctx context.Context, name string) {
	// Also where ctx was cancelled, which may be why there is no link.
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	_, _ = s.Client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.Bucket, Key: &name})
}
