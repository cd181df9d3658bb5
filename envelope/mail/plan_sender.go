package mail

import (
	"fmt"
	"slices"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// signers returns the signers of a format.
func (c *Composer) signers(format string) []envelope.Signer {
	var out []envelope.Signer
	for _, s := range c.Signers {
		if in := seam.Opaque[seam.Signer](s).Unwrap(); in != nil && in.Certificate().Format().Name() == format {
			out = append(out, s)
		}
	}
	return out
}

// sender returns what is wrong with the signers and with what is said of the
// sender. A reader believes a signature only if its key is bound to the address
// in From: one that nobody can believe is not made.
func (p *planner) sender() (errs []error) {
	bound := make(map[string]error) // by format: nil where one signer is bound
	for i, s := range p.c.Signers {
		in := seam.Opaque[seam.Signer](s).Unwrap()
		if in == nil {
			errs = append(errs, fmt.Errorf("%w: signer %d is the zero value", keyring.ErrRefused, i+1))
			continue
		}
		if err := in.CheckSign(p.now, seam.Profile(p.c.Profile)); err != nil {
			errs = append(errs, err)
		}
		f := in.Certificate().Format().Name()
		err := p.signsFor(in.Certificate())
		if old, ok := bound[f]; !ok || old != nil {
			bound[f] = err
		}
	}
	for _, f := range []string{formatPGP, formatSMIME} {
		if bound[f] != nil {
			errs = append(errs, bound[f])
		}
	}
	if err := p.autocrypt(); err != nil {
		errs = append(errs, err)
	}
	return errs
}

// signsFor returns nil if readers can know that c signs for the sender: it
// states the address, or the ring or the caller knows that it is the sender's.
func (p *planner) signsFor(c seam.Certificate) error {
	if c.Binds(p.from, p.now) == nil {
		return nil
	}
	k := keyring.Certificate(seam.Wrap(c))
	known := p.keys[p.draft.from.Address]
	if p.c.Ring != nil {
		if vs, err := p.c.Ring.Senders(p.from); err == nil {
			known = append(slices.Clip(known), vs...)
		}
	}
	for _, v := range known {
		if v.Fingerprint().Matches(k.Fingerprint()) {
			return nil
		}
	}
	return fmt.Errorf("%w: the signer %s does not state the address in From, so that nobody would believe its signature: send as %.254q, or add it to the ring as a signer for this address",
		keyring.ErrRefused, k.Fingerprint(), first(k.Addresses()))
}

func first(all []string) string {
	if len(all) == 0 {
		return "whom it states"
	}
	return all[0]
}
