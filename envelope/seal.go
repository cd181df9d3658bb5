package envelope

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Sealer seals. The zero value is ready: it chooses the strongest form that
// the recipients are known to read, unsigned. It must not be changed while in
// use; used so it is safe for concurrent use.
type Sealer struct {
	Profile Profile
	Signers []Signer // sign the content, inside the encryption

	// Passphrases open the message too, each by itself; at most 8. One that
	// OpenPassphrase made is refused.
	Passphrases []*Passphrase

	// Format is needed only where there is neither a recipient nor a signer
	// who brings it, nor a message that is rewrapped or resealed.
	Format Format

	// RefuseLowering makes it a [*LoweredError] if a recipient's key allows
	// only a container weaker than the best of the profile. Without it, who
	// lowered is in Receipt.LoweredBy.
	RefuseLowering bool

	// Armor writes text instead of binary: OpenPGP armor, or PEM.
	Armor bool

	// Entity says that the content is a MIME entity, and the message will be
	// the body of a mail: S/MIME then wraps a signature inside the encryption
	// as mail programs expect it (RFC 8551, Section 3.7). The content itself
	// is written as it is in either case.
	Entity bool

	// Hidden keeps from whoever carries the message for whom it is: it names
	// no recipient, only how many there are. Each of them still sees the
	// others, whom a signature inside names: who must not be seen by the
	// others gets a message of their own. Readers try every key that they
	// have. OpenPGP only; an error with another format.
	Hidden bool

	// Text makes signatures over text: they hold whatever kind of line ends
	// the content has when it is verified. Content that goes into the message
	// with its signature gets lines that end in CR LF, and is read with them.
	// OpenPGP only; an error with another format.
	Text bool

	Limits Limits
	Legacy Legacy
	Time   func() time.Time // the time that keys are checked at; nil: time.Now
}

// Seal is [Sealer.Seal] of the zero Sealer.
func Seal(dst io.Writer, to ...*keyring.Verified) (*Writer, error) {
	return new(Sealer).Seal(dst, to...)
}

// Seal starts a message to all of these recipients. The content is what is
// written to the Writer; Close ends the message. Every check is made before
// the first byte is written to dst, and nothing is written where one fails.
//
// A recipient that came from a [keyring.Ring] is asked for there once more: one
// whose key was removed, replaced or revoked since is refused, and so is one of
// a ring that was closed.
//
// A recipient or signer that is named twice gets two entries.
//
// Whoever knows one of Sealer.Passphrases opens the message too; with some, to
// may be empty.
//
// Errors: [*RecipientsError], naming every key that cannot be used;
// [*MixedError]; [*UnknownReaderError]; [*LoweredError]; [*LimitError] beyond
// 10,000 recipients or 16 signers; else what dst returned. dst is never closed,
// and not used any more once Close or Abort has returned.
func (s *Sealer) Seal(dst io.Writer, to ...*keyring.Verified) (*Writer, error) {
	f, p, err := s.planReaders(to)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, errors.New("envelope: only passphrases are given, of no format: set Sealer.Format")
	}
	w, err := start(dst, f, p, func(dst io.Writer) (seam.Writer, error) { return f.Seal(dst, p) }, true)
	if err != nil {
		return nil, err
	}
	for _, v := range to {
		w.why = append(w.why, v.Evidence())
	}
	return w, nil
}

// planReaders is plan of what somebody will open. The format is nil where only
// passphrases are given, and Sealer.Format is not.
func (s *Sealer) planReaders(to []*keyring.Verified) (seam.Format, *seam.SealPlan, error) {
	switch {
	case len(to)+len(s.Passphrases) == 0:
		return nil, nil, errors.New("envelope: no recipient: nothing is sealed for nobody")
	case len(to) > writtenRecipients:
		return nil, nil, &LimitError{What: "recipients in one message, seal in parts", Max: writtenRecipients, Fixed: true}
	case len(s.Passphrases) > writtenPassphrases:
		return nil, nil, &LimitError{What: "passphrases for one message", Max: writtenPassphrases, Fixed: true}
	}
	passphrases, err := texts(s.Passphrases, true)
	if err != nil {
		return nil, nil, err
	}
	f, p, err := s.plan(to)
	if err != nil {
		return nil, nil, err
	}
	p.Passphrases = passphrases
	return f, p, nil
}

