//go:build race

package envelope_test

const raceBuild = true
