//go:build dkb_plain

package gcm_test

const (
	plainBuild  = true
	segmentSize = 256 << 10 // of the other build
)
