package keyring

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// change decides what becomes of the keys that the address has.
func (c *candidate) change() (verdict, error) {
	d := verdict{cert: c.cert, same: c.same, event: "added", basis: c.v.evidence.basis}
	rivals := c.rivals()
	if err := c.vouched(&d, rivals); err != nil {
		return verdict{}, err
	}
	switch o := c.kept(); {
	case o != nil:
		if d.event = "updated"; string(o.cert.Encoding()) == string(c.cert.Encoding()) {
			d.event = "" // the evidence may be new
		}
		if c.Replace { // by what the ring has of it already: the others go
			d.replaces = rivals
		}
	case c.Signer || len(rivals) == 0:
	case c.Replace:
		d.event, d.replaces = "replaced", rivals
	case c.Beside:
		c.find("%q has %d keys of this format now", cut(c.address), len(rivals)+1)
	default:
		event, i := c.follows(rivals)
		if i < 0 {
			return verdict{}, c.changed(rivals)
		}
		d.event, d.replaces = event, []int{i}
	}
	if err := c.carry(&d); err != nil {
		return verdict{}, err
	}
	if err := c.weaker(&d); err != nil {
		return verdict{}, err
	}
	c.foretell(&d)
	d.findings = c.findings
	return d, nil
}

func (c *candidate) find(format string, args ...any) {
	c.findings = append(c.findings, fmt.Sprintf(format, args...))
}

// rivals are the pins of other keys of this format that are sealed to. One that
// is revoked is among them: that a new key comes after it is to be expected,
// and whose it is nobody has said.
func (c *candidate) rivals() (list []int) {
	for i := range c.pins {
		o := &c.pins[i]
		if i != c.same && !o.removed && !o.signer && (o.cert.Kind() == seam.X509) == (c.cert.Kind() == seam.X509) {
			list = append(list, i)
		}
	}
	return list
}

// follows looks for the one of the rivals whose place the certificate takes
// without a word of the caller, and says how; -1: none.
func (c *candidate) follows(rivals []int) (event string, i int) {
	for _, i := range rivals {
		if i == c.predecessor() {
			return "succeeded", i
		}
		if event := c.inPlaceOf(&c.pins[i]); event != "" {
			return event, i
		}
	}
	return "", -1
}

func (c *candidate) inPlaceOf(o *pin) string {
	if o.revoked != nil || o.cert.Refuse() != nil {
		return "" // who has that key could name anybody, and would
	}
	old := o.cert.Describe(c.now())
	switch ev := c.v.evidence; ev.basis {
	case seam.BasisSuccession:
		if ev.reissued() && ev.follows(o) && c.AcceptReissued && c.sameSubject(&old) {
			return "reissued"
		}
		return ""
	case seam.BasisFirstUse, seam.BasisDomain:
		// Whoever gives out the certificate chose everything in it but the key.
		return ""
	case seam.BasisChain:
		// That the authority is the one that issued the pinned certificate is
		// held by its key: its name, and key identifiers, anybody below a root
		// can put into a certificate.
		if ev.authority != [32]byte{} && ev.authority == o.evidence.authority && o.evidence.basis == seam.BasisChain &&
			c.AcceptReissued && c.sameSubject(&old) && c.desc.Key != old.Key {
			return "reissued"
		}
	}
	if c.cert.Kind() == seam.X509 && c.desc.Key == old.Key {
		return "renewed"
	}
	return ""
}

func (c *candidate) sameSubject(old *seam.Description) bool {
	return len(old.Subject) > 0 && string(old.Subject) == string(c.desc.Subject)
}

// changed is the refusal, with what helps to decide.
func (c *candidate) changed(rivals []int) error {
	e := &ChangedError{Address: c.address, New: c.f}
	for _, i := range rivals {
		o := &c.pins[i]
		old := o.cert.Describe(c.now())
		e.Old = append(e.Old, digest(o.cert.Kind(), o.cert.Hashed()))
		if e.Hint == "" {
			e.Hint = c.hint(o, &old)
		}
	}
	return e
}

