package s3

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/internal/reread"
)

// sealed returns what a file of the object may be called, by what it is.
func (s *Store) sealed(src io.ReaderAt, size int64) (string, error) {
	// No message of OpenPGP or CMS begins like an archive (APPNOTE, 4.3.7).
	const archive = "PK\x03\x04"
	begin := make([]byte, len(archive))
	if _, err := io.ReadFull(io.NewSectionReader(src, 0, size), begin); err == nil && bytes.Equal(begin, []byte(archive)) {
		box, err := zipbox.Inspect(src, size)
		if errors.Is(err, reread.ErrChanged) {
			return "", fmt.Errorf("s3: %w", err)
		}
		if err != nil {
			return "", fmt.Errorf("s3: %w: %w", ErrNotSealed, err)
		}
		if !box.Hidden {
			return "", fmt.Errorf("s3: %w: the names of its files are in the clear, lock them as package zipbox does", ErrNotSealed)
		}
		return "documents.zip", nil
	}
	report, err := envelope.Inspect(bufio.NewReader(io.NewSectionReader(src, 0, size)), s.Formats...)
	switch {
	case errors.Is(err, reread.ErrChanged):
		return "", fmt.Errorf("s3: %w", err)
	case err != nil:
		return "", fmt.Errorf("s3: %w: %w", ErrNotSealed, err)
	case !report.Encrypted:
		return "", fmt.Errorf("s3: %w: it is signed only", ErrNotSealed)
	case report.Armored: // beside which anything can stand
		return "", fmt.Errorf("s3: %w: it is text, give it in binary form", ErrNotSealed)
	case report.Beside:
		return "", fmt.Errorf("s3: %w: beside what is encrypted it holds what everybody can read", ErrNotSealed)
	case len(report.Recipients) == 0:
		return "", fmt.Errorf("s3: %w: it names no key and no passphrase, nobody can open it", ErrNotSealed)
	case report.Format == "S/MIME":
		return "documents.p7m", nil
	}
	return "documents.pgp", nil
}
