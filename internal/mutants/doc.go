// Package mutants shows that the checks which this module promises are held
// by tests: it removes them one at a time and expects the tests to be red.
//
// testdata/mutants.txt lists them. It runs where DKB_MUTANTS=1 is set, since
// every mutant is a build of its own; without it one test still proves that
// each entry names a line that is there.
package mutants