func (c *candidate) hint(o *pin, old *seam.Description) string {
	new := &c.desc
	named := slices.ContainsFunc(old.ReplacedBy, func(f []byte) bool {
		return strings.EqualFold(hex.EncodeToString(f), c.f.String())
	})
	before, now := personOf(old.Names), personOf(new.Names)
	silenced := error(nil)
	if e := &c.v.evidence; e.named() && e.follows(o) {
		silenced = c.silenced(o)
	}
	switch {
	case o.revoked != nil || o.cert.Refuse() != nil:
		return "the old one is revoked: that there is a new one is to be expected, and whoever has the old one knows it too"
	case silenced != nil:
		return fmt.Sprintf("the word of the old key is not taken: %v", silenced)
	case named:
		return "the old key names it as its replacement, which is evidence of its own (pgp.ReplacementOf)"
	case len(before) > 0 && len(now) > 0 && !slices.ContainsFunc(now, func(n string) bool {
		return slices.ContainsFunc(before, func(b string) bool { return strings.EqualFold(b, n) })
	}):
		return fmt.Sprintf("it is in another person's name, %q and not %q", cut(now[0]), cut(before[0]))
	case len(old.Subject) > 0 && c.sameSubject(old) && string(old.Issuer) == string(new.Issuer) && !new.SelfIssued:
		return "it is for the same subject and in the name of the same authority, whose word Policy.AcceptReissued takes for evidence by a path to it"
	case !old.NotAfter.IsZero() && !c.now().Before(old.NotAfter):
		return "the old one expired on " + old.NotAfter.UTC().Format(time.DateOnly)
	}
	return ""
}

// personOf returns names without the addresses in them: "Bob" of "Bob
// <bob@example.org>", and the common names of a subject.
func personOf(names []string) (people []string) {
	for _, n := range names {
		if at := strings.LastIndexByte(n, '<'); at >= 0 {
			n = n[:at]
		}
		for _, part := range strings.Split(n, ",") {
			if cn, ok := strings.CutPrefix(strings.TrimSpace(part), "CN="); ok {
				n = cn
				break
			}
		}
		if n = strings.TrimSpace(n); n != "" && !strings.Contains(n, "@") {
			people = append(people, n)
		}
	}
	return people
}

// carry keeps what is known of the owner's programs where a certificate that
// takes the place of one of the same owner says nothing of it: a yearly renewal
// is no reason to write what is weaker.
func (c *candidate) carry(d *verdict) error {
	if len(d.replaces) != 1 || d.event == "replaced" || d.cert.Reads() != nil {
		return nil
	}
	r := c.pins[d.replaces[0]].cert.Reads()
	if r == nil {
		return nil
	}
	with, err := d.cert.WithReads(*r)
	if err != nil {
		return refusal(err)
	}
	d.cert, c.desc = with, with.Describe(c.now())
	return nil
}

// weaker refuses what is weaker than what it takes the place of, unless the
// caller replaces it, and finishes d.now: what a key once had is remembered.
func (c *candidate) weaker(d *verdict) error {
	d.now = c.desc
	if c.Replace || c.Signer {
		return nil
	}
	unusable := c.cert.CheckSeal(c.now(), seam.Auto)
	against := d.replaces
	if c.kept() != nil {
		against = append(slices.Clone(against), c.same)
	}
	for _, i := range against {
		o := &c.pins[i]
		had := strongest(o.was, o.cert.Describe(c.now()))
		switch {
		case i == c.same && unusable != nil:
			// Of a key that nothing is sealed to now it is not known what would
			// be: it is judged when it can be used again, by what it had.
			d.now = strongest(d.now, had)
			continue
		case unusable != nil && o.cert.CheckSeal(c.now(), seam.Auto) == nil:
			return refusal(unusable) // nobody's mail is to stop for what is not valid yet
		}
		if lost := lost(&had, &c.desc); len(lost) > 0 {
			return &DowngradeError{Address: c.address, Old: digest(o.cert.Kind(), o.cert.Hashed()), New: c.f, Lost: lost}
		}
		d.now = strongest(d.now, had)
	}
	return nil
}

// strongest returns a with the strengths that it or b has.
func strongest(a, b seam.Description) seam.Description {
	a.PostQuantum = a.PostQuantum || b.PostQuantum
	a.AEAD = a.AEAD || b.AEAD
	a.Version = max(a.Version, b.Version)
	return a
}

// lost names the strengths that had has and now has not.
func lost(had, now *seam.Description) (lost []string) {
	if had.PostQuantum && !now.PostQuantum {
		lost = append(lost, "post-quantum encryption")
	}
	if had.Version == 6 && now.Version == 4 {
		lost = append(lost, "OpenPGP version 6")
	}
	if had.AEAD && !now.AEAD {
		lost = append(lost, "authenticated encryption")
	}
	return lost
}

// foretell finds what a person should know of what goes in.
func (c *candidate) foretell(d *verdict) {
	if !c.Signer {
		if err := d.cert.CheckSeal(c.now(), seam.Auto); err != nil {
			c.find("nothing can be sealed to it now: %v", err)
		}
	}
	for _, i := range d.replaces {
		old := c.pins[i].cert.Describe(c.now())
		before, now := personOf(old.Names), personOf(c.desc.Names)
		if len(before) > 0 && len(now) > 0 && !strings.EqualFold(before[0], now[0]) {
			c.find("it is in the name of %q, the one before it of %q", cut(now[0]), cut(before[0]))
		}
	}
}
