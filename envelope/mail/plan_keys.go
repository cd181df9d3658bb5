package mail

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// recipient is an address with what can be sealed to it, at least one way; the
// one that is preferred first.
type recipient struct {
	address address
	choices []*choice
}

// choice is one way to seal to an address: all of keys, in one format.
type choice struct {
	format string
	keys   []*keyring.Verified
	class  string // who reads what: those of one class lower nothing for each other
	report *envelope.Report
}

func (c *choice) copy() *plannedCopy {
	p := &plannedCopy{}
	p.Format = c.format
	p.add(c.keys)
	p.tried = c.report
	return p
}

// add adds keys, each once.
func (c *plannedCopy) add(keys []*keyring.Verified) {
	c.tried = nil
	c.answers = append(c.answers, keys...)
	if c.has == nil {
		c.has = make(map[string]bool)
	}
	for _, v := range keys {
		f := v.Fingerprint()
		if f.IsZero() || !c.has[f.URI()] { // URI: with the kind of the fingerprint
			c.has[f.URI()] = true
			c.To = append(c.To, v)
		}
	}
}

// choices finds the keys of each address. Who has none is a gap, and left out.
func (p *planner) choices(as []address) []*recipient {
	var all []*recipient
	for _, a := range as {
		candidates, err := p.candidates(a)
		if err != nil {
			p.gap(a.String(), err)
			continue
		}
		found, errs := p.usable(candidates)
		if len(found) == 0 {
			p.gap(a.String(), errors.Join(errs...))
			continue
		}
		all = append(all, &recipient{a, found})
	}
	return all
}

// candidates returns the keys of an address, the preferred format first.
func (p *planner) candidates(a address) ([]*choice, error) {
	if keys := p.keys[a.Address]; len(keys) > 0 {
		return byFormat(keys), nil
	}
	if p.c.Ring == nil {
		return nil, fmt.Errorf("%w: no verified key for %q: give Composer.Keys or Composer.Ring one", keyring.ErrRefused, a.String())
	}
	// The error that names the address and what to do, if there is none at all.
	if _, err := p.c.Ring.Recipients(a.String()); err != nil {
		return nil, err
	}
	var all []*choice
	for _, f := range []string{formatPGP, formatSMIME} {
		if keys, err := p.c.Ring.RecipientsIn(f, a.String()); err == nil {
			all = append(all, &choice{format: f, keys: keys})
		}
	}
	if len(all) > 1 && p.prefers(a, formatSMIME) && !p.prefers(a, formatPGP) {
		slices.Reverse(all)
	}
	return all, nil
}

// prefers reports whether the ring prefers a key of this format for a.
func (p *planner) prefers(a address, format string) bool {
	entries, err := p.c.Ring.Lookup(a.String()) // an error for a group, which prefers nothing
	return err == nil && slices.ContainsFunc(entries, func(e keyring.Entry) bool { return e.Format == format && e.Preferred })
}

// byFormat sorts keys that the caller gave, the format of the first one first.
func byFormat(keys []*keyring.Verified) []*choice {
	var all []*choice
	for _, v := range keys {
		f := formatOf(v.Certificate())
		i := slices.IndexFunc(all, func(c *choice) bool { return c.format == f })
		if i < 0 {
			i, all = len(all), append(all, &choice{format: f})
		}
		all[i].keys = append(all[i].keys, v)
	}
	return all
}

// formatOf returns "" for a certificate that nobody made.
func formatOf(c *keyring.Certificate) string {
	in := inside(c)
	if in == nil {
		return ""
	}
	return in.Format().Name()
}

// usable returns the candidates that can be sealed to now, and what is wrong
// with the others.
func (p *planner) usable(candidates []*choice) (found []*choice, errs []error) {
	for _, c := range candidates {
		if err := p.try(c); err != nil {
			errs = append(errs, err)
		} else {
			found = append(found, c)
		}
	}
	return found, errs
}

// try begins a message to c, and notes what it would be.
func (p *planner) try(c *choice) error {
	for _, v := range c.keys {
		if err := v.Check(); err != nil {
			return err
		}
		// Said of each key by itself first: a message to all of them names
		// the certificates only.
		if err := inside(v.Certificate()).CheckSeal(p.now, seam.Profile(p.c.Profile)); err != nil {
			return err
		}
	}
	if p.blind {
		return nil
	}
	r, err := p.probe(c.format, c.copy().To)
	if err != nil {
		return err
	}
	c.report, c.class = r, class(r)
	return nil
}

// probe begins a message and throws it away.
func (p *planner) probe(format string, to []*keyring.Verified) (*envelope.Report, error) {
	s := p.c.sealer(format)
	if len(s.Signers) == 0 && len(p.c.Signers) > 0 && !p.c.AllowUnsigned {
		return nil, fmt.Errorf("%w: there is no signer for %s: give Composer.Signers one, or say AllowUnsigned", keyring.ErrRefused, format)
	}
	w, err := s.Seal(io.Discard, to...)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	return w.Report(), nil
}

// class is what container a message to these recipients alone would have. Those
// who read one AEAD of CMS alone make with those who read another a message
// that has none, and are apart; of OpenPGP's AEADs OCB is read by all.
func class(r *envelope.Report) string {
	if r.Format == formatSMIME {
		return r.Container + " " + r.Content
	}
	return r.Container
}
