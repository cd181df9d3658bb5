package pgp

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// hashToSign serves every algorithm: no curve asks for a longer one
// (RFC 9580, Section 9.2), and every program in use reads it.
const hashToSign = crypto.SHA512

// signing is one signature being made over the content.
type signing struct {
	key *packet.PrivateKey
	sig *packet.Signature
	h   hash.Hash
}

// maxIntended is how many octets of intended recipients a version 4 signature
// has room for: its subpackets have a length of two octets, and go-crypto
// writes a wrong one beyond.
const maxIntended = 60_000

// newSignings prepares a signature by each signer. all is false where one of
// them has no room to name the intended recipients.
func newSignings(p *seam.SealPlan) (signs []*signing, all bool, err error) {
	all = true
	kind := packet.SigTypeBinary
	if p.Text {
		kind = packet.SigTypeText
	}
	intended, size := intendedRecipients(p.Recipients)
	for _, s := range p.Signers {
		k, ok := s.(*privateKey)
		if !ok {
			return nil, false, errors.New("pgp: a signer of another format")
		}
		key, err := k.signingKey(p.Now, p.Profile)
		if err != nil {
			return nil, false, err
		}
		id := key.KeyId
		sig := &packet.Signature{
			Version: key.Version, SigType: kind, PubKeyAlgo: key.PubKeyAlgo,
			Hash: hashToSign, CreationTime: p.Now, IssuerKeyId: &id,
		}
		if key.Version >= 6 || size <= maxIntended {
			sig.IntendedRecipients = intended
		} else {
			all = false
		}
		h, err := sig.PrepareSign(config())
		if err != nil {
			return nil, false, fmt.Errorf("pgp: cannot sign: %w", err)
		}
		signs = append(signs, &signing{key: key, sig: sig, h: h})
	}
	return signs, all, nil
}

// textEnds is what content goes through on its way to signatures over text.
func textEnds(p *seam.SealPlan) *lineEnds {
	if p.Text && len(p.Signers) > 0 {
		return &lineEnds{}
	}
	return nil
}

// intendedRecipients names the certificates that a message is for by their
// primary keys, RFC 9580, Section 5.2.3.36, so that none of them can pass it on
// as if it had been made for others.
func intendedRecipients(cs []seam.Certificate) (rs []*packet.Recipient, size int) {
	for _, x := range cs {
		if c, ok := x.(*certificate); ok {
			rs = append(rs, &packet.Recipient{KeyVersion: c.primary.Version, Fingerprint: c.fullFingerprint()})
			size += 3 + len(c.fullFingerprint())
		}
	}
	return rs, size
}

// onePass writes the packet that announces the signature.
func (s *signing) onePass(w io.Writer, last bool) error {
	o := &packet.OnePassSignature{
		Version: 3, SigType: s.sig.SigType, Hash: s.sig.Hash, PubKeyAlgo: s.sig.PubKeyAlgo,
		KeyId: s.key.KeyId, IsLast: last,
	}
	if s.key.Version == 6 {
		o.Version, o.Salt, o.KeyFingerprint = 6, s.sig.Salt(), s.key.Fingerprint
	}
	return o.Serialize(w)
}

// finish signs, and writes the signature packet. Sign keeps some errors to
// itself; Serialize finds that there is no signature then. What w does is no
// matter of go-crypto's: a panic of the caller's destination goes on to the
// caller.
func (s *signing) finish(w io.Writer) error {
	var out bytes.Buffer
	key, why := reporting(s.key)
	err := keyGuard(func() error {
		if err := s.sig.Sign(s.h, key, config()); err != nil {
			return err
		}
		return s.sig.Serialize(&out)
	})
	if reason := why(); reason != nil {
		err = reason
	}
	if err != nil {
		return fmt.Errorf("pgp: cannot sign: %w", err)
	}
	_, err = w.Write(out.Bytes())
	return err
}

// planned is what a reader finds of the signature.
func (s *signing) planned() seam.Signature {
	return seam.Signature{
		Sender: -1, SignerID: keyName(s.key.Fingerprint, 0),
		Algorithm: signatureAlgorithm(byte(s.key.PubKeyAlgo), hashSHA512), When: s.sig.CreationTime,
	}
}

