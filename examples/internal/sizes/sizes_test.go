package sizes_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/internal/sizes"
)

func TestText(t *testing.T) {
	t.Parallel()
	for octets, want := range map[int64]string{
		0:             "0 bytes",
		999:           "999 bytes",
		1000:          "1.0 kB",
		99_949:        "99.9 kB",
		99_951:        "100 kB",
		999_499:       "999 kB",
		999_500:       "1.0 MB",
		math.MaxInt64: "9223372 TB",
	} {
		require.Equal(t, want, sizes.Text(octets))
	}
}
