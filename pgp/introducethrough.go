package pgp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// IntroducedThrough is [IntroducedBy] for introducers who are trusted in part,
// for some domains, or to name further introducers: the entries of a ring that
// have an Introducer ([keyring.Ring.Trust]). Entries without one, and those that
// the ring does not hand out, are as if they were not there.
//
//	entries, err := ring.Entries()
//	bob, err := keyring.Verify(cert, pgp.IntroducedThrough("bob@example.org", file, entries...))
//
// file is where the certifications stand, and the certificates of those in
// between: keys in any order, binary or in armored blocks after each other, of
// at most 4 MiB and 100 certificates.
//
// What counts as a certification is what IntroducedBy says, but for trust
// signatures (RFC 9580, Section 5.2.3.21): their amount is how much they say,
// 120 is enough, and the amounts of several that do not rest on one another
// add up, as two of 60. One of depth 1 or more, over any user ID that its owner
// holds, makes an introducer of the key; depth 2 one who may make further ones.
// A path has three certifications at most, each as deep as what follows it
// needs, the introducer's own Depth included. How amounts are added is
// Sequoia's way (120 is full, 40 and 60 are partial; the shortest path first,
// no amount counted twice); gpg's counts people, three "marginally" trusted
// ones, and may well say something else of the same keys.
//
// A trust signature with regular expressions (Section 5.2.3.22) makes an
// introducer for addresses of these domains and what is below them, where all
// are of the form that every program writes, "<[^>]+[@.]example\.org>$", and
// for none at all where one is not: what it means would depend on who reads it.
// The user ID has to have the address in angle brackets for that, as the
// expression does. Domains of an Introducer take subdomains in too.
//
// It proves that the introducers and those they chose say so, as far as the
// file goes: who made the file can leave revocations out. The longer the path,
// the less anybody on it knows. [keyring.Verify] refuses, with a
// [*keyring.UnusableError] that has the amount, what does not come to 120.
// Errors are those of IntroducedBy.
func IntroducedThrough(address string, file []byte, entries ...keyring.Entry) keyring.Evidence {
	return introducedThrough(address, file, time.Now, entries...)
}

func introducedThrough(address string, file []byte, now func() time.Time, entries ...keyring.Entry) keyring.Evidence {
	in := &throughOthers{file: file, entries: slices.Clone(entries), now: now}
	in.address, in.err = mailbox.Parse(address)
	return keyring.Evidence(seam.Wrap(seam.Evidence{
		Basis:   seam.BasisIntroduced,
		Why:     "introduced",
		Address: in.address.String(),
		Check: func(c seam.Certificate) error {
			_, err := in.find(c)
			return err
		},
		Found: func(c seam.Certificate) string {
			how, err := in.find(c)
			if err != nil {
				return "introduced" // a key expired between two looks at the clock
			}
			return how
		},
	}))
}

// throughOthers is what IntroducedThrough was asked. It is not changed.
type throughOthers struct {
	address mailbox.Address
	err     error // why there is none
	file    []byte
	entries []keyring.Entry
	now     func() time.Time
}

// find returns how c is introduced, or an error.
func (in *throughOthers) find(s seam.Certificate) (how string, err error) {
	c, ok := s.(*certificate)
	switch {
	case !ok || c == nil:
		return "", errors.New("pgp: IntroducedThrough: this is no OpenPGP certificate")
	case in.err != nil:
		return "", fmt.Errorf("pgp: IntroducedThrough: %w", in.err)
	}
	w := &web{address: in.address, now: in.now(), target: c}
	if err := w.name(in.entries); err != nil {
		return "", err
	}
	if err := w.read(in.file); err != nil {
		return "", err
	}
	net, err := w.net()
	if err != nil {
		return "", err
	}
	amount, by := net.flow(fullTrust)
	if amount < fullTrust {
		return "", c.unusable("is not introduced as %.80q's: what introducers say of it comes to %d of %d", in.address.String(), amount, fullTrust)
	}
	var names []string // three are what a person reads
	for _, r := range by[:min(len(by), 3)] {
		names = append(names, w.nodes[r.node].cert.fingerprint().String())
	}
	how = fmt.Sprintf("certified to be %.80q's by way of %s", in.address.String(), strings.Join(names, ", "))
	if more := len(by) - len(names); more > 0 {
		how += fmt.Sprintf(" and %d more", more)
	}
	return how, nil
}

// name makes nodes of the introducers.
func (w *web) name(entries []keyring.Entry) error {
	for _, e := range entries {
		if e.Introducer == nil || e.Verified == nil || e.Problem != nil {
			continue
		}
		c := inside(e.Verified.Certificate())
		if c == nil {
			continue // S/MIME: it certifies no OpenPGP key
		}
		i := w.node(c.hashed)
		if w.nodes[i].named {
			continue // an entry for each address of one person
		}
		w.nodes[i].named, w.nodes[i].cert = true, c
		if t := e.Introducer; t.Depth > 0 && t.Amount > 0 && (len(t.Domains) == 0 || w.within(t.Domains)) {
			w.roots = append(w.roots, trustRoot{i, t.Depth, min(t.Amount, fullTrust)})
		}
		if len(w.nodes) > maxIntroducers {
			return &envelope.LimitError{What: "introducers", Max: maxIntroducers, Fixed: true}
		}
	}
	if len(w.nodes) == 0 {
		return errors.New("pgp: IntroducedThrough: no introducer was given: let the ring trust one first")
	}
	return nil
}
