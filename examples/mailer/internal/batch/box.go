package batch

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/internal/reread"
	"github.com/doublekeybox/doublekeybox/transport/link"
)

// lock locks the documents with a passphrase.
func (s *sealing) lock(p *envelope.Passphrase) (*reread.Source, error) {
	kept := s.keep()
	defer kept.Close()
	l := zipbox.Locker{Weak: s.run.Weak}
	w, err := l.Lock(kept, p)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	for i, doc := range s.row.documents {
		dst, err := w.Create(doc.name, doc.modified)
		if err != nil {
			return nil, err
		}
		if err := s.copy(dst, i); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return kept.Source()
}

// copy copies the document i.
func (s *sealing) copy(dst io.Writer, i int) error {
	src, err := s.open(i)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return err
}

// store seals the documents as one object, to the recipient's key or by a
// passphrase, and puts it where a link leads to.
func (s *sealing) store(ctx context.Context, p *envelope.Passphrase) (*link.Link, error) {
	seal := func() (*reread.Source, error) { return s.lock(p) }
	if len(s.row.keys) > 0 {
		seal = s.sealObject
	}
	object, err := seal()
	if err != nil {
		return nil, err
	}
	defer object.Close()
	l, err := s.run.Store.Put(ctx, object, object.Size(), s.run.Lifetime)
	if err != nil {
		return nil, &storeError{err}
	}
	return &l, nil
}

// storeError is that of a store that did not take an object: it may later.
type storeError struct{ err error }

func (e *storeError) Error() string {
	s := strings.Replace(e.err.Error(), "s3: ", "", 1)
	if errors.Is(e.err, ErrNoStore) {
		return s // which names it already
	}
	return "the store: " + s
}

func (e *storeError) Unwrap() error { return e.err }

// sealObject seals the documents to the recipient's keys: one as it is, several
// in an archive.
func (s *sealing) sealObject() (*reread.Source, error) {
	kept := s.keep()
	defer kept.Close()
	c := s.run.Composer
	signers := s.run.Signers[format(s.row.keys[0])]
	if len(signers) == 0 && !c.AllowUnsigned {
		return nil, fmt.Errorf("no key signs in the format of the recipient's: give one more in the configuration, or allow it with \"unsigned\"")
	}
	e := envelope.Sealer{Profile: c.Profile, RefuseLowering: c.RefuseLowering, Signers: signers, Legacy: c.Legacy, Time: c.Time}
	w, err := e.Seal(kept, s.row.keys...)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	if len(s.row.documents) == 1 {
		err = s.copy(w, 0)
	} else {
		err = s.archive(w)
	}
	if err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return kept.Source()
}

// archive writes the documents as a plain archive, uncompressed: how long it is
// then says no more than how long they are.
func (s *sealing) archive(dst io.Writer) error {
	z := zip.NewWriter(dst)
	for i, doc := range s.row.documents {
		w, err := z.CreateHeader(&zip.FileHeader{Name: doc.name, Modified: doc.modified, Method: zip.Store})
		if err != nil {
			return err
		}
		if err := s.copy(w, i); err != nil {
			return err
		}
	}
	return z.Close()
}
