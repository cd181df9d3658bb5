//go:build dkb_plain

package smime_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// The error for what is too long names the limit of this build.
func TestPlainLimit(t *testing.T) {
	who := fresh["P-256"]()
	for size, ok := range map[int64]bool{64 << 20: true, 64<<20 + 1: false} {
		s := envelope.Sealer{Profile: envelope.Modern}
		w, err := s.Seal(io.Discard, who.verified)
		require.NoError(t, err)
		defer w.Abort()
		_, err = io.Copy(w, io.LimitReader(endless('x'), size))
		if err == nil {
			err = w.Close()
		}
		if ok {
			require.NoError(t, err)
			continue
		}
		var limit *envelope.LimitError
		require.ErrorAs(t, err, &limit)
		require.EqualValues(t, 64<<20, limit.Max)
	}
}
