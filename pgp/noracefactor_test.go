//go:build !race

package pgp

const raceFactor = 1
