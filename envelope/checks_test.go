package envelope_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// TestReceiptOfTheWholeMessage: a parser that finds all that was planned and
// stops before the end has not read what was written, and proves nothing.
func TestReceiptOfTheWholeMessage(t *testing.T) {
	for _, whole := range []bool{true, false} {
		f := newFake()
		bob := &fakeCert{f: f, name: "bob"}
		f.inspected = func(r io.Reader) (*seam.Facts, error) {
			facts, _, err := f.header(r)
			if whole {
				io.Copy(io.Discard, r)
			}
			return facts, err
		}
		w, err := envelope.Seal(io.Discard, bob.verified())
		require.NoError(t, err)
		_, err = io.WriteString(w, "content")
		if err == nil {
			err = w.Close()
		}
		if whole {
			require.NoError(t, err)
			require.NotNil(t, w.Receipt())
		} else {
			require.ErrorContains(t, err, "more was written than the message")
			require.Nil(t, w.Receipt())
		}
		w.Abort()
	}
}
