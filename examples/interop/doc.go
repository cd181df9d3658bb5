// Package interop holds doublekeybox against programs that nobody here wrote:
// gpg, openssl, gpgsm, Bouncy Castle, Thunderbird and others seal what we
// open, and open what we seal. cells.txt lists every combination; the tests
// fill it.
//
// The peers are found in the folder that the environment variable DKB_PEERS
// names, by an absolute path. Without it, or without one of the programs, the
// tests skip and say what is missing; with DKB_REQUIRE_PEERS=1 that is a
// failure, and so are fewer green cells than cells.txt promises.
package interop
