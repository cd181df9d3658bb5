//go:build !race

package pgp

// RaceFactor is how much slower a test may be.
const RaceFactor = 1
