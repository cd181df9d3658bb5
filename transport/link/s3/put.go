package s3

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/doublekeybox/doublekeybox/internal/reread"
	"github.com/doublekeybox/doublekeybox/transport/link"
)

// Put stores the size octets of src, which are sealed, and returns a link to
// them that lasts lifetime from when everything was stored. src is read three
// times, in constant memory, and is not closed; it must stay as it is, which is
// checked. Above link.MaxSize nothing is stored: seal the documents in parts.
//
// The error is a *LifetimeError, which is found out before anything is sent, or
// wraps link.ErrTooLong, ErrNotSealed, ErrUnconfirmed or ErrChecksum; else it is of src, of the
// store, of the network, or says what is wrong with s. After ErrUnconfirmed and
// ErrChecksum, and where the credentials ended during the upload, the object is
// deleted if Client may. No error holds credentials or a signature.
func (s *Store) Put(ctx context.Context, src io.ReaderAt, size int64, lifetime time.Duration) (link.Link, error) {
	if size > link.MaxSize {
		return link.Link{}, fmt.Errorf("s3: the object has %d octets: %w: at most %d are stored in one piece", size, link.ErrTooLong, int64(link.MaxSize))
	}
	if err := s.Check(ctx, lifetime); err != nil {
		return link.Link{}, err
	}
	// What is looked at, hashed and sent is the same, whoever writes to src
	// meanwhile.
	sum := sha256.New()
	pinning := reread.NewPinning(src, size)
	if _, err := io.Copy(sum, pinning); err != nil {
		return link.Link{}, fmt.Errorf("s3: %w", err)
	}
	pinned, err := pinning.Source()
	if err != nil {
		return link.Link{}, fmt.Errorf("s3: %w", err)
	}
	defer func() { _ = pinned.Close() }() // src is not closed by it
	l := link.Link{Size: size, SHA256: [sha256.Size]byte(sum.Sum(nil))}
	if l.Name, err = s.sealed(pinned, size); err != nil {
		return link.Link{}, err
	}
	name := s.Prefix + unguessable()
	err = s.upload(ctx, pinned, l, name)
	// Where the answer to an upload was lost, and the SDK sent it again, the
	// object is there already, and nobody knows whether it is encrypted.
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "PreconditionFailed" {
		name = s.Prefix + unguessable()
		err = s.upload(ctx, pinned, l, name)
	}
	if err != nil {
		return link.Link{}, err
	}
	g, err := s.signer(ctx, lifetime)
	if err == nil {
		l, err = g.sign(ctx, l, name)
	}
	if err != nil {
		s.remove(ctx, name)
		return link.Link{}, err
	}
	return l, nil
}

// nameOctets is what a name is random of: 160 bits, so that also somebody who
// can ask the store about names finds none.
const nameOctets = 20

// naming is how they are written: 32 small letters and digits.
func naming() *base32.Encoding { return base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567") }

// unguessable returns the name of an object.
func unguessable() string {
	var b [nameOctets]byte
	_, _ = rand.Read(b[:]) // never fails
	return naming().EncodeToString(b[:])
}

// upload stores the object under name.
func (s *Store) upload(ctx context.Context, src io.ReaderAt, l link.Link, name string) error {
	hash := base64.StdEncoding.EncodeToString(l.SHA256[:])
	kind, disposition, absent := "application/octet-stream", `attachment; filename="`+l.Name+`"`, "*"
	out, err := s.Client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.Bucket, Key: &name,
		Body: io.NewSectionReader(src, 0, l.Size), ContentLength: &l.Size,
		ChecksumSHA256:       &hash,
		ServerSideEncryption: types.ServerSideEncryptionAes256,
		IfNoneMatch:          &absent,
		ContentType:          &kind, ContentDisposition: &disposition,
	})
	if err != nil {
		return clean("the object was not stored", err)
	}
	switch {
	case out.ChecksumSHA256 != nil && *out.ChecksumSHA256 != hash:
		err = fmt.Errorf("s3: %w: its SHA-256 is %.60q instead of %q", ErrChecksum, *out.ChecksumSHA256, hash)
	case out.ServerSideEncryption != types.ServerSideEncryptionAes256 && !s.InsecureUnconfirmedEncryption:
		err = fmt.Errorf("s3: %w: it says %.40q; the object is sealed in any case", ErrUnconfirmed, string(out.ServerSideEncryption))
	}
	if err != nil {
		s.remove(ctx, name)
	}
	return err
}

// Delete deletes the object of a link that Put returned, which ends the link. In
// a bucket with versions the object stays for those who may read versions. The
// Client needs s3:DeleteObject. The error is of the store or of the network.
func (s *Store) Delete(ctx context.Context, l link.Link) error {
	base := path.Base(l.Object())
	if octets, err := naming().DecodeString(base); err != nil || len(octets) != nameOctets {
		return errors.New("s3: the link leads to no object of this Store")
	}
	name := s.Prefix + base
	if _, err := s.Client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.Bucket, Key: &name}); err != nil {
		return clean("the object was not deleted", err)
	}
	return nil
}
