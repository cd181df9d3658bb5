package discover

import (
	"errors"
	"fmt"
	"strings"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// What one source may cost.
const (
	// maxFile is the size of one in octets: the key ring of somebody who has
	// all of Debian's keys takes half of it.
	maxFile = 64 << 20

	// maxCandidates is how many certificates are taken from one: a ring is
	// built for as many.
	maxCandidates = 10_000

	// maxCertificate is the size of one certificate in octets: 150,000
	// signatures of strangers, which the parser drops.
	maxCertificate = 16 << 20

	// maxProblems is how many are told, and how many are looked for: who sends a
	// file of nothing but problems is to fill neither the terminal nor the day.
	maxProblems = 1000
)

var (
	errTooMany     = fmt.Errorf("more than %d certificates: the rest is not read", maxCandidates)
	errTooLarge    = fmt.Errorf("more than %d octets", maxFile)
	errLarge       = fmt.Errorf("a certificate of more than %d octets", maxCertificate)
	errNoParsers   = errors.New("no parser was given: pass pgp.ParseCertificate, smime.ParseCertificate or both")
	errManyTrouble = fmt.Errorf("more than %d problems: the rest is not read", maxProblems)
)

// collector takes what is found in one source.
type collector struct {
	name    string
	parsers []keyring.Parser
	open    func(string, []byte) ([]*keyring.Certificate, error)

	found    []Candidate
	problems []Problem
	full     bool // nothing more is taken
}

// problem notes that something at a place is no candidate.
func (c *collector) problem(place string, err error) {
	switch {
	case len(c.problems) > maxProblems:
	case len(c.problems) == maxProblems:
		c.problems = append(c.problems, Problem{c.name, errManyTrouble})
		c.full = true
	default:
		c.problems = append(c.problems, Problem{c.where(place), err})
	}
}

func (c *collector) where(place string) string {
	if place == "" {
		return c.name
	}
	return c.name + ", " + place
}

// room reports whether one more is taken, and notes once that none is.
func (c *collector) room() bool {
	if !c.full && len(c.found) == maxCandidates {
		c.full = true
		c.problem("", errTooMany)
	}
	return !c.full
}

// take has one certificate parsed. kind is the package that parses such:
// "pgp" or "smime".
func (c *collector) take(kind, place, address string, octets []byte, notes ...string) {
	if !c.room() {
		return
	}
	if len(octets) > maxCertificate {
		c.problem(place, errLarge)
		return
	}
	cert, err := c.parse(kind, octets)
	if err != nil {
		c.problem(place, err)
		return
	}
	c.found = append(c.found, Candidate{Certificate: cert, Source: c.where(place), Address: address, Notes: notes})
}

// parse asks every parser, and returns the error of the one that is for such
// octets: that OpenPGP is no X.509 is no news.
func (c *collector) parse(kind string, octets []byte) (*keyring.Certificate, error) {
	var all []error
	var apt error
	for _, parse := range c.parsers {
		cert, err := parse(octets)
		if err == nil && cert != nil {
			return cert, nil
		}
		if err == nil {
			err = errors.New("the parser returned nothing")
		}
		if apt == nil && strings.HasPrefix(err.Error(), kind+":") {
			apt = err
		}
		all = append(all, err)
	}
	switch {
	case len(all) == 0:
		return nil, errNoParsers
	case apt != nil:
		return nil, apt
	}
	return nil, fmt.Errorf("no parser takes it: %w", all[0])
}

// keys takes apart OpenPGP packets.
func (c *collector) keys(place, address string, b []byte, notes ...string) {
	n := 0
	err := splitKeys(b, func(k keyBlock) bool {
		n++
		here := place
		if n > 1 || len(k.octets) < len(b) {
			here = join(place, fmt.Sprintf("key %d", n))
		}
		with := notes
		if k.secret {
			with = append(notes[:len(notes):len(notes)], "of a secret key: its public part alone is taken")
		}
		c.take("pgp", here, address, k.octets, with...)
		return !c.full
	})
	if err != nil {
		c.problem(place, err)
	}
}

func join(place, more string) string {
	if place == "" {
		return more
	}
	return place + ", " + more
}
