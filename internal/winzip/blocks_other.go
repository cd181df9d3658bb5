//go:build !amd64 || purego

package winzip

// eights is for processors on which eight blocks at a time are quicker.
type eights struct{}

func newEights([]byte) *eights { return nil }

func (*eights) xor([]byte, uint64) int { return 0 }