// Sign implements seam.Format.
func (format) Sign(dst io.Writer, p *seam.SealPlan, detached bool) (seam.Writer, error) {
	signs, _, err := newSignings(p)
	if err != nil {
		return nil, err
	}
	if len(signs) == 0 {
		return nil, errors.New("pgp: no signer")
	}
	w := &writer{signs: signs, text: textEnds(p)}
	f := &w.planned
	f.Format, f.Armored, f.OpenedBy, f.Auth = formatName, p.Armor, -1, seam.AuthAtEnd
	checksum := true
	for _, s := range signs {
		f.Signatures = append(f.Signatures, s.planned())
		checksum = checksum && s.key.Version == 4
	}
	if detached {
		f.Container = containerDetached
		w.output(dst, p.Armor, labelSignature, checksum)
		return w, nil
	}
	f.Container = containerOnePass
	w.output(dst, p.Armor, labelMessage, checksum)
	w.in = w.out
	return w, w.begin()
}

// writer writes a message that is signed, sealed or both; see seam.Writer.
type writer struct {
	out     io.Writer      // to dst, with what lies between
	in      io.Writer      // where packets go: out, or into the encryption; nil: content is only hashed
	box     io.WriteCloser // the encryption, or nil
	lit     *partWriter
	signs   []*signing
	text    *lineEnds      // nil: signatures are over the octets that there are
	finish  []func() error // ends what lies between out and dst, in this order
	inside  *measured      // of what is encrypted, where it is padded; else nil
	key     []byte
	planned seam.Facts
	err     error
}

// slice is the most that goes on at once: go-crypto copies what it is given
// several times.
const slice = 32 << 10

func (w *writer) Write(p []byte) (n int, err error) {
	for len(p) > 0 && w.err == nil {
		k := min(len(p), slice)
		w.err = w.content(p[:k])
		n, p = n+k, p[k:]
	}
	return n, w.err
}

// ReadFrom implements io.ReaderFrom: what src has goes straight to where the
// literal packet's next part is made, if there is one and it changes nothing.
func (w *writer) ReadFrom(src io.Reader) (n int64, err error) {
	if w.lit == nil || w.text != nil {
		return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{src}, make([]byte, slice))
	}
	for w.err == nil {
		space := w.lit.space(1)
		k, err := src.Read(space)
		n += int64(k)
		for _, s := range w.signs {
			s.h.Write(space[:k])
		}
		w.err = w.lit.add(k)
		switch {
		case w.err != nil:
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		}
	}
	return n, w.err
}

// content adds to the signatures and to the message. Where signatures are over
// text both get lines that end in CR LF, RFC 9580, Sections 5.2.1.2 and 5.9:
// GnuPG digests what a message holds as it is, whatever the signature's type,
// and finds the signature bad if that was not what was signed.
func (w *writer) content(p []byte) (err error) {
	if w.text != nil {
		p = w.text.convert(p)
	}
	for _, s := range w.signs {
		s.h.Write(p)
	}
	if w.lit != nil {
		_, err = w.lit.Write(p)
	}
	return err
}

// begin writes the packets before the content.
func (w *writer) begin() error {
	for i, s := range w.signs {
		if err := s.onePass(w.in, i == len(w.signs)-1); err != nil {
			return err
		}
	}
	w.lit = newPartWriter(w.in, tagLiteral)
	kind := byte('b')
	if w.text != nil {
		kind = 'u'
	}
	// No name, no date: they are not signed, and tell who looks for them more
	// than the content does (RFC 9580, Section 5.9).
	_, err := w.lit.Write([]byte{kind, 0, 0, 0, 0, 0})
	return err
}

// Close implements seam.Writer.
func (w *writer) Close() error {
	if w.err != nil {
		return w.err
	}
	w.err = w.end()
	clear(w.key)
	if w.err != nil {
		w.stop()
		return w.err
	}
	w.err = envelope.ErrClosed
	return nil
}

// stop frees what the encryption has running; after its Close it does nothing.
func (w *writer) stop() {
	if box, ok := w.box.(interface{ Abort() }); ok {
		box.Abort()
	}
}

func (w *writer) end() error {
	to := w.in
	if w.lit != nil {
		if err := w.lit.Close(); err != nil {
			return err
		}
	} else {
		to = w.out
	}
	for i := range w.signs { // the one announced last comes first
		if err := w.signs[len(w.signs)-1-i].finish(to); err != nil {
			return err
		}
	}
	if w.inside != nil {
		if err := writePadding(to, padding(w.inside.n)); err != nil {
			return err
		}
	}
	if w.box != nil {
		if err := w.box.Close(); err != nil {
			return err
		}
	}
	for _, f := range w.finish {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// Abort implements seam.Writer. What was written lacks the last part, its
// authentication and the end of the armor, and what is buffered stays so.
func (w *writer) Abort() {
	w.stop()
	clear(w.key)
	if w.err == nil {
		w.err = envelope.ErrClosed
	}
}

func (w *writer) Planned() *seam.Facts { return &w.planned }
