package mail

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Plan is what a [Composer] will do: every address has a key, and every key
// can be used. Nothing was read of the draft's attachments and nothing written.
// It belongs to one goroutine.
type Plan struct {
	composer Composer
	draft    *checked
	copies   []*plannedCopy
	used     bool
}

// Copy is one message that goes out.
type Copy struct {
	// Recipients are whom the message is delivered to, in the form in which
	// addresses are compared: disjoint over all copies, none for the own copy.
	Recipients []string

	To        []*keyring.Verified    // whose keys it is sealed to, each once
	Format    string                 // "OpenPGP", "S/MIME"
	Container string                 // "SEIPDv2", "AuthEnvelopedData"
	LoweredBy []*keyring.Certificate // whose abilities made it weaker than the best of the profile
	Bcc       bool                   // for one Bcc recipient alone
	Own       bool                   // the sender's own
	Signed    bool                   // by the signers of its format
}

// plannedCopy is a Copy with what only Seal needs.
type plannedCopy struct {
	Copy
	bcc     *address            // whom the copy is for alone
	answers []*keyring.Verified // all that was looked up, also two that are one key
	has     map[string]bool     // whose keys are in To
	tried   *envelope.Report    // what a message to exactly these keys is, if that is known
	content string              // the content encryption
}

// Plan finds for every address of d the keys to seal to, and which messages
// that makes: one for each container that its recipients read, so that whose
// program reads less lowers it for nobody else; one of its own for each address
// in Bcc; and one for the sender with Composer.OwnCopy. An address that stands
// in several fields counts for the first of To, Cc and Bcc. Who has keys in
// both formats gets the one that makes fewer messages, or else the one that
// the ring prefers, or else OpenPGP. A group of the ring is one recipient, which
// sends on: the message is sealed to all its members.
//
// Every check is made here: each message is begun and thrown away.
//
// Errors: [*GapsError], which names every address that cannot be sealed to;
// one that says everything that is wrong with the draft; *envelope.LimitError.
func (c *Composer) Plan(d *Draft) (*Plan, error) {
	now := time.Now()
	if c.Time != nil {
		now = c.Time()
	}
	draft, err := d.check(now)
	if err != nil {
		return nil, err
	}
	if c.Headers < Baseline || c.Headers > NoConfidentiality {
		return nil, fmt.Errorf("mail: header policy %d does not exist", int(c.Headers))
	}
	p := &planner{c: c, draft: draft, now: now, from: draft.from.String()}
	if err := p.prepare(); err != nil {
		return nil, err
	}
	copies, err := p.plan()
	if err != nil {
		return nil, err
	}
	return &Plan{composer: *c, draft: draft, copies: copies}, nil
}

// Copies returns what goes out, in the order of [Plan.Seal]: those for To and
// Cc, those for Bcc, the own copy.
func (p *Plan) Copies() []Copy {
	all := make([]Copy, len(p.copies))
	for i, c := range p.copies {
		all[i] = c.Copy
		all[i].Recipients = slices.Clone(c.Recipients)
		all[i].To = slices.Clone(c.To)
		all[i].LoweredBy = slices.Clone(c.LoweredBy)
	}
	return all
}

// planner makes a Plan.
type planner struct {
	c     *Composer
	draft *checked
	now   time.Time
	from  string
	keys  map[mailbox.Address][]*keyring.Verified
	gaps  []Gap
	blind bool // the signers cannot be used: nothing can be begun with them
}

// prepare checks what is not of one recipient.
func (p *planner) prepare() error {
	p.keys = make(map[mailbox.Address][]*keyring.Verified)
	for text, vs := range p.c.Keys {
		a, err := mailbox.Parse(text)
		if err != nil || a.IsDomain() {
			return fmt.Errorf("mail: Composer.Keys has keys for %.254q, which is no mail address", text)
		}
		p.keys[a] = append(p.keys[a], vs...)
	}
	for _, err := range p.sender() {
		p.gap(p.from, err)
		p.blind = true
	}
	return nil
}

func (p *planner) gap(address string, err error) { p.gaps = append(p.gaps, Gap{address, err}) }

// plan returns the copies.
func (p *planner) plan() ([]*plannedCopy, error) {
	visible, bcc := p.addressees()
	grouped := p.group(p.choices(visible))
	var copies []*plannedCopy
	copies = append(copies, grouped...)
	for _, r := range p.choices(bcc) {
		copies = append(copies, p.single(r))
	}
	if len(p.c.OwnCopy) > 0 {
		if own := p.own(); own != nil {
			copies = append(copies, own)
		}
	}
	if len(p.gaps) > 0 {
		return nil, &GapsError{Gaps: p.gaps}
	}
	for _, c := range copies {
		if err := p.begin(c); err != nil {
			return nil, err
		}
	}
	return copies, nil
}

// addressees returns every address once: To wins over Cc, and Cc over Bcc,
// since who is named for all to see is no blind recipient.
func (p *planner) addressees() (visible, bcc []address) {
	seen := make(map[mailbox.Address]bool)
	once := func(lists ...[]address) (out []address) {
		for _, a := range slices.Concat(lists...) {
			if !seen[a.Address] {
				seen[a.Address] = true
				out = append(out, a)
			}
		}
		return out
	}
	visible = once(p.draft.to, p.draft.cc)
	return visible, once(p.draft.bcc)
}

// single is the copy of one Bcc recipient.
func (p *planner) single(r *recipient) *plannedCopy {
	c := r.choices[0].copy()
	c.Recipients, c.Bcc, c.bcc = []string{r.address.String()}, true, &r.address
	return c
}

// own is the sender's copy, nil after a gap. A message is in one format: that of
// the first of the keys that can be used.
func (p *planner) own() *plannedCopy {
	found, errs := p.usable(byFormat(p.c.OwnCopy))
	if len(found) == 0 {
		p.gap(p.from, fmt.Errorf("the own copy: %w", errors.Join(errs...)))
		return nil
	}
	c := found[0].copy()
	c.Own = true
	return c
}

// begin begins a message to the recipients of c and notes what it would be.
func (p *planner) begin(c *plannedCopy) error {
	r := c.tried // that was all of it, where it is for one address
	if r == nil {
		var err error
		if r, err = p.probe(c.Format, c.To); err != nil {
			return fmt.Errorf("mail: %w", err)
		}
	}
	c.Container, c.content, c.LoweredBy = r.Container, r.Content, r.LoweredBy
	c.Signed = len(p.c.signers(c.Format)) > 0
	return nil
}

// sealer is how a message of a format is sealed.
func (c *Composer) sealer(format string) *envelope.Sealer {
	return &envelope.Sealer{
		Profile: c.Profile, RefuseLowering: c.RefuseLowering, Signers: c.signers(format),
		Entity: format == formatSMIME, Armor: format == formatPGP, // RFC 3156, Section 4
		Limits: c.Limits, Legacy: c.Legacy, Time: c.Time,
	}
}