// Sign starts an opaque signed message: the content with the signatures of
// all signers, readable by anybody. Its [Writer] is used like that of Seal, and
// the errors are those of Seal about signers.
func (s *Sealer) Sign(dst io.Writer) (*Writer, error) { return s.sign(dst, false) }

// SignDetached starts a detached signature: what is written to the Writer is
// signed, and Close writes the signatures alone to dst. Errors are those of Sign.
func (s *Sealer) SignDetached(dst io.Writer) (*Writer, error) { return s.sign(dst, true) }

// Sign is [Sealer.Sign] of a Sealer with these signers.
func Sign(dst io.Writer, by ...Signer) (*Writer, error) {
	return (&Sealer{Signers: by}).Sign(dst)
}

// SignDetached is [Sealer.SignDetached] of a Sealer with these signers.
func SignDetached(dst io.Writer, by ...Signer) (*Writer, error) {
	return (&Sealer{Signers: by}).SignDetached(dst)
}

func (s *Sealer) sign(dst io.Writer, detached bool) (*Writer, error) {
	if len(s.Signers) == 0 {
		return nil, errors.New("envelope: no signer: set Sealer.Signers")
	}
	f, p, err := s.plan(nil)
	if err != nil {
		return nil, err
	}
	// A detached signature is not a message of its own: there is no content
	// to parse again.
	return start(dst, f, p, func(dst io.Writer) (seam.Writer, error) { return f.Sign(dst, p, detached) }, !detached)
}

// plan checks everything that does not need the format to choose a container.
func (s *Sealer) plan(to []*keyring.Verified) (seam.Format, *seam.SealPlan, error) {
	p := &seam.SealPlan{
		Profile: seam.Profile(s.Profile), Now: clock(s.Time),
		Armor: s.Armor, Entity: s.Entity, Hidden: s.Hidden, Text: s.Text,
		RefuseLowering: s.RefuseLowering, AllowUnauthenticated: s.Legacy.UnauthenticatedCBC,
		Limits: s.Limits.resolve(),
	}
	if s.Profile < Auto || s.Profile > PostQuantum {
		return nil, nil, fmt.Errorf("envelope: profile %d does not exist", int(s.Profile))
	}
	if len(s.Signers) > defaultSignatures {
		return nil, nil, &LimitError{What: "signers of one message", Max: defaultSignatures, Fixed: true}
	}
	var bad []error
	mixed := map[string][]keyring.Fingerprint{}
	var format seam.Format
	add := func(c seam.Certificate) {
		format = c.Format()
		mixed[format.Name()] = append(mixed[format.Name()], certificate(c).Fingerprint())
	}
	for i, v := range to {
		c := inside(v)
		if c == nil {
			bad = append(bad, fmt.Errorf("%w: recipient %d was not made by keyring.Verify", keyring.ErrRefused, i+1))
			continue
		}
		add(c)
		// What was looked up in a ring must still be in it.
		if err := v.Check(); err != nil {
			bad = append(bad, err)
			continue
		}
		if err := c.CheckSeal(p.Now, p.Profile); err != nil {
			bad = append(bad, err)
		}
		p.Recipients = append(p.Recipients, c)
	}
	for i, x := range s.Signers {
		in := seam.Opaque[seam.Signer](x).Unwrap()
		if in == nil {
			bad = append(bad, fmt.Errorf("%w: signer %d is the zero value", keyring.ErrRefused, i+1))
			continue
		}
		add(in.Certificate())
		if err := in.CheckSign(p.Now, p.Profile); err != nil {
			bad = append(bad, err)
		}
		p.Signers = append(p.Signers, in)
	}
	switch {
	case len(bad) > 0:
		return nil, nil, &RecipientsError{Reasons: bad}
	case len(mixed) > 1:
		return nil, nil, &MixedError{Keys: mixed}
	}
	asked := seam.Opaque[seam.Format](s.Format).Unwrap()
	switch {
	case format == nil:
		format = asked
	case over(asked) == format:
		format = asked
	case asked != nil && asked != format:
		return nil, nil, fmt.Errorf("%w: Sealer.Format is %s, and the keys are %s", ErrMixed, asked.Name(), format.Name())
	}
	return format, p, nil
}

// over returns the format that f does more than, or nil.
func over(f seam.Format) seam.Format {
	if x, ok := f.(seam.FormatOver); ok {
		return x.Over()
	}
	return nil
}
