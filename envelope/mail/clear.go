package mail

import "time"

// Clear is a mail that is signed and not encrypted: whoever carries it reads
// it. It is not a [Sealed], and nothing makes one of it. Only
// [Composer.SignClear] makes one; the zero value is empty.
//
// Safe for concurrent use. Close must be called.
type Clear struct{ readable }

// SignClear signs a mail and leaves it readable for everybody: as
// multipart/signed (RFC 8551, Section 3.5.3; RFC 3156, Section 5), with its
// header fields covered by the signature (RFC 9788). It is one message for all
// recipients, of whom those in Bcc are named in none of its fields.
//
// The signers are Composer.Signers, which have to be of one format. The message
// is written once, with what is signed byte by byte as it is written: its lines
// end in CR LF, are 7 bit and at most 76 long where that can be, so that no
// server has a reason to change them. It is kept in f, which has to be empty
// and must then not change; or, where f is nil, encrypted in memory and beyond
// Composer.Limits.SpoolMemory in a file without a name.
//
// Errors: one that says everything that is wrong with the draft; [*GapsError]
// where readers would not believe a signer; those of
// [envelope.Sealer.SignDetached], *envelope.MixedError among them; those of the
// attachments and of f, which is then emptied if that can be done.
func (c *Composer) SignClear(d *Draft, f File) (*Clear, error) {
	draft, err := c.checkClear(d)
	if err != nil {
		return nil, err
	}
	m, err := c.keepReadable(draft, f, c.writeClear)
	if err != nil {
		return nil, err
	}
	return &Clear{*m}, nil
}

// checkClear checks the draft, and that the signers are the sender's.
func (c *Composer) checkClear(d *Draft) (*checked, error) {
	now := time.Now()
	if c.Time != nil {
		now = c.Time()
	}
	draft, err := d.check(now)
	if err != nil {
		return nil, err
	}
	p := &planner{c: c, draft: draft, now: now, from: draft.from.String()}
	if err := p.prepare(); err != nil {
		return nil, err
	}
	if len(p.gaps) > 0 {
		return nil, &GapsError{Gaps: p.gaps}
	}
	return draft, nil
}
