//go:build !dkb_plain

package envelope_test

const plainBuild = false
