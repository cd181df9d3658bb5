//go:build race

package pgp

const raceFactor = 10 // how much slower a test may be
