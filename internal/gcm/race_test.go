//go:build race

package gcm_test

// cases is less under the race detector, which is ten times slower.
const cases = 10_000
