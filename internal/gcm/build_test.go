//go:build !dkb_plain

package gcm_test

const (
	plainBuild  = false
	segmentSize = 256 << 10 // of the standard engine
)
