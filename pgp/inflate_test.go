package pgp

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// 64 MiB come out of a compressed packet whatever its size; then two hundred
// times what went in, and not one octet more. The absolute limit comes first.
func TestDecompressionLimitsRatio(t *testing.T) {
	for _, in := range []int64{0, 1, 1 << 20} {
		const free = 64 << 20
		most := free + 200*(in+1) - 1
		for n, want := range map[int64]string{most: "", most + 1: "times the size of compressed content", free: ""} {
			f := &inflated{r: bytes.NewReader(make([]byte, 10)), read: in, n: n - 10, most: 1 << 30}
			got, err := f.Read(make([]byte, 10))
			if want == "" {
				require.NoError(t, err)
				require.Equal(t, 10, got)
				continue
			}
			var l *envelope.LimitError
			require.ErrorAs(t, err, &l)
			require.Equal(t, want, l.What)
			require.Zero(t, got)
			f = &inflated{r: io.LimitReader(endless{}, 10), read: in, n: n - 10, most: n - 1}
			_, err = f.Read(make([]byte, 10))
			require.ErrorAs(t, err, &l)
			require.Equal(t, "octets of decompressed content", l.What)
		}
	}
}
