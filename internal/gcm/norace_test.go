//go:build !race

package gcm_test

// cases is how many random messages are held against crypto/cipher.
const cases = 100_000
