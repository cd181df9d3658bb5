//go:build !dkb_plain

package smime_test

const plainBuild = false
