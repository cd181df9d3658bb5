//go:build race

package smime_test

// race tells that everything takes ten times as long.
const race = true
